//! The model files: what `models.toml` pins, verified before anything is loaded (P-27).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// The verified content of the models folder.
pub struct Models {
    /// The detector as ONNX, digest verified.
    pub detector: Vec<u8>,
    /// The reader as ONNX, digest verified.
    pub reader: Vec<u8>,
    /// The ONNX Runtime library, digest verified when it was looked at.
    pub runtime: PathBuf,
    pub thresholds: Thresholds,
}

/// The figures of `models.toml` that steer the processing.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    /// Detector score from which a box is looked at, 0 to 1.
    pub score: f32,
    /// Intersection over union above which the lesser box goes, 0 to 1.
    pub overlap: f32,
    /// How much better the split reading of a two-row plate must be, 0 to 1.
    pub split_gain: f32,
    /// Width over height below which a plate may have two rows.
    pub split_aspect: f32,
}

impl Models {
    /// Reads and verifies all files that `models.toml` in `dir` names for this machine.
    pub fn open(dir: &Path) -> Result<Models> {
        let manifest = Manifest::read(&dir.join("models.toml"))?;
        let machine = std::env::consts::ARCH;
        let runtime = manifest
            .runtime
            .get(machine)
            .ok_or(Error::Machine { machine })?;
        let models = Models {
            detector: manifest.detector.file.verified(dir)?,
            reader: manifest.reader.file.verified(dir)?,
            runtime: dir.join(&runtime.file),
            thresholds: Thresholds {
                score: manifest.detector.score,
                overlap: manifest.detector.overlap,
                split_gain: manifest.reader.split_gain,
                split_aspect: manifest.reader.split_aspect,
            },
        };
        runtime.verified(dir)?;
        Ok(models)
    }
}

/// `models.toml`, as far as the recogniser needs it; tools/models reads the rest.
#[derive(Deserialize)]
struct Manifest {
    detector: DetectorEntry,
    reader: ReaderEntry,
    runtime: BTreeMap<String, Pinned>,
}

#[derive(Deserialize)]
struct DetectorEntry {
    #[serde(flatten)]
    file: Pinned,
    score: f32,
    overlap: f32,
}

#[derive(Deserialize)]
struct ReaderEntry {
    #[serde(flatten)]
    file: Pinned,
    split_gain: f32,
    split_aspect: f32,
}

#[derive(Deserialize)]
struct Pinned {
    file: String,
    sha256: String,
}

impl Manifest {
    fn read(path: &Path) -> Result<Manifest> {
        let wrong = |cause: String| Error::Manifest {
            path: path.to_owned(),
            cause,
        };
        let text = std::fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?;
        toml::from_str(&text).map_err(|e| wrong(e.message().to_owned()))
    }
}

impl Pinned {
    fn verified(&self, dir: &Path) -> Result<Vec<u8>> {
        let path = dir.join(&self.file);
        let content = std::fs::read(&path).map_err(|cause| Error::Missing {
            path: path.clone(),
            cause,
        })?;
        let found = hex::encode(Sha256::digest(&content));
        if found != self.sha256 {
            return Err(Error::Altered {
                path,
                found,
                pinned: self.sha256.clone(),
            });
        }
        Ok(content)
    }
}
