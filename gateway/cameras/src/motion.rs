//! Says whether something moves or stands in a lane: the gate before the detector.
//!
//! The brightness plane is sampled into a coarse grid and compared with a background that learns slowly.
//! What differs is not learnt for two minutes, so that a vehicle that stops at the arm is seen for its
//! whole visit and leaves nothing behind; one that parks becomes part of the lane then.

use crate::frame::Frame;

/// Cells across and down; a cell is about 13 pixels wide at 720p.
const ACROSS: usize = 96;
const DOWN: usize = 54;
/// Points looked at in each cell, across and down.
const POINTS: usize = 4;
/// A cell differs when its brightness is so far from its background, of 255.
const DIFFERENCE: f32 = 10.0;
/// Something is there when so many of the lane's cells differ, per mille, and at least [`LEAST_CELLS`].
const SHARE_PER_MILLE: usize = 6;
const LEAST_CELLS: usize = 4;
/// How fast the background learns where nothing differs, microseconds.
const QUIET_US: f32 = 2_000_000.0;
/// What differs for so long is the new background, microseconds.
const PARKED_US: f32 = 120_000_000.0;
/// It still counts as moving for so long after the last difference, microseconds.
const HOLD_US: u64 = 1_000_000;
/// The light may change by so much between background and frame and is taken off, of 255.
const LIGHT: i32 = 40;

/// The memory of one camera's lane. [`Motion::update`] allocates nothing.
pub struct Motion {
    lane: Vec<bool>,
    lane_cells: usize,
    background: Vec<f32>,
    /// How long each cell has differed without a break, microseconds.
    differs_us: Vec<f32>,
    now: Vec<f32>,
    size: Option<(u32, u32)>,
    last_us: u64,
    moved_us: Option<u64>,
    differing: usize,
}

impl Motion {
    /// Watches the inside of a polygon, its corners as shares of the picture (0 to 1 from the left upper
    /// corner); fewer than three corners mean the whole picture.
    pub fn new(polygon: &[(f32, f32)]) -> Motion {
        let centre = |cell: usize, count: usize| (cell as f32 + 0.5) / count as f32;
        let mut lane: Vec<bool> = (0..ACROSS * DOWN)
            .map(|cell| {
                polygon.len() < 3
                    || inside(
                        polygon,
                        centre(cell % ACROSS, ACROSS),
                        centre(cell / ACROSS, DOWN),
                    )
            })
            .collect();
        if !lane.contains(&true) {
            lane.fill(true); // A polygon smaller than a cell must not make the lane blind.
        }
        let lane_cells = lane.iter().filter(|in_lane| **in_lane).count();
        Motion {
            lane,
            lane_cells,
            background: vec![0.0; ACROSS * DOWN],
            differs_us: vec![0.0; ACROSS * DOWN],
            now: vec![0.0; ACROSS * DOWN],
            size: None,
            last_us: 0,
            moved_us: None,
            differing: 0,
        }
    }

    /// Takes the next frame: true while something moves or stands in the lane, and for a second after.
    /// The first frame, and the first of another size, becomes the background and counts as moving, for
    /// what is in it is not known.
    pub fn update(&mut self, frame: &Frame) -> bool {
        if !self.sample(frame) {
            return true; // Too small to judge: better look once too often.
        }
        let now_us = frame.captured_mono_us;
        if self.size != Some((frame.width, frame.height)) {
            self.size = Some((frame.width, frame.height));
            self.background.copy_from_slice(&self.now);
            self.differs_us.fill(0.0);
            self.moved_us = Some(now_us);
        }
        let elapsed_us = now_us.saturating_sub(self.last_us).min(1_000_000) as f32;
        self.last_us = now_us;
        self.differing = self.learn(elapsed_us);
        if self.differing >= LEAST_CELLS
            && self.differing * 1000 >= SHARE_PER_MILLE * self.lane_cells
        {
            self.moved_us = Some(now_us);
        }
        self.moved_us
            .is_some_and(|moved_us| now_us.saturating_sub(moved_us) < HOLD_US)
    }

    /// How much of the lane differed in the last frame, per mille.
    pub fn share_per_mille(&self) -> u32 {
        (self.differing * 1000 / self.lane_cells) as u32
    }

    /// The mean brightness of each cell; false when the picture has fewer pixels than the grid has points.
    fn sample(&mut self, frame: &Frame) -> bool {
        let [luma, _, _] = frame.planes();
        let (width, height) = (frame.width as usize, frame.height as usize);
        let (points_across, points_down) = (ACROSS * POINTS, DOWN * POINTS);
        if width < points_across || height < points_down {
            return false;
        }
        self.now.fill(0.0);
        for point_row in 0..points_down {
            let start = (point_row * height / points_down) * luma.stride;
            let Some(row) = luma.bytes.get(start..start + width) else {
                return false;
            };
            let cells = &mut self.now[point_row / POINTS * ACROSS..][..ACROSS];
            // 16.16 fixed point steps through the row.
            let step = (width << 16) / points_across;
            let mut at = step / 2;
            for cell in cells {
                let mut sum = 0u32;
                for _ in 0..POINTS {
                    sum += u32::from(row[at >> 16]);
                    at += step;
                }
                *cell += sum as f32;
            }
        }
        let points = (POINTS * POINTS) as f32;
        self.now.iter_mut().for_each(|cell| *cell /= points);
        true
    }

    /// Compares with the background, lets it learn, and counts the lane's cells that differ.
    fn learn(&mut self, elapsed_us: f32) -> usize {
        let light = self.light();
        let quiet = (elapsed_us / QUIET_US).min(1.0);
        let mut differing = 0;
        for (cell, background) in self.background.iter_mut().enumerate() {
            let (now, differs_us) = (self.now[cell], &mut self.differs_us[cell]);
            if (now - *background - light).abs() <= DIFFERENCE {
                *background += (now - *background) * quiet;
                *differs_us = 0.0;
                continue;
            }
            differing += usize::from(self.lane[cell]);
            *differs_us += elapsed_us;
            if *differs_us > PARKED_US {
                *background = now;
            }
        }
        differing
    }

    /// The change of light over the whole picture: the median difference. A vehicle that fills less than
    /// half of the picture does not disturb it.
    fn light(&self) -> f32 {
        let mut counts = [0u16; 2 * LIGHT as usize + 1];
        for (now, background) in self.now.iter().zip(&self.background) {
            let difference = ((now - background).round() as i32).clamp(-LIGHT, LIGHT);
            counts[(difference + LIGHT) as usize] += 1;
        }
        let mut below = 0;
        for (at, count) in counts.iter().enumerate() {
            below += usize::from(*count);
            if below * 2 >= self.now.len() {
                return (at as i32 - LIGHT) as f32;
            }
        }
        0.0
    }
}

/// Whether a point lies inside a polygon (even-odd rule).
fn inside(polygon: &[(f32, f32)], x: f32, y: f32) -> bool {
    let mut inside = false;
    for (at, &(ax, ay)) in polygon.iter().enumerate() {
        let (bx, by) = polygon[(at + 1) % polygon.len()];
        if (ay > y) != (by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax {
            inside = !inside;
        }
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (u32, u32) = (640, 360);
    const PERIOD_US: u64 = 66_667;

    /// A noisy lane of some brightness with a vehicle (left, top, width) in it.
    fn picture(number: u64, light: u8, vehicle: Option<(usize, usize, usize)>) -> Frame {
        let (width, height) = (SIZE.0 as usize, SIZE.1 as usize);
        let mut bytes = vec![128u8; width * height * 3 / 2];
        let mut random = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        for (at, pixel) in bytes[..width * height].iter_mut().enumerate() {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let (x, y) = (at % width, at / width);
            let in_vehicle = vehicle.is_some_and(|(left, top, size)| {
                (left..left + size).contains(&x) && (top..top + size).contains(&y)
            });
            let base = if in_vehicle { 170 } else { light };
            *pixel = base + (random % 17) as u8;
        }
        Frame::packed("front".into(), number * PERIOD_US, SIZE, bytes).unwrap()
    }

    fn settled(polygon: &[(f32, f32)]) -> (Motion, u64) {
        let mut motion = Motion::new(polygon);
        (0..60).for_each(|number| {
            motion.update(&picture(number, 90, None));
        });
        (motion, 60)
    }

    #[test]
    fn a_noisy_quiet_lane_does_not_move() {
        let (mut motion, from) = settled(&[]);
        assert!((from..from + 300).all(|number| !motion.update(&picture(number, 90, None))));
    }

    #[test]
    fn a_vehicle_that_comes_and_stops_is_seen_until_it_leaves_and_not_longer() {
        let (mut motion, mut number) = settled(&[]);
        for step in 0..30 {
            assert!(
                motion.update(&picture(
                    number,
                    90,
                    Some((200 + step, 100 + step * 2, 80 + step))
                )),
                "coming, step {step}"
            );
            number += 1;
        }
        for step in 0..150 {
            assert!(
                motion.update(&picture(number, 90, Some((230, 160, 110)))),
                "standing, step {step}"
            );
            number += 1;
        }
        let after: Vec<bool> = (0..60)
            .map(|step| motion.update(&picture(number + step, 90, None)))
            .collect();
        assert!(
            !after[59],
            "something stayed behind: {} per mille",
            motion.share_per_mille()
        );
    }

    #[test]
    fn a_change_of_light_is_no_vehicle() {
        let (mut motion, from) = settled(&[]);
        for step in 0..60u64 {
            let light = 90 + (step / 3) as u8;
            assert!(
                !motion.update(&picture(from + step, light, None)),
                "step {step}"
            );
        }
        assert!(!motion.update(&picture(from + 60, 120, None)));
    }

    #[test]
    fn what_moves_outside_the_lane_does_not_count() {
        let (mut motion, from) = settled(&[(0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)]);
        assert!((0..60).all(|step| !motion.update(&picture(
            from + step,
            90,
            Some((50 + step as usize, 100, 120))
        ))));
        assert!(motion.update(&picture(from + 61, 90, Some((400, 100, 120)))));
    }

    #[test]
    fn a_parked_vehicle_becomes_part_of_the_lane() {
        let (mut motion, from) = settled(&[]);
        let parked = (0..2400)
            .map(|step| motion.update(&picture(from + step, 90, Some((200, 100, 120)))))
            .collect::<Vec<_>>();
        assert!(
            parked[0] && parked[300],
            "twenty seconds are a stop, not parking"
        );
        assert!(!parked[2399]);
    }
}
