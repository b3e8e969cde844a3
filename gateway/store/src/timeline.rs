//! How long ago something was, by what can be trusted (V-1): monotonic time within a boot, and
//! between boots the wall clock where it was trusted. An age told here has certainly passed; it may
//! be older, never younger.

use std::collections::BTreeMap;

use gateway_core::moment::{ClockTrust, Moment};
use serde::{Deserialize, Serialize};

/// How far a clock that is held may have drifted since it was last synchronised (30 days at 200
/// millionths, rounded up), and how exactly a person sets one. Milliseconds.
const DRIFT_MS: i64 = 10 * 60 * 1_000;

/// What was seen of each boot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    boots: BTreeMap<u32, Boot>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Boot {
    /// The latest moment seen in it, microseconds.
    longest_us: u64,
    began: Option<Began>,
}

/// When a boot began by the wall clock, between `earliest_ms` and `latest_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Began {
    /// What a person set is believed only where no time service said anything.
    by_person: bool,
    earliest_ms: i64,
    latest_ms: i64,
}

impl Timeline {
    /// Takes note of a moment: of an event, or of now.
    pub fn see(&mut self, at: &Moment) {
        let boot = self.boots.entry(at.boot).or_default();
        boot.longest_us = boot.longest_us.max(at.mono.0);
        let (by_person, drift_ms) = match at.trust {
            ClockTrust::Unknown => return,
            ClockTrust::Synchronised => (false, 0),
            ClockTrust::Held => (false, DRIFT_MS),
            ClockTrust::SetByPerson => (true, DRIFT_MS),
        };
        let began_ms = at.wall_ms - (at.mono.0 / 1_000) as i64;
        let seen = Began {
            by_person,
            earliest_ms: began_ms - drift_ms,
            latest_ms: began_ms + drift_ms,
        };
        boot.began = Some(match boot.began {
            Some(known) if known.by_person == by_person => Began {
                by_person,
                earliest_ms: known.earliest_ms.min(seen.earliest_ms),
                latest_ms: known.latest_ms.max(seen.latest_ms),
            },
            Some(known) if by_person => known,
            _ => seen,
        });
    }

    /// The ages of all boots at `now`, which must be a moment of the latest one.
    pub fn ages(&self, now: &Moment) -> Ages {
        let mut began_ms = BTreeMap::new();
        let up_ms = now.mono.0 / 1_000;
        // The earliest that it may be now.
        let now_ms = self
            .boots
            .get(&now.boot)
            .and_then(|boot| boot.began)
            .map(|began| began.earliest_ms.saturating_add_unsigned(up_ms));
        let mut after = up_ms;
        began_ms.insert(now.boot, up_ms);
        for (number, boot) in self.boots.range(..now.boot).rev() {
            // It lasted so long, and the next one began after it.
            let lasted = (boot.longest_us / 1_000).saturating_add(after);
            let by_wall = match (now_ms, boot.began) {
                (Some(now_ms), Some(began)) => {
                    u64::try_from(now_ms.saturating_sub(began.latest_ms)).unwrap_or(0)
                }
                _ => 0,
            };
            after = lasted.max(by_wall);
            began_ms.insert(*number, after);
        }
        Ages { began_ms }
    }
}

/// How long ago each boot began, at least.
pub struct Ages {
    began_ms: BTreeMap<u32, u64>,
}

impl Ages {
    /// Milliseconds that have certainly passed since a moment of that boot.
    pub fn at_least_ms(&self, boot: u32, mono_us: u64) -> u64 {
        let began = self.began_ms.get(&boot).copied().unwrap_or(0);
        began.saturating_sub(mono_us.div_ceil(1_000))
    }
}
