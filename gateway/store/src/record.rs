//! A stored record: a header's exact bytes and its parts, as they lie on the disk.
//!
//! ```text
//! "GR" · version 1 · header length u32 · header bytes · number of parts u8
//!   for each part: state u8 (1 present, 2 erased) · cipher u8 (0: none)
//!                  when present: salt 16 · length u32 · body bytes
//! · first 8 bytes of the SHA-256 over all before
//! ```
//! Numbers are little-endian. The checksum finds damage at once; commitments and the chain find
//! what a checksum written anew would hide.

use std::sync::Arc;

use gateway_core::event::{Body, Class, Event, Part, PartKind};

use crate::error::StoreError;
use crate::header::{Hash, Header, SCHEMA, Salt, commitment};

/// One event as the journal keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    pub header: Header,
    /// The exact bytes that are hashed, chained and sent.
    pub header_text: Arc<str>,
    /// SHA-256 of `header_text`.
    pub hash: Hash,
    /// In the order of `header.parts`.
    pub parts: Vec<PartState>,
}

#[derive(Clone, PartialEq, Eq)]
pub enum PartState {
    Present {
        salt: Salt,
        /// The exact bytes that were committed to.
        body: Arc<str>,
    },
    /// Its retention has passed; the header still commits to it.
    Erased,
}

impl std::fmt::Debug for PartState {
    /// Never the body: it may name a person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PartState::Present { body, .. } => write!(f, "Present({} bytes)", body.len()),
            PartState::Erased => f.write_str("Erased"),
        }
    }
}

impl Stored {
    pub fn number(&self) -> u64 {
        self.header.number
    }

    /// Each part with what the header says of it.
    pub fn parts(&self) -> impl Iterator<Item = (PartKind, Class, &PartState)> {
        self.header
            .parts
            .iter()
            .zip(&self.parts)
            .map(|(said, state)| (said.kind, said.class, state))
    }

    /// Names of the pictures that present parts refer to, in hex.
    pub fn evidence(&self) -> Vec<String> {
        let Ok(event) = decode(self) else {
            return Vec::new();
        };
        event
            .parts
            .iter()
            .filter_map(|part| match &part.body {
                Body::Sighting(sighting) => sighting.evidence.as_ref(),
                _ => None,
            })
            .map(|evidence| evidence.sha256.clone())
            .collect()
    }

    /// The first part whose bytes are not what the header commits to.
    pub fn broken_commitment(&self) -> Option<usize> {
        self.header
            .parts
            .iter()
            .zip(&self.parts)
            .position(|(said, state)| match state {
                PartState::Present { salt, body } => {
                    commitment(salt, body.as_bytes()) != said.commitment
                }
                PartState::Erased => false,
            })
    }
}

/// The event as it was recorded; erased parts are left out.
pub fn decode(stored: &Stored) -> Result<Event, StoreError> {
    match stored.header.schema {
        1 => decode_schema_1(stored),
        schema => Err(StoreError::UnknownSchema {
            number: stored.number(),
            schema,
        }),
    }
}

fn decode_schema_1(stored: &Stored) -> Result<Event, StoreError> {
    let header = &stored.header;
    let mut parts = Vec::with_capacity(stored.parts.len());
    for (index, (kind, class, state)) in stored.parts().enumerate() {
        let PartState::Present { body, .. } = state else {
            continue;
        };
        let mut body: Body =
            serde_json::from_str(body).map_err(|cause| StoreError::PartUnreadable {
                number: header.number,
                part: index,
                cause,
            })?;
        if let Body::Facts { facts } = &mut body {
            // A fact's part is not written: it is the part that it stands in.
            for fact in facts {
                fact.part = kind;
            }
        }
        parts.push(Part { kind, class, body });
    }
    Ok(Event {
        at: header.moment(),
        kind: header.kind,
        lane: header.lane.clone(),
        passage: header.passage.clone(),
        parts,
    })
}

const MAGIC: &[u8; 3] = b"GR\x01";
const CHECKSUM: usize = 8;
const PRESENT: u8 = 1;
const ERASED: u8 = 2;
const PLAIN: u8 = 0;

/// The bytes on the disk.
pub fn encode(stored: &Stored) -> Vec<u8> {
    let header = stored.header_text.as_bytes();
    let mut out = Vec::with_capacity(header.len() + 256);
    out.extend_from_slice(MAGIC);
    put_bytes(&mut out, header);
    out.push(stored.parts.len() as u8);
    for part in &stored.parts {
        match part {
            PartState::Present { salt, body } => {
                out.extend_from_slice(&[PRESENT, PLAIN]);
                out.extend_from_slice(salt);
                put_bytes(&mut out, body.as_bytes());
            }
            PartState::Erased => out.extend_from_slice(&[ERASED, PLAIN]),
        }
    }
    let sum = Hash::of(&out);
    out.extend_from_slice(&sum.0[..CHECKSUM]);
    out
}

/// Takes the bytes on the disk apart; `number` is the one under which they were found.
pub fn parse(number: u64, bytes: &[u8]) -> Result<Stored, StoreError> {
    let damaged = |what| StoreError::Damaged { number, what };
    let split = bytes
        .len()
        .checked_sub(CHECKSUM)
        .ok_or(damaged("shorter than its checksum"))?;
    let (content, sum) = bytes.split_at(split);
    if Hash::of(content).0[..CHECKSUM] != *sum {
        return Err(damaged("its checksum differs"));
    }
    let (header_text, parts) = take_apart(content).ok_or(damaged("its framing is wrong"))?;
    let header: Header =
        serde_json::from_str(header_text).map_err(|_| damaged("its header is no header"))?;
    if header.number != number {
        return Err(damaged("it lies under another number"));
    }
    if header.schema > SCHEMA {
        return Err(StoreError::UnknownSchema {
            number,
            schema: header.schema,
        });
    }
    if header.parts.len() != parts.len() {
        return Err(damaged("header and parts differ in number"));
    }
    Ok(Stored {
        hash: Hash::of(header_text.as_bytes()),
        header_text: Arc::from(header_text),
        header,
        parts,
    })
}

/// What a record's header says at a glance, without a parser and without the checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance<'a> {
    pub kind: &'a str,
    pub clock: &'a str,
    pub wall_ms: i64,
    pub passage: Option<&'a str>,
}

/// Looks at the header's fixed fields; `None` when they are not where they must be. Names hold no
/// quotes, so a field's text cannot stand in another field's value.
pub fn glance(bytes: &[u8]) -> Option<Glance<'_>> {
    let mut rest = bytes.strip_prefix(MAGIC)?;
    let header = std::str::from_utf8(take_bytes(&mut rest)?).ok()?;
    let (_, rest) = header.split_once("\"wall_ms\":")?;
    let (wall_ms, rest) = rest.split_once(',')?;
    let (_, rest) = rest.split_once("\"clock\":\"")?;
    let (clock, rest) = rest.split_once('"')?;
    let (_, rest) = rest.split_once("\"kind\":\"")?;
    let (kind, rest) = rest.split_once('"')?;
    let (_, rest) = rest.split_once("\"passage\":")?;
    let passage = rest
        .strip_prefix('"')
        .and_then(|rest| rest.split_once('"'))
        .map(|(passage, _)| passage);
    Some(Glance {
        kind,
        clock,
        wall_ms: wall_ms.parse().ok()?,
        passage,
    })
}

fn take_apart(content: &[u8]) -> Option<(&str, Vec<PartState>)> {
    let mut rest = content.strip_prefix(MAGIC)?;
    let header = std::str::from_utf8(take_bytes(&mut rest)?).ok()?;
    let count = take(&mut rest, 1)?[0];
    let mut parts = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let state = take(&mut rest, 2)?;
        parts.push(match (state[0], state[1]) {
            (PRESENT, PLAIN) => PartState::Present {
                salt: take(&mut rest, 16)?.try_into().ok()?,
                body: Arc::from(std::str::from_utf8(take_bytes(&mut rest)?).ok()?),
            },
            (ERASED, _) => PartState::Erased,
            _ => return None,
        });
    }
    rest.is_empty().then_some((header, parts))
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u32::from_le_bytes(take(rest, 4)?.try_into().ok()?);
    take(rest, length as usize)
}
