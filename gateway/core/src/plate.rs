//! Plates and cards: personal data that prints masked and leaves only through `reveal()`.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A plate's text without the dot, as read; not necessarily one that the grammar allows.
///
/// Serialising (for the journal) writes it in full; `Debug` and `Display` mask the middle.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Plate(Arc<str>);

/// A card's number as upper-case hex without separators, or a token's text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Card(Arc<str>);

macro_rules! personal {
    ($name:ident, $head:expr, $tail:expr) => {
        impl $name {
            pub fn new(text: &str) -> $name {
                $name(Arc::from(text))
            }

            /// The full text. Each call is a place where personal data leaves.
            pub fn reveal(&self) -> &str {
                &self.0
            }

            /// The ends only, the middle as dots.
            pub fn masked(&self) -> String {
                mask(&self.0, $head, $tail)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.masked())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.masked())
            }
        }
    };
}

personal!(Plate, 2, 1);
personal!(Card, 0, 2);

fn mask(text: &str, head: usize, tail: usize) -> String {
    let count = text.chars().count();
    if count <= head + tail {
        return "•".repeat(count);
    }
    text.chars()
        .enumerate()
        .map(|(i, c)| {
            if i < head || i >= count - tail {
                c
            } else {
                '•'
            }
        })
        .collect()
}

/// Which pattern of the grammar the text follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlateKind {
    /// Province, letter and five: blue small or yellow large vehicles.
    Ordinary,
    /// 警.
    Police,
    /// 学.
    Learner,
    /// 挂.
    Trailer,
    /// 粤Z…港 or 粤Z…澳.
    HongKongMacau,
    /// 领.
    Consulate,
    /// 使.
    Embassy,
    NewEnergySmall,
    NewEnergyLarge,
    /// WJ.
    ArmedPolice,
    /// 试, 超, 临: temporary and test plates.
    Temporary,
    /// Not within the grammar: kept as it was read.
    Raw,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlateColour {
    Blue,
    Yellow,
    Green,
    YellowGreen,
    White,
    Black,
    Unknown,
}
