//! Why a passage was decided as it was: everything that the decision rested on, one sentence that
//! can be sent on, and whether the decision can be made once more.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Passage, Recomputed, Text, TriedOutcome, Verdict};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    pub passage: Passage,
    /// Minutes east of UTC of the site.
    pub offset_min: i16,
    pub lane_title: Text,
    /// Names nobody: plates, cards and holders are masked.
    pub sentence: Text,
    /// What would have let it pass: any one admit, and each of the others.
    pub would_admit: Vec<WouldAdmit>,
    /// Null when there is no decision, or its record has been erased.
    pub recomputed: Option<Recomputed>,
}

/// A rule that would have had to come out otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WouldAdmit {
    pub rule: String,
    pub title: Option<Text>,
    pub verdict: Verdict,
    /// What it came out as.
    pub outcome: TriedOutcome,
}
