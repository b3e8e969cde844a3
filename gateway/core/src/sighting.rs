//! A sighting: one vehicle's plate as read over the frames in which it was followed.

use serde::{Deserialize, Serialize};

use crate::moment::Mono;
use crate::name::Name;
use crate::plate::{Plate, PlateColour, PlateKind};
use crate::reading::{Freshness, Trust};

/// Sent when the vote is sure, again under the same track with a higher revision while it
/// improves, and once more with `closed` when the track ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sighting {
    pub lane: Name,
    pub camera: Name,
    /// Counts the vehicles that this camera followed since start.
    pub track: u64,
    /// From 1; a later revision replaces an earlier one of the same track.
    pub revision: u32,
    /// The track has ended; the vehicle is out of the picture.
    pub closed: bool,
    pub plate: Plate,
    pub kind: PlateKind,
    pub colour: PlateColour,
    /// The colour of the pixels and the pattern of the text belong together.
    pub agrees: bool,
    /// The vote's certainty, the minimum over the characters, 0 to 1000.
    pub confidence_permille: u16,
    /// Best first, the chosen text included; at most four.
    pub candidates: Vec<Candidate>,
    /// The vehicle stands at the arm: the plate is past the camera's stop line or stands still.
    pub at_arm: bool,
    /// x0, y0, x1, y1 of the plate in pixels of the evidence frame.
    pub plate_box: [i32; 4],
    /// Frames that voted.
    pub frames: u32,
    /// Capture of the first and the latest frame of the track.
    pub first_seen: Mono,
    pub last_seen: Mono,
    /// The picture of the best frame; `None` while it could not be made.
    pub evidence: Option<Evidence>,
    pub freshness: Freshness,
    pub trust: Trust,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    pub plate: Plate,
    pub confidence_permille: u16,
}

/// Names the JPEG made from the very frame that was read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Evidence {
    /// SHA-256 of the JPEG in lower-case hex; the file bears this name.
    pub sha256: String,
    pub width: u32,
    pub height: u32,
}
