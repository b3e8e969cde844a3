//! What a passage costs the state machine, beside the bare CEL evaluation of the same rules.
//!
//! Ours: every input of a passage from its first part to its end, with the ordinary set and lists
//! of 100,000 entries, all events made. Bare: CEL's own programs for the rules of the same lane,
//! executed once on the facts that the decision recorded. The two take turns in one run. Prints
//! the hostile rules' times too, and its row as the last line, in JSON.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use cel::{Context, Program};
use gateway_core::decision::{FactRecord, FactState};
use gateway_core::event::{Body, EventKind};
use gateway_core::facts::{Fact, FactType, Facts};
use gateway_core::gate::{Gate, Input, Output, Outputs};
use gateway_core::lists::{Holder, List, Lists, Watch};
use gateway_core::moment::{ClockTrust, Moment, Mono};
use gateway_core::name::Name;
use gateway_core::plate::{Card, Plate, PlateColour, PlateKind};
use gateway_core::reading::{
    BodySite, Freshness, Millidegrees, Reading, Temperature, Trust, Value,
};
use gateway_core::rule::{RuleFile, RuleSet};
use gateway_core::sighting::Sighting;
use gateway_core::site::{
    Direction, Fallback, FallbackVerdict, Lane, LaneKind, Needs, Rest, Site, WALK_MS,
};

#[path = "../tests/support/hostile.rs"]
mod hostile;

const ENTRIES: u64 = 100_000;
/// Passages, half of them vehicles, after as many to warm up.
const PASSAGES: u64 = 20_000;
const TURN: u64 = 500;
const WALL_MS: i64 = 1_704_096_000_000;

fn main() {
    // Rules may recurse: the gate's thread has such a stack, too.
    let run = std::thread::Builder::new().stack_size(64 << 20).spawn(run);
    run.expect("a thread").join().expect("the bench");
}

fn run() {
    let site = Arc::new(site());
    let text = include_str!("../../../config/rules/ordinary.toml");
    let file = RuleFile {
        name: "ordinary.toml",
        text,
    };
    let rules = RuleSet::load(&site.lanes, &[file]).expect("the ordinary rules load");
    let bare = Bare::of(&rules, &site);
    let began = Instant::now();
    let lists = lists();
    println!(
        "{ENTRIES} entries in each of three lists made in {:.2} s",
        began.elapsed().as_secs_f64()
    );
    let mut gate = Gate::new(Arc::clone(&site), rules, Arc::new(lists), 1);
    let mut out = Outputs::default();
    let (mut ours, mut beside, mut decisions) = (Vec::new(), Vec::new(), Vec::new());
    let mut rules_alone = Vec::new();
    for turn in 0..2 * PASSAGES / TURN {
        let numbers = turn * TURN..(turn + 1) * TURN;
        let mut facts = Vec::new();
        for number in numbers {
            let (took, slowest) = passage(&mut gate, number, &mut out);
            if turn * TURN >= PASSAGES {
                ours.push(took);
                decisions.push(slowest);
            }
            facts.push(decided(&out));
            out.list.clear();
        }
        for (lane, facts) in &facts {
            let began = Instant::now();
            bare.evaluate(lane, facts);
            if turn * TURN >= PASSAGES {
                beside.push(began.elapsed().as_secs_f64() * 1e6);
            }
        }
        for (lane, records) in &facts {
            let lane = site.lane(lane).expect("a lane of the site");
            let mut facts = Facts::absent();
            for record in records {
                let fact = Fact::named(record.name.as_str()).expect("a fact");
                facts.set(fact, record.state.clone());
            }
            let began = Instant::now();
            std::hint::black_box(gate.rules().evaluate(lane, &facts));
            if turn * TURN >= PASSAGES {
                rules_alone.push(began.elapsed().as_secs_f64() * 1e6);
            }
        }
    }
    let note = note(&ours, decisions, rules_alone);
    hostile_rules(&site);
    let row = serde_json::json!({
        "row": "a passage in the state machine",
        "unit": "µs",
        "n": ours.len(),
        "ours": spread(ours),
        "bare": spread(beside),
        "note": note,
    });
    println!("{row}");
}

fn note(ours: &[f64], mut slowest: Vec<f64>, mut rules_alone: Vec<f64>) -> String {
    rules_alone.sort_by(f64::total_cmp);
    let mean = ours.iter().sum::<f64>() / ours.len() as f64;
    slowest.sort_by(f64::total_cmp);
    let p99 = slowest[slowest.len() * 99 / 100];
    format!(
        "{:.0} passages/s on one core; the input that decides: p50 {:.1} µs, p99 {p99:.1} µs; our own \
         trying of the rules alone: p50 {:.2} µs; bare: CEL's programs of the same rules on the same \
         facts",
        1e6 / mean,
        slowest[slowest.len() / 2],
        rules_alone[rules_alone.len() / 2],
    )
}

fn spread(mut values: Vec<f64>) -> serde_json::Value {
    values.sort_by(f64::total_cmp);
    let at = |share: usize| values[(values.len() - 1) * share / 100];
    serde_json::json!({ "median": at(50), "p99": at(99) })
}

/// Plays one passage; how long all its inputs took, and the slowest of them, in microseconds.
fn passage(gate: &mut Gate, number: u64, out: &mut Outputs) -> (f64, f64) {
    let ms = number * 20_000 + 1_000;
    let inputs = if number.is_multiple_of(2) {
        vehicle(number, ms)
    } else {
        person(number, ms)
    };
    let (mut all, mut slowest) = (0.0, 0.0_f64);
    for (ms, input) in inputs {
        let began = Instant::now();
        gate.apply(moment(ms), input, out);
        let took = began.elapsed().as_secs_f64() * 1e6;
        all += took;
        slowest = slowest.max(took);
    }
    (all, slowest)
}

/// Read, admitted, read once more, gone.
fn vehicle(number: u64, ms: u64) -> Vec<(u64, Input)> {
    // Every eighth is on no list and holds.
    let of = if number.is_multiple_of(16) {
        "粤C"
    } else {
        "闽E"
    };
    let plate = Plate::new(&format!("{of}{:05}", number * 7 % ENTRIES));
    let sighting = |ms: u64, revision: u32, closed: bool| {
        Input::Sighting(Sighting {
            lane: Name::new("in-1"),
            camera: Name::new("in-1-camera"),
            track: number,
            revision,
            closed,
            plate: plate.clone(),
            kind: PlateKind::Ordinary,
            colour: PlateColour::Blue,
            agrees: true,
            confidence_permille: 980,
            candidates: Vec::new(),
            at_arm: false,
            plate_box: [0, 0, 100, 30],
            frames: 8,
            first_seen: Mono::from_ms(ms),
            last_seen: Mono::from_ms(ms),
            evidence: None,
            freshness: Freshness::Live,
            trust: Trust::Tls,
        })
    };
    vec![
        (ms, sighting(ms, 1, false)),
        (ms + 3_000, sighting(ms + 3_000, 2, true)),
        (ms + 4_000, Input::Deadline),
    ]
}

/// A card, a temperature, through and gone.
fn person(number: u64, ms: u64) -> Vec<(u64, Input)> {
    let reading = |ms: u64, value: Value| {
        Input::Reading(Reading {
            lane: Name::new("walk-1"),
            device: Name::new("device"),
            received: Mono::from_ms(ms),
            value,
            freshness: Freshness::Live,
            trust: Trust::Tls,
            counter: None,
        })
    };
    let card = Value::Card(Card::new(&format!("{:08X}", number * 7 % ENTRIES)));
    let temperature = Value::Temperature(Temperature {
        body: Millidegrees(if number % 15 == 1 { 37_800 } else { 36_500 }),
        ambient: None,
        site: BodySite::Forehead,
    });
    vec![
        (ms, reading(ms, card)),
        (ms + 500, reading(ms + 500, temperature)),
        (ms + 9_000, Input::Deadline),
    ]
}

fn moment(ms: u64) -> Moment {
    Moment {
        boot: 1,
        mono: Mono::from_ms(ms),
        wall_ms: WALL_MS + ms as i64,
        offset_min: 480,
        trust: ClockTrust::Synchronised,
    }
}

/// The lane and the facts of the decision among the outputs.
fn decided(out: &Outputs) -> (Name, Vec<FactRecord>) {
    let mut events = out.list.iter().filter_map(|output| match output {
        Output::Record(event) if event.kind == EventKind::Decision => Some(event),
        _ => None,
    });
    let event = events.next().expect("each passage is decided");
    let facts = event.parts.iter().filter_map(|part| match &part.body {
        Body::Facts { facts } => Some(facts.clone()),
        _ => None,
    });
    let lane = event.lane.clone().expect("a lane");
    (lane, facts.flatten().collect())
}

/// The same rules as CEL alone would be given them.
struct Bare {
    env: Arc<cel::Env>,
    /// By lane: the programs of its rules, and the facts that they name.
    lanes: BTreeMap<Name, (Vec<Program>, Vec<Fact>)>,
}

impl Bare {
    fn of(rules: &RuleSet, site: &Site) -> Bare {
        let lanes = site.lanes.iter().map(|lane| {
            let here = rules.rules().iter().filter(|rule| rule.lanes.has(lane));
            let programs = here
                .clone()
                .map(|rule| Program::compile(&rule.when).expect("CEL"));
            let mut facts: Vec<Fact> = here.clone().flat_map(RuleSet::facts_of).collect();
            facts.sort();
            facts.dedup();
            (lane.id.clone(), (programs.collect(), facts))
        });
        Bare {
            env: Arc::new(cel::Env::stdlib()),
            lanes: lanes.collect(),
        }
    }

    fn evaluate(&self, lane: &Name, facts: &[FactRecord]) {
        let (programs, names) = &self.lanes[lane];
        let mut context = Context::with_env(Arc::clone(&self.env));
        for name in names {
            let Some(record) = facts.iter().find(|fact| fact.name.as_str() == name.name()) else {
                continue;
            };
            match &record.state {
                FactState::Text(text) => context.add_variable_from_value(name.name(), text.clone()),
                FactState::Truth(truth) => context.add_variable_from_value(name.name(), *truth),
                FactState::Number(number) => context.add_variable_from_value(name.name(), *number),
                FactState::Millidegrees(thousandths) => {
                    context.add_variable_from_value(name.name(), f64::from(*thousandths) / 1e3);
                }
                FactState::Missing(_) | FactState::Absent => {}
            }
        }
        for program in programs {
            let _ = std::hint::black_box(program.execute(&context));
        }
    }
}

/// Each of the hostile rules that load, once on the facts that cost most.
fn hostile_rules(site: &Site) {
    let mut facts = Facts::absent();
    for fact in Fact::ALL {
        let state = match fact.fact_type() {
            FactType::Text => FactState::Text("闽E12345".to_owned()),
            FactType::Truth => FactState::Truth(true),
            FactType::Number => FactState::Number(7),
            FactType::Celsius => FactState::Millidegrees(36_500),
        };
        facts.set(*fact, state);
    }
    let mut took = Vec::new();
    for hostile in hostile::rules(4)
        .take(1_000)
        .filter(|hostile| hostile.within)
    {
        let when = hostile.when.replace('"', "\\\"");
        let text = format!(
            "[[rule]]\nid = \"h\"\ntitle = {{ zh = \"一\", en = \"h\" }}\nverdict = \"hold\"\nwhen = \"{when}\"\n"
        );
        let file = RuleFile {
            name: "h",
            text: &text,
        };
        let Ok(set) = RuleSet::load(&site.lanes, &[file]) else {
            continue;
        };
        // The best of a few: what else the machine does is none of its cost.
        let mut best = f64::MAX;
        for _ in 0..5 {
            let began = Instant::now();
            std::hint::black_box(set.evaluate(&site.lanes[0], &facts));
            best = best.min(began.elapsed().as_secs_f64() * 1e6);
        }
        took.push((best, hostile.when));
    }
    took.sort_by(|a, b| a.0.total_cmp(&b.0));
    let Some((slowest, when)) = took.last() else {
        return;
    };
    let begin: String = when.chars().take(60).collect();
    println!(
        "{} hostile rules within the limits: p50 {:.1} µs, slowest {slowest:.1} µs: {begin}",
        took.len(),
        took[took.len() / 2].0
    );
}

fn lists() -> Lists {
    let vehicles = (0..ENTRIES).map(|n| (Plate::new(&format!("闽E{n:05}")), Holder::default()));
    let cards = (0..ENTRIES).map(|n| (Card::new(&format!("{n:08X}")), Holder::default()));
    let watched = (0..ENTRIES).map(|n| (Plate::new(&format!("鄂A{n:05}")), Watch::default()));
    Lists {
        vehicles: List::of(1, WALL_MS, vehicles),
        cards: List::of(1, WALL_MS, cards),
        watched_plates: List::of(1, WALL_MS, watched),
        watched_areas: List::of(1, WALL_MS, [("鄂A".to_owned(), Watch::default())]),
        ..Lists::default()
    }
}

fn site() -> Site {
    let lane = |id: &str, kind: LaneKind| Lane {
        id: Name::new(id),
        kind,
        direction: Direction::Entry,
        needs: Needs {
            plate: kind == LaneKind::Vehicle,
            card: kind == LaneKind::Pedestrian,
            temperature: kind == LaneKind::Pedestrian,
            pass: false,
        },
        wait_ms: 3_000,
        shadow: false,
        attended: true,
        fallback: Fallback {
            after_ms: 60_000,
            then: FallbackVerdict::GoOnHolding,
        },
        password_opens: false,
        plate_sure_permille: 900,
        leave_ms: 8_000,
        has_approach_loop: false,
        has_barrier: true,
        interlock: None,
        on_power_loss: Rest::Open,
        on_gateway_loss: Rest::Closed,
    };
    Site {
        gateway: Name::new("gate"),
        grid: Name::new("grid"),
        walk_ms: WALK_MS,
        lanes: vec![
            lane("in-1", LaneKind::Vehicle),
            lane("walk-1", LaneKind::Pedestrian),
        ],
    }
}
