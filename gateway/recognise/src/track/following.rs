//! One followed vehicle: where it is, what its frames voted, and when that is news.

use std::collections::BTreeMap;

use gateway_core::moment::Mono;
use gateway_core::plate::{Plate, PlateColour, PlateKind};
use gateway_core::sighting::Candidate;

use super::{Direction, Expected, Limits, Tracked};
use crate::confidence::{self, Votes};
use crate::patterns::Patterns;
use crate::picture::Area;
use crate::plate::PlateRead;

/// A better frame replaces the best one when it is sharper by this much: each replacement costs
/// a JPEG.
const SHARPER: f32 = 1.15;

/// An improvement of the confidence that is worth another revision, 0 to 1000.
const BETTER_PERMILLE: u16 = 25;

/// A plate that is so many times wider or narrower shows which way its vehicle goes.
const TURNED: f32 = 1.1;

/// Stands for a province that cannot be read.
const ILLEGIBLE: char = '?';

/// Different texts of one vehicle that are remembered.
const MAX_TEXTS: usize = 16;

/// Frames that must agree on a text outside the grammar.
const RAW_FRAMES: u32 = 3;

pub struct Track {
    pub number: u64,
    pub last_seen: Mono,
    first_seen: Mono,
    revision: u32,
    /// Where the plate was in the latest frame, and its speed in pixels a microsecond.
    area: Area,
    speed: [f32; 2],
    /// Where it has been since when without leaving.
    anchor: ([f32; 2], Mono),
    stands: bool,
    /// Where it was first, and whether it has ever been elsewhere.
    began: Area,
    moved: bool,
    /// The plate's smoothed width, and the one at which the direction was last sure, in pixels.
    width: f32,
    sure_width: f32,
    direction: Direction,
    /// By pattern: the sum of the votes.
    votes: BTreeMap<usize, Votes>,
    /// By text: frames that read exactly this, and the best confidence among them.
    texts: BTreeMap<String, (u32, u16)>,
    colours: BTreeMap<PlateColour, u32>,
    frames: u32,
    best: (f32, Area),
    best_changed: bool,
    sent: Option<Tracked>,
}

/// What the votes of all frames say.
struct Verdict {
    plate: Plate,
    kind: PlateKind,
    confidence_permille: u16,
    candidates: Vec<Candidate>,
    /// Frames that read exactly this text on their own.
    agreeing: u32,
}

impl Track {
    pub fn new(number: u64, now: Mono, read: &PlateRead) -> Track {
        Track {
            number,
            last_seen: now,
            first_seen: now,
            revision: 0,
            area: read.area,
            speed: [0.0, 0.0],
            anchor: (read.area.centre(), now),
            stands: false,
            began: read.area,
            moved: false,
            width: read.area.width(),
            sure_width: read.area.width(),
            direction: Direction::Unknown,
            votes: BTreeMap::new(),
            texts: BTreeMap::new(),
            colours: BTreeMap::new(),
            frames: 0,
            best: (0.0, read.area),
            best_changed: false,
            sent: None,
        }
    }

    /// How well a plate goes on with this vehicle; `None` when it is another's.
    pub fn likeness(&self, now: Mono, read: &PlateRead, patterns: &Patterns) -> Option<f32> {
        let elapsed = now.since(self.last_seen) as f32;
        let expected = self.area.moved([0, 1].map(|d| self.speed[d] * elapsed));
        let overlap = expected
            .overlap(&read.area)
            .max(self.area.overlap(&read.area));
        let [x, y] = read.area.centre();
        let [ex, ey] = expected.centre();
        let widths = (x - ex).hypot(y - ey) / read.area.width().max(self.area.width());
        let known = self.verdict(patterns)?;
        let differing = differing(known.plate.reveal(), read.plate.reveal());
        // A vehicle that took another's place between two frames.
        let sure = read.confidence_permille >= 800 && known.confidence_permille >= 800;
        if sure && differing >= 4 {
            return None;
        }
        let near =
            overlap > 0.15 || (widths < 2.5 && differing <= 2) || (widths < 6.0 && differing == 0);
        near.then_some(overlap - 0.05 * widths - 0.2 * differing as f32)
    }

    /// Takes a frame's plate; whether that frame is now the best one.
    pub fn take(&mut self, now: Mono, read: &PlateRead, limits: &Limits) -> bool {
        self.follow(now, &read.area, limits);
        self.frames = self.frames.saturating_add(1);
        if let Some(votes) = &read.votes {
            self.votes
                .entry(votes.pattern)
                .and_modify(|sum| sum.add(votes))
                .or_insert_with(|| votes.clone());
        }
        let text = read.plate.reveal();
        if self.texts.contains_key(text) || self.texts.len() < MAX_TEXTS {
            let entry = self.texts.entry(text.to_owned()).or_default();
            entry.0 += 1;
            entry.1 = entry.1.max(read.confidence_permille);
        }
        *self.colours.entry(read.colour).or_default() += 1;
        let merit = read.sharpness * read.area.width() * f32::from(read.confidence_permille);
        if merit <= self.best.0 * SHARPER {
            return false;
        }
        self.best = (merit, read.area);
        self.best_changed = true;
        true
    }

    /// It is where it was, as an unchanged picture says; that is no vote.
    pub fn stay(&mut self, now: Mono, limits: &Limits) {
        self.speed = [0.0, 0.0];
        self.stands = now.since(self.anchor.1) >= limits.stands_us;
        self.last_seen = self.last_seen.max(now);
    }

    /// A sighting when there is something new to tell.
    pub fn news(&mut self, now: Mono, patterns: &Patterns, limits: &Limits) -> Option<Tracked> {
        let verdict = self.verdict(patterns)?;
        let enough = match verdict.kind {
            PlateKind::Raw => RAW_FRAMES.max(limits.agreeing_frames),
            _ => limits.agreeing_frames,
        };
        let sure =
            verdict.agreeing >= enough && verdict.confidence_permille >= limits.sure_permille;
        let waited = now.since(self.first_seen) >= limits.patience_us && self.frames >= enough;
        let tracked = self.tracked(verdict, patterns);
        let is_news = match &self.sent {
            None => sure || waited,
            Some(sent) => {
                sent.plate != tracked.plate
                    || sent.colour != tracked.colour
                    || sent.stands != tracked.stands
                    || tracked.confidence_permille >= sent.confidence_permille + BETTER_PERMILLE
                    || (self.best_changed && tracked.confidence_permille > sent.confidence_permille)
            }
        };
        is_news.then(|| self.send(tracked))
    }

    /// The closing sighting of a vehicle that is gone; `None` when none was ever sent and the
    /// frames were too few to tell anything.
    pub fn ended(mut self, patterns: &Patterns) -> Option<Tracked> {
        if self.sent.is_none() && self.frames < 2 {
            return None;
        }
        let verdict = self.verdict(patterns)?;
        let mut tracked = self.tracked(verdict, patterns);
        tracked.closed = true;
        Some(self.send(tracked))
    }

    pub fn is_settled(&self, limits: &Limits) -> bool {
        self.stands && self.is_sure(limits)
    }

    pub fn expected(&self, now: Mono, limits: &Limits) -> Expected {
        let elapsed = now.since(self.last_seen) as f32;
        Expected {
            track: self.number,
            area: self.area.moved(self.speed.map(|speed| speed * elapsed)),
            sure: self.is_sure(limits),
            stands: self.stands,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
        }
    }

    fn is_sure(&self, limits: &Limits) -> bool {
        let sure = |sent: &Tracked| sent.confidence_permille >= limits.sure_permille;
        self.sent.as_ref().is_some_and(sure)
    }

    fn send(&mut self, mut tracked: Tracked) -> Tracked {
        self.revision += 1;
        self.best_changed = false;
        tracked.revision = self.revision;
        self.sent = Some(tracked.clone());
        tracked
    }

    fn follow(&mut self, now: Mono, area: &Area, limits: &Limits) {
        let elapsed = now.since(self.last_seen) as f32;
        let ([x, y], [fx, fy]) = (area.centre(), self.area.centre());
        if elapsed > 0.0 {
            self.speed = [(x - fx) / elapsed, (y - fy) / elapsed];
        }
        let ([ax, ay], since) = self.anchor;
        // The detector's boxes jitter by a few per cent of the width.
        if (x - ax).hypot(y - ay) > 0.15 * area.width() {
            self.anchor = ([x, y], now);
            self.stands = false;
        } else {
            self.stands = now.since(since) >= limits.stands_us;
        }
        let [bx, by] = self.began.centre();
        self.moved |= (x - bx).hypot(y - by) > self.began.width();
        self.turn(area.width());
        self.area = *area;
        self.last_seen = now;
    }

    /// The detector's boxes jitter: only a lasting change of the width tells a direction.
    fn turn(&mut self, width: f32) {
        self.width += (width - self.width) * 0.5;
        if self.width > self.sure_width * TURNED {
            (self.direction, self.sure_width) = (Direction::Approaching, self.width);
        } else if self.width * TURNED < self.sure_width {
            (self.direction, self.sure_width) = (Direction::Leaving, self.width);
        }
    }

    fn tracked(&self, verdict: Verdict, patterns: &Patterns) -> Tracked {
        let colour = self.colour();
        Tracked {
            track: self.number,
            revision: self.revision,
            closed: false,
            agrees: patterns.agree(verdict.kind, colour),
            plate: verdict.plate,
            kind: verdict.kind,
            colour,
            confidence_permille: verdict.confidence_permille,
            candidates: verdict.candidates,
            area: self.best.1,
            stands: self.stands,
            moved: self.moved,
            direction: self.direction,
            frames: self.frames,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
        }
    }

    /// The colour that most frames saw, the unknown left out.
    fn colour(&self) -> PlateColour {
        self.colours
            .iter()
            .filter(|(colour, _)| **colour != PlateColour::Unknown)
            .max_by_key(|(_, frames)| **frames)
            .map_or(PlateColour::Unknown, |(colour, _)| *colour)
    }

    fn verdict(&self, patterns: &Patterns) -> Option<Verdict> {
        let Some(votes) = self
            .votes
            .values()
            .max_by(|a, b| a.weight().total_cmp(&b.weight()))
        else {
            return self.raw_verdict();
        };
        let (confidence, texts) = confidence::texts(patterns, votes);
        let permille = |share: f32| (share.clamp(0.0, 1.0) * 1000.0).round() as u16;
        let mut candidates: Vec<_> = texts
            .iter()
            .map(|(text, confidence)| Candidate {
                plate: Plate::new(text),
                confidence_permille: permille(*confidence),
            })
            .collect();
        let mut plate = candidates.first()?.plate.clone();
        let agreeing = self.texts.get(plate.reveal()).map_or(0, |(n, _)| *n);
        if confidence::is_illegible(patterns, votes) {
            plate = without_province(&plate);
            candidates.truncate(3);
            candidates.insert(
                0,
                Candidate {
                    plate: plate.clone(),
                    confidence_permille: permille(confidence),
                },
            );
        }
        Some(Verdict {
            agreeing,
            kind: patterns.kind(votes.pattern, &votes.letters(patterns)),
            plate,
            confidence_permille: permille(confidence),
            candidates,
        })
    }

    /// Frames that never fitted a pattern: the text that most of them read.
    fn raw_verdict(&self) -> Option<Verdict> {
        let (text, (frames, permille)) = self.texts.iter().max_by_key(|(_, seen)| **seen)?;
        let plate = Plate::new(text);
        Some(Verdict {
            candidates: vec![Candidate {
                plate: plate.clone(),
                confidence_permille: *permille,
            }],
            plate,
            kind: PlateKind::Raw,
            confidence_permille: *permille,
            agreeing: *frames,
        })
    }
}

/// A guess among provinces is worse than none: the guard sees that it is one, and what it may be.
fn without_province(plate: &Plate) -> Plate {
    let rest = plate.reveal().chars().skip(1);
    Plate::new(&std::iter::once(ILLEGIBLE).chain(rest).collect::<String>())
}

/// Characters in which two texts differ, place by place.
fn differing(a: &str, b: &str) -> usize {
    let same = a.chars().zip(b.chars()).filter(|(x, y)| x == y).count();
    a.chars().count().max(b.chars().count()) - same
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confidence::tests::with_province;
    use crate::plate::Rows;
    use crate::warp::Quad;

    fn read(votes: Votes) -> PlateRead {
        let area = Area {
            x0: 100.0,
            y0: 100.0,
            x1: 200.0,
            y1: 132.0,
        };
        PlateRead {
            plate: Plate::new("闽E11111"),
            kind: PlateKind::Ordinary,
            colour: PlateColour::Blue,
            agrees: true,
            confidence_permille: 400,
            candidates: Vec::new(),
            area,
            corners: Quad::around(&area),
            rows: Rows::One,
            detector_permille: 900,
            sharpness: 10.0,
            votes: Some(votes),
        }
    }

    #[test]
    fn a_province_that_cannot_be_read_is_shown_as_unknown_with_candidates() {
        let (patterns, votes) = with_province(0.4);
        let read = read(votes);
        let limits = Limits::default();
        let mut track = Track::new(1, Mono::from_ms(1_000), &read);
        for frame in 0..5 {
            track.take(Mono::from_ms(1_000 + 200 * frame), &read, &limits);
        }
        let told = track.ended(&patterns).unwrap();
        assert_eq!(told.plate.reveal(), "?E11111");
        assert_eq!(told.kind, PlateKind::Ordinary);
        assert!(told.confidence_permille < 600);
        let candidates: Vec<_> = told.candidates.iter().map(|c| c.plate.reveal()).collect();
        assert_eq!(candidates[..2], ["?E11111", "闽E11111"]);
        assert!(candidates.len() <= 4);
    }

    #[test]
    fn a_province_that_can_be_read_stands() {
        let (patterns, votes) = with_province(0.95);
        let read = read(votes);
        let mut track = Track::new(1, Mono::from_ms(1_000), &read);
        track.take(Mono::from_ms(1_000), &read, &Limits::default());
        track.take(Mono::from_ms(1_200), &read, &Limits::default());
        assert_eq!(track.ended(&patterns).unwrap().plate.reveal(), "闽E11111");
    }
}
