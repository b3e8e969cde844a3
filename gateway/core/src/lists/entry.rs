//! Entries of any list, for changes: one row by itself, its key, and all rows of a list together.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::lists::{Holder, Household, List, ListName, Lists, Pass, PassKey, Resident, Watch};
use crate::name::Name;
use crate::plate::{Card, Plate};

macro_rules! rows {
    ($($kind:ident $key:ty => $value:ty),* $(,)?) => {
        /// One row. Which list it is of is said beside it.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Entry { $($kind($key, $value)),* }

        /// All rows of a list, built by whoever sends them: the gate only swaps them in.
        #[derive(Clone, Debug)]
        pub enum Rows { $($kind(Arc<BTreeMap<$key, $value>>)),* }

        impl Rows {
            pub fn len(&self) -> usize {
                match self { $(Rows::$kind(rows) => rows.len()),* }
            }

            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }
        }
    };
}

rows! {
    Resident Name => Resident,
    Household Name => Household,
    Vehicle Plate => Holder,
    Card Card => Holder,
    Pass PassKey => Pass,
    WatchedPlate Plate => Watch,
    WatchedArea String => Watch,
}

/// What an entry is found by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    Name(Name),
    Plate(Plate),
    Card(Card),
    Pass(PassKey),
    Area(String),
}

impl Entry {
    pub fn key(&self) -> Key {
        match self {
            Entry::Resident(id, _) | Entry::Household(id, _) => Key::Name(id.clone()),
            Entry::Vehicle(plate, _) | Entry::WatchedPlate(plate, _) => Key::Plate(plate.clone()),
            Entry::Card(card, _) => Key::Card(card.clone()),
            Entry::Pass(key, _) => Key::Pass(key.clone()),
            Entry::WatchedArea(prefix, _) => Key::Area(prefix.clone()),
        }
    }
}

/// What can be done with a list without knowing the kind of its rows. Whoever calls has asked
/// before whether they fit; what does not is passed over.
pub(super) trait AnyList {
    fn head(&mut self) -> Head<'_>;
    /// Swaps all rows. The keys of local entries that they hold go to `taken`.
    fn swap(&mut self, rows: &Rows, taken: &mut Vec<Key>);
    /// Puts one of the owner's entries; true: its key is new.
    fn put(&mut self, entry: &Entry, taken: &mut Vec<Key>) -> bool;
    /// Takes one of the owner's entries out; true: it was there.
    fn remove(&mut self, key: &Key) -> bool;
    fn put_local(&mut self, entry: &Entry) -> bool;
    fn remove_local(&mut self, key: &Key) -> bool;
    fn fits(&self, entry: &Entry) -> bool;
    fn fits_key(&self, key: &Key) -> bool;
    fn fits_rows(&self, rows: &Rows) -> bool;
    fn local_len(&self) -> usize;
}

/// What every list has.
pub(super) struct Head<'a> {
    pub version: &'a mut u64,
    pub confirmed_ms: &'a mut i64,
    pub owner: &'a super::Owner,
}

macro_rules! any_list {
    ($($entry:ident $key_kind:ident $key:ty => $value:ty),* $(,)?) => {
        $(impl AnyList for List<$key, $value> {
            fn head(&mut self) -> Head<'_> {
                Head {
                    version: &mut self.version,
                    confirmed_ms: &mut self.confirmed_ms,
                    owner: &self.owner,
                }
            }

            fn swap(&mut self, rows: &Rows, taken: &mut Vec<Key>) {
                let Rows::$entry(rows) = rows else { return };
                self.entries = Arc::clone(rows);
                self.local.retain(|key, _| {
                    let held = rows.contains_key(key);
                    if held {
                        taken.push(Key::$key_kind(key.clone()));
                    }
                    !held
                });
            }

            fn put(&mut self, entry: &Entry, taken: &mut Vec<Key>) -> bool {
                let Entry::$entry(key, value) = entry else { return false };
                if self.local.remove(key).is_some() {
                    taken.push(Key::$key_kind(key.clone()));
                }
                let entries = Arc::make_mut(&mut self.entries);
                entries.insert(key.clone(), value.clone()).is_none()
            }

            fn remove(&mut self, key: &Key) -> bool {
                let Key::$key_kind(key) = key else { return false };
                self.entries.contains_key(key)
                    && Arc::make_mut(&mut self.entries).remove(key).is_some()
            }

            fn put_local(&mut self, entry: &Entry) -> bool {
                let Entry::$entry(key, value) = entry else { return false };
                self.local.insert(key.clone(), value.clone()).is_none()
            }

            fn remove_local(&mut self, key: &Key) -> bool {
                let Key::$key_kind(key) = key else { return false };
                self.local.remove(key).is_some()
            }

            fn fits(&self, entry: &Entry) -> bool {
                matches!(entry, Entry::$entry(..))
            }

            fn fits_key(&self, key: &Key) -> bool {
                matches!(key, Key::$key_kind(_))
            }

            fn fits_rows(&self, rows: &Rows) -> bool {
                matches!(rows, Rows::$entry(_))
            }

            fn local_len(&self) -> usize {
                self.local.len()
            }
        })*
    };
}

any_list! {
    Resident Name Name => Resident,
    Household Name Name => Household,
    Vehicle Plate Plate => Holder,
    Card Card Card => Holder,
    Pass Pass PassKey => Pass,
    WatchedPlate Plate Plate => Watch,
    WatchedArea Area String => Watch,
}

impl Lists {
    pub(super) fn any(&mut self, list: ListName) -> &mut dyn AnyList {
        match list {
            ListName::Residents => &mut self.residents,
            ListName::Households => &mut self.households,
            ListName::Vehicles => &mut self.vehicles,
            ListName::Cards => &mut self.cards,
            ListName::Visitors => &mut self.visitors,
            ListName::Deliveries => &mut self.deliveries,
            ListName::Passes => &mut self.passes,
            ListName::WatchedPlates => &mut self.watched_plates,
            ListName::WatchedAreas => &mut self.watched_areas,
            ListName::EmergencyVehicles => &mut self.emergency_vehicles,
        }
    }
}
