//! The check of a journal: `gatectl journal check`, through the daemon or on a closed store.
//!
//! Verified: numbers 1…N without gaps · each record's checksum and framing · the chain · the
//! commitment of each present part · that each picture named is there and is what its name says.

use std::collections::HashSet;

use serde::Serialize;

use crate::error::StoreError;
use crate::evidence::Evidence;
use crate::header::{Hash, JournalId};
use crate::reader::Reader;
use crate::record::{PartState, Stored};

/// Records read at a time.
const STRIDE: usize = 512;

/// Findings that are listed; more are only counted.
const LISTED: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    pub journal: JournalId,
    /// Numbers 1 to this one were looked at.
    pub last: u64,
    pub events: u64,
    pub parts_present: u64,
    pub parts_erased: u64,
    pub pictures: u64,
    /// Pictures that events name and that are not there.
    pub pictures_missing: u64,
    /// Everything that is wrong but missing pictures, which quota and retention explain.
    pub errors: u64,
    /// The first hundred of them.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Nothing was lost or altered.
    pub fn is_good(&self) -> bool {
        self.errors == 0 && self.events == self.last
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub number: u64,
    pub fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It cannot be read: damaged or missing.
    Unreadable,
    OtherJournal,
    /// It does not name the hash of the header before.
    ChainBroken,
    /// A part's bytes are not those that the header commits to.
    CommitmentBroken,
    PictureMissing,
    /// A picture's bytes are not those of its name.
    PictureDamaged,
}

/// Reads everything once. An error is one that no record explains; damage is in the report.
pub fn check(reader: &Reader, evidence: Option<&Evidence>) -> Result<Report, StoreError> {
    let mut work = Check {
        report: Report {
            journal: reader.journal_id(),
            last: reader.last(),
            events: 0,
            parts_present: 0,
            parts_erased: 0,
            pictures: 0,
            pictures_missing: 0,
            errors: 0,
            findings: Vec::new(),
        },
        before: Some(Hash::ZERO),
        seen: HashSet::new(),
    };
    let mut next = 1;
    while next <= work.report.last {
        match reader.range(next, STRIDE) {
            Ok(records) if records.is_empty() => work.unreadable(&mut next),
            Ok(records) => {
                for stored in records {
                    if stored.number() > work.report.last {
                        break;
                    }
                    work.record(&stored, evidence);
                    next = stored.number() + 1;
                }
            }
            Err(StoreError::Damaged { .. } | StoreError::UnknownSchema { .. }) => {
                work.unreadable(&mut next)
            }
            Err(StoreError::Database { .. } | StoreError::DatabasePanicked { .. })
                if reader.last() > 0 =>
            {
                work.unreadable(&mut next)
            }
            Err(cause) => return Err(cause),
        }
    }
    Ok(work.report)
}

struct Check {
    report: Report,
    /// Hash of the header before; `None` after one that could not be read.
    before: Option<Hash>,
    seen: HashSet<String>,
}

impl Check {
    fn record(&mut self, stored: &Stored, evidence: Option<&Evidence>) {
        let number = stored.number();
        self.report.events += 1;
        if stored.header.journal != self.report.journal {
            self.fault(number, Fault::OtherJournal);
        }
        if self.before.is_some_and(|hash| hash != stored.header.prev) {
            self.fault(number, Fault::ChainBroken);
        }
        self.before = Some(stored.hash);
        for part in &stored.parts {
            match part {
                PartState::Present { .. } => self.report.parts_present += 1,
                PartState::Erased => self.report.parts_erased += 1,
            }
        }
        if stored.broken_commitment().is_some() {
            self.fault(number, Fault::CommitmentBroken);
        }
        if let Some(evidence) = evidence {
            for sha256 in stored.evidence() {
                self.picture(number, sha256, evidence);
            }
        }
    }

    fn picture(&mut self, number: u64, sha256: String, evidence: &Evidence) {
        if !self.seen.insert(sha256.clone()) {
            return;
        }
        self.report.pictures += 1;
        match evidence.get(&sha256) {
            Ok(Some(_)) => {}
            Ok(None) => {
                self.report.pictures_missing += 1;
                self.list(number, Fault::PictureMissing);
            }
            Err(_) => self.fault(number, Fault::PictureDamaged),
        }
    }

    fn unreadable(&mut self, next: &mut u64) {
        self.fault(*next, Fault::Unreadable);
        self.before = None;
        *next += 1;
    }

    fn fault(&mut self, number: u64, fault: Fault) {
        self.report.errors += 1;
        self.list(number, fault);
    }

    fn list(&mut self, number: u64, fault: Fault) {
        if self.report.findings.len() < LISTED {
            self.report.findings.push(Finding { number, fault });
        }
    }
}
