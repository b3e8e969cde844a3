//! Room on the disk: looked at before each write, because sled does not come back from a write that
//! the drive refused (P-04). What is not begun can simply be tried again.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::error::StoreError;

/// Bytes that must be free before events are taken: a commit, written several times over, and what
/// receipts and erasing need after it.
pub const FOR_EVENTS: u64 = 12 * 1024 * 1024;

/// Bytes that must be free before a picture is kept: evidence is the first to go without.
pub const FOR_EVIDENCE: u64 = 2 * FOR_EVENTS;

/// Files that must still be possible before a picture is kept.
pub const FILES_FOR_EVIDENCE: u64 = 4 * FILES;

/// Bytes that must be free before a receipt is kept or parts are erased: this goes on longer than
/// new events do, because it is what makes room again. Less than the ballast.
pub const FOR_NOTES: u64 = 6 * 1024 * 1024;

/// Files that must still be possible before events are taken: sled makes new ones now and then.
const FILES: u64 = 8;

/// What is free for us on the disk under a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pub bytes: u64,
    /// `u64::MAX` where the file system does not count them.
    pub files: u64,
}

/// `None` when the file system does not say.
pub fn of(folder: &Path) -> Option<Room> {
    let path = CString::new(folder.as_os_str().as_bytes()).ok()?;
    // SAFETY: the path is a C string, the structure is plain integers that the call fills.
    let stat = unsafe {
        let mut stat: libc::statvfs = std::mem::zeroed();
        if libc::statvfs(path.as_ptr(), &mut stat) != 0 {
            return None;
        }
        stat
    };
    Some(Room {
        bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
        files: match stat.f_files {
            0 => u64::MAX,
            _ => stat.f_favail,
        },
    })
}

/// An error while less than `bytes` is free, or hardly a file when it is for more than notes.
pub(crate) fn spare(folder: &Path, bytes: u64) -> Result<(), StoreError> {
    let files = match bytes {
        FOR_EVIDENCE.. => FILES_FOR_EVIDENCE,
        FOR_EVENTS.. => FILES,
        _ => 0,
    };
    match of(folder) {
        Some(room) if room.bytes < bytes || room.files < files => Err(StoreError::NoRoom {
            free_bytes: room.bytes,
            free_files: room.files,
        }),
        _ => Ok(()),
    }
}
