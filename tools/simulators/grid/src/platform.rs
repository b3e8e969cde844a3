//! The platform at work: a message is verified, stored durably, and only then answered.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::contract::{Receipt, Signed};
use crate::disk::Disk;
use crate::key::Key;
use crate::ledger::{Ledger, Outcome, Place};
use crate::lie::{self, Lie};

/// Shared between the MQTT side and the HTTP side.
pub struct Platform {
    content: Mutex<Content>,
    key: Key,
    destination: String,
    /// The broker sends us what gateways publish.
    subscribed: watch::Sender<bool>,
}

struct Content {
    ledger: Ledger,
    disk: Disk,
    lie: Option<Lie>,
    /// Stored and not yet answered, by gateway and journal.
    unanswered: BTreeMap<(String, String), BTreeSet<u64>>,
}

/// A payload for a topic.
#[derive(Debug)]
pub struct Message {
    pub topic: String,
    pub payload: Vec<u8>,
}

/// Ranges in one receipt, by the contract.
const RANGES_MAX: usize = 1_024;

impl Platform {
    /// Opens the store and verifies all of it anew.
    pub fn open(store: &Path, key: Key, destination: String, lie: Option<Lie>) -> Result<Platform> {
        let mut ledger = Ledger::default();
        let disk = Disk::open(store, |topic, payload| {
            ledger.enter(topic, payload);
        })?;
        Ok(Platform {
            content: Mutex::new(Content {
                ledger,
                disk,
                lie,
                unanswered: BTreeMap::new(),
            }),
            key,
            destination,
            subscribed: watch::Sender::new(false),
        })
    }

    pub fn set_subscribed(&self, subscribed: bool) {
        self.subscribed.send_replace(subscribed);
    }

    pub fn is_subscribed(&self) -> bool {
        *self.subscribed.borrow()
    }

    /// Returns when the broker is there; what is sent before that would be dropped unseen.
    pub async fn until_subscribed(&self) {
        // The sender is our own: waiting cannot fail.
        let _ = self.subscribed.subscribe().wait_for(|there| *there).await;
    }

    /// Verifies and stores a batch; when this returns, all of it may be acknowledged. Blocks.
    pub fn take(&self, batch: &[(String, Vec<u8>)]) -> Result<()> {
        let mut guard = self.content();
        let content = &mut *guard;
        let mut new: Vec<(&str, &[u8])> = Vec::new();
        let mut places: Vec<Place> = Vec::new();
        for (topic, payload) in batch {
            match content.ledger.enter(topic, payload) {
                Outcome::New(place) => {
                    new.push((topic, payload));
                    places.push(place);
                }
                Outcome::Duplicate(place) => places.push(place),
                Outcome::Altered(_) => {}
            }
        }
        if !new.is_empty() {
            content.disk.append(new.into_iter())?;
        }
        for place in places {
            content
                .unanswered
                .entry((place.gateway, place.journal))
                .or_default()
                .insert(place.number);
        }
        Ok(())
    }

    /// The receipts for what was stored since the last call, and whether they go out late.
    pub fn receipts(&self) -> Result<(Vec<Message>, Option<Lie>)> {
        let mut content = self.content();
        let lie = content.lie;
        let mut out = Vec::new();
        for ((gateway, journal), numbers) in std::mem::take(&mut content.unanswered) {
            let ranges = content.ledger.ranges(&gateway, &journal, &numbers);
            for ranges in ranges.chunks(RANGES_MAX) {
                let receipt = Receipt {
                    message_type: "receipt",
                    gateway: gateway.clone(),
                    journal: journal.clone(),
                    destination: self.destination.clone(),
                    ranges: ranges.to_vec(),
                };
                for signed in lie::envelopes(lie, &receipt, &self.key)? {
                    out.push(Message {
                        topic: format!("gateways/{gateway}/receipts"),
                        payload: serde_json::to_vec(&signed)?,
                    });
                }
            }
        }
        Ok((out, lie))
    }

    /// Signs an order. `fields` has `gateway`, `act` and what the act needs; a `number` of its own
    /// repeats an old order.
    pub fn order(&self, mut fields: Map<String, Value>) -> Result<(u64, Message)> {
        let gateway = fields
            .get("gateway")
            .and_then(Value::as_str)
            .ok_or_else(|| anyhow::anyhow!("an order names its gateway"))?
            .to_owned();
        let number = match fields.get("number").and_then(Value::as_u64) {
            Some(number) => number,
            None => self.content().disk.next_order()?,
        };
        fields.insert("type".to_owned(), "order".into());
        fields.insert("number".to_owned(), number.into());
        let signed: Signed = self.key.sign(serde_json::to_string(&fields)?);
        let message = Message {
            topic: format!("gateways/{gateway}/orders"),
            payload: serde_json::to_vec(&signed)?,
        };
        Ok((number, message))
    }

    pub fn set_lie(&self, lie: Option<Lie>) {
        self.content().lie = lie;
    }

    /// Looks at the ledger.
    pub fn ledger<T>(&self, look: impl FnOnce(&Ledger) -> T) -> T {
        look(&self.content().ledger)
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
