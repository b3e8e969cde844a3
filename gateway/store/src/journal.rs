//! The journal's seam: what the rest of the store asks of a database, small enough for sled today
//! and another one later. Two implementations: `on_sled` on the disk, `memory` for the simulator.

use crate::error::StoreError;
use crate::header::JournalId;
use crate::record;

/// Invariants that each implementation keeps:
///
/// 1. `append`, `replace`, `put_note` and `remove_note` return `Ok` only when what they wrote survives power loss.
/// 2. A batch is whole or not there at all.
/// 3. `read`, `range` and `last` never show a record that is not yet durable.
/// 4. After a failed sync nothing is ever appended again (`StoreError::Poisoned`).
/// 5. No call panics, whatever lies on the disk.
/// 6. `StoreError::NoRoom` means that nothing was begun: the same call may be made again.
pub trait Journal: Send + Sync {
    fn id(&self) -> JournalId;

    /// The last durable number; 0 while empty.
    fn last(&self) -> u64;

    /// Writes records and snapshot in one batch. Only the writer calls this.
    fn append(&self, batch: &Batch) -> Result<(), StoreError>;

    /// Writes `batch` and, in the same commit, puts each of `replaced` in the place of the record
    /// of that number: how parts are erased. Headers stay as they are. Only the writer calls this.
    fn replace(&self, batch: &Batch, replaced: &[(u64, Vec<u8>)]) -> Result<(), StoreError>;

    fn read(&self, number: u64) -> Result<Option<Vec<u8>>, StoreError>;

    /// Up to `limit` records from `from` on, in order.
    fn range(&self, from: u64, limit: usize) -> Result<Vec<(u64, Vec<u8>)>, StoreError>;

    /// The newest snapshot of the gate's state.
    fn snapshot(&self) -> Result<Option<Snapshot>, StoreError>;

    /// A small durable value under a name: receipts, cursors, the boot counter.
    fn note(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    fn put_note(&self, name: &str, value: &[u8]) -> Result<(), StoreError>;

    /// Names of the notes that begin so, in order.
    fn note_names(&self, prefix: &str) -> Result<Vec<String>, StoreError>;

    /// Nothing when there is no such note.
    fn remove_note(&self, name: &str) -> Result<(), StoreError>;
}

/// What one commit writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The number of the first record; must follow the journal's last.
    pub first: u64,
    /// Encoded records, numbered on from `first`.
    pub records: Vec<Vec<u8>>,
    pub snapshot: Option<Snapshot>,
}

/// The gate's state after the events up to and with `through`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub through: u64,
    pub state: Vec<u8>,
}

/// The boot number of the last start; 0 before the first.
pub(crate) fn last_boot(journal: &dyn Journal) -> Result<u32, StoreError> {
    match journal.note(BOOT)? {
        None => Ok(0),
        Some(bytes) => bytes
            .as_slice()
            .try_into()
            .map(u32::from_le_bytes)
            .map_err(|_| StoreError::NoteDamaged {
                what: "the boot counter".to_owned(),
            }),
    }
}

pub(crate) fn set_last_boot(journal: &dyn Journal, boot: u32) -> Result<(), StoreError> {
    journal.put_note(BOOT, &boot.to_le_bytes())
}

/// Counts this start: the boot number of every event until the next one, from 1. A counter that is
/// damaged goes on after the boot of the last event, which is the highest that left a trace.
pub fn begin_boot(journal: &dyn Journal) -> Result<u32, StoreError> {
    let before = match last_boot(journal) {
        Err(cause @ StoreError::NoteDamaged { .. }) => {
            tracing::error!(
                cause = &cause as &dyn std::error::Error,
                "starts are counted on from the last event"
            );
            match journal.last() {
                0 => 0,
                last => boot_of(journal, last)?,
            }
        }
        counted => counted?,
    };
    let boot = before.saturating_add(1);
    set_last_boot(journal, boot)?;
    Ok(boot)
}

fn boot_of(journal: &dyn Journal, number: u64) -> Result<u32, StoreError> {
    let bytes = journal.read(number)?.ok_or(StoreError::Damaged {
        number,
        what: "it is missing",
    })?;
    Ok(record::parse(number, &bytes)?.header.boot)
}

const BOOT: &str = "boot";
