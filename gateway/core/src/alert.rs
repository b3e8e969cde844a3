//! Alerts: events that a person must act on.

use serde::{Deserialize, Serialize};

use crate::moment::Moment;
use crate::name::{Name, PassageId};
use crate::order::Role;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Notice,
    Warning,
    Critical,
}

/// What is raised. The texts in both languages stand in the message table under `code`;
/// a rule's own message travels with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raised {
    /// Counts the alerts of this journal, from 1.
    pub alert: u64,
    pub code: Name,
    pub severity: Severity,
    pub roles: Vec<Role>,
    pub rule: Option<Name>,
    /// The rule's message, placeholders filled in with what names nobody.
    pub message: Option<Message>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub zh: String,
    pub en: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    Open,
    Acknowledged,
    Closed,
}

/// An alert as the core remembers it, folded from events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    pub raised: Raised,
    pub at: Moment,
    pub lane: Option<Name>,
    pub passage: Option<PassageId>,
    pub state: AlertState,
    pub acknowledged_by: Option<Name>,
    pub closed_by: Option<Name>,
    pub reason: Option<Name>,
}
