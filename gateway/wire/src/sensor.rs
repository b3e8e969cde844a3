//! Sensor payloads: a declaration says where in a device's messages its readings stand.
//!
//! An adapter is a declaration, not code: the configuration reads it from `config/devices/` and fills the
//! names of the site in; here it is applied to a message. Nothing that arrives can panic: a message is
//! read, means nothing, or is refused by cause. (P-21)

mod decimal;
mod read;

use gateway_core::event::Barrier;
use gateway_core::name::Name;
use gateway_core::reading::{BodySite, Freshness, LoopPlace, Value};

pub use read::{MAX_BYTES, MAX_DEPTH, Message, Refusal};

/// Where the readings of one device stand in its messages, names filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// The name of its file, without the ending.
    pub name: Name,
    pub values: Vec<ValueRule>,
}

/// One value of one kind of message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueRule {
    /// An MQTT topic; `+` stands for one level.
    pub topic: String,
    pub payload: Payload,
    /// All must hold, else the message is of another type and this rule reads nothing.
    pub matches: Vec<Match>,
    pub kind: Kind,
    /// Where the value stands; `None` only for text.
    pub pointer: Option<String>,
    /// Texts that mean "nothing measured"; compared without letter case.
    pub absent: Vec<String>,
    /// When one holds, the device itself says that this is an old record.
    pub replayed: Vec<Match>,
    /// Where the device's own record counter stands.
    pub counter: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    Json,
    /// The payload itself is the value.
    Text,
}

/// A condition on a JSON message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// A JSON pointer (RFC 6901).
    pub pointer: String,
    /// The value there as text; `None`: it is enough that something stands there.
    pub equals: Option<String>,
}

/// What the value is, and how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Card(Spelling),
    Temperature {
        unit: Unit,
        /// The number is written without its point: 366 with 1 means 36.6.
        decimals: u8,
        site: BodySite,
        /// Where the temperature of the air stands, in the same unit.
        ambient: Option<String>,
    },
    Loop {
        place: LoopPlace,
        words: Words,
    },
    /// `on` means open, `off` closed, `moving` in between.
    Arm {
        words: Words,
        moving: Vec<String>,
    },
    /// `on` means active.
    Emergency(Words),
    /// Without words, the message itself says that the device is there.
    Online(Option<Words>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// Hexadecimal of at least two bytes; separators go, letters become upper case.
    Hex,
    /// A token's text of 1 to 64 characters, kept as it is.
    Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Celsius,
    Fahrenheit,
}

/// The words for yes and no; compared without letter case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    pub on: Vec<String>,
    pub off: Vec<String>,
}

/// What one message said.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// `None`: the device says that it measured nothing; its counter still counts.
    pub value: Option<Value>,
    pub freshness: Freshness,
    pub counter: Option<u64>,
}

/// What a barrier's controller is told for each move; what it has no message for, it cannot do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commands {
    pub open: Command,
    pub hold_open: Option<Command>,
    pub release: Option<Command>,
    pub close: Option<Command>,
    /// 0 or 1. A command is never retained.
    pub qos: u8,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub topic: String,
    pub payload: String,
}

impl Commands {
    /// The message for a move; `None` when this controller cannot do it.
    pub fn of(&self, barrier: Barrier) -> Option<&Command> {
        match barrier {
            Barrier::Open => Some(&self.open),
            Barrier::HoldOpen => self.hold_open.as_ref(),
            Barrier::Release => self.release.as_ref(),
            Barrier::Close => self.close.as_ref(),
        }
    }

    /// The topics that the controller must be able to read, each once.
    pub fn topics(&self) -> Vec<&str> {
        let all = [
            Some(&self.open),
            self.hold_open.as_ref(),
            self.release.as_ref(),
            self.close.as_ref(),
        ];
        let mut topics: Vec<&str> = all
            .into_iter()
            .flatten()
            .map(|c| c.topic.as_str())
            .collect();
        topics.sort_unstable();
        topics.dedup();
        topics
    }
}

impl Declaration {
    /// The topics to subscribe to, each once.
    pub fn topics(&self) -> Vec<&str> {
        let mut topics: Vec<&str> = self.values.iter().map(|rule| rule.topic.as_str()).collect();
        topics.sort_unstable();
        topics.dedup();
        topics
    }

    /// Reads one message: its values, none when it means nothing to us, and what was refused of it.
    ///
    /// `retain` and `dup` are the flags of the MQTT packet. A declared value that is not where a message
    /// of its type should have it is [`Refusal::NoValue`]: the device's firmware has drifted.
    pub fn read(&self, topic: &str, payload: &[u8], retain: bool, dup: bool) -> Message {
        read::message(self, topic, payload, carriage(retain, dup))
    }
}

fn carriage(retain: bool, dup: bool) -> Freshness {
    match (retain, dup) {
        (true, _) => Freshness::Retained,
        (false, true) => Freshness::Redelivered,
        (false, false) => Freshness::Live,
    }
}
