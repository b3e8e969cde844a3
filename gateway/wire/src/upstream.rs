//! The contract with upstream: what the gateway says to the municipal platform and what it hears.
//!
//! | topic (MQTT 3.1.1, QoS 1) | direction | payload |
//! |---|---|---|
//! | `gateways/<gateway>/events/<kind>` | up | [`event::EventMessage`], CloudEvents 1.0, structured JSON |
//! | `gateways/<gateway>/status` (retained; last will) | up | [`status::StatusMessage`] |
//! | `gateways/<gateway>/receipts` | down | [`signed::Signed`] around a [`receipt::ReceiptMessage`] |
//! | `gateways/<gateway>/orders` | down | [`signed::Signed`] around an [`order::OrderMessage`] |
//!
//! A platform keeps to this: it stores an event before it answers; it answers events that it has
//! already (the first answer may have been lost); it drops duplicates by `source` and `id`; a
//! journal that it has not seen before begins at 1. A broker's PUBACK is not a receipt.

pub mod event;
mod hexadecimal;
pub mod order;
pub mod receipt;
pub mod signed;
pub mod status;
pub mod topic;

/// Bytes of one message in either direction; a longer one is refused before it is looked at.
pub const MESSAGE_MAX: usize = 1024 * 1024;

/// Why a message of upstream was refused; counted by `code()`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    #[error("a message of {bytes} bytes is longer than {MESSAGE_MAX}")]
    TooLong { bytes: usize },
    #[error("it is no signed envelope")]
    Envelope(#[source] serde_json::Error),
    #[error("its key {key:?} is not known")]
    UnknownKey { key: String },
    #[error("its signature is not 64 bytes of base64")]
    SignatureText,
    #[error("its signature does not fit")]
    Signature,
    #[error("the body is not a {expected}")]
    Body {
        expected: &'static str,
        #[source]
        cause: serde_json::Error,
    },
    #[error("the body is a {found:?}, not a {expected}")]
    OtherType {
        expected: &'static str,
        found: String,
    },
    #[error("it is for gateway {found:?}")]
    OtherGateway { found: String },
    #[error("its {field} is too long or has other characters than it may")]
    Field { field: &'static str },
    #[error("a key file holds 32 bytes in base64, and this one does not")]
    KeyText,
    #[error("an event's header is not what schema 1 describes")]
    Header(#[source] serde_json::Error),
    #[error("a message cannot be written as JSON")]
    Encode(#[source] serde_json::Error),
}

impl UpstreamError {
    /// Names the counter.
    pub fn code(&self) -> &'static str {
        match self {
            UpstreamError::TooLong { .. } => "too_long",
            UpstreamError::Envelope(_) => "malformed_envelope",
            UpstreamError::UnknownKey { .. } => "unknown_key",
            UpstreamError::SignatureText => "malformed_signature",
            UpstreamError::Signature => "wrong_signature",
            UpstreamError::Body { .. } => "malformed_body",
            UpstreamError::OtherType { .. } => "other_type",
            UpstreamError::OtherGateway { .. } => "other_gateway",
            UpstreamError::Field { .. } => "malformed_field",
            UpstreamError::KeyText => "malformed_key",
            UpstreamError::Header(_) => "malformed_header",
            UpstreamError::Encode(_) => "not_encodable",
        }
    }
}

/// Text from outside that becomes a name: what a configuration could have written.
fn name_text(field: &'static str, text: &str) -> Result<(), UpstreamError> {
    let fits = (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_./".contains(&b));
    match fits {
        true => Ok(()),
        false => Err(UpstreamError::Field { field }),
    }
}
