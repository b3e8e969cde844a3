//! The ledger: which numbers of which journal are stored, whether their chain holds, and what is
//! missing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::contract::{Fault, PartAsSent, Range, Verified, verify};

#[derive(Default)]
pub struct Ledger {
    journals: BTreeMap<(String, String), Journal>,
    /// Messages that name no journal one could count them under.
    pub nameless: BTreeMap<Fault, u64>,
}

#[derive(Default)]
pub struct Journal {
    events: BTreeMap<u64, Entry>,
    duplicates: u64,
    faults: BTreeMap<Fault, u64>,
}

struct Entry {
    hash: String,
    prev: String,
    kind: String,
    header_text: String,
    parts: Vec<PartAsSent>,
}

/// What came of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// New: to be stored, then answered.
    New(Place),
    /// Stored already: to be answered again.
    Duplicate(Place),
    Altered(Fault),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub gateway: String,
    pub journal: String,
    pub number: u64,
}

#[derive(Debug, Serialize)]
pub struct Summary {
    pub gateways: Vec<JournalSummary>,
    /// Messages that are no events of any journal, by cause.
    pub refused: BTreeMap<Fault, u64>,
}

#[derive(Debug, Serialize)]
pub struct JournalSummary {
    pub gateway: String,
    pub journal: String,
    /// Events stored, each counted once.
    pub received: u64,
    pub highest: u64,
    /// Ranges of numbers below the highest that never came.
    pub missing: Vec<(u64, u64)>,
    /// Events that were refused because they are not what they claim.
    pub altered: u64,
    pub faults: BTreeMap<Fault, u64>,
    pub duplicates: u64,
    pub decisions: u64,
    pub alerts_raised: u64,
    pub by_kind: BTreeMap<String, u64>,
}

/// An event as the tests ask for it.
#[derive(Debug, Serialize)]
pub struct Shown {
    pub gateway: String,
    pub journal: String,
    pub number: u64,
    pub kind: String,
    pub header: serde_json::Value,
    pub parts: Vec<ShownPart>,
}

#[derive(Debug, Serialize)]
pub struct ShownPart {
    pub state: &'static str,
    pub kind: String,
    pub class: String,
    /// `null` when it is withheld or erased.
    pub body: serde_json::Value,
}

impl Ledger {
    /// Verifies a message and enters it.
    pub fn enter(&mut self, topic: &str, payload: &[u8]) -> Outcome {
        let verified = match verify(topic, payload) {
            Ok(verified) => verified,
            Err(fault) => {
                self.count_fault(topic, payload, fault);
                return Outcome::Altered(fault);
            }
        };
        let place = Place {
            gateway: verified.header.gateway.clone(),
            journal: verified.header.journal.clone(),
            number: verified.header.number,
        };
        let key = (place.gateway.clone(), place.journal.clone());
        let journal = self.journals.entry(key).or_default();
        match journal.enter(verified) {
            Ok(true) => Outcome::New(place),
            Ok(false) => Outcome::Duplicate(place),
            Err(fault) => {
                *journal.faults.entry(fault).or_default() += 1;
                Outcome::Altered(fault)
            }
        }
    }

    /// The ranges that a receipt for these numbers names; all of them are stored.
    pub fn ranges(&self, gateway: &str, journal: &str, numbers: &BTreeSet<u64>) -> Vec<Range> {
        let Some(journal) = self.journals.get(&(gateway.to_owned(), journal.to_owned())) else {
            return Vec::new();
        };
        let mut out: Vec<Range> = Vec::new();
        for number in numbers {
            let Some(entry) = journal.events.get(number) else {
                continue;
            };
            match out.last_mut() {
                Some(range) if range.to + 1 == *number => {
                    range.to = *number;
                    range.hash.clone_from(&entry.hash);
                }
                _ => out.push(Range {
                    from: *number,
                    to: *number,
                    hash: entry.hash.clone(),
                }),
            }
        }
        out
    }

    pub fn summary(&self) -> Summary {
        Summary {
            gateways: self
                .journals
                .iter()
                .map(|((gateway, id), journal)| journal.summary(gateway, id))
                .collect(),
            refused: self.nameless.clone(),
        }
    }

    /// Stored events in order, of one kind or all.
    pub fn shown(&self, kind: Option<&str>, gateway: Option<&str>) -> Vec<Shown> {
        let mut out = Vec::new();
        for ((of, id), journal) in &self.journals {
            if gateway.is_some_and(|gateway| gateway != of) {
                continue;
            }
            for (number, entry) in &journal.events {
                if kind.is_none_or(|kind| kind == entry.kind) {
                    out.push(Shown {
                        gateway: of.clone(),
                        journal: id.clone(),
                        number: *number,
                        kind: entry.kind.clone(),
                        header: serde_json::from_str(&entry.header_text).unwrap_or_default(),
                        parts: entry.parts.iter().map(show).collect(),
                    });
                }
            }
        }
        out
    }

    fn count_fault(&mut self, topic: &str, payload: &[u8], fault: Fault) {
        // A damaged event still says where it belongs, mostly.
        let named = serde_json::from_slice::<serde_json::Value>(payload)
            .ok()
            .and_then(|json| json["source"].as_str().map(str::to_owned))
            .and_then(|source| {
                let (gateway, journal) = source
                    .strip_prefix("/gateways/")?
                    .split_once("/journals/")?;
                Some((gateway.to_owned(), journal.to_owned()))
            })
            .filter(|key| self.journals.contains_key(key));
        tracing::warn!(topic, ?fault, "a message is not what it claims to be");
        match named.and_then(|key| self.journals.get_mut(&key)) {
            Some(journal) => *journal.faults.entry(fault).or_default() += 1,
            None => *self.nameless.entry(fault).or_default() += 1,
        }
    }
}

impl Journal {
    /// `true` for a new event, `false` for one that is stored already.
    fn enter(&mut self, verified: Verified) -> Result<bool, Fault> {
        let number = verified.header.number;
        if let Some(stored) = self.events.get(&number) {
            if stored.hash != verified.hash {
                return Err(Fault::NumberTaken);
            }
            self.duplicates += 1;
            return Ok(false);
        }
        let before_fits = match number {
            1 => verified.header.prev == "0".repeat(64),
            _ => self
                .events
                .get(&(number - 1))
                .is_none_or(|before| before.hash == verified.header.prev),
        };
        let after_fits = number
            .checked_add(1)
            .and_then(|next| self.events.get(&next))
            .is_none_or(|after| after.prev == verified.hash);
        if !before_fits || !after_fits {
            return Err(Fault::ChainBroken);
        }
        self.events.insert(
            number,
            Entry {
                hash: verified.hash,
                prev: verified.header.prev,
                kind: verified.header.kind,
                header_text: verified.header_text,
                parts: verified.parts,
            },
        );
        Ok(true)
    }

    fn summary(&self, gateway: &str, id: &str) -> JournalSummary {
        let mut by_kind: BTreeMap<String, u64> = BTreeMap::new();
        let mut missing = Vec::new();
        let mut expected = 1;
        for (number, entry) in &self.events {
            *by_kind.entry(entry.kind.clone()).or_default() += 1;
            if *number > expected {
                missing.push((expected, number - 1));
            }
            expected = number + 1;
        }
        let count = |kind: &str| by_kind.get(kind).copied().unwrap_or(0);
        JournalSummary {
            gateway: gateway.to_owned(),
            journal: id.to_owned(),
            received: self.events.len() as u64,
            highest: expected - 1,
            missing,
            altered: self.faults.values().sum(),
            faults: self.faults.clone(),
            duplicates: self.duplicates,
            decisions: count("decision"),
            alerts_raised: count("alert_raised"),
            by_kind,
        }
    }
}

impl Summary {
    /// Nothing is missing and nothing was altered.
    pub fn is_whole(&self) -> bool {
        self.refused.is_empty()
            && self
                .gateways
                .iter()
                .all(|journal| journal.missing.is_empty() && journal.altered == 0)
    }

    /// One line a journal: `gate-1 0a1b…: 1…N received, none missing`.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.gateways.iter().map(JournalSummary::line).collect();
        if lines.is_empty() {
            lines.push("nothing received".to_owned());
        }
        if !self.refused.is_empty() {
            lines.push(format!("refused: {:?}", self.refused));
        }
        lines
    }
}

impl JournalSummary {
    fn line(&self) -> String {
        let missing = match self.missing.as_slice() {
            [] => "none missing".to_owned(),
            ranges => {
                let count: u64 = ranges.iter().map(|(from, to)| to - from + 1).sum();
                let listed: Vec<String> = ranges
                    .iter()
                    .take(20)
                    .map(|(from, to)| match from == to {
                        true => from.to_string(),
                        false => format!("{from}…{to}"),
                    })
                    .collect();
                format!("{count} missing: {}", listed.join(", "))
            }
        };
        let altered = match self.altered {
            0 => String::new(),
            count => format!(", {count} altered {:?}", self.faults),
        };
        format!(
            "{} {}: 1…{} received, {missing}{altered} ({} again, {} decisions, {} alerts)",
            self.gateway,
            &self.journal[..8.min(self.journal.len())],
            self.highest,
            self.duplicates,
            self.decisions,
            self.alerts_raised
        )
    }
}

fn show(part: &PartAsSent) -> ShownPart {
    match part {
        PartAsSent::Present {
            kind, class, body, ..
        } => ShownPart {
            state: "present",
            kind: kind.clone(),
            class: class.clone(),
            body: serde_json::from_str(body).unwrap_or_default(),
        },
        PartAsSent::Withheld { kind, class } => ShownPart {
            state: "withheld",
            kind: kind.clone(),
            class: class.clone(),
            body: serde_json::Value::Null,
        },
        PartAsSent::Erased { kind, class } => ShownPart {
            state: "erased",
            kind: kind.clone(),
            class: class.clone(),
            body: serde_json::Value::Null,
        },
    }
}
