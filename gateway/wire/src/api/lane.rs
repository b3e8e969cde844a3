//! A lane as it stands right now.

use gateway_core::site::Needs;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Text;
use super::passage::Passage;
use super::status::PartState;

super::mirror! {
    LaneKind = gateway_core::site::LaneKind { Vehicle, Pedestrian }
}

super::mirror! {
    Direction = gateway_core::site::Direction { Entry, Exit }
}

super::mirror! {
    Arm = gateway_core::reading::ArmPosition { Open, Closed, Moving }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    Plate,
    Card,
    Temperature,
    Pass,
}

impl Need {
    pub fn list(needs: Needs) -> Vec<Need> {
        [
            (needs.plate, Need::Plate),
            (needs.card, Need::Card),
            (needs.temperature, Need::Temperature),
            (needs.pass, Need::Pass),
        ]
        .into_iter()
        .filter_map(|(needed, need)| needed.then_some(need))
        .collect()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Lane {
    pub id: String,
    pub title: Text,
    pub kind: LaneKind,
    pub direction: Direction,
    /// Decides and records, moves nothing but an emergency opening.
    pub shadow: bool,
    /// A guard answers its holds; otherwise they go upstream.
    pub attended: bool,
    pub needs: Vec<Need>,
    /// Null while the arm has not told.
    pub arm: Option<Arm>,
    /// Something stands under the arm; null while the loop has not told.
    pub under_arm: Option<bool>,
    pub emergency: bool,
    /// A lock-down keeps this way in closed; false on every way out.
    pub locked_down: bool,
    pub cameras: Vec<LaneCamera>,
    /// Begun and not ended.
    pub open_passages: u32,
    /// Persons who rest aside before they are measured again, the shown one included.
    pub resting: u32,
    /// The passage in progress, or the one that ended last.
    pub passage: Option<Passage>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LaneCamera {
    pub id: String,
    pub state: PartState,
    /// Why it is silent or failed.
    pub code: Option<String>,
}
