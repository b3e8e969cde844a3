//! Seeded gate traffic with its ground truth: one seed tells every simulator and test who comes when.
//!
//! A [`Scenario`] is a pure function of its [`Spec`]. The camera simulator draws its vehicles, the sensor
//! simulator presents its cards and temperatures, and tests compare decisions with `expected`. A longer
//! scenario begins exactly like a shorter one of the same seed, so a run can go on for ever. A [`day::Day`]
//! is what the simulator of core and store lives through.

pub mod day;
mod lists;
pub mod lookalike;
mod plate;
mod scenario;
mod truth;

pub use lists::{Lists, Row};
pub use plate::{Colour, PROVINCES, Plate, PlateKind, PlateMaker};
pub use scenario::{
    APPROACH_MS, Arrival, Kind, LEAVING_MS, Lane, LaneKind, STANDING_MS, Scenario, Spec, Verdict,
    Why,
};
pub use truth::write_truth;

/// The name of the vehicle entry.
pub const ENTRY: &str = "in-1";
/// The name of the vehicle exit.
pub const EXIT: &str = "out-1";
/// The name of the lane for persons.
pub const WALK: &str = "walk-1";
