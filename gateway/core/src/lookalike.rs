//! Look-alike characters: a plate that matches a list only after a swap may alert, never admit.

use std::collections::BTreeSet;

use crate::lists::Lists;
use crate::plate::Plate;

/// The plates of the lists with every look-alike character replaced by one of its class.
#[derive(Clone, Debug, Default)]
pub struct Lookalikes {
    shapes: BTreeSet<String>,
}

impl Lookalikes {
    /// Built once for each version of the lists; costs one string a listed or watched plate.
    pub fn of(lists: &Lists) -> Lookalikes {
        let listed = lists.vehicles.entries.keys();
        let watched = lists.watched_plates.entries.keys();
        Lookalikes {
            shapes: listed.chain(watched).map(shape).collect(),
        }
    }

    /// Whether some listed or watched plate has the same shape. An exact match has it too;
    /// the caller asks the lists first.
    pub fn resemble(&self, plate: &Plate) -> bool {
        self.shapes.contains(&shape(plate))
    }
}

fn shape(plate: &Plate) -> String {
    plate.reveal().chars().map(class).collect()
}

/// The pairs that readers confuse on real plates.
fn class(character: char) -> char {
    match character {
        'D' | 'O' | 'Q' => '0',
        'B' => '8',
        'Z' => '2',
        'S' | '9' => '5',
        'G' => '6',
        'I' | 'L' | 'T' | '7' => '1',
        'F' => 'E',
        other => other,
    }
}
