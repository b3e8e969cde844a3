//! The outbox: what a destination has confirmed, and so what it has not. A header leaves only by a
//! receipt that names the right hash (P-12, invariant 3); receipts are durable before they count.

use std::collections::BTreeMap;
use std::sync::Arc;

use gateway_core::name::Name;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::header::{Hash, JournalId};
use crate::journal::Journal;
use crate::ranges::Ranges;
use crate::record;

/// Confirmed ranges that may lie apart: live events confirmed while the backlog still goes. A
/// platform that confirms every other number must not fill the memory.
const PIECES_MAX: usize = 256;

/// Ranges in one receipt.
const RECEIPT_RANGES_MAX: usize = 1_024;

/// A receipt whose signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub journal: JournalId,
    pub destination: Name,
    pub ranges: Vec<ReceiptRange>,
}

/// Upstream stored all of `from..=to`; `hash` is that of header `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiptRange {
    pub from: u64,
    pub to: u64,
    pub hash: Hash,
}

/// Why a range, or a whole receipt, was ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ignored {
    /// It names another journal.
    OtherJournal,
    /// It names another destination.
    OtherDestination,
    /// More ranges than a receipt may have.
    TooManyRanges,
    /// `from` is 0 or after `to`.
    Malformed,
    /// It confirms what this journal does not hold.
    Unknown,
    /// It confirms what was not sent since the start.
    Early,
    /// Its hash is not that of the header it names.
    OtherHash,
    /// All of it had been confirmed.
    Repeated,
    /// It would leave more separate ranges than are kept.
    TooScattered,
}

/// What came of a receipt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confirmation {
    /// Ranges that are now durably confirmed.
    pub accepted: Vec<(u64, u64)>,
    pub ignored: Vec<Ignored>,
}

/// Owned by the one task that talks to the destination.
pub struct Outbox {
    journal: Arc<dyn Journal>,
    destination: Name,
    confirmed: Ranges,
    accepted: u64,
    ignored: BTreeMap<Ignored, u64>,
}

/// As it lies in the journal's notes.
#[derive(Serialize, Deserialize)]
struct Note {
    schema: u16,
    confirmed: Ranges,
}

impl Outbox {
    /// Receipts that are damaged count for nothing: everything is sent again, and the platform
    /// knows what it has.
    pub fn open(journal: Arc<dyn Journal>, destination: Name) -> Result<Outbox, StoreError> {
        let confirmed = match kept(&*journal, &note_name(&destination)) {
            Err(cause @ StoreError::NoteDamaged { .. }) => {
                tracing::error!(
                    %destination,
                    cause = &cause as &dyn std::error::Error,
                    "all events are sent again"
                );
                Ranges::new()
            }
            kept => kept?,
        };
        let last = journal.last();
        if let Some((_, promised)) = confirmed.iter().last()
            && promised > last
        {
            return Err(StoreError::RolledBack { last, promised });
        }
        Ok(Outbox {
            journal,
            destination,
            confirmed,
            accepted: 0,
            ignored: BTreeMap::new(),
        })
    }

    pub fn destination(&self) -> &Name {
        &self.destination
    }

    pub fn confirmed(&self) -> &Ranges {
        &self.confirmed
    }

    /// Everything up to and with this number is confirmed.
    pub fn confirmed_through(&self) -> u64 {
        self.confirmed.through()
    }

    /// Durable events that are not confirmed.
    pub fn waiting(&self) -> u64 {
        self.journal.last().saturating_sub(self.confirmed.count())
    }

    /// Ranges accepted since the start.
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Ranges and receipts ignored since the start, by cause.
    pub fn ignored(&self) -> &BTreeMap<Ignored, u64> {
        &self.ignored
    }

    /// Checks a receipt against our own headers and keeps what is right. `sent` are the numbers
    /// sent since the start: nobody can have stored another one. On an error nothing counts.
    pub fn confirm(
        &mut self,
        receipt: &Receipt,
        sent: &Ranges,
    ) -> Result<Confirmation, StoreError> {
        let mut outcome = Confirmation::default();
        let mut next = self.confirmed.clone();
        if let Some(cause) = self.refuse_whole(receipt) {
            outcome.ignored.push(cause);
        } else {
            for range in &receipt.ranges {
                match self.judge(range, &next, sent)? {
                    Some(cause) => outcome.ignored.push(cause),
                    None => {
                        next.insert(range.from, range.to);
                        outcome.accepted.push((range.from, range.to));
                    }
                }
            }
        }
        if next != self.confirmed {
            let note = serde_json::to_vec(&Note {
                schema: 1,
                confirmed: next.clone(),
            })
            .map_err(StoreError::Encode)?;
            self.journal
                .put_note(&note_name(&self.destination), &note)?;
            self.confirmed = next;
        }
        self.accepted += outcome.accepted.len() as u64;
        for cause in &outcome.ignored {
            *self.ignored.entry(*cause).or_default() += 1;
        }
        Ok(outcome)
    }

    fn refuse_whole(&self, receipt: &Receipt) -> Option<Ignored> {
        if receipt.destination != self.destination {
            Some(Ignored::OtherDestination)
        } else if receipt.journal != self.journal.id() {
            Some(Ignored::OtherJournal)
        } else if receipt.ranges.len() > RECEIPT_RANGES_MAX {
            Some(Ignored::TooManyRanges)
        } else {
            None
        }
    }

    fn judge(
        &self,
        range: &ReceiptRange,
        confirmed: &Ranges,
        sent: &Ranges,
    ) -> Result<Option<Ignored>, StoreError> {
        if range.from == 0 || range.from > range.to {
            return Ok(Some(Ignored::Malformed));
        }
        if range.to > self.journal.last() {
            return Ok(Some(Ignored::Unknown));
        }
        if confirmed.covers(range.from, range.to) {
            return Ok(Some(Ignored::Repeated));
        }
        if !sent_or_confirmed(range, confirmed, sent) {
            return Ok(Some(Ignored::Early));
        }
        let header = self
            .journal
            .read(range.to)?
            .ok_or(StoreError::Damaged {
                number: range.to,
                what: "it is missing",
            })
            .and_then(|bytes| record::parse(range.to, &bytes))?;
        if header.hash != range.hash {
            return Ok(Some(Ignored::OtherHash));
        }
        let mut after = confirmed.clone();
        after.insert(range.from, range.to);
        Ok((after.pieces() > PIECES_MAX).then_some(Ignored::TooScattered))
    }
}

fn sent_or_confirmed(range: &ReceiptRange, confirmed: &Ranges, sent: &Ranges) -> bool {
    let mut number = range.from;
    while number <= range.to {
        let next = confirmed.next_absent(sent.next_absent(number));
        if next == number {
            return false;
        }
        number = next;
    }
    true
}

/// The highest number that any destination has confirmed; 0 when none has, or when its note is
/// damaged.
pub(crate) fn highest_promised(journal: &dyn Journal) -> Result<u64, StoreError> {
    let mut highest = 0;
    for name in journal.note_names(RECEIPTS)? {
        match kept(journal, &name) {
            Ok(confirmed) => highest = highest.max(confirmed.iter().last().map_or(0, |(_, to)| to)),
            Err(StoreError::NoteDamaged { .. }) => {}
            Err(cause) => return Err(cause),
        }
    }
    Ok(highest)
}

fn kept(journal: &dyn Journal, name: &str) -> Result<Ranges, StoreError> {
    match journal.note(name)? {
        None => Ok(Ranges::new()),
        Some(bytes) => serde_json::from_slice::<Note>(&bytes)
            .map(|note| note.confirmed)
            .map_err(|_| StoreError::NoteDamaged {
                what: name.to_owned(),
            }),
    }
}

const RECEIPTS: &str = "receipts/";

fn note_name(destination: &Name) -> String {
    format!("{RECEIPTS}{destination}")
}
