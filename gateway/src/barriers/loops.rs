//! The loops of the lanes as the sensors last said, where an edge must know at once: for the last
//! look before a close leaves, and for the cameras, which go on reading what stands at an arm.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use gateway_core::moment::Mono;
use gateway_core::name::Name;
use gateway_core::reading::{Loop, LoopPlace};

/// A loop under the arm older than this is not known.
const FRESH_US: u64 = 500_000;

pub struct Loops(BTreeMap<Name, Words>);

/// For each place the moment in microseconds shifted left, the lowest bit set while occupied; 0
/// while nothing was said.
#[derive(Default)]
struct Words {
    approach: AtomicU64,
    under_arm: AtomicU64,
}

impl Loops {
    pub fn new(lanes: impl Iterator<Item = Name>) -> Loops {
        Loops(lanes.map(|lane| (lane, Words::default())).collect())
    }

    /// A live reading of a loop.
    pub fn saw(&self, lane: &Name, at: Mono, state: Loop) {
        if let Some(words) = self.0.get(lane) {
            let word = match state.place {
                LoopPlace::Approach => &words.approach,
                LoopPlace::UnderArm => &words.under_arm,
            };
            word.store(at.0 << 1 | u64::from(state.occupied), Ordering::Release);
        }
    }

    /// A vehicle stands before the arm, as far as a loop told.
    pub fn is_waiting(&self, lane: &Name) -> bool {
        self.0
            .get(lane)
            .is_some_and(|words| words.approach.load(Ordering::Acquire) & 1 == 1)
    }

    pub fn cause_not_to_close(&self, lane: &Name, now: Mono) -> Option<&'static str> {
        let word = match self.0.get(lane) {
            Some(words) => words.under_arm.load(Ordering::Acquire),
            None => 0,
        };
        if word == 0 {
            return Some("loop_unknown");
        }
        if word & 1 == 1 {
            return Some("loop_occupied");
        }
        if now.since(Mono(word >> 1)) > FRESH_US {
            return Some("loop_stale");
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b01_a_close_needs_a_loop_that_is_known_free_and_fresh() {
        let lane = Name::from("in-1");
        let loops = Loops::new([lane.clone()].into_iter());
        let at = Mono::from_ms;
        let saw = |ms, occupied| {
            let place = LoopPlace::UnderArm;
            loops.saw(&lane, at(ms), Loop { place, occupied });
        };
        let cause = |ms| loops.cause_not_to_close(&lane, at(ms));
        assert_eq!(cause(1), Some("loop_unknown"));
        saw(10, true);
        assert_eq!(cause(11), Some("loop_occupied"));
        saw(20, false);
        assert_eq!(cause(520), None);
        assert_eq!(cause(521), Some("loop_stale"));
    }
}
