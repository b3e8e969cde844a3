//! What can go wrong in the store: a variant an operation, with the cause beside it.

use std::io;
use std::path::PathBuf;

/// Drives retry and alert: what a caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Trying again may help.
    Transient,
    /// The caller asked for something impossible.
    Input,
    /// Space, inodes, permission or another process: a person or the ballast helps.
    Resource,
    /// What was read is not what was written.
    Corrupt,
    /// The store itself is wrong.
    Bug,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    #[error("another process holds the store at {}", path.display())]
    InUse { path: PathBuf },
    #[error("cannot {operation} {}", path.display())]
    File {
        operation: &'static str,
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("the journal's database failed to {operation}")]
    Database {
        operation: &'static str,
        #[source]
        cause: sled::Error,
    },
    #[error("the journal's database panicked while it was asked to {operation}")]
    DatabasePanicked { operation: &'static str },
    /// A failed fsync may have lost what it was asked to keep; nothing after it is believed.
    #[error("an earlier write did not reach the drive; the journal takes nothing more")]
    Poisoned,
    /// Nothing was begun: it may be tried again as soon as there is room.
    #[error("only {free_bytes} bytes and {free_files} files are free on the disk")]
    NoRoom { free_bytes: u64, free_files: u64 },
    #[error("record {number} is damaged: {what}")]
    Damaged { number: u64, what: &'static str },
    #[error("{what} is damaged")]
    NoteDamaged { what: String },
    #[error("the journal ends at {last}, but {promised} was durable")]
    RolledBack { last: u64, promised: u64 },
    #[error("record {number} has schema {schema}, which this version cannot read")]
    UnknownSchema { number: u64, schema: u16 },
    #[error("part {part} of record {number} is not what schema 1 describes")]
    PartUnreadable {
        number: u64,
        part: usize,
        #[source]
        cause: serde_json::Error,
    },
    #[error("an event cannot be written as JSON")]
    Encode(#[source] serde_json::Error),
    #[error("a batch begins with {found}, but the journal's next number is {expected}")]
    OutOfOrder { expected: u64, found: u64 },
    #[error("an event has {parts} parts; a header holds at most 255")]
    TooManyParts { parts: usize },
    #[error("a value of {bytes} bytes is over the limit of {limit}")]
    TooLarge { bytes: usize, limit: usize },
    #[error("{text:?} is not the SHA-256 name of a picture")]
    EvidenceName { text: String },
    #[error("picture {sha256} is not what its name says")]
    EvidenceDamaged { sha256: String },
    #[error("cannot start the writer's thread")]
    Thread(#[source] io::Error),
}

impl StoreError {
    pub fn kind(&self) -> Kind {
        match self {
            StoreError::InUse { .. } | StoreError::Thread(_) => Kind::Resource,
            StoreError::File { cause, .. } => io_kind(cause),
            StoreError::Database { cause, .. } => match cause {
                sled::Error::Io(cause) => io_kind(cause),
                sled::Error::Corruption { .. } => Kind::Corrupt,
                _ => Kind::Bug,
            },
            // The database's own assertions fire on damage that its checksums miss.
            StoreError::DatabasePanicked { .. } => Kind::Corrupt,
            StoreError::Poisoned | StoreError::NoRoom { .. } => Kind::Resource,
            StoreError::Damaged { .. }
            | StoreError::NoteDamaged { .. }
            | StoreError::RolledBack { .. }
            | StoreError::PartUnreadable { .. }
            | StoreError::EvidenceDamaged { .. } => Kind::Corrupt,
            StoreError::UnknownSchema { .. }
            | StoreError::EvidenceName { .. }
            | StoreError::TooLarge { .. }
            | StoreError::TooManyParts { .. } => Kind::Input,
            StoreError::Encode(_) | StoreError::OutOfOrder { .. } => Kind::Bug,
        }
    }

    /// The disk or its inodes are used up.
    pub fn is_disk_full(&self) -> bool {
        let cause = match self {
            StoreError::File { cause, .. } => cause,
            StoreError::Database {
                cause: sled::Error::Io(cause),
                ..
            } => cause,
            StoreError::NoRoom { .. } => return true,
            _ => return false,
        };
        matches!(
            cause.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        )
    }
}

fn io_kind(cause: &io::Error) -> Kind {
    match cause.kind() {
        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            Kind::Transient
        }
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Kind::Corrupt,
        _ => Kind::Resource,
    }
}

/// Names a failed file operation.
pub(crate) fn file_error(
    operation: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.into();
    move |cause| StoreError::File {
        operation,
        path,
        cause,
    }
}
