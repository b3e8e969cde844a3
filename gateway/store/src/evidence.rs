//! Evidence pictures: files named by the SHA-256 of their bytes, `ab/cdef….jpg`.
//!
//! Writing one: 1. temporary file; 2. fdatasync; 3. rename; 4. fsync of its folder. A file under
//! its final name is therefore whole. Pictures that no event names are swept; at quota the oldest
//! go first.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::error::{StoreError, file_error};
use crate::header::Hash;
use crate::on_sled::sync_folder;
use crate::room;

#[derive(Clone, Debug)]
pub struct Evidence {
    folder: PathBuf,
}

/// What a sweep or a quota took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    pub files: u64,
    pub bytes: u64,
}

impl Evidence {
    /// Opens or creates the folder.
    pub fn open(folder: &Path) -> Result<Evidence, StoreError> {
        fs::create_dir_all(folder).map_err(file_error("create", folder))?;
        Ok(Evidence {
            folder: folder.to_owned(),
        })
    }

    /// Stores a picture durably and returns its name, 64 lower-case hex digits. The same bytes
    /// again cost one look.
    pub fn put(&self, bytes: &[u8]) -> Result<String, StoreError> {
        let sha256 = Hash::of(bytes).to_string();
        let path = self.path(&sha256)?;
        if self.get(&sha256).is_ok_and(|found| found.is_some()) {
            return Ok(sha256);
        }
        room::spare(&self.folder, room::FOR_EVIDENCE)?;
        let folder = self.folder.join(&sha256[..2]);
        if !folder.is_dir() {
            fs::create_dir_all(&folder).map_err(file_error("create", &folder))?;
            sync_folder(&self.folder)?;
        }
        let temporary = folder.join(format!("{}.{}", &sha256[2..], TEMPORARY));
        let mut file = File::create(&temporary).map_err(file_error("create", &temporary))?;
        file.write_all(bytes)
            .and_then(|()| file.sync_data())
            .map_err(file_error("write", &temporary))?;
        fs::rename(&temporary, &path).map_err(file_error("rename", &temporary))?;
        sync_folder(&folder)?;
        Ok(sha256)
    }

    /// The picture of that name, verified; `None` when it is not there.
    pub fn get(&self, sha256: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(sha256)?;
        match fs::read(&path) {
            Ok(bytes) if Hash::of(&bytes).to_string() == sha256 => Ok(Some(bytes)),
            Ok(_) => Err(StoreError::EvidenceDamaged {
                sha256: sha256.to_owned(),
            }),
            Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(file_error("read", path)(cause)),
        }
    }

    /// Whether a file of that name is there; its bytes are not looked at.
    pub fn exists(&self, sha256: &str) -> bool {
        self.path(sha256).is_ok_and(|path| path.is_file())
    }

    /// Removes pictures that `named` does not hold and that are older than `grace`, and
    /// temporary files as old; a younger one may still be waiting for its event.
    pub fn sweep(&self, named: &HashSet<String>, grace: Duration) -> Result<Removed, StoreError> {
        let mut removed = Removed::default();
        for picture in self.pictures()? {
            let orphan = picture.sha256.is_none_or(|name| !named.contains(&name));
            // A clock that went back makes an age unknown: the file stays.
            let old = picture.modified.elapsed().is_ok_and(|age| age >= grace);
            if orphan && old {
                remove(&picture.path, picture.bytes, &mut removed)?;
            }
        }
        Ok(removed)
    }

    /// Removes one picture; nothing when it is not there.
    pub fn remove(&self, sha256: &str) -> Result<Removed, StoreError> {
        let path = self.path(sha256)?;
        let bytes = fs::metadata(&path).map_or(0, |meta| meta.len());
        let mut removed = Removed::default();
        remove(&path, bytes, &mut removed)?;
        Ok(removed)
    }

    /// Removes the oldest pictures, at least `bytes` and `files` of them as far as there are any.
    pub fn give_up(&self, bytes: u64, files: u64) -> Result<Removed, StoreError> {
        let mut pictures = self.pictures()?;
        pictures.sort_by_key(|picture| picture.modified);
        let mut removed = Removed::default();
        for picture in pictures {
            if removed.bytes >= bytes && removed.files >= files {
                break;
            }
            remove(&picture.path, picture.bytes, &mut removed)?;
        }
        Ok(removed)
    }

    /// Removes the oldest pictures until at most `quota` bytes are left.
    pub fn keep_within(&self, quota: u64) -> Result<Removed, StoreError> {
        let mut pictures = self.pictures()?;
        let mut total: u64 = pictures.iter().map(|picture| picture.bytes).sum();
        pictures.sort_by_key(|picture| picture.modified);
        let mut removed = Removed::default();
        for picture in pictures {
            if total <= quota {
                break;
            }
            total -= picture.bytes;
            remove(&picture.path, picture.bytes, &mut removed)?;
        }
        Ok(removed)
    }

    fn path(&self, sha256: &str) -> Result<PathBuf, StoreError> {
        // The name comes from outside too: it must not climb out of the folder.
        let hex = sha256.len() == 64
            && sha256
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match hex {
            true => Ok(self
                .folder
                .join(&sha256[..2])
                .join(format!("{}.jpg", &sha256[2..]))),
            false => Err(StoreError::EvidenceName {
                text: sha256.chars().take(80).collect(),
            }),
        }
    }

    fn pictures(&self) -> Result<Vec<Picture>, StoreError> {
        let mut out = Vec::new();
        for folder in entries(&self.folder)? {
            if !folder.is_dir() {
                continue;
            }
            for path in entries(&folder)? {
                let meta = match fs::metadata(&path) {
                    Ok(meta) => meta,
                    // Renamed or removed meanwhile.
                    Err(cause) if cause.kind() == ErrorKind::NotFound => continue,
                    Err(cause) => return Err(file_error("look at", path)(cause)),
                };
                out.push(Picture {
                    sha256: name_of(&folder, &path),
                    bytes: meta.len(),
                    modified: meta.modified().map_err(file_error("look at", &path))?,
                    path,
                });
            }
        }
        Ok(out)
    }
}

const TEMPORARY: &str = "tmp";

struct Picture {
    path: PathBuf,
    /// `None`: a temporary or foreign file.
    sha256: Option<String>,
    bytes: u64,
    modified: SystemTime,
}

fn name_of(folder: &Path, path: &Path) -> Option<String> {
    if path.extension()? != "jpg" {
        return None;
    }
    let head = folder.file_name()?.to_str()?;
    let tail = path.file_stem()?.to_str()?;
    Some(format!("{head}{tail}"))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    fs::read_dir(folder)
        .and_then(|found| found.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(file_error("list", folder))
}

fn remove(path: &Path, bytes: u64, removed: &mut Removed) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Ok(()) => {
            removed.files += 1;
            removed.bytes += bytes;
            Ok(())
        }
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(()),
        Err(cause) => Err(file_error("remove", path)(cause)),
    }
}
