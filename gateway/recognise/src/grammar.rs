//! The most likely legal text: CTC Viterbi over the patterns' positions.
//!
//! A path stands on a blank or on a character after so many characters were emitted. Only legal
//! characters are emitted at each position; the best of the patterns wins. The grammar ranks, it
//! never repairs: what is far less likely than the raw reading stays raw.

use crate::patterns::{Letter, Pattern};

/// What the reader saw: for each step along the strip, the probability of each letter of the
/// alphabet, the blank first.
pub struct Steps<'a> {
    /// Letters of the alphabet, the blank included.
    pub letters: usize,
    /// `letters` natural logarithms for each step.
    pub log: &'a [f32],
}

/// A text that follows a pattern, aligned with the steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Aligned {
    pub letters: Vec<Letter>,
    /// For each character, the first step of its run and the one after the last.
    pub runs: Vec<(usize, usize)>,
    /// Natural logarithm of the path's likelihood.
    pub score: f32,
}

/// Buffers of the search, kept from reading to reading.
#[derive(Default)]
pub struct Search {
    /// By position, then by legal letter: the score of standing on that letter.
    on: Vec<f32>,
    /// By characters emitted: the score of standing on a blank.
    blank: Vec<f32>,
    /// Of each step and state, where the path came from.
    from_on: Vec<Origin>,
    from_blank: Vec<u8>,
}

/// Where a path that stands on a character was one step before.
#[derive(Clone, Copy, Default)]
enum Origin {
    /// On the same character.
    #[default]
    Stay,
    /// On the blank before it.
    Blank,
    /// On the character before it, with this place in that position's list.
    Other(u8),
}

/// In `from_blank`: the path was on the blank already.
const STAY: u8 = u8::MAX;

impl Steps<'_> {
    pub fn count(&self) -> usize {
        self.log.len() / self.letters
    }

    pub fn at(&self, step: usize) -> &[f32] {
        &self.log[step * self.letters..][..self.letters]
    }
}

impl Search {
    /// The best path through `pattern`; `None` when the steps are too few for it.
    pub fn best(&mut self, pattern: &Pattern, steps: &Steps<'_>) -> Option<Aligned> {
        let positions = &pattern.positions;
        let offsets = offsets(positions);
        let states = offsets[positions.len()];
        self.prepare(states, positions.len(), steps.count());
        for step in 0..steps.count() {
            self.advance(positions, &offsets, step, steps.at(step));
        }
        self.trace(positions, &offsets, steps.count())
    }

    fn prepare(&mut self, states: usize, positions: usize, steps: usize) {
        self.on.clear();
        self.on.resize(states, f32::NEG_INFINITY);
        self.blank.clear();
        self.blank.resize(positions + 1, f32::NEG_INFINITY);
        self.blank[0] = 0.0;
        self.from_on.clear();
        self.from_on.resize(states * steps, Origin::Stay);
        self.from_blank.clear();
        self.from_blank.resize((positions + 1) * steps, STAY);
    }

    /// One step along the strip. Positions go from last to first, so that each still finds the
    /// step before in the position ahead of it.
    fn advance(&mut self, positions: &[Vec<Letter>], offsets: &[usize], step: usize, log: &[f32]) {
        let states = offsets[positions.len()];
        for k in (0..=positions.len()).rev() {
            let ahead = match k {
                0 => Leaders::default(),
                _ => Leaders::of(&self.on[offsets[k - 1]..offsets[k]]),
            };
            if k < positions.len() {
                self.advance_position(&positions[k], offsets[k], k, log, {
                    let row = step * states;
                    (
                        row,
                        positions.get(k.wrapping_sub(1)).map(Vec::as_slice),
                        ahead,
                    )
                });
            }
            let (stay, leave) = (self.blank[k], ahead.best);
            let origin = &mut self.from_blank[step * (positions.len() + 1) + k];
            (self.blank[k], *origin) = if leave > stay {
                (leave + log[0], ahead.best_at)
            } else {
                (stay + log[0], STAY)
            };
        }
    }

    fn advance_position(
        &mut self,
        legal: &[Letter],
        offset: usize,
        k: usize,
        log: &[f32],
        (row, before, ahead): (usize, Option<&[Letter]>, Leaders),
    ) {
        let blank = self.blank[k];
        for (i, letter) in legal.iter().enumerate() {
            let state = offset + i;
            let (mut best, mut origin) = (self.on[state], Origin::Stay);
            if blank > best {
                (best, origin) = (blank, Origin::Blank);
            }
            if let Some(before) = before {
                // The same letter twice needs a blank between.
                let (score, at) = ahead.other_than(before, *letter);
                if score > best {
                    (best, origin) = (score, Origin::Other(at));
                }
            }
            self.on[state] = best + log[*letter as usize];
            self.from_on[row + state] = origin;
        }
    }

    fn trace(&self, positions: &[Vec<Letter>], offsets: &[usize], steps: usize) -> Option<Aligned> {
        let count = positions.len();
        let states = offsets[count];
        let last = Leaders::of(&self.on[offsets[count - 1]..]);
        let score = last.best.max(self.blank[count]);
        if score == f32::NEG_INFINITY {
            return None;
        }
        let mut letters = vec![0; count];
        let mut runs = vec![(0, 0); count];
        // The state: characters emitted, and the place of the one stood on.
        let (mut emitted, mut on) = match last.best > self.blank[count] {
            true => (count, Some(last.best_at)),
            false => (count, None),
        };
        for step in (0..steps).rev() {
            let Some(at) = on else {
                let origin = self.from_blank[step * (count + 1) + emitted];
                on = (origin != STAY).then_some(origin);
                continue;
            };
            let k = emitted - 1;
            letters[k] = positions[k][at as usize];
            runs[k] = (step, runs[k].1.max(step + 1));
            match self.from_on[step * states + offsets[k] + at as usize] {
                Origin::Stay => {}
                Origin::Blank => (emitted, on) = (k, None),
                Origin::Other(before) => (emitted, on) = (k, Some(before)),
            }
        }
        Some(Aligned {
            letters,
            runs,
            score,
        })
    }
}

/// The best and the second-best of a position's scores, with their places.
#[derive(Clone, Copy)]
struct Leaders {
    best: f32,
    best_at: u8,
    second: f32,
    second_at: u8,
}

impl Default for Leaders {
    fn default() -> Leaders {
        Leaders {
            best: f32::NEG_INFINITY,
            best_at: 0,
            second: f32::NEG_INFINITY,
            second_at: 0,
        }
    }
}

impl Leaders {
    fn of(scores: &[f32]) -> Leaders {
        let mut leaders = Leaders::default();
        for (i, score) in scores.iter().enumerate() {
            if *score > leaders.best {
                (leaders.second, leaders.second_at) = (leaders.best, leaders.best_at);
                (leaders.best, leaders.best_at) = (*score, i as u8);
            } else if *score > leaders.second {
                (leaders.second, leaders.second_at) = (*score, i as u8);
            }
        }
        leaders
    }

    fn other_than(&self, letters: &[Letter], letter: Letter) -> (f32, u8) {
        if letters[self.best_at as usize] == letter {
            (self.second, self.second_at)
        } else {
            (self.best, self.best_at)
        }
    }
}

/// Where each position's letters begin in one row of states; the last is the row's length.
fn offsets(positions: &[Vec<Letter>]) -> Vec<usize> {
    let mut offsets = vec![0];
    for legal in positions {
        offsets.push(offsets[offsets.len() - 1] + legal.len());
    }
    offsets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patterns::{DEFAULT, Patterns};

    /// Steps that show `text` (`_` a blank), each with probability `sure` and the rest spread.
    fn shown(patterns: &Patterns, text: &str, sure: f32) -> Vec<f32> {
        let letters = patterns.alphabet.len();
        let known = patterns.alphabet.characters();
        let rest = ((1.0 - sure) / (letters - 1) as f32).ln();
        let mut log = Vec::new();
        for c in text.chars() {
            let mut row = vec![rest; letters];
            let at = known.iter().position(|k| *k == c).map_or(0, |i| i + 1);
            row[at] = sure.ln();
            log.extend(row);
        }
        log
    }

    fn best(text: &str, patterns: &Patterns) -> (usize, Aligned) {
        let log = shown(patterns, text, 0.95);
        let steps = Steps {
            letters: patterns.alphabet.len(),
            log: &log,
        };
        let mut search = Search::default();
        patterns
            .patterns
            .iter()
            .enumerate()
            .filter_map(|(i, p)| Some((i, search.best(p, &steps)?)))
            .max_by(|a, b| a.1.score.total_cmp(&b.1.score))
            .unwrap()
    }

    #[test]
    fn a_repeated_character_needs_its_blank() {
        let patterns = Patterns::parse(DEFAULT).unwrap();
        let (pattern, aligned) = best("_闽闽_EE_11_1_22_3_4__", &patterns);
        assert_eq!(pattern, 0);
        assert_eq!(patterns.alphabet.text(&aligned.letters), "闽E11234");
        assert_eq!(aligned.runs[0], (1, 3));
        assert_eq!(aligned.runs[6], (17, 18));
    }

    #[test]
    fn eight_characters_take_the_new_energy_pattern() {
        let patterns = Patterns::parse(DEFAULT).unwrap();
        let (pattern, aligned) = best("闽_E_D_1_2_3_4_5_", &patterns);
        assert_eq!(pattern, 1);
        assert_eq!(patterns.alphabet.text(&aligned.letters), "闽ED12345");
        let (pattern, aligned) = best("闽_E_1_2_3_4_5_F_", &patterns);
        assert_eq!(pattern, 2);
        assert_eq!(patterns.alphabet.text(&aligned.letters), "闽E12345F");
    }

    #[test]
    fn an_o_is_legal_only_in_the_second_place() {
        let patterns = Patterns::parse(DEFAULT).unwrap();
        let (_, aligned) = best("闽_O_1_2_3_4_5_", &patterns);
        assert_eq!(patterns.alphabet.text(&aligned.letters), "闽O12345");
        let (_, aligned) = best("闽_E_1_2_O_4_5_", &patterns);
        assert!(!patterns.alphabet.text(&aligned.letters).contains('O'));
    }

    #[test]
    fn too_few_steps_have_no_path() {
        let patterns = Patterns::parse(DEFAULT).unwrap();
        let log = shown(&patterns, "闽E123", 0.9);
        let steps = Steps {
            letters: patterns.alphabet.len(),
            log: &log,
        };
        assert_eq!(Search::default().best(&patterns.patterns[0], &steps), None);
    }

    #[test]
    fn a_score_is_the_sum_along_its_path() {
        let patterns = Patterns::parse(DEFAULT).unwrap();
        let (_, aligned) = best("使_1_2_3_4_5_6", &patterns);
        assert!((aligned.score - 13.0 * 0.95_f32.ln()).abs() < 1e-3);
    }
}
