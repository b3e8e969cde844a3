//! Look-alike characters: a plate that matches a list only after a swap may alert, never admit.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::lists::{Key, ListName, Lists};
use crate::plate::Plate;

/// The plates of the lists with every look-alike character replaced by one of its class.
#[derive(Clone, Debug, Default)]
pub struct Lookalikes {
    vehicles: Side,
    watched: Side,
}

/// One list's shapes: the owner's, and those entered here.
#[derive(Clone, Debug, Default)]
struct Side {
    owner: Arc<Shapes>,
    local: Shapes,
}

/// How many plates have each shape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shapes(BTreeMap<String, u32>);

impl Shapes {
    /// Costs one string a plate.
    pub fn of<'a>(plates: impl IntoIterator<Item = &'a Plate>) -> Shapes {
        let mut shapes = Shapes::default();
        for plate in plates {
            shapes.add(plate);
        }
        shapes
    }

    fn add(&mut self, plate: &Plate) {
        *self.0.entry(shape(plate)).or_insert(0) += 1;
    }

    fn remove(&mut self, plate: &Plate) {
        let shape = shape(plate);
        if let Some(count) = self.0.get_mut(&shape) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&shape);
            }
        }
    }
}

impl Lookalikes {
    /// Built once; [`Lists::apply`] keeps it in step.
    pub fn of(lists: &Lists) -> Lookalikes {
        Lookalikes {
            vehicles: Side {
                owner: Arc::new(Shapes::of(lists.vehicles.entries.keys())),
                local: Shapes::of(lists.vehicles.local.keys()),
            },
            watched: Side {
                owner: Arc::new(Shapes::of(lists.watched_plates.entries.keys())),
                local: Shapes::of(lists.watched_plates.local.keys()),
            },
        }
    }

    /// Whether some listed or watched plate has the same shape. An exact match has it too;
    /// the caller asks the lists first.
    pub fn resemble(&self, plate: &Plate) -> bool {
        let shape = shape(plate);
        self.vehicles.has(&shape) || self.watched.has(&shape)
    }

    /// Whether some watched plate has the same shape.
    pub fn resemble_watched(&self, plate: &Plate) -> bool {
        self.watched.has(&shape(plate))
    }

    fn side(&mut self, list: ListName) -> Option<&mut Side> {
        match list {
            ListName::Vehicles => Some(&mut self.vehicles),
            ListName::WatchedPlates => Some(&mut self.watched),
            _ => None,
        }
    }

    pub(crate) fn swapped(&mut self, list: ListName, shapes: Option<&Arc<Shapes>>) {
        if let (Some(side), Some(shapes)) = (self.side(list), shapes) {
            side.owner = Arc::clone(shapes);
        }
    }

    pub(crate) fn came(&mut self, list: ListName, key: &Key, layer: Layer) {
        if let (Some(side), Key::Plate(plate)) = (self.side(list), key) {
            side.shapes(layer).add(plate);
        }
    }

    pub(crate) fn gone(&mut self, list: ListName, key: &Key, layer: Layer) {
        if let (Some(side), Key::Plate(plate)) = (self.side(list), key) {
            side.shapes(layer).remove(plate);
        }
    }
}

/// Which entries of a list: the owner's or those entered here.
#[derive(Clone, Copy)]
pub(crate) enum Layer {
    Owner,
    Local,
}

impl Side {
    fn has(&self, shape: &str) -> bool {
        self.owner.0.contains_key(shape) || self.local.0.contains_key(shape)
    }

    fn shapes(&mut self, layer: Layer) -> &mut Shapes {
        match layer {
            Layer::Owner => Arc::make_mut(&mut self.owner),
            Layer::Local => &mut self.local,
        }
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
