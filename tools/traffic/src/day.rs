//! A compound's day for the simulator: who comes to which of five lanes, when, with what, how they
//! behave, and whether they may go in.
//!
//! Unlike a [`Scenario`](crate::Scenario), which shows every kind of arrival in a minute, a day has
//! the hours and the proportions of a gate, people who do not keep to the rules, and passes.

use rand::Rng;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::lists::Pool;
use crate::lookalike;
use crate::{ENTRY, EXIT, WALK};

/// The vehicle entry where no guard stands.
pub const BACK: &str = "back-1";
/// The way out on foot.
pub const WALK_OUT: &str = "walk-2";

/// The lanes of a day, in the order of the site.
pub const DAY_LANES: [&str; 5] = [ENTRY, EXIT, WALK, WALK_OUT, BACK];

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// How busy each hour is, of a thousand.
const HOURS: [u64; 24] = [
    4, 3, 2, 2, 5, 15, 45, 95, 85, 50, 42, 45, 55, 45, 38, 42, 55, 92, 95, 65, 48, 38, 22, 12,
];

/// Who somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// On a list, and behaves.
    Resident,
    /// Has a pass without a limit of uses.
    Visitor,
    /// Has a pass with few uses, and may come more often than it has.
    Delivery,
    /// Has a pass whose days are over.
    Expired,
    /// On no list.
    Stranger,
    /// On no list, with a plate that differs from a resident's by a look-alike character.
    Lookalike,
    Watched,
    /// A listed card and more than 37.3 °C.
    Feverish,
    /// A listed card and less than 35.0 °C.
    TooCold,
    UnknownCard,
    /// Presents no card.
    NoCard,
    /// Is not measured.
    NoTemperature,
    /// Presents the card of somebody who has just gone in with it.
    Lent,
}

/// How somebody behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Manner {
    /// Waits for the arm, and leaves when it does not open.
    Waits,
    /// Goes through behind another while the arm is still open.
    Tailgates,
    /// Goes through against a hold.
    Forces,
    /// The plate cannot be read.
    Unreadable,
    /// Turns round before it is decided.
    TurnsBack,
}

/// One vehicle or person who comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    pub lane: &'static str,
    /// Comes into the picture, or to the reader; milliseconds from the start. Later when others
    /// are in the way.
    pub at_ms: u64,
    pub role: Role,
    pub manner: Manner,
    pub plate: Option<String>,
    pub card: Option<String>,
    /// Millidegrees.
    pub celsius_milli: Option<i32>,
    /// The temperature is taken so long after the card.
    pub measured_after_ms: u64,
    /// Comes while the one before is still there.
    pub pushes: bool,
}

impl Visit {
    /// Whether the gate may let them in by itself. A pass counts its uses, and a card says who is
    /// inside: what these allow depends on what happened before.
    pub fn may_enter(&self) -> bool {
        match self.lane {
            EXIT => self.role != Role::Watched,
            WALK_OUT => true,
            _ => matches!(
                self.role,
                Role::Resident | Role::Visitor | Role::Delivery | Role::Lent
            ),
        }
    }
}

/// A pass: its id, the plate that presents it, and how often it may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassRow {
    pub id: String,
    pub plate: String,
    pub uses: Option<u32>,
    /// Days from the start on which it is valid, both included.
    pub days: (i64, i64),
    pub holder: String,
}

/// What to generate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaySpec {
    pub seed: u64,
    pub until_ms: u64,
    /// Visits a day by lane, in the order of [`DAY_LANES`].
    pub a_day: [u64; 5],
    /// Of a hundred vehicles so many are no resident's.
    pub outsiders: u32,
}

impl DaySpec {
    /// A compound of some two thousand visits a day.
    pub fn days(seed: u64, days: u64) -> DaySpec {
        DaySpec {
            seed,
            until_ms: days * DAY_MS,
            a_day: [520, 420, 560, 400, 120],
            outsiders: 30,
        }
    }
}

/// All visits of a seed by time, and the lists that the gate is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    pub visits: Vec<Visit>,
    /// Plate and holder.
    pub vehicles: Vec<(String, String)>,
    /// Card and holder.
    pub cards: Vec<(String, String)>,
    /// Plate and reason.
    pub watched: Vec<(String, String)>,
    pub passes: Vec<PassRow>,
}

impl Day {
    /// The day of a seed; a pure function of its spec.
    pub fn generate(spec: &DaySpec) -> Day {
        let people = People::of(spec.seed);
        let mut visits = Vec::new();
        for (index, lane) in DAY_LANES.into_iter().enumerate() {
            let mut dice = ChaCha8Rng::seed_from_u64(spec.seed);
            dice.set_stream(20 + index as u64);
            for at_ms in times(spec, spec.a_day[index], &mut dice) {
                let visit = match lane {
                    WALK => people.walks_in(at_ms, &mut dice),
                    WALK_OUT => people.walks_out(at_ms, &mut dice),
                    _ => people.drives(lane, at_ms, spec.outsiders, &mut dice),
                };
                let lent = lends(&visit, &mut dice);
                visits.push(visit);
                visits.extend(lent);
            }
        }
        visits.sort_by_key(|visit| {
            (
                visit.at_ms,
                DAY_LANES.iter().position(|lane| *lane == visit.lane),
            )
        });
        let rows = |rows: &[crate::Row]| {
            rows.iter()
                .map(|row| (row.key.clone(), row.note.clone()))
                .collect()
        };
        Day {
            visits,
            vehicles: rows(&people.pool.lists.vehicles),
            cards: rows(&people.pool.lists.cards),
            watched: rows(&people.pool.lists.watched),
            passes: people.passes,
        }
    }
}

/// Moments of arrival, more of them in the busy hours.
fn times(spec: &DaySpec, a_day: u64, dice: &mut ChaCha8Rng) -> Vec<u64> {
    let mut times = Vec::new();
    for hour in 0..spec.until_ms.div_ceil(HOUR_MS) {
        let share = a_day * HOURS[(hour % 24) as usize];
        let count = share / 1_000 + u64::from(dice.gen_range(0..1_000) < share % 1_000);
        for _ in 0..count {
            times.push(hour * HOUR_MS + dice.gen_range(0..HOUR_MS));
        }
    }
    times.retain(|at| *at < spec.until_ms);
    times.sort_unstable();
    times
}

/// Now and then somebody passes the card back over the fence.
fn lends(visit: &Visit, dice: &mut ChaCha8Rng) -> Option<Visit> {
    let lent = visit.lane == WALK && visit.role == Role::Resident && dice.gen_bool(0.04);
    lent.then(|| Visit {
        at_ms: visit.at_ms + dice.gen_range(20_000..600_000),
        role: Role::Lent,
        celsius_milli: Some(dice.gen_range(360..=369) * 100),
        ..visit.clone()
    })
}

/// Everyone who can come.
struct People {
    pool: Pool,
    /// Plates on no list that look like a listed one.
    twins: Vec<String>,
    passes: Vec<PassRow>,
}

impl People {
    fn of(seed: u64) -> People {
        let pool = Pool::generate(seed);
        let listed: Vec<&str> = pool
            .vehicles
            .iter()
            .map(|plate| plate.text.as_str())
            .collect();
        let twins = listed
            .iter()
            .filter_map(|plate| lookalike::swapped(plate))
            .filter(|twin| !listed.contains(&twin.as_str()))
            .collect();
        let mut passes = Vec::new();
        for (index, plate) in pool.strangers.iter().enumerate() {
            let (kind, uses, days) = match index % 4 {
                0 => ("visitor", None, (-3, 4_000)),
                1 => ("delivery", Some(2 + index as u32 % 3), (-3, 4_000)),
                2 => ("expired", None, (-30, -3)),
                // The rest are on no list at all.
                _ => continue,
            };
            passes.push(PassRow {
                id: format!("{kind}-{index}"),
                plate: plate.text.clone(),
                uses,
                days,
                holder: format!("{kind} {index}"),
            });
        }
        People {
            pool,
            twins,
            passes,
        }
    }

    fn drives(
        &self,
        lane: &'static str,
        at_ms: u64,
        outsiders: u32,
        dice: &mut ChaCha8Rng,
    ) -> Visit {
        let (role, plate) = if dice.gen_range(0..100) >= outsiders {
            (Role::Resident, pick(&self.pool.vehicles, dice).text.clone())
        } else {
            match dice.gen_range(0..30) {
                0..=21 => self.outsider(dice),
                22..=24 if !self.twins.is_empty() => {
                    (Role::Lookalike, pick(&self.twins, dice).clone())
                }
                22..=27 => (Role::Watched, pick(&self.pool.watched, dice).text.clone()),
                _ => (Role::Stranger, self.pool.strangers[3].text.clone()),
            }
        };
        let manner = match dice.gen_range(0..100) {
            0..=86 => Manner::Waits,
            87..=90 => Manner::Tailgates,
            91..=92 => Manner::Forces,
            93..=96 => Manner::Unreadable,
            _ => Manner::TurnsBack,
        };
        Visit {
            lane,
            at_ms,
            role,
            manner,
            plate: Some(plate),
            card: None,
            celsius_milli: None,
            measured_after_ms: 0,
            pushes: false,
        }
    }

    fn outsider(&self, dice: &mut ChaCha8Rng) -> (Role, String) {
        let index = dice.gen_range(0..self.pool.strangers.len());
        let role = match index % 4 {
            0 => Role::Visitor,
            1 => Role::Delivery,
            2 => Role::Expired,
            _ => Role::Stranger,
        };
        (role, self.pool.strangers[index].text.clone())
    }

    fn walks_in(&self, at_ms: u64, dice: &mut ChaCha8Rng) -> Visit {
        let role = match dice.gen_range(0..100) {
            0..=79 => Role::Resident,
            80..=85 => Role::Feverish,
            86..=88 => Role::TooCold,
            89..=92 => Role::UnknownCard,
            93..=95 => Role::NoCard,
            _ => Role::NoTemperature,
        };
        let tenths = match role {
            Role::Feverish => dice.gen_range(374..=395),
            Role::TooCold => dice.gen_range(325..=349),
            _ if dice.gen_bool(0.1) => [350, 373][dice.gen_range(0..2)],
            _ => dice.gen_range(360..=369),
        };
        let card = match role {
            Role::UnknownCard => Some(pick(&self.pool.unknown_cards, dice).clone()),
            Role::NoCard => None,
            _ => Some(pick(&self.pool.cards, dice).clone()),
        };
        Visit {
            lane: WALK,
            at_ms,
            role,
            manner: if dice.gen_bool(0.03) {
                Manner::TurnsBack
            } else {
                Manner::Waits
            },
            // A part that is not there cannot be told from the next person's when that one pushes.
            pushes: role != Role::NoCard && dice.gen_bool(0.2),
            plate: None,
            card,
            celsius_milli: (role != Role::NoTemperature).then_some(tenths * 100),
            measured_after_ms: dice.gen_range(1..=12) * 100,
        }
    }

    fn walks_out(&self, at_ms: u64, dice: &mut ChaCha8Rng) -> Visit {
        let card = match dice.gen_range(0..10) {
            0 => pick(&self.pool.unknown_cards, dice),
            _ => pick(&self.pool.cards, dice),
        };
        Visit {
            lane: WALK_OUT,
            at_ms,
            role: Role::Resident,
            manner: Manner::Waits,
            plate: None,
            card: Some(card.clone()),
            celsius_milli: None,
            measured_after_ms: 0,
            pushes: dice.gen_bool(0.2),
        }
    }
}

fn pick<'a, T>(from: &'a [T], dice: &mut ChaCha8Rng) -> &'a T {
    // Pools are never empty.
    from.choose(dice).unwrap_or(&from[0])
}
