//! How good a camera's plates are: what a technician sets it up by.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Over the latest vehicles, at most fifty. Null: no vehicle showed it yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CameraMeasure {
    pub camera: String,
    pub vehicles: u32,
    /// Vehicles that were surely read, per mille.
    pub read_permille: Option<u32>,
    /// The plate's width in pixels of the picture, in each vehicle's best frame: the middle one,
    /// and the narrowest.
    pub width_px: Option<f64>,
    pub narrowest_px: Option<f64>,
    /// From the horizontal; positive: clockwise.
    pub tilt_degrees: Option<f64>,
    /// Mean step in grey levels from one pixel of the plate to the next; more is sharper.
    pub sharpness: Option<f64>,
    /// Mean brightness of the plate, 0 to 255.
    pub brightness: Option<f64>,
    /// The camera can be relied on as it is.
    pub go: bool,
    /// What to change, the most important first; texts under `advice`.
    pub advice: Vec<Advice>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Advice {
    pub code: String,
    /// What was measured, for the text's `{found}`.
    pub found: String,
    /// What it should be, for the text's `{wanted}`.
    pub wanted: String,
}
