//! Pictures to plates: detector, warp, reader and colour in one owner of both models.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gateway_core::plate::{Plate, PlateColour, PlateKind};
use gateway_core::sighting::Candidate;

use crate::colour::{self, Light};
use crate::detector::{Detector, Found, looked_at};
use crate::error::Result;
use crate::models::{Models, Thresholds};
use crate::patterns::Patterns;
use crate::picture::{Area, Picture};
use crate::plate::{PlateRead, Rows};
use crate::reader::{Reader, Reading, STRIP, STRIP_BYTES};
use crate::scale::Scaler;
use crate::session;
use crate::session::Watch;
use crate::warp::{Quad, Strip};

/// How a picture is looked at.
#[derive(Clone, Debug)]
pub struct How {
    /// Long sides in pixels, tried in this order until a plausible plate is there.
    pub scales: Vec<u32>,
    /// The part of the picture that is looked at, in its pixels; `None` for all of it.
    pub area: Option<Area>,
    /// Corners of the lane in the picture's pixels: a plate whose middle is outside is left out.
    /// Fewer than three mean everywhere.
    pub lane: Vec<[f32; 2]>,
    pub whole: Whole,
}

/// When a picture in which no plate was found is read whole, as a plate cut out beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    Never,
    /// At most 320 by 120 pixels and 1.5 to 6.5 times as wide as high.
    WhenSmall,
    Always,
}

/// One call of a model, for comparison with the bare runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Width and height of the detector's input.
    Detect(u32, u32),
    Read,
}

/// A model call that takes longer is ended: at a hundred times its usual time it is stuck.
pub const CALL_LIMIT: Duration = Duration::from_secs(3);

/// Plates of one picture that are looked at; the detector's best come first.
const MAX_PLATES: usize = 8;

/// Candidates given for a plate, the chosen text included.
const MAX_CANDIDATES: usize = 4;

/// A raw text shorter than this is a badge or a shadow.
const MIN_RAW: usize = 4;

pub struct Recogniser {
    detector: Detector,
    reader: Reader,
    thresholds: Thresholds,
    watch: Watch,
    strip: Strip,
    scaler: Scaler,
    small: Vec<u8>,
    split: Vec<u8>,
    found: Vec<Found>,
    calls: Vec<Call>,
}

impl How {
    /// For a still: three sizes, and small pictures read whole.
    pub fn still() -> How {
        How {
            scales: vec![960, 1600, 640],
            area: None,
            lane: Vec::new(),
            whole: Whole::WhenSmall,
        }
    }

    /// For a stream: one size, chosen for the width of the lane's plates.
    pub fn stream(long_side: u32) -> How {
        How {
            scales: vec![long_side],
            area: None,
            lane: Vec::new(),
            whole: Whole::Never,
        }
    }

    /// Keeps to a lane: the picture is cut to the polygon's bounds, plates outside it are left out.
    pub fn in_lane(mut self, polygon: &[[f32; 2]]) -> How {
        self.lane = polygon.to_vec();
        if polygon.len() >= 3 {
            let bound = |d: usize, pick: fn(f32, f32) -> f32, start: f32| {
                polygon.iter().map(|corner| corner[d]).fold(start, pick)
            };
            self.area = Some(Area {
                x0: bound(0, f32::min, f32::INFINITY),
                y0: bound(1, f32::min, f32::INFINITY),
                x1: bound(0, f32::max, f32::NEG_INFINITY),
                y1: bound(1, f32::max, f32::NEG_INFINITY),
            });
        }
        self
    }
}

impl Recogniser {
    /// Verifies the models in `dir`, loads ONNX Runtime from there and both models with it.
    pub fn open(dir: &Path) -> Result<Recogniser> {
        Recogniser::with_patterns(dir, Patterns::open(dir)?)
    }

    /// As `open`, with a table of patterns of one's own.
    pub fn with_patterns(dir: &Path, patterns: Patterns) -> Result<Recogniser> {
        let models = Models::open(dir)?;
        let environment = session::environment(&models.runtime)?;
        Ok(Recogniser {
            detector: Detector::load(&environment, &models)?,
            reader: Reader::load(&environment, &models, patterns)?,
            thresholds: models.thresholds,
            watch: Watch::new(CALL_LIMIT)?,
            strip: Strip::default(),
            scaler: Scaler::default(),
            small: vec![0; STRIP_BYTES],
            split: vec![0; STRIP_BYTES],
            found: Vec::new(),
            calls: Vec::new(),
        })
    }

    /// All plates of the picture, best first.
    pub fn read(&mut self, picture: &Picture<'_>, how: &How) -> Result<Vec<PlateRead>> {
        self.calls.clear();
        picture.check()?;
        let whole = picture.area();
        let Some(area) = how.area.map_or(Some(whole), |area| area.within(&whole)) else {
            return Ok(Vec::new());
        };
        let light = colour::light(picture);
        let mut plates = Vec::new();
        let mut sizes = Vec::new();
        for scale in &how.scales {
            let size = looked_at(&area, *scale);
            if sizes.contains(&size) {
                continue;
            }
            sizes.push(size);
            self.look(picture, &area, size, (how, light), &mut plates)?;
            if plates.iter().any(PlateRead::is_plausible) {
                break;
            }
        }
        if plates.is_empty() && reads_whole(how.whole, &area) {
            plates.extend(self.read_whole(picture, &area, light)?);
        }
        plates.sort_by_key(|plate| std::cmp::Reverse(plate.rank()));
        leave_one_each(&mut plates, self.thresholds.overlap);
        Ok(plates)
    }

    /// Ends model calls after `limit` instead of `CALL_LIMIT`.
    pub fn limit_calls(&mut self, limit: Duration) -> Result<()> {
        self.watch = Watch::new(limit)?;
        Ok(())
    }

    /// The model calls of the last `read`, in order.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// Makes the model calls of the last `read` again, and nothing else: what the bare runtime
    /// takes for them.
    pub fn bare(&mut self) -> Result<Duration> {
        let start = Instant::now();
        for call in &self.calls {
            match *call {
                Call::Detect(width, height) => self.detector.bare(&self.watch, (width, height))?,
                Call::Read => self.reader.bare(&self.watch)?,
            }
        }
        Ok(start.elapsed())
    }

    /// The table that the votes' patterns refer to.
    pub fn patterns(&self) -> Arc<Patterns> {
        self.reader.patterns().clone()
    }

    fn look(
        &mut self,
        picture: &Picture<'_>,
        area: &Area,
        size: (u32, u32),
        (how, light): (&How, Light),
        plates: &mut Vec<PlateRead>,
    ) -> Result<()> {
        self.calls.push(Call::Detect(size.0, size.1));
        let found = self.detector.find(&self.watch, picture, area, size)?;
        self.found.clear();
        self.found.extend(
            found
                .iter()
                .filter(|f| f.legible() && inside(&how.lane, f.area.centre()))
                .take(MAX_PLATES),
        );
        for i in 0..self.found.len() {
            let found = self.found[i];
            self.strip.take(picture, &found.quad);
            plates.extend(self.read_strip(&found, light)?);
        }
        Ok(())
    }

    fn read_whole(
        &mut self,
        picture: &Picture<'_>,
        area: &Area,
        light: Light,
    ) -> Result<Option<PlateRead>> {
        self.strip.take_upright(picture, area);
        let found = Found {
            score: 0.0,
            area: *area,
            quad: Quad::around(area),
        };
        self.read_strip(&found, light)
    }

    /// Reads the strip that was taken, in one row or two; `None` when it is no plate.
    fn read_strip(&mut self, found: &Found, light: Light) -> Result<Option<PlateRead>> {
        let view = self.strip.view();
        let (width, height) = (view.width as f32, view.height as f32);
        let part = |y0: f32, y1: f32| Area {
            x0: 0.0,
            y0,
            x1: width,
            y1,
        };
        self.scaler
            .strip(&view, &part(0.0, height), STRIP, &mut self.small)?;
        self.calls.push(Call::Read);
        let colour = colour::of_strip(&self.small, light);
        let mut reading = self.reader.read(&self.watch, &self.small, colour)?;
        let mut rows = Rows::One;
        let [across, down] = found.quad.sides();
        if across < self.thresholds.split_aspect * down {
            self.split_rows()?;
            self.calls.push(Call::Read);
            let split = self.reader.read(&self.watch, &self.split, colour)?;
            if score(&split) >= score(&reading) + self.thresholds.split_gain {
                (reading, rows) = (split, Rows::Two);
            }
        }
        if reading.kind == PlateKind::Raw && reading.text.chars().count() < MIN_RAW {
            return Ok(None);
        }
        Ok(Some(self.plate(found, &reading, rows, colour)))
    }

    /// The two rows side by side: the upper 5/12 of the plate, and from 1/3 down.
    fn split_rows(&mut self) -> Result<()> {
        let view = self.strip.view();
        let (width, height) = (view.width as f32, view.height as f32);
        let half = (STRIP.0 / 2) as usize * 3;
        let mut row_of = vec![0; half * STRIP.1 as usize];
        for (i, (y0, y1)) in [(0.0, 5.0 / 12.0), (1.0 / 3.0, 1.0)]
            .into_iter()
            .enumerate()
        {
            let part = Area {
                x0: 0.0,
                y0: height * y0,
                x1: width,
                y1: height * y1,
            };
            self.scaler
                .strip(&view, &part, (STRIP.0 / 2, STRIP.1), &mut row_of)?;
            let lines = self.split.chunks_exact_mut(half * 2);
            for (line, source) in lines.zip(row_of.chunks_exact(half)) {
                line[i * half..][..half].copy_from_slice(source);
            }
        }
        Ok(())
    }

    fn plate(
        &self,
        found: &Found,
        reading: &Reading,
        rows: Rows,
        colour: PlateColour,
    ) -> PlateRead {
        let candidate = |text: &str, confidence: f32| Candidate {
            plate: Plate::new(text),
            confidence_permille: permille(confidence),
        };
        let mut candidates = vec![candidate(&reading.text, reading.confidence)];
        for (text, confidence) in reading.others.iter().take(MAX_CANDIDATES - 1) {
            candidates.push(candidate(text, *confidence));
        }
        PlateRead {
            plate: Plate::new(&reading.text),
            kind: reading.kind,
            colour,
            agrees: self.reader.patterns().agree(reading.kind, colour),
            confidence_permille: permille(reading.confidence),
            candidates,
            area: found.area,
            corners: found.quad,
            rows,
            detector_permille: permille(found.score),
            sharpness: sharpness(&self.small),
            votes: reading.votes.clone(),
        }
    }
}

/// A legal text is always better than a raw one.
fn score(reading: &Reading) -> f32 {
    match reading.kind {
        PlateKind::Raw => reading.confidence - 1.0,
        _ => reading.confidence,
    }
}

fn reads_whole(whole: Whole, area: &Area) -> bool {
    let aspect = area.width() / area.height();
    match whole {
        Whole::Never => false,
        Whole::Always => true,
        Whole::WhenSmall => {
            area.width() <= 320.0 && area.height() <= 120.0 && (1.5..=6.5).contains(&aspect)
        }
    }
}

/// Of plates that cover each other, found in different sizes, the better-ranked stays.
fn leave_one_each(plates: &mut Vec<PlateRead>, overlap: f32) {
    let mut kept = 0;
    for i in 0..plates.len() {
        let covered = plates[..kept]
            .iter()
            .any(|better| better.area.overlap(&plates[i].area) > overlap);
        if !covered {
            plates.swap(kept, i);
            kept += 1;
        }
    }
    plates.truncate(kept);
}

/// Whether a point lies within a polygon, by the edges to its right; everywhere is within fewer
/// than three corners.
pub(crate) fn inside(polygon: &[[f32; 2]], [x, y]: [f32; 2]) -> bool {
    if polygon.len() < 3 {
        return true;
    }
    let mut inside = false;
    let mut last = polygon[polygon.len() - 1];
    for corner in polygon {
        let [[x0, y0], [x1, y1]] = [last, *corner];
        if (y0 > y) != (y1 > y) && x < x0 + (y - y0) / (y1 - y0) * (x1 - x0) {
            inside = !inside;
        }
        last = *corner;
    }
    inside
}

/// The mean step in green from one pixel to the next.
fn sharpness(strip: &[u8]) -> f32 {
    let mut sum = 0_u32;
    for row in strip.chunks_exact(STRIP.0 as usize * 3) {
        for (pixel, next) in row.chunks_exact(3).zip(row[3..].chunks_exact(3)) {
            sum += u32::from(pixel[1].abs_diff(next[1]));
        }
    }
    sum as f32 / (STRIP.0 * STRIP.1) as f32
}

fn permille(share: f32) -> u16 {
    (share.clamp(0.0, 1.0) * 1000.0).round() as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plate_outside_the_lane_is_left_out() {
        let lane = [[100.0, 0.0], [200.0, 0.0], [200.0, 100.0], [100.0, 100.0]];
        assert!(inside(&lane, [150.0, 50.0]));
        assert!(!inside(&lane, [50.0, 50.0]));
        assert!(!inside(&lane, [150.0, 150.0]));
        assert!(inside(&[], [1.0, 1.0]));
    }

    #[test]
    fn a_lane_cuts_the_picture_to_its_bounds() {
        let how = How::stream(640).in_lane(&[[10.0, 20.0], [110.0, 30.0], [60.0, 90.0]]);
        let area = how.area.unwrap();
        assert_eq!(
            [area.x0, area.y0, area.x1, area.y1],
            [10.0, 20.0, 110.0, 90.0]
        );
    }

    #[test]
    fn only_small_wide_pictures_are_read_whole() {
        let area = |x1, y1| Area {
            x0: 0.0,
            y0: 0.0,
            x1,
            y1,
        };
        assert!(reads_whole(Whole::WhenSmall, &area(94.0, 24.0)));
        assert!(!reads_whole(Whole::WhenSmall, &area(960.0, 540.0)));
        assert!(!reads_whole(Whole::WhenSmall, &area(94.0, 94.0)));
        assert!(reads_whole(Whole::Always, &area(960.0, 540.0)));
    }
}
