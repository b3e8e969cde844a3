//! The rule sets on the disk: the one that is in force, the one before it, the one that is being
//! tried, and the texts of every version that decided something, so that a decision can be made
//! once more with the rules of its day.
//!
//! A set is marked *trying* before it is compiled. When the process ends early with it so often,
//! the set before it comes back: a bad set cannot make a crash loop.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gateway_wire::api::RuleText;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::whole::{self, FileError, failed};

/// Starts with a set that is being tried; after these it is put back.
pub const MOST_STARTS: u32 = 2;

/// Texts of versions that are kept; the oldest file goes first.
const VERSIONS: usize = 64;

const ACTIVE: &str = "active.json";
const BEFORE: &str = "before.json";
const TRYING: &str = "trying.json";
const PUT_BACK: &str = "put_back.json";

/// A rule set as a person activated it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub version: String,
    pub files: Vec<RuleText>,
    /// Milliseconds since 1970, as the wall clock said.
    pub activated_ms: i64,
    pub by: String,
    /// Why it may admit what is watched for, when it does.
    pub admit_watched: Option<String>,
    /// The version of the files that the configuration named then. When those are changed later,
    /// they are the newer word.
    pub configured: String,
}

/// A set whose first minutes are not over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trying {
    pub set: Kept,
    /// Starts of the process with it, the one in which it was activated not counted.
    pub starts: u32,
}

#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{} is not what was written", path.display())]
    Damaged {
        path: PathBuf,
        #[source]
        cause: serde_json::Error,
    },
}

/// The folder `rules/` of the state directory.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    pub fn open(state_dir: &Path) -> Result<Shelf, ShelfError> {
        let shelf = Shelf {
            folder: state_dir.join("rules"),
        };
        let versions = shelf.versions();
        fs::create_dir_all(&versions).map_err(failed("create", &versions))?;
        Ok(shelf)
    }

    pub fn active(&self) -> Result<Option<Kept>, ShelfError> {
        self.read(ACTIVE)
    }

    /// The set that was in force before the active one.
    pub fn before(&self) -> Result<Option<Kept>, ShelfError> {
        self.read(BEFORE)
    }

    pub fn trying(&self) -> Result<Option<Trying>, ShelfError> {
        self.read(TRYING)
    }

    /// Marks a set, before it is compiled or loaded. Durable when it returns.
    pub fn try_out(&self, trying: &Trying) -> Result<(), ShelfError> {
        self.write(TRYING, trying)
    }

    /// The set that was tried has held: it is the active one now.
    pub fn settle(&self) -> Result<(), ShelfError> {
        let Some(trying) = self.trying()? else {
            return Ok(());
        };
        if let Some(active) = self.active()?
            && active.version != trying.set.version
        {
            self.write(BEFORE, &active)?;
        }
        self.write(ACTIVE, &trying.set)?;
        self.remove(TRYING)
    }

    /// The set that was tried ended the process, or cannot be loaded: it is laid aside.
    pub fn put_back(&self, trying: &Trying) -> Result<(), ShelfError> {
        self.write(PUT_BACK, trying)?;
        self.remove(TRYING)
    }

    /// Forgets the active set: the configuration's own files are in force again.
    pub fn lay_down(&self, active: &Kept) -> Result<(), ShelfError> {
        self.write(BEFORE, active)?;
        self.remove(ACTIVE)
    }

    /// Keeps the texts of a version that is going to decide something.
    pub fn keep_version(&self, version: &str, files: &[RuleText]) -> Result<(), ShelfError> {
        let path = Path::new("versions").join(format!("{version}.json"));
        if self.folder.join(&path).exists() {
            return Ok(());
        }
        self.forget_oldest()?;
        self.write(&path.display().to_string(), &files)
    }

    /// The texts of a version, when they are still at hand.
    pub fn version(&self, version: &str) -> Result<Option<Vec<RuleText>>, ShelfError> {
        // A version is 16 hex digits; anything else names no file.
        if version.is_empty() || !version.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(None);
        }
        self.read(&format!("versions/{version}.json"))
    }

    fn versions(&self) -> PathBuf {
        self.folder.join("versions")
    }

    fn forget_oldest(&self) -> Result<(), ShelfError> {
        let folder = self.versions();
        let listed = fs::read_dir(&folder).map_err(failed("list", &folder))?;
        let mut files: Vec<_> = listed
            .flatten()
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        files.sort();
        let surplus = (files.len() + 1).saturating_sub(VERSIONS);
        for (_, path) in files.into_iter().take(surplus) {
            fs::remove_file(&path).map_err(failed("remove", &path))?;
        }
        Ok(())
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ShelfError> {
        let path = self.folder.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(failed("read", &path)(cause).into()),
        };
        match serde_json::from_slice(&bytes) {
            Ok(value) => Ok(Some(value)),
            Err(cause) => Err(ShelfError::Damaged { path, cause }),
        }
    }

    fn write<T: Serialize>(&self, name: &str, value: &T) -> Result<(), ShelfError> {
        let path = self.folder.join(name);
        let bytes = serde_json::to_vec_pretty(value).map_err(|cause| ShelfError::Damaged {
            path: path.clone(),
            cause,
        })?;
        Ok(whole::write(&path, &bytes)?)
    }

    fn remove(&self, name: &str) -> Result<(), ShelfError> {
        let path = self.folder.join(name);
        match fs::remove_file(&path) {
            Ok(()) => Ok(whole::sync(&self.folder)?),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(cause) => Err(failed("remove", &path)(cause).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(version: &str) -> Kept {
        Kept {
            version: version.to_owned(),
            files: vec![RuleText {
                name: "a.toml".to_owned(),
                text: String::new(),
            }],
            activated_ms: 1,
            by: "wei".to_owned(),
            admit_watched: None,
            configured: "0".to_owned(),
        }
    }

    fn shelf() -> (tempfile::TempDir, Shelf) {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(dir.path()).unwrap();
        (dir, shelf)
    }

    #[test]
    fn a_set_that_held_becomes_active_and_the_one_before_is_kept() {
        let (_dir, shelf) = shelf();
        for version in ["aa", "bb"] {
            let set = kept(version);
            shelf.try_out(&Trying { set, starts: 0 }).unwrap();
            shelf.settle().unwrap();
        }
        assert_eq!(shelf.active().unwrap(), Some(kept("bb")));
        assert_eq!(shelf.before().unwrap(), Some(kept("aa")));
        assert_eq!(shelf.trying().unwrap(), None);
    }

    #[test]
    fn a_set_that_is_put_back_leaves_the_active_one() {
        let (_dir, shelf) = shelf();
        let (set, starts) = (kept("aa"), 0);
        shelf.try_out(&Trying { set, starts }).unwrap();
        shelf.settle().unwrap();
        let (set, starts) = (kept("bb"), 2);
        let bad = Trying { set, starts };
        shelf.try_out(&bad).unwrap();
        shelf.put_back(&bad).unwrap();
        assert_eq!(shelf.active().unwrap(), Some(kept("aa")));
        assert_eq!(shelf.trying().unwrap(), None);
    }

    #[test]
    fn texts_of_versions_are_bounded_and_the_oldest_goes_first() {
        let (_dir, shelf) = shelf();
        for n in 0..VERSIONS + 3 {
            shelf.keep_version(&format!("{n:016x}"), &[]).unwrap();
        }
        let count = fs::read_dir(shelf.versions()).unwrap().count();
        assert_eq!(count, VERSIONS);
        let newest = format!("{:016x}", VERSIONS + 2);
        assert!(shelf.version(&newest).unwrap().is_some());
        assert_eq!(shelf.version("../active").unwrap(), None);
    }

    #[test]
    fn a_damaged_file_is_told_and_not_taken_for_none() {
        let (_dir, shelf) = shelf();
        fs::write(shelf.folder.join(ACTIVE), "{").unwrap();
        assert!(matches!(shelf.active(), Err(ShelfError::Damaged { .. })));
    }
}
