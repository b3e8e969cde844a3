//! P-01: what was accepted is kept, however the daemon is killed.

mod harness;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness::{Gate, Walk, commands, eventually, listed_card, part, stranger_card, verdict};
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

/// Of every five persons one is a resident, so that there are moves for a restart to repeat wrongly.
const RESIDENT_EVERY: u32 = 5;

#[test]
fn p01_slow_fifty_kills_under_load_lose_nothing_and_move_no_arm() {
    kills(50, 7);
}

#[test]
fn p01_a_few_kills_under_load_lose_nothing_and_move_no_arm() {
    kills(4, 8);
}

fn kills(count: u32, seed: u64) {
    let mut gate = Gate::start();
    let barrier = gate.barrier("walk-1");
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let mut walk = Walk::of(&gate);
    let stop = AtomicBool::new(false);
    let presented = Mutex::new(Vec::new());
    let mut answered = BTreeMap::new();
    drop(gate.page());

    std::thread::scope(|scope| {
        // The load ends with this test, also when it fails.
        let _stop = StopLoad(&stop);
        scope.spawn(|| load(&mut walk, &stop, &presented));
        for _ in 0..count {
            let until = Duration::from_millis(random.gen_range(50..800));
            acknowledge_alerts(&gate, &mut answered, until);
            gate.kill_daemon();
            gate.start_daemon();
        }
    });

    gate.platform_complete(Duration::from_secs(60));
    let presented = presented.into_inner().expect("not poisoned");
    let mut kept = BTreeSet::new();
    let all_kept = eventually(Duration::from_secs(30), || {
        kept = cards(&gate);
        presented.iter().all(|card| kept.contains(card))
    });
    let lost: Vec<&String> = presented
        .iter()
        .filter(|card| !kept.contains(*card))
        .collect();
    assert!(
        all_kept,
        "{} of {} cards are in no event: {lost:?}",
        lost.len(),
        presented.len()
    );
    assert_orders_kept(&gate, &answered);

    let admits = gate
        .events("decision")
        .iter()
        .filter(|event| verdict(event) == "admit")
        .count();
    let moves = commands(&barrier.messages());
    assert!(
        moves.iter().all(|command| command == "POWER1 ON"),
        "{moves:?}"
    );
    assert!(
        moves.len() <= admits,
        "{} commands on {admits} admissions",
        moves.len()
    );
    assert!(
        !moves.is_empty() && !answered.is_empty(),
        "the load was a load"
    );
}

struct StopLoad<'a>(&'a AtomicBool);

impl Drop for StopLoad<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Persons one after the other, each with a card of their own.
fn load(walk: &mut Walk, stop: &AtomicBool, presented: &Mutex<Vec<String>>) {
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let resident = n % RESIDENT_EVERY == 0 && n / RESIDENT_EVERY < 2_000;
        let card = if resident {
            listed_card(n / RESIDENT_EVERY)
        } else {
            stranger_card(n)
        };
        walk.person(&card, 365);
        presented.lock().expect("not poisoned").push(card);
        std::thread::park_timeout(Duration::from_millis(15));
    }
}

/// A person at the page until the time is over: each 2xx names the event that must never be lost.
fn acknowledge_alerts(gate: &Gate, answered: &mut BTreeMap<u64, u64>, until: Duration) {
    let page = gate.page();
    eventually(until, || {
        let alerts = page.get("/api/alerts?state=open&limit=3");
        for alert in alerts.as_array().into_iter().flatten() {
            let alert = alert["alert"].as_u64().expect("an alert's number");
            let answer = page.post(&format!("/api/alerts/{alert}/acknowledge"), &json!({}));
            if answer.status == 200
                && let Some(number) = answer.json()["number"].as_u64()
            {
                answered.insert(number, alert);
            }
        }
        false
    });
}

/// Every card that stands in any event at the platform.
fn cards(gate: &Gate) -> BTreeSet<String> {
    ["passage_begun", "reading_joined", "stray"]
        .iter()
        .flat_map(|kind| gate.events(kind))
        .filter_map(|event| part(&event, "card"))
        .filter_map(|card| card["card"].as_str().map(str::to_owned))
        .collect()
}

fn assert_orders_kept(gate: &Gate, answered: &BTreeMap<u64, u64>) {
    let orders: BTreeMap<u64, Value> = gate
        .events("order")
        .into_iter()
        .filter_map(|event| Some((harness::number(&event)?, event)))
        .collect();
    for (number, alert) in answered {
        let order = orders
            .get(number)
            .unwrap_or_else(|| panic!("event {number} was promised and is lost"));
        let act = part(order, "order").expect("an order");
        assert_eq!(
            act["act"]["alert"].as_u64(),
            Some(*alert),
            "event {number} is another: {act}"
        );
    }
}
