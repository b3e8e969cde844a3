//! Facts: what a rule may ask about a passage. The table here is the whole vocabulary of `when`.

use std::sync::LazyLock;

use crate::decision::{Cause, FactRecord, FactState};
use crate::event::PartKind;
use crate::name::Name;

mod gather;

pub(crate) use gather::{Gathered, Got};

/// What kind of value a fact has in `when`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactType {
    /// A CEL string.
    Text,
    /// A CEL bool.
    Truth,
    /// A CEL int.
    Number,
    /// Degrees Celsius as a CEL double, from thousandths.
    Celsius,
}

impl FactType {
    pub const fn word(self) -> &'static str {
        match self {
            FactType::Text => "text",
            FactType::Truth => "true or false",
            FactType::Number => "a whole number",
            FactType::Celsius => "degrees Celsius",
        }
    }
}

macro_rules! facts {
    ($($variant:ident $name:literal $ty:ident $part:ident)*) => {
        /// Every fact, in the order in which decisions record them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Fact { $($variant),* }

        impl Fact {
            pub const ALL: &'static [Fact] = &[$(Fact::$variant),*];

            pub const fn name(self) -> &'static str {
                match self { $(Fact::$variant => $name),* }
            }

            pub const fn fact_type(self) -> FactType {
                match self { $(Fact::$variant => FactType::$ty),* }
            }

            /// Which part of an event it belongs to: who may see it.
            pub const fn part(self) -> PartKind {
                match self { $(Fact::$variant => PartKind::$part),* }
            }
        }
    };
}

facts! {
    PlateText "plate.text" Text Identity
    PlateKind "plate.kind" Text Detail
    PlateColour "plate.colour" Text Detail
    PlateConfidence "plate.confidence" Number Detail
    PlateAgrees "plate.agrees" Truth Detail
    PlateRegion "plate.region" Text Identity
    VehicleListed "vehicle.listed" Truth Detail
    VehicleHolder "vehicle.holder" Text Identity
    VehicleWatched "vehicle.watched" Truth Detail
    VehicleAreaWatched "vehicle.area_watched" Truth Detail
    VehicleLookalike "vehicle.lookalike" Truth Detail
    VehicleInside "vehicle.inside" Truth Detail
    CardId "card.id" Text Identity
    CardListed "card.listed" Truth Detail
    CardHolder "card.holder" Text Identity
    CardInside "card.inside" Truth Detail
    TemperatureCelsius "temperature.celsius" Celsius Health
    TemperatureAmbient "temperature.ambient" Celsius Detail
    TemperatureSite "temperature.site" Text Health
    PassId "pass.id" Text Identity
    PassValid "pass.valid" Truth Detail
    PassUsesLeft "pass.uses_left" Number Detail
    TimeHour "time.hour" Number Detail
    TimeWeekday "time.weekday" Number Detail
    LaneId "lane.id" Text Detail
    LaneKind "lane.kind" Text Detail
    LaneDirection "lane.direction" Text Detail
    LaneAttended "lane.attended" Truth Detail
    LaneEmergency "lane.emergency" Truth Detail
    VehiclesAge "lists.vehicles_age_hours" Number Detail
    CardsAge "lists.cards_age_hours" Number Detail
    WatchedPlatesAge "lists.watched_plates_age_hours" Number Detail
    WatchedAreasAge "lists.watched_areas_age_hours" Number Detail
    PassesAge "lists.passes_age_hours" Number Detail
}

impl Fact {
    /// Looks a name up as `when` writes it.
    pub fn named(name: &str) -> Option<Fact> {
        Fact::ALL.iter().copied().find(|fact| fact.name() == name)
    }

    /// The first half of its name.
    pub fn group(self) -> &'static str {
        self.name().split('.').next().unwrap_or_default()
    }
}

/// The names once, so that a decision only counts references.
static NAMES: LazyLock<Vec<Name>> = LazyLock::new(|| {
    Fact::ALL
        .iter()
        .map(|fact| Name::new(fact.name()))
        .collect()
});

/// All facts of one passage at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    records: Vec<FactRecord>,
}

impl Facts {
    /// Nothing needed, nothing got.
    pub fn absent() -> Facts {
        let records = Fact::ALL.iter().map(|fact| FactRecord {
            name: NAMES[*fact as usize].clone(),
            state: FactState::Absent,
            at: None,
            source: None,
            trust: None,
            part: fact.part(),
        });
        Facts {
            records: records.collect(),
        }
    }

    pub fn set(&mut self, fact: Fact, state: FactState) {
        self.records[fact as usize].state = state;
    }

    pub fn get(&self, fact: Fact) -> &FactRecord {
        &self.records[fact as usize]
    }

    pub fn state(&self, fact: Fact) -> &FactState {
        &self.records[fact as usize].state
    }

    /// In the order of [`Fact::ALL`].
    pub fn records(&self) -> &[FactRecord] {
        &self.records
    }

    /// Those that are not absent: what a decision records. What it does not name was absent.
    pub fn got(&self) -> Vec<FactRecord> {
        let records = self.records.iter();
        let got = records.filter(|record| record.state != FactState::Absent);
        got.cloned().collect()
    }

    pub(crate) fn record(&mut self, fact: Fact) -> &mut FactRecord {
        &mut self.records[fact as usize]
    }

    /// Makes all facts of a group missing: of `plate.` itself or those that rest on it.
    pub fn miss(&mut self, groups: &[&str], cause: Cause) {
        for fact in Fact::ALL {
            if groups.contains(&fact.group()) {
                self.set(*fact, FactState::Missing(cause));
            }
        }
    }
}
