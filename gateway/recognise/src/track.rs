//! Plates followed through the frames of one camera, and their votes added up to sightings.
//!
//! No single frame opens anything: a sighting is sent when at least two frames agree and the sum
//! of their votes is sure, again with a higher revision while it improves, and once more, closed,
//! when the vehicle is out of the picture. A vehicle that stands still is followed as long as it
//! is there.

mod following;

use std::sync::Arc;

use gateway_core::moment::Mono;
use gateway_core::name::Name;
use gateway_core::plate::{Plate, PlateColour, PlateKind};
use gateway_core::reading::{Freshness, Trust};
use gateway_core::sighting::{Candidate, Evidence, Sighting};

use crate::patterns::Patterns;
use crate::picture::Area;
use crate::plate::PlateRead;
use following::Track;

/// When a vehicle counts as read, as standing, as gone.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Frames that must agree before a sighting is sent.
    pub agreeing_frames: u32,
    /// The sum of the votes that is sure, 0 to 1000.
    pub sure_permille: u16,
    /// After so long a vehicle that is not surely read is sent as it is, with its confidence:
    /// a guard sees more in it than in nothing. Microseconds.
    pub patience_us: u64,
    /// Unseen for so long, the vehicle is gone. Microseconds.
    pub lost_us: u64,
    /// In its place for so long, the vehicle stands. Microseconds.
    pub stands_us: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            agreeing_frames: 2,
            sure_permille: 900,
            patience_us: 1_200_000,
            lost_us: 2_000_000,
            stands_us: 600_000,
        }
    }
}

/// Vehicles followed at once; one more ends the track that was unseen longest.
const MAX_TRACKS: usize = 16;

/// A text with less than this has no vote and begins no track, 0 to 1000.
const VOTING_PERMILLE: u16 = 300;

/// Follows the vehicles of one camera.
pub struct Tracker {
    patterns: Arc<Patterns>,
    limits: Limits,
    tracks: Vec<Track>,
    next: u64,
}

/// What one frame changed.
#[derive(Debug, Default)]
pub struct Change {
    /// Tracks of which this frame is now the best: its picture is their evidence and must be kept
    /// until the next such frame or the track's end.
    pub best_of: Vec<u64>,
    /// Sightings to be sent, in this order.
    pub sightings: Vec<Tracked>,
}

/// A sighting as the frames tell it, without what only the edge knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Tracked {
    pub track: u64,
    pub revision: u32,
    pub closed: bool,
    pub plate: Plate,
    pub kind: PlateKind,
    pub colour: PlateColour,
    pub agrees: bool,
    pub confidence_permille: u16,
    /// Best first, the chosen text included; at most four.
    pub candidates: Vec<Candidate>,
    /// The plate in pixels of the best frame.
    pub area: Area,
    pub stands: bool,
    /// It has been elsewhere, by more than its plate's width. What never moved while others pass is
    /// a parked neighbour.
    pub moved: bool,
    pub direction: Direction,
    /// Frames that voted.
    pub frames: u32,
    pub first_seen: Mono,
    pub last_seen: Mono,
}

/// Which way a vehicle goes, by how its plate grows or shrinks; a vehicle that reverses changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It has neither come nearer nor gone away.
    Unknown,
    Approaching,
    Leaving,
}

/// Where a followed vehicle's plate should be, and what is known of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    pub track: u64,
    /// In pixels of the picture.
    pub area: Area,
    /// It was surely read, and a sighting said so.
    pub sure: bool,
    pub stands: bool,
    pub first_seen: Mono,
    pub last_seen: Mono,
}

/// Where sightings come from, as the edge knows it.
#[derive(Clone, Debug)]
pub struct Origin {
    pub lane: Name,
    pub camera: Name,
    pub trust: Trust,
}

impl Tracker {
    pub fn new(patterns: Arc<Patterns>, limits: Limits) -> Tracker {
        Tracker {
            patterns,
            limits,
            tracks: Vec::new(),
            next: 1,
        }
    }

    /// Numbers the tracks from this one on, where an earlier tracker of the camera left off.
    pub fn numbering_from(mut self, next: u64) -> Tracker {
        self.next = next;
        self
    }

    /// Takes the plates of a frame captured at `now`. Frames come in the order of their capture.
    pub fn frame(&mut self, now: Mono, reads: &[PlateRead]) -> Change {
        let mut change = Change::default();
        self.end_lost(now, &mut change);
        let mut taken = vec![false; self.tracks.len()];
        for read in reads.iter().filter(|read| votes(read)) {
            let index = self
                .belongs_to(now, read, &taken)
                .unwrap_or_else(|| self.begin(now, read, &mut taken, &mut change));
            taken[index] = true;
            let track = &mut self.tracks[index];
            if track.take(now, read, &self.limits) {
                change.best_of.push(track.number);
            }
            change
                .sightings
                .extend(track.news(now, &self.patterns, &self.limits));
        }
        change
    }

    /// The picture of `now` is the one that was last read: every vehicle stands where it was.
    pub fn still(&mut self, now: Mono) -> Change {
        let mut change = Change::default();
        for track in &mut self.tracks {
            track.stay(now, &self.limits);
            change
                .sightings
                .extend(track.news(now, &self.patterns, &self.limits));
        }
        change
    }

    /// Ends the tracks of vehicles that are gone; to be called when no frame comes, too.
    pub fn tick(&mut self, now: Mono) -> Change {
        let mut change = Change::default();
        self.end_lost(now, &mut change);
        change
    }

    /// Ends all tracks: the camera is gone.
    pub fn end(&mut self) -> Change {
        let mut change = Change::default();
        for track in std::mem::take(&mut self.tracks) {
            change.sightings.extend(track.ended(&self.patterns));
        }
        change
    }

    /// A vehicle is in the picture: frames must go on being read even when nothing moves.
    pub fn follows(&self) -> bool {
        !self.tracks.is_empty()
    }

    /// All vehicles in the picture stand and are surely read: a few frames a second suffice.
    pub fn is_settled(&self) -> bool {
        self.tracks
            .iter()
            .all(|track| track.is_settled(&self.limits))
    }

    /// Where the plates of all followed vehicles should be in a frame captured at `now`: to look
    /// only there costs a fraction of a whole picture.
    pub fn expected(&self, now: Mono) -> Vec<Expected> {
        let tracks = self.tracks.iter();
        tracks.map(|t| t.expected(now, &self.limits)).collect()
    }

    /// Begins a track and gives its place.
    fn begin(
        &mut self,
        now: Mono,
        read: &PlateRead,
        taken: &mut Vec<bool>,
        change: &mut Change,
    ) -> usize {
        if self.tracks.len() >= MAX_TRACKS
            && let Some(oldest) = (0..self.tracks.len()).min_by_key(|i| self.tracks[*i].last_seen)
        {
            taken.remove(oldest);
            let track = self.tracks.remove(oldest);
            change.sightings.extend(track.ended(&self.patterns));
        }
        self.tracks.push(Track::new(self.next, now, read));
        self.next += 1;
        taken.push(false);
        self.tracks.len() - 1
    }

    fn end_lost(&mut self, now: Mono, change: &mut Change) {
        let (limits, patterns) = (self.limits, &self.patterns);
        let lost = |track: &Track| now.since(track.last_seen) > limits.lost_us;
        for track in self.tracks.extract_if(.., |track| lost(track)) {
            change.sightings.extend(track.ended(patterns));
        }
    }

    /// The track that the plate most probably goes on with.
    fn belongs_to(&self, now: Mono, read: &PlateRead, taken: &[bool]) -> Option<usize> {
        (0..self.tracks.len())
            .filter(|i| !taken[*i])
            .filter_map(|i| Some((i, self.tracks[i].likeness(now, read, &self.patterns)?)))
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(i, _)| i)
    }
}

impl Tracked {
    /// The sighting that the core takes.
    pub fn sighting(&self, origin: &Origin, at_arm: bool, evidence: Option<Evidence>) -> Sighting {
        let area = self.area;
        Sighting {
            lane: origin.lane.clone(),
            camera: origin.camera.clone(),
            track: self.track,
            revision: self.revision,
            closed: self.closed,
            plate: self.plate.clone(),
            kind: self.kind,
            colour: self.colour,
            agrees: self.agrees,
            confidence_permille: self.confidence_permille,
            candidates: self.candidates.clone(),
            at_arm,
            plate_box: [area.x0, area.y0, area.x1, area.y1].map(|v| v.round() as i32),
            frames: self.frames,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            evidence,
            freshness: Freshness::Live,
            trust: origin.trust,
        }
    }
}

fn votes(read: &PlateRead) -> bool {
    read.confidence_permille >= VOTING_PERMILLE
}
