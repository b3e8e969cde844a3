//! A passage with everything that belongs to it, and why it was decided as it was.

use std::collections::BTreeMap;

use gateway_core::decision::{FactRecord, FactState};
use gateway_core::event::{Barrier, End, MoveOutcome};
use gateway_core::reading::Millidegrees;
use gateway_core::sighting::{Evidence, Sighting};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Clock, Text};

super::mirror! {
    Verdict = gateway_core::decision::Verdict { Admit, Hold, Refuse }
}

super::mirror! {
    /// A temperature without its value.
    Band = gateway_core::event::Band { Implausible, Normal, Raised }
}

super::mirror! {
    /// What a rule said of the facts.
    TriedOutcome = gateway_core::decision::Outcome { True, False, Unknown, Fault, NotHere }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Passage {
    pub id: String,
    pub lane: String,
    pub begun_ms: i64,
    pub clock: Clock,
    /// The event of the decision; null until there is one.
    pub number: Option<u64>,
    pub plate: Option<PlateRead>,
    pub card: Option<CardRead>,
    pub temperature: Option<TemperatureRead>,
    pub picture: Option<Picture>,
    pub verdict: Option<Verdict>,
    pub reasons: Vec<Reason>,
    /// Every rule that was tried, in the rules' order.
    pub rules: Vec<RuleTried>,
    pub missing: Vec<MissingFact>,
    pub facts: Vec<Fact>,
    pub end: Option<PassageEnd>,
    pub answered: Option<Answered>,
    /// The latest movement asked of the arm.
    #[serde(rename = "move")]
    pub moved: Option<MoveMade>,
    /// From the first part to the decision.
    pub took_ms: Option<u64>,
    /// The person rests until then, and is then measured again after a new touch of the reader.
    pub rests_until_ms: Option<i64>,
    /// When it was decided.
    pub decided_ms: Option<i64>,
    /// The lane moved nothing then: it only says what it would have done.
    pub shadow: bool,
    /// Rules whose failing or firing kept it from an admit.
    pub would_admit: Vec<String>,
    /// Of the decision.
    pub rules_version: Option<String>,
    /// Which lists at which versions the decision used.
    pub lists: Vec<ListUsed>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListUsed {
    pub list: String,
    pub version: u64,
    /// When its owner last confirmed it; 0: unknown.
    pub confirmed_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlateRead {
    pub text: String,
    pub kind: String,
    pub colour: String,
    /// The colour of the pixels and the pattern of the text belong together.
    pub agrees: bool,
    /// 0 to 1000.
    pub confidence_permille: u16,
    /// x0, y0, x1, y1 in pixels of the picture; null when there was no picture to read from.
    #[serde(rename = "box")]
    pub plate_box: Option<[i32; 4]>,
    /// Best first, the chosen text included.
    pub candidates: Vec<Candidate>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Candidate {
    pub text: String,
    pub confidence_permille: u16,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CardRead {
    pub text: String,
    /// Whom the list names for it.
    pub holder: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TemperatureRead {
    /// Thousandths of a degree Celsius; null when only the band is left.
    pub celsius_milli: Option<i32>,
    pub band: Option<Band>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Picture {
    /// `/api/pictures/SHA256`
    pub url: String,
    pub width: u32,
    pub height: u32,
}

/// Why the verdict is what it is: `rule` (with the rule's title), `no_rule`, `missing` (values
/// `fact` and `cause`), `fault` (value `rule`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    pub code: String,
    pub values: BTreeMap<String, String>,
    pub text: Option<Text>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RuleTried {
    pub rule: String,
    /// Null when the rule is no longer loaded.
    pub title: Option<Text>,
    pub verdict: Verdict,
    pub outcome: TriedOutcome,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MissingFact {
    pub fact: String,
    /// Its text stands under `cause.`.
    pub cause: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Fact {
    pub name: String,
    pub state: FactValue,
    /// When it was got; null for the gateway's own facts.
    pub at_ms: Option<i64>,
    /// The device or camera that gave it.
    pub source: Option<String>,
    /// How that proved itself: `tls`, `password`, `none`.
    pub trust: Option<String>,
}

/// `{"text": …}`, `{"truth": …}`, `{"number": …}`, `{"millidegrees": …}`, `{"missing": CAUSE}`
/// or `"absent"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FactValue {
    Text(String),
    Truth(bool),
    Number(i64),
    Millidegrees(i32),
    Missing(String),
    Absent,
}

/// `admitted`, `refused`, `answered`, `withdrawn`, `unread`, `passed_undecided`,
/// `measured_again`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PassageEnd {
    pub end: String,
    /// Of *answered*.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Of *withdrawn*.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Of *measured_again*: the passage that follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    pub at_ms: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Answered {
    pub verdict: Option<Verdict>,
    /// The account, or the destination upstream.
    pub by: String,
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MoveMade {
    /// `open`, `hold_open`, `release`, `close`.
    pub command: String,
    /// `asked`, `sent`, `dropped`.
    pub outcome: String,
    /// Why it was dropped.
    pub cause: Option<String>,
}

/// A core enum's own snake_case word, as the journal writes it.
pub(crate) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

impl From<&Sighting> for PlateRead {
    fn from(sighting: &Sighting) -> PlateRead {
        PlateRead {
            text: sighting.plate.reveal().to_string(),
            kind: word(&sighting.kind),
            colour: word(&sighting.colour),
            agrees: sighting.agrees,
            confidence_permille: sighting.confidence_permille,
            plate_box: sighting.evidence.as_ref().map(|_| sighting.plate_box),
            candidates: sighting
                .candidates
                .iter()
                .map(|candidate| Candidate {
                    text: candidate.plate.reveal().to_string(),
                    confidence_permille: candidate.confidence_permille,
                })
                .collect(),
        }
    }
}

impl From<&Evidence> for Picture {
    fn from(evidence: &Evidence) -> Picture {
        Picture {
            url: format!("/api/pictures/{}", evidence.sha256),
            width: evidence.width,
            height: evidence.height,
        }
    }
}

impl TemperatureRead {
    pub fn new(body: Option<Millidegrees>, band: Option<gateway_core::event::Band>) -> Self {
        TemperatureRead {
            celsius_milli: body.map(|body| body.0),
            band: band.map(Band::from),
        }
    }
}

impl From<&FactState> for FactValue {
    fn from(state: &FactState) -> FactValue {
        match state {
            FactState::Text(text) => FactValue::Text(text.clone()),
            FactState::Truth(truth) => FactValue::Truth(*truth),
            FactState::Number(number) => FactValue::Number(*number),
            FactState::Millidegrees(value) => FactValue::Millidegrees(*value),
            FactState::Missing(cause) => FactValue::Missing(word(cause)),
            FactState::Absent => FactValue::Absent,
        }
    }
}

impl Fact {
    /// `wall_ms` at `mono_us` dates the fact, whose own time is monotonic.
    pub fn new(fact: &FactRecord, wall_ms: i64, mono_us: u64) -> Fact {
        Fact {
            name: fact.name.to_string(),
            state: FactValue::from(&fact.state),
            at_ms: fact
                .at
                .map(|at| wall_ms - (mono_us as i64 - at.0 as i64) / 1_000),
            source: fact.source.as_ref().map(ToString::to_string),
            trust: fact.trust.map(|trust| word(&trust)),
        }
    }
}

impl PassageEnd {
    pub fn new(end: &End, at_ms: Option<i64>) -> PassageEnd {
        let mut wire = PassageEnd {
            end: String::new(),
            verdict: None,
            cause: None,
            next: None,
            at_ms,
        };
        let word = match end {
            End::Admitted => "admitted",
            End::Refused => "refused",
            End::Answered { verdict } => {
                wire.verdict = Some((*verdict).into());
                "answered"
            }
            End::Withdrawn { cause } => {
                wire.cause = Some(cause.to_string());
                "withdrawn"
            }
            End::Unread => "unread",
            End::PassedUndecided => "passed_undecided",
            End::MeasuredAgain { next } => {
                wire.next = Some(next.to_string());
                "measured_again"
            }
        };
        wire.end = word.to_string();
        wire
    }
}

impl MoveMade {
    pub fn new(command: Barrier, outcome: &MoveOutcome) -> MoveMade {
        let (outcome, cause) = match outcome {
            MoveOutcome::Asked => ("asked", None),
            MoveOutcome::Sent => ("sent", None),
            MoveOutcome::Dropped { cause } => ("dropped", Some(cause.to_string())),
        };
        MoveMade {
            command: word(&command),
            outcome: outcome.to_string(),
            cause,
        }
    }
}
