//! The durable state of the gate: a fold of recorded events and of nothing else.
//!
//! The gate folds each event as it records it, and folds the journal's tail after a start, so both
//! ways come to the same state. Snapshots are versioned JSON for the store to keep in the batch of
//! the events that they contain.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::alert::{Alert, AlertState};
use crate::decision::{FactRecord, FactState, Verdict};
use crate::event::{Body, Event, EventKind};
use crate::name::{Name, PassageId};
use crate::order::Sender;

/// Order ids that are remembered; the oldest is forgotten. Upstream's orders are numbered besides.
pub const ORDERS_REMEMBERED: usize = 4_096;
/// Plates and cards remembered as inside; beyond that the newest are not remembered.
pub const INSIDE_REMEMBERED: usize = 65_536;

const SCHEMA: u32 = 1;

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
    /// Uses of passes so far, by pass id.
    pub uses: BTreeMap<Name, u32>,
    inside: BTreeSet<String>,
    /// What asked for the emergency that is on; empty: none is.
    pub emergency: BTreeSet<Name>,
    #[serde(skip)]
    order_index: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct OpenPassage {
    pub lane: Name,
    pub decided: bool,
}

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

    pub fn is_inside(&self, key: &str) -> bool {
        self.inside.contains(key)
    }

    pub fn fold(&mut self, event: &Event) {
        match event.kind {
            EventKind::PassageBegun => self.begin(event),
            EventKind::PassageEnded => {
                if let Some(id) = &event.passage {
                    self.passages.remove(id);
                }
            }
            EventKind::Decision => self.decide(event),
            EventKind::AlertRaised => self.raise(event),
            EventKind::AlertAcknowledged | EventKind::AlertClosed => self.alert_state(event),
            EventKind::Order => self.order(event),
            EventKind::Emergency => {
                for part in &event.parts {
                    if let Body::Emergency { source } = &part.body {
                        self.emergency.insert(source.clone());
                    }
                }
            }
            EventKind::EmergencyEnded => self.emergency.clear(),
            _ => {}
        }
    }

    fn begin(&mut self, event: &Event) {
        if let (Some(id), Some(lane)) = (&event.passage, &event.lane) {
            let open = OpenPassage {
                lane: lane.clone(),
                decided: false,
            };
            self.passages.insert(id.clone(), open);
        }
    }

    fn decide(&mut self, event: &Event) {
        if let Some(open) = event
            .passage
            .as_ref()
            .and_then(|id| self.passages.get_mut(id))
        {
            open.decided = true;
        }
        let admitted = event.parts.iter().any(|part| {
            matches!(&part.body, Body::Decision(decision)
                if decision.verdict == Verdict::Admit && !decision.shadow)
        });
        if !admitted {
            return;
        }
        for part in &event.parts {
            if let Body::Note { code, values } = &part.body
                && code.as_str() == PASS_USED
            {
                for (_, pass) in values {
                    *self.uses.entry(Name::new(pass)).or_insert(0) += 1;
                }
            }
        }
        self.went(event);
    }

    /// Anti-passback: whoever is listed and admitted is inside behind an entry and outside
    /// behind an exit.
    fn went(&mut self, event: &Event) {
        let facts: Vec<&FactRecord> = event
            .parts
            .iter()
            .filter_map(|part| match &part.body {
                Body::Facts { facts } => Some(facts),
                _ => None,
            })
            .flatten()
            .collect();
        let state = |name: &str| {
            let found = facts.iter().find(|fact| fact.name.as_str() == name);
            found.map(|fact| &fact.state)
        };
        let entry = match state("lane.direction") {
            Some(FactState::Text(direction)) => direction == "entry",
            _ => return,
        };
        for (listed, key) in [("vehicle.listed", "plate.text"), ("card.listed", "card.id")] {
            let (Some(FactState::Truth(true)), Some(FactState::Text(key))) =
                (state(listed), state(key))
            else {
                continue;
            };
            if !entry {
                self.inside.remove(key);
            } else if self.inside.len() < INSIDE_REMEMBERED {
                self.inside.insert(key.clone());
            }
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

/// The code of the note in a decision that used a pass; its value is the pass id.
pub(super) const PASS_USED: &str = "pass_used";

/// An id is unique for its sender only.
fn order_key(id: &Name, sender: &Sender) -> String {
    match sender {
        Sender::Person { account, .. } => format!("person {account} {id}"),
        Sender::Upstream { destination } => format!("upstream {destination} {id}"),
    }
}
