//! What can go wrong while reading plates, each variant named after the operation that failed.

use std::path::PathBuf;

/// How a caller should take an error: it drives retry and alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// May work the next time (a model call that took too long).
    Transient,
    /// The picture cannot be read; the next one may.
    Input,
    /// A file that must be there is not.
    Resource,
    /// A file is there and is not what was pinned.
    Corrupt,
    /// A mistake in the program or in its tables.
    Bug,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "the table of models {path} cannot be read: {cause}. Remedy: restore models.toml and run ./tools/models"
    )]
    Manifest { path: PathBuf, cause: String },
    #[error(
        "models.toml names no ONNX Runtime for this machine ({machine}). Remedy: add [runtime.{machine}] to models.toml and run ./tools/models"
    )]
    Machine { machine: &'static str },
    #[error("{path} is missing: {cause}. Remedy: run ./tools/models")]
    Missing {
        path: PathBuf,
        cause: std::io::Error,
    },
    #[error(
        "{path} is not the file that models.toml pins (SHA-256 {found}, pinned {pinned}). Remedy: delete it and run ./tools/models"
    )]
    Altered {
        path: PathBuf,
        found: String,
        pinned: String,
    },
    #[error(
        "ONNX Runtime {path} cannot be loaded: {cause}. Remedy: run ./tools/models on this machine"
    )]
    Runtime { path: PathBuf, cause: String },
    #[error("the {role} cannot be loaded: {cause}. Remedy: run ./tools/models")]
    Load {
        role: &'static str,
        cause: ort::Error,
    },
    #[error("the {role} gave {found}, not {wanted}. Remedy: run ./tools/models")]
    Shape {
        role: &'static str,
        found: String,
        wanted: String,
    },
    #[error(
        "the reader knows no character {character:?}, which patterns.toml names. Remedy: run ./tools/models, or correct patterns.toml"
    )]
    Label { character: char },
    #[error("the table of patterns is wrong: {cause}. Remedy: correct patterns.toml")]
    Patterns { cause: String },
    #[error("the {role} failed on a picture: {cause}")]
    Inference {
        role: &'static str,
        cause: ort::Error,
    },
    #[error("the {role} did not answer within {limit_ms} ms")]
    Stuck { role: &'static str, limit_ms: u64 },
    #[error("the picture is not usable: {cause}")]
    Picture { cause: String },
    #[error("the picture cannot be decoded: {cause}")]
    Decode { cause: String },
    #[error("a thread of the recogniser cannot be started: {cause}")]
    Thread { cause: std::io::Error },
}

impl Error {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Stuck { .. } | Error::Inference { .. } | Error::Thread { .. } => {
                ErrorKind::Transient
            }
            Error::Picture { .. } | Error::Decode { .. } => ErrorKind::Input,
            Error::Manifest { .. } | Error::Machine { .. } | Error::Missing { .. } => {
                ErrorKind::Resource
            }
            Error::Altered { .. }
            | Error::Runtime { .. }
            | Error::Load { .. }
            | Error::Shape { .. } => ErrorKind::Corrupt,
            Error::Label { .. } | Error::Patterns { .. } => ErrorKind::Bug,
        }
    }
}

pub type Result<T> = std::result::Result<T, Error>;
