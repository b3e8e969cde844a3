//! Whether something fills the lane: brightness and texture of its polygon against the empty lane.
//!
//! A vehicle that fills the lane without a plate that can be read must not pass unseen: it becomes an
//! *unread* one, told once, with the picture of that frame. No vehicle detector is needed. Pure: the
//! caller gives the luma plane and the moment, for every frame that it has, at least five a second;
//! a look costs a few ten thousand additions.

use gateway_core::moment::Mono;

use crate::picture::Plane;

/// When a lane counts as filled and a vehicle as unread.
#[derive(Clone, Copy, Debug)]
pub struct Fill {
    /// Share of the polygon that must differ from the empty lane, per mille.
    pub share_permille: u16,
    /// Filled for so long without a plate, the vehicle is unread. Microseconds.
    pub patience_us: u64,
    /// Free for so long, the vehicle is gone. Microseconds.
    pub gone_us: u64,
    /// What stays the same for so long belongs to the place: snow, a bin, a parked car. Microseconds.
    pub absorb_us: u64,
}

impl Default for Fill {
    fn default() -> Fill {
        Fill {
            share_permille: 300,
            patience_us: 2_500_000,
            gone_us: 1_000_000,
            absorb_us: 120_000_000,
        }
    }
}

/// What a frame changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// The vehicle of this number fills the lane and could not be read: this frame is its picture.
    Unread { number: u64, since: Mono },
    /// The unread vehicle of this number is gone, or its plate was read after all.
    Ended { number: u64 },
}

/// Cells of the grid across and down.
const GRID: (usize, usize) = (32, 18);
const CELLS: usize = GRID.0 * GRID.1;

/// A cell differs from what is expected by at least this much, grey levels, ...
const DIFFERS: f32 = 12.0;
/// ... and by this part of it.
const DIFFERS_SHARE: f32 = 0.18;

/// Of each new frame so much goes into the picture of the empty lane.
const LEARN: f32 = 0.02;

/// Frames that make the first picture of the empty lane.
const FIRST: u32 = 8;

/// Watches one lane's polygon in one camera.
pub struct Occupancy {
    fill: Fill,
    /// By cell: whether its middle lies in the lane.
    in_lane: Vec<bool>,
    empty: Vec<Cell>,
    latest: Vec<Cell>,
    frames: u32,
    /// Since when the lane is filled, and when it last was.
    filled: Option<(Mono, Mono)>,
    /// Since when what fills the lane has stayed the same.
    same_since: Mono,
    /// The vehicle under way was told as unread, or was read.
    told: Option<u64>,
    read: bool,
    next: u64,
    share_permille: u16,
}

/// Mean and mean step from pixel to pixel, grey levels.
#[derive(Clone, Copy, Default)]
struct Cell {
    mean: f32,
    texture: f32,
}

impl Occupancy {
    /// `polygon` holds the lane's corners as shares of the picture's width and height, 0 to 1; fewer
    /// than three mean the whole picture.
    pub fn new(polygon: &[[f32; 2]], fill: Fill) -> Occupancy {
        let in_lane = (0..CELLS)
            .map(|i| {
                let at = |i: usize, n: usize| (i as f32 + 0.5) / n as f32;
                let middle = [at(i % GRID.0, GRID.0), at(i / GRID.0, GRID.1)];
                crate::recogniser::inside(polygon, middle)
            })
            .collect();
        Occupancy {
            fill,
            in_lane,
            empty: Vec::new(),
            latest: Vec::new(),
            frames: 0,
            filled: None,
            same_since: Mono(0),
            told: None,
            read: false,
            next: 1,
            share_permille: 0,
        }
    }

    /// Looks at a frame captured at `now`. `is_read` says that a vehicle in this lane is followed and
    /// has a plate. Frames come in the order of their capture; a plane smaller than its size says is
    /// looked at as far as it goes.
    pub fn frame(
        &mut self,
        now: Mono,
        luma: &Plane<'_>,
        (width, height): (u32, u32),
        is_read: bool,
    ) -> Option<Filled> {
        let cells = cells(luma, width as usize, height as usize);
        if self.frames < FIRST {
            self.learn_first(&cells);
            self.latest = cells;
            self.same_since = now;
            return None;
        }
        let gain = self.gain(&cells);
        let differing = |from: &[Cell], i: usize| cells[i].differs(&from[i], gain);
        let outside = self.share(false, |i| differing(&self.empty, i));
        self.share_permille = self.share(true, |i| differing(&self.empty, i));
        let moved = self.share(true, |i| cells[i].differs(&self.latest[i], 1.0));
        if moved > 60 {
            self.same_since = now;
        }
        // Infra-red light switched on, or somebody turned the camera: nothing is known any more.
        let is_other_place = outside > 600;
        let is_of_the_place =
            !is_read && now.since(self.same_since) >= self.fill.absorb_us && self.told.is_some();
        if is_other_place || is_of_the_place {
            self.frames = 0;
            self.empty.clear();
        } else {
            self.learn(&cells, gain);
        }
        self.latest = cells;
        let fills = self.share_permille >= self.fill.share_permille && self.frames > 0;
        self.news(now, fills, is_read)
    }

    /// Share of the lane that differed from the empty lane in the latest frame, per mille.
    pub fn share_permille(&self) -> u16 {
        self.share_permille
    }

    fn news(&mut self, now: Mono, fills: bool, is_read: bool) -> Option<Filled> {
        if fills {
            let since = self.filled.map_or(now, |(since, _)| since);
            self.filled = Some((since, now));
            self.read |= is_read;
            if self.read {
                return self.told.take().map(|number| Filled::Ended { number });
            }
            if self.told.is_none() && now.since(since) >= self.fill.patience_us {
                let number = self.next;
                self.next += 1;
                self.told = Some(number);
                return Some(Filled::Unread { number, since });
            }
            return None;
        }
        let (_, last) = self.filled?;
        if self.frames > 0 && now.since(last) < self.fill.gone_us {
            return None;
        }
        self.filled = None;
        self.read = false;
        self.told.take().map(|number| Filled::Ended { number })
    }

    fn learn_first(&mut self, cells: &[Cell]) {
        self.frames += 1;
        if self.empty.is_empty() {
            self.empty = cells.to_vec();
        }
        let part = 1.0 / self.frames as f32;
        for (known, seen) in self.empty.iter_mut().zip(cells) {
            known.approach(seen, part);
        }
    }

    /// The empty lane follows the light of the day where nothing stands.
    fn learn(&mut self, cells: &[Cell], gain: f32) {
        for (known, seen) in self.empty.iter_mut().zip(cells) {
            if !seen.differs(known, gain) {
                known.approach(seen, LEARN);
            }
        }
    }

    /// How much brighter the place is than when it was learnt, by the cells outside the lane: a
    /// cloud, or the camera's exposure. Without such cells nothing is known of it.
    fn gain(&self, cells: &[Cell]) -> f32 {
        let mut ratios: Vec<f32> = (0..CELLS)
            .filter(|i| !self.in_lane[*i] && self.empty[*i].mean > 8.0)
            .map(|i| cells[i].mean / self.empty[i].mean)
            .collect();
        if ratios.len() < CELLS / 20 {
            return 1.0;
        }
        let middle = ratios.len() / 2;
        let (_, median, _) = ratios.select_nth_unstable_by(middle, f32::total_cmp);
        median.clamp(0.25, 4.0)
    }

    fn share(&self, in_lane: bool, of: impl Fn(usize) -> bool) -> u16 {
        let (mut all, mut some) = (0_u32, 0_u32);
        for i in (0..CELLS).filter(|i| self.in_lane[*i] == in_lane) {
            all += 1;
            some += u32::from(of(i));
        }
        (some * 1000 / all.max(1)) as u16
    }
}

impl Cell {
    fn differs(&self, from: &Cell, gain: f32) -> bool {
        let expected = from.mean * gain;
        let bound = DIFFERS.max(DIFFERS_SHARE * expected);
        let rougher = (self.texture - from.texture * gain).abs();
        (self.mean - expected).abs() > bound || rougher > DIFFERS.max(from.texture * gain)
    }

    fn approach(&mut self, seen: &Cell, part: f32) {
        self.mean += (seen.mean - self.mean) * part;
        self.texture += (seen.texture - self.texture) * part;
    }
}

/// Every fourth pixel of every fourth row.
const STEP: usize = 4;

fn cells(luma: &Plane<'_>, width: usize, height: usize) -> Vec<Cell> {
    let mut sums = vec![(0_u32, 0_u32, 0_u32); CELLS];
    for row in (0..height).step_by(STEP) {
        let Some(line) = luma.bytes.get(row * luma.stride..row * luma.stride + width) else {
            break;
        };
        let cell_row = (row * GRID.1 / height) * GRID.0;
        let mut before = line.first().copied().unwrap_or(0);
        for (i, value) in line.iter().step_by(STEP).enumerate() {
            let sum = &mut sums[cell_row + i * STEP * GRID.0 / width];
            sum.0 += u32::from(*value);
            sum.1 += u32::from(value.abs_diff(before));
            sum.2 += 1;
            before = *value;
        }
    }
    sums.iter()
        .map(|(sum, steps, n)| {
            let n = (*n).max(1) as f32;
            Cell {
                mean: *sum as f32 / n,
                texture: *steps as f32 / n,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (u32, u32) = (640, 360);
    const LANE: [[f32; 2]; 4] = [[0.25, 0.2], [0.75, 0.2], [0.75, 1.0], [0.25, 1.0]];

    struct Place {
        occupancy: Occupancy,
        now: Mono,
        told: Vec<Filled>,
        number: u32,
    }

    impl Place {
        fn new() -> Place {
            let mut place = Place {
                occupancy: Occupancy::new(&LANE, Fill::default()),
                now: Mono::from_ms(5_000),
                told: Vec::new(),
                number: 0,
            };
            place.show(2_000, 1.0, None, false);
            place
        }

        /// So long, with this light, what stands in the lane (share of it), and a plate or none.
        fn show(&mut self, ms: u64, light: f32, vehicle: Option<f32>, is_read: bool) {
            for _ in 0..ms / 200 {
                self.number += 1;
                self.now = self.now.plus_ms(200);
                let luma = picture(self.number, light, vehicle);
                let plane = Plane {
                    bytes: &luma,
                    stride: SIZE.0 as usize,
                };
                let news = self.occupancy.frame(self.now, &plane, SIZE, is_read);
                self.told.extend(news);
            }
        }

        fn unread(&self) -> usize {
            let unread = |told: &&Filled| matches!(told, Filled::Unread { .. });
            self.told.iter().filter(unread).count()
        }
    }

    /// A road with grain, and a dark box in the middle of the lane.
    fn picture(number: u32, light: f32, vehicle: Option<f32>) -> Vec<u8> {
        let (width, height) = (SIZE.0 as usize, SIZE.1 as usize);
        let mut luma = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let grain = (x * 31 + y * 17 + number as usize * 7) % 7;
                let across = (x as f32 / width as f32 - 0.5).abs() / 0.25;
                let down = (1.0 - y as f32 / height as f32) / 0.8;
                let covered =
                    vehicle.is_some_and(|share| across < share.sqrt() && down < share.sqrt());
                let tone = if covered {
                    40.0
                } else {
                    100.0 + 40.0 * y as f32 / height as f32
                };
                luma.push((tone * light) as u8 + grain as u8);
            }
        }
        luma
    }

    #[test]
    fn a_vehicle_without_a_plate_is_told_once_and_its_end_too() {
        let mut place = Place::new();
        place.show(6_000, 1.0, Some(0.7), false);
        place.show(3_000, 1.0, None, false);
        let [
            Filled::Unread { number: 1, since },
            Filled::Ended { number: 1 },
        ] = place.told[..]
        else {
            panic!("{:?}", place.told);
        };
        assert!(since > Mono::from_ms(7_000) && since < Mono::from_ms(7_500));
    }

    #[test]
    fn a_vehicle_that_is_read_is_not_unread() {
        let mut place = Place::new();
        place.show(1_000, 1.0, Some(0.7), false);
        place.show(200, 1.0, Some(0.7), true);
        place.show(8_000, 1.0, Some(0.7), false);
        place.show(3_000, 1.0, None, false);
        assert_eq!(place.told, []);
    }

    #[test]
    fn a_plate_that_is_read_late_ends_the_unread_one() {
        let mut place = Place::new();
        place.show(4_000, 1.0, Some(0.7), false);
        place.show(1_000, 1.0, Some(0.7), true);
        assert_eq!(place.told.len(), 2);
        assert_eq!(place.told[1], Filled::Ended { number: 1 });
    }

    #[test]
    fn a_person_a_cloud_and_the_cameras_exposure_fill_no_lane() {
        let mut place = Place::new();
        place.show(6_000, 1.0, Some(0.08), false);
        place.show(6_000, 0.6, None, false);
        place.show(6_000, 1.4, None, false);
        assert_eq!(place.told, []);
        assert!(place.occupancy.share_permille() < 50);
    }

    #[test]
    fn a_vehicle_in_the_shade_of_a_cloud_is_still_seen() {
        let mut place = Place::new();
        place.show(4_000, 0.6, Some(0.7), false);
        assert_eq!(place.unread(), 1);
    }

    #[test]
    fn the_next_vehicle_is_another() {
        let mut place = Place::new();
        for _ in 0..3 {
            place.show(4_000, 1.0, Some(0.7), false);
            place.show(2_000, 1.0, None, false);
        }
        assert_eq!(place.unread(), 3);
        assert_eq!(place.told[5], Filled::Ended { number: 3 });
    }

    #[test]
    fn what_stays_for_minutes_belongs_to_the_place() {
        let mut place = Place::new();
        place.show(130_000, 1.0, Some(0.7), false);
        assert_eq!(place.told.len(), 2, "{:?}", place.told);
        place.show(20_000, 1.0, Some(0.7), false);
        assert_eq!(place.unread(), 1);
    }

    #[test]
    fn another_light_on_everything_is_no_vehicle() {
        let mut place = Place::new();
        let mut dark = picture(1, 1.0, None);
        // Infra-red: the grass is bright and the road dark, not merely less bright.
        for (i, value) in dark.iter_mut().enumerate() {
            *value = if i % 640 < 320 { 200 } else { 20 };
        }
        for _ in 0..40 {
            place.now = place.now.plus_ms(200);
            let plane = Plane {
                bytes: &dark,
                stride: 640,
            };
            let news = place.occupancy.frame(place.now, &plane, SIZE, false);
            assert_eq!(news, None);
        }
    }
}
