//! An event's header: what is chained, sent to every destination and never erased.
//!
//! A header's *exact bytes* are its JSON text with the fields in the order in which they are
//! declared here, without spaces. Its hash is SHA-256 over these bytes; the next header names it.

use std::fmt;

use gateway_core::event::{Class, EventKind, PartKind};
use gateway_core::moment::{ClockTrust, Moment, Mono};
use gateway_core::name::{Name, PassageId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// The schema that this version writes. Older ones are read by decoders of their own.
pub const SCHEMA: u16 = 1;

/// Field order is the contract: the platform hashes these bytes as they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    pub schema: u16,
    pub gateway: Name,
    /// The grid code of the place, as the municipality numbers it.
    pub grid: Name,
    pub journal: JournalId,
    /// From 1, without gaps, within a journal.
    pub number: u64,
    pub boot: u32,
    /// Microseconds since that boot.
    pub mono_us: u64,
    /// Milliseconds since 1970 as the wall clock said.
    pub wall_ms: i64,
    /// Minutes east of UTC of the site.
    pub offset_min: i16,
    /// How far the wall clock was trusted.
    pub clock: ClockTrust,
    pub kind: EventKind,
    pub lane: Option<Name>,
    pub passage: Option<PassageId>,
    /// Hash of the header before; all zero for number 1.
    pub prev: Hash,
    pub parts: Vec<Committed>,
}

impl Header {
    pub fn moment(&self) -> Moment {
        Moment {
            boot: self.boot,
            mono: Mono(self.mono_us),
            wall_ms: self.wall_ms,
            offset_min: self.offset_min,
            trust: self.clock,
        }
    }
}

/// What a header says of a part: it holds even when the part is withheld or erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committed {
    pub kind: PartKind,
    pub class: Class,
    /// SHA-256 over the 16-byte salt and the part's exact JSON bytes.
    pub commitment: Hash,
}

/// 16 random bytes that go before the part's bytes into its commitment, so that a short value
/// cannot be found by trying.
pub type Salt = [u8; 16];

pub fn commitment(salt: &Salt, body: &[u8]) -> Hash {
    let mut sha = Sha256::new();
    sha.update(salt);
    sha.update(body);
    Hash(sha.finalize().into())
}

/// A SHA-256; lower-case hex in JSON.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The `prev` of number 1.
    pub const ZERO: Hash = Hash([0; 32]);

    pub fn of(bytes: &[u8]) -> Hash {
        Hash(Sha256::digest(bytes).into())
    }
}

/// A random id made whenever a journal is created, restored or rebuilt after a loss, so that
/// numbers never collide upstream; 16 bytes, lower-case hex in JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JournalId(pub [u8; 16]);

macro_rules! hex_text {
    ($name:ident, $bytes:expr) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), hex::encode(self.0))
            }
        }

        impl std::str::FromStr for $name {
            type Err = hex::FromHexError;

            /// Lower-case hex only: one value has one text.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                if let Some((index, c)) = text
                    .char_indices()
                    .find(|(_, c)| !matches!(c, '0'..='9' | 'a'..='f'))
                {
                    return Err(hex::FromHexError::InvalidHexCharacter { c, index });
                }
                let mut bytes = [0; $bytes];
                hex::decode_to_slice(text, &mut bytes)?;
                Ok($name(bytes))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                let mut text = [0; $bytes * 2];
                hex::encode_to_slice(self.0, &mut text).map_err(serde::ser::Error::custom)?;
                to.serialize_str(std::str::from_utf8(&text).map_err(serde::ser::Error::custom)?)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

hex_text!(Hash, 32);
hex_text!(JournalId, 16);
