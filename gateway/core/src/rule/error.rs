//! A mistake in a rule file: where it is, what was found, what is allowed, what was meant.

use crate::name::Name;
use crate::rule::{MOST_RULES, RuleFile};

/// One mistake. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {what}; allowed: {allowed}{}", suggested(.suggestion))]
pub struct RuleError {
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub what: String,
    pub allowed: String,
    pub suggestion: Option<String>,
}

fn suggested(suggestion: &Option<String>) -> String {
    match suggestion {
        Some(text) => format!("; did you mean {text}?"),
        None => String::new(),
    }
}

impl RuleError {
    pub(super) fn place(&self) -> (&str, usize, usize) {
        (&self.file, self.line, self.column)
    }
}

/// Where something stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub file: String,
    pub line: usize,
    pub column: usize,
}

impl Position {
    pub fn of(file: &str, text: &str, offset: usize) -> Position {
        let before = text.get(..offset.min(text.len())).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Position {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    pub fn error(&self, what: impl Into<String>, allowed: impl Into<String>) -> RuleError {
        RuleError {
            file: self.file.clone(),
            line: self.line,
            column: self.column,
            what: what.into(),
            allowed: allowed.into(),
            suggestion: None,
        }
    }

    /// For a word that is none of those known: names them, and the nearest one.
    pub fn unknown(&self, what: &str, found: &str, known: &[&str]) -> RuleError {
        let mut error = self.error(format!("{what} `{found}` is not known"), known.join(", "));
        error.suggestion = nearest(found, known).map(|word| format!("`{word}`"));
        error
    }
}

pub(super) fn twice(position: &Position, id: &Name, first: &Position) -> RuleError {
    position.error(
        format!(
            "rule id `{id}` was used before at {}:{}",
            first.file, first.line
        ),
        "each id once",
    )
}

pub(super) fn too_many(files: &[RuleFile<'_>], count: usize) -> RuleError {
    let file = files.last().map(|file| file.name).unwrap_or_default();
    Position::of(file, "", 0).error(
        format!("{count} rules"),
        format!("at most {MOST_RULES} rules in all files together"),
    )
}

/// The known word with the fewest edits, if it is near at all.
pub(super) fn nearest<'a>(found: &str, known: &[&'a str]) -> Option<&'a str> {
    let bound = 1 + found.chars().count() / 3;
    known
        .iter()
        .map(|word| (edits(found, word), *word))
        .min()
        .filter(|(distance, _)| *distance <= bound)
        .map(|(_, word)| word)
}

/// Levenshtein's distance in characters.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
