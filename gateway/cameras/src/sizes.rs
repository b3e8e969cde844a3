//! Says from the sizes of encoded pictures alone that something moves: the trip wire of a camera that
//! sleeps.
//!
//! A picture that changes nothing is small. How small depends on the camera, the light and the rain, so
//! the sizes of the last seconds in which nothing moved are the measure.

use std::collections::VecDeque;

/// Sizes are summed over so many pictures: one large picture is not yet movement.
const SUMMED: usize = 3;
/// So many sums are the measure, ten seconds at 25 a second; older ones are forgotten.
const KEPT: usize = 256;
/// Before so many are known nothing is unusual.
const NEEDED: usize = 40;
/// The measure is made anew after so many pictures.
const ANEW: usize = 8;
/// So many times the usual spread above the median is unusual …
const SPREADS: f32 = 5.0;
/// … and this much, as a logarithm, above what one in twenty has …
const ABOVE_HIGH: f32 = 0.14;
/// … and so many bytes a picture, which nothing visible stays under.
const LEAST_BYTES: f32 = 48.0;
/// The first pictures after a key frame repair it and are larger: they say nothing.
const AFTER_KEY: usize = 2;
/// Fewer bytes than this share of the usual: the camera may have frozen.
const FALLEN: f32 = 0.3;

/// What the sizes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// As ever, or too little is known.
    Usual,
    /// Much larger than usual.
    Grown,
    /// Much smaller than usual.
    Fallen,
}

/// The measure of one camera. Sizes of key frames do not belong here.
#[derive(Debug, Default)]
pub struct Sizes {
    recent: VecDeque<u32>,
    /// Logarithms of sums of [`SUMMED`] sizes while nothing moved.
    sums: VecDeque<f32>,
    sorted: Vec<f32>,
    until_anew: usize,
    since_key: usize,
    median: f32,
    limit: f32,
}

impl Sizes {
    /// A key frame came.
    pub fn key(&mut self) {
        self.recent.clear();
        self.since_key = 0;
    }

    /// The next picture's size, while nothing is known to move: says whether it is unusual, and learns it.
    pub fn update(&mut self, bytes: usize) -> Said {
        let Some(sum) = self.sum(bytes) else {
            return Said::Usual;
        };
        let said = if self.sums.len() < NEEDED {
            Said::Usual
        } else if sum > self.limit && sum.exp() - self.median.exp() > LEAST_BYTES * SUMMED as f32 {
            Said::Grown
        } else if sum < self.median + FALLEN.ln() {
            Said::Fallen
        } else {
            Said::Usual
        };
        self.learn(sum);
        said
    }

    /// Something moves: what was learned while it came near is taken back.
    pub fn forget_last(&mut self, pictures: usize) {
        let left = self.sums.len().saturating_sub(pictures);
        self.sums.truncate(left);
        self.until_anew = 0;
    }

    fn sum(&mut self, bytes: usize) -> Option<f32> {
        self.since_key += 1;
        if self.since_key <= AFTER_KEY {
            return None;
        }
        if self.recent.len() == SUMMED {
            self.recent.pop_front();
        }
        self.recent
            .push_back(u32::try_from(bytes).unwrap_or(u32::MAX));
        let sum: u64 = self.recent.iter().map(|bytes| u64::from(*bytes)).sum();
        (self.recent.len() == SUMMED).then(|| (sum.max(1) as f32).ln())
    }

    fn learn(&mut self, sum: f32) {
        if self.sums.len() == KEPT {
            self.sums.pop_front();
        }
        self.sums.push_back(sum);
        if self.until_anew > 0 && self.sums.len() > NEEDED {
            self.until_anew -= 1;
            return;
        }
        self.until_anew = ANEW;
        self.sorted.clear();
        self.sorted.extend(&self.sums);
        self.sorted.sort_by(f32::total_cmp);
        let at = |share: usize| self.sorted[(self.sorted.len() - 1) * share / 100];
        let (median, high) = (at(50), at(95));
        // The middle two thirds lie within one standard deviation.
        let spread = ((at(84) - at(16)) / 2.0).max(0.02);
        self.median = median;
        self.limit = (median + SPREADS * spread).max(high + ABOVE_HIGH);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Camera {
        sizes: Sizes,
        random: u64,
        number: usize,
    }

    impl Camera {
        fn new() -> Camera {
            Camera {
                sizes: Sizes::default(),
                random: 88_172_645_463_325_252,
                number: 0,
            }
        }

        /// A picture of about that many bytes, give or take a fifth; a key frame each second.
        fn picture(&mut self, bytes: usize) -> Said {
            self.random ^= self.random << 13;
            self.random ^= self.random >> 7;
            self.random ^= self.random << 17;
            self.number += 1;
            if self.number.is_multiple_of(25) {
                self.sizes.key();
                return Said::Usual;
            }
            let share = 800 + (self.random % 401) as usize;
            self.sizes.update(bytes * share / 1000)
        }
    }

    #[test]
    fn sizes_that_vary_as_ever_say_nothing() {
        let mut camera = Camera::new();
        let said: Vec<Said> = (0..5_000).map(|_| camera.picture(900)).collect();
        let unusual = said.iter().filter(|said| **said != Said::Usual).count();
        assert!(unusual <= 2, "{unusual} of 5000");
    }

    #[test]
    fn a_vehicle_that_doubles_the_sizes_is_noticed_within_a_few_pictures() {
        let mut camera = Camera::new();
        (0..500).for_each(|_| _ = camera.picture(900));
        let noticed = (0..12).position(|_| camera.picture(2_000) == Said::Grown);
        assert!(noticed.is_some_and(|pictures| pictures <= 6), "{noticed:?}");
    }

    #[test]
    fn rain_is_learned_and_then_says_nothing() {
        let mut camera = Camera::new();
        (0..500).for_each(|_| _ = camera.picture(900));
        (0..300).for_each(|_| _ = camera.picture(2_500));
        let unusual = (0..2_000)
            .filter(|_| camera.picture(2_500) != Said::Usual)
            .count();
        assert!(unusual <= 2, "{unusual} of 2000");
    }

    #[test]
    fn a_stream_that_stands_still_is_told() {
        let mut camera = Camera::new();
        (0..500).for_each(|_| _ = camera.picture(900));
        assert!((0..8).any(|_| camera.picture(60) == Said::Fallen));
    }
}
