//! The gate: one sans-I/O state machine, called by one thread, given time and input from outside.
//!
//! Bounds: [`PASSAGES_PER_LANE`], [`ALERTS_KEPT`], [`DEVICES_KNOWN`],
//! [`ORDERS_REMEMBERED`], [`SEEN_REMEMBERED`], [`USES_REMEMBERED`]. It never blocks, fails or
//! panics, and iterates in a fixed order.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::alert::Alert;
use crate::event::{Barrier, Body, Class, End, Event, EventKind, MoveOutcome, PartKind};
use crate::lists::{ListChange, Lists};
use crate::lookalike::Lookalikes;
use crate::moment::{Moment, Mono};
use crate::name::Name;
use crate::order::Order;
use crate::reading::{DeviceHealth, Freshness, Reading, Value};
use crate::rule::RuleSet;
use crate::sighting::Sighting;
use crate::site::{Lane, Site};
use crate::view::LaneView;

mod alarm;
mod decide;
mod device;
mod flow;
mod join;
mod lane;
mod lists;
mod loops;
mod memory;
mod order;
mod passage;
mod tell;

pub use alarm::ALERTS_KEPT;
pub use device::DEVICES_KNOWN;
pub use lane::PASSAGES_PER_LANE;
pub use memory::{ORDERS_REMEMBERED, SEEN_REMEMBERED, SnapshotError, USES_REMEMBERED};
pub(crate) use memory::{Seen, Went};

use device::Device;
use lane::LaneState;
use memory::Memory;

/// From the newest live input of a decision, or from the order, an arm may be opened for so long.
pub const WINDOW_MS: u64 = 2_000;

/// Everything that can happen to the gate.
#[derive(Clone, Debug)]
pub enum Input {
    Sighting(Sighting),
    Reading(Reading),
    DeviceHealth(DeviceHealth),
    Order(Order),
    /// An order that waited too long for the gate: it moves no arm.
    Lapsed(Order),
    /// A list changes, wholly or not at all; a refusal is recorded too.
    ListChange(ListChange),
    /// The wall clock jumped by this much; no timer moves.
    ClockStep {
        step_ms: i64,
    },
    /// The emergency contact or button; the edges have opened all lanes already.
    Emergency {
        source: Name,
    },
    /// What became of a move that the gate asked for.
    Moved {
        id: u64,
        lane: Name,
        command: Barrier,
        outcome: MoveOutcome,
    },
    /// `next_deadline` has come.
    Deadline,
}

/// Everything the gate can want.
// Outputs stand in one list that is reused, so a large variant costs no allocation of its own.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    Record(Event),
    Move(Move),
    Show(LaneView),
    /// Ask a device to measure or report once more.
    Ask {
        device: Name,
    },
}

/// Travels with the event recorded just before it and is sent only when that is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    pub id: u64,
    pub lane: Name,
    pub command: Barrier,
    /// After this moment it is dropped, and the drop recorded.
    pub until: Mono,
    /// Goes out before rules and journal: an emergency opening.
    pub urgent: bool,
}

/// Reused between calls, so that a quiet gate allocates nothing.
#[derive(Debug, Default)]
pub struct Outputs {
    pub list: Vec<Output>,
}

/// The state machine. One owner calls it with ever later moments of one boot.
pub struct Gate {
    site: Arc<Site>,
    rules: RuleSet,
    lists: Arc<Lists>,
    lookalikes: Lookalikes,
    boot: u32,
    memory: Memory,
    /// In the order of the site.
    lanes: Vec<LaneState>,
    devices: BTreeMap<Name, Device>,
    moves: u64,
    /// When the arms were last told to hold open, in this boot.
    emergency_asked: Option<Mono>,
    /// The live, trusted input that is being applied: its lane and when it was got.
    trigger: Option<(usize, Mono)>,
}

impl Gate {
    /// A gate that remembers nothing. `boot` counts the starts on this journal, from 1.
    pub fn new(site: Arc<Site>, rules: RuleSet, lists: Arc<Lists>, boot: u32) -> Gate {
        Gate {
            lookalikes: Lookalikes::of(&lists),
            lanes: site.lanes.iter().map(|_| LaneState::default()).collect(),
            site,
            rules,
            lists,
            boot,
            memory: Memory::default(),
            devices: BTreeMap::new(),
            moves: 0,
            emergency_asked: None,
            trigger: None,
        }
    }

    /// A gate with the durable state of a snapshot; `recover` then folds the events behind it.
    pub fn from_snapshot(
        site: Arc<Site>,
        rules: RuleSet,
        lists: Arc<Lists>,
        boot: u32,
        snapshot: &[u8],
    ) -> Result<Gate, SnapshotError> {
        let mut gate = Gate::new(site, rules, lists, boot);
        gate.resume(snapshot)?;
        Ok(gate)
    }

    /// Takes the durable state of a snapshot in; on an error the gate is as it was.
    pub fn resume(&mut self, snapshot: &[u8]) -> Result<(), SnapshotError> {
        self.memory = Memory::from_snapshot(snapshot)?;
        Ok(())
    }

    /// The durable state as versioned JSON. It contains every event that the gate has put out or
    /// folded so far: write it in the batch of the last of them, or later.
    pub fn snapshot(&self) -> Vec<u8> {
        self.memory.to_snapshot()
    }

    /// Folds one recorded event, in the order of numbers; those folded before are passed over.
    pub fn recover(&mut self, number: u64, event: &Event) {
        if number > self.memory.through {
            self.memory.fold(event);
            self.memory.through = number;
        }
    }

    /// Records the start, and ends the passages that the stop or crash cut short. Moves no arm.
    pub fn start(&mut self, at: Moment, out: &mut Outputs) {
        self.remember_local();
        let cut = self.memory.passages.clone();
        let started = Body::Started {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            after_crash: !cut.is_empty(),
        };
        let event = Event::new(at, EventKind::Started);
        self.record(event.part(PartKind::Detail, Class::Audit, started), out);
        for (id, open) in cut {
            let end = End::Withdrawn {
                cause: Name::new("restarted"),
            };
            let body = Body::PassageEnded {
                end,
                decided: open.decided,
            };
            let event = Event::new(at, EventKind::PassageEnded)
                .lane(&open.lane)
                .passage(&id)
                .part(PartKind::Detail, Class::Passage, body);
            self.record(event, out);
        }
        for lane in 0..self.lanes.len() {
            out.list.push(Output::Show(self.view(lane)));
        }
    }

    /// Applies one input at a moment. What has come due before it is done first.
    pub fn apply(&mut self, at: Moment, input: Input, out: &mut Outputs) {
        self.trigger = None;
        for lane in 0..self.lanes.len() {
            self.advance(lane, at, out);
        }
        match input {
            Input::Sighting(sighting) => self.sighting(at, sighting, out),
            Input::Reading(reading) => self.reading(at, reading, out),
            Input::DeviceHealth(health) => self.device_health(at, health, out),
            Input::Order(order) => self.order(at, order, out),
            Input::Lapsed(order) => self.lapsed(at, order, out),
            Input::ListChange(change) => self.list_change(at, &change, out),
            Input::ClockStep { step_ms } => {
                let event = Event::new(at, EventKind::Clock);
                let body = Body::Clock { step_ms };
                self.record(event.part(PartKind::Detail, Class::Audit, body), out);
            }
            Input::Emergency { source } => self.emergency(at, source, out),
            Input::Moved {
                id,
                lane,
                command,
                outcome,
            } => self.moved(at, id, &lane, command, outcome, out),
            Input::Deadline => {}
        }
        for lane in 0..self.lanes.len() {
            self.advance(lane, at, out);
        }
        if self.site.lanes.iter().any(|lane| lane.interlock.is_some()) {
            // One that became free lets another go on.
            for lane in 0..self.lanes.len() {
                self.advance(lane, at, out);
            }
        }
        for lane in 0..self.lanes.len() {
            if std::mem::take(&mut self.lanes[lane].dirty) {
                out.list.push(Output::Show(self.view(lane)));
            }
        }
        self.trigger = None;
    }

    /// When `Deadline` should be applied, if nothing else comes before. Always later than the
    /// moment applied last.
    pub fn next_deadline(&self) -> Option<Mono> {
        (0..self.lanes.len())
            .filter_map(|lane| self.lane_deadline(lane))
            .min()
    }

    /// What each lane shows, in the order of the site.
    pub fn views(&self) -> Vec<LaneView> {
        (0..self.lanes.len()).map(|lane| self.view(lane)).collect()
    }

    /// Open and acknowledged alerts, the oldest first.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.memory.alerts.values()
    }

    /// Whether an emergency is on: every arm is held open until a person ends it.
    pub fn emergency_active(&self) -> bool {
        !self.memory.emergency.is_empty()
    }

    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// Replaces all rules; passages decided before stand. Gives the old set back.
    pub fn swap_rules(&mut self, rules: RuleSet) -> RuleSet {
        std::mem::replace(&mut self.rules, rules)
    }

    /// Every event goes this way, so that the durable state is a fold of what was recorded.
    fn record(&mut self, event: Event, out: &mut Outputs) {
        self.memory.fold(&event);
        out.list.push(Output::Record(event));
    }

    fn lane_index(&self, id: &Name) -> Option<usize> {
        self.site.lanes.iter().position(|lane| lane.id == *id)
    }

    fn reading(&mut self, at: Moment, reading: Reading, out: &mut Outputs) {
        let reading = self.counted(reading);
        if let Value::Online(online) = reading.value {
            self.online(at, &reading, online, out);
            return;
        }
        let Some(lane) = self.lane_index(&reading.lane) else {
            self.stray_reading(at, &reading, None, out);
            return;
        };
        self.note_trigger(lane, reading.freshness, reading.trust, reading.received);
        self.learn(lane, &reading);
        match &reading.value {
            Value::Card(card) => {
                let card = card.clone();
                self.card(at, lane, &reading, card, out);
            }
            Value::Temperature(temperature) => {
                let temperature = temperature.clone();
                self.temperature(at, lane, &reading, temperature, out);
            }
            Value::Loop(state) => self.loop_reading(at, lane, &reading, *state, out),
            Value::Arm(position) => self.arm(at, lane, &reading, *position, out),
            Value::Emergency(active) => self.contact(at, &reading, *active, out),
            Value::Online(_) => {}
        }
    }

    fn note_trigger(
        &mut self,
        lane: usize,
        freshness: Freshness,
        trust: crate::reading::Trust,
        got: Mono,
    ) {
        let opens = trust.opens(self.site.lanes[lane].password_opens);
        if freshness == Freshness::Live && opens {
            self.trigger = Some((lane, got));
        }
    }

    fn config(&self, lane: usize) -> &Lane {
        &self.site.lanes[lane]
    }
}
