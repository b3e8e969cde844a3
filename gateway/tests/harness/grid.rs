//! The reference platform as an oracle: what it received, and what it says is missing.

use serde_json::Value;

use super::http;

/// The platform's counters for one journal.
#[derive(Clone, Debug, Default)]
pub struct Book {
    pub received: u64,
    pub highest: u64,
    pub missing: u64,
    pub altered: u64,
    /// As it came, for a failing test's message.
    pub whole: Value,
}

/// Asks the platform; `None` while it is not there or has heard of no journal.
pub fn book(port: u16) -> Option<Book> {
    let summary = get(port, "/summary")?;
    let gateways = summary.get("gateways")?.as_array()?;
    let sum = |key: &str| {
        gateways
            .iter()
            .filter_map(|one| one.get(key)?.as_u64())
            .sum()
    };
    let missing = gateways
        .iter()
        .filter_map(|one| one.get("missing")?.as_array())
        .map(|ranges| ranges.len() as u64)
        .sum();
    Some(Book {
        received: sum("received"),
        highest: sum("highest"),
        missing,
        altered: sum("altered"),
        whole: summary.clone(),
    })
}

/// All events of one kind that the platform holds, by number.
pub fn events(port: u16, kind: &str) -> Vec<Value> {
    get(port, &format!("/events?kind={kind}"))
        .and_then(|events| events.as_array().cloned())
        .unwrap_or_default()
}

/// Has the platform sign an order and send it; its number.
#[track_caller]
pub fn order(port: u16, order: &Value) -> u64 {
    let authority = format!("127.0.0.1:{port}");
    let answer = http::request(&authority, "POST", "/orders", &[], Some(order));
    let answer = answer.expect("the platform answers");
    assert_eq!(answer.status, 200, "{order}");
    answer.json()["number"].as_u64().expect("a number")
}

fn get(port: u16, path: &str) -> Option<Value> {
    let answer = http::request(&format!("127.0.0.1:{port}"), "GET", path, &[], None).ok()?;
    (answer.status == 200).then(|| answer.json())
}

/// The body of the event's part of that type, wherever the platform's answer keeps it.
pub fn part(event: &Value, kind: &str) -> Option<Value> {
    match event {
        Value::Object(fields) if fields.get("type").is_some_and(|found| found == kind) => {
            Some(event.clone())
        }
        Value::Object(fields) => fields.values().find_map(|inner| part(inner, kind)),
        Value::Array(items) => items.iter().find_map(|inner| part(inner, kind)),
        // Bodies travel as their exact JSON text.
        Value::String(text) if text.starts_with('{') => {
            part(&serde_json::from_str(text).ok()?, kind)
        }
        _ => None,
    }
}

/// What a decision event decided.
pub fn verdict(event: &Value) -> String {
    let decision = part(event, "decision");
    let verdict = decision
        .as_ref()
        .and_then(|decision| decision["verdict"].as_str());
    verdict.unwrap_or_default().to_owned()
}

/// The event's number in its journal.
pub fn number(event: &Value) -> Option<u64> {
    match event {
        Value::Object(fields) => fields
            .get("number")
            .and_then(Value::as_u64)
            .or_else(|| fields.get("header").and_then(number)),
        Value::String(text) if text.starts_with('{') => number(&serde_json::from_str(text).ok()?),
        _ => None,
    }
}
