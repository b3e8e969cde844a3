//! Commissioning: how good a camera's plates are over its latest vehicles, and what to change.
//!
//! The limits are those of a readable plate: 70 pixels wide with a margin, no more than 15 degrees
//! of roll, steps between pixels as steep as a focused, still picture has them.

use std::collections::VecDeque;

use gateway_recognise::PlateRead;
use gateway_wire::api::{Advice, CameraMeasure};

/// Vehicles that are remembered; older ones are forgotten.
const VEHICLES: usize = 50;

/// With fewer vehicles nothing is said for sure.
const ENOUGH: usize = 10;

/// A plate is readable from 70 pixels on; so much more keeps it so in rain and at night.
const WIDE_PX: f64 = 90.0;
const READABLE_PX: f64 = 70.0;

/// Degrees of roll that the recogniser was measured with.
const ROLL_DEGREES: f64 = 15.0;

/// Mean step from pixel to pixel across the plate, in grey levels: less is out of focus or moves
/// while the shutter is open.
const SHARP: f64 = 9.0;

/// Mean brightness of a plate, of 255.
const DARK: f64 = 45.0;
const BRIGHT: f64 = 225.0;

/// Vehicles that must have been surely read, per mille.
const READ_PERMILLE: u32 = 950;

/// What the best frame of one vehicle showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shot {
    pub width: f32,
    /// Degrees from the horizontal.
    pub roll: f32,
    pub sharpness: f32,
    /// Mean brightness of the plate, 0 to 255.
    pub brightness: f32,
}

/// The latest vehicles of one camera.
#[derive(Default)]
pub struct Measure {
    /// What was shown, and whether it was surely read; without a shot its plate was never found.
    vehicles: VecDeque<(Option<Shot>, bool)>,
}

impl Shot {
    /// Of a plate as it was read in a frame whose brightness plane has rows of `stride` bytes.
    pub fn of(read: &PlateRead, luma: &[u8], stride: usize) -> Shot {
        let [left, right] = [read.corners.0[0], read.corners.0[1]];
        let roll = (right[1] - left[1]).atan2(right[0] - left[0]).to_degrees();
        Shot {
            width: read.area.width(),
            roll,
            sharpness: read.sharpness,
            brightness: brightness(read, luma, stride),
        }
    }
}

impl Measure {
    /// A vehicle has gone.
    pub fn vehicle(&mut self, best: Option<Shot>, sure: bool) {
        if self.vehicles.len() == VEHICLES {
            self.vehicles.pop_front();
        }
        self.vehicles.push_back((best, sure));
    }

    /// What the latest vehicles say. `trouble` is the code of the camera's own state when it is
    /// not live.
    pub fn report(&self, camera: &str, trouble: Option<&str>) -> CameraMeasure {
        let shots: Vec<Shot> = self
            .vehicles
            .iter()
            .filter_map(|vehicle| vehicle.0)
            .collect();
        let median = |value: fn(&Shot) -> f32| median(shots.iter().map(value).collect());
        let vehicles = self.vehicles.len() as u32;
        let read = self.vehicles.iter().filter(|vehicle| vehicle.1).count() as u32;
        let mut measure = CameraMeasure {
            camera: camera.to_owned(),
            vehicles,
            read_permille: (read * 1_000).checked_div(vehicles),
            width_px: median(|shot| shot.width),
            narrowest_px: shots
                .iter()
                .map(|s| f64::from(s.width).round())
                .reduce(f64::min),
            tilt_degrees: median(|shot| shot.roll),
            sharpness: median(|shot| shot.sharpness),
            brightness: median(|shot| shot.brightness),
            go: false,
            advice: Vec::new(),
        };
        measure.advice = advice(&measure, trouble);
        measure.go = measure.advice.is_empty();
        measure
    }
}

/// What has to change before the camera can be relied on, the most important first.
fn advice(of: &CameraMeasure, trouble: Option<&str>) -> Vec<Advice> {
    let mut advice = Vec::new();
    let mut say = |code: &str, found: String, wanted: String| {
        advice.push(Advice {
            code: code.to_owned(),
            found,
            wanted,
        });
    };
    if let Some(code) = trouble {
        say("not_live", code.to_owned(), String::new());
    }
    if (of.vehicles as usize) < ENOUGH {
        say("few_vehicles", of.vehicles.to_string(), ENOUGH.to_string());
    }
    let whole = |value: f64| format!("{value:.0}");
    if let Some(width) = of.width_px.filter(|width| *width < WIDE_PX) {
        say("narrow", whole(width), whole(WIDE_PX));
    } else if let Some(width) = of.narrowest_px.filter(|width| *width < READABLE_PX) {
        say("some_narrow", whole(width), whole(READABLE_PX));
    }
    if let Some(roll) = of.tilt_degrees.filter(|roll| roll.abs() > ROLL_DEGREES) {
        say("tilted", whole(roll.abs()), whole(ROLL_DEGREES));
    }
    if let Some(sharp) = of.sharpness.filter(|sharp| *sharp < SHARP) {
        say("blurred", format!("{sharp:.1}"), format!("{SHARP:.1}"));
    }
    match of.brightness {
        Some(level) if level < DARK => say("dark", whole(level), whole(DARK)),
        Some(level) if level > BRIGHT => say("bright", whole(level), whole(BRIGHT)),
        _ => {}
    }
    let enough = of.vehicles as usize >= ENOUGH;
    if let Some(read) = of
        .read_permille
        .filter(|read| enough && *read < READ_PERMILLE)
    {
        let percent = |permille: u32| whole(f64::from(permille) / 10.0);
        say("unread", percent(read), percent(READ_PERMILLE));
    }
    advice
}

/// To a tenth; `None` of nothing.
fn median(mut values: Vec<f32>) -> Option<f64> {
    values.sort_by(f32::total_cmp);
    let middle = values.get(values.len() / 2)?;
    Some((f64::from(*middle) * 10.0).round() / 10.0)
}

/// The mean of every fourth pixel of the plate; of a plate outside the plane, 0.
fn brightness(read: &PlateRead, luma: &[u8], stride: usize) -> f32 {
    let area = &read.area;
    let columns = area.x0.max(0.0) as usize..area.x1.max(0.0) as usize;
    let (mut sum, mut count) = (0_u64, 0_u64);
    for row in (area.y0.max(0.0) as usize..area.y1.max(0.0) as usize).step_by(2) {
        let start = row * stride;
        let Some(pixels) = luma.get(start + columns.start..start + columns.end.min(stride)) else {
            break;
        };
        for pixel in pixels.iter().step_by(2) {
            sum += u64::from(*pixel);
            count += 1;
        }
    }
    sum as f32 / count.max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Shot = Shot {
        width: 180.0,
        roll: -2.0,
        sharpness: 20.0,
        brightness: 120.0,
    };

    fn codes(measure: &Measure) -> Vec<String> {
        let report = measure.report("front", None);
        assert_eq!(report.go, report.advice.is_empty());
        report
            .advice
            .into_iter()
            .map(|advice| advice.code)
            .collect()
    }

    fn after(vehicles: usize, shot: Shot) -> Measure {
        let mut measure = Measure::default();
        (0..vehicles).for_each(|_| measure.vehicle(Some(shot), true));
        measure
    }

    #[test]
    fn good_plates_are_a_go_and_too_few_of_them_are_not() {
        assert!(codes(&after(10, GOOD)).is_empty());
        assert_eq!(codes(&after(9, GOOD)), ["few_vehicles"]);
        assert_eq!(codes(&Measure::default()), ["few_vehicles"]);
    }

    #[test]
    fn each_fault_of_the_picture_is_named() {
        let cases = [
            (
                Shot {
                    width: 60.0,
                    ..GOOD
                },
                "narrow",
            ),
            (Shot { roll: 21.0, ..GOOD }, "tilted"),
            (
                Shot {
                    sharpness: 3.0,
                    ..GOOD
                },
                "blurred",
            ),
            (
                Shot {
                    brightness: 20.0,
                    ..GOOD
                },
                "dark",
            ),
            (
                Shot {
                    brightness: 250.0,
                    ..GOOD
                },
                "bright",
            ),
        ];
        for (shot, code) in cases {
            assert_eq!(codes(&after(20, shot)), [code]);
        }
        let mut some = after(19, GOOD);
        some.vehicle(
            Some(Shot {
                width: 60.0,
                ..GOOD
            }),
            true,
        );
        assert_eq!(codes(&some), ["some_narrow"]);
    }

    #[test]
    fn unread_vehicles_lower_the_rate_and_old_ones_are_forgotten() {
        let mut measure = after(18, GOOD);
        measure.vehicle(None, false);
        measure.vehicle(Some(GOOD), false);
        assert_eq!(codes(&measure), ["unread"]);
        assert_eq!(measure.report("front", None).read_permille, Some(900));
        (0..VEHICLES).for_each(|_| measure.vehicle(Some(GOOD), true));
        let report = measure.report("front", None);
        assert_eq!((report.vehicles, report.read_permille), (50, Some(1_000)));
    }

    #[test]
    fn a_camera_that_gives_no_picture_is_no_go() {
        let report = after(20, GOOD).report("front", Some("silent"));
        assert!(!report.go);
        assert_eq!(
            (
                report.advice[0].code.as_str(),
                report.advice[0].found.as_str()
            ),
            ("not_live", "silent")
        );
    }
}
