//! D-1, D-2, D-5, B-1, B-3 and T-1 at the counts of the check, on seeded random gates.
//!
//! `GATE_SEEDS=n` multiplies the counts for a longer run.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use gateway_core::decision::Verdict;
use gateway_core::event::{Barrier, Body, Event, EventKind};
use gateway_core::gate::{Gate, Input, Output};
use gateway_core::moment::{ClockTrust, Moment, Mono};
use gateway_core::name::Name;
use gateway_core::reading::{DeviceHealth, DeviceState, Freshness, LoopPlace, Reading, Trust};
use sha2::{Digest, Sha256};
use support::{Driver, decisions, lists, loop_value, rules, site};

use support::random::{Dice, LANES, counts, input};

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

#[test]
fn d02_slow_a_hundred_thousand_passages_each_end_exactly_once() {
    let (mut passages, mut seed) = (0, 1_000_000);
    while passages < counts(100_000) as usize {
        let mut driver = drive(seed, 400, true, true);
        empty(&mut driver);
        passages += once_each(&driver, seed);
        assert_eq!(driver.gate.next_deadline(), None, "seed {seed}");
        seed += 1;
    }
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
            event.parts.iter().any(|part| {
                matches!(&part.body, Body::Decision(d) if d.verdict == Verdict::Admit && d.missing.is_empty() && !d.shadow)
            })
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
