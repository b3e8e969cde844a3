//! Applying a declaration to one message, with every refusal named. (P-21)

use gateway_core::plate::Card;
use gateway_core::reading::{ArmPosition, Freshness, Loop, Millidegrees, Temperature, Value};
use serde_json::Value as Json;

use super::decimal::{celsius, thousandths};
use super::{Declaration, Kind, Match, Parsed, Payload, Spelling, Unit, ValueRule, Words};

/// A sensor's message is a few hundred bytes; more than this is refused unread.
pub const MAX_BYTES: usize = 64 * 1024;
/// Brackets in brackets.
pub const MAX_DEPTH: usize = 16;

/// Millidegrees Celsius that no thermometer at a gate can have measured.
const COLDEST: i64 = -60_000;
const HOTTEST: i64 = 150_000;

/// What one message told: its values, and why some of it was refused.
///
/// One bad value takes nothing from the others; an emergency above all is never lost beside it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    pub values: Vec<Parsed>,
    pub refusals: Vec<Refusal>,
}

/// Why a message or a value in it was refused. It never holds what the message said.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    #[error("the topic is none of the declaration's")]
    WrongTopic,
    #[error("the message is empty")]
    Empty,
    #[error("the message is larger than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("the message is not UTF-8")]
    NotUtf8,
    #[error("the message is nested more than {MAX_DEPTH} deep")]
    TooDeep,
    #[error("the message is not JSON")]
    NotJson,
    /// Drift: the device's firmware writes it elsewhere now.
    #[error("nothing stands at {pointer}")]
    NoValue { pointer: String },
    #[error("what stands at {pointer} is no text, number or truth value")]
    NotAValue { pointer: String },
    #[error("the temperature is not a decimal number")]
    NotANumber,
    #[error("the number is out of every range")]
    OutOfRange,
    #[error("the card is not written as declared")]
    NotACard,
    #[error("the word is none of the declared ones")]
    UnknownWord,
}

impl Refusal {
    /// The name of the counter.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::WrongTopic => "wrong_topic",
            Refusal::Empty => "empty",
            Refusal::TooLarge => "too_large",
            Refusal::NotUtf8 => "not_utf8",
            Refusal::TooDeep => "too_deep",
            Refusal::NotJson => "not_json",
            Refusal::NoValue { .. } => "no_value",
            Refusal::NotAValue { .. } => "not_a_value",
            Refusal::NotANumber => "not_a_number",
            Refusal::OutOfRange => "out_of_range",
            Refusal::NotACard => "not_a_card",
            Refusal::UnknownWord => "unknown_word",
        }
    }

    /// Whether the device seems to speak another dialect than declared, rather than nonsense.
    pub fn is_drift(&self) -> bool {
        matches!(
            self,
            Refusal::NoValue { .. } | Refusal::NotAValue { .. } | Refusal::UnknownWord
        )
    }
}

pub(super) fn message(
    declaration: &Declaration,
    topic: &str,
    payload: &[u8],
    carriage: Freshness,
) -> Message {
    let mut read = Message::default();
    if let Err(refusal) = fill(&mut read, declaration, topic, payload, carriage) {
        read.refusals.push(refusal);
    }
    read
}

/// Reads by every rule of the topic; the error is one of the whole message.
fn fill(
    read: &mut Message,
    declaration: &Declaration,
    topic: &str,
    payload: &[u8],
    carriage: Freshness,
) -> Result<(), Refusal> {
    let rules: Vec<&ValueRule> = declaration
        .values
        .iter()
        .filter(|rule| topic_matches(&rule.topic, topic))
        .collect();
    if rules.is_empty() {
        return Err(Refusal::WrongTopic);
    }
    if payload.is_empty() {
        return Err(Refusal::Empty);
    }
    if payload.len() > MAX_BYTES {
        return Err(Refusal::TooLarge);
    }
    let text = std::str::from_utf8(payload).map_err(|_| Refusal::NotUtf8)?;
    let mut json = None;
    if rules.iter().any(|rule| rule.payload == Payload::Json) {
        match parse(text) {
            Ok(parsed) => json = Some(parsed),
            // What is read as plain text beside it stands all the same.
            Err(refusal) => read.refusals.push(refusal),
        }
    }
    let readable = |rule: &&ValueRule| rule.payload == Payload::Text || json.is_some();
    for rule in rules.into_iter().filter(readable) {
        match apply(rule, text, json.as_ref(), carriage) {
            Ok(parsed) => read.values.extend(parsed),
            Err(refusal) => read.refusals.push(refusal),
        }
    }
    Ok(())
}

/// MQTT's matching without `#`: levels are equal, or the pattern has `+`.
fn topic_matches(pattern: &str, topic: &str) -> bool {
    let (mut want, mut have) = (pattern.split('/'), topic.split('/'));
    loop {
        match (want.next(), have.next()) {
            (None, None) => return true,
            (Some(w), Some(h)) if w == h || w == "+" => {}
            _ => return false,
        }
    }
}

fn parse(text: &str) -> Result<Json, Refusal> {
    if depth(text) > MAX_DEPTH {
        return Err(Refusal::TooDeep);
    }
    serde_json::from_str(text).map_err(|_| Refusal::NotJson)
}

/// The deepest nesting of brackets outside strings.
fn depth(text: &str) -> usize {
    let (mut now, mut most, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                now += 1;
                most = most.max(now);
            }
            b'}' | b']' if !quoted => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

fn apply(
    rule: &ValueRule,
    text: &str,
    json: Option<&Json>,
    carriage: Freshness,
) -> Result<Option<Parsed>, Refusal> {
    let json = match rule.payload {
        Payload::Json => json,
        Payload::Text => None,
    };
    if !rule.matches.iter().all(|m| holds(m, json)) {
        return Ok(None);
    }
    let freshness = if rule.replayed.iter().any(|m| holds(m, json)) {
        Freshness::Replayed
    } else {
        carriage
    };
    let counter = rule
        .counter
        .as_deref()
        .and_then(|pointer| json?.pointer(pointer))
        .and_then(scalar)
        .and_then(|text| text.trim().parse().ok());
    let value = value(rule, text, json)?;
    Ok(Some(Parsed {
        value,
        freshness,
        counter,
    }))
}

fn holds(condition: &Match, json: Option<&Json>) -> bool {
    let Some(found) = json.and_then(|json| json.pointer(&condition.pointer)) else {
        return false;
    };
    match &condition.equals {
        None => true,
        Some(equals) => scalar(found).is_some_and(|text| text == *equals),
    }
}

/// Numbers and truth values as text, since devices write them either way.
fn scalar(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(truth) => Some(truth.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

fn value(rule: &ValueRule, text: &str, json: Option<&Json>) -> Result<Option<Value>, Refusal> {
    if let Kind::Online(None) = rule.kind {
        return Ok(Some(Value::Online(true)));
    }
    let found = match (&rule.pointer, json) {
        (Some(pointer), Some(json)) => at(json, pointer)?,
        _ => Some(text.trim().to_owned()),
    };
    let Some(found) = found else {
        // JSON null: the device has the key and says that there is nothing.
        return Ok(None);
    };
    if listed(&rule.absent, &found) || is_absent_number(rule, &found) {
        return Ok(None);
    }
    read_kind(&rule.kind, &found, json).map(Some)
}

/// `0`, `0.0` and `0.00` are the same absence.
fn is_absent_number(rule: &ValueRule, found: &str) -> bool {
    let Kind::Temperature { decimals, .. } = rule.kind else {
        return false;
    };
    let Some(number) = thousandths(found, decimals) else {
        return false;
    };
    rule.absent
        .iter()
        .any(|absent| thousandths(absent, decimals) == Some(number))
}

fn at(json: &Json, pointer: &str) -> Result<Option<String>, Refusal> {
    match json.pointer(pointer) {
        None => Err(Refusal::NoValue {
            pointer: pointer.to_owned(),
        }),
        Some(Json::Null) => Ok(None),
        Some(found) => scalar(found).map(Some).ok_or(Refusal::NotAValue {
            pointer: pointer.to_owned(),
        }),
    }
}

fn read_kind(kind: &Kind, text: &str, json: Option<&Json>) -> Result<Value, Refusal> {
    match kind {
        Kind::Card(spelling) => card(*spelling, text).map(Value::Card),
        Kind::Temperature {
            unit,
            decimals,
            site,
            ambient,
        } => {
            let body = degrees(text, *unit, *decimals)?;
            // A missing or broken air temperature takes nothing away from the body's.
            let ambient = ambient
                .as_deref()
                .and_then(|pointer| json?.pointer(pointer))
                .and_then(scalar)
                .and_then(|text| degrees(&text, *unit, *decimals).ok());
            Ok(Value::Temperature(Temperature {
                body,
                ambient,
                site: *site,
            }))
        }
        Kind::Loop { place, words } => Ok(Value::Loop(Loop {
            place: *place,
            occupied: truth(words, text)?,
        })),
        Kind::Arm { words, moving } => {
            if listed(moving, text) {
                return Ok(Value::Arm(ArmPosition::Moving));
            }
            Ok(Value::Arm(if truth(words, text)? {
                ArmPosition::Open
            } else {
                ArmPosition::Closed
            }))
        }
        Kind::Emergency(words) => truth(words, text).map(Value::Emergency),
        Kind::Online(Some(words)) => truth(words, text).map(Value::Online),
        Kind::Online(None) => Ok(Value::Online(true)),
    }
}

fn degrees(text: &str, unit: Unit, decimals: u8) -> Result<Millidegrees, Refusal> {
    let number = thousandths(text, decimals).ok_or(Refusal::NotANumber)?;
    let milli = match unit {
        Unit::Celsius => number,
        Unit::Fahrenheit => celsius(number),
    };
    if !(COLDEST..=HOTTEST).contains(&milli) {
        return Err(Refusal::OutOfRange);
    }
    i32::try_from(milli)
        .map(Millidegrees)
        .map_err(|_| Refusal::OutOfRange)
}

fn card(spelling: Spelling, text: &str) -> Result<Card, Refusal> {
    match spelling {
        Spelling::Hex => {
            let hex: String = text
                .chars()
                .filter(|c| !matches!(c, '-' | ':' | ' ' | '.'))
                .map(|c| c.to_ascii_uppercase())
                .collect();
            let whole = hex.len().is_multiple_of(2) && (4..=40).contains(&hex.len());
            if !whole || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(Refusal::NotACard);
            }
            Ok(Card::new(&hex))
        }
        Spelling::Text => {
            let count = text.chars().count();
            if !(1..=64).contains(&count) || text.chars().any(char::is_control) {
                return Err(Refusal::NotACard);
            }
            Ok(Card::new(text))
        }
    }
}

fn truth(words: &Words, text: &str) -> Result<bool, Refusal> {
    if listed(&words.on, text) {
        return Ok(true);
    }
    if listed(&words.off, text) {
        return Ok(false);
    }
    Err(Refusal::UnknownWord)
}

fn listed(words: &[String], text: &str) -> bool {
    words.iter().any(|word| word.eq_ignore_ascii_case(text))
}
