//! A decision: the verdict with every rule tried and all the facts.

use serde::{Deserialize, Serialize};

use crate::event::PartKind;
use crate::lists::ListVersion;
use crate::moment::Mono;
use crate::name::Name;
use crate::reading::Trust;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Admit,
    Hold,
    Refuse,
}

/// The part of a decision that names nobody; the facts stand in parts of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub verdict: Verdict,
    /// In the rules' own order, each tried.
    pub rules: Vec<RuleOutcome>,
    /// Rule ids whose failure or firing kept the passage from an admit.
    pub would_admit: Vec<Name>,
    /// Needs that were missing when the wait ended, with the cause.
    pub missing: Vec<Missing>,
    pub rules_version: String,
    pub lists: Vec<ListVersion>,
    pub shadow: bool,
    /// From the first part to the decision, microseconds.
    pub took_us: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleOutcome {
    pub rule: Name,
    pub verdict: Verdict,
    pub outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    True,
    False,
    /// A missing fact: false for admit, hold for hold and refuse.
    Unknown,
    /// Any other error: hold and alert.
    Fault,
    /// The rule is for other lanes.
    NotHere,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    pub fact: Name,
    pub cause: Cause,
}

/// Why a fact is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    NotPresented,
    Unreadable,
    DeviceDown,
    NotLive,
    SourceUntrusted,
    SourcesDisagree,
    ImplausibleReading,
    ListStale,
    ClockUntrusted,
    /// It rests on another fact that is missing.
    RestsOnMissing,
}

/// One fact as the rules saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactRecord {
    /// `plate.text`, `temperature.celsius` …
    pub name: Name,
    pub state: FactState,
    /// When it was got; `None` for the gateway's own facts.
    pub at: Option<Mono>,
    pub source: Option<Name>,
    pub trust: Option<Trust>,
    /// Which part of the event it belongs to.
    #[serde(skip, default = "detail")]
    pub part: PartKind,
}

fn detail() -> PartKind {
    PartKind::Detail
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactState {
    Text(String),
    Truth(bool),
    Number(i64),
    /// Shown to rules as degrees Celsius.
    Millidegrees(i32),
    Missing(Cause),
    Absent,
}
