//! The high-water mark beside the database: how far the journal was durable, as the drive or the
//! page cache last heard.
//!
//! sled takes a damaged tail for a torn write and silently ends earlier; numbers would then be
//! given twice. The mark is written after each sync and itself never synced: it costs one `pwrite`,
//! is exact after a crash of the process, and after a power cut is merely older than the truth.
//! A journal that ends before its mark has been rolled back (P-03).

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::error::{StoreError, file_error};
use crate::header::{Hash, JournalId};

/// Two slots are written in turn, so that a torn one leaves the other.
const SLOT: usize = 32;
const SLOTS: u64 = 2;

pub(crate) struct Mark {
    file: File,
    path: PathBuf,
}

impl Mark {
    pub(crate) fn open(path: &Path) -> Result<Mark, StoreError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(file_error("open", path))?;
        Ok(Mark {
            file,
            path: path.to_owned(),
        })
    }

    /// The highest number that this journal is known to have made durable, or, without an id, any
    /// journal that was here; 0 when nothing is known.
    pub(crate) fn read(&self, journal: Option<JournalId>) -> u64 {
        let mut highest = 0;
        for slot in 0..SLOTS {
            let mut bytes = [0; SLOT];
            if self
                .file
                .read_exact_at(&mut bytes, slot * SLOT as u64)
                .is_err()
            {
                continue;
            }
            let (content, sum) = bytes.split_at(24);
            let other = journal.is_some_and(|journal| content[..16] != journal.0);
            if Hash::of(content).0[..8] != *sum || other {
                continue;
            }
            let mut number = [0; 8];
            number.copy_from_slice(&content[16..]);
            highest = highest.max(u64::from_le_bytes(number));
        }
        highest
    }

    pub(crate) fn write(&self, journal: JournalId, number: u64) -> Result<(), StoreError> {
        let mut bytes = [0; SLOT];
        bytes[..16].copy_from_slice(&journal.0);
        bytes[16..24].copy_from_slice(&number.to_le_bytes());
        let sum = Hash::of(&bytes[..24]);
        bytes[24..].copy_from_slice(&sum.0[..8]);
        self.file
            .write_all_at(&bytes, number % SLOTS * SLOT as u64)
            .map_err(file_error("write", &self.path))
    }
}
