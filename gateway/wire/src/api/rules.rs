//! Rules as people see, try and activate them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Text, Verdict};

/// A rule file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleText {
    /// For messages.
    pub name: String,
    /// TOML.
    pub text: String,
}

/// The rules in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Rules {
    /// 16 hex digits over the text of all files.
    pub version: String,
    pub source: RulesSource,
    /// Null for the configuration's own files.
    pub activated_ms: Option<i64>,
    pub by: Option<String>,
    /// Why they may admit what is watched for, when they do.
    pub admit_watched: Option<String>,
    pub rules: Vec<RuleShown>,
    pub files: Vec<RuleText>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RulesSource {
    /// The files that the configuration names.
    Configuration,
    /// A person activated them.
    Activated,
    /// A person activated them, and their first seconds are not over.
    Trying,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RuleShown {
    pub rule: String,
    pub title: Text,
    pub when: String,
    pub verdict: Verdict,
}

/// A draft to be tested: it replaces all files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RulesDraft {
    pub files: Vec<RuleText>,
}

/// Whether a draft loads, and whether its cases hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RulesTested {
    /// Null when it does not load.
    pub version: Option<String>,
    pub rules: u64,
    /// Each with file, line, what was found and what is allowed; empty: all is well.
    pub mistakes: Vec<String>,
}

/// A draft to be tried on the recorded passages of the last days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RulesTryRequest {
    pub files: Vec<RuleText>,
    /// 7 unless told.
    #[serde(default)]
    pub days: Option<u32>,
}

/// A draft to be put in force, after a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RulesActivateRequest {
    pub files: Vec<RuleText>,
    /// Of the trial before; 7 unless told.
    #[serde(default)]
    pub days: Option<u32>,
    /// Why it may admit what is watched for; without it such a draft is refused.
    #[serde(default)]
    pub admit_watched: Option<String>,
}

/// What was put in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RulesActivated {
    pub version: String,
    /// The version before.
    pub before: String,
    /// The event that records it.
    pub number: u64,
    pub trial: TrialReport,
}

/// What a draft would have done to recorded passages. It names nobody.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrialReport {
    pub version: String,
    pub rules: u64,
    pub days: u32,
    /// Recorded decisions of these days.
    pub passages: u64,
    /// Of these, decided once more.
    pub tried: u64,
    pub unchanged: u64,
    pub changed: u64,
    /// Facts that the draft asks for have been erased.
    pub erased: u64,
    /// Facts that the draft asks for were not recorded by the version of that day.
    pub not_recorded: u64,
    /// Of lanes that the site no longer has.
    pub other_lanes: u64,
    /// Records that cannot be read.
    pub damaged: u64,
    pub changes: Vec<TrialChange>,
    /// Watched plates or areas that would now be admitted.
    pub watched_admitted: TrialAdmitted,
    /// Passages that would be admitted even if their plate were watched.
    pub admitted_if_watched: TrialAdmitted,
    pub took_ms: u64,
}

impl TrialReport {
    /// It lets in what is watched for: that must be said on purpose.
    pub fn admits_watched(&self) -> bool {
        self.watched_admitted.count > 0 || self.admitted_if_watched.count > 0
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrialChange {
    pub from: Verdict,
    pub to: Verdict,
    pub count: u64,
    /// Rules of the draft that lead to it.
    pub now: Vec<RuleCount>,
    /// Rules that led to what was recorded.
    pub before: Vec<RuleCount>,
    pub examples: Vec<TrialExample>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RuleCount {
    /// Null: no rule.
    pub rule: Option<String>,
    pub count: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrialAdmitted {
    pub count: u64,
    pub examples: Vec<TrialExample>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrialExample {
    pub passage: String,
    pub lane: String,
    /// The event of the decision.
    pub number: u64,
    pub at_ms: i64,
    pub rules: Vec<String>,
}

/// A recorded decision made once more from its recorded facts, with the rules of its day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Recomputed {
    /// The recorded version of the rules.
    pub version: String,
    /// The texts of that version are still at hand.
    pub at_hand: bool,
    /// All facts that it asks for are still there.
    pub told: bool,
    /// It says in every rule what was recorded.
    pub same: bool,
    /// Null when it could not be made once more.
    pub verdict: Option<Verdict>,
}
