//! An event on its way up: a CloudEvents 1.0 envelope in structured JSON mode, around the header's
//! exact bytes and the parts that the destination may see.

use gateway_core::event::{Class, EventKind, PartKind};
use gateway_core::moment::ClockTrust;
use serde::{Deserialize, Serialize};

use crate::upstream::{MESSAGE_MAX, UpstreamError, hexadecimal, topic};

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventMessage {
    /// `1.0`.
    pub specversion: String,
    /// The event's number in its journal, in decimal; unique within `source`.
    pub id: String,
    /// `/gateways/<gateway>/journals/<journal>`.
    pub source: String,
    /// `gate.<kind>`, as in the header.
    #[serde(rename = "type")]
    pub event_type: String,
    /// RFC 3339 in UTC of the header's `wall_ms`: a label whose trust `clock` tells. Left out when
    /// the wall clock showed no year that RFC 3339 can write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The passage; else the lane; left out when there is neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// `application/json`.
    pub datacontenttype: String,
    /// The number again, 20 decimal digits: sorts as text.
    pub sequence: String,
    /// SHA-256 of this header's exact bytes in lower-case hex: the `prev` of the next.
    pub chain: String,
    /// How far the gateway trusted its wall clock.
    pub clock: ClockTrust,
    pub data: EventData,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventData {
    /// The header's exact JSON text, inside a string so that its bytes stay as they are: hash them
    /// first, parse them afterwards. Its fields are those of [`EventHeader`].
    pub header: String,
    /// In the order of the header's `parts`.
    pub parts: Vec<PartMessage>,
}

/// A part as this destination gets it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PartMessage {
    Present {
        kind: PartKind,
        class: Class,
        /// 16 bytes in lower-case hex.
        #[serde(with = "hexadecimal")]
        salt: [u8; 16],
        /// The part's exact JSON text. SHA-256 over salt and these bytes is the commitment.
        body: String,
    },
    /// This destination may not see it.
    Withheld { kind: PartKind, class: Class },
    /// Its retention has passed.
    Erased { kind: PartKind, class: Class },
}

impl std::fmt::Debug for PartMessage {
    /// Never the body: it may name a person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (state, kind) = match self {
            PartMessage::Present { kind, .. } => ("Present", kind),
            PartMessage::Withheld { kind, .. } => ("Withheld", kind),
            PartMessage::Erased { kind, .. } => ("Erased", kind),
        };
        write!(f, "{state}({kind:?})")
    }
}

/// Schema 1 of a header, as upstream reads it out of `data.header`. The gateway writes the fields
/// in this order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventHeader {
    pub schema: u16,
    pub gateway: String,
    /// The grid code of the place.
    pub grid: String,
    /// 16 bytes in lower-case hex; another one is another sequence of numbers.
    #[serde(with = "hexadecimal")]
    pub journal: [u8; 16],
    /// From 1, without gaps, within the journal.
    pub number: u64,
    /// Counts the gateway's starts on this journal.
    pub boot: u32,
    /// Microseconds since that start.
    pub mono_us: u64,
    /// Milliseconds since 1970 in UTC, as the wall clock said.
    pub wall_ms: i64,
    /// Minutes east of UTC of the site.
    pub offset_min: i16,
    /// `synchronised`, `held`, `set_by_person` or `unknown`.
    pub clock: ClockTrust,
    pub kind: EventKind,
    pub lane: Option<String>,
    pub passage: Option<String>,
    /// SHA-256 of the header before in lower-case hex; 64 zeros in number 1.
    #[serde(with = "hexadecimal")]
    pub prev: [u8; 32],
    pub parts: Vec<HeaderPart>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderPart {
    /// Who may see it: `identity`, `health` or `detail`.
    pub kind: PartKind,
    /// How long it lives.
    pub class: Class,
    /// SHA-256 over the 16 bytes of salt and the body's exact bytes.
    #[serde(with = "hexadecimal")]
    pub commitment: [u8; 32],
}

impl EventMessage {
    /// The envelope around a header's exact text. `chain` is the SHA-256 of this text in hex;
    /// `parts` stand in the header's order.
    pub fn new(
        header_text: &str,
        chain: String,
        parts: Vec<PartMessage>,
    ) -> Result<EventMessage, UpstreamError> {
        let header: EventHeader =
            serde_json::from_str(header_text).map_err(UpstreamError::Header)?;
        Ok(EventMessage {
            specversion: "1.0".to_owned(),
            id: header.number.to_string(),
            source: source(&header.gateway, &header.journal),
            event_type: format!("gate.{}", topic::kind_name(header.kind)),
            time: jiff::Timestamp::from_millisecond(header.wall_ms)
                .ok()
                .map(|time| time.to_string()),
            subject: header.passage.or(header.lane),
            datacontenttype: "application/json".to_owned(),
            sequence: format!("{:020}", header.number),
            chain,
            clock: header.clock,
            data: EventData {
                header: header_text.to_owned(),
                parts,
            },
        })
    }

    /// The payload.
    pub fn encode(&self) -> Result<Vec<u8>, UpstreamError> {
        serde_json::to_vec(self).map_err(UpstreamError::Encode)
    }

    /// Reads a payload; what it claims is not verified.
    pub fn decode(payload: &[u8]) -> Result<EventMessage, UpstreamError> {
        if payload.len() > MESSAGE_MAX {
            return Err(UpstreamError::TooLong {
                bytes: payload.len(),
            });
        }
        serde_json::from_slice(payload).map_err(|cause| UpstreamError::Body {
            expected: "event",
            cause,
        })
    }
}

/// `/gateways/<gateway>/journals/<journal>`.
pub fn source(gateway: &str, journal: &[u8; 16]) -> String {
    format!("/gateways/{gateway}/journals/{}", hex::encode(journal))
}
