//! The local API's types: what the page, the lane's display and gatectl read and write.
//!
//! Served under `/api` at the page's address and over the control socket. Keys are snake_case,
//! codes are snake_case words whose texts stand in [`crate::messages`], times named `*_ms` are
//! milliseconds since 1970 in UTC. Personal data stands here in full: whoever fills these types
//! has checked the session first.

mod alert;
mod camera;
mod explanation;
mod lane;
mod lists;
mod numbers;
mod order;
mod passage;
mod rules;
mod session;
mod status;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use alert::{Alert, AlertState, Severity};
pub use camera::{Advice, CameraMeasure};
pub use explanation::{Explanation, WouldAdmit};
pub use lane::{Arm, Direction, Lane, LaneCamera, LaneKind, Need};
pub use lists::{EntryRequest, ListConfirmed, ListImported, ListShown, WhenOld};
pub use numbers::{
    AlertCount, AlertNumbers, AnswerCount, Handover, HourCount, HouseholdExits, Numbers,
    RoleAlerts, RuleNumbers, ShadowLane, VerdictCount, WordCount,
};
pub use order::{
    AnswerAct, AnswerRequest, CloseRequest, EmergencyRequest, LockDownRequest, OpenRequest,
    OrderAnswer, OrderResult,
};
pub(crate) use passage::word as word_of;
pub use passage::{
    Answered, Band, Candidate, CardRead, Fact, FactValue, ListUsed, MissingFact, MoveMade, Passage,
    PassageEnd, Picture, PlateRead, Reason, RuleTried, TemperatureRead, TriedOutcome, Verdict,
};
pub use rules::{
    Recomputed, RuleCount, RuleShown, RuleText, Rules, RulesActivateRequest, RulesActivated,
    RulesDraft, RulesSource, RulesTested, RulesTryRequest, TrialAdmitted, TrialChange,
    TrialExample, TrialReport,
};
pub use session::{
    Account, FirstLoginRequest, LoginRequest, NewAccount, Role, Session, TextTables,
};
pub use status::{
    CameraStatus, DestinationOutbox, DestinationStatus, DeviceStatus, DiskStatus, JournalCheck,
    JournalProblem, Mode, NumberRange, PartState, QueueStatus, RecogniserStatus, Status,
    StoreStatus,
};

/// The same words in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Text {
    pub zh: String,
    pub en: String,
}

impl From<&gateway_core::alert::Message> for Text {
    fn from(message: &gateway_core::alert::Message) -> Text {
        Text {
            zh: message.zh.clone(),
            en: message.en.clone(),
        }
    }
}

/// How far the wall clock may be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    Synchronised,
    Held,
    SetByPerson,
    Unknown,
}

impl From<gateway_core::moment::ClockTrust> for Clock {
    fn from(trust: gateway_core::moment::ClockTrust) -> Clock {
        use gateway_core::moment::ClockTrust as Core;
        match trust {
            Core::Synchronised => Clock::Synchronised,
            Core::Held => Clock::Held,
            Core::SetByPerson => Clock::SetByPerson,
            Core::Unknown => Clock::Unknown,
        }
    }
}

/// What went wrong, as `application/problem+json` (RFC 9457). `code` has a text in both
/// languages under `error.`; `title` is for people who read the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub code: String,
    #[schema(value_type = Object)]
    pub values: serde_json::Map<String, serde_json::Value>,
}

/// Gives an enum the words of a core enum, converting both ways.
macro_rules! mirror {
    ($(#[$doc:meta])* $name:ident = $core:ty { $($variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize, utoipa::ToSchema,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($variant),+ }

        impl From<$core> for $name {
            fn from(core: $core) -> $name {
                match core { $(<$core>::$variant => $name::$variant),+ }
            }
        }

        impl From<$name> for $core {
            fn from(wire: $name) -> $core {
                match wire { $($name::$variant => <$core>::$variant),+ }
            }
        }
    };
}
pub(crate) use mirror;
