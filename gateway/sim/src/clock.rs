//! The simulated wall clock: a label that jumps, drifts and is believed more or less. The monotonic
//! clock is the simulation's own time and cannot be wrong.

use gateway_core::moment::{ClockTrust, Moment, Mono};

/// 2024-01-01 00:00 at the site: where the wall clock begins, milliseconds since 1970.
pub const START_MS: i64 = 1_704_038_400_000;
/// Minutes east of UTC.
pub const OFFSET_MIN: i16 = 480;

const TWENTY_YEARS_MS: i64 = 20 * 365 * 86_400_000;

/// What is wrong with the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockFault {
    /// Twenty years ahead.
    Ahead,
    /// Twenty years back.
    Behind,
    /// As after a dead battery: 1970, and nobody believes it.
    Epoch,
    /// Runs away by a second in a thousand.
    Drift,
    /// Right, and set by hand.
    ByHand,
    /// Not synchronised for long.
    Held,
    Unknown,
}

#[derive(Clone, Debug, Default)]
pub struct WallClock {
    /// What is wrong and since when.
    fault: Option<(ClockFault, u64)>,
}

impl WallClock {
    /// Sets what is wrong; returns by how much the clock stepped.
    pub fn set(&mut self, now: u64, fault: Option<ClockFault>) -> i64 {
        let before = self.wall_ms(now);
        self.fault = fault.map(|fault| (fault, now));
        self.wall_ms(now) - before
    }

    /// The moment of a boot that began at `began`.
    pub fn moment(&self, now: u64, boot: u32, began: u64) -> Moment {
        Moment {
            boot,
            mono: Mono::from_ms(now - began),
            wall_ms: self.wall_ms(now),
            offset_min: OFFSET_MIN,
            trust: match self.fault {
                Some((ClockFault::Epoch | ClockFault::Unknown, _)) => ClockTrust::Unknown,
                Some((ClockFault::Held | ClockFault::Drift, _)) => ClockTrust::Held,
                Some((ClockFault::ByHand, _)) => ClockTrust::SetByPerson,
                Some((ClockFault::Ahead | ClockFault::Behind, _)) | None => {
                    ClockTrust::Synchronised
                }
            },
        }
    }

    pub fn wall_ms(&self, now: u64) -> i64 {
        let right = START_MS + now as i64;
        match self.fault {
            Some((ClockFault::Ahead, _)) => right + TWENTY_YEARS_MS,
            Some((ClockFault::Behind, _)) => right - TWENTY_YEARS_MS,
            Some((ClockFault::Epoch, since)) => (now - since) as i64,
            Some((ClockFault::Drift, since)) => right + (now - since) as i64 / 1_000,
            Some((ClockFault::ByHand | ClockFault::Held | ClockFault::Unknown, _)) | None => right,
        }
    }
}
