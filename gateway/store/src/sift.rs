//! Looks through the journal for a few kinds of events without taking the others apart: what a
//! trial of rules and the numbers for people read, beside the gate at work.
//!
//! A record that is passed over is not verified; one that is returned is.

use std::sync::Arc;

use gateway_core::event::EventKind;
use gateway_core::name::PassageId;

use crate::reader::Reader;
use crate::record::{self, Stored};

/// One stretch of the journal, looked through.
#[derive(Debug, Default)]
pub struct Sifted {
    /// Those of the kinds asked for, in order.
    pub found: Vec<Arc<Stored>>,
    /// Records that were looked at.
    pub looked: u64,
    /// Records that cannot be read.
    pub damaged: u64,
    /// The latest wall time of a record whose clock was trusted; milliseconds since 1970.
    pub latest_ms: Option<i64>,
}

impl Reader {
    /// Looks at the records `from..=to`, both within the journal; keep the stretch to some hundreds.
    pub fn sift(&self, from: u64, to: u64, kinds: &[EventKind]) -> Sifted {
        let words: Vec<String> = kinds.iter().map(kind_word).collect();
        let mut sifted = Sifted::default();
        let from = from.max(1);
        let to = to.min(self.last());
        if from > to {
            return sifted;
        }
        let count = usize::try_from(to - from + 1).unwrap_or(usize::MAX);
        match self.bytes(from, count) {
            Ok(records) => {
                for (number, bytes) in records {
                    sifted.take(number, &bytes, &words);
                }
            }
            Err(_) => {
                for number in from..=to {
                    match self.bytes_of(number) {
                        Ok(Some(bytes)) => sifted.take(number, &bytes, &words),
                        Ok(None) | Err(_) => {
                            sifted.looked += 1;
                            sifted.damaged += 1;
                        }
                    }
                }
            }
        }
        sifted
    }
}

/// Records looked through at a time for one passage.
const STRIDE: u64 = 512;

/// So many records without an event of the passage, behind its newest, and the search ends.
const APART: u64 = 50_000;

impl Reader {
    /// The numbers of a passage's events, the oldest first, looked for from the journal's end
    /// backwards. Reads much: for a passage that no index knows.
    pub fn numbers_of(&self, passage: &PassageId) -> Vec<u64> {
        let mut numbers = Vec::new();
        let mut without = 0;
        let mut to = self.last();
        while to > 0 && (numbers.is_empty() || without < APART) {
            let from = to.saturating_sub(STRIDE - 1).max(1);
            let before = numbers.len();
            // A stretch with damage is looked at by whoever reads the events themselves.
            for (number, bytes) in self.bytes(from, STRIDE as usize).unwrap_or_default() {
                let named = record::glance(&bytes).and_then(|glance| glance.passage);
                if number <= to && named == Some(passage.as_str()) {
                    numbers.push(number);
                }
            }
            without = if numbers.len() == before {
                without + STRIDE
            } else {
                0
            };
            to = from - 1;
        }
        numbers.sort_unstable();
        numbers
    }
}

impl Sifted {
    fn take(&mut self, number: u64, bytes: &[u8], words: &[String]) {
        self.looked += 1;
        let Some(glance) = record::glance(bytes) else {
            self.damaged += 1;
            return;
        };
        if glance.clock != "unknown" {
            let latest = self.latest_ms.unwrap_or(i64::MIN).max(glance.wall_ms);
            self.latest_ms = Some(latest);
        }
        if !words.iter().any(|word| word == glance.kind) {
            return;
        }
        match record::parse(number, bytes) {
            Ok(stored) => self.found.push(Arc::new(stored)),
            Err(_) => self.damaged += 1,
        }
    }
}

/// As the header writes it.
fn kind_word(kind: &EventKind) -> String {
    match serde_json::to_value(kind) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
