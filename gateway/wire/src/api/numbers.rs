//! Numbers for people: what came to the gate in a while, what became of it, and what is handed
//! over at the end of a shift. They name nobody but households, by their ids.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Alert, ListShown, Role, Severity, Text, Verdict};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Numbers {
    /// Included.
    pub from_ms: i64,
    /// Not included.
    pub to_ms: i64,
    /// Minutes east of UTC of the site: hours are the site's own.
    pub offset_min: i16,
    /// Passages that began.
    pub passages: u64,
    pub verdicts: Vec<VerdictCount>,
    /// By hour, lane and verdict; hours without a decision are left out.
    pub hours: Vec<HourCount>,
    pub rules: Vec<RuleNumbers>,
    /// How passages ended; its text stands under `end.`.
    pub ends: Vec<WordCount>,
    /// Who answered holds, by role; upstream's answers under `upstream`.
    pub answers: Vec<AnswerCount>,
    pub alerts: AlertNumbers,
    /// Ways out that were taken, by household, the most first.
    pub households: Vec<HouseholdExits>,
    /// What lanes in shadow mode would have done.
    pub shadow: Vec<ShadowLane>,
    /// Records that cannot be read, or whose facts have been erased.
    pub unreadable: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VerdictCount {
    pub verdict: Verdict,
    pub count: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HourCount {
    /// When the hour began; milliseconds since 1970.
    pub hour_ms: i64,
    pub lane: String,
    pub verdict: Verdict,
    pub count: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RuleNumbers {
    pub rule: String,
    pub title: Option<Text>,
    pub verdict: Verdict,
    /// Decisions in which it applied.
    pub applied: u64,
    /// Decisions in which it could not be told, or failed.
    pub unknown: u64,
    /// Decisions whose verdict was its own.
    pub decided: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WordCount {
    pub word: String,
    pub count: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AnswerCount {
    /// A role, or `upstream`.
    pub by: String,
    /// Null: held on, measured again.
    pub verdict: Option<Verdict>,
    pub count: u64,
}

/// Alerts that were raised in the while, and what became of them until now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlertNumbers {
    pub raised: u64,
    pub acknowledged: u64,
    pub closed: u64,
    /// Closed of raised, per mille; null: none was raised.
    pub closed_permille: Option<u16>,
    /// Milliseconds from raised to acknowledged; null: none was.
    pub median_to_acknowledge_ms: Option<u64>,
    pub median_to_close_ms: Option<u64>,
    /// Nine of ten were closed sooner.
    pub p90_to_close_ms: Option<u64>,
    pub codes: Vec<AlertCount>,
    pub roles: Vec<RoleAlerts>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlertCount {
    /// Its text stands under `alert.`.
    pub code: String,
    pub severity: Severity,
    pub raised: u64,
    pub closed: u64,
}

/// Alerts addressed to a role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RoleAlerts {
    pub role: Role,
    pub raised: u64,
    pub closed: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HouseholdExits {
    pub household: String,
    pub exits: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShadowLane {
    pub lane: String,
    pub would_admit: u64,
    pub would_hold: u64,
    pub would_refuse: u64,
    /// Movements of its arm, by whoever moves it now.
    pub moved_by_others: u64,
}

/// What one shift hands to the next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Handover {
    pub gateway: String,
    pub now_ms: i64,
    /// Of the shift.
    pub numbers: Numbers,
    /// Alerts that nobody has closed, the newest first; plates and cards are masked.
    pub open_alerts: Vec<Alert>,
    /// Lanes on which someone waits for an answer.
    pub waiting: Vec<String>,
    /// Devices and cameras that are silent or have failed.
    pub down: Vec<String>,
    pub lists_too_old: Vec<ListShown>,
    pub rules_version: String,
}
