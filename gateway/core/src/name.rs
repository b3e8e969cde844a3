//! Names: short identifiers that the configuration or the gateway itself gives to things.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A lane, camera, device, rule, list, account or destination, as the configuration writes it.
///
/// Cheap to clone. One to 64 bytes of `a-z A-Z 0-9 - _ . /`; the configuration checks that.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Name(Arc<str>);

impl Name {
    pub fn new(text: &str) -> Name {
        Name(Arc::from(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Name {
        Name::new(text)
    }
}

impl From<String> for Name {
    fn from(text: String) -> Name {
        Name(Arc::from(text))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &self.0)
    }
}

/// `LANE-BOOT-COUNT`: unique for the life of a journal, the same in every replay.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PassageId(Arc<str>);

impl PassageId {
    pub fn new(lane: &Name, boot: u32, count: u64) -> PassageId {
        PassageId(Arc::from(format!("{lane}-{boot}-{count}")))
    }

    /// Takes back an id that was printed, as an order carries it.
    pub fn parse(text: &str) -> PassageId {
        PassageId(Arc::from(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PassageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PassageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
