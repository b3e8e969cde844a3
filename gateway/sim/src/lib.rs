//! Core, store and delivery in one thread and in simulated time: days of a gate in seconds, with
//! everything that goes wrong at gates, and the promises checked after every step.
//!
//! A [`Run`] is a pure function of its seed. The traffic is [`traffic::day`]: who truly comes, and
//! whether they may go in. [`world`] is what truly happens: vehicles, persons, arms, devices, the
//! broker, the disk, the platform; [`process`] is the gateway in its middle, which dies at any step
//! and comes back by the daemon's own way, snapshot and fold. [`oracle`] judges. When the days are
//! over everything is well for an hour, and then all that was owed must have come.
//!
//! Fault model. *Process and power*: dies anywhere, also between append and outward; a batch on its
//! way to the disk is there whole or not at all; nothing acknowledged is lost by the disk itself.
//! *Devices*: gone with and without a last will, stuck, late, twice, old records again, kept by the
//! broker, an impostor that proves nothing. *Clock*: twenty years off, 1970, drifting, not believed.
//! *Upstream*: away, flapping, receipts lost, seven kinds of lies. *Disk*: commits of seconds.
//! *Cameras*: nothing, too little, look-alikes. Left out: damage of the files (the store's own
//! tests), and what no gate can know, a misread that is surely another's listed plate.

mod clock;
mod faults;
mod lane;
mod oracle;
mod plant;
mod process;
pub mod replay;
mod site;
mod told;
mod upstream;
mod world;

pub use faults::Families;
pub use oracle::{Counts, Violation};
pub use plant::Plant;
pub use site::Rules;

use gateway_core::gate::SnapshotError;
use gateway_core::rule::RuleError;
use gateway_store::{StoreError, check};
use sha2::{Digest, Sha256};
use traffic::day::{Day, DaySpec};

use world::World;

/// Seeds run at least so many minutes without a fault at their end.
const WELL_MS: u64 = 3_600_000;

/// What to simulate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub seed: u64,
    pub minutes: u64,
    /// Visits a day by lane, in the order of [`traffic::day::DAY_LANES`].
    pub a_day: [u64; 5],
    /// Of a hundred vehicles so many are no resident's.
    pub outsiders: u32,
    pub rules: Rules,
    pub families: Families,
    /// A second gate is fed the same and must put out the same (D-1).
    pub twin: bool,
    pub plant: Option<Plant>,
    /// Simulated milliseconds between which every step is told.
    pub trace: Option<(u64, u64)>,
}

impl Run {
    /// Days of a seed with every family of faults. Every fourth seed decides by the shipped
    /// ordinary rules, every eighth has a twin.
    pub fn days(seed: u64, days: u64) -> Run {
        Run {
            seed,
            minutes: days * 24 * 60,
            a_day: DaySpec::days(seed, days).a_day,
            outsiders: DaySpec::days(seed, days).outsiders,
            rules: if seed.is_multiple_of(4) {
                Rules::Ordinary
            } else {
                Rules::Remembering
            },
            families: Families::ALL,
            twin: seed % 8 == 1,
            plant: None,
            trace: None,
        }
    }

    /// One vehicle lane for a day: 3,000 vehicles, its loops at 1 Hz, nothing wrong.
    pub fn lane_day(seed: u64) -> Run {
        Run {
            a_day: [3_000, 0, 0, 0, 0],
            outsiders: 4,
            rules: Rules::Ordinary,
            families: Families::NONE,
            twin: false,
            ..Run::days(seed, 1)
        }
    }
}

/// What a simulation did and what was wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub seed: u64,
    pub minutes: u64,
    pub steps: u64,
    pub visits: u64,
    pub events: u64,
    pub readings: u64,
    pub crashes: u64,
    pub received: u64,
    /// Vehicles and persons who went in on another's opening or by force: known to the truth, and
    /// for the gate to tell, not to prevent.
    pub slipped: u64,
    pub counts: Counts,
    /// Of the whole journal and everything that was decided; the same seed has the same.
    pub hash: String,
    /// Of the decisions alone, in their order: which passage, which verdict.
    pub decisions_hash: String,
    /// Empty, or a promise was broken.
    pub violations: Vec<Violation>,
    /// What happened while it was asked for.
    pub trace: Vec<String>,
}

/// The simulation itself could not run.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    #[error("the simulated journal failed")]
    Store(#[from] StoreError),
    #[error("the rules do not load: {}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Rules(Vec<RuleError>),
    #[error("the gate's snapshot does not load")]
    Snapshot(#[from] SnapshotError),
    #[error("the gate's snapshot is no JSON")]
    Json(#[from] serde_json::Error),
}

/// Simulates. Rules compile here: call it on a large stack.
pub fn simulate(run: Run) -> Result<Report, SimError> {
    let until = run.minutes * 60_000;
    let day = Day::generate(&DaySpec {
        seed: run.seed,
        until_ms: until,
        a_day: run.a_day,
        outsiders: run.outsiders,
    });
    let visits = day.visits.len() as u64;
    let faults = faults::plan(run.seed, until, run.families);
    let mut world = World::new(run, day, faults)?;
    world.run_to(until);
    world.heal();
    world.run_to(until + WELL_MS * 5 / 6);
    world.close_all_alerts();
    world.run_to(until + WELL_MS);
    if let Some(error) = world.error.take() {
        return Err(error);
    }
    if world.oracle.violations.is_empty() {
        world.owed();
        let checked = check::check(&world.reader(), None)?;
        if !checked.is_good() {
            let found = format!("{} errors, {:?}", checked.errors, checked.findings);
            world.oracle.broken("chain", found);
        }
    }
    report(&world, visits)
}

/// Simulates, and replays the journal that comes of it.
pub fn simulate_and_replay(run: Run) -> Result<replay::Replay, SimError> {
    let until = run.minutes * 60_000;
    let day = Day::generate(&DaySpec {
        seed: run.seed,
        until_ms: until,
        a_day: run.a_day,
        outsiders: run.outsiders,
    });
    let site = std::sync::Arc::new(site::site());
    let (rules, lists) = (site::rules(&site, run.rules)?, site::lists(&day));
    let mut world = World::new(run, day, faults::plan(run.seed, until, run.families))?;
    world.run_to(until);
    let reader = world.reader();
    let mut events = Vec::new();
    for number in 1..=reader.last() {
        if let Some(stored) = reader.get(number)? {
            events.push(gateway_store::decode(&stored)?);
        }
    }
    replay::replay(site, rules, lists, &events)
}

fn report(world: &World, visits: u64) -> Result<Report, SimError> {
    let reader = world.reader();
    let mut decisions = Sha256::new();
    for (passage, verdict) in &world.decisions {
        decisions.update(format!("{passage} {verdict:?}\n"));
    }
    let decisions_hash = hex(&decisions.finalize());
    let mut all = Sha256::new();
    all.update(process::end_hash(&reader)?.0);
    all.update(format!(
        "{} {} {:?} {:?} {decisions_hash}",
        world.oracle.step, world.platform.received, world.oracle.counts, world.oracle.violations
    ));
    Ok(Report {
        seed: world.run.seed,
        minutes: world.run.minutes,
        steps: world.oracle.step,
        visits,
        events: reader.last(),
        readings: world.readings,
        crashes: world.crashes,
        received: world.platform.received,
        slipped: world.slipped,
        counts: world.oracle.counts.clone(),
        hash: hex(&all.finalize()),
        decisions_hash,
        violations: world.oracle.violations.clone(),
        trace: world.trace.clone(),
    })
}

/// The first eight bytes, as people compare them.
fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
