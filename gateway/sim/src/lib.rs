//! Core and store in simulated time: hours of a gate in a second, with crashes, and the promises
//! checked on what the journal holds afterwards.
//!
//! The traffic is that of `tools/traffic`; the journal is the store's own, in memory, sealed and
//! chained as on the disk. What was put out and not yet appended is lost in a crash, and nothing of
//! it has moved an arm.

mod checks;
mod schedule;
mod site;

use std::collections::VecDeque;
use std::sync::Arc;

use gateway_core::event::{Barrier, Event, MoveOutcome};
use gateway_core::gate::{Gate, Input, Move, Output, Outputs};
use gateway_core::lists::Lists;
use gateway_core::moment::{ClockTrust, Moment, Mono};
use gateway_core::name::Name;
use gateway_core::reading::ArmPosition;
use gateway_core::rule::{RuleError, RuleFile, RuleSet};
use gateway_core::site::Site;
use gateway_store::header::JournalId;
use gateway_store::journal::{Batch, Journal, Snapshot, begin_boot};
use gateway_store::memory::MemoryJournal;
use gateway_store::seal::{End, Origin, Sealer};
use gateway_store::{Reader, StoreError, record};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use traffic::{Scenario, Spec};

/// 2024-01-01 08:00 UTC: where the simulated wall clock begins, milliseconds since 1970.
const WALL_MS: i64 = 1_704_096_000_000;
/// The barrier says so long after the command that it was sent, milliseconds.
const SENT_AFTER_MS: u64 = 20;
/// A down time of the gateway, milliseconds.
const DOWN_MS: u64 = 2_000;
/// Events between snapshots of the gate.
const EVENTS_PER_SNAPSHOT: usize = 200;

/// What a simulation did and what was wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub seed: u64,
    pub minutes: u64,
    pub arrivals: u64,
    pub passages: u64,
    pub decisions: u64,
    pub admits: u64,
    pub holds: u64,
    pub refuses: u64,
    pub openings: u64,
    pub alerts: u64,
    pub events: u64,
    pub crashes: u64,
    /// Empty, or a promise was broken: what, where.
    pub violations: Vec<String>,
}

/// The simulation itself could not run.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    #[error("the simulated journal failed")]
    Store(#[from] StoreError),
    #[error("the rules do not load: {}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Rules(Vec<RuleError>),
    #[error("the gate's snapshot does not load")]
    Snapshot(#[from] gateway_core::gate::SnapshotError),
}

/// Runs the traffic of a seed for so many minutes, crashing about `crashes_an_hour` times an hour.
///
/// The same arguments give the same report. Rules compile here: call it on a large stack.
pub fn simulate(seed: u64, minutes: u64, crashes_an_hour: u32) -> Result<Report, SimError> {
    let scenario = Scenario::generate(&Spec::seconds(seed, minutes * 60));
    let mut world = World::new(seed, &scenario)?;
    let mut crashes = world.crashes(minutes, crashes_an_hour);
    let mut down = Vec::new();
    for (ms, input) in schedule::inputs(&scenario) {
        while crashes.front().is_some_and(|crash| *crash <= ms) {
            let crash = crashes.pop_front().unwrap_or(ms);
            world.run_to(crash)?;
            world.crash()?;
            down.push(crash);
        }
        world.run_to(ms)?;
        // While the gateway is down, what happens is not seen.
        if ms >= world.up_from {
            world.step(ms, input)?;
        }
    }
    let end = minutes * 60_000 + 300_000;
    world.run_to(end)?;
    let mut report = Report {
        seed,
        minutes,
        crashes: down.len() as u64,
        openings: world.openings,
        ..Report::default()
    };
    checks::check(&world.reader(), &scenario, &down, &mut report)?;
    Ok(report)
}

/// The gate, its journal and the arms.
struct World {
    seed: u64,
    site: Arc<Site>,
    lists: Arc<Lists>,
    journal: Arc<MemoryJournal>,
    sealer: Sealer,
    gate: Gate,
    out: Outputs,
    boot: u32,
    /// Simulated milliseconds at which this boot began: its monotonic clock starts there.
    up_from: u64,
    now: u64,
    /// What barriers answer and arms do, by time.
    later: VecDeque<(u64, Input)>,
    since_snapshot: usize,
    openings: u64,
}

impl World {
    fn new(seed: u64, scenario: &Scenario) -> Result<World, SimError> {
        let site = Arc::new(site::demo());
        let lists = Arc::new(site::lists(scenario, WALL_MS));
        let journal = Arc::new(MemoryJournal::new(JournalId([7; 16])));
        let sealer = sealer(seed, 0, &site, journal.as_ref(), End::EMPTY);
        let boot = begin_boot(journal.as_ref())?;
        let gate = Gate::new(site.clone(), rules(&site)?, lists.clone(), boot);
        let mut world = World {
            seed,
            site,
            lists,
            journal,
            sealer,
            gate,
            out: Outputs::default(),
            boot,
            up_from: 0,
            now: 0,
            later: VecDeque::new(),
            since_snapshot: 0,
            openings: 0,
        };
        world.start()?;
        Ok(world)
    }

    fn reader(&self) -> Reader {
        Reader::new(self.journal.clone())
    }

    /// When the gateway crashes, in order.
    fn crashes(&self, minutes: u64, an_hour: u32) -> VecDeque<u64> {
        let mut dice = ChaCha8Rng::seed_from_u64(self.seed);
        dice.set_stream(99);
        let count = minutes * u64::from(an_hour) / 60;
        let mut crashes: Vec<u64> = (0..count)
            .map(|_| dice.gen_range(1_000..minutes * 60_000))
            .collect();
        crashes.sort_unstable();
        crashes.dedup_by(|next, before| next.saturating_sub(*before) < 4 * DOWN_MS);
        crashes.into()
    }

    fn start(&mut self) -> Result<(), SimError> {
        let at = self.moment(self.up_from);
        self.gate.start(at, &mut self.out);
        self.commit(self.up_from)?;
        let arms: Vec<Name> = self.site.lanes.iter().map(|lane| lane.id.clone()).collect();
        for lane in arms {
            let input = schedule::arm(&lane, self.mono(self.up_from), ArmPosition::Closed);
            self.step(self.up_from, input)?;
        }
        Ok(())
    }

    fn moment(&self, ms: u64) -> Moment {
        Moment {
            boot: self.boot,
            mono: self.mono(ms),
            wall_ms: WALL_MS + i64::try_from(ms).unwrap_or(0),
            offset_min: 480,
            trust: ClockTrust::Synchronised,
        }
    }

    /// The monotonic clock of this boot at a simulated time.
    fn mono(&self, ms: u64) -> Mono {
        Mono::from_ms(ms - self.up_from)
    }

    /// Lets time pass: deadlines, barriers and arms in their order.
    fn run_to(&mut self, ms: u64) -> Result<(), SimError> {
        loop {
            let deadline = self.gate.next_deadline();
            // The gate sleeps whole milliseconds, and never less than it must.
            let deadline = deadline.map(|due| self.up_from + due.0.div_ceil(1_000));
            let later = self.later.front().map(|(due, _)| *due);
            match (deadline, later) {
                (_, Some(due)) if due <= ms && deadline.is_none_or(|deadline| due <= deadline) => {
                    if let Some((due, input)) = self.later.pop_front() {
                        self.step(due, input)?;
                    }
                }
                (Some(due), _) if due <= ms => self.step(due, Input::Deadline)?,
                _ => return Ok(()),
            }
        }
    }

    fn step(&mut self, ms: u64, input: Input) -> Result<(), SimError> {
        let ms = ms.max(self.now);
        self.now = ms;
        let input = schedule::received(input, self.mono(ms));
        self.gate.apply(self.moment(ms), input, &mut self.out);
        self.commit(ms)
    }

    /// Append, durable, then outward.
    fn commit(&mut self, ms: u64) -> Result<(), SimError> {
        let outputs: Vec<Output> = self.out.list.drain(..).collect();
        let mut records = Vec::new();
        let mut moves = Vec::new();
        for output in outputs {
            match output {
                Output::Record(event) => {
                    records.push(record::encode(&self.sealer.seal(&event)?));
                }
                Output::Move(asked) => moves.push(asked),
                Output::Show(_) | Output::Ask { .. } => {}
            }
        }
        if !records.is_empty() {
            self.since_snapshot += records.len();
            let first = self.journal.last() + 1;
            let through = self.journal.last() + records.len() as u64;
            let snapshot = (self.since_snapshot >= EVENTS_PER_SNAPSHOT).then(|| Snapshot {
                through,
                state: self.gate.snapshot(),
            });
            if snapshot.is_some() {
                self.since_snapshot = 0;
            }
            self.journal.append(&Batch {
                first,
                records,
                snapshot,
            })?;
        }
        for asked in moves {
            self.outward(ms, asked);
        }
        Ok(())
    }

    /// The barrier takes a command at once; its arm opens and closes by itself.
    fn outward(&mut self, ms: u64, asked: Move) {
        if asked.command == Barrier::Open {
            self.openings += 1;
        }
        let lane = asked.lane.clone();
        self.plan(
            ms + SENT_AFTER_MS,
            Input::Moved {
                id: asked.id,
                lane: asked.lane,
                command: asked.command,
                outcome: MoveOutcome::Sent,
            },
        );
        for (after, position) in [
            (300, ArmPosition::Moving),
            (1_200, ArmPosition::Open),
            (3_600, ArmPosition::Closed),
        ] {
            let input = schedule::arm(&lane, Mono(0), position);
            self.plan(ms + after, input);
        }
    }

    fn plan(&mut self, ms: u64, input: Input) {
        let place = self.later.partition_point(|(due, _)| *due <= ms);
        self.later.insert(place, (ms, input));
    }

    /// The process dies and comes back from what is durable. What barriers would have answered to
    /// it is lost.
    fn crash(&mut self) -> Result<(), SimError> {
        self.later.clear();
        self.out.list.clear();
        self.up_from = self.now.max(self.up_from) + DOWN_MS;
        self.now = self.up_from;
        self.boot = begin_boot(self.journal.as_ref())?;
        let reader = self.reader();
        self.sealer = sealer(
            self.seed,
            u64::from(self.boot),
            &self.site,
            self.journal.as_ref(),
            reader.end()?,
        );
        let (site, lists) = (self.site.clone(), self.lists.clone());
        let set = rules(&self.site)?;
        let snapshot = reader.snapshot()?;
        let mut through = 0;
        self.gate = match snapshot {
            Some(snapshot) => {
                through = snapshot.through;
                Gate::from_snapshot(site, set, lists, self.boot, &snapshot.state)?
            }
            None => Gate::new(site, set, lists, self.boot),
        };
        for (number, event) in events(&reader, through + 1)? {
            self.gate.recover(number, &event);
        }
        self.start()
    }
}

/// All events from a number on, as the journal holds them.
fn events(reader: &Reader, from: u64) -> Result<Vec<(u64, Event)>, StoreError> {
    let mut events = Vec::new();
    let mut from = from;
    loop {
        let stored = reader.range(from, 512)?;
        let Some(last) = stored.last() else {
            return Ok(events);
        };
        from = last.number() + 1;
        for stored in &stored {
            events.push((stored.number(), record::decode(stored)?));
        }
    }
}

fn rules(site: &Site) -> Result<RuleSet, SimError> {
    let file = RuleFile {
        name: "ordinary.toml",
        text: include_str!("../../../config/rules/ordinary.toml"),
    };
    RuleSet::load(&site.lanes, &[file]).map_err(SimError::Rules)
}

fn sealer(seed: u64, stream: u64, site: &Site, journal: &MemoryJournal, end: End) -> Sealer {
    let mut salts = ChaCha8Rng::seed_from_u64(seed);
    salts.set_stream(1_000 + stream);
    let origin = Origin {
        gateway: site.gateway.clone(),
        grid: site.grid.clone(),
        journal: journal.id(),
    };
    Sealer::new(origin, end, Box::new(salts))
}
