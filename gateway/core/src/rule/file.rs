//! Rule files as written: TOML with spans, walked by hand so that all mistakes are told at once.

use sha2::{Digest, Sha256};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::alert::{Message, Severity};
use crate::decision::Verdict;
use crate::name::Name;
use crate::order::Role;
use crate::rule::cases::{self, Case};
use crate::rule::error::{Position, RuleError};
use crate::rule::{LanePattern, Lanes, Rule, RuleAlert, compile};
use crate::site::{Direction, Lane, LaneKind, Need};

/// A rule file: the name for messages, and its text.
#[derive(Clone, Copy, Debug)]
pub struct RuleFile<'a> {
    pub name: &'a str,
    pub text: &'a str,
}

const RULE_KEYS: [&str; 9] = [
    "id", "title", "lanes", "when", "verdict", "again", "rest_s", "alert", "cases",
];
/// Longest rest before something is given once more, seconds.
const MOST_REST_S: u32 = 900;
const VERDICTS: [(&str, Verdict); 3] = [
    ("admit", Verdict::Admit),
    ("hold", Verdict::Hold),
    ("refuse", Verdict::Refuse),
];
const SEVERITIES: [(&str, Severity); 3] = [
    ("notice", Severity::Notice),
    ("warning", Severity::Warning),
    ("critical", Severity::Critical),
];
const ROLES: [(&str, Role); 6] = [
    ("guard", Role::Guard),
    ("grid_worker", Role::GridWorker),
    ("police", Role::Police),
    ("property", Role::Property),
    ("technician", Role::Technician),
    ("auditor", Role::Auditor),
];
const NEEDS: [(&str, Need); 4] = [
    ("plate", Need::Plate),
    ("card", Need::Card),
    ("temperature", Need::Temperature),
    ("pass", Need::Pass),
];
type Kinds = (Option<LaneKind>, Option<Direction>);
const KINDS: [(&str, Kinds); 8] = [
    ("vehicle", (Some(LaneKind::Vehicle), None)),
    ("pedestrian", (Some(LaneKind::Pedestrian), None)),
    ("entry", (None, Some(Direction::Entry))),
    ("exit", (None, Some(Direction::Exit))),
    (
        "vehicle_entry",
        (Some(LaneKind::Vehicle), Some(Direction::Entry)),
    ),
    (
        "vehicle_exit",
        (Some(LaneKind::Vehicle), Some(Direction::Exit)),
    ),
    (
        "pedestrian_entry",
        (Some(LaneKind::Pedestrian), Some(Direction::Entry)),
    ),
    (
        "pedestrian_exit",
        (Some(LaneKind::Pedestrian), Some(Direction::Exit)),
    ),
];

/// 16 hex digits of SHA-256 over the texts, each with its length before it.
pub(super) fn version(files: &[RuleFile<'_>]) -> String {
    let mut hash = Sha256::new();
    for file in files {
        hash.update((file.text.len() as u64).to_le_bytes());
        hash.update(file.text.as_bytes());
    }
    let digest = hash.finalize();
    digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Reads the rules of one file with their cases and positions; mistakes go to `errors`.
pub(super) fn read(
    file: &RuleFile<'_>,
    lanes: &[Lane],
    errors: &mut Vec<RuleError>,
) -> Vec<(Rule, Vec<Case>, Position)> {
    let (table, broken) = DeTable::parse_recoverable(file.text);
    let mut reader = Reader {
        file: file.name,
        text: file.text,
        lanes,
        errors,
    };
    for error in broken {
        let at = error.span().map_or(0, |span| span.start);
        let error = reader.at(at).error(error.message(), "TOML");
        reader.errors.push(error);
    }
    let mut rules = Vec::new();
    for (key, value) in table.get_ref() {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("rule", DeValue::Array(array)) => {
                for item in array.iter() {
                    rules.extend(reader.rule(item));
                }
            }
            (other, _) => reader.unknown_key(key, other, &["[[rule]]"]),
        }
    }
    rules
}

/// Where mistakes are told while one file is read.
pub(super) struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    pub lanes: &'a [Lane],
    pub errors: &'a mut Vec<RuleError>,
}

pub(super) type Value<'i> = Spanned<DeValue<'i>>;

impl Reader<'_> {
    pub fn at(&self, offset: usize) -> Position {
        Position::of(self.file, self.text, offset)
    }

    pub fn unknown_key<T>(&mut self, key: &Spanned<T>, found: &str, known: &[&str]) {
        let error = self.at(key.span().start).unknown("key", found, known);
        self.errors.push(error);
    }

    pub fn wrong(&mut self, value: &Value<'_>, allowed: &str) {
        let what = format!("found {}", value.get_ref().type_str());
        let error = self.at(value.span().start).error(what, allowed);
        self.errors.push(error);
    }

    pub fn text(&mut self, value: &Value<'_>, allowed: &str) -> Option<String> {
        match value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            _ => {
                self.wrong(value, allowed);
                None
            }
        }
    }

    /// One word out of a table of words.
    pub fn word<T: Copy>(
        &mut self,
        what: &str,
        value: &Value<'_>,
        known: &[(&str, T)],
    ) -> Option<T> {
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        let text = self.text(value, &words.join(", "))?;
        let found = known.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let position = self.at(value.span().start);
            self.errors.push(position.unknown(what, &text, &words));
        }
        found.map(|(_, meaning)| *meaning)
    }

    fn required<'v, 'i>(
        &mut self,
        table: &'v DeTable<'i>,
        at: usize,
        key: &str,
        allowed: &str,
    ) -> Option<&'v Value<'i>> {
        let value = table.get(key);
        if value.is_none() {
            let error = self.at(at).error(format!("`{key}` is not there"), allowed);
            self.errors.push(error);
        }
        value
    }

    pub fn keys(&mut self, table: &DeTable<'_>, known: &[&str]) {
        for key in table.keys() {
            let name: &str = key.get_ref();
            if !known.contains(&name) {
                let name = name.to_owned();
                self.unknown_key(key, &name, known);
            }
        }
    }

    fn rule(&mut self, item: &Value<'_>) -> Option<(Rule, Vec<Case>, Position)> {
        let at = item.span().start;
        let DeValue::Table(table) = item.get_ref() else {
            self.wrong(item, "[[rule]] tables");
            return None;
        };
        self.keys(table, &RULE_KEYS);
        let id = self.required(table, at, "id", "a name such as `resident-vehicle`");
        let id = id.and_then(|value| self.name(value));
        let title = self.required(table, at, "title", "{ zh = \"…\", en = \"…\" }");
        let title = title.and_then(|value| self.message(value));
        let verdict = self.required(table, at, "verdict", "admit, hold or refuse");
        let verdict = verdict.and_then(|value| self.word("verdict", value, &VERDICTS));
        let when = self.required(table, at, "when", "a CEL expression over the facts");
        let when = when.and_then(|value| self.condition(value));
        let again = table.get("again");
        if let (Some(value), Some(Verdict::Admit)) = (again, verdict) {
            let what = "`again` on a rule that admits";
            let error = self.at(value.span().start);
            self.errors
                .push(error.error(what, "only on hold and refuse"));
        }
        let again = again.and_then(|value| self.word("need", value, &NEEDS));
        let rest = table.get("rest_s");
        if let (Some(value), None) = (rest, again) {
            let error = self
                .at(value.span().start)
                .error("`rest_s` without `again`", "both");
            self.errors.push(error);
        }
        let rest_s = rest.and_then(|value| self.seconds(value));
        let lanes = match table.get("lanes") {
            Some(value) => self.lanes(value),
            None => Lanes::All,
        };
        let alert = table.get("alert").and_then(|value| self.alert(value));
        let its_cases = match table.get("cases") {
            Some(value) => cases::read(self, value),
            None => Vec::new(),
        };
        let (text, node) = when?;
        let rule = Rule {
            id: id?,
            title: title?,
            lanes,
            when: text,
            verdict: verdict?,
            again,
            rest_ms: rest_s.unwrap_or(0) * 1_000,
            alert,
            node,
        };
        Some((rule, its_cases, self.at(at)))
    }

    fn seconds(&mut self, value: &Value<'_>) -> Option<u32> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => number.as_str().parse().ok(),
            _ => None,
        };
        let seconds = number.filter(|seconds| (1..=MOST_REST_S).contains(seconds));
        if seconds.is_none() {
            let error = self
                .at(value.span().start)
                .error("not a rest", "1 to 900 seconds");
            self.errors.push(error);
        }
        seconds
    }

    fn name(&mut self, value: &Value<'_>) -> Option<Name> {
        const ALLOWED: &str = "1 to 64 characters of a-z A-Z 0-9 - _ . /";
        let text = self.text(value, ALLOWED)?;
        let fine = |b: u8| b.is_ascii_alphanumeric() || b"-_./".contains(&b);
        if text.is_empty() || text.len() > 64 || !text.bytes().all(fine) {
            let error = self.at(value.span().start).error("not a name", ALLOWED);
            self.errors.push(error);
            return None;
        }
        Some(Name::new(&text))
    }

    fn message(&mut self, value: &Value<'_>) -> Option<Message> {
        const ALLOWED: &str = "{ zh = \"…\", en = \"…\" }";
        let DeValue::Table(table) = value.get_ref() else {
            self.wrong(value, ALLOWED);
            return None;
        };
        self.keys(table, &["zh", "en"]);
        let at = value.span().start;
        let zh = self.required(table, at, "zh", ALLOWED);
        let zh = zh.and_then(|value| self.text(value, "text"));
        let en = self.required(table, at, "en", ALLOWED);
        let en = en.and_then(|value| self.text(value, "text"));
        Some(Message { zh: zh?, en: en? })
    }

    fn condition(&mut self, value: &Value<'_>) -> Option<(String, compile::Node)> {
        let text = self.text(value, "a CEL expression over the facts")?;
        match compile::compile(&text) {
            Ok(node) => Some((text, node)),
            Err(mistakes) => {
                let start = self.inside(value);
                for mistake in mistakes {
                    let mut error = self
                        .at(start + mistake.offset)
                        .error(mistake.what, mistake.allowed);
                    error.suggestion = mistake.suggestion;
                    self.errors.push(error);
                }
                None
            }
        }
    }

    /// Where the text of a string begins behind its quotes.
    fn inside(&self, value: &Value<'_>) -> usize {
        let span = value.span();
        let raw = self.text.get(span.clone()).unwrap_or_default();
        let quotes = if raw.starts_with("\"\"\"") || raw.starts_with("'''") {
            // A line's end right behind three quotes is not part of the text.
            3 + usize::from(raw[3..].starts_with('\n'))
        } else {
            1
        };
        span.start + quotes
    }

    fn lanes(&mut self, value: &Value<'_>) -> Lanes {
        let DeValue::Array(array) = value.get_ref() else {
            self.wrong(value, "a list of lanes or kinds of lanes");
            return Lanes::All;
        };
        if array.is_empty() {
            let error = self.at(value.span().start).error(
                "`lanes` is empty: the rule would be for none",
                "at least one lane or kind; without `lanes` a rule is for all",
            );
            self.errors.push(error);
        }
        let mut known: Vec<&str> = self.lanes.iter().map(|lane| lane.id.as_str()).collect();
        known.extend(KINDS.iter().map(|(word, _)| *word));
        let mut patterns = Vec::new();
        for item in array.iter() {
            let Some(text) = self.text(item, &known.join(", ")) else {
                continue;
            };
            let kind = KINDS.iter().find(|(word, _)| *word == text);
            if self.lanes.iter().any(|lane| lane.id.as_str() == text) {
                patterns.push(LanePattern::Id(Name::new(&text)));
            } else if let Some((_, (kind, direction))) = kind {
                patterns.push(LanePattern::Kind(*kind, *direction));
            } else {
                let error = self.at(item.span().start).unknown("lane", &text, &known);
                self.errors.push(error);
            }
        }
        Lanes::Some(patterns)
    }

    fn alert(&mut self, value: &Value<'_>) -> Option<RuleAlert> {
        let DeValue::Table(table) = value.get_ref() else {
            self.wrong(value, "{ severity, roles, message }");
            return None;
        };
        self.keys(table, &["severity", "roles", "message"]);
        let at = value.span().start;
        let severity = self.required(table, at, "severity", "notice, warning or critical");
        let severity = severity.and_then(|value| self.word("severity", value, &SEVERITIES));
        let roles = self.required(table, at, "roles", "a list of roles");
        let roles = roles.and_then(|value| self.roles(value));
        let message = self.required(table, at, "message", "{ zh = \"…\", en = \"…\" }");
        let message = message.and_then(|value| self.message(value));
        Some(RuleAlert {
            severity: severity?,
            roles: roles?,
            message: message?,
        })
    }

    fn roles(&mut self, value: &Value<'_>) -> Option<Vec<Role>> {
        let DeValue::Array(array) = value.get_ref() else {
            self.wrong(value, "a list of roles");
            return None;
        };
        let roles: Vec<Option<Role>> = array
            .iter()
            .map(|item| self.word("role", item, &ROLES))
            .collect();
        roles.into_iter().collect()
    }
}
