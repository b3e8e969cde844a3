//! A trial of rules over recorded passages, beside the bare evaluation of the same rules on the
//! same facts in memory.
//!
//! `trial [PASSAGES]` makes a journal on the disk by deciding vehicles and persons at a gate, tries
//! a draft over it through the same code as the daemon, and prints one row as JSON. The promise is
//! 100,000 passages in 20 s.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use gateway_core::event::{Event, EventKind};
use gateway_core::gate::{Gate, Input, Output, Outputs};
use gateway_core::lists::{Holder, List, Lists};
use gateway_core::moment::{ClockTrust, Moment, Mono};
use gateway_core::name::Name;
use gateway_core::plate::{Plate, PlateColour, PlateKind};
use gateway_core::reading::{Freshness, Trust};
use gateway_core::rule::trial::Recorded;
use gateway_core::rule::{RuleFile, RuleSet};
use gateway_core::sighting::Sighting;
use gateway_core::site::{LaneKind, Site};
use gateway_store::journal::{Batch, Journal};
use gateway_store::on_sled::SledJournal;
use gateway_store::seal::{End, Origin, Sealer};
use gateway_store::{Reader, record};
use gatewayd::rules::trial::{Over, run};

const ORDINARY: &str = include_str!("../../config/rules/ordinary.toml");
const LISTED: u32 = 5_000;
/// Milliseconds between two vehicles: the first is out of the way.
const GAP_MS: u64 = 15_000;
const WALL_MS: i64 = 1_704_096_000_000;
/// Events of one commit.
const COMMIT: usize = 2_048;

fn main() {
    let number = std::env::args().skip(1).find_map(|text| text.parse().ok());
    let passages: u64 = number.unwrap_or(100_000);
    let thread = std::thread::Builder::new().stack_size(gatewayd::gate_loop::STACK);
    let done = thread.spawn(move || bench(passages)).expect("a thread");
    done.join().expect("the bench ends");
}

fn bench(passages: u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = Arc::new(SledJournal::open(&folder.path().join("journal")).expect("a journal"));
    let site = site();
    let in_force = rules(&site, ORDINARY);
    let events = fill(&journal, &site, passages);
    let reader = Reader::new(journal);
    // The promise's own draft: the rules in force but for one line.
    let draft = rules(
        &site,
        &ORDINARY.replace("plate.confidence >= 900", "plate.confidence >= 950"),
    );

    let now = moment((passages + 1) * GAP_MS);
    let over = Over {
        reader: &reader,
        site: &site,
        busy: &|| false,
        now,
        days: 366,
    };
    let begun = Instant::now();
    let report = run(&over, &draft, &in_force);
    let ours = begun.elapsed().as_secs_f64();
    // A vehicle behind another may go with it: nearly all are decided.
    assert!(report.tried * 100 >= passages * 99, "{report:#?}");
    assert!(report.changed > 0, "{report:#?}");

    let recorded = recorded(&reader);
    let begun = Instant::now();
    for decision in &recorded {
        let lane = site.lane(&decision.lane).expect("a lane");
        std::hint::black_box(draft.evaluate(lane, &decision.facts));
    }
    // Facts of 10,000 stand for all: the whole of them would not fit a small box's memory.
    let bare = begun.elapsed().as_secs_f64() * passages as f64 / recorded.len() as f64;
    let row = serde_json::json!({
        "row": format!("rules try: {passages} passages"),
        "unit": "s",
        "n": 1,
        "ours": { "median": ours, "p99": ours },
        "bare": { "median": bare, "p99": bare },
        "note": format!(
            "{events} events read, {} rules, {} changed; promised: 100,000 in 20 s; bare: evaluation alone",
            draft.rules().len(), report.changed
        ),
    });
    println!("{row}");
}

fn recorded(reader: &Reader) -> Vec<Recorded> {
    let mut recorded = Vec::new();
    let mut from = 1;
    while recorded.len() < 10_000 && from <= reader.last() {
        let sifted = reader.sift(from, from + 511, &[EventKind::Decision]);
        let decisions = sifted.found.iter().filter_map(|stored| {
            let event = gateway_store::decode(stored).ok()?;
            Recorded::of(&event, &[])
        });
        recorded.extend(decisions);
        from += 512;
    }
    recorded
}

fn rules(site: &Site, text: &str) -> RuleSet {
    let file = RuleFile {
        name: "ordinary.toml",
        text,
    };
    RuleSet::load(&site.lanes, &[file]).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// The shipped example of a whole site.
fn site() -> Site {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/sites/compound.toml");
    gateway_config::load(&path)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
        .site
}

fn plate(n: u64) -> Plate {
    Plate::new(&format!("闽E{:05}", n % 99_991))
}

fn lists() -> Lists {
    let entries: BTreeMap<Plate, Holder> = (0..u64::from(LISTED))
        .map(|n| {
            let holder = format!("{n}栋");
            let holder = Holder {
                holder,
                ..Holder::default()
            };
            (plate(n * 13), holder)
        })
        .collect();
    Lists {
        vehicles: List::of(1, WALL_MS, entries),
        ..Lists::default()
    }
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

/// Decides so many vehicles, one after the other, into the journal; returns the count of events.
fn fill(journal: &Arc<SledJournal>, site: &Site, passages: u64) -> u64 {
    let mut gate = Gate::new(
        Arc::new(site.clone()),
        rules(site, ORDINARY),
        Arc::new(lists()),
        1,
    );
    let origin = Origin {
        gateway: Name::new("gate-bench"),
        grid: Name::new("350602001001"),
        journal: journal.id(),
    };
    let mut sealer = Sealer::new(origin, End::EMPTY, Box::new(rand::rngs::OsRng));
    let vehicles = site
        .lanes
        .iter()
        .find(|lane| lane.kind == LaneKind::Vehicle);
    let lane = vehicles.expect("a lane for vehicles").id.clone();
    let mut out = Outputs::default();
    let mut waiting: Vec<Event> = Vec::new();
    for n in 0..passages {
        let ms = n * GAP_MS + 1_000;
        pass_time(&mut gate, ms, &mut out);
        gate.apply(
            moment(ms),
            Input::Sighting(sighting(&lane, n, ms, false)),
            &mut out,
        );
        gate.apply(
            moment(ms + 1_000),
            Input::Sighting(sighting(&lane, n, ms + 1_000, true)),
            &mut out,
        );
        if n + 1 == passages {
            pass_time(&mut gate, ms + GAP_MS, &mut out);
        }
        for output in out.list.drain(..) {
            if let Output::Record(event) = output {
                waiting.push(event);
            }
        }
        if waiting.len() >= COMMIT || n + 1 == passages {
            append(journal, &mut sealer, waiting.drain(..));
        }
    }
    journal.last()
}

/// Applies what comes due before a time.
fn pass_time(gate: &mut Gate, ms: u64, out: &mut Outputs) {
    while let Some(due) = gate.next_deadline().filter(|due| *due < Mono::from_ms(ms)) {
        let mut at = moment(due.0 / 1_000);
        at.mono = due;
        gate.apply(at, Input::Deadline, out);
    }
}

fn append(journal: &Arc<SledJournal>, sealer: &mut Sealer, events: impl Iterator<Item = Event>) {
    let first = sealer.end().number + 1;
    let records = events
        .map(|event| record::encode(&sealer.seal(&event).expect("sealed")))
        .collect();
    let batch = Batch {
        first,
        records,
        snapshot: None,
    };
    journal.append(&batch).expect("appended");
}

fn sighting(lane: &Name, n: u64, ms: u64, closed: bool) -> Sighting {
    Sighting {
        lane: lane.clone(),
        camera: Name::new("in-1-camera"),
        track: n + 1,
        revision: if closed { 2 } else { 1 },
        closed,
        plate: plate(n),
        kind: PlateKind::Ordinary,
        colour: PlateColour::Blue,
        agrees: true,
        confidence_permille: 900 + (n % 100) as u16,
        candidates: Vec::new(),
        at_arm: !closed,
        plate_box: [100, 100, 200, 130],
        frames: 5,
        first_seen: Mono::from_ms(ms),
        last_seen: Mono::from_ms(ms),
        evidence: None,
        freshness: Freshness::Live,
        trust: Trust::Tls,
    }
}
