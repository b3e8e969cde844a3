//! Who comes to which lane, when, with what, and what the gate should decide.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::lists::{Lists, Pool};
use crate::plate::{Plate, deal};
use crate::{ENTRY, EXIT, WALK};

/// From entering the picture to standing at the arm, milliseconds.
pub const APPROACH_MS: u64 = 2_000;
/// How long a vehicle stands at the arm, milliseconds.
pub const STANDING_MS: u64 = 2_200;
/// From starting again to being out of the picture, milliseconds.
pub const LEAVING_MS: u64 = 1_200;

/// What to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Decides everything else.
    pub seed: u64,
    /// Arrivals are generated while they come before this moment, milliseconds from the start.
    pub until_ms: u64,
}

impl Spec {
    /// A scenario of so many seconds.
    pub fn seconds(seed: u64, seconds: u64) -> Spec {
        Spec {
            seed,
            until_ms: seconds * 1_000,
        }
    }
}

/// The whole plan of a gate: three lanes, their arrivals in order, and the lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// The seed that it came from.
    pub seed: u64,
    /// `in-1`, `out-1` and `walk-1`.
    pub lanes: Vec<Lane>,
    lists: Lists,
}

/// One lane's arrivals, in the order of `at_ms`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// The lane's name, for example `in-1`.
    pub name: String,
    /// For whom it is, and which way.
    pub kind: LaneKind,
    /// Who comes, in order.
    pub arrivals: Vec<Arrival>,
}

/// For whom a lane is, and which way it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneKind {
    /// Vehicles come in: residents only.
    Entry,
    /// Vehicles go out: everybody but the watched.
    Exit,
    /// Persons come in with card and temperature.
    Walk,
}

/// One vehicle or person, and what should become of them. Times are milliseconds from the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// Unique in the scenario: lane, dash, number from 1, for example `in-1-0003`.
    pub id: String,
    /// Enters the picture.
    pub appear_ms: u64,
    /// Stands at the arm (the loop becomes occupied) or at the reader.
    pub at_ms: u64,
    /// Starts to go (the loop becomes free shortly after).
    pub leave_ms: u64,
    /// Is out of the picture.
    pub gone_ms: u64,
    /// Who it is.
    #[serde(flatten)]
    pub kind: Kind,
    /// What the gate should decide.
    pub expected: Verdict,
    /// The reason.
    pub why: Why,
}

/// Who comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "who", rename_all = "snake_case")]
pub enum Kind {
    /// A vehicle and its plate.
    Vehicle {
        /// Text and kind.
        plate: Plate,
        /// A number that picks the look of the car's body.
        body: u32,
        /// Is on the residents' list.
        listed: bool,
        /// Is on the watched list.
        watched: bool,
    },
    /// A person.
    Person {
        /// The card presented at `at_ms`; none when it is forgotten.
        card: Option<String>,
        /// The temperature taken, in millidegrees Celsius; none when the thermometer gives none.
        celsius_milli: Option<i32>,
        /// The temperature comes so long after `at_ms`, milliseconds.
        temperature_after_ms: u64,
    },
}

/// What the gate should decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// May pass.
    Admit,
    /// A person must look.
    Hold,
    /// May not pass.
    Refuse,
}

/// Why the gate should decide so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// A resident's vehicle comes in.
    ListedVehicle,
    /// A vehicle on no list wants to come in: hold with an alert.
    UnlistedVehicle,
    /// A watched plate: hold with a severe alert.
    WatchedPlate,
    /// A vehicle goes out.
    Leaving,
    /// A listed card and 35.0 to 37.3 °C.
    CardAndTemperature,
    /// More than 37.3 °C: hold with an alert.
    Fever,
    /// Less than 35.0 °C: hold and measure again.
    TooCold,
    /// A card on no list.
    UnknownCard,
    /// No card: hold.
    MissingCard,
    /// No temperature: hold.
    MissingTemperature,
}

impl Scenario {
    /// The scenario of a seed. A longer one begins like a shorter one.
    pub fn generate(spec: &Spec) -> Scenario {
        let pool = Pool::generate(spec.seed);
        let lanes = vec![
            vehicles(spec, &pool, LaneKind::Entry),
            vehicles(spec, &pool, LaneKind::Exit),
            persons(spec, &pool),
        ];
        Scenario {
            seed: spec.seed,
            lanes,
            lists: pool.lists,
        }
    }

    /// The lists that the gate should be given.
    pub fn lists(&self) -> &Lists {
        &self.lists
    }

    /// The lane of that name.
    pub fn lane(&self, name: &str) -> Option<&Lane> {
        self.lanes.iter().find(|lane| lane.name == name)
    }

    /// Every arrival with its lane's name, by the time at which it stands at the arm or reader.
    pub fn timeline(&self) -> Vec<(&str, &Arrival)> {
        let mut all: Vec<_> = self
            .lanes
            .iter()
            .flat_map(|lane| {
                lane.arrivals
                    .iter()
                    .map(move |arrival| (lane.name.as_str(), arrival))
            })
            .collect();
        all.sort_by_key(|(lane, arrival)| (arrival.at_ms, *lane));
        all
    }
}

#[derive(Clone, Copy)]
enum Driver {
    Resident,
    Stranger,
    Watched,
}

const DRIVERS: [Driver; 8] = [
    Driver::Resident,
    Driver::Resident,
    Driver::Resident,
    Driver::Resident,
    Driver::Resident,
    Driver::Stranger,
    Driver::Stranger,
    Driver::Watched,
];

fn vehicles(spec: &Spec, pool: &Pool, kind: LaneKind) -> Lane {
    let entry = kind == LaneKind::Entry;
    let name = if entry { ENTRY } else { EXIT };
    let mut rng = ChaCha8Rng::seed_from_u64(spec.seed);
    rng.set_stream(if entry { 1 } else { 2 });
    let mut deck = Vec::new();
    // The lanes walk through the same people from different places, so that nobody is at both at once.
    let half = |count: usize| if entry { 0 } else { count / 2 };
    let mut next = [
        half(pool.vehicles.len()),
        half(pool.strangers.len()),
        half(pool.watched.len()),
    ];
    let mut appear_ms = if entry { 800 } else { 2_400 };
    let mut arrivals = Vec::new();
    while appear_ms < spec.until_ms {
        let driver = deal(&mut deck, &DRIVERS, &mut rng);
        let (group, offset) = match driver {
            Driver::Resident => (&pool.vehicles, 0),
            Driver::Stranger => (&pool.strangers, 100),
            Driver::Watched => (&pool.watched, 200),
        };
        let turn = &mut next[offset / 100];
        let person = *turn % group.len();
        *turn += 1;
        let (expected, why) = match (driver, entry) {
            (Driver::Watched, _) => (Verdict::Hold, Why::WatchedPlate),
            (_, false) => (Verdict::Admit, Why::Leaving),
            (Driver::Resident, true) => (Verdict::Admit, Why::ListedVehicle),
            (Driver::Stranger, true) => (Verdict::Hold, Why::UnlistedVehicle),
        };
        let at_ms = appear_ms + APPROACH_MS;
        arrivals.push(Arrival {
            id: format!("{name}-{:04}", arrivals.len() + 1),
            appear_ms,
            at_ms,
            leave_ms: at_ms + STANDING_MS,
            gone_ms: at_ms + STANDING_MS + LEAVING_MS,
            kind: Kind::Vehicle {
                plate: group[person].clone(),
                body: (person + offset) as u32,
                listed: matches!(driver, Driver::Resident),
                watched: matches!(driver, Driver::Watched),
            },
            expected,
            why,
        });
        appear_ms += 6_500 + rng.gen_range(0..=6) * 100 - 300;
    }
    Lane {
        name: name.to_owned(),
        kind,
        arrivals,
    }
}

#[derive(Clone, Copy)]
enum Walker {
    Healthy,
    Fever,
    TooCold,
    UnknownCard,
    /// One part is missing: the card and the temperature in turn.
    Forgetful,
}

const WALKERS: [Walker; 12] = [
    Walker::Healthy,
    Walker::Healthy,
    Walker::Healthy,
    Walker::Healthy,
    Walker::Healthy,
    Walker::Healthy,
    Walker::Healthy,
    Walker::Healthy,
    Walker::Fever,
    Walker::TooCold,
    Walker::UnknownCard,
    Walker::Forgetful,
];

/// How long a person is at the reader before the next may come. Who lacks a part waits for the lane's
/// three seconds to end, else the next person's part would join theirs.
const WALK_MS: u64 = 1_800;
const FORGETFUL_MS: u64 = 4_600;
/// Who brings no card waits until the one before has gone: nothing else tells the two apart.
const GONE_MS: u64 = 800;

fn persons(spec: &Spec, pool: &Pool) -> Lane {
    let mut rng = ChaCha8Rng::seed_from_u64(spec.seed);
    rng.set_stream(3);
    let (mut deck, mut known, mut unknown, mut forgetful) = (Vec::new(), 0, 0, 0);
    let mut at_ms = 1_000;
    let mut arrivals = Vec::new();
    while at_ms < spec.until_ms {
        let walker = deal(&mut deck, &WALKERS, &mut rng);
        let card = if matches!(walker, Walker::UnknownCard) {
            unknown += 1;
            pool.unknown_cards[unknown % pool.unknown_cards.len()].clone()
        } else {
            known += 1;
            pool.cards[known % pool.cards.len()].clone()
        };
        let celsius = celsius_milli(walker, &mut rng);
        let (card, celsius_milli, expected, why) = match walker {
            Walker::Healthy => (
                Some(card),
                Some(celsius),
                Verdict::Admit,
                Why::CardAndTemperature,
            ),
            Walker::Fever => (Some(card), Some(celsius), Verdict::Hold, Why::Fever),
            Walker::TooCold => (Some(card), Some(celsius), Verdict::Hold, Why::TooCold),
            Walker::UnknownCard => (Some(card), Some(celsius), Verdict::Refuse, Why::UnknownCard),
            Walker::Forgetful => {
                forgetful += 1;
                if forgetful % 2 == 1 {
                    (Some(card), None, Verdict::Hold, Why::MissingTemperature)
                } else {
                    (None, Some(celsius), Verdict::Hold, Why::MissingCard)
                }
            }
        };
        if card.is_none() {
            at_ms += GONE_MS;
        }
        let stay = if matches!(walker, Walker::Forgetful) {
            FORGETFUL_MS
        } else {
            WALK_MS
        };
        arrivals.push(Arrival {
            id: format!("{WALK}-{:04}", arrivals.len() + 1),
            appear_ms: at_ms,
            at_ms,
            leave_ms: at_ms + stay,
            gone_ms: at_ms + stay,
            kind: Kind::Person {
                card,
                celsius_milli,
                temperature_after_ms: rng.gen_range(1..=6) * 100,
            },
            expected,
            why,
        });
        at_ms += stay + rng.gen_range(2..=5) * 100;
    }
    Lane {
        name: WALK.to_owned(),
        kind: LaneKind::Walk,
        arrivals,
    }
}

/// A temperature with one decimal, as thermometers give it; the limits themselves are healthy.
fn celsius_milli(walker: Walker, rng: &mut ChaCha8Rng) -> i32 {
    let tenths = match walker {
        Walker::Fever => rng.gen_range(374..=395),
        Walker::TooCold => rng.gen_range(325..=349),
        _ if rng.gen_bool(0.1) => [350, 373][rng.gen_range(0..2)],
        _ => rng.gen_range(360..=369),
    };
    tenths * 100
}
