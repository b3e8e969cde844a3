//! Lists as people see, import and export them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A list without its entries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ListShown {
    /// Its text stands under `list.`.
    pub list: String,
    /// The destination upstream that keeps it; null: this gateway.
    pub owner: Option<String>,
    /// Only the owner advances it; 0: never filled.
    pub version: u64,
    /// When its owner last confirmed it; 0: unknown.
    pub confirmed_ms: i64,
    /// Whole hours since then; null: unknown.
    pub age_hours: Option<i64>,
    pub too_old: bool,
    /// Whole hours after which it is too old; 0: never.
    pub too_old_after_hours: u32,
    pub when_too_old: WhenOld,
    /// The owner's entries.
    pub entries: u64,
    /// Entered at the gate, until the owner takes them over.
    pub local: u64,
}

/// What becomes of a list that is too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenOld {
    /// It is used as it is.
    GoOn,
    /// What rests on it is missing: whoever needs it is held.
    Missing,
}

/// What an import did, or would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ListImported {
    pub list: String,
    /// The version in force now.
    pub version: u64,
    /// Entries before.
    pub before: u64,
    /// Entries of the file.
    pub entries: u64,
    /// It was only read.
    pub checked_only: bool,
    /// The event that records it.
    pub number: Option<u64>,
}

/// One entry, as a person enters it at the gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EntryRequest {
    /// By the names of the list's columns, in Chinese or English.
    pub fields: BTreeMap<String, String>,
    /// Take the entry with that key back.
    #[serde(default)]
    pub remove: bool,
}

/// A list was changed or confirmed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ListConfirmed {
    /// The event that records it.
    pub number: u64,
}
