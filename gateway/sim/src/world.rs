//! The world around one gateway: what truly happens, in the order of simulated time, one step after
//! another, and the process in the middle that may die at each of them.

mod arms;
mod cars;
mod delivery;
mod edge;
mod guard;
mod outward;
mod trouble;
mod walkers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gateway_core::event::{Barrier, MoveOutcome};
use gateway_core::gate::Input;
use gateway_core::moment::{Moment, Mono};
use gateway_core::name::Name;
use gateway_core::order::Order;
use gateway_core::rule::RuleSet;
use gateway_store::Reader;
use gateway_store::header::JournalId;
use gateway_store::journal::Journal;
use gateway_store::memory::MemoryJournal;
use gateway_store::outbox::Receipt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use traffic::day::{Day, Visit};

use crate::clock::WallClock;
use crate::faults::{Blow, DeviceFault, Planned};
use crate::lane::{Device, Road};
use crate::oracle::{MOST_VIOLATIONS, Oracle, Present};
use crate::plant::Plant;
use crate::process::{Asked, Ground, Process, Turn};
use crate::upstream::{Link, Platform};
use crate::{Run, SimError, site};

pub use edge::Message;

/// Everything that can come next.
#[derive(Debug)]
pub enum Happening {
    /// Loops say what they feel.
    Second,
    Visit(usize),
    Car(usize, u64, cars::Step),
    Walker(usize, u64, walkers::Step),
    Arm(usize, u64, arms::Step),
    Message(Message),
    /// The batch of this boot has reached the disk.
    Committed(u32),
    /// What became of a move is told to the boot that asked.
    Moved(u32, u64, usize, Barrier, MoveOutcome),
    Order(Order),
    /// The guard looks at the alerts.
    Round,
    /// The guard shuts an arm.
    Closing,
    Begins(usize),
    Ends(usize),
    Crash(u64),
    Boot,
    Link(delivery::Step),
    Wire(u64, Vec<u64>),
    Receipt(u64, Receipt),
    Health(usize, Device, gateway_core::reading::DeviceState),
    /// Whoever was there has been away for long enough to be forgotten.
    Away(usize, String, usize),
}

/// What of the gateway's edges lives outside the state machine: gone with a crash.
#[derive(Default)]
struct Edge {
    /// The loop under each arm as last heard: when, and whether occupied.
    loops: BTreeMap<usize, (u64, bool)>,
    /// Held open or released, told again when the link is back.
    standing: BTreeMap<usize, Asked>,
    started: bool,
}

pub struct World {
    pub run: Run,
    ground: Ground,
    visits: Vec<Visit>,
    /// Plates that look like a listed one.
    twins: BTreeMap<String, String>,
    /// Every key on a list: no misread may hit one by chance and be believed.
    listed: BTreeSet<String>,
    pub now: u64,
    next: u64,
    queue: BTreeMap<(u64, u64), Happening>,
    process: Option<Process>,
    rules: Option<(RuleSet, Option<RuleSet>)>,
    edge: Edge,
    roads: Vec<Road>,
    present: Present,
    clock: WallClock,
    began_wall: i64,
    faults: Vec<Planned>,
    device_faults: BTreeMap<(usize, Device), DeviceFault>,
    stuck: BTreeMap<(usize, Device), bool>,
    impostor: bool,
    disk_stalls: bool,
    barrier_down: bool,
    blow: Option<(Blow, u64)>,
    /// The broker's: what it was not told to forget, and what it keeps for whoever comes.
    unacknowledged: BTreeMap<u64, Message>,
    retained: BTreeMap<(usize, Device), Message>,
    messages: u64,
    counters: BTreeMap<(usize, Device), u64>,
    records: BTreeMap<(usize, Device), Vec<Message>>,
    link: Link,
    pub platform: Platform,
    unanswered: Vec<u64>,
    orders: u64,
    tracks: u64,
    numbers: u64,
    pub oracle: Oracle,
    /// Of the traffic, of the noise of devices, of the way upstream, of people.
    dice: ChaCha8Rng,
    noise: ChaCha8Rng,
    way: ChaCha8Rng,
    people: ChaCha8Rng,
    left_behind: Vec<Asked>,
    pub crashes: u64,
    pub slipped: u64,
    pub readings: u64,
    pub trace: Vec<String>,
    healed: bool,
    idle_turns: u32,
    pub error: Option<SimError>,
    /// How each passage was decided, in the order of time.
    pub decisions: Vec<(String, gateway_core::decision::Verdict)>,
}

impl World {
    pub fn new(run: Run, day: Day, faults: Vec<Planned>) -> Result<World, SimError> {
        let site = Arc::new(site::site());
        let lists = site::lists(&day);
        let set = site::rules(&site, run.rules)?;
        let twin = run
            .twin
            .then(|| site::rules(&site, run.rules))
            .transpose()?;
        let limits = day
            .passes
            .iter()
            .filter_map(|pass| Some((pass.id.clone(), pass.uses?)))
            .collect();
        let dice = |stream| {
            let mut dice = ChaCha8Rng::seed_from_u64(run.seed);
            dice.set_stream(stream);
            dice
        };
        let vehicles = day.vehicles.iter().map(|(plate, _)| plate.clone());
        let passes = day.passes.iter().map(|pass| pass.plate.clone());
        let watched = day.watched.iter().map(|(plate, _)| plate.clone());
        let twins = day
            .vehicles
            .iter()
            .filter_map(|(plate, _)| Some((traffic::lookalike::swapped(plate)?, plate.clone())));
        let mut world = World {
            ground: Ground {
                seed: run.seed,
                lists,
                journal: Arc::new(MemoryJournal::new(JournalId([7; 16]))),
                plant: run.plant,
                site: site.clone(),
            },
            twins: twins.collect(),
            listed: vehicles.chain(passes).chain(watched).collect(),
            visits: day.visits,
            now: 0,
            next: 0,
            queue: BTreeMap::new(),
            process: None,
            rules: Some((set, twin)),
            edge: Edge::default(),
            roads: site
                .lanes
                .iter()
                .map(|lane| {
                    let walk = lane.kind == gateway_core::site::LaneKind::Pedestrian;
                    Road::new(lane.id.as_str(), walk)
                })
                .collect(),
            present: Present::new(),
            clock: WallClock::default(),
            began_wall: 0,
            faults,
            device_faults: BTreeMap::new(),
            stuck: BTreeMap::new(),
            impostor: false,
            disk_stalls: false,
            barrier_down: false,
            blow: None,
            unacknowledged: BTreeMap::new(),
            retained: BTreeMap::new(),
            messages: 0,
            counters: BTreeMap::new(),
            records: BTreeMap::new(),
            link: Link::default(),
            platform: Platform::default(),
            unanswered: Vec::new(),
            orders: 0,
            tracks: 0,
            numbers: 0,
            oracle: Oracle::new(run.rules, site.lanes.len(), limits),
            dice: dice(1),
            noise: dice(2),
            way: dice(3),
            people: dice(4),
            left_behind: Vec::new(),
            crashes: 0,
            slipped: 0,
            readings: 0,
            trace: Vec::new(),
            healed: false,
            idle_turns: 0,
            error: None,
            decisions: Vec::new(),
            run,
        };
        world.plan();
        Ok(world)
    }

    fn plan(&mut self) {
        self.at(0, Happening::Boot);
        self.at(1_000, Happening::Second);
        self.at(1_200_000, Happening::Round);
        self.at(400_000, Happening::Closing);
        for visit in 0..self.visits.len() {
            self.at(self.visits[visit].at_ms + 5_000, Happening::Visit(visit));
        }
        for fault in 0..self.faults.len() {
            self.at(self.faults[fault].from_ms, Happening::Begins(fault));
        }
    }

    fn at(&mut self, ms: u64, happening: Happening) {
        self.next += 1;
        self.queue.insert((ms, self.next), happening);
    }

    fn after(&mut self, ms: u64, happening: Happening) {
        self.at(self.now + ms, happening);
    }

    pub fn reader(&self) -> Reader {
        Reader::new(self.ground.journal.clone())
    }

    pub fn waiting_upstream(&self) -> Option<u64> {
        self.process
            .as_ref()
            .map(|process| process.outbox.waiting())
    }

    fn last(&self) -> u64 {
        self.ground.journal.last()
    }

    fn plant(&self, plant: Plant) -> bool {
        self.run.plant == Some(plant)
    }

    /// Lets time pass until `until`, one step after another; stops early when enough is wrong.
    pub fn run_to(&mut self, until: u64) {
        while self.error.is_none() && self.oracle.violations.len() < MOST_VIOLATIONS {
            let queued = self.queue.first_key_value().map(|((ms, _), _)| *ms);
            let gate = self.due(|process| process.gate.next_deadline());
            let deliverer = self.due(|process| process.deliverer.next_deadline());
            let Some(due) = [queued, gate, deliverer].into_iter().flatten().min() else {
                break;
            };
            if due > until {
                break;
            }
            self.idle_turns = if due > self.now {
                0
            } else {
                self.idle_turns + 1
            };
            if self.idle_turns > 100_000 {
                self.oracle
                    .broken("T-1", "the gate turns and no time passes");
                break;
            }
            self.now = self.now.max(due);
            self.oracle.now = self.now;
            self.oracle.step += 1;
            if gate == Some(due) && queued != Some(due) {
                self.tell(Input::Deadline, None);
            } else if queued == Some(due) {
                if let Some((_, happening)) = self.queue.pop_first() {
                    self.happen(happening);
                }
            } else {
                self.deliver(gateway_store::deliver::Input::Tick);
            }
        }
        self.now = self.now.max(until);
        self.oracle.now = self.now;
    }

    /// A deadline of the process in simulated milliseconds: it sleeps whole ones, and never less
    /// than it must.
    fn due(&self, of: impl Fn(&Process) -> Option<Mono>) -> Option<u64> {
        let process = self.process.as_ref()?;
        let due = of(process)?;
        Some((process.began + due.0.div_ceil(1_000)).max(self.now))
    }

    fn traced(&self) -> bool {
        let trace = self.run.trace;
        trace.is_some_and(|(from, to)| (from..=to).contains(&self.now))
    }

    fn trace(&mut self, what: impl std::fmt::Display) {
        self.trace
            .push(format!("{:>10.3} {what}", self.now as f64 / 1_000.0));
    }

    fn happen(&mut self, happening: Happening) {
        if self.traced() && !matches!(happening, Happening::Second) {
            self.trace(format!("{happening:?}"));
        }
        match happening {
            Happening::Second => self.second(),
            Happening::Visit(visit) => self.visit(visit),
            Happening::Car(lane, car, step) => self.car(lane, car, step),
            Happening::Walker(lane, walker, step) => self.walker(lane, walker, step),
            Happening::Arm(lane, turn, step) => self.arm(lane, turn, step),
            Happening::Message(message) => self.arrives(message),
            Happening::Committed(boot) => self.committed(boot),
            Happening::Moved(boot, id, lane, command, outcome) => {
                self.moved(boot, id, lane, command, outcome);
            }
            Happening::Order(order) => self.order(order),
            Happening::Round => self.round(),
            Happening::Closing => self.closing(),
            Happening::Begins(fault) => self.begins(fault),
            Happening::Ends(fault) => self.ends(fault),
            Happening::Crash(down_ms) => self.crash(down_ms),
            Happening::Boot => self.boot(),
            Happening::Link(step) => self.link(step),
            Happening::Wire(connection, numbers) => self.wire(connection, &numbers),
            Happening::Receipt(connection, receipt) => self.receipt(connection, &receipt),
            Happening::Health(lane, device, state) => {
                let silent = self.device_faults.get(&(lane, device));
                if silent == Some(&crate::faults::DeviceFault::Silent) {
                    self.health(lane, device, state);
                }
            }
            Happening::Away(lane, key, visit) => {
                if let Some(there) = self.present.get_mut(&(lane, key)) {
                    // One car has the same key for what it is and for what was read.
                    if let Some(index) = there.iter().position(|of| *of == visit) {
                        there.remove(index);
                    }
                }
            }
        }
    }

    fn visit(&mut self, visit: usize) {
        let lane = self.visits[visit].lane;
        let Some(lane) = self
            .roads
            .iter()
            .position(|road| road.name.as_str() == lane)
        else {
            return;
        };
        self.roads[lane].waiting.push_back(visit);
        if self.roads[lane].pedestrian {
            self.walk_up(lane);
        } else {
            self.drive_up(lane);
        }
    }

    /// What the gateway believes of the time.
    fn moment(&self, boot: u32, began: u64) -> Moment {
        let mut moment = self.clock.moment(self.now, boot, began);
        if self.plant(Plant::WallClockDrivesTimers) {
            let passed = (moment.wall_ms - self.began_wall).max(0);
            moment.mono = Mono::from_ms(passed as u64);
        }
        moment
    }

    /// Gives the gate an input; nothing happens while the process is down.
    fn tell(&mut self, input: Input, acknowledge: Option<u64>) {
        let Some((boot, began)) = self.process.as_ref().map(|p| (p.boot, p.began)) else {
            return;
        };
        let at = self.moment(boot, began);
        let plant = self.run.plant;
        if let Some(process) = &mut self.process {
            let turn = process.apply(self.now, at, input, acknowledge, plant);
            if process
                .gate
                .next_deadline()
                .is_some_and(|due| due <= at.mono)
            {
                self.oracle
                    .broken("T-1", "a deadline that has passed already");
            }
            self.turned(turn);
        }
    }

    /// What one turn of the gate came to: judged at once, then on its way to the disk.
    fn turned(&mut self, turn: Turn) {
        if turn.twin_differs {
            self.oracle
                .broken("D-1", "the same inputs gave other outputs");
        }
        if let Some(process) = &self.process {
            let began = process.began;
            for told in process.newest_told(&turn) {
                if self
                    .run
                    .trace
                    .is_some_and(|(from, to)| (from..=to).contains(&self.now))
                {
                    let at = self.now as f64 / 1_000.0;
                    self.trace.push(format!("{at:>10.3}     → {told}"));
                }
                self.oracle.put_out(told, began);
                let lane = told.lane.as_ref().and_then(|id| lane_of(&self.roads, id));
                if let (Some(decided), Some(lane)) = (&told.decision, lane) {
                    self.oracle
                        .judge(decided, lane, &self.present, &self.visits);
                    let passage = told.passage.as_ref().map(ToString::to_string);
                    let passage = passage.unwrap_or_default();
                    self.decisions.push((passage, decided.verdict));
                }
            }
        }
        for asked in turn.urgent {
            self.command(asked);
        }
        self.commit();
    }

    /// Chance that hangs on the moment alone: one commit more changes nothing for the next.
    fn chance(&self, sides: u64) -> u64 {
        let mut z = self.run.seed ^ self.now.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }

    fn fail(&mut self, error: impl Into<SimError>) {
        self.error.get_or_insert(error.into());
    }
}

fn lane_of(roads: &[Road], id: &Name) -> Option<usize> {
    roads.iter().position(|road| road.name == *id)
}
