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
    /// The sum of the frames' weights and of their squares: an unsure frame says little.
    weight: f32,
    squares: f32,
    /// By position, then by legal letter: sums of natural logarithms, each times its frame's weight.
    log: Vec<Vec<f32>>,
}

/// Among several frames, one cannot make a character less likely than this (natural logarithm):
/// a reflection in one of them must not outvote the rest.
const FLOOR: f32 = -7.0;

/// By the reliability of drawn vehicles: with 0.5, plates misread alike in seven frames came to 0.999.
const GROWTH: f32 = 0.2;

/// Of the weight of a frame that is sure.
const LEAST_WEIGHT: f32 = 0.02;

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
        weight: 1.0,
        squares: 1.0,
        log,
    }
}

/// A province that is less sure than this cannot be read: a guess among 31 is no reading.
const LEGIBLE: f32 = 0.5;

/// Whether the first of many characters that may stand there, the province, cannot be read.
pub fn is_illegible(patterns: &Patterns, votes: &Votes) -> bool {
    let many = patterns.patterns[votes.pattern].positions[0].len() > 1;
    let shares = &votes.shares()[0];
    many && shares[leader(shares, usize::MAX)] < LEGIBLE
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
    /// One frame's votes with the weight of a frame that is so sure of itself, 0 to 1.
    pub fn weighed(mut self, confidence: f32) -> Votes {
        let weight = (confidence * confidence).max(LEAST_WEIGHT);
        for log in self.log.iter_mut().flatten() {
            *log *= weight / self.weight;
        }
        (self.weight, self.squares) = (weight, weight * weight);
        self
    }

    /// How much all frames have to say, in surely read frames.
    pub fn weight(&self) -> f32 {
        self.weight
    }

    /// Adds what another frame says of the same pattern.
    pub fn add(&mut self, other: &Votes) {
        debug_assert_eq!(self.pattern, other.pattern);
        let (mine_least, theirs_least) = (FLOOR * self.weight, FLOOR * other.weight);
        self.frames += other.frames;
        self.weight += other.weight;
        self.squares += other.squares;
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

    /// The probability of each letter at each position. Frames of one track resemble each other
    /// and err alike, so N equally sure ones count as N to the power of `GROWTH` independent ones.
    fn shares(&self) -> Vec<Vec<f32>> {
        let frames = self.weight * self.weight / self.squares;
        let scale = frames.powf(GROWTH) / self.weight;
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
pub mod tests {
    use super::*;
    use crate::patterns::DEFAULT;

    /// Votes for an ordinary plate of 闽 and ones, whose province has the given probability and 皖
    /// the rest.
    pub fn with_province(share: f32) -> (Patterns, Votes) {
        let patterns = Patterns::parse(DEFAULT).unwrap();
        let known = patterns.alphabet.characters();
        let of = |k: usize, c: char| match (k, c) {
            (0, '闽') => share,
            (0, '皖' | '豫' | '鄂') => (1.0 - share) / 3.0,
            (1, 'E') | (2.., '1') => 1.0,
            _ => 1e-9,
        };
        let row = |(k, legal): (usize, &Vec<Letter>)| {
            let log = |l: &Letter| of(k, known[*l as usize - 1]).ln();
            legal.iter().map(log).collect()
        };
        let log = patterns.patterns[0]
            .positions
            .iter()
            .enumerate()
            .map(row)
            .collect();
        let votes = Votes {
            pattern: 0,
            frames: 1,
            weight: 1.0,
            squares: 1.0,
            log,
        };
        (patterns, votes)
    }

    #[test]
    fn a_province_among_several_that_may_be_it_is_illegible() {
        let (patterns, sure) = with_province(0.9);
        let (_, unsure) = with_province(0.4);
        assert!(!is_illegible(&patterns, &sure) && is_illegible(&patterns, &unsure));
    }

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
            weight: 1.0,
            squares: 1.0,
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
    fn frames_that_err_alike_stay_as_unsure_as_each_is() {
        let (patterns, mut sum) = votes(3, 0.8);
        for _ in 0..6 {
            sum.add(&votes(3, 0.8).1);
        }
        let (confidence, _) = texts(&patterns, &sum);
        assert!(confidence < 0.9, "{confidence}");
    }

    #[test]
    fn one_sure_frame_outvotes_several_that_are_not() {
        let (patterns, mut sum) = votes(3, 0.3);
        sum = sum.weighed(0.3);
        for _ in 0..4 {
            sum.add(&votes(3, 0.3).1.weighed(0.3));
        }
        sum.add(&votes(3, 0.99).1.weighed(0.99));
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
