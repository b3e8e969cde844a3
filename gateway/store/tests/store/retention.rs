//! V-1: retention by class, by a trusted clock. A gateway lives through weeks of simulated time with
//! restarts, hours without power and a wall clock that jumps by years; no part goes early, and none
//! stays more than an hour too long where the time is known.

use std::sync::Arc;

use gateway_core::alert::{Raised, Severity};
use gateway_core::event::{Body, Class, Event, EventKind, PartKind};
use gateway_core::moment::{ClockTrust, Moment, Mono};
use gateway_core::name::Name;
use gateway_store::Reader;
use gateway_store::check::check;
use gateway_store::journal::Journal;
use gateway_store::record::PartState;
use gateway_store::retention::{Policy, Retention};
use gateway_store::writer::Erasure;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::harness::{Running, memory, sighting};

const SEEDS: u64 = 12;
const STEPS: u64 = 600;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const YEARS_MS: i64 = 20 * 365 * 24 * HOUR as i64;

/// Shorter than the product's, in the same order, so that days show what months would.
const POLICY: Policy = Policy {
    sighting_h: 6,
    passage_h: 48,
    temperature_h: 6,
    band_h: 48,
    alarm_h: 72,
    audit_h: 72,
    evidence_h: 24,
};

/// The world as it is, beside what the gateway believes.
struct World {
    rng: ChaCha8Rng,
    now_ms: u64,
    boot: u32,
    booted_ms: u64,
    trust: ClockTrust,
    wrong_by_ms: i64,
    /// Boots in which the wall clock was ever trusted.
    dated: Vec<u32>,
    recorded: Vec<Recorded>,
    alerts: u64,
    open_alerts: Vec<u64>,
}

struct Recorded {
    class: Class,
    /// From when on it is counted; `None`: its alert is open.
    since_ms: Option<u64>,
    since_boot: u32,
    alert: Option<u64>,
    gone: bool,
}

impl World {
    fn new(seed: u64) -> World {
        World {
            rng: ChaCha8Rng::seed_from_u64(seed),
            now_ms: 1_800_000_000_000,
            boot: 1,
            booted_ms: 1_800_000_000_000,
            trust: ClockTrust::Unknown,
            wrong_by_ms: -YEARS_MS,
            dated: Vec::new(),
            recorded: Vec::new(),
            alerts: 0,
            open_alerts: Vec::new(),
        }
    }

    fn moment(&self) -> Moment {
        Moment {
            boot: self.boot,
            mono: Mono((self.now_ms - self.booted_ms) * 1_000),
            wall_ms: self.now_ms as i64 + self.wrong_by_ms,
            offset_min: 480,
            trust: self.trust,
        }
    }

    fn pass_time(&mut self) {
        self.now_ms += self.rng.gen_range(1..=20) * MINUTE;
        if self.rng.gen_bool(0.04) {
            self.now_ms += self.rng.gen_range(0..8) * HOUR;
            self.boot += 1;
            self.booted_ms = self.now_ms;
            self.jump();
        } else if self.rng.gen_bool(0.05) {
            self.jump();
        }
        if self.trust != ClockTrust::Unknown && self.dated.last() != Some(&self.boot) {
            self.dated.push(self.boot);
        }
    }

    fn jump(&mut self) {
        let little = 5 * MINUTE as i64;
        (self.trust, self.wrong_by_ms) = match self.rng.gen_range(0..8) {
            0 => (ClockTrust::Unknown, YEARS_MS),
            1 => (ClockTrust::Unknown, -YEARS_MS),
            2 => (ClockTrust::Held, self.rng.gen_range(-little..little)),
            3 => (ClockTrust::SetByPerson, self.rng.gen_range(-little..little)),
            _ => (ClockTrust::Synchronised, 0),
        };
    }

    fn something_happens(&mut self) -> Event {
        let at = self.moment();
        let note = |kind, class| {
            let code = Name::new("something");
            let values = Vec::new();
            Event::new(at, kind).part(PartKind::Detail, class, Body::Note { code, values })
        };
        let (class, event) = match self.rng.gen_range(0..7) {
            0 => {
                let mut event = sighting(&"0".repeat(64));
                event.at = at;
                (Class::Sighting, event)
            }
            1 => (
                Class::Temperature,
                note(EventKind::ReadingJoined, Class::Temperature),
            ),
            2 => (Class::Band, note(EventKind::ReadingJoined, Class::Band)),
            3 => (Class::Audit, note(EventKind::Audit, Class::Audit)),
            4 if self.open_alerts.len() < 5 => return self.alert_raised(at),
            5 if !self.open_alerts.is_empty() => return self.alert_closed(at),
            _ => (Class::Passage, note(EventKind::Decision, Class::Passage)),
        };
        self.record(class, Some(self.now_ms), None);
        event
    }

    fn record(&mut self, class: Class, since_ms: Option<u64>, alert: Option<u64>) {
        self.recorded.push(Recorded {
            class,
            since_ms,
            since_boot: self.boot,
            alert,
            gone: false,
        });
    }

    fn alert_raised(&mut self, at: Moment) -> Event {
        self.alerts += 1;
        self.open_alerts.push(self.alerts);
        self.record(Class::Alarm, None, Some(self.alerts));
        let raised = Raised {
            alert: self.alerts,
            code: Name::new("hold"),
            severity: Severity::Warning,
            roles: Vec::new(),
            rule: None,
            message: None,
        };
        Event::new(at, EventKind::AlertRaised).part(
            PartKind::Detail,
            Class::Alarm,
            Body::Alert(raised),
        )
    }

    fn alert_closed(&mut self, at: Moment) -> Event {
        let alert = self.open_alerts.remove(0);
        for recorded in &mut self.recorded {
            if recorded.alert == Some(alert) {
                recorded.since_ms = Some(self.now_ms);
                recorded.since_boot = self.boot;
            }
        }
        self.record(Class::Alarm, Some(self.now_ms), Some(alert));
        let body = Body::AlertState {
            alert,
            by: None,
            reason: None,
            comment: None,
        };
        Event::new(at, EventKind::AlertClosed).part(PartKind::Detail, Class::Alarm, body)
    }

    /// Takes note of what is erased; what of it goes too early.
    fn early(&mut self, parts: &[(u64, Vec<usize>)]) -> Option<String> {
        for (number, _) in parts {
            let recorded = &mut self.recorded[*number as usize - 1];
            recorded.gone = true;
            let age = recorded.since_ms.map(|since| self.now_ms - since);
            if age.is_none_or(|age| age < POLICY.keeps_ms(recorded.class)) {
                let class = recorded.class;
                return Some(format!("{class:?} {number} went early, at {age:?} ms"));
            }
        }
        None
    }

    /// What stays too long although the time is known.
    fn late(&self) -> Option<String> {
        let now_known = self.dated.contains(&self.boot) && self.trust != ClockTrust::Unknown;
        (1..).zip(&self.recorded).find_map(|(number, recorded)| {
            let age = recorded.since_ms.map(|since| self.now_ms - since);
            let late = age.is_some_and(|age| age > POLICY.keeps_ms(recorded.class) + HOUR);
            let known = recorded.since_boot == self.boot
                || (now_known && self.dated.contains(&recorded.since_boot));
            (!recorded.gone && known && late)
                .then(|| format!("{:?} {number} is still there", recorded.class))
        })
    }

    /// The journal holds what the world knows of it.
    fn assert_same(&self, reader: &Reader) {
        for (number, recorded) in (1..).zip(&self.recorded) {
            let stored = reader.get(number).expect("readable").expect("there");
            assert_eq!(
                stored.parts == [PartState::Erased],
                recorded.gone,
                "{number}"
            );
        }
        assert!(check(reader, None).expect("a report").is_good());
    }
}

/// Who says what is due.
#[derive(Clone, Copy, PartialEq)]
enum Clock {
    Trusted,
    /// The sabotage twin: whatever the wall clock says.
    Wall,
}

/// Lives through it; what went wrong, if anything.
fn lived(seed: u64, clock: Clock) -> Result<u64, String> {
    let mut world = World::new(seed);
    let journal = memory();
    let running = Running::start(&journal);
    let reader = Reader::new(journal.clone());
    let mut retention = Retention::open(journal.clone(), POLICY).expect("opens");
    for step in 0..STEPS {
        world.pass_time();
        let events: Vec<Event> = (0..3).map(|_| world.something_happens()).collect();
        running.submit(events, step);
        running.durable();
        if world.rng.gen_bool(0.05) {
            // A start: what it knew is what it kept.
            retention = Retention::open(journal.clone(), POLICY).expect("opens");
        }
        let now = world.moment();
        while let Some(erasure) = match clock {
            Clock::Trusted => next_due(&mut retention, &now),
            Clock::Wall => next_by_wall(&reader, &world, &now),
        } {
            if let Some(wrong) = world.early(&erasure.parts) {
                return Err(format!("seed {seed}, step {step}: {wrong}"));
            }
            running.handle.erase(erasure).expect("taken");
            running.durable();
            // Its own event is one, too.
            world.record(Class::Audit, Some(world.now_ms), None);
        }
        if let Some(wrong) = world.late() {
            return Err(format!("seed {seed}, step {step}: {wrong}"));
        }
    }
    world.assert_same(&reader);
    Ok(world
        .recorded
        .iter()
        .filter(|recorded| recorded.gone)
        .count() as u64)
}

fn next_due(retention: &mut Retention, now: &Moment) -> Option<Erasure<u64>> {
    let plan = retention.plan(now, 0).expect("a plan")?;
    let erasure = plan.erasure(*now, 0);
    // Here the writer cannot fail: what is planned is as good as done.
    retention.done(plan).expect("kept");
    (!erasure.parts.is_empty()).then_some(erasure)
}

fn next_by_wall(reader: &Reader, world: &World, now: &Moment) -> Option<Erasure<u64>> {
    let parts = (1..).zip(&world.recorded).filter(|(number, recorded)| {
        let stored = reader.get(*number).expect("readable").expect("there");
        let age = now.wall_ms - stored.header.wall_ms;
        !recorded.gone && age >= POLICY.keeps_ms(recorded.class) as i64
    });
    let parts: Vec<_> = parts.map(|(number, _)| (number, vec![0])).collect();
    let body = Body::Note {
        code: Name::new("retention_passed"),
        values: Vec::new(),
    };
    (!parts.is_empty()).then(|| Erasure {
        parts,
        event: Event::new(*now, EventKind::Retention).part(PartKind::Detail, Class::Audit, body),
        then: 0,
    })
}

#[test]
fn v1_nothing_goes_early_and_nothing_stays_an_hour_too_long() {
    for seed in 0..SEEDS {
        match lived(seed, Clock::Trusted) {
            Ok(gone) => assert!(gone > 500, "seed {seed}: only {gone} were erased"),
            Err(wrong) => panic!("{wrong}"),
        }
    }
}

#[test]
fn v1_twin_retention_by_the_wall_clock_is_found_out() {
    assert!((0..SEEDS).any(|seed| lived(seed, Clock::Wall).is_err()));
}

#[test]
fn what_is_erased_is_told_in_an_event_with_its_counts() {
    let journal: Arc<dyn Journal> = memory();
    let running = Running::start(&journal);
    let mut event = sighting(&"a".repeat(64));
    event.at.trust = ClockTrust::Unknown;
    running.submit(vec![event.clone()], 1);
    running.durable();
    let mut retention = Retention::open(journal.clone(), Policy::default()).expect("opens");
    let mut later = event.at;
    later.mono = later.mono.plus_ms(24 * HOUR - 1);
    assert!(retention.plan(&later, 0).expect("a plan").is_none());
    later.mono = later.mono.plus_ms(1);
    let plan = retention.plan(&later, 0).expect("a plan").expect("due");
    assert_eq!(plan.erased[&Class::Sighting], 1);
    assert_eq!(plan.undelivered, 1);
    assert_eq!(plan.pictures, ["a".repeat(64)]);
    running.handle.erase(plan.erasure(later, 2)).expect("taken");
    let told = running.durable();
    assert_eq!(told.stored[0].header.kind, EventKind::Retention);
    retention.done(plan).expect("kept");
    assert!(retention.plan(&later, 0).expect("a plan").is_none());
    let reader = Reader::new(journal);
    let left = reader.get(1).expect("readable").expect("there");
    assert_eq!(left.parts, [PartState::Erased]);
    assert!(check(&reader, None).expect("a report").is_good());
}
