//! The daemon gives up root for a user of its own, before any thread starts.

use std::ffi::CString;
use std::os::unix::fs::lchown;
use std::path::Path;

use anyhow::{Context, ensure};

/// Becomes `user` for good and gives it the state folder. Does nothing when we are `user` already.
pub fn become_user(user: &str, state_dir: &Path) -> anyhow::Result<()> {
    let (uid, gid) = look_up(user)?;
    // SAFETY: these calls take and return plain integers.
    if unsafe { libc::geteuid() } == uid {
        return Ok(());
    }
    give(state_dir, uid, gid)?;
    let name = CString::new(user)?;
    // SAFETY: the name is a C string; no other thread runs yet.
    unsafe {
        ensure!(
            libc::initgroups(name.as_ptr(), gid) == 0
                && libc::setgid(gid) == 0
                && libc::setuid(uid) == 0,
            "cannot become user {user}: {}; start as root or as {user}",
            std::io::Error::last_os_error()
        );
    }
    Ok(())
}

fn look_up(user: &str) -> anyhow::Result<(u32, u32)> {
    let name = CString::new(user)?;
    let mut buffer = [0; 4_096];
    let mut found = std::ptr::null_mut();
    // SAFETY: the structure is filled by the call, which also sets `found` to it or to null, and
    // the buffer outlives both.
    unsafe {
        let mut entry: libc::passwd = std::mem::zeroed();
        libc::getpwnam_r(
            name.as_ptr(),
            &mut entry,
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut found,
        );
        ensure!(
            !found.is_null(),
            "there is no user {user}; create it with: useradd --system --no-create-home {user}"
        );
        Ok((entry.pw_uid, entry.pw_gid))
    }
}

/// The folder and all in it: an earlier start may have run as another user.
fn give(path: &Path, uid: u32, gid: u32) -> anyhow::Result<()> {
    let meta = std::fs::symlink_metadata(path)
        .with_context(|| format!("cannot look at {}", path.display()))?;
    lchown(path, Some(uid), Some(gid))
        .with_context(|| format!("cannot give {} to the daemon's user", path.display()))?;
    if meta.is_dir() {
        for entry in std::fs::read_dir(path)? {
            give(&entry?.path(), uid, gid)?;
        }
    }
    Ok(())
}
