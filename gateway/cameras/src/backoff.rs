//! The pauses of promise P-23 as pure values: 0.5 s doubling to 5 s, 30 s after ten minutes away.

/// The first pause, microseconds.
const FIRST_US: u64 = 500_000;
/// The longest pause while a camera was away for less than [`LONG_AWAY_US`].
const MOST_US: u64 = 5_000_000;
/// A camera away for so long is asked less often: it is off, not rebooting.
const LONG_AWAY_US: u64 = 600_000_000;
/// The pause for a camera that is off, or that refused the password.
const RARE_US: u64 = 30_000_000;
/// Frames for so long count as well again. One frame does not: a camera that dies after each would be
/// asked twice a second for ever.
const STEADY_US: u64 = 5_000_000;

/// How long to wait before a camera is tried again. All times are microseconds of a monotonic clock.
#[derive(Debug, Clone)]
pub struct Backoff {
    failures: u32,
    away_since_us: Option<u64>,
    live_since_us: Option<u64>,
    jitter: u64,
}

impl Backoff {
    /// A camera that has not failed yet. Cameras with different seeds do not return in step.
    pub fn new(seed: u64) -> Backoff {
        Backoff {
            failures: 0,
            away_since_us: None,
            live_since_us: None,
            jitter: seed | 1,
        }
    }

    /// A frame arrived.
    pub fn frame(&mut self, now_us: u64) {
        self.away_since_us = None;
        let since = *self.live_since_us.get_or_insert(now_us);
        if now_us.saturating_sub(since) >= STEADY_US {
            self.failures = 0;
        }
    }

    /// The stream failed, or could not be opened: the pause before the next attempt.
    pub fn failed(&mut self, now_us: u64) -> u64 {
        self.live_since_us = None;
        let away = now_us.saturating_sub(*self.away_since_us.get_or_insert(now_us));
        let share = self.share();
        if away >= LONG_AWAY_US {
            return RARE_US / 1000 * share.min(1000);
        }
        let doubled = FIRST_US << self.failures.min(4);
        self.failures = self.failures.saturating_add(1);
        (doubled / 1000 * share).clamp(FIRST_US, MOST_US)
    }

    /// The camera refused the password: the pause before the next attempt.
    pub fn refused(&mut self, now_us: u64) -> u64 {
        self.failed(now_us);
        RARE_US
    }

    /// Between 800 and 1,200 per mille (xorshift).
    fn share(&mut self) -> u64 {
        self.jitter ^= self.jitter << 13;
        self.jitter ^= self.jitter >> 7;
        self.jitter ^= self.jitter << 17;
        800 + self.jitter % 401
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn p23_pauses_grow_from_half_a_second_to_five_and_stay_there() {
        for seed in 0..500 {
            let mut backoff = Backoff::new(seed);
            let mut now = 7 * SECOND;
            let pauses: Vec<u64> = (0..40)
                .map(|_| {
                    let pause = backoff.failed(now);
                    now += pause;
                    pause
                })
                .collect();
            assert!(
                pauses
                    .iter()
                    .all(|pause| (FIRST_US..=MOST_US).contains(pause)),
                "{pauses:?}"
            );
            assert!(
                pauses[0] <= 600_000 && pauses[5] >= 4 * SECOND,
                "{pauses:?}"
            );
        }
    }

    #[test]
    fn p23_after_ten_minutes_away_it_asks_every_thirty_seconds_and_then_is_quick_again() {
        let mut backoff = Backoff::new(3);
        let mut now = 0;
        while now < LONG_AWAY_US + SECOND {
            now += backoff.failed(now);
        }
        for _ in 0..20 {
            let pause = backoff.failed(now);
            assert!((24 * SECOND..=30 * SECOND).contains(&pause), "{pause}");
            now += pause;
        }
        for _ in 0..100 {
            now += SECOND / 10;
            backoff.frame(now);
        }
        assert!(backoff.failed(now) <= 600_000);
    }

    #[test]
    fn one_frame_between_failures_does_not_make_it_hasty() {
        let mut backoff = Backoff::new(9);
        let mut now = 0;
        for _ in 0..10 {
            backoff.frame(now);
            now += backoff.failed(now);
        }
        backoff.frame(now);
        assert!(backoff.failed(now) >= 4 * SECOND);
    }

    #[test]
    fn cameras_with_different_seeds_do_not_return_in_step() {
        let pauses: std::collections::HashSet<u64> = (0..32)
            .map(|seed| {
                let mut backoff = Backoff::new(seed * 2);
                backoff.failed(0);
                backoff.failed(0)
            })
            .collect();
        assert!(pauses.len() > 8, "{pauses:?}");
    }
}
