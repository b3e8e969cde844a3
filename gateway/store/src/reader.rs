//! Reads the journal: for the fold at start, the page, `gatectl` and the deliverer. Shows only what
//! is durable.

use std::sync::Arc;

use crate::error::StoreError;
use crate::header::JournalId;
use crate::journal::{Journal, Snapshot};
use crate::record::{self, Stored};
use crate::seal::End;

#[derive(Clone)]
pub struct Reader {
    journal: Arc<dyn Journal>,
}

impl Reader {
    pub fn new(journal: Arc<dyn Journal>) -> Reader {
        Reader { journal }
    }

    pub fn journal_id(&self) -> JournalId {
        self.journal.id()
    }

    /// The last durable number; 0 while the journal is empty.
    pub fn last(&self) -> u64 {
        self.journal.last()
    }

    pub fn get(&self, number: u64) -> Result<Option<Arc<Stored>>, StoreError> {
        self.journal
            .read(number)?
            .map(|bytes| record::parse(number, &bytes).map(Arc::new))
            .transpose()
    }

    /// Up to `limit` records from `from` on, in order and without gaps; empty at the end.
    ///
    /// Stops before a damaged record; when the damaged one is the first, the error names it, and
    /// the caller may go on after it.
    pub fn range(&self, from: u64, limit: usize) -> Result<Vec<Arc<Stored>>, StoreError> {
        match self.journal.range(from, limit) {
            Ok(records) => {
                let mut out = Vec::with_capacity(records.len());
                for (number, bytes) in records {
                    match record::parse(number, &bytes) {
                        Ok(stored) => out.push(Arc::new(stored)),
                        Err(cause) if out.is_empty() => return Err(cause),
                        Err(_) => break,
                    }
                }
                Ok(out)
            }
            Err(_) => self.one_by_one(from, limit),
        }
    }

    /// The bytes of up to `limit` records from `from` on, not verified.
    pub(crate) fn bytes(&self, from: u64, limit: usize) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        self.journal.range(from, limit)
    }

    pub(crate) fn bytes_of(&self, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.journal.read(number)
    }

    /// What of a damaged stretch can still be read.
    fn one_by_one(&self, from: u64, limit: usize) -> Result<Vec<Arc<Stored>>, StoreError> {
        let from = from.max(1);
        let mut out = Vec::new();
        for number in from..=self.last().min((from - 1).saturating_add(limit as u64)) {
            let found = self.get(number).and_then(|found| {
                found.ok_or(StoreError::Damaged {
                    number,
                    what: "it is missing",
                })
            });
            match found {
                Ok(stored) => out.push(stored),
                Err(cause) if out.is_empty() => return Err(cause),
                Err(_) => break,
            }
        }
        Ok(out)
    }

    /// The gate's newest snapshot; the fold goes on from the event after `through`.
    pub fn snapshot(&self) -> Result<Option<Snapshot>, StoreError> {
        self.journal.snapshot()
    }

    /// Where the chain ends: what the sealer continues.
    pub fn end(&self) -> Result<End, StoreError> {
        let number = self.last();
        if number == 0 {
            return Ok(End::EMPTY);
        }
        match self.get(number)? {
            Some(last) => Ok(End {
                number,
                hash: last.hash,
            }),
            None => Err(StoreError::Damaged {
                number,
                what: "it is missing",
            }),
        }
    }
}
