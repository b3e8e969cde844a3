//! Frames to sightings: which plates a picture shows, and which vehicle they belong to.
//!
//! `Recogniser` reads one picture and owns both models. It knows no camera and keeps no picture.
//! The processing, step by step: `scale` and `detector` find boxes with four corners, `warp` makes
//! each plate upright, `reader` and `grammar` read it, `confidence` says how sure that is, and
//! `colour` whether the pixels agree. A `Worker` does this on a thread of its own with frames from
//! a `Desk` that all workers share; a `Tracker` for each camera makes sightings of what they read.

mod colour;
mod confidence;
mod detector;
mod error;
mod grammar;
mod models;
mod occupancy;
mod patterns;
mod picture;
mod plate;
mod reader;
mod recogniser;
mod scale;
mod session;
mod track;
mod warp;
mod worker;

pub use confidence::Votes;
pub use error::{Error, ErrorKind, Result};
pub use models::{Models, Thresholds};
pub use occupancy::{Fill, Filled, Occupancy};
pub use patterns::Patterns;
pub use picture::{Area, Bgr, I420, Picture, Plane, Still};
pub use plate::{PlateRead, Rows};
pub use recogniser::{CALL_LIMIT, Call, How, Recogniser, Whole};
pub use track::{Change, Direction, Expected, Limits, Origin, Tracked, Tracker};
pub use warp::Quad;
pub use worker::{Desk, Done, GivenUp, Reads, Shown, Worker};
