//! How one camera is looked at: how often, at the whole lane or only around the plates that are
//! followed, and how large.
//!
//! Values only. The detector is what a look costs, and it costs by the pixel: a followed plate is
//! looked for in a small part of the picture, the whole lane only now and then; and the lane is
//! shown to the detector no larger than its plates need.

use gateway_core::moment::Mono;
use gateway_recognise::{Area, Expected, How};

/// The whole lane is looked at again after so long, while vehicles move or are being read, and
/// once all stand and were read, microseconds.
const WHOLE_US: u64 = 480_000;
const WHOLE_SETTLED_US: u64 = 1_500_000;

/// A part around a followed plate, in widths of the plate: a vehicle that accelerates is still
/// within it at the next look, and its shape is always the same, for the models' memory is laid
/// out anew for each new one.
const PART: [f32; 2] = [4.0, 3.0];

/// A followed plate is shown to the detector so wide, pixels.
const FOLLOWED_PX: f32 = 72.0;

/// How often a camera's frames are worth a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Something moves, and no plate was found yet.
    Searching,
    /// A plate is followed and not surely read.
    Reading,
    /// It could not be surely read for a while.
    Trying,
    /// All plates are surely read, and one moves.
    Sure,
    /// All plates are surely read and stand.
    Settled,
}

impl Pace {
    /// The capture of one look to that of the next, microseconds.
    pub fn interval_us(self) -> u64 {
        match self {
            Pace::Searching => 80_000,
            Pace::Reading => 0,
            Pace::Trying | Pace::Sure => 160_000,
            Pace::Settled => 320_000,
        }
    }

    /// The pace of what is followed.
    pub fn of(followed: &[Expected], now: Mono) -> Pace {
        /// A plate that can be read is sure by then, microseconds.
        const SOON_US: u64 = 2_500_000;
        let unsure = followed.iter().filter(|plate| !plate.sure);
        let youngest = unsure.map(|plate| now.since(plate.first_seen)).min();
        match youngest {
            None if followed.is_empty() => Pace::Searching,
            Some(age_us) if age_us < SOON_US => Pace::Reading,
            Some(_) => Pace::Trying,
            None if followed.iter().all(|plate| plate.stands) => Pace::Settled,
            None => Pace::Sure,
        }
    }
}

/// One camera's looks.
pub struct Looks {
    /// Corners of the lane, per mille of the picture.
    polygon: Vec<[u16; 2]>,
    plates: PlateScale,
    size: (u32, u32),
    /// The whole lane, for frames of `size`.
    whole: How,
    searched: Option<Mono>,
    missed: bool,
}

impl Looks {
    /// For a lane, per mille of the picture, whose detector is shown `long_side` pixels until its
    /// plates are known.
    pub fn new(polygon: Vec<[u16; 2]>, long_side: u32) -> Looks {
        Looks {
            polygon,
            plates: PlateScale::new(long_side),
            size: (0, 0),
            whole: How::stream(long_side),
            searched: None,
            missed: false,
        }
    }

    /// How a frame of this size, captured at `now`, is looked at while these plates are followed.
    pub fn how(&mut self, size: (u32, u32), now: Mono, followed: &[Expected]) -> How {
        if self.size != size {
            self.size = size;
            self.searched = None;
            self.whole = self.lane();
        }
        let settled = Pace::of(followed, now) == Pace::Settled;
        let every_us = if settled { WHOLE_SETTLED_US } else { WHOLE_US };
        let due = self
            .searched
            .is_none_or(|searched| now.since(searched) >= every_us);
        if !due
            && !self.missed
            && let Some(part) = self.part(followed)
        {
            return part;
        }
        self.searched = Some(now);
        self.whole.scales = vec![self.plates.long_side(&self.bounds())];
        self.whole.clone()
    }

    /// What a look found: `followed` as it is expected after it, captured at `now`.
    pub fn saw(&mut self, now: Mono, followed: &[Expected]) {
        self.missed = followed.iter().any(|plate| plate.last_seen != now);
    }

    /// A vehicle's plate was read for the first time, so wide in pixels of the picture.
    pub fn began(&mut self, width: f32) {
        self.plates.began(width);
    }

    /// Pixels that the detector is shown of the whole lane.
    pub fn long_side(&self) -> u32 {
        self.whole.scales.first().copied().unwrap_or_default()
    }

    fn lane(&self) -> How {
        let (width, height) = (self.size.0 as f32, self.size.1 as f32);
        let corners: Vec<[f32; 2]> = self
            .polygon
            .iter()
            .map(|[x, y]| {
                let share = [f32::from(*x) / 1_000.0, f32::from(*y) / 1_000.0];
                [share[0] * width, share[1] * height]
            })
            .collect();
        How::stream(0).in_lane(&corners)
    }

    /// The lane's upright bounds in pixels.
    fn bounds(&self) -> Area {
        self.whole.area.unwrap_or(Area {
            x0: 0.0,
            y0: 0.0,
            x1: self.size.0 as f32,
            y1: self.size.1 as f32,
        })
    }

    /// The part around all followed plates; `None` when nothing is followed or the whole lane
    /// costs hardly more.
    fn part(&self, followed: &[Expected]) -> Option<How> {
        let narrowest = followed.iter().map(|plate| plate.area.width());
        let narrowest = narrowest.min_by(f32::total_cmp)?.max(FOLLOWED_PX);
        let around = followed.iter().map(|plate| around(&plate.area));
        let all = around.reduce(|a, b| Area {
            x0: a.x0.min(b.x0),
            y0: a.y0.min(b.y0),
            x1: a.x1.max(b.x1),
            y1: a.y1.max(b.y1),
        })?;
        let times = [all.width() / PART[0], all.height() / PART[1]]
            .map(|unit| (unit / narrowest - 0.01).ceil().max(1.0));
        let times = times[0].max(times[1]);
        let long = FOLLOWED_PX * PART[0] * times;
        if long * 4.0 > self.long_side() as f32 * 3.0 {
            return None;
        }
        let sides = PART.map(|side| side * narrowest * times);
        let area = placed(
            all.centre(),
            sides,
            (self.size.0 as f32, self.size.1 as f32),
        )?;
        let mut how = self.whole.clone();
        how.area = Some(area);
        how.scales = vec![long as u32];
        Some(how)
    }
}

/// What is looked at for one plate.
fn around(plate: &Area) -> Area {
    let [x, y] = plate.centre();
    let width = plate.width().max(FOLLOWED_PX);
    let half = PART.map(|side| side * width / 2.0);
    Area {
        x0: x - half[0],
        y0: y - half[1],
        x1: x + half[0],
        y1: y + half[1],
    }
}

/// An area of these sides about a point, moved into the picture; `None` when it does not fit.
fn placed([x, y]: [f32; 2], [across, down]: [f32; 2], (width, height): (f32, f32)) -> Option<Area> {
    if across > width || down > height {
        return None;
    }
    let x0 = (x - across / 2.0).clamp(0.0, width - across).floor();
    let y0 = (y - down / 2.0).clamp(0.0, height - down).floor();
    Some(Area {
        x0,
        y0,
        x1: x0 + across,
        y1: y0 + down,
    })
}

/// How large the lane is shown to the detector, from how wide its plates are when they are first
/// read. A plate that can be read is 70 pixels wide; one that is so wide only when it comes into
/// the picture needs no more pixels than that.
struct PlateScale {
    configured: u32,
    current: u32,
    /// The latest vehicles' widths when they were first read, in pixels of the picture.
    widths: Vec<f32>,
    next: usize,
}

/// Vehicles that are remembered, and after how many the scale may change.
const VEHICLES: usize = 24;

/// The narrowest plate that is worth finding, pixels of the picture.
const READABLE_PX: f32 = 70.0;

/// So wide a plate is surely found by the detector, pixels of its input.
const FOUND_PX: f32 = 40.0;

/// The scale changes in steps of so many pixels.
const STEP: u32 = 64;

impl PlateScale {
    fn new(configured: u32) -> PlateScale {
        PlateScale {
            configured,
            current: configured,
            widths: Vec::with_capacity(VEHICLES),
            next: 0,
        }
    }

    fn began(&mut self, width: f32) {
        if self.widths.len() < VEHICLES {
            self.widths.push(width);
        } else {
            self.widths[self.next % VEHICLES] = width;
        }
        self.next += 1;
    }

    /// Pixels of the lane's longer side. One step for each `VEHICLES`, never under half of what
    /// was configured and never above it by more than a quarter.
    fn long_side(&mut self, lane: &Area) -> u32 {
        if self.next < VEHICLES {
            return self.current;
        }
        self.next = 0;
        let mut widths = std::mem::take(&mut self.widths);
        widths.sort_by(f32::total_cmp);
        let narrow = widths[widths.len() / 10].max(READABLE_PX);
        let wanted = (lane.width().max(lane.height()) * FOUND_PX / narrow) as u32;
        let (least, most) = (self.configured / 2, self.configured * 5 / 4);
        let wanted = wanted.clamp(least.max(STEP), most);
        if wanted + STEP / 2 < self.current {
            self.current = (self.current - STEP).max(least);
        } else if wanted > self.current + STEP / 2 {
            self.current = (self.current + STEP).min(most);
        }
        self.current
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (u32, u32) = (1920, 1080);

    fn plate(x: f32, y: f32, width: f32) -> Expected {
        let area = Area {
            x0: x - width / 2.0,
            y0: y - width / 6.0,
            x1: x + width / 2.0,
            y1: y + width / 6.0,
        };
        Expected {
            track: 1,
            area,
            sure: false,
            stands: false,
            first_seen: Mono(0),
            last_seen: Mono(0),
        }
    }

    fn looks() -> Looks {
        Looks::new(vec![[0, 0], [1000, 0], [1000, 1000], [0, 1000]], 960)
    }

    #[test]
    fn a_followed_plate_is_looked_for_around_it_and_the_lane_now_and_then() {
        let mut looks = looks();
        let followed = [plate(900.0, 700.0, 180.0)];
        let whole = looks.how(SIZE, Mono(0), &followed);
        assert_eq!(whole.scales, [960]);
        let part = looks.how(SIZE, Mono(40_000), &followed);
        assert_eq!(part.scales, [288]);
        let area = part.area.unwrap();
        assert_eq!((area.width(), area.height()), (720.0, 540.0));
        assert!(area.x0 < 600.0 && area.x1 > 1200.0);
        let again = looks.how(SIZE, Mono(WHOLE_US), &followed);
        assert_eq!(again.scales, [960]);
    }

    #[test]
    fn a_plate_that_was_missed_is_looked_for_in_the_whole_lane() {
        let mut looks = looks();
        let followed = [plate(900.0, 700.0, 180.0)];
        looks.how(SIZE, Mono(0), &followed);
        looks.saw(Mono(40_000), &followed);
        assert_eq!(looks.how(SIZE, Mono(80_000), &followed).scales, [960]);
        let mut seen = followed;
        seen[0].last_seen = Mono(80_000);
        looks.saw(Mono(80_000), &seen);
        assert_eq!(looks.how(SIZE, Mono(120_000), &seen).scales, [288]);
    }

    #[test]
    fn a_part_stays_within_the_picture_and_keeps_its_shape() {
        let mut looks = looks();
        for (x, y) in [(20.0, 20.0), (1900.0, 1060.0)] {
            let followed = [plate(x, y, 150.0)];
            looks.how(SIZE, Mono(0), &[]);
            let area = looks.how(SIZE, Mono(1), &followed).area.unwrap();
            assert!(area.x0 >= 0.0 && area.y0 >= 0.0 && area.x1 <= 1920.0 && area.y1 <= 1080.0);
            assert_eq!((area.width(), area.height()), (600.0, 450.0));
        }
    }

    #[test]
    fn plates_far_apart_are_looked_for_in_the_whole_lane() {
        let mut looks = looks();
        let followed = [plate(200.0, 200.0, 100.0), plate(1700.0, 900.0, 100.0)];
        looks.how(SIZE, Mono(0), &followed);
        assert_eq!(looks.how(SIZE, Mono(40_000), &followed).scales, [960]);
    }

    #[test]
    fn the_pace_follows_what_is_known_of_the_vehicles() {
        let now = Mono(1_000_000);
        let young = plate(0.0, 0.0, 100.0);
        assert_eq!(Pace::of(&[], now), Pace::Searching);
        assert_eq!(Pace::of(&[young], now), Pace::Reading);
        assert_eq!(Pace::of(&[young], Mono(9_000_000)), Pace::Trying);
        let sure = Expected {
            sure: true,
            ..young
        };
        assert_eq!(Pace::of(&[sure], now), Pace::Sure);
        let standing = Expected {
            stands: true,
            ..sure
        };
        assert_eq!(Pace::of(&[standing], now), Pace::Settled);
        assert_eq!(Pace::of(&[standing, young], now), Pace::Reading);
    }

    #[test]
    fn large_plates_shrink_the_detectors_picture_slowly_and_within_bounds() {
        let mut looks = looks();
        looks.how(SIZE, Mono(0), &[]);
        let mut sides = Vec::new();
        for round in 1..=12_u64 {
            (0..VEHICLES).for_each(|_| looks.began(240.0));
            looks.how(SIZE, Mono(round * 1_000_000), &[]);
            sides.push(looks.long_side());
        }
        assert_eq!(sides[..2], [896, 832]);
        // Within half a step of the least, which is half of what was configured.
        assert_eq!(sides.last(), Some(&512), "{sides:?}");
        for round in 20..=40_u64 {
            (0..VEHICLES).for_each(|_| looks.began(60.0));
            looks.how(SIZE, Mono(round * 1_000_000), &[]);
        }
        assert!(looks.long_side() > 1_000 && looks.long_side() <= 1_200);
    }

    #[test]
    fn a_few_vehicles_change_nothing() {
        let mut looks = looks();
        (1..VEHICLES).for_each(|_| looks.began(240.0));
        looks.how(SIZE, Mono(0), &[]);
        assert_eq!(looks.long_side(), 960);
    }
}
