//! Characters that readers of plates confuse, as the simulated misreads and the look-alike plates
//! use them.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

const PAIRS: [(char, char); 8] = [
    ('0', 'D'),
    ('8', 'B'),
    ('2', 'Z'),
    ('5', 'S'),
    ('6', 'G'),
    ('1', 'L'),
    ('E', 'F'),
    ('7', 'T'),
];

/// The plate with its last confusable character after the first two swapped; `None` when it has
/// none.
pub fn swapped(plate: &str) -> Option<String> {
    let places = confusable(plate);
    places.last().map(|place| swap(plate, *place))
}

/// The plate with one confusable character swapped at random.
pub fn misread(plate: &str, dice: &mut ChaCha8Rng) -> Option<String> {
    let places = confusable(plate);
    if places.is_empty() {
        return None;
    }
    Some(swap(plate, places[dice.gen_range(0..places.len())]))
}

fn confusable(plate: &str) -> Vec<usize> {
    plate
        .chars()
        .enumerate()
        .skip(2)
        .filter(|(_, c)| other(*c).is_some())
        .map(|(place, _)| place)
        .collect()
}

fn swap(plate: &str, at: usize) -> String {
    plate
        .chars()
        .enumerate()
        .map(|(place, c)| match other(c) {
            Some(other) if place == at => other,
            _ => c,
        })
        .collect()
}

fn other(c: char) -> Option<char> {
    PAIRS.iter().find_map(|(a, b)| match c {
        c if c == *a => Some(*b),
        c if c == *b => Some(*a),
        _ => None,
    })
}
