//! Licence plates of every kind, correct in grammar: what the drawn vehicles wear.

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// The 31 provincial abbreviations with how many city letters (from A, without I and O) each one uses.
pub const PROVINCES: [(char, usize); 31] = [
    ('京', 14),
    ('津', 12),
    ('沪', 4),
    ('渝', 7),
    ('冀', 11),
    ('豫', 17),
    ('云', 16),
    ('辽', 13),
    ('黑', 12),
    ('湘', 13),
    ('皖', 16),
    ('鲁', 17),
    ('新', 14),
    ('苏', 12),
    ('浙', 11),
    ('赣', 11),
    ('鄂', 16),
    ('桂', 13),
    ('甘', 14),
    ('晋', 11),
    ('蒙', 11),
    ('陕', 9),
    ('吉', 9),
    ('闽', 9),
    ('贵', 9),
    ('粤', 20),
    ('青', 8),
    ('藏', 7),
    ('川', 18),
    ('宁', 5),
    ('琼', 5),
];

const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
const DIGITS: &[u8] = b"0123456789";

/// What a plate looks like and how its number is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlateKind {
    /// Small cars: white on blue, 440 × 140 mm, seven characters.
    Blue,
    /// Large vehicles, front: black on yellow, 440 × 140 mm.
    YellowOneRow,
    /// Large vehicles, rear, and trailers: black on yellow, 440 × 220 mm, two rows.
    YellowTwoRow,
    /// Small new energy cars: black on white-to-green, 480 × 140 mm, eight characters.
    GreenSmall,
    /// Large new energy vehicles: black on yellow and green, 480 × 140 mm, eight characters.
    GreenLarge,
    /// Police: black on white with a red 警 at the end.
    Police,
    /// Driving schools: black on yellow with 学 at the end.
    Learner,
    /// Cars from Hong Kong and Macau: white on black, 粤Z…港 or 粤Z…澳.
    HkMacau,
}

impl PlateKind {
    /// Every kind, the commonest first.
    pub const ALL: [PlateKind; 8] = [
        PlateKind::Blue,
        PlateKind::GreenSmall,
        PlateKind::YellowOneRow,
        PlateKind::GreenLarge,
        PlateKind::YellowTwoRow,
        PlateKind::Police,
        PlateKind::Learner,
        PlateKind::HkMacau,
    ];

    /// The colour that the recogniser should report.
    pub fn colour(self) -> Colour {
        match self {
            PlateKind::Blue => Colour::Blue,
            PlateKind::YellowOneRow | PlateKind::YellowTwoRow | PlateKind::Learner => {
                Colour::Yellow
            }
            PlateKind::GreenSmall => Colour::Green,
            PlateKind::GreenLarge => Colour::YellowGreen,
            PlateKind::Police => Colour::White,
            PlateKind::HkMacau => Colour::Black,
        }
    }

    /// Width and height of the plate in millimetres.
    pub fn size_mm(self) -> (u32, u32) {
        match self {
            PlateKind::GreenSmall | PlateKind::GreenLarge => (480, 140),
            PlateKind::YellowTwoRow => (440, 220),
            _ => (440, 140),
        }
    }
}

/// The colour of a plate's ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    /// White characters.
    Blue,
    /// Black characters.
    Yellow,
    /// White to green, black characters.
    Green,
    /// Yellow at the left, green at the right, black characters.
    YellowGreen,
    /// Black characters, one red.
    White,
    /// White characters.
    Black,
}

/// A plate: its number without the dot, and its kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Plate {
    /// Seven or eight characters, for example `闽E12345`.
    pub text: String,
    /// What it looks like.
    pub kind: PlateKind,
}

/// Makes plates: kinds in the proportions of a compound's gate, every province in turn.
pub struct PlateMaker {
    kinds: Vec<PlateKind>,
    provinces: Vec<(char, usize)>,
}

/// Sixteen vehicles at a gate. Each kind comes at least once, so that a minute shows them all.
const MIX: [PlateKind; 16] = [
    PlateKind::Blue,
    PlateKind::Blue,
    PlateKind::Blue,
    PlateKind::Blue,
    PlateKind::Blue,
    PlateKind::Blue,
    PlateKind::Blue,
    PlateKind::GreenSmall,
    PlateKind::GreenSmall,
    PlateKind::GreenSmall,
    PlateKind::YellowOneRow,
    PlateKind::YellowTwoRow,
    PlateKind::GreenLarge,
    PlateKind::Police,
    PlateKind::Learner,
    PlateKind::HkMacau,
];

impl PlateMaker {
    /// An empty deck: the first plate shuffles kinds and provinces.
    pub fn new() -> Self {
        PlateMaker {
            kinds: Vec::new(),
            provinces: Vec::new(),
        }
    }

    /// The next plate of the usual mix.
    pub fn next(&mut self, rng: &mut ChaCha8Rng) -> Plate {
        let kind = deal(&mut self.kinds, &MIX, rng);
        self.of_kind(kind, rng)
    }

    /// A plate of the given kind, of the next province in turn.
    pub fn of_kind(&mut self, kind: PlateKind, rng: &mut ChaCha8Rng) -> Plate {
        let mut text = String::new();
        if kind == PlateKind::HkMacau {
            text.push_str("粤Z");
        } else {
            let (province, cities) = deal(&mut self.provinces, &PROVINCES, rng);
            text.push(province);
            text.push(LETTERS[rng.gen_range(0..cities)] as char);
        }
        match kind {
            PlateKind::Blue | PlateKind::YellowOneRow => serial(&mut text, 5, rng),
            PlateKind::YellowTwoRow if rng.gen_bool(0.3) => {
                serial(&mut text, 4, rng);
                text.push('挂');
            }
            PlateKind::YellowTwoRow => serial(&mut text, 5, rng),
            PlateKind::GreenSmall => {
                text.push(pick(b"DDDFFFABCEGHJK", rng));
                text.push(if rng.gen_bool(0.3) {
                    pick(LETTERS, rng)
                } else {
                    pick(DIGITS, rng)
                });
                (0..4).for_each(|_| text.push(pick(DIGITS, rng)));
            }
            PlateKind::GreenLarge => {
                (0..5).for_each(|_| text.push(pick(DIGITS, rng)));
                text.push(pick(b"DDDFFFABCEGHJK", rng));
            }
            PlateKind::Police => {
                serial(&mut text, 4, rng);
                text.push('警');
            }
            PlateKind::Learner => {
                serial(&mut text, 4, rng);
                text.push('学');
            }
            PlateKind::HkMacau => {
                serial(&mut text, 4, rng);
                text.push(if rng.gen_bool(0.5) { '港' } else { '澳' });
            }
        }
        Plate { text, kind }
    }
}

impl Default for PlateMaker {
    fn default() -> Self {
        PlateMaker::new()
    }
}

/// Appends `length` characters, mostly digits with at most two letters, as issued plates have.
fn serial(text: &mut String, length: usize, rng: &mut ChaCha8Rng) {
    let letters = rng.gen_range(0..=2);
    let mut places: Vec<bool> = (0..length).map(|place| place < letters).collect();
    places.shuffle(rng);
    for letter in places {
        text.push(pick(if letter { LETTERS } else { DIGITS }, rng));
    }
}

fn pick(from: &[u8], rng: &mut ChaCha8Rng) -> char {
    from[rng.gen_range(0..from.len())] as char
}

/// Takes the top of a deck; an empty deck is filled again and shuffled, so that everything comes in turn.
pub(crate) fn deal<T: Copy>(deck: &mut Vec<T>, full: &[T], rng: &mut ChaCha8Rng) -> T {
    if deck.is_empty() {
        deck.extend_from_slice(full);
        deck.shuffle(rng);
    }
    deck.pop().unwrap_or(full[0])
}
