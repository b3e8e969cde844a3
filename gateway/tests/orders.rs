//! Orders, end to end: what the platform answers to an unattended lane, and a lock-down.

mod harness;

use std::time::Duration;

use harness::{Gate, SOON, Walk, Wishes, commands, listed_card, must, part, verdict};
use serde_json::{Value, json};

fn unattended(seconds: u32) -> Gate {
    Gate::with(Wishes {
        unattended_s: Some(seconds),
        ..Wishes::default()
    })
}

/// A feverish resident is held; the passage as the platform hears of it.
#[track_caller]
fn held_passage(gate: &Gate, walk: &mut Walk) -> String {
    walk.person(&listed_card(1), 385);
    let decisions = gate.events_at_least("decision", 1, SOON);
    assert_eq!(verdict(&decisions[0]), "hold");
    let passage = decisions[0]["header"]["passage"].as_str();
    passage.expect("a decision names its passage").to_owned()
}

/// Outcome, or the code that refuses, of each order that the platform has heard of.
fn outcomes(gate: &Gate, count: usize) -> Vec<String> {
    let events = gate.events_at_least("order", count, SOON);
    let told = |event: &Value| {
        let outcome = part(event, "order").map(|order| order["outcome"].clone());
        match outcome.unwrap_or_default() {
            Value::String(word) => word,
            refused => refused["refused"]["code"]
                .as_str()
                .unwrap_or("?")
                .to_owned(),
        }
    };
    events.iter().map(told).collect()
}

#[test]
fn a_hold_of_an_unattended_lane_goes_upstream_and_the_answer_opens_once() {
    let gate = unattended(60);
    let barrier = gate.barrier("walk-1");
    let mut walk = Walk::of(&gate);
    let passage = held_passage(&gate, &mut walk);
    assert!(barrier.messages().is_empty(), "a hold moves nothing");

    let open = json!({ "act": "open", "passage": passage, "reason": "known_person" });
    let number = gate.platform_orders(open.clone());

    assert_eq!(commands(&barrier.hears(1, SOON)), ["POWER1 ON"]);
    assert_eq!(outcomes(&gate, 1), ["done"]);
    let answers = gate.events_at_least("answer", 1, SOON);
    assert_eq!(answers[0]["header"]["passage"], json!(passage));
    // The same order once more, and another one for what is answered or gone.
    let mut again = open.clone();
    again["number"] = json!(number);
    gate.platform_orders(again);
    gate.platform_orders(open);
    let told = outcomes(&gate, 3);
    assert_eq!(told[1], "repeated");
    assert!(
        ["not_held", "passage_ended"].contains(&told[2].as_str()),
        "{told:?}"
    );
    gate.platform_complete(SOON);
    assert_eq!(barrier.messages().len(), 1, "it opens once");
}

#[test]
fn a_hold_that_nobody_upstream_answers_is_refused_when_its_fallback_comes() {
    let mut gate = unattended(2);
    let barrier = gate.barrier("walk-1");
    let page = gate.page();
    let mut walk = Walk::of(&gate);
    walk.stranger_is_heard_of(&gate, 1);
    gate.stop_grid();

    walk.person(&listed_card(1), 385);

    let mut shown = json!([]);
    must("the fallback refuses", Duration::from_secs(20), || {
        shown = page.get("/api/passages?limit=5");
        let passages = shown.as_array().map(Vec::as_slice).unwrap_or_default();
        passages
            .iter()
            .any(|passage| passage["verdict"] == "hold" && passage["end"]["verdict"] == "refuse")
    });
    let held = shown
        .as_array()
        .and_then(|all| all.iter().find(|one| one["verdict"] == "hold"));
    let passage = held.expect("the hold")["id"].clone();
    // Whoever answers later finds nothing that waits.
    gate.start_grid();
    must("the platform is back", SOON, || gate.book().is_some());
    gate.platform_orders(json!({ "act": "open", "passage": passage, "reason": "known_person" }));
    let told = outcomes(&gate, 1);
    assert!(
        ["not_held", "passage_ended"].contains(&told[0].as_str()),
        "{told:?}"
    );
    gate.platform_complete(Duration::from_secs(30));
    assert!(barrier.messages().is_empty(), "nothing has opened");
}

#[test]
fn a_lock_down_from_upstream_keeps_the_way_in_closed_but_for_an_emergency() {
    let gate = Gate::start();
    let barrier = gate.barrier("walk-1");
    let page = gate.page();
    let mut walk = Walk::of(&gate);
    gate.platform_orders(json!({ "act": "lock_down", "reason": "epidemic_control" }));
    must("the page shows the lock-down", SOON, || {
        page.get("/api/lanes")[0]["locked_down"] == true
    });

    walk.person(&listed_card(1), 365);

    let decisions = gate.events_at_least("decision", 1, SOON);
    assert_eq!(verdict(&decisions[0]), "hold", "a resident is held too");
    let by_hand = page.post(
        "/api/lanes/walk-1/open",
        &json!({ "reason": "known_person" }),
    );
    assert_eq!(by_hand.json()["code"], "locked_down");
    assert!(barrier.messages().is_empty());
    let active = |active: bool| json!({ "active": active });
    page.post("/api/emergency", &active(true));
    assert_eq!(commands(&barrier.hears(1, SOON)), ["POWER2 ON"]);
    page.post("/api/emergency", &active(false));
    barrier.hears(2, SOON);
    assert_eq!(
        page.get("/api/lanes")[0]["locked_down"],
        true,
        "it outlasts the emergency"
    );

    let ended = page.post("/api/lock-down", &active(false));
    assert_eq!(ended.json()["outcome"], "done", "{}", ended.json());
    walk.person(&listed_card(2), 365);
    let heard = commands(&barrier.hears(3, SOON));
    assert_eq!(heard, ["POWER2 ON", "POWER2 OFF", "POWER1 ON"]);
    gate.events_at_least("lock_down_ended", 1, SOON);
    gate.platform_complete(SOON);
}

#[test]
fn a_lock_down_of_the_page_outlasts_a_crash() {
    let mut gate = Gate::start();
    let page = gate.page();
    let begun = page.post(
        "/api/lock-down",
        &json!({ "active": true, "reason": "person_sought" }),
    );
    assert_eq!(begun.json()["outcome"], "done", "{}", begun.json());

    gate.kill_daemon();
    gate.start_daemon();

    let page = gate.page();
    assert_eq!(page.get("/api/lanes")[0]["locked_down"], true);
    let twice = page.post(
        "/api/lock-down",
        &json!({ "active": true, "reason": "other" }),
    );
    assert_eq!(twice.json()["code"], "locked_down");
    let ended = page.post("/api/lock-down", &json!({ "active": false }));
    assert_eq!(ended.json()["outcome"], "done", "{}", ended.json());
}
