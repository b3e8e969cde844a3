//! Sets of numbers kept as ranges: a month of confirmations in a few words.

use serde::{Deserialize, Serialize};

/// Disjoint, ascending, never adjacent ranges of numbers, both ends included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    pub const fn new() -> Ranges {
        Ranges(Vec::new())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of ranges, not of numbers.
    pub fn pieces(&self) -> usize {
        self.0.len()
    }

    /// How many numbers are in it.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|(from, to)| to - from + 1).sum()
    }

    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().copied()
    }

    pub fn contains(&self, number: u64) -> bool {
        self.piece_with(number).is_some()
    }

    /// Whether every number of `from..=to` is in it.
    pub fn covers(&self, from: u64, to: u64) -> bool {
        self.piece_with(from).is_some_and(|(_, end)| end >= to)
    }

    /// The range that begins with 1 ends here; 0 when 1 is not in it.
    pub fn through(&self) -> u64 {
        match self.0.first() {
            Some((1, to)) => *to,
            _ => 0,
        }
    }

    /// The first number from `from` on that is not in it.
    pub fn next_absent(&self, from: u64) -> u64 {
        match self.piece_with(from) {
            Some((_, to)) => to + 1,
            None => from,
        }
    }

    /// The first number from `from` on that is in it.
    pub fn next_present(&self, from: u64) -> Option<u64> {
        let index = self.0.partition_point(|(_, to)| *to < from);
        self.0.get(index).map(|(start, _)| from.max(*start))
    }

    /// The last number before `from` that is not in it; 0 when there is none.
    pub fn last_absent(&self, from: u64) -> u64 {
        match self.piece_with(from) {
            Some((start, _)) => start - 1,
            None => from,
        }
    }

    /// Adds `from..=to`; nothing when `from > to`.
    pub fn insert(&mut self, from: u64, to: u64) {
        if from > to {
            return;
        }
        // All pieces that touch or overlap become one.
        let begin = self
            .0
            .partition_point(|(_, end)| end.saturating_add(1) < from);
        let end = self
            .0
            .partition_point(|(start, _)| *start <= to.saturating_add(1));
        let merged = match self.0.get(begin..end) {
            Some([]) | None => (from, to),
            Some(touched) => (from.min(touched[0].0), to.max(touched[touched.len() - 1].1)),
        };
        self.0.splice(begin..end, [merged]);
    }

    /// Takes `from..=to` out; nothing when `from > to`.
    pub fn remove(&mut self, from: u64, to: u64) {
        if from > to {
            return;
        }
        let begin = self.0.partition_point(|(_, end)| *end < from);
        let end = self.0.partition_point(|(start, _)| *start <= to);
        if begin >= end {
            return;
        }
        let head = self.0[begin].0;
        let tail = self.0[end - 1].1;
        let mut left = Vec::new();
        if head < from {
            left.push((head, from - 1));
        }
        if tail > to {
            left.push((to + 1, tail));
        }
        self.0.splice(begin..end, left);
    }

    fn piece_with(&self, number: u64) -> Option<(u64, u64)> {
        let index = self.0.partition_point(|(_, to)| *to < number);
        self.0
            .get(index)
            .copied()
            .filter(|(from, _)| *from <= number)
    }
}

impl From<Ranges> for Vec<(u64, u64)> {
    fn from(ranges: Ranges) -> Self {
        ranges.0
    }
}

impl TryFrom<Vec<(u64, u64)>> for Ranges {
    type Error = &'static str;

    fn try_from(pieces: Vec<(u64, u64)>) -> Result<Self, Self::Error> {
        let ordered = pieces.iter().all(|(from, to)| from <= to && *to < u64::MAX)
            && pieces
                .windows(2)
                .all(|pair| pair[0].1.saturating_add(1) < pair[1].0);
        match ordered {
            true => Ok(Ranges(pieces)),
            false => Err("ranges must ascend without touching"),
        }
    }
}
