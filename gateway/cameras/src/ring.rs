//! The encoded pictures since a key frame, bounded in count, bytes and time.

use std::collections::VecDeque;

use crate::unit::Entry;

/// One encoded picture that is kept.
#[derive(Debug, Clone)]
pub struct Kept<T> {
    /// The encoded picture itself.
    pub unit: T,
    /// Its size.
    pub bytes: usize,
    /// How it depends on others.
    pub entry: Entry,
    /// When it arrived, microseconds.
    pub captured_us: u64,
}

/// The pictures since a key frame, the key frame first. It holds at most 512 pictures, 8 MiB and 12
/// seconds; what would be more empties it (nothing can be decoded without its beginning), and it fills
/// again from the next key frame.
#[derive(Debug)]
pub(crate) struct Ring<T> {
    kept: VecDeque<Kept<T>>,
    bytes: usize,
}

const MOST: usize = 512;
const MOST_BYTES: usize = 8 << 20;
const MOST_US: u64 = 12_000_000;

impl<T> Default for Ring<T> {
    fn default() -> Ring<T> {
        Ring {
            kept: VecDeque::new(),
            bytes: 0,
        }
    }
}

impl<T> Ring<T> {
    /// Keeps a picture, unless it cannot be decoded with what is kept: false when it is not kept.
    pub fn push(&mut self, kept: Kept<T>) -> bool {
        if self.kept.is_empty() && kept.entry != Entry::Key {
            return false;
        }
        if !self.takes(kept.bytes, kept.captured_us) {
            self.clear();
            return kept.entry == Entry::Key && kept.bytes <= MOST_BYTES && self.push(kept);
        }
        self.bytes += kept.bytes;
        self.kept.push_back(kept);
        true
    }

    /// Whether one more picture stays within the bounds.
    pub fn takes(&self, bytes: usize, captured_us: u64) -> bool {
        let since_us = self
            .kept
            .front()
            .map_or(0, |first| captured_us.saturating_sub(first.captured_us));
        self.kept.len() < MOST
            && self.bytes.saturating_add(bytes) <= MOST_BYTES
            && since_us <= MOST_US
    }

    /// Forgets what stands before the newest key frame.
    pub fn keep_from_last_key(&mut self) {
        let Some(last) = self.kept.iter().rposition(|kept| kept.entry == Entry::Key) else {
            return self.clear();
        };
        for kept in self.kept.drain(..last) {
            self.bytes -= kept.bytes;
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.kept.clear();
        self.bytes = 0;
    }

    /// Nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// What is kept, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Kept<T>> {
        self.kept.iter()
    }

    /// The bytes that are kept.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD_US: u64 = 40_000;

    fn kept(number: u64, bytes: usize) -> Kept<u64> {
        Kept {
            unit: number,
            bytes,
            entry: if number.is_multiple_of(25) {
                Entry::Key
            } else {
                Entry::Delta
            },
            captured_us: number * PERIOD_US,
        }
    }

    fn numbers(ring: &Ring<u64>) -> Vec<u64> {
        ring.iter().map(|kept| kept.unit).collect()
    }

    #[test]
    fn it_begins_at_a_key_frame_and_forgets_what_stands_before_the_last_one() {
        let mut ring = Ring::default();
        assert!(!ring.push(kept(24, 100)));
        (25..53).for_each(|number| assert!(ring.push(kept(number, 100))));
        assert_eq!(numbers(&ring), (25..53).collect::<Vec<_>>());
        ring.keep_from_last_key();
        assert_eq!(numbers(&ring), [50, 51, 52]);
        assert_eq!(ring.bytes(), 300);
    }

    #[test]
    fn what_is_too_much_empties_it_until_the_next_key_frame() {
        let mut ring = Ring::default();
        assert!(ring.push(kept(0, MOST_BYTES - 10)));
        assert!(ring.takes(10, PERIOD_US) && !ring.takes(11, PERIOD_US));
        assert!(!ring.takes(1, MOST_US + 1));
        assert!(!ring.push(kept(1, 11)));
        assert!(ring.is_empty() && ring.bytes() == 0);
        assert!(!ring.push(kept(2, 1)));
        assert!(!ring.push(kept(25, MOST_BYTES + 1)));
        assert!(ring.push(kept(50, 1)));
    }
}
