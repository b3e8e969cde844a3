//! The table of plate patterns: which characters may stand where, and what kind that makes.

use std::collections::BTreeMap;
use std::path::Path;

use gateway_core::plate::{PlateColour, PlateKind};
use serde::Deserialize;

use crate::error::{Error, Result};

/// The table that is built in; that in the models folder goes before it.
pub const DEFAULT: &str = include_str!("../../../models/patterns.toml");

/// Its name in the models folder.
const FILE: &str = "patterns.toml";

/// All characters that any pattern names. Index 0 is the blank between characters.
pub struct Alphabet {
    characters: Vec<char>,
}

/// Index of a character in the alphabet, 1 or more.
pub type Letter = u8;

/// The patterns as meant.
pub struct Patterns {
    pub alphabet: Alphabet,
    pub patterns: Vec<Pattern>,
    /// How much less likely than the raw reading a legal text may be, in natural logarithm.
    pub raw_gap: f32,
    /// How much likelier a pattern must be whose kind never has the colour of the pixels.
    pub colour_gap: f32,
    colours: BTreeMap<PlateKind, Vec<PlateColour>>,
}

pub struct Pattern {
    /// The letters allowed at each position, sorted.
    pub positions: Vec<Vec<Letter>>,
    kind: PlateKind,
    marks: Vec<(char, PlateKind)>,
}

impl Alphabet {
    /// Characters and the blank.
    pub fn len(&self) -> usize {
        self.characters.len() + 1
    }

    pub fn characters(&self) -> &[char] {
        &self.characters
    }

    pub fn character(&self, letter: Letter) -> char {
        self.characters[letter as usize - 1]
    }

    pub fn text(&self, letters: &[Letter]) -> String {
        letters.iter().map(|l| self.character(*l)).collect()
    }

    fn letter(&mut self, character: char) -> Result<Letter> {
        let known = self.characters.iter().position(|c| *c == character);
        let index = known.unwrap_or_else(|| {
            self.characters.push(character);
            self.characters.len() - 1
        });
        Letter::try_from(index + 1).map_err(|_| Error::Patterns {
            cause: "it names more than 255 characters".to_owned(),
        })
    }
}

impl Patterns {
    pub fn built_in() -> Result<Patterns> {
        Patterns::parse(DEFAULT)
    }

    /// The table in the models folder, or the one built in where there is none.
    pub fn open(dir: &Path) -> Result<Patterns> {
        let path = dir.join(FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => Patterns::parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Patterns::built_in(),
            Err(error) => Err(Error::Patterns {
                cause: format!("{} cannot be read: {error}", path.display()),
            }),
        }
    }

    pub fn parse(text: &str) -> Result<Patterns> {
        let wrong = |cause: String| Error::Patterns { cause };
        let written: Written = toml::from_str(text).map_err(|e| wrong(e.message().to_owned()))?;
        let mut alphabet = Alphabet {
            characters: Vec::new(),
        };
        let mut patterns = Vec::new();
        for pattern in &written.pattern {
            patterns.push(pattern.meant(&written.sets, &mut alphabet)?);
        }
        if patterns.is_empty() {
            return Err(wrong("it has no pattern".to_owned()));
        }
        Ok(Patterns {
            alphabet,
            patterns,
            raw_gap: written.raw_gap,
            colour_gap: written.colour_gap,
            colours: written.colours,
        })
    }

    /// The kind of a text that follows `pattern`.
    pub fn kind(&self, pattern: usize, letters: &[Letter]) -> PlateKind {
        let pattern = &self.patterns[pattern];
        let last = letters.last().map(|l| self.alphabet.character(*l));
        pattern
            .marks
            .iter()
            .find(|(mark, _)| Some(*mark) == last)
            .map_or(pattern.kind, |(_, kind)| *kind)
    }

    /// Whether plates of this kind have this colour. An unknown colour contradicts nothing.
    pub fn agree(&self, kind: PlateKind, colour: PlateColour) -> bool {
        colour == PlateColour::Unknown
            || self
                .colours
                .get(&kind)
                .is_none_or(|colours| colours.contains(&colour))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    raw_gap: f32,
    colour_gap: f32,
    sets: BTreeMap<String, String>,
    pattern: Vec<WrittenPattern>,
    #[serde(default)]
    colours: BTreeMap<PlateKind, Vec<PlateColour>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPattern {
    kind: PlateKind,
    positions: Vec<String>,
    #[serde(default)]
    marks: BTreeMap<char, PlateKind>,
}

/// More positions than any plate has; the search's cost grows with it.
const MAX_POSITIONS: usize = 10;

impl WrittenPattern {
    fn meant(&self, sets: &BTreeMap<String, String>, alphabet: &mut Alphabet) -> Result<Pattern> {
        let wrong = |cause: String| Error::Patterns { cause };
        let mut positions = Vec::new();
        for position in &self.positions {
            let (name, times) = match position.split_once('*') {
                Some((name, times)) => (
                    name,
                    times
                        .parse::<usize>()
                        .map_err(|_| wrong(format!("{position:?} does not end in a number")))?,
                ),
                None => (position.as_str(), 1),
            };
            let characters = match name.strip_prefix('=') {
                Some(literal) => literal,
                None => sets
                    .get(name)
                    .ok_or_else(|| wrong(format!("there is no set {name:?}")))?,
            };
            let mut letters = characters
                .chars()
                .map(|c| alphabet.letter(c))
                .collect::<Result<Vec<_>>>()?;
            letters.sort_unstable();
            letters.dedup();
            if letters.is_empty() || positions.len() + times > MAX_POSITIONS {
                return Err(wrong(format!(
                    "{position:?} is empty, or its pattern has more than {MAX_POSITIONS} positions"
                )));
            }
            positions.extend(std::iter::repeat_n(letters, times));
        }
        if positions.is_empty() {
            return Err(wrong("a pattern has no positions".to_owned()));
        }
        Ok(Pattern {
            positions,
            kind: self.kind,
            marks: self.marks.iter().map(|(c, k)| (*c, *k)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_table_loads() {
        let patterns = Patterns::parse(DEFAULT).unwrap();
        assert!(patterns.alphabet.len() > 74);
        assert_eq!(patterns.patterns[0].positions.len(), 7);
        assert_eq!(patterns.patterns[0].positions[1].len(), 25);
        assert!(!patterns.alphabet.characters().contains(&'I'));
    }

    #[test]
    fn a_table_may_tell_kinds_by_the_mark_in_the_last_place() {
        let table = DEFAULT.replace(
            "positions = [\"province\", \"authority\", \"serial*5\"]\n",
            "positions = [\"province\", \"authority\", \"serial*4\", \"=5学\"]\nmarks = { \"学\" = \"learner\" }\n",
        );
        let patterns = Patterns::parse(&table).unwrap();
        let letters = |text: &str| -> Vec<Letter> {
            let known = patterns.alphabet.characters();
            text.chars()
                .map(|c| known.iter().position(|k| *k == c).unwrap() as Letter + 1)
                .collect()
        };
        assert_eq!(patterns.kind(0, &letters("闽E1234学")), PlateKind::Learner);
        assert_eq!(patterns.kind(0, &letters("闽E12345")), PlateKind::Ordinary);
    }

    #[test]
    fn the_table_of_the_models_folder_goes_before_the_built_in_one() {
        let folder = tempfile::tempdir().unwrap();
        let count = |dir: &Path| Patterns::open(dir).map(|table| table.patterns.len());
        let built_in = Patterns::built_in().unwrap().patterns.len();
        assert_eq!(count(folder.path()).unwrap(), built_in);
        let more =
            format!("{DEFAULT}\n[[pattern]]\nkind = \"ordinary\"\npositions = [\"digit*4\"]\n");
        std::fs::write(folder.path().join(FILE), more).unwrap();
        let error = count(folder.path());
        assert_eq!(error.unwrap(), built_in + 1);
        std::fs::write(folder.path().join(FILE), "raw_gap = ").unwrap();
        assert!(count(folder.path()).is_err());
    }

    #[test]
    fn a_colour_that_the_kind_never_has_disagrees() {
        let patterns = Patterns::parse(DEFAULT).unwrap();
        assert!(patterns.agree(PlateKind::Ordinary, PlateColour::Blue));
        assert!(!patterns.agree(PlateKind::Ordinary, PlateColour::Green));
        assert!(patterns.agree(PlateKind::Police, PlateColour::Unknown));
        assert!(patterns.agree(PlateKind::Raw, PlateColour::Green));
    }

    #[test]
    fn a_mistake_in_the_table_is_named() {
        let text = DEFAULT.replace("\"digit*5\"", "\"digits*5\"");
        let error = Patterns::parse(&text).err().unwrap().to_string();
        assert!(error.contains("there is no set \"digits\""), "{error}");
    }
}
