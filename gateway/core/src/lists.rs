//! Lists as the rules see them: who belongs here, what is watched for, and how old that knowledge is.
//!
//! Each list has one owner, and a version that only its owner advances ([`change`]). What is
//! entered at the gate stands beside the owner's entries until the owner takes it over.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

use crate::name::Name;
use crate::plate::{Card, Plate};

pub mod change;
mod entry;
mod validity;

pub use change::{ListChange, ListRefusal};
pub use entry::{Entry, Key, Rows};
pub use validity::{Days, Hours, Validity, Week};

/// All lists, read-only to the rules; a change replaces a list, or entries of it, at once.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    pub residents: List<Name, Resident>,
    pub households: List<Name, Household>,
    pub vehicles: List<Plate, Holder>,
    pub cards: List<Card, Holder>,
    pub visitors: List<PassKey, Pass>,
    pub deliveries: List<PassKey, Pass>,
    pub passes: List<PassKey, Pass>,
    pub watched_plates: List<Plate, Watch>,
    /// Plate prefixes, such as a province and letter.
    pub watched_areas: List<String, Watch>,
    /// Ambulances, fire engines: rules may let them in at once.
    pub emergency_vehicles: List<Plate, Holder>,
}

/// One list. Cloning costs no entry.
#[derive(Clone, Debug)]
pub struct List<K: Ord, V> {
    /// Only the list's owner advances it; 0: never loaded.
    pub version: u64,
    /// Milliseconds since 1970 when its owner last confirmed it; 0: unknown.
    pub confirmed_ms: i64,
    pub owner: Owner,
    pub too_old: TooOld,
    /// The owner's entries.
    pub entries: Arc<BTreeMap<K, V>>,
    /// Entered at the gate; the owner's entry of the same key goes before.
    pub local: BTreeMap<K, V>,
}

/// Who alone may change a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    #[default]
    Gateway,
    Destination(Name),
}

/// What becomes of a list that its owner has not confirmed for a while.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TooOld {
    /// Whole hours after which it is too old; 0: never.
    pub after_hours: u32,
    pub then: WhenTooOld,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenTooOld {
    /// It is used as it is; its age is a fact that rules may ask for.
    #[default]
    GoOn,
    /// What rests on it is missing with the cause *list stale*: whoever needs it is held.
    Missing,
}

impl<K: Ord, V> Default for List<K, V> {
    fn default() -> Self {
        List {
            version: 0,
            confirmed_ms: 0,
            owner: Owner::default(),
            too_old: TooOld::default(),
            entries: Arc::default(),
            local: BTreeMap::new(),
        }
    }
}

impl<K: Ord, V> List<K, V> {
    /// A list of this gateway at a version, confirmed at `confirmed_ms`. Of two entries with one
    /// key the later stays.
    pub fn of(
        version: u64,
        confirmed_ms: i64,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> List<K, V> {
        List {
            version,
            confirmed_ms,
            entries: Arc::new(entries.into_iter().collect()),
            ..List::default()
        }
    }

    /// The owner's entry, else the one entered here. Costs the logarithm of the length.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key).or_else(|| self.local.get(key))
    }

    pub fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.local.is_empty()
    }

    /// Whole hours since its owner confirmed it; `None`: nobody knows.
    pub fn age_hours(&self, wall_ms: i64) -> Option<i64> {
        let age = wall_ms.saturating_sub(self.confirmed_ms).max(0);
        (self.confirmed_ms != 0).then_some(age / 3_600_000)
    }
}

/// A person who lives here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resident {
    pub name: String,
    pub household: Option<Name>,
    #[serde(default)]
    pub valid: Validity,
}

/// A home, and how often its people may go out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Household {
    /// Building, unit, door.
    pub title: String,
    /// `None`: as often as they like.
    pub exits: Option<Allowance>,
}

/// So many times in so many days, today included: one person every two days is 1 in 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    pub times: u32,
    /// 1 to [`Allowance::MOST_DAYS`].
    pub days: u32,
}

impl Allowance {
    /// Exits are remembered for no longer.
    pub const MOST_DAYS: u32 = 31;
}

/// Whose a vehicle or card is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub holder: String,
    /// An entry of `residents`; its household is the holder's unless one is named here.
    #[serde(default)]
    pub resident: Option<Name>,
    /// An entry of `households`.
    #[serde(default)]
    pub household: Option<Name>,
    /// Outside of it the holder is as one on no list.
    #[serde(default)]
    pub valid: Validity,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    pub reason: String,
}

/// What a pass is presented by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassKey {
    Plate(Plate),
    Card(Card),
}

/// A permit of a visitor, a delivery, or of whoever else is given one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    pub id: Name,
    pub holder: String,
    /// Milliseconds since 1970; at it, and not before, the pass is valid.
    pub valid_from_ms: i64,
    /// Milliseconds since 1970; from it on the pass is valid no more.
    pub valid_to_ms: i64,
    /// `None`: as often as one likes.
    pub uses: Option<u32>,
    /// Days of the week and hours of the day.
    #[serde(default)]
    pub week: Week,
    /// Uses a day; `None`: as many as `uses` leaves.
    #[serde(default)]
    pub uses_per_day: Option<u32>,
    /// The host: an entry of `households`.
    #[serde(default)]
    pub household: Option<Name>,
    #[serde(default)]
    pub consent: Consent,
}

impl Default for Pass {
    /// Valid for ever, for nobody; a start for constructors.
    fn default() -> Pass {
        Pass {
            id: Name::new(""),
            holder: String::new(),
            valid_from_ms: i64::MIN,
            valid_to_ms: i64::MAX,
            uses: None,
            week: Week::default(),
            uses_per_day: None,
            household: None,
            consent: Consent::default(),
        }
    }
}

/// Whether the host has agreed to the visit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    #[default]
    NotNeeded,
    /// Asked for and not given: the pass is not valid yet.
    Asked,
    Given,
}

/// Which list, at which version, a decision used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListVersion {
    pub list: Name,
    pub version: u64,
    pub confirmed_ms: i64,
}

/// The lists by name, in the order in which decisions record them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListName {
    Residents,
    Households,
    Vehicles,
    Cards,
    Visitors,
    Deliveries,
    Passes,
    WatchedPlates,
    WatchedAreas,
    EmergencyVehicles,
}

impl ListName {
    pub const ALL: [ListName; 10] = [
        ListName::Residents,
        ListName::Households,
        ListName::Vehicles,
        ListName::Cards,
        ListName::Visitors,
        ListName::Deliveries,
        ListName::Passes,
        ListName::WatchedPlates,
        ListName::WatchedAreas,
        ListName::EmergencyVehicles,
    ];

    pub const fn word(self) -> &'static str {
        match self {
            ListName::Residents => "residents",
            ListName::Households => "households",
            ListName::Vehicles => "vehicles",
            ListName::Cards => "cards",
            ListName::Visitors => "visitors",
            ListName::Deliveries => "deliveries",
            ListName::Passes => "passes",
            ListName::WatchedPlates => "watched_plates",
            ListName::WatchedAreas => "watched_areas",
            ListName::EmergencyVehicles => "emergency_vehicles",
        }
    }

    /// The word as a name, made once.
    pub fn name(self) -> &'static Name {
        static NAMES: LazyLock<Vec<Name>> = LazyLock::new(|| {
            let names = ListName::ALL.iter();
            names.map(|list| Name::new(list.word())).collect()
        });
        &NAMES[self as usize]
    }

    /// Takes a word back.
    pub fn named(word: &str) -> Option<ListName> {
        ListName::ALL.into_iter().find(|list| list.word() == word)
    }
}
