//! The site as meant: lanes, what they need, how long they wait.

use serde::{Deserialize, Serialize};

use crate::name::Name;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    pub gateway: Name,
    /// The administrative grid code that stands on each record.
    pub grid: Name,
    pub lanes: Vec<Lane>,
    /// Milliseconds that a person needs from one lane to another of the same direction: the same
    /// card or pass at both in less was lent. 0: not asked.
    pub walk_ms: u32,
}

/// A person needs no less from one gate of a compound to the next.
pub const WALK_MS: u32 = 20_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    pub id: Name,
    pub kind: LaneKind,
    pub direction: Direction,
    pub needs: Needs,
    /// Milliseconds from arrival at the arm, or else from the first part, until a need is missing.
    pub wait_ms: u32,
    /// Decide and record, move nothing but an emergency opening.
    pub shadow: bool,
    /// A guard can answer holds here; otherwise they go upstream.
    pub attended: bool,
    pub fallback: Fallback,
    /// Sources that proved themselves by password only may open here.
    pub password_opens: bool,
    /// A sighting below this is a missing plate (unreadable). Per mille.
    pub plate_sure_permille: u16,
    /// Milliseconds without any part after which what was there has left.
    pub leave_ms: u32,
    /// A loop before the arm tells arrival.
    pub has_approach_loop: bool,
    pub has_barrier: bool,
    /// Lanes of one interlock (a sluice, or one arm for both directions) open one after the other.
    pub interlock: Option<Name>,
    pub on_power_loss: Rest,
    pub on_gateway_loss: Rest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneKind {
    Vehicle,
    Pedestrian,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Entry,
    Exit,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Needs {
    pub plate: bool,
    pub card: bool,
    pub temperature: bool,
    pub pass: bool,
}

/// What becomes of a hold that nobody answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fallback {
    pub after_ms: u32,
    pub then: FallbackVerdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FallbackVerdict {
    GoOnHolding,
    Refuse,
    /// Only on a way out; the configuration refuses it elsewhere.
    Admit,
}

/// Where the arm comes to rest by itself. Declared, told to people, checked at commissioning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rest {
    Open,
    Closed,
    AsItWas,
}

impl Site {
    pub fn lane(&self, id: &Name) -> Option<&Lane> {
        self.lanes.iter().find(|lane| lane.id == *id)
    }
}

/// What a lane may need before it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    Plate,
    Card,
    Temperature,
    Pass,
}

impl Need {
    pub const ALL: [Need; 4] = [Need::Plate, Need::Card, Need::Temperature, Need::Pass];

    /// The word in the configuration, and the first half of the names of its facts.
    pub const fn word(self) -> &'static str {
        match self {
            Need::Plate => "plate",
            Need::Card => "card",
            Need::Temperature => "temperature",
            Need::Pass => "pass",
        }
    }
}

impl Needs {
    pub const fn has(&self, need: Need) -> bool {
        match need {
            Need::Plate => self.plate,
            Need::Card => self.card,
            Need::Temperature => self.temperature,
            Need::Pass => self.pass,
        }
    }
}
