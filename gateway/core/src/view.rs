//! What a lane shows of itself right now: for the page, the lane's display and the guard.

use crate::decision::{Decision, FactRecord};
use crate::event::{Band, End};
use crate::moment::{Moment, Mono};
use crate::name::{Name, PassageId};
use crate::plate::{Card, Plate};
use crate::reading::{ArmPosition, Millidegrees};
use crate::sighting::Sighting;

#[derive(Clone, Debug, PartialEq)]
pub struct LaneView {
    pub lane: Name,
    /// The passage in progress, or the one that ended last.
    pub passage: Option<PassageView>,
    /// Passages begun and not ended, the shown one included.
    pub open_passages: u32,
    /// Those that are held and not shown above, the oldest first: each waits for an answer.
    pub held: Vec<PassageView>,
    pub arm: Option<ArmPosition>,
    pub under_arm_occupied: Option<bool>,
    pub emergency: bool,
    /// Passages whose persons rest before they are measured again, the shown one included.
    pub resting: u32,
    /// A lock-down keeps this lane closed; it never does so on a way out.
    pub locked_down: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PassageView {
    pub id: PassageId,
    pub begun: Moment,
    pub sighting: Option<Sighting>,
    pub plate: Option<Plate>,
    pub card: Option<Card>,
    pub temperature: Option<Millidegrees>,
    pub band: Option<Band>,
    pub decision: Option<Decision>,
    pub facts: Vec<FactRecord>,
    /// Holds wait for an order until then, or for ever.
    pub fallback_at: Option<Mono>,
    /// The person rests until then, and is then measured again after a new touch of the reader.
    pub rests_until: Option<Mono>,
    pub ended: Option<End>,
}
