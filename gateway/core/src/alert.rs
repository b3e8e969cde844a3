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

/// The codes of the alerts that the gate itself raises; the message table has texts for each.
pub mod code {
    /// A rule with a message of its own was true.
    pub const RULE: &str = "rule";
    /// A rule holds without an alert of its own.
    pub const HOLD: &str = "hold";
    /// No rule was true.
    pub const NO_RULE: &str = "no_rule";
    /// A vehicle stands at the arm and its plate cannot be read.
    pub const UNREADABLE: &str = "unreadable";
    pub const MISSING_PLATE: &str = "missing_plate";
    pub const MISSING_CARD: &str = "missing_card";
    pub const MISSING_TEMPERATURE: &str = "missing_temperature";
    pub const MISSING_PASS: &str = "missing_pass";
    /// A need is missing while its device is down.
    pub const MISSING_DEVICE_DOWN: &str = "missing_device_down";
    /// A rule could not be evaluated.
    pub const RULE_FAULT: &str = "rule_fault";
    /// A person opened a lane by hand.
    pub const MANUAL_OPENING: &str = "manual_opening";
    /// An arm opened without a decision or order.
    pub const FOREIGN_MOVE: &str = "foreign_move";
    /// An opening that was decided or ordered did not go out.
    pub const NOT_OPENED: &str = "not_opened";
    /// Whoever was held or refused went through all the same.
    pub const PASSED_AGAINST: &str = "passed_against";
    /// Whoever came behind one that was let through went through on the same opening.
    pub const TAILGATED: &str = "tailgated";
    /// Two cameras of the lane read two plates.
    pub const SOURCES_DISAGREE: &str = "sources_disagree";
    /// The temperature tells nothing, even when taken again.
    pub const MEASURE_AGAIN: &str = "measure_again";
    /// No way in opens until it is ended.
    pub const LOCK_DOWN: &str = "lock_down";
    pub const DEVICE_DOWN: &str = "device_down";
    /// All arms are held open.
    pub const EMERGENCY: &str = "emergency";
    /// A source that did not prove itself said that there is an emergency; nothing moved.
    pub const EMERGENCY_UNTRUSTED: &str = "emergency_untrusted";

    /// A camera's picture arrives and is of no use; its state has the same code.
    pub const USELESS: [&str; 6] = [
        "picture_black",
        "picture_frozen",
        "picture_blurred",
        "picture_covered",
        "picture_turned",
        "picture_glare",
    ];

    /// Every code, for the message table's own test.
    pub const ALL: [&str; 27] = [
        RULE,
        HOLD,
        NO_RULE,
        UNREADABLE,
        MISSING_PLATE,
        MISSING_CARD,
        MISSING_TEMPERATURE,
        MISSING_PASS,
        MISSING_DEVICE_DOWN,
        RULE_FAULT,
        MANUAL_OPENING,
        FOREIGN_MOVE,
        NOT_OPENED,
        PASSED_AGAINST,
        TAILGATED,
        SOURCES_DISAGREE,
        MEASURE_AGAIN,
        LOCK_DOWN,
        DEVICE_DOWN,
        EMERGENCY,
        EMERGENCY_UNTRUSTED,
        USELESS[0],
        USELESS[1],
        USELESS[2],
        USELESS[3],
        USELESS[4],
        USELESS[5],
    ];
}
