//! Limits guessing: by account and by address, on monotonic time, at most 60 an hour each (S-02).

use std::collections::HashMap;
use std::time::Duration;

use gateway_core::moment::Mono;

/// Wrong guesses that cost nothing.
const FREE: u32 = 5;

/// The wait after the sixth; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(2);

/// At most 5 + 6 + 3,474 s / 120 s = 39 guesses in the first hour, 30 in each one after.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// Without a guess for so long, a key is forgotten.
const FORGET: Duration = Duration::from_secs(3_600);

/// Keys remembered; the one with the fewest guesses makes room, so that a flood of names cannot
/// wash out the account that is being guessed.
const KEYS: usize = 4_096;

#[derive(Default)]
pub struct Guesses {
    keys: HashMap<String, Count>,
    /// When a refused guess was last recorded.
    refusal_told: Option<Mono>,
}

#[derive(Clone, Copy)]
struct Count {
    wrong: u32,
    last: Mono,
}

impl Guesses {
    /// Counts a guess against every key before it is tried, so that guesses side by side cannot
    /// slip past; or says how long to wait, counting nothing.
    pub fn begin(&mut self, keys: &[String], now: Mono) -> Result<(), Duration> {
        let wait = keys.iter().filter_map(|key| self.wait(key, now)).max();
        if let Some(wait) = wait {
            return Err(wait);
        }
        for key in keys {
            self.count(key, now);
        }
        Ok(())
    }

    /// Whether a refused guess is to be recorded: the first, and then one a minute, for whoever
    /// guesses must not be able to fill the journal.
    pub fn tells_refusal(&mut self, now: Mono) -> bool {
        let due = self
            .refusal_told
            .is_none_or(|told| now.since(told) >= 60_000_000);
        if due {
            self.refusal_told = Some(now);
        }
        due
    }

    /// The guess was right: that key starts anew. The address's count stays, or whoever has one
    /// account could guess at others for ever.
    pub fn right(&mut self, key: &str) {
        self.keys.remove(key);
    }

    /// Takes back one count from a key that was charged for a right guess.
    pub fn refund(&mut self, key: &str) {
        if let Some(count) = self.keys.get_mut(key) {
            count.wrong = count.wrong.saturating_sub(1);
        }
    }

    fn wait(&self, key: &str, now: Mono) -> Option<Duration> {
        let count = self.keys.get(key)?;
        let since = Duration::from_micros(now.since(count.last));
        if count.wrong < FREE || since >= FORGET {
            return None;
        }
        let doublings = (count.wrong - FREE).min(16);
        let wait = (FIRST_WAIT * 2u32.pow(doublings)).min(LONGEST_WAIT);
        wait.checked_sub(since).filter(|left| !left.is_zero())
    }

    fn count(&mut self, key: &str, now: Mono) {
        if self.keys.len() >= KEYS && !self.keys.contains_key(key) {
            self.make_room(now);
        }
        let count = self.keys.entry(key.to_string()).or_insert(Count {
            wrong: 0,
            last: now,
        });
        if Duration::from_micros(now.since(count.last)) >= FORGET {
            count.wrong = 0;
        }
        count.wrong = count.wrong.saturating_add(1);
        count.last = now;
    }

    fn make_room(&mut self, now: Mono) {
        self.keys
            .retain(|_, count| Duration::from_micros(now.since(count.last)) < FORGET);
        if self.keys.len() < KEYS {
            return;
        }
        let least = self
            .keys
            .iter()
            .min_by_key(|(_, count)| (count.wrong, count.last))
            .map(|(key, _)| key.clone());
        if let Some(least) = least {
            self.keys.remove(&least);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| name.to_string()).collect()
    }

    /// Guesses as fast as it may for `hours`, and counts those that were tried in each hour.
    fn tried_by_hour(hours: u64) -> Vec<u32> {
        let mut guesses = Guesses::default();
        let key = keys(&["account:guard"]);
        let mut tried = vec![0; hours as usize];
        let mut now = 0;
        while now < hours * 3_600_000 {
            match guesses.begin(&key, Mono::from_ms(now)) {
                Ok(()) => tried[(now / 3_600_000) as usize] += 1,
                Err(wait) => now += wait.as_millis().max(1) as u64 - 1,
            }
            now += 1;
        }
        tried
    }

    #[test]
    fn s02_no_hour_has_more_than_sixty_guesses() {
        let tried = tried_by_hour(6);
        assert!(tried.iter().all(|count| *count <= 60), "{tried:?}");
        assert!(
            tried[0] > 20,
            "a person who mistypes can still get in: {tried:?}"
        );
    }

    #[test]
    fn the_first_five_wrong_ones_cost_nothing() {
        let mut guesses = Guesses::default();
        let key = keys(&["account:guard"]);
        for _ in 0..5 {
            assert_eq!(guesses.begin(&key, Mono(0)), Ok(()));
        }
        assert_eq!(guesses.begin(&key, Mono(0)), Err(Duration::from_secs(2)));
        assert_eq!(guesses.begin(&key, Mono::from_ms(2_000)), Ok(()));
    }

    #[test]
    fn a_right_login_frees_the_account_but_not_the_address() {
        let mut guesses = Guesses::default();
        let both = keys(&["account:guard", "address:10.0.0.9"]);
        for _ in 0..5 {
            assert_eq!(guesses.begin(&both, Mono(0)), Ok(()));
        }
        guesses.right("account:guard");
        assert_eq!(guesses.begin(&keys(&["account:guard"]), Mono(0)), Ok(()));
        assert!(
            guesses
                .begin(&keys(&["address:10.0.0.9"]), Mono(0))
                .is_err()
        );
    }

    #[test]
    fn a_flood_of_names_does_not_wash_out_the_guessed_one() {
        let mut guesses = Guesses::default();
        let key = keys(&["account:guard"]);
        for _ in 0..5 {
            assert_eq!(guesses.begin(&key, Mono(0)), Ok(()));
        }
        for n in 0..2 * KEYS {
            let _ = guesses.begin(&[format!("account:{n}")], Mono(1));
        }
        assert!(guesses.begin(&key, Mono(2)).is_err());
        assert!(guesses.keys.len() <= KEYS);
    }
}
