//! Orders: signed instructions from upstream, or those of a person logged in.

use serde::{Deserialize, Serialize};

use crate::name::{Name, PassageId};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Unique for its sender; an id that was seen acts no second time.
    pub id: Name,
    pub from: Sender,
    pub act: Act,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sender {
    Person { account: Name, role: Role },
    Upstream { destination: Name },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Guard,
    GridWorker,
    Police,
    Property,
    Technician,
    Auditor,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "act")]
pub enum Act {
    /// Answers a hold. It names the passage and lapses with it.
    Open {
        passage: PassageId,
        reason: Name,
    },
    /// Opens a lane by hand, without a passage: a person at the gate only, never upstream.
    OpenLane {
        lane: Name,
        reason: Name,
    },
    Refuse {
        passage: PassageId,
        reason: Name,
    },
    Hold {
        passage: PassageId,
    },
    /// Lets the vehicle in with a person beside it.
    Escort {
        passage: PassageId,
        reason: Name,
    },
    MeasureAgain {
        passage: PassageId,
    },
    CloseLane {
        lane: Name,
    },
    AcknowledgeAlert {
        alert: u64,
    },
    CloseAlert {
        alert: u64,
        reason: Name,
        comment: String,
    },
    /// Opens and holds all lanes; the edges have opened them already.
    Emergency,
    /// Ends an emergency. Only a person may.
    EndEmergency,
    /// Keeps every way in closed, to all but an escort and an emergency; never a way out.
    LockDown {
        reason: Name,
    },
    EndLockDown,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderOutcome {
    Done,
    /// It had been seen before; nothing happened a second time.
    Repeated,
    /// It does not act; the code says why: `passage_ended`, `unknown_alert`, `loop_occupied` …
    Refused {
        code: Name,
    },
}
