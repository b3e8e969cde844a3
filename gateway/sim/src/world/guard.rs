//! The people who answer: a guard at the lanes, upstream for the lane where none stands, and the
//! round on which alerts are closed.

use gateway_core::gate::Input;
use gateway_core::name::{Name, PassageId};
use gateway_core::order::{Act, Order, Role, Sender};
use gateway_core::reading::{ArmPosition, Freshness, Loop, LoopPlace, Trust, Value};
use rand::Rng;
use traffic::day::BACK;

use super::{Happening, Message, World};
use crate::lane::Device;
use crate::plant::Plant;

const ROUND_MS: u64 = 1_800_000;
/// Alerts that a guard closes on one round.
const A_ROUND: usize = 60;

impl World {
    /// A hold waits for an answer: often somebody gives one.
    pub(super) fn somebody_looks(&mut self, lane: usize, passage: PassageId) {
        let upstream = self.roads[lane].name.as_str() == BACK;
        let answers = if upstream { self.link.up } else { true };
        if !answers || self.people.gen_bool(0.3) {
            return;
        }
        let reason = Name::new("known_visitor");
        let act = match self.people.gen_range(0..20) {
            0..=8 => Act::Open { passage, reason },
            9..=14 => Act::Refuse { passage, reason },
            15 | 16 => Act::Escort { passage, reason },
            17 => Act::Hold { passage },
            _ => Act::MeasureAgain { passage },
        };
        let order = self.ordered(act, upstream);
        let after = self.people.gen_range(3_000..40_000);
        // The network, or a second press of the button, may bring it twice.
        if self.people.gen_bool(0.05) {
            let again = after + self.people.gen_range(50..20_000);
            self.after(again, Happening::Order(order.clone()));
        }
        self.after(after, Happening::Order(order));
    }

    pub(super) fn ordered(&mut self, act: Act, upstream: bool) -> Order {
        self.orders += 1;
        let from = if upstream {
            Sender::Upstream {
                destination: crate::process::destination(),
            }
        } else {
            Sender::Person {
                account: Name::new("wang"),
                role: Role::Guard,
            }
        };
        Order {
            id: Name::new(&format!("o{}", self.orders)),
            from,
            act,
        }
    }

    /// An order reaches the gateway, if that is there.
    pub(super) fn order(&mut self, order: Order) {
        if let Act::CloseLane { lane } = &order.act
            && self.plant(Plant::ClosesOnStaleLoop)
            && let Some(lane) = super::lane_of(&self.roads, lane)
        {
            self.reads_free(lane);
        }
        self.tell(Input::Order(order), None);
    }

    /// The planted fault: the last word of a loop, told as if it came now.
    fn reads_free(&mut self, lane: usize) {
        if self.process.is_none() {
            return;
        }
        let occupied = false;
        let place = LoopPlace::UnderArm;
        let message = Message {
            lane,
            device: Device::Under,
            value: Value::Loop(Loop { place, occupied }),
            freshness: Freshness::Live,
            truly_live: false,
            trust: Trust::Tls,
            counter: None,
            kept: None,
        };
        self.arrives(message);
    }

    /// The guard takes note of what is open, and closes some of it.
    pub(super) fn round(&mut self) {
        if !self.healed {
            self.after(ROUND_MS, Happening::Round);
        }
        let Some(process) = &self.process else { return };
        let open: Vec<u64> = process
            .gate
            .alerts()
            .map(|alert| alert.raised.alert)
            .take(A_ROUND)
            .collect();
        for alert in open {
            let acknowledge = self.ordered(Act::AcknowledgeAlert { alert }, false);
            self.order(acknowledge);
            if self.healed || self.people.gen_bool(0.8) {
                self.close_alert(alert);
            }
        }
    }

    pub(super) fn close_alert(&mut self, alert: u64) {
        let close = Act::CloseAlert {
            alert,
            reason: Name::new("handled"),
            comment: String::new(),
        };
        let close = self.ordered(close, false);
        self.order(close);
    }

    /// Now and then the guard shuts an arm, mostly one that stands open, or opens one by hand.
    pub(super) fn closing(&mut self) {
        if !self.healed {
            let next = self.people.gen_range(120_000..900_000);
            self.after(next, Happening::Closing);
        }
        let up = self
            .roads
            .iter()
            .position(|road| !road.pedestrian && road.arm.position == ArmPosition::Open);
        let lane = match up {
            Some(lane) => lane,
            None => [0, 1, 4][self.people.gen_range(0..3)],
        };
        let lane = self.roads[lane].name.clone();
        let act = if self.people.gen_bool(0.1) {
            let reason = Name::new("known_visitor");
            Act::OpenLane { lane, reason }
        } else {
            Act::CloseLane { lane }
        };
        let order = self.ordered(act, false);
        self.order(order);
    }
}
