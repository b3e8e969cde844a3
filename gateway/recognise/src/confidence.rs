//! How sure a text is: of one frame, and of all frames of a track together.
//!
//! At each character's peak its probability stands against all characters legal there; a plate is
//! as sure as its least sure character. The mean would hide the one that is wrong.

use std::fmt;

use crate::grammar::{Aligned, Steps};
use crate::patterns::{Letter, Patterns};

/// What one frame, or the sum of several, says of each position of a pattern.
#[derive(Clone, PartialEq)]
pub struct Votes {
    /// Place of the pattern in the table.
    pub pattern: usize,
    /// Frames that were added up.
    pub frames: u32,
    /// By position, then by legal letter: sums of natural logarithms.
    log: Vec<Vec<f32>>,
}

/// Among several frames, one cannot make a character less likely than this (natural logarithm):
/// a reflection in one of them must not outvote the rest.
const FLOOR: f32 = -7.0;

/// Texts that are offered beside the best one.
const OTHERS: usize = 3;

/// What the frame with this alignment says.
pub fn votes(patterns: &Patterns, pattern: usize, aligned: &Aligned, steps: &Steps<'_>) -> Votes {
    let positions = &patterns.patterns[pattern].positions;
    let log = positions
        .iter()
        .zip(aligned.letters.iter().zip(&aligned.runs))
        .map(|(legal, (letter, run))| {
            let letter = *letter as usize;
            let peak = (run.0..run.1)
                .max_by(|a, b| steps.at(*a)[letter].total_cmp(&steps.at(*b)[letter]))
                .unwrap_or(run.0);
            let row = steps.at(peak);
            let sum: f32 = legal.iter().map(|l| row[*l as usize].exp()).sum();
            legal.iter().map(|l| row[*l as usize] - sum.ln()).collect()
        })
        .collect();
    Votes {
        pattern,
        frames: 1,
        log,
    }
}

/// The confidence of the best text, and all texts with theirs: the best first, then those that
/// differ from it in one place.
pub fn texts(patterns: &Patterns, votes: &Votes) -> (f32, Vec<(String, f32)>) {
    let positions = &patterns.patterns[votes.pattern].positions;
    let shares: Vec<Vec<f32>> = votes.shares();
    let best: Vec<usize> = shares.iter().map(|s| leader(s, usize::MAX)).collect();
    let least = |except: usize| {
        (0..best.len())
            .filter(|k| *k != except)
            .map(|k| shares[k][best[k]])
            .fold(1.0, f32::min)
    };
    let mut letters: Vec<_> = best.iter().zip(positions).map(|(b, p)| p[*b]).collect();
    let mut texts = vec![(patterns.alphabet.text(&letters), least(usize::MAX))];
    let mut others = Vec::new();
    for k in 0..best.len() {
        if positions[k].len() > 1 {
            let second = leader(&shares[k], best[k]);
            others.push((k, second, shares[k][second].min(least(k))));
        }
    }
    others.sort_by(|a, b| b.2.total_cmp(&a.2));
    for (k, second, confidence) in others.into_iter().take(OTHERS) {
        letters[k] = positions[k][second];
        texts.push((patterns.alphabet.text(&letters), confidence));
        letters[k] = positions[k][best[k]];
    }
    (texts[0].1, texts)
}

impl Votes {
    /// Adds what another frame says of the same pattern.
    pub fn add(&mut self, other: &Votes) {
        debug_assert_eq!(self.pattern, other.pattern);
        let floor = |frames: u32| FLOOR * frames as f32;
        let (mine_least, theirs_least) = (floor(self.frames), floor(other.frames));
        self.frames += other.frames;
        for (mine, theirs) in self.log.iter_mut().zip(&other.log) {
            for (sum, value) in mine.iter_mut().zip(theirs) {
                *sum = sum.max(mine_least) + value.max(theirs_least);
            }
        }
    }

    /// The best letter of each position.
    pub(crate) fn letters(&self, patterns: &Patterns) -> Vec<Letter> {
        let positions = &patterns.patterns[self.pattern].positions;
        let best = self.log.iter().map(|log| leader(log, usize::MAX));
        positions.iter().zip(best).map(|(p, b)| p[b]).collect()
    }

    /// The probability of each letter at each position. Frames of one track resemble each other,
    /// so N of them count as the square root of N independent ones.
    fn shares(&self) -> Vec<Vec<f32>> {
        let scale = 1.0 / (self.frames as f32).sqrt();
        let share = |log: &Vec<f32>| {
            let top = log.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let weights: Vec<f32> = log.iter().map(|l| ((l - top) * scale).exp()).collect();
            let sum: f32 = weights.iter().sum();
            weights.iter().map(|w| w / sum).collect()
        };
        self.log.iter().map(share).collect()
    }
}

/// The letters stay out: whoever prints a reading must not print a plate.
impl fmt::Debug for Votes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pattern, frames) = (self.pattern, self.frames);
        write!(f, "Votes(pattern {pattern}, {frames} frames)")
    }
}

/// The place of the largest value but for the one at `except`.
fn leader(values: &[f32], except: usize) -> usize {
    let mut leader = usize::from(except == 0);
    for (i, value) in values.iter().enumerate() {
        if i != except && *value > values[leader] {
            leader = i;
        }
    }
    leader
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patterns::DEFAULT;

    /// Votes for 使123456 in which the digit at `at` is a 1 with the given probability, else a 7.
    fn votes(at: usize, share: f32) -> (Patterns, Votes) {
        let patterns = Patterns::parse(DEFAULT).unwrap();
        let pattern = 3;
        let positions = &patterns.patterns[pattern].positions;
        let known = patterns.alphabet.characters();
        let log = positions
            .iter()
            .enumerate()
            .map(|(k, legal)| {
                let share_of = |c: char| match (k == at, c) {
                    (true, '1') => share,
                    (true, '7') => 1.0 - share,
                    (false, '1' | '使') => 1.0,
                    _ => 1e-9,
                };
                let log = |l: &u8| share_of(known[*l as usize - 1]).ln();
                legal.iter().map(log).collect()
            })
            .collect();
        let votes = Votes {
            pattern,
            frames: 1,
            log,
        };
        (patterns, votes)
    }

    #[test]
    fn a_plate_is_as_sure_as_its_least_sure_character() {
        let (patterns, votes) = votes(3, 0.8);
        let (confidence, texts) = texts(&patterns, &votes);
        assert!((confidence - 0.8).abs() < 0.01, "{confidence}");
        assert_eq!(texts[0].0, "使111111");
        assert_eq!(texts[1].0, "使117111");
        assert!((texts[1].1 - 0.2).abs() < 0.01);
    }

    #[test]
    fn one_frame_alone_is_as_sure_as_it_is() {
        let (patterns, votes) = votes(3, 0.999);
        let (confidence, _) = texts(&patterns, &votes);
        assert!((confidence - 0.999).abs() < 1e-4, "{confidence}");
    }

    #[test]
    fn one_absurd_frame_does_not_outvote_two() {
        let (patterns, mut sum) = votes(3, 0.999);
        sum.add(&votes(3, 1e-9).1);
        sum.add(&votes(3, 0.999).1);
        assert_eq!(texts(&patterns, &sum).1[0].0, "使111111");
    }

    #[test]
    fn frames_outvote_one_that_differs() {
        let (patterns, mut sum) = votes(3, 0.7);
        for share in [0.8, 0.2, 0.9] {
            sum.add(&votes(3, share).1);
        }
        let (confidence, texts) = texts(&patterns, &sum);
        assert_eq!(texts[0].0, "使111111");
        assert!(confidence > 0.7, "{confidence}");
        assert_eq!(sum.frames, 4);
    }
}
