//! The journal in memory, for the simulator and for tests: nothing is durable but the process.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::error::StoreError;
use crate::header::JournalId;
use crate::journal::{Batch, Journal, Snapshot};

pub struct MemoryJournal {
    id: JournalId,
    content: Mutex<Content>,
}

#[derive(Default)]
struct Content {
    records: Vec<Vec<u8>>,
    snapshot: Option<Snapshot>,
    notes: BTreeMap<String, Vec<u8>>,
}

impl MemoryJournal {
    pub fn new(id: JournalId) -> MemoryJournal {
        MemoryJournal {
            id,
            content: Mutex::default(),
        }
    }

    fn content(&self) -> std::sync::MutexGuard<'_, Content> {
        // Each change is a single push or insert: a panic elsewhere leaves it whole.
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for MemoryJournal {
    fn id(&self) -> JournalId {
        self.id
    }

    fn last(&self) -> u64 {
        self.content().records.len() as u64
    }

    fn append(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut content = self.content();
        let expected = content.records.len() as u64 + 1;
        if !batch.records.is_empty() && batch.first != expected {
            return Err(StoreError::OutOfOrder {
                expected,
                found: batch.first,
            });
        }
        content.records.extend(batch.records.iter().cloned());
        if let Some(snapshot) = &batch.snapshot {
            content.snapshot = Some(snapshot.clone());
        }
        Ok(())
    }

    fn replace(&self, batch: &Batch, replaced: &[(u64, Vec<u8>)]) -> Result<(), StoreError> {
        let last = self.last();
        if let Some((number, _)) = replaced
            .iter()
            .find(|(number, _)| *number == 0 || *number > last)
        {
            return Err(StoreError::Damaged {
                number: *number,
                what: "it is missing",
            });
        }
        self.append(batch)?;
        let mut content = self.content();
        for (number, record) in replaced {
            content.records[*number as usize - 1].clone_from(record);
        }
        Ok(())
    }

    fn read(&self, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(index) = number.checked_sub(1) else {
            return Ok(None);
        };
        Ok(self.content().records.get(index as usize).cloned())
    }

    fn range(&self, from: u64, limit: usize) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let from = from.max(1);
        Ok(self
            .content()
            .records
            .iter()
            .enumerate()
            .skip(from as usize - 1)
            .take(limit)
            .map(|(index, bytes)| (index as u64 + 1, bytes.clone()))
            .collect())
    }

    fn snapshot(&self) -> Result<Option<Snapshot>, StoreError> {
        Ok(self.content().snapshot.clone())
    }

    fn note(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.content().notes.get(name).cloned())
    }

    fn put_note(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.content().notes.insert(name.to_owned(), value.to_vec());
        Ok(())
    }

    fn note_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let content = self.content();
        let names = content.notes.keys();
        Ok(names
            .filter(|name| name.starts_with(prefix))
            .cloned()
            .collect())
    }

    fn remove_note(&self, name: &str) -> Result<(), StoreError> {
        self.content().notes.remove(name);
        Ok(())
    }
}
