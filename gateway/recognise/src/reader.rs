//! What a plate says: the reader's probabilities along the strip, and the texts they allow.

use std::sync::Arc;

use gateway_core::plate::{PlateColour, PlateKind};
use ort::environment::Environment;

use crate::confidence::{self, Votes};
use crate::error::{Error, Result};
use crate::grammar::{Aligned, Search, Steps};
use crate::models::Models;
use crate::patterns::Patterns;
use crate::session::{Model, Watch, output};

/// Width and height of the strip that the reader looks at, whatever the plate's aspect.
pub const STRIP: (u32, u32) = (152, 48);
/// BGR bytes of such a strip.
pub const STRIP_BYTES: usize = STRIP.0 as usize * STRIP.1 as usize * 3;

/// What follows the strip up to here is zero; without it the reader reads worse.
const WIDTH: usize = 320;
const HEIGHT: usize = STRIP.1 as usize;
const STEPS: usize = WIDTH / 8;
const ROLE: &str = "reader";

/// Marks that stand between characters and say nothing.
const SILENT: &[char] = &['·', '•', '・', '.', '-', ' '];

/// Probabilities below this are taken as this.
const LEAST: f32 = 1e-10;

/// One strip as read.
pub struct Reading {
    pub text: String,
    pub kind: PlateKind,
    /// The minimum over the characters, 0 to 1.
    pub confidence: f32,
    /// Other texts with their confidence, best first.
    pub others: Vec<(String, f32)>,
    /// What the frame says of each position; `None` when the text is raw.
    pub votes: Option<Votes>,
}

pub struct Reader {
    model: Model,
    output: String,
    labels: Labels,
    patterns: Arc<Patterns>,
    search: Search,
    input: Vec<f32>,
    log: Vec<f32>,
}

impl Reader {
    pub fn load(environment: &Environment, models: &Models, patterns: Patterns) -> Result<Reader> {
        let model = Model::load(environment, ROLE, &models.reader)?;
        let text = model.label_text("character").unwrap_or_default();
        Ok(Reader {
            labels: Labels::new(&text, &patterns)?,
            output: model.first_output(),
            model,
            patterns: Arc::new(patterns),
            search: Search::default(),
            input: vec![0.0; 3 * HEIGHT * WIDTH],
            log: Vec::new(),
        })
    }

    /// Reads a strip of `STRIP_BYTES` BGR bytes; its colour helps to choose between patterns.
    pub fn read(&mut self, watch: &Watch, strip: &[u8], colour: PlateColour) -> Result<Reading> {
        put_strip(strip, &mut self.input);
        let (labels, log) = (&self.labels, &mut self.log);
        let raw = self
            .model
            .run(watch, [1, 3, HEIGHT, WIDTH], &self.input, |outputs| {
                let count = STEPS * labels.classes();
                let probabilities = output(outputs, ROLE, &self.output, count)?;
                Ok(labels.gather(probabilities, log))
            })?;
        Ok(self.reading(&raw, colour))
    }

    /// The bare model call on the last input, for comparison with `read`.
    pub fn bare(&mut self, watch: &Watch) -> Result<()> {
        self.model
            .run(watch, [1, 3, HEIGHT, WIDTH], &self.input, |_| Ok(()))
    }

    pub fn patterns(&self) -> &Arc<Patterns> {
        &self.patterns
    }

    fn reading(&mut self, raw: &Raw, colour: PlateColour) -> Reading {
        let steps = Steps {
            letters: self.patterns.alphabet.len(),
            log: &self.log,
        };
        let mut best: Option<(usize, Aligned, f32)> = None;
        for (i, pattern) in self.patterns.patterns.iter().enumerate() {
            let Some(aligned) = self.search.best(pattern, &steps) else {
                continue;
            };
            let kind = self.patterns.kind(i, &aligned.letters);
            let gap = match self.patterns.agree(kind, colour) {
                true => 0.0,
                false => self.patterns.colour_gap,
            };
            let merit = aligned.score - gap;
            if best.as_ref().is_none_or(|(_, _, most)| merit > *most) {
                best = Some((i, aligned, merit));
            }
        }
        match best {
            Some((pattern, aligned, _)) if raw.score - aligned.score <= self.patterns.raw_gap => {
                let votes = confidence::votes(&self.patterns, pattern, &aligned, &steps);
                let (confidence, mut others) = confidence::texts(&self.patterns, &votes);
                let votes = votes.weighed(confidence);
                let text = self.patterns.alphabet.text(&aligned.letters);
                others.retain(|(other, _)| *other != text);
                if raw.text != text && !others.iter().any(|(other, _)| *other == raw.text) {
                    others.push((raw.text.clone(), raw.confidence.min(confidence)));
                }
                Reading {
                    kind: self.patterns.kind(pattern, &aligned.letters),
                    text,
                    confidence,
                    others,
                    votes: Some(votes),
                }
            }
            _ => Reading {
                text: raw.text.clone(),
                kind: PlateKind::Raw,
                confidence: raw.confidence,
                others: Vec::new(),
                votes: None,
            },
        }
    }
}

/// What the reader saw with no grammar at all.
struct Raw {
    text: String,
    /// Natural logarithm of the likelihood of the best class at each step.
    score: f32,
    /// The minimum over the characters, 0 to 1.
    confidence: f32,
}

/// The reader's classes: 0 is the blank, then one for each line of its table, the last the space.
struct Labels {
    /// Character of each class; that of the blank is the space.
    characters: Vec<char>,
    /// Class of each letter of the alphabet, without the blank.
    classes: Vec<usize>,
    /// Classes that count as blank.
    silent: Vec<usize>,
}

impl Labels {
    fn new(table: &str, patterns: &Patterns) -> Result<Labels> {
        let mut characters = vec![' '];
        characters.extend(table.lines().map(|line| line.chars().next().unwrap_or(' ')));
        characters.push(' ');
        let class = |character: &char| {
            characters
                .iter()
                .position(|c| c == character)
                .ok_or(Error::Label {
                    character: *character,
                })
        };
        let letters = patterns.alphabet.characters();
        let classes = letters.iter().map(class).collect::<Result<Vec<_>>>()?;
        let silent = (0..characters.len())
            .filter(|i| SILENT.contains(&characters[*i]))
            .collect();
        Ok(Labels {
            characters,
            classes,
            silent,
        })
    }

    fn classes(&self) -> usize {
        self.characters.len()
    }

    /// Writes the logarithms of the letters that matter, step by step, and reads what is there
    /// without any grammar.
    fn gather(&self, probabilities: &[f32], log: &mut Vec<f32>) -> Raw {
        log.clear();
        let mut raw = Raw {
            text: String::new(),
            score: 0.0,
            confidence: 1.0,
        };
        // The class stood on, and the best probability of its run.
        let (mut on, mut peak) = (0, 0.0_f32);
        for row in probabilities.chunks_exact(self.classes()) {
            let blank = self.silent.iter().map(|i| row[*i]).sum::<f32>();
            log.push(blank.max(LEAST).ln());
            log.extend(self.classes.iter().map(|i| row[*i].max(LEAST).ln()));
            let (class, probability) = self.best(row, blank);
            raw.score += probability.max(LEAST).ln();
            if class == on {
                peak = peak.max(probability);
                continue;
            }
            raw.finish(self.characters[on], on, peak);
            (on, peak) = (class, probability);
        }
        raw.finish(self.characters[on], on, peak);
        if raw.text.is_empty() {
            raw.confidence = 0.0;
        }
        raw
    }

    /// The most likely class of a step, 0 for the blank and all that counts as one.
    fn best(&self, row: &[f32], blank: f32) -> (usize, f32) {
        // Probabilities sum to one: more than half leaves no rival.
        if blank > 0.5 {
            return (0, blank);
        }
        let mut best = (0, blank);
        for class in &self.classes {
            if row[*class] > best.1 {
                best = (*class, row[*class]);
            }
        }
        if best.1 > 0.5 {
            return best;
        }
        for (class, probability) in row.iter().enumerate() {
            if *probability > best.1 && !self.silent.contains(&class) {
                best = (class, *probability);
            }
        }
        best
    }
}

impl Raw {
    fn finish(&mut self, character: char, class: usize, peak: f32) {
        if class != 0 {
            self.text.push(character);
            self.confidence = self.confidence.min(peak);
        }
    }
}

/// Strip bytes to the left of the model's input, from -1 to 1; the rest of it stays zero.
fn put_strip(strip: &[u8], input: &mut [f32]) {
    let width = STRIP.0 as usize;
    for (channel, plane) in input.chunks_exact_mut(HEIGHT * WIDTH).enumerate() {
        let rows = plane
            .chunks_exact_mut(WIDTH)
            .zip(strip.chunks_exact(width * 3));
        for (target, source) in rows {
            for (value, pixel) in target.iter_mut().zip(source.chunks_exact(3)) {
                *value = f32::from(pixel[channel]) / 127.5 - 1.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patterns::DEFAULT;

    fn labels(table: &str) -> Result<Labels> {
        Labels::new(table, &Patterns::parse(DEFAULT).unwrap())
    }

    fn whole_table() -> String {
        let patterns = Patterns::parse(DEFAULT).unwrap();
        let mut lines = vec!["·".to_owned(), "李".to_owned()];
        lines.extend(patterns.alphabet.characters().iter().map(char::to_string));
        lines.join("\n")
    }

    /// Rows in which each character of `text` (`_` the blank) is nearly sure.
    fn rows(labels: &Labels, text: &str) -> Vec<f32> {
        let mut rows = Vec::new();
        for c in text.chars() {
            let mut row = vec![0.0; labels.classes()];
            let class = labels.characters.iter().position(|l| *l == c).unwrap_or(0);
            row[class] = 0.9;
            rows.extend(row);
        }
        rows
    }

    #[test]
    fn a_character_that_the_reader_lacks_is_named() {
        let error = labels("a\nb").err().unwrap();
        assert!(matches!(error, Error::Label { character: '京' }), "{error}");
    }

    #[test]
    fn the_dot_says_nothing_and_a_foreign_character_stays_visible() {
        let labels = labels(&whole_table()).unwrap();
        let mut log = Vec::new();
        let raw = labels.gather(&rows(&labels, "_李李_A·11_1_"), &mut log);
        assert_eq!(raw.text, "李A11");
        assert!((raw.confidence - 0.9).abs() < 1e-6);
        // The dot's step, the sixth, counts as blank.
        let letters = labels.classes.len() + 1;
        assert!((log[5 * letters] - 0.9_f32.ln()).abs() < 1e-6);
    }

    #[test]
    fn the_strip_stands_left_and_zeros_follow() {
        let mut input = vec![0.0; 3 * HEIGHT * WIDTH];
        put_strip(&vec![255; STRIP_BYTES], &mut input);
        assert_eq!(input[STRIP.0 as usize - 1], 1.0);
        assert_eq!(input[STRIP.0 as usize], 0.0);
        assert_eq!(input[HEIGHT * WIDTH * 2 + WIDTH * 47 + 151], 1.0);
    }
}
