//! D-1, D-2, D-3, D-5, B-1, B-3 and T-1 at the counts of the check, on seeded random gates.
//!
//! `GATE_SEEDS=n` multiplies the counts for a longer run.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gateway_core::decision::{Cause, FactState, Verdict};
use gateway_core::event::{Barrier, Body, Event, EventKind};
use gateway_core::facts::{Fact, FactType, Facts};
use gateway_core::gate::{Gate, Input, Output};
use gateway_core::moment::{ClockTrust, Moment, Mono};
use gateway_core::name::Name;
use gateway_core::reading::{
    DeviceHealth, DeviceState, Freshness, LoopPlace, Reading, Trust, Value,
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use support::{Driver, lists, load, loop_value, rules, site};

mod random {
    //! Random gate traffic from a seed.
    use super::support::{loop_value, sighting, temperature};
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
                [ArmPosition::Open, ArmPosition::Closed, ArmPosition::Moving]
                    [dice.roll(3) as usize],
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
}

use random::{Dice, LANES, input};

fn counts(check: u64) -> u64 {
    let times = std::env::var("GATE_SEEDS")
        .ok()
        .and_then(|n| n.parse::<u64>().ok());
    check * times.unwrap_or(1)
}

fn fresh_gate() -> Gate {
    thread_local! {
        static SITE: Arc<gateway_core::site::Site> = Arc::new(site());
        static LISTS: Arc<gateway_core::lists::Lists> = Arc::new(lists());
    }
    let site = SITE.with(Arc::clone);
    let rules = rules(&site);
    Gate::new(site, rules, LISTS.with(Arc::clone), 1)
}

fn drive(seed: u64, steps: u64, live: bool, orders: bool) -> Driver {
    let mut driver = Driver::new(fresh_gate());
    go_on(&mut driver, seed, steps, live, orders);
    driver
}

fn go_on(driver: &mut Driver, seed: u64, steps: u64, live: bool, orders: bool) {
    let mut dice = Dice(seed);
    for _ in 0..steps {
        let ms = driver.now + [0, 1, 50, 300, 900, 4_000][dice.roll(6) as usize];
        let next = input(&mut dice, ms, live, orders);
        driver.apply(ms, next);
    }
}

/// Everybody goes home: loops free, cameras gone, and time.
fn empty(driver: &mut Driver) {
    for lane in LANES {
        let ms = driver.now + 1;
        let reading = Reading {
            lane: Name::new(lane),
            device: Name::new("loop"),
            received: Mono::from_ms(ms),
            value: loop_value(LoopPlace::Approach, false),
            freshness: Freshness::Live,
            trust: Trust::Tls,
            counter: None,
        };
        driver.apply(ms, Input::Reading(reading));
        let health = DeviceHealth {
            device: Name::new(&format!("{lane}-camera")),
            lane: Some(Name::new(lane)),
            state: DeviceState::Failed {
                code: Name::new("end"),
            },
        };
        driver.apply(ms, Input::DeviceHealth(health));
    }
    let later = driver.now + 600_000;
    driver.run_to(later);
}

fn hash(driver: &Driver) -> Vec<u8> {
    let mut hash = Sha256::new();
    for (ms, output) in &driver.log {
        hash.update(format!("{ms} {output:?}\n"));
    }
    hash.finalize().to_vec()
}

#[test]
fn d01_the_same_inputs_give_the_same_outputs() {
    for seed in 0..counts(300) {
        let first = hash(&drive(seed, 120, true, true));
        assert_eq!(first, hash(&drive(seed, 120, true, true)), "seed {seed}");
    }
}

#[test]
fn d02_every_passage_ends_exactly_once_with_at_most_one_decision() {
    let mut passages = 0;
    for seed in 0..counts(400) {
        let mut driver = drive(seed, 400, true, true);
        empty(&mut driver);
        passages += once_each(&driver, seed);
        assert_eq!(driver.gate.next_deadline(), None, "seed {seed}");
    }
    assert!(passages > 10_000, "only {passages} passages");
}

/// Counts the passages of a log and checks the life of each.
fn once_each(driver: &Driver, seed: u64) -> usize {
    #[derive(Default)]
    struct Life {
        decisions: u32,
        answers: u32,
        ends: u32,
    }
    let mut lives: BTreeMap<String, Life> = BTreeMap::new();
    for event in driver.events() {
        let Some(id) = event.passage.as_ref().map(|id| id.as_str().to_owned()) else {
            continue;
        };
        match event.kind {
            EventKind::PassageBegun => {
                assert!(
                    lives.insert(id.clone(), Life::default()).is_none(),
                    "seed {seed}: {id} twice"
                );
            }
            EventKind::Decision | EventKind::Answer | EventKind::PassageEnded => {
                let life = lives
                    .get_mut(&id)
                    .unwrap_or_else(|| panic!("seed {seed}: {id} unborn"));
                assert_eq!(life.ends, 0, "seed {seed}: {id} goes on after its end");
                match event.kind {
                    EventKind::Decision => life.decisions += 1,
                    EventKind::Answer => life.answers += 1,
                    _ => life.ends += 1,
                }
            }
            _ => {}
        }
    }
    for (id, life) in &lives {
        assert_eq!(life.ends, 1, "seed {seed}: {id} ended {} times", life.ends);
        assert!(
            life.decisions <= 1,
            "seed {seed}: {id} decided {} times",
            life.decisions
        );
    }
    lives.len()
}

#[test]
fn d02_a_snapshot_and_a_fold_of_the_journal_come_to_the_same_state() {
    for seed in 0..counts(100) {
        let mut driver = drive(seed, 150, true, true);
        let snapshot = driver.gate.snapshot();
        let before = driver.events().count();
        go_on(&mut driver, seed + 1_000_000, 150, true, true);
        let events: Vec<Event> = driver.events().cloned().collect();
        let mut folded = fresh_gate();
        let site = Arc::new(site());
        let set = rules(&site);
        let mut resumed = Gate::from_snapshot(site, set, Arc::new(lists()), 2, &snapshot).unwrap();
        for (index, event) in events.iter().enumerate() {
            folded.recover(index as u64 + 1, event);
            if index >= before {
                resumed.recover(index as u64 + 1, event);
            }
        }
        let state = |gate: &Gate| {
            let mut value: serde_json::Value = serde_json::from_slice(&gate.snapshot()).unwrap();
            value["through"] = 0.into();
            value
        };
        assert_eq!(state(&driver.gate), state(&folded), "seed {seed}");
        assert_eq!(state(&driver.gate), state(&resumed), "seed {seed}");
    }
}

#[test]
fn b03_a_start_ends_what_was_cut_short_and_moves_no_arm() {
    for seed in 0..counts(200) {
        let driver = drive(seed, 100, true, true);
        let mut gate = fresh_gate();
        for (index, event) in driver.events().enumerate() {
            gate.recover(index as u64 + 1, event);
        }
        let mut again = Driver::new(gate);
        assert!(
            again.log.iter().all(|(_, o)| !matches!(o, Output::Move(_))),
            "seed {seed}"
        );
        let ended = again
            .events()
            .filter(|e| e.kind == EventKind::PassageEnded)
            .count();
        let begun = driver
            .events()
            .filter(|e| e.kind == EventKind::PassageBegun)
            .count();
        let closed = driver
            .events()
            .filter(|e| e.kind == EventKind::PassageEnded)
            .count();
        assert_eq!(ended, begun - closed, "seed {seed}");
        again.run_to(600_000);
        assert!(
            again.log.iter().all(|(_, o)| !matches!(o, Output::Move(_))),
            "seed {seed}"
        );
    }
}

#[test]
fn d05_what_is_not_live_never_opens_in_any_interleaving() {
    for seed in 0..counts(1_000) {
        let driver = drive(seed, 100, false, false);
        let mut before = None;
        for (ms, output) in &driver.log {
            // A way out may open by its declared fallback: that is an answer, not the input.
            let fallback = before == Some(EventKind::Answer);
            assert!(
                fallback || !opens(output),
                "seed {seed} at {ms}: {output:?}"
            );
            if let Output::Record(event) = output {
                before = Some(event.kind);
            }
        }
    }
}

fn opens(output: &Output) -> bool {
    matches!(output, Output::Move(asked) if asked.command == Barrier::Open)
}

#[test]
fn d05_every_opening_belongs_to_the_admit_or_answer_before_it_and_lies_in_its_window() {
    let mut openings = 0;
    for seed in 0..counts(400) {
        let driver = drive(seed, 200, true, true);
        let mut before: Option<&Event> = None;
        for (ms, output) in &driver.log {
            match output {
                Output::Record(event) => before = Some(event),
                Output::Move(asked) if asked.command == Barrier::Open => {
                    openings += 1;
                    let until = asked.until;
                    let now = Mono::from_ms(*ms);
                    assert!(
                        until >= now && until <= now.plus_ms(2_001),
                        "seed {seed} at {ms}"
                    );
                    let event = before.unwrap_or_else(|| panic!("seed {seed} at {ms}: no event"));
                    assert!(lets_through(event), "seed {seed} at {ms}: {event:?}");
                }
                _ => {}
            }
        }
    }
    assert!(openings > 1_000, "only {openings} openings");
}

/// An admit whose every need was live and proven, or the answer or order of a person.
fn lets_through(event: &Event) -> bool {
    match event.kind {
        EventKind::Decision => {
            let admits = event.parts.iter().any(|part| {
                matches!(&part.body, Body::Decision(d) if d.verdict == Verdict::Admit && d.missing.is_empty() && !d.shadow)
            });
            admits
        }
        EventKind::Answer | EventKind::Order => true,
        _ => false,
    }
}

#[test]
fn b01_no_close_on_a_loop_that_is_occupied_unknown_or_stale() {
    let mut closes = 0;
    for seed in 0..counts(10_000) {
        let mut dice = Dice(seed);
        let mut driver = Driver::new(fresh_gate_of(seed));
        // What the loop under the arm of `in-1` said, as the test itself understands it.
        let mut free_at: Option<u64> = None;
        for _ in 0..12 {
            let ms = driver.now + [0, 1, 100, 499, 500, 501, 900][dice.roll(7) as usize];
            let next = match dice.roll(3) {
                0 => close_lane(&mut dice, ms),
                _ => {
                    let occupied = dice.roll(3) == 0;
                    let freshness = [Freshness::Live, Freshness::Live, Freshness::Retained]
                        [dice.roll(3) as usize];
                    let trust = [Trust::Tls, Trust::Password, Trust::None][dice.roll(3) as usize];
                    if occupied {
                        free_at = None;
                    } else if freshness == Freshness::Live && trust != Trust::None {
                        free_at = Some(ms);
                    }
                    under_arm(ms, occupied, freshness, trust)
                }
            };
            let length = driver.log.len();
            driver.apply(ms, next);
            for (_, output) in &driver.log[length..] {
                if let Output::Move(asked) = output {
                    assert_eq!(asked.command, Barrier::Close, "seed {seed}");
                    let read = free_at.unwrap_or_else(|| panic!("seed {seed}: closed at {ms}"));
                    assert!(ms - read <= 500, "seed {seed}: stale at {ms}");
                    assert_eq!(asked.until, Mono::from_ms(read + 500), "seed {seed}");
                    closes += 1;
                }
            }
        }
    }
    assert!(closes > 1_000, "only {closes} closes");
}

/// Rules play no part in closing; loading them ten thousand times would.
fn fresh_gate_of(_seed: u64) -> Gate {
    let set = gateway_core::rule::RuleSet::empty();
    Gate::new(Arc::new(site()), set, Arc::new(Default::default()), 1)
}

fn under_arm(ms: u64, occupied: bool, freshness: Freshness, trust: Trust) -> Input {
    Input::Reading(Reading {
        lane: Name::new("in-1"),
        device: Name::new("loop-2"),
        received: Mono::from_ms(ms),
        value: loop_value(LoopPlace::UnderArm, occupied),
        freshness,
        trust,
        counter: None,
    })
}

fn close_lane(dice: &mut Dice, ms: u64) -> Input {
    use gateway_core::order::{Act, Order, Role, Sender};
    Input::Order(Order {
        id: Name::new(&format!("{ms}-{}", dice.roll(1 << 40))),
        from: Sender::Person {
            account: Name::new("wang"),
            role: Role::Guard,
        },
        act: Act::CloseLane {
            lane: Name::new("in-1"),
        },
    })
}

/// What was decided when, without the label of the wall clock.
fn decisions(driver: &Driver) -> Vec<(u64, String, Verdict)> {
    let events = driver.events().filter_map(|event| {
        let verdict = event.parts.iter().find_map(|part| match &part.body {
            Body::Decision(decision) => Some(decision.verdict),
            _ => None,
        })?;
        Some((
            event.at.mono.0,
            event.passage.as_ref()?.to_string(),
            verdict,
        ))
    });
    events.collect()
}

#[test]
fn t01_a_clock_jump_moves_no_timer_and_changes_no_decision_that_asks_for_no_time() {
    const TWENTY_YEARS_MS: i64 = 20 * 365 * 86_400_000;
    for seed in 0..counts(200) {
        let plain = decisions(&drive(seed, 120, true, true));
        let mut driver = Driver::new(fresh_gate());
        driver.clock = Box::new(move |mut moment: Moment| {
            let mut dice = Dice(seed ^ (moment.mono.0 / 7_000_000));
            moment.wall_ms += [0, TWENTY_YEARS_MS, -TWENTY_YEARS_MS][dice.roll(3) as usize];
            moment.trust = [ClockTrust::Unknown, ClockTrust::SetByPerson][dice.roll(2) as usize];
            moment
        });
        go_on(&mut driver, seed, 120, true, true);
        assert_eq!(plain, decisions(&driver), "seed {seed}");
    }
}

#[test]
fn t01_a_rule_that_asks_for_the_hour_holds_while_the_clock_is_not_trusted() {
    let file = "[[rule]]\nid = \"day\"\ntitle = { zh = \"白天\", en = \"day\" }\nverdict = \"admit\"\nwhen = \"time.hour >= 6 && card.listed\"\n\
        [[rule]]\nid = \"night\"\ntitle = { zh = \"夜间\", en = \"night\" }\nverdict = \"hold\"\nwhen = \"time.hour < 6\"\n";
    for (trust, wanted) in [
        (ClockTrust::Synchronised, Verdict::Admit),
        (ClockTrust::Unknown, Verdict::Hold),
    ] {
        let site = site();
        let set = load(&site, file).unwrap();
        let mut driver = Driver::new(Gate::new(Arc::new(site), set, Arc::new(lists()), 1));
        driver.clock = Box::new(move |mut moment: Moment| {
            moment.trust = trust;
            moment
        });
        for (ms, value) in [
            (1_000, Value::Card(gateway_core::plate::Card::new("AA01"))),
            (1_500, Value::Temperature(support::temperature(36_500))),
        ] {
            let reading = Reading {
                lane: Name::new("walk-1"),
                device: Name::new("device"),
                received: Mono::from_ms(ms),
                value,
                freshness: Freshness::Live,
                trust: Trust::Tls,
                counter: None,
            };
            driver.apply(ms, Input::Reading(reading));
        }
        let verdicts: BTreeSet<Verdict> = decisions(&driver).into_iter().map(|d| d.2).collect();
        assert_eq!(verdicts, BTreeSet::from([wanted]), "{trust:?}");
    }
}

/// Rules with every connective over facts of every need.
const TANGLED: &str = r#"
[[rule]]
id = "a"
title = { zh = "一", en = "a" }
verdict = "admit"
when = "(vehicle.listed || !card.listed) && (temperature.celsius < 37.3 ? !vehicle.watched : card.listed)"
[[rule]]
id = "b"
title = { zh = "二", en = "b" }
verdict = "admit"
when = "!(pass.valid && plate.confidence > 500) || plate.text in ['A', 'B']"
[[rule]]
id = "c"
title = { zh = "三", en = "c" }
verdict = "hold"
when = "!(temperature.celsius <= 37.3) && !plate.agrees || card.id.startsWith('A')"
[[rule]]
id = "d"
title = { zh = "四", en = "d" }
verdict = "refuse"
when = "!card.listed && !vehicle.listed && !(pass.uses_left > 0)"
"#;

fn fact_state(fact: Fact, dice: u64) -> FactState {
    match fact.fact_type() {
        FactType::Text => FactState::Text(["A", "B", "C"][(dice % 3) as usize].to_owned()),
        FactType::Truth => FactState::Truth(dice % 2 == 0),
        FactType::Number => FactState::Number((dice % 1_000) as i64),
        FactType::Celsius => FactState::Millidegrees(36_000 + (dice % 30) as i32 * 100),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: counts(10_000) as u32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn d03_taking_a_fact_away_never_turns_a_non_admit_into_an_admit(
        dice in prop::collection::vec(any::<u64>(), 34),
        absent in 0_u8..16,
        away in 0_usize..4,
        tangled in any::<bool>(),
    ) {
        thread_local! {
            static SETS: [gateway_core::rule::RuleSet; 2] =
                [rules(&site()), load(&site(), TANGLED).unwrap()];
            static LANES: Vec<gateway_core::site::Lane> = site().lanes;
        }
        let groups: [&[&str]; 4] = [&["plate", "vehicle"], &["card"], &["temperature"], &["pass"]];
        let mut facts = Facts::absent();
        for (fact, dice) in Fact::ALL.iter().zip(&dice) {
            let group = groups.iter().position(|group| group.contains(&fact.group()));
            let is_absent = group.is_some_and(|group| absent & (1 << group) != 0 && group != away);
            if !is_absent {
                facts.set(*fact, fact_state(*fact, *dice));
            }
        }
        let mut fewer = facts.clone();
        fewer.miss(groups[away], Cause::NotPresented);
        SETS.with(|sets| LANES.with(|lanes| {
            let set = &sets[usize::from(tangled)];
            for lane in lanes {
                let whole = set.evaluate(lane, &facts).verdict;
                let less = set.evaluate(lane, &fewer).verdict;
                prop_assert!(whole == Verdict::Admit || less != Verdict::Admit, "{} {whole:?} {less:?}", lane.id);
            }
            Ok(())
        }))?;
    }
}

#[test]
fn a_pass_is_used_once_even_across_a_crash() {
    let file = "[[rule]]\nid = \"pass\"\ntitle = { zh = \"访客\", en = \"visitor\" }\nverdict = \"admit\"\nwhen = \"pass.valid\"\n";
    let enter = |driver: &mut Driver, ms: u64| {
        for (after, value) in [
            (0, Value::Card(gateway_core::plate::Card::new("BB01"))),
            (500, Value::Temperature(support::temperature(36_500))),
        ] {
            let reading = Reading {
                lane: Name::new("walk-1"),
                device: Name::new("device"),
                received: Mono::from_ms(ms + after),
                value,
                freshness: Freshness::Live,
                trust: Trust::Tls,
                counter: None,
            };
            driver.apply(ms + after, Input::Reading(reading));
        }
    };
    let new_gate = || {
        let site = site();
        let set = load(&site, file).unwrap();
        Gate::new(Arc::new(site), set, Arc::new(lists()), 1)
    };
    let mut driver = Driver::new(new_gate());
    enter(&mut driver, 1_000);
    assert_eq!(decisions(&driver).last().unwrap().2, Verdict::Admit);
    let mut gate = new_gate();
    for (index, event) in driver.events().enumerate() {
        gate.recover(index as u64 + 1, event);
    }
    let mut again = Driver::new(gate);
    enter(&mut again, 5_000);
    assert_eq!(decisions(&again).last().unwrap().2, Verdict::Hold);
}
