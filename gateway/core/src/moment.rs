//! Time as the core sees it: monotonic for timers, wall time only as a label with its trust.

use serde::{Deserialize, Serialize};

/// Microseconds on the monotonic clock since this boot of the gateway. The only time a timer uses.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Mono(pub u64);

impl Mono {
    pub const fn from_ms(ms: u64) -> Mono {
        Mono(ms * 1_000)
    }

    pub const fn plus_ms(self, ms: u64) -> Mono {
        Mono(self.0.saturating_add(ms.saturating_mul(1_000)))
    }

    /// Microseconds from `earlier` to `self`; 0 when `earlier` is later.
    pub const fn since(self, earlier: Mono) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// How far the wall clock may be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockTrust {
    Synchronised,
    /// Up to 30 days after the last synchronisation.
    Held,
    SetByPerson,
    Unknown,
}

/// When something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Moment {
    /// Counts the starts of the gateway on this journal, from 1.
    pub boot: u32,
    pub mono: Mono,
    /// Milliseconds since 1970 in UTC, as the wall clock said; a label, never a timer.
    pub wall_ms: i64,
    /// Minutes east of UTC of the site, so that the core can tell the hour without a clock.
    pub offset_min: i16,
    pub trust: ClockTrust,
}

impl Moment {
    /// Hour of the day at the site, 0 to 23, or `None` when the wall clock is not to be trusted.
    pub fn hour(&self) -> Option<u8> {
        let minutes = self.local_minutes()?;
        Some((minutes.rem_euclid(24 * 60) / 60) as u8)
    }

    /// Day of the week at the site, 1 Monday to 7 Sunday.
    pub fn weekday(&self) -> Option<u8> {
        let days = self.local_minutes()?.div_euclid(24 * 60);
        // 1970-01-01 was a Thursday.
        Some((days + 3).rem_euclid(7) as u8 + 1)
    }

    /// Minute of the day at the site, 0 to 1439.
    pub fn minute(&self) -> Option<u16> {
        Some(self.local_minutes()?.rem_euclid(24 * 60) as u16)
    }

    /// Days at the site since 1970-01-01.
    pub fn day(&self) -> Option<i64> {
        Some(self.local_minutes()?.div_euclid(24 * 60))
    }

    fn local_minutes(&self) -> Option<i64> {
        if self.trust == ClockTrust::Unknown {
            return None;
        }
        Some(self.wall_ms.div_euclid(60_000) + i64::from(self.offset_min))
    }
}
