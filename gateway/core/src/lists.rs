//! Lists as the rules see them: who belongs here, what is watched for, and how old that knowledge is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::name::Name;
use crate::plate::{Card, Plate};

/// All lists, read-only to the core; a change replaces a whole list by its next version.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    pub vehicles: List<Plate, Holder>,
    pub cards: List<Card, Holder>,
    pub watched_plates: List<Plate, Watch>,
    /// Plate prefixes, such as a province and letter.
    pub watched_areas: List<String, Watch>,
    pub passes: List<PassKey, Pass>,
}

#[derive(Clone, Debug)]
pub struct List<K: Ord, V> {
    /// Only the list's owner advances it; 0: never loaded.
    pub version: u64,
    /// Milliseconds since 1970 when its owner last confirmed it; 0: unknown.
    pub confirmed_ms: i64,
    pub entries: BTreeMap<K, V>,
}

impl<K: Ord, V> Default for List<K, V> {
    fn default() -> Self {
        List {
            version: 0,
            confirmed_ms: 0,
            entries: BTreeMap::new(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub holder: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    pub reason: String,
}

/// What a pass is presented by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PassKey {
    Plate(Plate),
    Card(Card),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    pub id: Name,
    pub holder: String,
    pub valid_from_ms: i64,
    pub valid_to_ms: i64,
    /// `None`: as often as one likes.
    pub uses: Option<u32>,
}

/// Which list, at which version, a decision used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListVersion {
    pub list: Name,
    pub version: u64,
    pub confirmed_ms: i64,
}
