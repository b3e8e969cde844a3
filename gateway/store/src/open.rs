//! Opening the store: one process at a time, on a full disk too, and with damage put aside.
//!
//! 1. Lock the folder.
//! 2. Open the journal; when the disk is full, delete the ballast and try again.
//! 3. A damaged journal is rebuilt under a new id from what can be read of it, and then renamed
//!    into `quarantine/`.
//! 4. Count the boot.
//! 5. Put the ballast back when there is room.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam_channel::Receiver;
use gateway_core::name::Name;
use rand::SeedableRng;

use crate::error::{Kind, StoreError, file_error};
use crate::evidence::Evidence;
use crate::journal::{Journal, begin_boot};
use crate::mark::Mark;
use crate::on_sled::{SledJournal, mark_path, sync_folder};
use crate::outbox::Outbox;
use crate::reader::Reader;
use crate::retention::{Policy, Retention};
use crate::room;
use crate::salvage::{rebuild, remove_journal};
use crate::seal::{Origin, Sealer};
use crate::writer::{Outcome, Writer, WriterHandle};

/// Bytes kept free for the day when the disk is full: sled cannot open without room.
const BALLAST: u64 = 16 * 1024 * 1024;

/// The whole of what the gateway remembers, under one folder:
/// `journal/`, `journal.mark`, `evidence/`, `quarantine/`, `ballast`, `lock`.
pub struct Store {
    journal: Arc<dyn Journal>,
    origin: Origin,
    boot: u32,
    condition: Condition,
    evidence: Evidence,
    /// Held while the store is open.
    _lock: File,
}

/// How the journal was found.
#[derive(Debug)]
pub enum Condition {
    /// There was none.
    Fresh,
    Resumed,
    /// It was damaged and lies aside; a new one holds the `salvaged` events that could be read.
    /// The caller records a *storage* event and raises an alert.
    Quarantined {
        cause: StoreError,
        moved_to: PathBuf,
        salvaged: u64,
    },
}

impl Store {
    /// Opens or creates the store in `folder` for this gateway and grid code.
    pub fn open(folder: &Path, gateway: Name, grid: Name) -> Result<Store, StoreError> {
        fs::create_dir_all(folder).map_err(file_error("create", folder))?;
        let lock = lock(folder)?;
        let (journal, condition) = open_journal(folder, &gateway, &grid)?;
        let journal: Arc<dyn Journal> = Arc::new(journal);
        let boot = match begin_boot(&*journal) {
            Err(cause) if cause.is_disk_full() => {
                give_up_ballast(folder)?;
                begin_boot(&*journal)?
            }
            counted => counted?,
        };
        let evidence = Evidence::open(&folder.join("evidence"))?;
        keep_ballast(folder);
        Ok(Store {
            origin: Origin {
                gateway,
                grid,
                journal: journal.id(),
            },
            journal,
            boot,
            condition,
            evidence,
            _lock: lock,
        })
    }

    /// Counts the starts on this journal, from 1: the boot of every event until the next start.
    pub fn boot(&self) -> u32 {
        self.boot
    }

    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    pub fn condition(&self) -> &Condition {
        &self.condition
    }

    pub fn reader(&self) -> Reader {
        Reader::new(self.journal.clone())
    }

    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// What upstream `destination` has confirmed.
    pub fn outbox(&self, destination: &Name) -> Result<Outbox, StoreError> {
        Outbox::open(self.journal.clone(), destination.clone())
    }

    /// What lives how long, and what of it is due.
    pub fn retention(&self, policy: Policy) -> Result<Retention, StoreError> {
        Retention::open(self.journal.clone(), policy)
    }

    /// Starts the writer; call it once.
    #[allow(clippy::type_complexity)]
    pub fn start_writer<T: Send + 'static>(
        &self,
    ) -> Result<(Writer, WriterHandle<T>, Receiver<Outcome<T>>), StoreError> {
        let end = self.reader().end()?;
        let salts = Box::new(rand::rngs::StdRng::from_entropy());
        Writer::start(
            self.journal.clone(),
            Sealer::new(self.origin.clone(), end, salts),
        )
    }
}

fn lock(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join("lock");
    let file = File::create(&path).map_err(file_error("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
            path: folder.to_owned(),
        }),
        Err(TryLockError::Error(cause)) => Err(file_error("lock", path)(cause)),
    }
}

fn open_journal(
    folder: &Path,
    gateway: &Name,
    grid: &Name,
) -> Result<(SledJournal, Condition), StoreError> {
    let path = folder.join("journal");
    finish_rebuilding(folder, &path)?;
    if !path.exists() && Mark::open(&mark_path(&path))?.read(None) == 0 {
        begin(folder, &path)?;
    }
    let cause = match open_with_room(folder, &path) {
        Ok(journal) if journal.last() > 0 => return Ok((journal, Condition::Resumed)),
        Ok(journal) => return Ok((journal, Condition::Fresh)),
        Err(cause) if matches!(cause.kind(), Kind::Corrupt | Kind::Bug) => cause,
        Err(cause) => return Err(cause),
    };
    tracing::error!(
        cause = &cause as &dyn std::error::Error,
        "the journal is damaged: it is rebuilt from what can be read"
    );
    let salvaged = rebuild(&path, &folder.join(REBUILT), gateway, grid)?;
    let moved_to = put_aside(folder, &path)?;
    finish_rebuilding(folder, &path)?;
    tracing::error!(
        moved_to = %moved_to.display(),
        salvaged,
        "the damaged journal lies aside, and the rebuilt one goes on"
    );
    let journal = open_with_room(folder, &path)?;
    Ok((
        journal,
        Condition::Quarantined {
            cause,
            moved_to,
            salvaged,
        },
    ))
}

/// The first journal is made beside its place, so that a crash meanwhile leaves no half of one
/// there: sled takes its own half-written settings for damage.
fn begin(folder: &Path, path: &Path) -> Result<(), StoreError> {
    let begun = folder.join("begun");
    remove_journal(&begun)?;
    drop(open_with_room(folder, &begun)?);
    put_in_place(folder, &begun, path)
}

/// A rebuilt journal is whole before the damaged one leaves its place: when only the rebuilt one
/// is there, a crash came between the two renames.
fn finish_rebuilding(folder: &Path, path: &Path) -> Result<(), StoreError> {
    let rebuilt = folder.join(REBUILT);
    if path.exists() || !rebuilt.exists() {
        return Ok(());
    }
    put_in_place(folder, &rebuilt, path)
}

fn put_in_place(folder: &Path, made: &Path, path: &Path) -> Result<(), StoreError> {
    let mark = mark_path(made);
    if mark.exists() {
        fs::rename(&mark, mark_path(path)).map_err(file_error("rename", mark))?;
    }
    fs::rename(made, path).map_err(file_error("rename", made))?;
    sync_folder(folder)
}

const REBUILT: &str = "rebuilt";

fn open_with_room(folder: &Path, path: &Path) -> Result<SledJournal, StoreError> {
    match SledJournal::open(path) {
        Err(cause) if cause.is_disk_full() => {
            give_up_ballast(folder)?;
            SledJournal::open(path)
        }
        opened => opened,
    }
}

fn give_up_ballast(folder: &Path) -> Result<(), StoreError> {
    let ballast = folder.join("ballast");
    tracing::error!("the disk is full: the ballast is given up so that the journal opens");
    fs::remove_file(&ballast).map_err(file_error("remove", ballast))
}

/// Renames the journal and its mark into a folder of their own under `quarantine/`.
fn put_aside(folder: &Path, path: &Path) -> Result<PathBuf, StoreError> {
    let quarantine = folder.join("quarantine");
    fs::create_dir_all(&quarantine).map_err(file_error("create", &quarantine))?;
    let mut count = 1;
    let mut target = quarantine.join("1");
    while target.exists() {
        count += 1;
        target = quarantine.join(count.to_string());
    }
    fs::create_dir(&target).map_err(file_error("create", &target))?;
    fs::rename(path, target.join("journal")).map_err(file_error("rename", path))?;
    let mark = mark_path(path);
    if mark.exists() {
        fs::rename(&mark, target.join("journal.mark")).map_err(file_error("rename", &mark))?;
    }
    sync_folder(&target)?;
    sync_folder(&quarantine)?;
    sync_folder(folder)?;
    Ok(target)
}

/// Puts the ballast back into a store's folder when it was given up and there is room for it again
/// beside what new events need. Written, not only reserved in name: a sparse file would give nothing
/// back.
pub fn keep_ballast(folder: &Path) {
    let path = folder.join("ballast");
    let there = fs::metadata(&path).map_or(0, |meta| meta.len());
    let room = room::of(folder).map_or(u64::MAX, |room| room.bytes);
    if there >= BALLAST || room < BALLAST + 2 * room::FOR_EVENTS {
        return;
    }
    let written = File::create(&path).and_then(|mut file| {
        let block = vec![0x5a; 1024 * 1024];
        for _ in 0..BALLAST / block.len() as u64 {
            file.write_all(&block)?;
        }
        file.sync_data()
    });
    if let Err(cause) = written {
        tracing::warn!(%cause, "there is no room for the ballast");
        let _ = fs::remove_file(&path);
    }
}
