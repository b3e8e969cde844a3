//! A rule's cases: given facts and what the rule, or the whole set, must make of them at load.

use toml::de::DeValue;

use crate::decision::{Cause, FactState, Outcome, Verdict};
use crate::facts::{Fact, FactType, Facts};
use crate::name::Name;
use crate::rule::RuleSet;
use crate::rule::error::{Position, RuleError};
use crate::rule::file::{Reader, Value};
use crate::site::Lane;

const CAUSES: [(&str, Cause); 10] = [
    ("not_presented", Cause::NotPresented),
    ("unreadable", Cause::Unreadable),
    ("device_down", Cause::DeviceDown),
    ("not_live", Cause::NotLive),
    ("source_untrusted", Cause::SourceUntrusted),
    ("sources_disagree", Cause::SourcesDisagree),
    ("implausible_reading", Cause::ImplausibleReading),
    ("list_stale", Cause::ListStale),
    ("clock_untrusted", Cause::ClockUntrusted),
    ("rests_on_missing", Cause::RestsOnMissing),
];
const OUTCOMES: [(&str, Outcome); 4] = [
    ("true", Outcome::True),
    ("false", Outcome::False),
    ("unknown", Outcome::Unknown),
    ("fault", Outcome::Fault),
];
const VERDICTS: [(&str, Verdict); 3] = [
    ("admit", Verdict::Admit),
    ("hold", Verdict::Hold),
    ("refuse", Verdict::Refuse),
];

/// Facts that are not given are absent.
#[derive(Debug)]
pub(super) struct Case {
    position: Position,
    lane: Option<Name>,
    given: Vec<(Fact, FactState)>,
    /// What this rule alone comes to.
    expect: Option<Outcome>,
    /// What all rules together come to.
    verdict: Option<Verdict>,
}

pub(super) fn read(reader: &mut Reader<'_>, value: &Value<'_>) -> Vec<Case> {
    let DeValue::Array(array) = value.get_ref() else {
        reader.wrong(value, "[[rule.cases]] tables");
        return Vec::new();
    };
    array.iter().filter_map(|item| case(reader, item)).collect()
}

fn case(reader: &mut Reader<'_>, item: &Value<'_>) -> Option<Case> {
    let DeValue::Table(table) = item.get_ref() else {
        reader.wrong(item, "[[rule.cases]] tables");
        return None;
    };
    reader.keys(table, &["lane", "given", "expect", "verdict"]);
    let position = reader.at(item.span().start);
    let lane = match table.get("lane") {
        Some(value) => Some(lane(reader, value)?),
        None => None,
    };
    let given = match table.get("given").map(|value| (value, value.get_ref())) {
        Some((_, DeValue::Table(given))) => given
            .iter()
            .filter_map(|(key, value)| {
                let name = key.get_ref().as_ref();
                let Some(fact) = Fact::named(name) else {
                    let known: Vec<&str> = Fact::ALL.iter().map(|fact| fact.name()).collect();
                    let error = reader.at(key.span().start).unknown("fact", name, &known);
                    reader.errors.push(error);
                    return None;
                };
                Some((fact, state(reader, fact, value)?))
            })
            .collect(),
        Some((value, _)) => {
            reader.wrong(value, "{ \"plate.text\" = \"…\", … }");
            Vec::new()
        }
        None => Vec::new(),
    };
    let expect = table.get("expect");
    let verdict = table.get("verdict");
    if expect.is_none() && verdict.is_none() {
        let error = position.error("a case that expects nothing", "expect, verdict or both");
        reader.errors.push(error);
    }
    Some(Case {
        lane,
        given,
        expect: expect.and_then(|value| reader.word("outcome", value, &OUTCOMES)),
        verdict: verdict.and_then(|value| reader.word("verdict", value, &VERDICTS)),
        position,
    })
}

fn lane(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Name> {
    let lanes: Vec<(&str, &Name)> = reader
        .lanes
        .iter()
        .map(|lane| (lane.id.as_str(), &lane.id))
        .collect();
    reader.word("lane", value, &lanes).cloned()
}

/// A fact's value, or `{ missing = "cause" }`.
fn state(reader: &mut Reader<'_>, fact: Fact, value: &Value<'_>) -> Option<FactState> {
    let known = match (value.get_ref(), fact.fact_type()) {
        (DeValue::Table(table), _) => {
            reader.keys(table, &["missing"]);
            let Some(cause) = table.get("missing") else {
                reader.wrong(value, "a value or { missing = \"cause\" }");
                return None;
            };
            let cause = reader.word("cause", cause, &CAUSES)?;
            Some(FactState::Missing(cause))
        }
        (DeValue::String(text), FactType::Text) => Some(FactState::Text(text.to_string())),
        (DeValue::Boolean(truth), FactType::Truth) => Some(FactState::Truth(*truth)),
        (DeValue::Integer(number), FactType::Number) => {
            number.as_str().parse().ok().map(FactState::Number)
        }
        (DeValue::Integer(number), FactType::Celsius) => millidegrees(number.as_str()),
        (DeValue::Float(number), FactType::Celsius) => millidegrees(number.as_str()),
        _ => None,
    };
    if known.is_none() {
        reader.wrong(value, fact.fact_type().word());
    }
    known
}

/// Thousandths from decimal text, without floating point.
fn millidegrees(text: &str) -> Option<FactState> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let whole: i32 = whole.parse().ok()?;
    let thousandths: i32 = format!("{fraction:0<3}").parse().ok()?;
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let value = whole.checked_mul(1_000)?.checked_add(sign * thousandths)?;
    Some(FactState::Millidegrees(value))
}

/// Runs all cases on the loaded set; those that do not hold go to `errors`.
pub(super) fn run(set: &RuleSet, lanes: &[Lane], cases: &[Vec<Case>], errors: &mut Vec<RuleError>) {
    for (index, (rule, cases)) in set.rules().iter().zip(cases).enumerate() {
        for case in cases {
            let lane = lanes.iter().find(|lane| match &case.lane {
                Some(id) => lane.id == *id,
                None => rule.lanes.has(lane),
            });
            // A rule for lanes that this site lacks decides nothing here.
            let Some(lane) = lane else { continue };
            let mut facts = Facts::absent();
            for (fact, state) in &case.given {
                facts.set(*fact, state.clone());
            }
            let evaluation = set.evaluate(lane, &facts);
            let outcome = evaluation.outcomes.get(index).map(|tried| tried.outcome);
            if case.expect.is_some() && case.expect != outcome {
                let found = outcome.map_or("untried", |found| word_of(&OUTCOMES, found));
                let what = format!("rule `{}` is {found} here", rule.id);
                let wanted = case.expect.map_or("", |wanted| word_of(&OUTCOMES, wanted));
                let allowed = format!("{wanted}, as the case expects");
                errors.push(case.position.error(what, allowed));
            }
            if let Some(wanted) = case.verdict
                && wanted != evaluation.verdict
            {
                let found = word_of(&VERDICTS, evaluation.verdict);
                let what = format!("the rules together say {found} here");
                let allowed = format!("{}, as the case expects", word_of(&VERDICTS, wanted));
                errors.push(case.position.error(what, allowed));
            }
        }
    }
}

fn word_of<T: PartialEq>(table: &[(&'static str, T)], value: T) -> &'static str {
    let found = table.iter().find(|(_, known)| *known == value);
    found.map_or("for other lanes", |(word, _)| word)
}
