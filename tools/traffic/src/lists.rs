//! The lists that the gate of a scenario knows: residents' vehicles, cards and watched plates.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::plate::{Plate, PlateMaker};

/// How many vehicles, cards, strangers and watched plates a scenario has. The pool is finite so that the
/// clips of the camera simulator can be kept.
pub(crate) const VEHICLES: usize = 48;
pub(crate) const CARDS: usize = 64;
pub(crate) const STRANGERS: usize = 16;
pub(crate) const WATCHED: usize = 4;

/// One row of a list: a plate or card, and its holder or the reason why it is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The plate's text, or the card as upper-case hex.
    pub key: String,
    /// The holder (`3栋2单元501`) or the reason.
    pub note: String,
}

/// Who the gate knows. Rows are in a fixed order for a seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lists {
    /// Residents' vehicles: plate, holder.
    pub vehicles: Vec<Row>,
    /// Residents' cards: card, holder.
    pub cards: Vec<Row>,
    /// Watched plates: plate, reason.
    pub watched: Vec<Row>,
}

impl Lists {
    /// Writes `vehicles.csv` (`plate,holder`), `cards.csv` (`card,holder`) and `watched.csv`
    /// (`plate,reason`) into the folder, which is created.
    pub fn write_csv(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let files = [
            ("vehicles.csv", "plate,holder", &self.vehicles),
            ("cards.csv", "card,holder", &self.cards),
            ("watched.csv", "plate,reason", &self.watched),
        ];
        for (name, header, rows) in files {
            let mut text = format!("{header}\n");
            for row in rows {
                let _ = writeln!(text, "{},{}", row.key, row.note);
            }
            fs::write(folder.join(name), text)?;
        }
        Ok(())
    }
}

/// Everyone who can come: the lists, and those on no list.
pub(crate) struct Pool {
    pub vehicles: Vec<Plate>,
    pub watched: Vec<Plate>,
    pub strangers: Vec<Plate>,
    pub cards: Vec<String>,
    pub unknown_cards: Vec<String>,
    pub lists: Lists,
}

impl Pool {
    pub(crate) fn generate(seed: u64) -> Pool {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(0);
        let mut maker = PlateMaker::new();
        let mut known = HashSet::new();
        let mut plates = |count: usize, rng: &mut ChaCha8Rng| {
            let mut plates = Vec::with_capacity(count);
            while plates.len() < count {
                let plate = maker.next(rng);
                if known.insert(plate.text.clone()) {
                    plates.push(plate);
                }
            }
            plates
        };
        let vehicles = plates(VEHICLES, &mut rng);
        let strangers = plates(STRANGERS, &mut rng);
        let watched = plates(WATCHED, &mut rng);
        let (cards, unknown_cards) = cards(&mut rng);
        let lists = Lists {
            vehicles: vehicles
                .iter()
                .map(|plate| row(&plate.text, home(&mut rng)))
                .collect(),
            cards: cards.iter().map(|card| row(card, home(&mut rng))).collect(),
            watched: watched
                .iter()
                .enumerate()
                .map(|(at, plate)| row(&plate.text, REASONS[at % REASONS.len()].to_owned()))
                .collect(),
        };
        Pool {
            vehicles,
            watched,
            strangers,
            cards,
            unknown_cards,
            lists,
        }
    }
}

const REASONS: [&str; 2] = ["来自重点关注地区", "公安协查"];

fn row(key: &str, note: String) -> Row {
    Row {
        key: key.to_owned(),
        note,
    }
}

fn home(rng: &mut ChaCha8Rng) -> String {
    format!(
        "{}栋{}单元{}0{}",
        rng.gen_range(1..=12),
        rng.gen_range(1..=3),
        rng.gen_range(1..=9),
        rng.gen_range(1..=4)
    )
}

/// Cards as their readers print them: four bytes, upper-case hex, no separators.
fn cards(rng: &mut ChaCha8Rng) -> (Vec<String>, Vec<String>) {
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    while all.len() < CARDS + STRANGERS {
        let card = format!("{:08X}", rng.r#gen::<u32>());
        if seen.insert(card.clone()) {
            all.push(card);
        }
    }
    let unknown = all.split_off(CARDS);
    (all, unknown)
}
