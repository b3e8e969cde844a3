//! How full the disk is.

use std::path::Path;

/// Bytes that the folder's file system has left for us; 0 when it cannot be asked.
pub(super) fn free_bytes(folder: &Path) -> u64 {
    let Ok(path) = std::ffi::CString::new(folder.as_os_str().as_encoded_bytes()) else {
        return 0;
    };
    // SAFETY: the path is a C string, the structure is plain integers that the call fills.
    unsafe {
        let mut stat: libc::statvfs = std::mem::zeroed();
        if libc::statvfs(path.as_ptr(), &mut stat) != 0 {
            return 0;
        }
        stat.f_bavail * stat.f_frsize
    }
}

/// Bytes of the files in a folder and the folders in it.
pub(super) fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => folder_bytes(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}
