//! The durable state of the gate: a fold of recorded events and of nothing else.
//!
//! The gate folds each event as it records it, and folds the journal's tail after a start, so both
//! ways come to the same state. Snapshots are versioned JSON for the store to keep in the batch of
//! the events that they contain.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::alert::{Alert, AlertState};
use crate::decision::Verdict;
use crate::event::{Body, Event, EventKind};
use crate::lists::{Entry, Key, ListName};
use crate::name::{Name, PassageId};
use crate::order::Sender;
use crate::reading::Freshness;

mod went;

pub(super) use went::{PASS_SHOWN, PASS_USED, Who};
pub use went::{SEEN_REMEMBERED, USES_REMEMBERED};
pub(crate) use went::{Seen, Went};

/// Order ids that are remembered; the oldest is forgotten. Upstream's orders are numbered besides.
pub const ORDERS_REMEMBERED: usize = 4_096;

const SCHEMA: u32 = 2;

/// Why a snapshot cannot be used. The fold of the whole journal can replace it.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("the snapshot of the gate is not what was written: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("the snapshot of the gate has schema {found}, this version reads {SCHEMA}")]
    Schema { found: u32 },
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Memory {
    schema: u32,
    /// The highest event number folded by `recover`; 0 before.
    pub through: u64,
    /// The number of the alert raised last.
    pub alerts_raised: u64,
    /// Open and acknowledged alerts.
    pub alerts: BTreeMap<u64, Alert>,
    /// Which alert says that a device is down.
    pub device_alerts: BTreeMap<Name, u64>,
    /// Begun and not ended.
    pub passages: BTreeMap<PassageId, OpenPassage>,
    orders: VecDeque<String>,
    /// Who went in and out, and what was used up by that.
    pub went: Went,
    /// Entered at the gate and not taken over yet.
    pub local: Vec<(ListName, Entry)>,
    /// The last record counters of each device: of its cards and of its temperatures.
    pub counters: BTreeMap<Name, Counters>,
    /// Who asked for the lock-down that is on; empty: none is.
    pub lockdown: BTreeSet<Name>,
    /// What asked for the emergency that is on; empty: none is.
    pub emergency: BTreeSet<Name>,
    #[serde(skip)]
    order_index: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct OpenPassage {
    pub lane: Name,
    pub decided: bool,
    /// Who it is, as decided: an answer that lets it through counts for them.
    #[serde(default)]
    pub who: Option<Box<Who>>,
    /// It went through: what that changed, so that turning back can undo it.
    #[serde(default)]
    pub through: bool,
}

/// One record may hold a card and a temperature, each counted by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Counters {
    pub card: Option<u64>,
    pub temperature: Option<u64>,
}

/// Devices whose counters are remembered; of more, none is.
const COUNTERS_REMEMBERED: usize = 256;

impl Memory {
    pub fn to_snapshot(&self) -> Vec<u8> {
        let mut memory = self.clone();
        memory.schema = SCHEMA;
        // Only maps with text keys and plain values: this cannot fail, and nothing is lost if it did.
        serde_json::to_vec(&memory).unwrap_or_default()
    }

    pub fn from_snapshot(bytes: &[u8]) -> Result<Memory, SnapshotError> {
        #[derive(Deserialize)]
        struct Head {
            schema: u32,
        }
        let head: Head = serde_json::from_slice(bytes)?;
        if head.schema != SCHEMA {
            return Err(SnapshotError::Schema { found: head.schema });
        }
        let mut memory: Memory = serde_json::from_slice(bytes)?;
        memory.order_index = memory.orders.iter().cloned().collect();
        memory.schema = 0;
        Ok(memory)
    }

    pub fn seen(&self, id: &Name, sender: &Sender) -> bool {
        self.order_index.contains(&order_key(id, sender))
    }

    pub fn fold(&mut self, event: &Event) {
        match event.kind {
            EventKind::PassageBegun => self.begin(event),
            EventKind::PassageEnded => self.end(event),
            EventKind::Decision => self.decide(event),
            EventKind::Answer => self.answer(event),
            EventKind::AlertRaised => self.raise(event),
            EventKind::AlertAcknowledged | EventKind::AlertClosed => self.alert_state(event),
            EventKind::Order => self.order(event),
            EventKind::ReadingJoined | EventKind::Stray => self.count(event),
            EventKind::ListChanged => self.list_changed(event),
            EventKind::Emergency => sources(event, |source| {
                self.emergency.insert(source.clone());
            }),
            EventKind::EmergencyEnded => self.emergency.clear(),
            EventKind::LockDown => sources(event, |source| {
                self.lockdown.insert(source.clone());
            }),
            EventKind::LockDownEnded => self.lockdown.clear(),
            _ => {}
        }
    }

    fn begin(&mut self, event: &Event) {
        if let (Some(id), Some(lane)) = (&event.passage, &event.lane) {
            let open = OpenPassage {
                lane: lane.clone(),
                decided: false,
                who: None,
                through: false,
            };
            self.passages.insert(id.clone(), open);
        }
    }

    fn end(&mut self, event: &Event) {
        let Some(open) = event
            .passage
            .as_ref()
            .and_then(|id| self.passages.remove(id))
        else {
            return;
        };
        let turned_back = event
            .parts
            .iter()
            .any(|part| matches!(&part.body, Body::PassageEnded { end, .. } if end.turned_back()));
        if let Some(who) = open.who.filter(|_| open.through && turned_back) {
            self.went.came_back(&who);
        }
    }

    fn decide(&mut self, event: &Event) {
        let mut decisions = event.parts.iter().filter_map(|part| match &part.body {
            Body::Decision(decision) => Some(decision),
            _ => None,
        });
        let Some(decision) = decisions.next() else {
            return;
        };
        let mut who = (!decision.shadow).then(|| Box::new(Who::of(event)));
        let through = decision.verdict == Verdict::Admit;
        if let Some(who) = who.as_mut().filter(|_| through) {
            self.went.through(who, event);
        }
        let open = event
            .passage
            .as_ref()
            .and_then(|id| self.passages.get_mut(id));
        if let Some(open) = open {
            open.decided = true;
            open.through = through;
            open.who = who;
        }
    }

    /// Whoever was let through by an answer went through as well.
    fn answer(&mut self, event: &Event) {
        let admits = event.parts.iter().any(|part| match &part.body {
            Body::Answer { verdict, .. } => *verdict == Some(Verdict::Admit),
            Body::Note { code, values } => {
                code.as_str() == FALLBACK && values.iter().any(|(_, word)| word == "admit")
            }
            _ => false,
        });
        let open = event
            .passage
            .as_ref()
            .and_then(|id| self.passages.get_mut(id));
        let Some(open) = open.filter(|open| admits && !open.through) else {
            return;
        };
        open.through = true;
        if let Some(who) = &mut open.who {
            self.went.through(who, event);
        }
    }

    /// Counters of devices: a live record sets them, an old one only lifts them.
    fn count(&mut self, event: &Event) {
        for part in &event.parts {
            let (device, freshness, counter, card) = match &part.body {
                Body::Card {
                    device,
                    freshness,
                    counter,
                    ..
                } => (device, freshness, counter, true),
                Body::Temperature {
                    device,
                    freshness,
                    counter,
                    ..
                } => (device, freshness, counter, false),
                _ => continue,
            };
            let Some(counter) = *counter else { continue };
            if self.counters.len() >= COUNTERS_REMEMBERED && !self.counters.contains_key(device) {
                continue;
            }
            let known = self.counters.entry(device.clone()).or_default();
            let last = if card {
                &mut known.card
            } else {
                &mut known.temperature
            };
            *last = match freshness {
                Freshness::Live => Some(counter),
                _ => (*last).max(Some(counter)),
            };
        }
    }

    fn list_changed(&mut self, event: &Event) {
        for part in &event.parts {
            let Body::LocalEntries { list, put, gone } = &part.body else {
                continue;
            };
            let keys: BTreeSet<Key> = put.iter().map(Entry::key).chain(gone.clone()).collect();
            self.local
                .retain(|(of, entry)| of != list || !keys.contains(&entry.key()));
            self.local
                .extend(put.iter().map(|entry| (*list, entry.clone())));
        }
    }

    fn raise(&mut self, event: &Event) {
        let mut number = None;
        for part in &event.parts {
            match &part.body {
                Body::Alert(raised) => {
                    self.alerts_raised = self.alerts_raised.max(raised.alert);
                    number = Some(raised.alert);
                    let alert = Alert {
                        raised: raised.clone(),
                        at: event.at,
                        lane: event.lane.clone(),
                        passage: event.passage.clone(),
                        state: AlertState::Open,
                        acknowledged_by: None,
                        closed_by: None,
                        reason: None,
                    };
                    self.alerts.insert(raised.alert, alert);
                }
                Body::DeviceState { device, .. } => {
                    if let Some(number) = number {
                        self.device_alerts.insert(device.clone(), number);
                    }
                }
                _ => {}
            }
        }
    }

    fn alert_state(&mut self, event: &Event) {
        for part in &event.parts {
            let Body::AlertState { alert, by, .. } = &part.body else {
                continue;
            };
            if event.kind == EventKind::AlertClosed {
                self.alerts.remove(alert);
                self.device_alerts.retain(|_, number| number != alert);
            } else if let Some(known) = self.alerts.get_mut(alert) {
                known.state = AlertState::Acknowledged;
                known.acknowledged_by = by.clone();
            }
        }
    }

    fn order(&mut self, event: &Event) {
        for part in &event.parts {
            let Body::Order { id, sender, .. } = &part.body else {
                continue;
            };
            let key = order_key(id, sender);
            if !self.order_index.insert(key.clone()) {
                continue;
            }
            self.orders.push_back(key);
            if self.orders.len() > ORDERS_REMEMBERED
                && let Some(oldest) = self.orders.pop_front()
            {
                self.order_index.remove(&oldest);
            }
        }
    }
}

/// The code of the note in an answer that nobody gave.
pub(super) const FALLBACK: &str = "fallback";

fn sources(event: &Event, mut note: impl FnMut(&Name)) {
    for part in &event.parts {
        if let Body::Emergency { source } | Body::LockDown { source, .. } = &part.body {
            note(source);
        }
    }
}

/// An id is unique for its sender only.
fn order_key(id: &Name, sender: &Sender) -> String {
    match sender {
        Sender::Person { account, .. } => format!("person {account} {id}"),
        Sender::Upstream { destination } => format!("upstream {destination} {id}"),
    }
}
