//! Events: anything we promise to remember. The core and the edges make them; the store's writer
//! numbers, salts and chains them.

use serde::{Deserialize, Serialize};

use crate::alert::Raised;
use crate::decision::{Decision, FactRecord, Verdict};
use crate::lists::{Entry, Key, ListName, ListVersion};
use crate::moment::Moment;
use crate::name::{Name, PassageId};
use crate::order::{Act, OrderOutcome, Role, Sender};
use crate::plate::Card;
use crate::reading::{ArmPosition, DeviceState, Freshness, Loop, Millidegrees, Temperature, Trust};
use crate::sighting::Sighting;

/// What happened, before it has a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub at: Moment,
    pub kind: EventKind,
    pub lane: Option<Name>,
    pub passage: Option<PassageId>,
    /// In this order they are committed to; the header names kind and class of each.
    pub parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    Started,
    PassageBegun,
    SightingJoined,
    ReadingJoined,
    /// A sighting or reading that joined no passage.
    Stray,
    Decision,
    /// A hold was answered.
    Answer,
    PassageEnded,
    /// An arm was commanded, or the command was dropped with its cause.
    Move,
    /// An arm moved without a decision.
    ForeignMove,
    AlertRaised,
    AlertAcknowledged,
    AlertClosed,
    Order,
    DeviceState,
    Emergency,
    EmergencyEnded,
    /// No way in opens until it is ended.
    LockDown,
    LockDownEnded,
    ListChanged,
    Clock,
    Login,
    Configuration,
    Retention,
    Storage,
    /// Personal data was shown or exported, or a setting changed: who, what.
    Audit,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub kind: PartKind,
    pub class: Class,
    pub body: Body,
}

/// Who may see a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartKind {
    Identity,
    Health,
    Detail,
}

/// How long a part lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    Sighting,
    Passage,
    Temperature,
    Band,
    Alarm,
    Audit,
}

/// The content of a part. Schema 1; a change makes schema 2 with a decoder of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Body {
    Started {
        version: String,
        /// The passages that the crash or stop cut short have ended with the cause `restarted`.
        after_crash: bool,
    },
    /// identity
    Sighting(Sighting),
    /// identity
    Card {
        device: Name,
        card: Card,
        freshness: Freshness,
        trust: Trust,
        counter: Option<u64>,
    },
    /// health
    Temperature {
        device: Name,
        temperature: Temperature,
        freshness: Freshness,
        trust: Trust,
        counter: Option<u64>,
    },
    /// detail, class band: outlives the exact value.
    Band {
        band: Band,
    },
    Loop {
        device: Name,
        state: Loop,
    },
    Arm {
        device: Name,
        position: ArmPosition,
    },
    Decision(Decision),
    /// The facts of a decision that have this part's kind, in fixed order.
    Facts {
        facts: Vec<FactRecord>,
    },
    Answer {
        act: Act,
        sender: Sender,
        verdict: Option<Verdict>,
    },
    PassageEnded {
        end: End,
        decided: bool,
    },
    Move {
        /// The number of moves asked of the core in this boot; the answer names it.
        id: u64,
        command: Barrier,
        outcome: MoveOutcome,
    },
    /// Copies what the alert needs; identity and health stand in parts of their own.
    Alert(Raised),
    AlertState {
        alert: u64,
        by: Option<Name>,
        reason: Option<Name>,
        comment: Option<String>,
    },
    Order {
        id: Name,
        sender: Sender,
        act: Act,
        outcome: OrderOutcome,
    },
    DeviceState {
        device: Name,
        state: DeviceState,
    },
    Emergency {
        source: Name,
    },
    LockDown {
        source: Name,
        /// Why; `None` when it ends.
        reason: Option<Name>,
    },
    ListChanged(ListVersion),
    /// identity; entries of a list that came and went at the gate, beside those of its owner.
    LocalEntries {
        list: ListName,
        put: Vec<Entry>,
        gone: Vec<Key>,
    },
    Clock {
        step_ms: i64,
    },
    Login {
        account: Name,
        role: Option<Role>,
        outcome: Name,
    },
    /// Configuration, retention, storage and audit: a code and named values.
    Note {
        code: Name,
        values: Vec<(Name, String)>,
    },
}

/// A temperature without its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// Under 35.0 °C: no reading of a body.
    Implausible,
    Normal,
    Raised,
}

impl Band {
    pub fn of(body: Millidegrees) -> Band {
        if body < Millidegrees::LEAST_PLAUSIBLE {
            Band::Implausible
        } else if body <= Millidegrees::NORMAL_TO {
            Band::Normal
        } else {
            Band::Raised
        }
    }
}

/// How a passage ended: exactly one of these, exactly once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "end")]
pub enum End {
    Admitted,
    Refused,
    /// A person or upstream answered its hold.
    Answered {
        verdict: Verdict,
    },
    /// It left before it was decided, or before its hold was answered; or the gateway restarted.
    Withdrawn {
        cause: Name,
    },
    /// A vehicle without a readable plate left.
    Unread,
    /// It went through without a decision.
    PassedUndecided,
    /// *Measure again* ended it; another refers to it.
    MeasuredAgain {
        next: PassageId,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Barrier {
    /// One pulse; the controller closes by itself.
    Open,
    /// Emergency: open and stay open.
    HoldOpen,
    /// Ends a hold-open.
    Release,
    /// Only while the loop under the arm is known, free and fresh.
    Close,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum MoveOutcome {
    Asked,
    Sent,
    /// `window_passed`, `link_down`, `shadow`, `loop_occupied`, `loop_unknown`, `loop_stale` …
    Dropped {
        cause: Name,
    },
}

impl End {
    /// It was let through and did not go.
    pub fn turned_back(&self) -> bool {
        matches!(self, End::Withdrawn { cause } if cause.as_str() == End::TURNED_BACK)
    }

    /// The cause of one that was let through and did not go.
    pub const TURNED_BACK: &str = "turned_back";
}

/// The event that a rule or a part of the product wants recorded beside what caused it.
impl Event {
    pub fn new(at: Moment, kind: EventKind) -> Event {
        Event {
            at,
            kind,
            lane: None,
            passage: None,
            parts: Vec::new(),
        }
    }

    pub fn lane(mut self, lane: &Name) -> Event {
        self.lane = Some(lane.clone());
        self
    }

    pub fn passage(mut self, passage: &PassageId) -> Event {
        self.passage = Some(passage.clone());
        self
    }

    pub fn part(mut self, kind: PartKind, class: Class, body: Body) -> Event {
        self.parts.push(Part { kind, class, body });
        self
    }
}
