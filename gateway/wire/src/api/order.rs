//! What a person tells the gate, and what became of it.

use gateway_core::order::OrderOutcome;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a hold is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerAct {
    Open,
    Refuse,
    Escort,
    MeasureAgain,
    Hold,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AnswerRequest {
    pub answer: AnswerAct,
    /// `known_person`, `host_consents`, `delivery`, `emergency_vehicle`, `paper_permit`,
    /// `no_permit`, `not_cooperative`, `other`. Needed by open, refuse and escort.
    #[serde(default)]
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenRequest {
    /// One of the reasons of an answer.
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CloseRequest {
    /// `resolved`, `false_alarm`, `passed_on`, `recovered`.
    pub reason: String,
    /// At most 2,000 characters.
    #[serde(default)]
    pub comment: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EmergencyRequest {
    pub active: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LockDownRequest {
    pub active: bool,
    /// `authority_order`, `epidemic_control`, `person_sought`, `danger_inside`, `other`. Needed
    /// to begin one.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Answered only when the order and everything it caused are durable; an emergency only when its
/// openings were handed to the barriers, its record follows (`number` is null then).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderAnswer {
    pub outcome: OrderResult,
    /// Why it was refused: `passage_ended`, `unknown_alert`, `loop_occupied` …
    pub code: Option<String>,
    /// The event that records the order.
    pub number: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderResult {
    Done,
    Repeated,
    Refused,
}

impl OrderAnswer {
    pub fn new(outcome: &OrderOutcome, number: Option<u64>) -> OrderAnswer {
        let (outcome, code) = match outcome {
            OrderOutcome::Done => (OrderResult::Done, None),
            OrderOutcome::Repeated => (OrderResult::Repeated, None),
            OrderOutcome::Refused { code } => (OrderResult::Refused, Some(code.to_string())),
        };
        OrderAnswer {
            outcome,
            code,
            number,
        }
    }
}
