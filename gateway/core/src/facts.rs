//! Facts: what a rule may ask about a passage. The table here is the whole vocabulary of `when`.

use std::sync::LazyLock;

use crate::decision::{Cause, FactRecord, FactState};
use crate::event::PartKind;
use crate::name::Name;

mod gather;
mod listed;
mod own;

pub(crate) use gather::{Gathered, Got};
pub use listed::{NEVER, WITHOUT_LIMIT};

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
    VehicleHousehold "vehicle.household" Text Identity
    VehicleEmergency "vehicle.emergency" Truth Detail
    VehicleWatched "vehicle.watched" Truth Detail
    VehicleAreaWatched "vehicle.area_watched" Truth Detail
    VehicleLookalike "vehicle.lookalike" Truth Detail
    VehicleWatchedLookalike "vehicle.watched_lookalike" Truth Detail
    VehicleInside "vehicle.inside" Truth Detail
    VehicleLastMinutes "vehicle.last_minutes" Number Detail
    VehicleLastLane "vehicle.last_lane" Text Detail
    CardId "card.id" Text Identity
    CardListed "card.listed" Truth Detail
    CardHolder "card.holder" Text Identity
    CardHousehold "card.household" Text Identity
    CardInside "card.inside" Truth Detail
    CardLastMinutes "card.last_minutes" Number Detail
    CardLastLane "card.last_lane" Text Detail
    CardTooSoon "card.too_soon" Truth Detail
    HouseholdId "household.id" Text Identity
    HouseholdListed "household.listed" Truth Detail
    HouseholdExitsToday "household.exits_today" Number Detail
    HouseholdExitsLeft "household.exits_left" Number Detail
    TemperatureCelsius "temperature.celsius" Celsius Health
    TemperatureAmbient "temperature.ambient" Celsius Detail
    TemperatureSite "temperature.site" Text Health
    PassId "pass.id" Text Identity
    PassKind "pass.kind" Text Detail
    PassHolder "pass.holder" Text Identity
    PassValid "pass.valid" Truth Detail
    PassConsent "pass.consent" Truth Detail
    PassUsesLeft "pass.uses_left" Number Detail
    PassUsesLeftToday "pass.uses_left_today" Number Detail
    PassTooSoon "pass.too_soon" Truth Detail
    TimeHour "time.hour" Number Detail
    TimeMinute "time.minute" Number Detail
    TimeWeekday "time.weekday" Number Detail
    LaneId "lane.id" Text Detail
    LaneKind "lane.kind" Text Detail
    LaneDirection "lane.direction" Text Detail
    LaneAttended "lane.attended" Truth Detail
    LaneEmergency "lane.emergency" Truth Detail
    LaneLockedDown "lane.locked_down" Truth Detail
    LaneDevicesDown "lane.devices_down" Number Detail
    ResidentsAge "lists.residents_age_hours" Number Detail
    HouseholdsAge "lists.households_age_hours" Number Detail
    VehiclesAge "lists.vehicles_age_hours" Number Detail
    CardsAge "lists.cards_age_hours" Number Detail
    VisitorsAge "lists.visitors_age_hours" Number Detail
    DeliveriesAge "lists.deliveries_age_hours" Number Detail
    PassesAge "lists.passes_age_hours" Number Detail
    WatchedPlatesAge "lists.watched_plates_age_hours" Number Detail
    WatchedAreasAge "lists.watched_areas_age_hours" Number Detail
    EmergencyVehiclesAge "lists.emergency_vehicles_age_hours" Number Detail
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

    /// Those that are not absent and belong to one part of an event.
    pub(crate) fn of_part(&self, part: PartKind) -> Vec<FactRecord> {
        let got = |record: &&FactRecord| record.part == part && record.state != FactState::Absent;
        self.records.iter().filter(got).cloned().collect()
    }

    pub(crate) fn record(&mut self, fact: Fact) -> &mut FactRecord {
        &mut self.records[fact as usize]
    }

    /// Sets a fact with where it comes from; one that is missing has no age.
    fn got_from(&mut self, fact: Fact, state: FactState, origin: gather::Origin<'_>) {
        let record = &mut self.records[fact as usize];
        record.state = state;
        record.at = Some(origin.at);
        record.source = Some(origin.source.clone());
        record.trust = Some(origin.trust);
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
