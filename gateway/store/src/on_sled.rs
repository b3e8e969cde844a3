//! The journal on sled: one tree, one writer, and an fdatasync of our own after each flush, because
//! sled's `flush` does not reach the drive.
//!
//! Keys: `e` number chunk → record, `s` chunk → snapshot, `n` name 0 chunk → note; numbers are
//! big-endian, so that the order of keys is the order of events.

use std::fs::File;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rand::RngCore;

use crate::chunks::{
    chunks_of, first_chunk, insert_chunks, key_number, note_key, note_name, record_key,
    snapshot_key, summed, unsummed,
};
use crate::error::{StoreError, file_error};
use crate::header::{Hash, JournalId};
use crate::journal::{Batch, Journal, Snapshot};
use crate::mark::Mark;
use crate::record;
use crate::room;
use crate::snapshots::remove_unfinished;

/// Bytes of sled's page cache; a third more is resident.
const CACHE: u64 = 32 * 1024 * 1024;

/// Records at the end whose checksums and chain are verified at each open.
const TAIL: u64 = 256;

/// Bytes of one record, snapshot or note: a fence against a runaway, far above what is ever written.
const VALUE_MAX: usize = 64 * 1024 * 1024;

/// How long an open waits for the threads of the one before.
const RELEASED_WITHIN: Duration = Duration::from_secs(5);

const ID: &str = "journal";

pub struct SledJournal {
    db: sled::Db,
    id: JournalId,
    /// `<path>/db`, opened by us: errors of its write-back are reported to this handle.
    drive: File,
    path: PathBuf,
    mark: Mark,
    last: AtomicU64,
    /// One sync at a time: an error is reported once only, and must not be taken by a sync
    /// whose failure another one never learns of.
    syncing: Mutex<()>,
    poisoned: AtomicBool,
}

impl SledJournal {
    /// Opens or creates the journal in the folder `path`; `path` + `.mark` is its high-water mark.
    ///
    /// Damage that can be seen at the end of the journal is an error of kind *corrupt*; what lies
    /// before is verified when it is read, and by `check`.
    pub fn open(path: &Path) -> Result<SledJournal, StoreError> {
        let mut journal = SledJournal::open_as_it_is(path)?;
        journal.identify()?;
        journal.verify_end()?;
        Ok(journal)
    }

    /// Opens a damaged journal for reading what is left of it; its id may be unknown.
    pub(crate) fn open_as_it_is(path: &Path) -> Result<SledJournal, StoreError> {
        let db = open_when_released(path)?;
        let drive_path = path.join("db");
        let drive = File::open(&drive_path).map_err(file_error("open", drive_path))?;
        let mark = Mark::open(&mark_path(path))?;
        let mut journal = SledJournal {
            db,
            id: JournalId([0; 16]),
            drive,
            path: path.to_owned(),
            mark,
            last: AtomicU64::new(0),
            syncing: Mutex::new(()),
            poisoned: AtomicBool::new(false),
        };
        journal.last = AtomicU64::new(journal.find_last()?);
        Ok(journal)
    }

    fn find_last(&self) -> Result<u64, StoreError> {
        let key = guarded("find its end", || {
            self.db
                .range(record_key(0, 0).to_vec()..b"f".to_vec())
                .next_back()
                .transpose()
        })?;
        match key {
            None => Ok(0),
            Some((key, _)) => Ok(key_number(&key).ok_or_else(|| note_damaged("a key"))?.0),
        }
    }

    fn identify(&mut self) -> Result<(), StoreError> {
        if let Some(bytes) = self.note(ID)? {
            self.id = JournalId(
                bytes
                    .as_slice()
                    .try_into()
                    .map_err(|_| note_damaged("the journal's id"))?,
            );
            return Ok(());
        }
        if self.last() != 0 {
            return Err(note_damaged("the journal's id"));
        }
        // An empty database where a journal was: all of it has been rolled back.
        let promised = self.mark.read(None);
        if promised > 0 {
            return Err(StoreError::RolledBack { last: 0, promised });
        }
        rand::rngs::OsRng.fill_bytes(&mut self.id.0);
        self.put_note(ID, &self.id.0.clone())?;
        self.mark.write(self.id, 0)?;
        // sled never syncs its settings, and does not open with half of them.
        sync_path(&self.path.join("conf"))?;
        sync_folder(&self.path)?;
        match self.path.parent() {
            Some(parent) => sync_folder(parent),
            None => Ok(()),
        }
    }

    fn verify_end(&self) -> Result<(), StoreError> {
        let last = self.last();
        let promised = self.mark.read(Some(self.id));
        if promised > last {
            return Err(StoreError::RolledBack { last, promised });
        }
        let mut before: Option<Hash> = None;
        for number in last.saturating_sub(TAIL).max(1)..=last {
            let damaged = |what| StoreError::Damaged { number, what };
            let bytes = self.read(number)?.ok_or(damaged("it is missing"))?;
            let stored = record::parse(number, &bytes)?;
            if stored.header.journal != self.id {
                return Err(damaged("it belongs to another journal"));
            }
            if before.is_some_and(|hash| hash != stored.header.prev) {
                return Err(damaged("it does not continue the one before"));
            }
            before = Some(stored.hash);
        }
        // What upstream confirmed was durable: a journal that ends before it was rolled back.
        match crate::outbox::highest_promised(self)? {
            promised if promised > last => Err(StoreError::RolledBack { last, promised }),
            _ => Ok(()),
        }
    }

    /// Makes what was written so far survive power loss.
    fn sync(&self) -> Result<(), StoreError> {
        let _one = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        self.refuse_if_poisoned()?;
        let synced = guarded("flush", || self.db.flush()).and_then(|_| {
            self.drive
                .sync_data()
                .map_err(file_error("fdatasync", self.path.join("db")))
        });
        synced.inspect_err(|_| self.poison())
    }

    fn poison(&self) {
        self.poisoned.store(true, Ordering::SeqCst);
    }

    fn refuse_if_poisoned(&self) -> Result<(), StoreError> {
        match self.poisoned.load(Ordering::SeqCst) {
            true => Err(StoreError::Poisoned),
            false => Ok(()),
        }
    }

    /// Refuses while less than `spare` is free on the disk: sled does not come back from a write
    /// that the drive refused, so none is begun that might be.
    fn write(&self, batch: sled::Batch, spare: u64) -> Result<(), StoreError> {
        self.refuse_if_poisoned()?;
        room::spare(&self.path, spare)?;
        // sled in memory is ahead of the drive once a write fails: nothing may follow it.
        guarded("append", || self.db.apply_batch(batch)).inspect_err(|_| self.poison())?;
        self.sync()
    }

    fn commit(
        &self,
        batch: &Batch,
        replaced: &[(u64, Vec<u8>)],
        spare: u64,
    ) -> Result<(), StoreError> {
        let expected = self.last() + 1;
        if !batch.records.is_empty() && batch.first != expected {
            return Err(StoreError::OutOfOrder {
                expected,
                found: batch.first,
            });
        }
        let mut out = sled::Batch::default();
        for (number, record) in replaced {
            self.put_in_place(&mut out, *number, record)?;
        }
        for (number, record) in (expected..).zip(&batch.records) {
            refuse_if_too_large(record)?;
            insert_chunks(&mut out, |chunk| record_key(number, chunk).to_vec(), record);
        }
        if let Some(snapshot) = &batch.snapshot {
            refuse_if_too_large(&snapshot.state)?;
            let mut value = snapshot.through.to_le_bytes().to_vec();
            value.extend_from_slice(&snapshot.state);
            insert_chunks(&mut out, snapshot_key, &summed(&value));
        }
        self.write(out, spare)?;
        let last = expected - 1 + batch.records.len() as u64;
        self.last.store(last, Ordering::SeqCst);
        if !batch.records.is_empty() {
            // A mark that cannot be written is an older mark: still true.
            let _ = self.mark.write(self.id, last);
        }
        Ok(())
    }

    /// Nothing of the record that was there stays: a shorter one leaves no chunks behind.
    fn put_in_place(
        &self,
        out: &mut sled::Batch,
        number: u64,
        record: &[u8],
    ) -> Result<(), StoreError> {
        refuse_if_too_large(record)?;
        let damaged = |what| StoreError::Damaged { number, what };
        if number == 0 || number > self.last() {
            return Err(damaged("it is missing"));
        }
        let first = guarded("read", || self.db.get(record_key(number, 0)))?
            .ok_or(damaged("it is missing"))?;
        let (before, _) = first_chunk(&first).ok_or(damaged("its first chunk"))?;
        insert_chunks(out, |chunk| record_key(number, chunk).to_vec(), record);
        for chunk in chunks_of(record.len())..before {
            out.remove(&record_key(number, chunk));
        }
        Ok(())
    }

    /// Joins the chunks of a value; `None` when its first is not there.
    fn chunked(
        &self,
        key: impl Fn(u16) -> Vec<u8>,
        damaged: impl Fn(&'static str) -> StoreError,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(first) = guarded("read", || self.db.get(key(0)))? else {
            return Ok(None);
        };
        let (count, head) = first_chunk(&first).ok_or_else(|| damaged("its first chunk"))?;
        let mut value = head.to_vec();
        for chunk in 1..count {
            match guarded("read", || self.db.get(key(chunk)))? {
                Some(more) => value.extend_from_slice(&more),
                None => return Err(damaged("a chunk is missing")),
            }
        }
        Ok(Some(value))
    }
}

impl Journal for SledJournal {
    fn id(&self) -> JournalId {
        self.id
    }

    fn last(&self) -> u64 {
        self.last.load(Ordering::SeqCst)
    }

    fn append(&self, batch: &Batch) -> Result<(), StoreError> {
        self.commit(batch, &[], room::FOR_EVENTS)
    }

    fn replace(&self, batch: &Batch, replaced: &[(u64, Vec<u8>)]) -> Result<(), StoreError> {
        self.commit(batch, replaced, room::FOR_NOTES)
    }

    fn read(&self, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        if number == 0 || number > self.last() {
            return Ok(None);
        }
        self.chunked(
            |chunk| record_key(number, chunk).to_vec(),
            |what| StoreError::Damaged { number, what },
        )
    }

    fn range(&self, from: u64, limit: usize) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let from = from.max(1);
        let to = self.last().min((from - 1).saturating_add(limit as u64));
        let mut out: Vec<(u64, Vec<u8>)> = Vec::new();
        if from > to {
            return Ok(out);
        }
        let pairs = guarded("read a range", || {
            self.db
                .range(record_key(from, 0).to_vec()..=record_key(to, u16::MAX).to_vec())
                .collect::<Result<Vec<_>, _>>()
        })?;
        let mut missing = 0;
        for (key, value) in pairs {
            let next = from + out.len() as u64;
            let damaged = |what| StoreError::Damaged { number: next, what };
            let (number, chunk) = key_number(&key).ok_or(damaged("a key"))?;
            if chunk == 0 {
                let (count, head) = first_chunk(&value).ok_or(damaged("its first chunk"))?;
                if missing != 0 || number != next {
                    return Err(damaged("a chunk is missing"));
                }
                missing = count - 1;
                out.push((number, head.to_vec()));
            } else if let Some((last, bytes)) = out.last_mut()
                && *last == number
                && missing > 0
            {
                bytes.extend_from_slice(&value);
                missing -= 1;
            } else {
                return Err(damaged("a chunk is missing"));
            }
        }
        match missing == 0 && out.len() as u64 == to - from + 1 {
            true => Ok(out),
            false => Err(StoreError::Damaged {
                number: from + out.len() as u64,
                what: "it is missing",
            }),
        }
    }

    fn snapshot(&self) -> Result<Option<Snapshot>, StoreError> {
        let damaged = |_| note_damaged("the snapshot");
        let Some(bytes) = self.chunked(snapshot_key, damaged)? else {
            return Ok(None);
        };
        let value = unsummed(&bytes).ok_or_else(|| note_damaged("the snapshot"))?;
        let (through, state) = value
            .split_first_chunk::<8>()
            .ok_or_else(|| note_damaged("the snapshot"))?;
        Ok(Some(Snapshot {
            through: u64::from_le_bytes(*through),
            state: state.to_vec(),
        }))
    }

    fn note(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match self.chunked(|chunk| note_key(name, chunk), |_| note_damaged(name))? {
            None => Ok(None),
            Some(bytes) => match unsummed(&bytes) {
                Some(value) => Ok(Some(value.to_vec())),
                None => Err(note_damaged(name)),
            },
        }
    }

    fn put_note(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        refuse_if_too_large(value)?;
        let mut out = sled::Batch::default();
        insert_chunks(&mut out, |chunk| note_key(name, chunk), &summed(value));
        self.write(out, room::FOR_NOTES)
    }

    fn note_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let keys = guarded("list its notes", || {
            self.db
                .scan_prefix([b"n", prefix.as_bytes()].concat())
                .keys()
                .collect::<Result<Vec<_>, _>>()
        })?;
        Ok(keys.iter().filter_map(|key| note_name(key)).collect())
    }

    fn remove_note(&self, name: &str) -> Result<(), StoreError> {
        let Some(first) = guarded("read", || self.db.get(note_key(name, 0)))? else {
            return Ok(());
        };
        let (count, _) = first_chunk(&first).unwrap_or((1, &[]));
        let mut out = sled::Batch::default();
        for chunk in 0..count {
            out.remove(note_key(name, chunk));
        }
        self.write(out, room::FOR_NOTES)
    }
}

/// sled's threads hold its file for a moment after it was closed in this process; another process
/// cannot hold it, for the store's own lock comes before.
fn open_when_released(path: &Path) -> Result<sled::Db, StoreError> {
    remove_unfinished(path)?;
    let deadline = Instant::now() + RELEASED_WITHIN;
    loop {
        let opened = guarded("open", || {
            sled::Config::new()
                .path(path)
                .mode(sled::Mode::LowSpace)
                .cache_capacity(CACHE)
                .flush_every_ms(None)
                .open()
        });
        match opened {
            Err(cause) if is_locked(&cause) => {
                if Instant::now() >= deadline {
                    return Err(StoreError::InUse {
                        path: path.to_owned(),
                    });
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            other => return other,
        }
    }
}

/// sled says so in words only.
fn is_locked(cause: &StoreError) -> bool {
    match cause {
        StoreError::Database {
            cause: sled::Error::Io(cause),
            ..
        } => {
            cause.kind() == ErrorKind::Other
                && cause.to_string().starts_with("could not acquire lock")
        }
        _ => false,
    }
}

/// The high-water mark of the journal in `path`.
pub(crate) fn mark_path(path: &Path) -> PathBuf {
    path.with_extension("mark")
}

pub(crate) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    sync_path(path)
}

fn sync_path(path: &Path) -> Result<(), StoreError> {
    File::open(path)
        .and_then(|opened| opened.sync_all())
        .map_err(file_error("fsync", path))
}

/// sled asserts on some damage: a panic inside it becomes an error here.
fn guarded<T>(
    operation: &'static str,
    call: impl FnOnce() -> Result<T, sled::Error>,
) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|cause| StoreError::Database { operation, cause }),
        Err(_) => Err(StoreError::DatabasePanicked { operation }),
    }
}

fn refuse_if_too_large(value: &[u8]) -> Result<(), StoreError> {
    match value.len() > VALUE_MAX {
        true => Err(StoreError::TooLarge {
            bytes: value.len(),
            limit: VALUE_MAX,
        }),
        false => Ok(()),
    }
}

fn note_damaged(what: &str) -> StoreError {
    StoreError::NoteDamaged {
        what: what.to_owned(),
    }
}
