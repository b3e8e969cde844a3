//! An order from upstream: signed, numbered, addressed. It acts at most once, and an event answers
//! it. An order that opens names the passage that it answers and lapses with it, which needs no
//! clock.

use gateway_core::name::{Name, PassageId};
use gateway_core::order::{Act, Order, Sender};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::upstream::signed::{Keys, Signed};
use crate::upstream::{UpstreamError, name_text};

/// The body inside the signed envelope: one flat object, `act` and its fields beside the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderMessage {
    /// `order`.
    #[serde(rename = "type")]
    pub message_type: String,
    /// For whom.
    pub gateway: String,
    /// Never used twice by this sender; a number that was seen acts no second time.
    pub number: u64,
    #[serde(flatten)]
    pub act: OrderAct,
}

/// What upstream may order. Unknown fields are refused: they might have been a condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum OrderAct {
    /// Answers a hold: lets this passage through.
    Open {
        passage: String,
        reason: String,
    },
    /// Answers a hold: does not let this passage through.
    Refuse {
        passage: String,
        reason: String,
    },
    /// Keeps the passage held.
    Hold {
        passage: String,
    },
    /// Lets it in with a person beside it.
    Escort {
        passage: String,
        reason: String,
    },
    /// Ends the passage and begins one that refers to it.
    MeasureAgain {
        passage: String,
    },
    AcknowledgeAlert {
        alert: u64,
    },
    CloseAlert {
        alert: u64,
        reason: String,
        /// At most 1,000 characters.
        comment: String,
    },
    /// Keeps every way in closed; never a way out.
    LockDown {
        reason: String,
    },
    EndLockDown {},
}

impl OrderMessage {
    pub fn new(gateway: &Name, number: u64, act: OrderAct) -> OrderMessage {
        OrderMessage {
            message_type: TYPE.to_owned(),
            gateway: gateway.to_string(),
            number,
            act,
        }
    }

    /// The order in a payload that one of `keys` signed for `gateway`.
    pub fn open(
        payload: &[u8],
        keys: &Keys,
        gateway: &Name,
    ) -> Result<OrderMessage, UpstreamError> {
        OrderMessage::from_body(&Signed::open(payload, keys)?, gateway)
    }

    fn from_body(body: &str, gateway: &Name) -> Result<OrderMessage, UpstreamError> {
        let malformed = |cause| UpstreamError::Body {
            expected: TYPE,
            cause,
        };
        let mut head: Head = serde_json::from_str(body).map_err(malformed)?;
        if head.message_type != TYPE {
            return Err(UpstreamError::OtherType {
                expected: TYPE,
                found: head.message_type.chars().take(32).collect(),
            });
        }
        if head.gateway != gateway.as_str() {
            return Err(UpstreamError::OtherGateway {
                found: head.gateway.chars().take(64).collect(),
            });
        }
        let act: OrderAct = serde_json::from_value(Value::Object(std::mem::take(&mut head.rest)))
            .map_err(malformed)?;
        act.check_fields()?;
        Ok(OrderMessage {
            message_type: head.message_type,
            gateway: head.gateway,
            number: head.number,
            act,
        })
    }

    /// The order as the core takes it: its id is `<destination>/<number>`.
    pub fn to_order(&self, destination: &Name) -> Order {
        Order {
            id: Name::from(format!("{destination}/{}", self.number)),
            from: Sender::Upstream {
                destination: destination.clone(),
            },
            act: self.act.to_act(),
        }
    }
}

impl OrderAct {
    fn check_fields(&self) -> Result<(), UpstreamError> {
        match self {
            OrderAct::Open { passage, reason }
            | OrderAct::Refuse { passage, reason }
            | OrderAct::Escort { passage, reason } => {
                passage_text(passage)?;
                name_text("reason", reason)
            }
            OrderAct::LockDown { reason } => name_text("reason", reason),
            OrderAct::EndLockDown {} => Ok(()),
            OrderAct::Hold { passage } | OrderAct::MeasureAgain { passage } => {
                passage_text(passage)
            }
            OrderAct::AcknowledgeAlert { .. } => Ok(()),
            OrderAct::CloseAlert {
                reason, comment, ..
            } => {
                name_text("reason", reason)?;
                match comment.chars().count() <= 1_000 {
                    true => Ok(()),
                    false => Err(UpstreamError::Field { field: "comment" }),
                }
            }
        }
    }

    fn to_act(&self) -> Act {
        match self {
            OrderAct::Open { passage, reason } => Act::Open {
                passage: PassageId::parse(passage),
                reason: Name::new(reason),
            },
            OrderAct::Refuse { passage, reason } => Act::Refuse {
                passage: PassageId::parse(passage),
                reason: Name::new(reason),
            },
            OrderAct::Hold { passage } => Act::Hold {
                passage: PassageId::parse(passage),
            },
            OrderAct::Escort { passage, reason } => Act::Escort {
                passage: PassageId::parse(passage),
                reason: Name::new(reason),
            },
            OrderAct::MeasureAgain { passage } => Act::MeasureAgain {
                passage: PassageId::parse(passage),
            },
            OrderAct::AcknowledgeAlert { alert } => Act::AcknowledgeAlert { alert: *alert },
            OrderAct::CloseAlert {
                alert,
                reason,
                comment,
            } => Act::CloseAlert {
                alert: *alert,
                reason: Name::new(reason),
                comment: comment.clone(),
            },
            OrderAct::LockDown { reason } => Act::LockDown {
                reason: Name::new(reason),
            },
            OrderAct::EndLockDown {} => Act::EndLockDown,
        }
    }
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    message_type: String,
    gateway: String,
    number: u64,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// A lane's name, a boot and a count.
fn passage_text(text: &str) -> Result<(), UpstreamError> {
    let fits = (1..=128).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_./".contains(&b));
    match fits {
        true => Ok(()),
        false => Err(UpstreamError::Field { field: "passage" }),
    }
}

const TYPE: &str = "order";
