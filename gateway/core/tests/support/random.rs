//! Random gate traffic from a seed.
use super::{loop_value, sighting, temperature};
use gateway_core::event::{Barrier, MoveOutcome};
use gateway_core::gate::Input;
use gateway_core::moment::Mono;
use gateway_core::name::{Name, PassageId};
use gateway_core::order::{Act, Order, Role, Sender};
use gateway_core::plate::Card;
use gateway_core::reading::{
    ArmPosition, DeviceHealth, DeviceState, Freshness, LoopPlace, Reading, Trust, Value,
};

/// SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }
}

pub const LANES: [&str; 6] = ["in-1", "out-1", "walk-1", "cam-1", "dark-1", "tls-1"];

fn freshness(dice: &mut Dice, live: bool) -> Freshness {
    match dice.roll(if live { 12 } else { 3 }) {
        0 => Freshness::Retained,
        1 => Freshness::Redelivered,
        2 => Freshness::Replayed,
        _ => Freshness::Live,
    }
}

fn trust(dice: &mut Dice) -> Trust {
    match dice.roll(10) {
        0 => Trust::None,
        1 | 2 => Trust::Password,
        _ => Trust::Tls,
    }
}

fn plate(dice: &mut Dice) -> String {
    match dice.roll(8) {
        0 => "闽E66666".to_owned(),
        1 => "鄂A12345".to_owned(),
        2 => "闽EI1111".to_owned(),
        3 => format!("粤B{:05}", dice.roll(50)),
        _ => format!("闽E1111{}", dice.roll(10)),
    }
}

/// One input at `ms`. Without `live`, nothing that could open is live; without `orders`, no
/// person acts.
pub fn input(dice: &mut Dice, ms: u64, live: bool, orders: bool) -> Input {
    let lane = LANES[dice.roll(6) as usize];
    let received =
        Mono::from_ms(ms.saturating_sub([0, 0, 0, 0, 5, 300, 2_500][dice.roll(7) as usize]));
    let kind = dice.roll(if orders { 20 } else { 16 });
    let value = match kind {
        0..=4 => {
            let track = ms / 4_000 + dice.roll(3);
            let text = plate(dice);
            let (closed, at_arm) = (dice.roll(3) == 0, dice.roll(3) == 0);
            let (fresh, trust) = (freshness(dice, live), trust(dice));
            let confidence = 850 + dice.roll(150) as u16;
            return Input::Sighting(sighting(lane, &text, track, ms as u32, |s| {
                s.closed = closed;
                s.at_arm = at_arm;
                s.freshness = fresh;
                s.trust = trust;
                s.confidence_permille = confidence;
                s.first_seen = received;
                s.last_seen = received;
            }));
        }
        5..=7 if dice.roll(6) == 0 => Value::Card(Card::new("BB01")),
        5..=7 => Value::Card(Card::new(&format!("AA0{}", dice.roll(10)))),
        8..=10 => Value::Temperature(temperature(34_000 + dice.roll(50) * 100)),
        11 => loop_value(LoopPlace::Approach, dice.roll(2) == 0),
        12 => loop_value(LoopPlace::UnderArm, dice.roll(2) == 0),
        13 => Value::Arm(
            [ArmPosition::Open, ArmPosition::Closed, ArmPosition::Moving][dice.roll(3) as usize],
        ),
        14 if dice.roll(2) == 0 => Value::Online(dice.roll(2) == 0),
        14 => {
            return Input::DeviceHealth(DeviceHealth {
                device: Name::new(&format!("{lane}-camera")),
                lane: Some(Name::new(lane)),
                state: [DeviceState::Live, DeviceState::Silent][dice.roll(2) as usize].clone(),
            });
        }
        15 => {
            return Input::Moved {
                id: dice.roll(30),
                lane: Name::new(lane),
                command: Barrier::Open,
                outcome: if dice.roll(2) == 0 {
                    MoveOutcome::Sent
                } else {
                    MoveOutcome::Dropped {
                        cause: Name::new("link_down"),
                    }
                },
            };
        }
        _ => return Input::Order(order(dice, ms, lane)),
    };
    // State of loops and arms stays live: it may end and decide, and must not open by itself.
    let state = matches!(value, Value::Loop(_) | Value::Arm(_) | Value::Online(_));
    let freshness = freshness(dice, live || state);
    Input::Reading(Reading {
        lane: Name::new(lane),
        device: Name::new(&format!("{lane}-device-{kind}")),
        received,
        value,
        freshness,
        trust: trust(dice),
        counter: None,
    })
}

fn order(dice: &mut Dice, ms: u64, lane: &str) -> Order {
    let passage = PassageId::parse(&format!("{lane}-1-{}", ms / 6_000 + dice.roll(4)));
    let reason = Name::new("known_visitor");
    let act = match dice.roll(12) {
        0 => Act::Open { passage, reason },
        1 => Act::Refuse { passage, reason },
        2 => Act::Hold { passage },
        3 => Act::Escort { passage, reason },
        4 => Act::MeasureAgain { passage },
        5 => Act::OpenLane {
            lane: Name::new(lane),
            reason,
        },
        6 | 7 => Act::CloseLane {
            lane: Name::new(lane),
        },
        8 => Act::AcknowledgeAlert {
            alert: dice.roll(30),
        },
        9 => Act::CloseAlert {
            alert: dice.roll(30),
            reason,
            comment: "done".to_owned(),
        },
        10 if dice.roll(4) == 0 => Act::Emergency,
        _ => Act::EndEmergency,
    };
    let from = if dice.roll(4) == 0 {
        Sender::Upstream {
            destination: Name::new("town"),
        }
    } else {
        Sender::Person {
            account: Name::new("wang"),
            role: Role::Guard,
        }
    };
    Order {
        id: Name::new(&format!("o{}", dice.roll(ms.max(1)))),
        from,
        act,
    }
}

/// The count of the check, times `GATE_SEEDS`.
pub fn counts(check: u64) -> u64 {
    let times = std::env::var("GATE_SEEDS")
        .ok()
        .and_then(|n| n.parse::<u64>().ok());
    check * times.unwrap_or(1)
}
