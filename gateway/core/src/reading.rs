//! A reading: one value of one sensor, with how fresh it is and how its source proved itself.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::moment::Mono;
use crate::name::Name;
use crate::plate::Card;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    pub lane: Name,
    pub device: Name,
    /// When it arrived here; the device's own clock is not believed.
    pub received: Mono,
    pub value: Value,
    pub freshness: Freshness,
    pub trust: Trust,
    /// The device's own record counter, where it has one.
    pub counter: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    Card(Card),
    Temperature(Temperature),
    Loop(Loop),
    Arm(ArmPosition),
    /// Fire contact or a guard's button wired as a sensor: true while it is active.
    Emergency(bool),
    /// The device said of itself that it is there or gone (last will).
    Online(bool),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Temperature {
    pub body: Millidegrees,
    pub ambient: Option<Millidegrees>,
    /// A raw surface temperature is no body temperature: it enriches and decides nothing.
    pub site: BodySite,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodySite {
    Forehead,
    Wrist,
    Ear,
    Surface,
}

impl Temperature {
    /// Whether it tells anything of the body: within what a living body can have, and taken where
    /// the instrument measures. Otherwise it is no reading, and is to be taken again.
    pub fn tells(&self) -> bool {
        let body = Millidegrees::LEAST_PLAUSIBLE..=Millidegrees::MOST_PLAUSIBLE;
        let works = Millidegrees::LEAST_AMBIENT..=Millidegrees::MOST_AMBIENT;
        let outside = |ambient| self.site == BodySite::Forehead && !works.contains(&ambient);
        body.contains(&self.body) && !self.ambient.is_some_and(outside)
    }
}

/// Thousandths of a degree Celsius. Health data: prints masked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millidegrees(pub i32);

impl Millidegrees {
    /// Below 35.0 °C no living forehead was measured: the reading is none.
    pub const LEAST_PLAUSIBLE: Millidegrees = Millidegrees(35_000);
    /// Above 43.0 °C neither: instruments end there, and so do people.
    pub const MOST_PLAUSIBLE: Millidegrees = Millidegrees(43_000);
    /// Forehead instruments work in air of 16 to 40 °C.
    pub const LEAST_AMBIENT: Millidegrees = Millidegrees(16_000);
    pub const MOST_AMBIENT: Millidegrees = Millidegrees(40_000);
    /// Up to 37.3 °C inclusive is the band *normal*; rules may draw other lines.
    pub const NORMAL_TO: Millidegrees = Millidegrees(37_300);
}

impl fmt::Debug for Millidegrees {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("••.•°C")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Loop {
    pub place: LoopPlace,
    pub occupied: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoopPlace {
    /// Before the arm: a vehicle or person stands and waits.
    Approach,
    /// Under the arm: closing would hit what stands there.
    UnderArm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArmPosition {
    Open,
    Closed,
    Moving,
}

/// Whether a message may open: only `Live` may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    Live,
    /// The broker kept it.
    Retained,
    /// The broker or the device sent it again.
    Redelivered,
    /// The device itself marks it as an old record.
    Replayed,
}

/// How the source proved itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// Enriches, never opens.
    None,
    /// Opens only where the lane's configuration allows it.
    Password,
    Tls,
}

impl Trust {
    /// Whether a source that proved itself so may support an admit.
    pub const fn opens(self, password_opens: bool) -> bool {
        match self {
            Trust::None => false,
            Trust::Password => password_opens,
            Trust::Tls => true,
        }
    }
}

/// A camera's or device's state as the edge sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceHealth {
    pub device: Name,
    pub lane: Option<Name>,
    pub state: DeviceState,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    Live,
    /// Nothing came for longer than the device may be silent.
    Silent,
    /// It refused, ended or failed; the code names the cause, never a password or address.
    Failed {
        code: Name,
    },
}
