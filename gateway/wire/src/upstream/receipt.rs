//! A receipt: upstream's word that it stored events, by ranges of numbers.

use gateway_core::name::Name;
use serde::{Deserialize, Serialize};

use crate::upstream::signed::{Keys, Signed};
use crate::upstream::{UpstreamError, hexadecimal};

/// The body inside the signed envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptMessage {
    /// `receipt`.
    #[serde(rename = "type")]
    pub message_type: String,
    /// Whose events.
    pub gateway: String,
    /// Of which journal; 16 bytes in lower-case hex.
    #[serde(with = "hexadecimal")]
    pub journal: [u8; 16],
    /// Who stored them: the destination as the gateway's configuration names it.
    pub destination: String,
    /// At most 1,024.
    pub ranges: Vec<ReceiptRange>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptRange {
    /// All of `from` to `to` are stored, both ends included.
    pub from: u64,
    pub to: u64,
    /// SHA-256 of header `to` in lower-case hex: it vouches for all headers before it.
    #[serde(with = "hexadecimal")]
    pub hash: [u8; 32],
}

impl ReceiptMessage {
    pub fn new(
        gateway: &Name,
        journal: [u8; 16],
        destination: &Name,
        ranges: Vec<ReceiptRange>,
    ) -> ReceiptMessage {
        ReceiptMessage {
            message_type: TYPE.to_owned(),
            gateway: gateway.to_string(),
            journal,
            destination: destination.to_string(),
            ranges,
        }
    }

    /// The receipt in a payload that one of `keys` signed for `gateway`. Whether it is true is for
    /// the outbox to judge.
    pub fn open(
        payload: &[u8],
        keys: &Keys,
        gateway: &Name,
    ) -> Result<ReceiptMessage, UpstreamError> {
        let body = Signed::open(payload, keys)?;
        let receipt: ReceiptMessage =
            serde_json::from_str(&body).map_err(|cause| UpstreamError::Body {
                expected: TYPE,
                cause,
            })?;
        if receipt.message_type != TYPE {
            return Err(UpstreamError::OtherType {
                expected: TYPE,
                found: receipt.message_type.chars().take(32).collect(),
            });
        }
        if receipt.gateway != gateway.as_str() {
            return Err(UpstreamError::OtherGateway {
                found: receipt.gateway.chars().take(64).collect(),
            });
        }
        Ok(receipt)
    }
}

const TYPE: &str = "receipt";
