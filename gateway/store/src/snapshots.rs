//! sled's snapshots of its own page table, `snap.…` beside its log: only a short cut when it opens.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::{StoreError, file_error};

/// sled would take a snapshot of its own that a crash left half written for the newest, and then
/// find the whole database damaged; the log holds everything that it would have held.
pub(crate) fn remove_unfinished(path: &Path) -> Result<(), StoreError> {
    for snapshot in sled_snapshots(path)? {
        if snapshot.extension().is_some_and(|end| end == "generating") {
            fs::remove_file(&snapshot).map_err(file_error("remove", snapshot))?;
        }
    }
    Ok(())
}

/// Puts sled's snapshots out of its sight, so that it reads its log from the beginning.
pub(crate) fn hide_snapshots(path: &Path) -> Result<(), StoreError> {
    for snapshot in sled_snapshots(path)? {
        let mut hidden = snapshot.clone();
        hidden.set_file_name("hidden");
        fs::rename(&snapshot, hidden).map_err(file_error("rename", snapshot))?;
    }
    Ok(())
}

fn sled_snapshots(path: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let found = match fs::read_dir(path) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        found => found.map_err(file_error("list", path))?,
    };
    let mut snapshots = Vec::new();
    for entry in found {
        let entry = entry.map_err(file_error("list", path))?;
        if entry.file_name().as_encoded_bytes().starts_with(b"snap.") {
            snapshots.push(entry.path());
        }
    }
    Ok(snapshots)
}
