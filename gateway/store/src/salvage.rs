//! Rebuilding after a loss: what can still be read of a damaged journal becomes a new one, under a
//! new id, so that no number ever means two events upstream (P-03).
//!
//! Events are numbered anew without gaps, their moments and boots stay; the boot counter goes on,
//! so that no passage id comes twice. The gate's snapshot is taken over only when no event before
//! it is lost. Receipts are not: upstream gets all of the new journal.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use gateway_core::name::Name;
use rand::SeedableRng;

use crate::error::{StoreError, file_error};
use crate::journal::{Batch, Journal, last_boot, set_last_boot};
use crate::on_sled::{SledJournal, mark_path};
use crate::reader::Reader;
use crate::record::{self, Stored};
use crate::seal::{End, Origin, Sealer};
use crate::snapshots::hide_snapshots;

const STRIDE: usize = 512;

/// Builds the journal in `new` from what `damaged` still holds and returns the number of events.
pub(crate) fn rebuild(
    damaged: &Path,
    new: &Path,
    gateway: &Name,
    grid: &Name,
) -> Result<u64, StoreError> {
    remove_journal(new)?;
    let journal = SledJournal::open(new)?;
    let origin = Origin {
        gateway: gateway.clone(),
        grid: grid.clone(),
        journal: journal.id(),
    };
    let salts = Box::new(rand::rngs::StdRng::from_entropy());
    let mut target = Target {
        sealer: Sealer::new(origin, End::EMPTY, salts),
        journal,
        boot: 0,
        gapless_through: 0,
    };
    let opened = SledJournal::open_as_it_is(damaged).or_else(|cause| {
        tracing::error!(
            cause = &cause as &dyn std::error::Error,
            "the damaged journal does not open: it is read without its snapshot"
        );
        hide_snapshots(damaged)?;
        SledJournal::open_as_it_is(damaged)
    });
    match opened {
        Ok(old) => target.take_all(Arc::new(old))?,
        Err(cause) => tracing::error!(
            cause = &cause as &dyn std::error::Error,
            "nothing of the damaged journal can be read"
        ),
    }
    Ok(target.sealer.end().number)
}

/// Removes what an attempt that a crash cut short has left, if anything.
pub(crate) fn remove_journal(path: &Path) -> Result<(), StoreError> {
    if path.exists() {
        fs::remove_dir_all(path).map_err(file_error("remove", path))?;
    }
    let mark = mark_path(path);
    if mark.exists() {
        fs::remove_file(&mark).map_err(file_error("remove", mark))?;
    }
    Ok(())
}

struct Target {
    journal: SledJournal,
    sealer: Sealer,
    /// The highest boot of an event taken over.
    boot: u32,
    /// Old numbers 1 to this one were all taken over, and so kept their numbers.
    gapless_through: u64,
}

impl Target {
    fn take_all(&mut self, old: Arc<dyn Journal>) -> Result<(), StoreError> {
        let reader = Reader::new(old.clone());
        let mut next = 1;
        while next <= reader.last() {
            match reader.range(next, STRIDE) {
                Ok(records) if !records.is_empty() => {
                    next = records[records.len() - 1].number() + 1;
                    self.append(&records)?;
                }
                // Damaged or missing: the next one may be whole.
                _ => next += 1,
            }
        }
        self.take_snapshot(&reader)?;
        let counted = last_boot(&*old).unwrap_or(0);
        set_last_boot(&self.journal, counted.max(self.boot))
    }

    fn append(&mut self, records: &[Arc<Stored>]) -> Result<(), StoreError> {
        let first = self.sealer.end().number + 1;
        let mut batch = Batch {
            first,
            ..Batch::default()
        };
        for stored in records {
            if stored.number() == self.gapless_through + 1 {
                self.gapless_through = stored.number();
            }
            self.boot = self.boot.max(stored.header.boot);
            let resealed = self.sealer.reseal(stored)?;
            batch.records.push(record::encode(&resealed));
        }
        self.journal.append(&batch)
    }

    fn take_snapshot(&mut self, reader: &Reader) -> Result<(), StoreError> {
        let Ok(Some(snapshot)) = reader.snapshot() else {
            return Ok(());
        };
        if snapshot.through > self.gapless_through {
            return Ok(());
        }
        self.journal.append(&Batch {
            first: self.sealer.end().number + 1,
            records: Vec::new(),
            snapshot: Some(snapshot),
        })
    }
}
