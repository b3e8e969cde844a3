//! A plate as one picture shows it.

use gateway_core::plate::{Plate, PlateColour, PlateKind};
use gateway_core::sighting::Candidate;

use crate::confidence::Votes;
use crate::picture::Area;
use crate::warp::Quad;

#[derive(Clone, Debug)]
pub struct PlateRead {
    pub plate: Plate,
    pub kind: PlateKind,
    pub colour: PlateColour,
    /// The colour is one that this kind has, or is not known.
    pub agrees: bool,
    /// The least sure character's, 0 to 1000.
    pub confidence_permille: u16,
    /// The chosen text first; at most four.
    pub candidates: Vec<Candidate>,
    /// In pixels of the whole picture.
    pub area: Area,
    /// In pixels of the whole picture.
    pub corners: Quad,
    pub rows: Rows,
    /// The detector's score, 0 to 1000; 0 where the picture was read whole.
    pub detector_permille: u16,
    /// How steep the strip's edges are, in grey levels a pixel; more is sharper.
    pub sharpness: f32,
    /// What the picture says of each position, to be summed over a track; `None` for a raw text.
    pub votes: Option<Votes>,
}

/// How many rows of characters the plate was read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    One,
    Two,
}

impl PlateRead {
    /// The text follows a pattern and is sure enough to be taken for a plate.
    pub fn is_plausible(&self) -> bool {
        self.kind != PlateKind::Raw && self.confidence_permille >= PLAUSIBLE_PERMILLE
    }

    /// Plausible plates first, the nearest vehicle's before others, then the surest.
    pub(crate) fn rank(&self) -> (bool, i64, u16) {
        let size = self.area.width() * self.area.height();
        (
            self.is_plausible(),
            size.round() as i64,
            self.confidence_permille,
        )
    }
}

/// A still is looked at in other sizes until something this sure is there.
const PLAUSIBLE_PERMILLE: u16 = 500;
