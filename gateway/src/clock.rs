//! The daemon's clock: monotonic time since this start, wall time as a label with its trust.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use gateway_core::moment::{ClockTrust, Moment, Mono};

/// Cheap to copy; every edge gets one.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    boot: u32,
    offset_min: i16,
}

impl Clock {
    /// `boot` counts the starts on this journal, `offset_min` is the site's distance from UTC.
    pub fn start(boot: u32, offset_min: i16) -> Clock {
        Clock {
            start: Instant::now(),
            boot,
            offset_min,
        }
    }

    pub fn mono(&self) -> Mono {
        Mono(self.start.elapsed().as_micros() as u64)
    }

    pub fn now(&self) -> Moment {
        Moment {
            boot: self.boot,
            mono: self.mono(),
            wall_ms: wall_ms(),
            offset_min: self.offset_min,
            trust: trust(),
        }
    }

    /// Until `deadline`, or nothing when it has passed.
    pub fn until(&self, deadline: Mono) -> std::time::Duration {
        std::time::Duration::from_micros(deadline.since(self.mono()))
    }
}

fn wall_ms() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_millis() as i64,
        Err(before) => -(before.duration().as_millis() as i64),
    }
}

/// What the kernel says of its own discipline: a clock that no time service keeps is unknown.
fn trust() -> ClockTrust {
    // SAFETY: adjtimex with modes 0 only reads; the structure is plain integers, zero is valid.
    let state = unsafe {
        let mut query: libc::timex = std::mem::zeroed();
        libc::adjtimex(&mut query)
    };
    if state >= 0 && state != libc::TIME_ERROR {
        ClockTrust::Synchronised
    } else {
        ClockTrust::Unknown
    }
}
