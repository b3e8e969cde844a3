//! Drawn visits with their truth: which plate, how wide, how turned, how blurred, in which weather.
//!
//! A visit follows wholly from a seed and its number, so that a run can be repeated and split over
//! threads. What a *readable* plate is stands here too, as the accuracy is promised for those.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use traffic::{Plate, PlateKind, PlateMaker};

use crate::car::{Car, Front};
use crate::plate::Lettering;
use crate::scene::{Format, Place, Scene, to_i420_of};
use crate::view::{Corners, Pose, put};
use crate::weather::{Conditions, Weather};

/// The pictures' size and speed.
pub const FORMAT: Format = Format {
    width: 1280,
    height: 720,
    fps: 5,
};

/// The pictures of a visit: three of the way to the arm, three before it.
pub const FRAMES: usize = 6;

const WAY: usize = 3;

/// What one vehicle wears and how the camera sees it.
#[derive(Debug, Clone)]
pub struct Visit {
    /// The plate; none when the vehicle wears none or something else in its place.
    pub plate: Option<Plate>,
    /// Its width in pixels at the arm.
    pub width_px: f32,
    /// Degrees about the vertical.
    pub yaw: f32,
    /// Degrees in the picture.
    pub roll: f32,
    /// While it moves it is smeared over so many pixels.
    pub smear_px: f32,
    /// It stands before the arm; else it drives through, smeared all the way.
    pub stops: bool,
    /// Light, sharpness and noise.
    pub conditions: Conditions,
    /// What is beyond *readable*, if anything.
    pub beyond: Option<Beyond>,
    pitch: f32,
    body: u32,
    saying: Option<&'static str>,
    centre: [f32; 2],
    /// The chance of its pictures.
    rng: ChaCha8Rng,
}

/// How the conditions are spread within what is *readable*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// As gates have them: most are near the easy end, three of four vehicles stop.
    Gate,
    /// Evenly over the whole of it, smeared also where they stand. Its corners are beyond anybody's
    /// reading: 70 pixels wide, smeared by 5, unsharp by 2 and turned by 30 degrees at once.
    Even,
}

/// One picture of a visit.
pub struct Shot {
    /// I420, of [`FORMAT`].
    pub frame: Vec<u8>,
    /// Of the plate, or of what is in its place.
    pub corners: Corners,
    /// How far the plate is smeared.
    pub smear_px: f32,
}

impl Shot {
    /// The length of the plate's upper edge, pixels.
    pub fn plate_px(&self) -> f32 {
        let [left, right, ..] = self.corners;
        (right[0] - left[0]).hypot(right[1] - left[1])
    }
}

/// Which bound of *readable* a visit oversteps; it keeps the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Beyond {
    /// 40 to 70 pixels wide.
    Narrow,
    /// Smeared over 5 to 9 pixels.
    Smeared,
    /// Gaussian blur of 2 to 3.5 pixels.
    Unsharp,
    /// Turned by 30 to 45 degrees.
    Turned,
    /// Rolled by 15 to 22 degrees.
    Rolled,
}

/// Draws visits.
pub struct Visits {
    lettering: Lettering,
    scene: Scene,
}

/// What stands on the plates that dealers put on, and on nothing.
const SAYINGS: [&str; 4] = ["鸿运汽车", "一路平安", "AUTO", "新车上路"];

/// Each kind as often, so that the rare ones are measured too.
fn wearing(seed: u64, number: u64) -> (Option<Plate>, Option<&'static str>) {
    let mut rng = stream(seed, number, 0);
    // One in sixteen wears no plate.
    if number % 16 == 15 {
        let saying = rng
            .gen_bool(0.7)
            .then(|| *SAYINGS.choose(&mut rng).unwrap_or(&"AUTO"));
        return (None, saying);
    }
    let kinds = PlateKind::ALL;
    // Blue and small green plates are two thirds of all.
    let kind = match number % 6 {
        0 | 3 => PlateKind::Blue,
        1 | 4 => PlateKind::GreenSmall,
        _ => kinds[(number as usize / 3) % kinds.len()],
    };
    (Some(PlateMaker::new().of_kind(kind, &mut rng)), None)
}

/// Half a bell of that width, cut at `most`.
fn near_zero(usual: f32, most: f32, rng: &mut ChaCha8Rng) -> f32 {
    loop {
        let sum: f32 = (0..4).map(|_| rng.gen_range(-1.0_f32..1.0)).sum();
        // Four such numbers added have a standard deviation of 1.155.
        let value = sum.abs() / 1.155 * usual;
        if value <= most {
            return value;
        }
    }
}

fn stream(seed: u64, number: u64, which: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(number * 4 + which);
    rng
}

impl Visit {
    /// The visit of that number.
    pub fn of(seed: u64, number: u64, spread: Spread) -> Visit {
        let (plate, saying) = wearing(seed, number);
        let mut rng = stream(seed, number, 1);
        let beyond = match rng.gen_range(0..100) {
            0..6 => Some(Beyond::Narrow),
            6..11 => Some(Beyond::Smeared),
            11..16 => Some(Beyond::Unsharp),
            16..21 => Some(Beyond::Turned),
            21..26 => Some(Beyond::Rolled),
            _ => None,
        };
        let is = |what| beyond == Some(what);
        let width_px = if is(Beyond::Narrow) {
            rng.gen_range(40.0..70.0)
        } else {
            // As many between 70 and 112 as between 112 and 180.
            rng.gen_range(70.0_f32.ln()..180.0_f32.ln()).exp()
        };
        let mut within = |beyond: Option<(f32, f32)>, usual: f32, most: f32| match (beyond, spread)
        {
            (Some((low, high)), _) => rng.gen_range(low..high),
            (None, Spread::Even) => rng.gen_range(0.0..most),
            (None, Spread::Gate) => near_zero(usual, most, &mut rng),
        };
        let smear = within(is(Beyond::Smeared).then_some((5.0, 9.0)), 2.5, 5.0);
        let sigma = within(is(Beyond::Unsharp).then_some((2.0, 3.5)), 0.8, 2.0);
        let yaw = within(is(Beyond::Turned).then_some((30.0, 45.0)), 14.0, 30.0);
        let roll = within(is(Beyond::Rolled).then_some((15.0, 22.0)), 6.0, 15.0);
        let mut side = || if rng.gen_bool(0.5) { 1.0 } else { -1.0 };
        let (yaw, roll) = (yaw * side(), roll * side());
        let weather = match rng.gen_range(0..10) {
            0..5 => Weather::Day,
            5..8 => Weather::Night,
            _ => Weather::Rain,
        };
        let stops = spread == Spread::Gate && !is(Beyond::Smeared) && rng.gen_bool(0.75);
        Visit {
            plate,
            width_px,
            yaw,
            roll,
            smear_px: smear,
            stops,
            beyond,
            pitch: rng.gen_range(0.0..20.0),
            body: rng.gen_range(0..1000),
            saying,
            centre: [
                rng.gen_range(0.38..0.62) * FORMAT.width as f32,
                rng.gen_range(0.58..0.66) * FORMAT.height as f32,
            ],
            conditions: Conditions::draw(weather, sigma, &mut rng),
            rng: stream(seed, number, 2),
        }
    }

    /// What stands on the board in the plate's place, if there is one.
    pub fn board(&self) -> Option<&'static str> {
        self.saying
    }

    /// At least three of its pictures show a readable plate: two that must agree, and one to spare.
    pub fn is_readable(&self) -> bool {
        let readable =
            |frame: &usize| self.is_readable_in(self.pose(*frame).plate_px, self.smear(*frame));
        (0..FRAMES).filter(readable).count() >= 3
    }

    /// With its plate so wide and smeared over so many pixels.
    pub fn is_readable_in(&self, plate_px: f32, smear_px: f32) -> bool {
        plate_px >= 70.0
            && smear_px <= 5.0
            && self.conditions.sigma <= 2.0
            && self.yaw.abs() <= 30.0
            && self.roll.abs() <= 15.0
    }

    /// It brakes on its way, and smears as it moves.
    fn smear(&self, frame: usize) -> f32 {
        if !self.stops {
            return self.smear_px;
        }
        let near = (frame as f32 / WAY as f32).min(1.0);
        self.smear_px * (1.0 - near)
    }

    /// How the camera sees the plate in that picture.
    fn pose(&self, frame: usize) -> Pose {
        let near = (frame as f32 / WAY as f32).min(1.0);
        let far = (1.0 - near) * (1.0 - near);
        let plate_px = self.width_px / (1.0 + 1.2 * far);
        let scale = plate_px / self.width_px;
        let horizon = 0.29 * FORMAT.height as f32;
        let middle = FORMAT.width as f32 / 2.0;
        Pose {
            plate_px,
            centre: [
                middle + (self.centre[0] - middle) * scale,
                horizon + (self.centre[1] - horizon) * scale,
            ],
            yaw: self.yaw,
            pitch: self.pitch * scale,
            roll: self.roll,
        }
    }
}

impl Visits {
    /// The lane of a seed.
    pub fn open(seed: u64) -> anyhow::Result<Visits> {
        Ok(Visits {
            lettering: Lettering::standard()?,
            scene: Scene::new(FORMAT, seed),
        })
    }

    /// The pictures of a visit, one after the other.
    pub fn shots(&self, visit: &Visit) -> impl Iterator<Item = Shot> {
        let front = match (&visit.plate, visit.saying) {
            (Some(plate), _) => Front::Plate(plate),
            (None, Some(saying)) => Front::Saying(saying),
            (None, None) => Front::Bare,
        };
        let car = Car::wearing(&self.lettering, front, visit.body);
        let mut rng = visit.rng.clone();
        (0..FRAMES).map(move |number| {
            let mut picture = self.scene.backdrop(Place::Standing).clone();
            let pose = visit.pose(number);
            let corners = put(&mut picture, &car, &pose);
            let mut frame = vec![0; FORMAT.bytes()];
            to_i420_of(&picture, &mut frame);
            let size = (FORMAT.width, FORMAT.height);
            let plate = (pose.centre, pose.plate_px);
            let smear_px = visit.smear(number);
            visit
                .conditions
                .apply(&mut frame, size, (plate, smear_px), &mut rng);
            Shot {
                frame,
                corners,
                smear_px,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visit_follows_from_its_seed_and_number() {
        let (one, again) = (Visit::of(3, 8, Spread::Gate), Visit::of(3, 8, Spread::Gate));
        assert_eq!(one.plate, again.plate);
        assert_eq!((one.width_px, one.yaw), (again.width_px, again.yaw));
        assert_ne!(one.width_px, Visit::of(3, 9, Spread::Gate).width_px);
    }

    #[test]
    fn what_is_beyond_is_not_readable_and_all_else_is() {
        for number in 0..500 {
            for spread in [Spread::Gate, Spread::Even] {
                let visit = Visit::of(1, number, spread);
                assert_eq!(visit.is_readable(), visit.beyond.is_none(), "{number}");
            }
        }
    }

    #[test]
    fn every_kind_and_province_comes() {
        let worn = (0..800).filter_map(|number| Visit::of(1, number, Spread::Gate).plate);
        let (mut kinds, mut provinces) = (Vec::new(), Vec::new());
        for plate in worn {
            kinds.push(plate.kind);
            provinces.extend(plate.text.chars().next());
        }
        assert!(PlateKind::ALL.iter().all(|kind| kinds.contains(kind)));
        assert!(
            traffic::PROVINCES
                .iter()
                .all(|(p, _)| provinces.contains(p))
        );
    }

    #[test]
    fn the_plate_is_drawn_where_the_truth_says() {
        let visits = Visits::open(1).unwrap();
        let visit = Visit::of(1, 0, Spread::Gate);
        for shot in visits.shots(&visit).skip(WAY) {
            assert!((shot.plate_px() / visit.width_px - 1.0).abs() < 0.2);
            assert_eq!(shot.frame.len(), FORMAT.bytes());
        }
    }
}
