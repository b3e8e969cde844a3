//! The configuration as written: TOML tables whose keys are asked for one by one, with every mistake
//! collected beside its place and unknown keys named at the end.

use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::mistake::Mistake;
use crate::nearest::nearest;

/// Where in the file's text, in bytes.
pub(crate) type Span = Range<usize>;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Found<T> {
    pub value: T,
    pub span: Span,
}

/// A file's text, and the mistakes found in it so far.
pub(crate) struct File<'t> {
    pub path: &'t Path,
    text: &'t str,
    mistakes: RefCell<Vec<Mistake>>,
}

/// One table of the file.
pub(crate) struct Table<'a> {
    pub file: &'a File<'a>,
    /// As a message calls it: `[gateway]`, `[[lane]]`.
    pub name: String,
    pub span: Span,
    entries: &'a DeTable<'a>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'t> File<'t> {
    pub fn new(path: &'t Path, text: &'t str) -> File<'t> {
        File {
            path,
            text: text.strip_prefix('\u{feff}').unwrap_or(text),
            mistakes: RefCell::default(),
        }
    }

    /// Parses the text; what is no TOML is noted, and the rest comes out all the same.
    pub fn parse(&self) -> Spanned<DeTable<'_>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            self.wrong(&span, error.message().replace('\n', ", "), "TOML");
        }
        table
    }

    pub fn wrong(&self, span: &Span, found: impl Into<String>, allowed: impl Into<String>) {
        self.note(span, found.into(), allowed.into(), None);
    }

    pub fn advise(
        &self,
        span: &Span,
        found: impl Into<String>,
        allowed: impl Into<String>,
        suggestion: impl Into<String>,
    ) {
        self.note(span, found.into(), allowed.into(), Some(suggestion.into()));
    }

    fn note(&self, span: &Span, found: String, allowed: String, suggestion: Option<String>) {
        let (line, column) = self.place(span.start);
        self.mistakes.borrow_mut().push(Mistake {
            file: self.path.to_owned(),
            line,
            column,
            found,
            allowed,
            suggestion,
        });
    }

    /// Line and column of a byte, both from 1, the column in characters.
    pub fn place(&self, at: usize) -> (usize, usize) {
        let at = at.min(self.text.len());
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (line, before[start..].chars().count() + 1)
    }

    /// A path written in this file, from where it will be opened.
    pub fn beside(&self, written: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(written)
    }

    pub fn add(&self, mistakes: impl IntoIterator<Item = Mistake>) {
        self.mistakes.borrow_mut().extend(mistakes);
    }

    pub fn into_mistakes(self) -> Vec<Mistake> {
        self.mistakes.into_inner()
    }
}

impl<'a> Table<'a> {
    pub fn root(file: &'a File<'a>, parsed: &'a Spanned<DeTable<'a>>) -> Table<'a> {
        Table::new(file, "this file".to_owned(), parsed.get_ref(), 0..0)
    }

    fn new(file: &'a File<'a>, name: String, entries: &'a DeTable<'a>, span: Span) -> Table<'a> {
        Table {
            file,
            name,
            span,
            entries,
            asked: RefCell::default(),
        }
    }

    fn get(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.borrow_mut().push(key);
        self.peek(key)
    }

    fn peek(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.entries
            .iter()
            .find(|(name, _)| name.get_ref().as_ref() == key)
            .map(|(_, value)| value)
    }

    /// Where a key's value stands; the table's own place without it.
    pub fn span_of(&self, key: &str) -> Span {
        self.peek(key).map_or(self.span.clone(), Spanned::span)
    }

    pub fn has(&self, key: &str) -> bool {
        self.peek(key).is_some()
    }

    pub fn is_table(&self, key: &str) -> bool {
        self.peek(key)
            .is_some_and(|value| value.get_ref().is_table())
    }

    fn expected(&self, key: &str, value: &Spanned<DeValue<'_>>, allowed: &str) {
        self.file.wrong(
            &value.span(),
            format!("`{key}` of {} is {}", self.name, describe(value.get_ref())),
            allowed,
        );
    }

    /// Notes that a key must be there.
    pub fn missing(&self, key: &str, allowed: &str) {
        self.file.wrong(
            &self.span,
            format!("{} has no `{key}`", self.name),
            format!("`{key}` = {allowed}"),
        );
    }

    pub fn text(&self, key: &'static str, allowed: &str) -> Option<Found<String>> {
        let value = self.get(key)?;
        match value.get_ref().as_str() {
            Some(text) if !text.is_empty() => Some(Found {
                value: text.to_owned(),
                span: value.span(),
            }),
            _ => {
                self.expected(key, value, allowed);
                None
            }
        }
    }

    pub fn required_text(&self, key: &'static str, allowed: &str) -> Option<Found<String>> {
        if !self.has(key) {
            self.asked.borrow_mut().push(key);
            self.missing(key, allowed);
            return None;
        }
        self.text(key, allowed)
    }

    pub fn boolean(&self, key: &'static str, default: bool) -> bool {
        let Some(value) = self.get(key) else {
            return default;
        };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.expected(key, value, "true or false");
            default
        })
    }

    pub fn integer(&self, key: &'static str, range: RangeInclusive<i64>) -> Option<Found<i64>> {
        let value = self.get(key)?;
        let allowed = format!("a whole number from {} to {}", range.start(), range.end());
        match integer(value.get_ref()) {
            Some(number) if range.contains(&number) => Some(Found {
                value: number,
                span: value.span(),
            }),
            _ => {
                self.expected(key, value, &allowed);
                None
            }
        }
    }

    /// A number with or without a point, in thousandths.
    pub fn thousandths(&self, key: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        let value = self.get(key)?;
        let number = match value.get_ref() {
            DeValue::Float(float) => float.as_str().replace('_', "").parse::<f64>().ok(),
            other => integer(other).map(|whole| whole as f64),
        };
        let milli = number.map(|number| (number * 1000.0).round() as i64);
        if let Some(milli) = milli.filter(|milli| range.contains(milli)) {
            return Some(milli);
        }
        let end = |milli: i64| milli as f64 / 1000.0;
        let allowed = format!(
            "a number from {} to {}",
            end(*range.start()),
            end(*range.end())
        );
        self.expected(key, value, &allowed);
        None
    }

    /// One of a few words.
    pub fn choice<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<Found<T>> {
        let value = self.get(key)?;
        self.pick(key, value, words)
    }

    pub fn required_choice<T: Copy>(
        &self,
        key: &'static str,
        words: &[(&str, T)],
    ) -> Option<Found<T>> {
        if !self.has(key) {
            self.asked.borrow_mut().push(key);
            self.missing(key, &alternatives(words.iter().map(|(word, _)| *word)));
            return None;
        }
        self.choice(key, words)
    }

    /// A list of some of a few words, each once.
    pub fn choices<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<Vec<T>> {
        let value = self.get(key)?;
        let Some(list) = value.get_ref().as_array() else {
            self.expected(key, value, "a list of words");
            return None;
        };
        let picked = list.iter().map(|item| self.pick(key, item, words));
        picked.map(|found| found.map(|f| f.value)).collect()
    }

    fn pick<T: Copy>(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        words: &[(&str, T)],
    ) -> Option<Found<T>> {
        let text = value.get_ref().as_str();
        if let Some((_, meant)) = words.iter().find(|(word, _)| Some(*word) == text) {
            return Some(Found {
                value: *meant,
                span: value.span(),
            });
        }
        let allowed = alternatives(words.iter().map(|(word, _)| *word));
        let found = format!("`{key}` of {} is {}", self.name, describe(value.get_ref()));
        let near = text.and_then(|text| nearest(text, words.iter().map(|(word, _)| *word)));
        match near {
            Some(near) => {
                let suggestion = format!("did you mean \"{near}\"?");
                self.file.advise(&value.span(), found, allowed, suggestion);
            }
            None => self.file.wrong(&value.span(), found, allowed),
        }
        None
    }

    /// A list of texts, or a single one; what is a number or truth value is taken as text.
    pub fn texts(&self, key: &'static str) -> Option<Vec<Found<String>>> {
        let value = self.get(key)?;
        let single = std::slice::from_ref(value);
        let list: &[Spanned<DeValue<'_>>] = match value.get_ref().as_array() {
            Some(list) => list,
            None => single,
        };
        let mut texts = Vec::new();
        for item in list {
            let text = match item.get_ref() {
                DeValue::String(text) => text.to_string(),
                DeValue::Integer(number) => number.as_str().to_owned(),
                DeValue::Float(number) => number.as_str().to_owned(),
                DeValue::Boolean(truth) => truth.to_string(),
                _ => {
                    self.expected(key, item, "a list of texts");
                    return None;
                }
            };
            texts.push(Found {
                value: text,
                span: item.span(),
            });
        }
        Some(texts)
    }

    /// A list of pairs of whole numbers.
    pub fn pairs(&self, key: &'static str, most: i64) -> Option<Found<Vec<[u16; 2]>>> {
        let value = self.get(key)?;
        let pair = |item: &Spanned<DeValue<'_>>| -> Option<[u16; 2]> {
            let numbers: Vec<u16> = item
                .get_ref()
                .as_array()?
                .iter()
                .map(|n| integer(n.get_ref()).filter(|n| (0..=most).contains(n)))
                .map(|n| n.and_then(|n| u16::try_from(n).ok()))
                .collect::<Option<_>>()?;
            numbers.try_into().ok()
        };
        let pairs = value
            .get_ref()
            .as_array()
            .and_then(|list| list.iter().map(pair).collect::<Option<Vec<_>>>());
        if pairs.is_none() {
            let allowed = format!("a list of corners [x, y], each from 0 to {most}");
            self.expected(key, value, &allowed);
        }
        pairs.map(|pairs| Found {
            value: pairs,
            span: value.span(),
        })
    }

    pub fn table(&self, key: &'static str) -> Option<Table<'a>> {
        let value = self.get(key)?;
        match value.get_ref().as_table() {
            Some(entries) => Some(Table::new(
                self.file,
                format!("[{key}]"),
                entries,
                value.span(),
            )),
            None => {
                self.expected(key, value, &format!("a table [{key}]"));
                None
            }
        }
    }

    pub fn tables(&self, key: &'static str) -> Vec<Table<'a>> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let Some(list) = value.get_ref().as_array() else {
            self.expected(key, value, &format!("tables [[{key}]]"));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in list {
            match item.get_ref().as_table() {
                Some(entries) => {
                    let name = format!("[[{key}]]");
                    tables.push(Table::new(self.file, name, entries, item.span()));
                }
                None => self.expected(key, item, &format!("tables [[{key}]]")),
            }
        }
        tables
    }

    /// A table whose keys are free, its values texts.
    pub fn free_texts(&self, key: &'static str) -> Vec<(String, Found<String>)> {
        let Some(table) = self.table(key) else {
            return Vec::new();
        };
        let mut texts = Vec::new();
        for (name, value) in table.entries.iter() {
            match value.get_ref().as_str() {
                Some(text) => texts.push((
                    name.get_ref().to_string(),
                    Found {
                        value: text.to_owned(),
                        span: value.span(),
                    },
                )),
                None => table.expected(name.get_ref(), value, "a text in quotes"),
            }
        }
        texts
    }

    /// Names the keys that nobody asked for.
    pub fn finish(self) {
        let asked = self.asked.borrow();
        for (name, _) in self.entries.iter() {
            let key = name.get_ref().as_ref();
            if asked.contains(&key) {
                continue;
            }
            let mut known: Vec<&str> = asked.clone();
            known.sort_unstable();
            known.dedup();
            let found = format!("{} knows no key `{key}`", self.name);
            match nearest(key, known.iter().copied()) {
                Some(near) => {
                    let suggestion = format!("did you mean `{near}`?");
                    let allowed = known.join(", ");
                    self.file.advise(&name.span(), found, allowed, suggestion);
                }
                None => self.file.wrong(&name.span(), found, known.join(", ")),
            }
        }
    }
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok()
}

fn alternatives<'w>(words: impl Iterator<Item = &'w str>) -> String {
    words
        .map(|word| format!("\"{word}\""))
        .collect::<Vec<_>>()
        .join(", ")
}

/// What stands there, short enough for a message.
fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.is_empty() => "an empty text".to_owned(),
        DeValue::String(text) if text.chars().count() > 60 => "a long text".to_owned(),
        DeValue::String(text) => format!("{:?}", text.as_ref()),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
