//! The lane for persons, end to end: card and temperature in, command, alert and event out.

mod harness;

use harness::{Gate, SOON, Walk, commands, listed_card, must, stranger_card, verdict};
use serde_json::json;

#[test]
fn a_listed_card_and_a_normal_temperature_open_exactly_once() {
    let gate = Gate::start();
    let barrier = gate.barrier("walk-1");
    let mut walk = Walk::of(&gate);

    walk.person(&listed_card(1), 365);

    let heard = barrier.hears(1, SOON);
    assert_eq!(commands(&heard), ["POWER1 ON"]);
    assert!(!heard[0].retain, "a command is never retained");
    let decisions = gate.events_at_least("decision", 1, SOON);
    assert_eq!(verdict(&decisions[0]), "admit");
    gate.events_at_least("passage_ended", 1, SOON);
    gate.platform_complete(SOON);
    assert_eq!(barrier.messages().len(), 1, "nothing more was sent");
    assert_eq!(gate.events("decision").len(), 1);
}

#[test]
fn an_unknown_card_is_refused_and_nothing_moves() {
    let gate = Gate::start();
    let barrier = gate.barrier("walk-1");
    let mut walk = Walk::of(&gate);

    walk.person(&stranger_card(1), 365);

    let decisions = gate.events_at_least("decision", 1, SOON);
    assert_eq!(verdict(&decisions[0]), "refuse");
    gate.events_at_least("alert_raised", 1, SOON);
    gate.events_at_least("passage_ended", 1, SOON);
    assert!(barrier.messages().is_empty());
}

#[test]
fn a_missing_temperature_holds() {
    let gate = Gate::start();
    let barrier = gate.barrier("walk-1");
    let page = gate.page();
    let mut walk = Walk::of(&gate);

    walk.card(&listed_card(1));

    let decisions = gate.events_at_least("decision", 1, SOON);
    assert_eq!(verdict(&decisions[0]), "hold");
    let mut alerts = json!([]);
    must("the hold raises an alert on the page", SOON, || {
        alerts = page.get("/api/alerts?state=open");
        alerts[0]["passage"].is_string()
    });
    let passage = alerts[0]["passage"].as_str().unwrap_or_default();
    let refused = json!({ "answer": "refuse", "reason": "no_permit" });
    page.post(&format!("/api/passages/{passage}/answer"), &refused);
    gate.events_at_least("passage_ended", 1, SOON);
    assert!(barrier.messages().is_empty());
}

#[test]
fn a_hold_is_answered_on_the_page_and_opens_once() {
    let gate = Gate::start();
    let barrier = gate.barrier("walk-1");
    let page = gate.page();
    let mut walk = Walk::of(&gate);

    walk.person(&listed_card(1), 385);

    let mut alerts = json!([]);
    must("the hold raises an alert on the page", SOON, || {
        alerts = page.get("/api/alerts?state=open");
        alerts.as_array().is_some_and(|alerts| !alerts.is_empty())
    });
    assert!(barrier.messages().is_empty(), "a hold moves nothing");
    let passage = alerts[0]["passage"]
        .as_str()
        .expect("the alert names its passage")
        .to_owned();

    let open = json!({ "answer": "open", "reason": "known_person" });
    let path = format!("/api/passages/{passage}/answer");
    let answer = page.post(&path, &open);
    assert_eq!(
        (answer.status, &answer.json()["outcome"]),
        (200, &json!("done")),
        "{}",
        answer.json()
    );

    assert_eq!(commands(&barrier.hears(1, SOON)), ["POWER1 ON"]);
    gate.events_at_least("answer", 1, SOON);
    gate.platform_complete(SOON);
    // The same answer again finds the passage answered or ended, and opens nothing.
    let again = page.post(&path, &open);
    assert_ne!(again.json()["outcome"], json!("done"), "{}", again.json());
    assert_eq!(barrier.messages().len(), 1);
}

#[test]
fn the_control_socket_tells_what_the_page_tells() {
    let gate = Gate::start();
    let mut walk = Walk::of(&gate);
    walk.person(&stranger_card(1), 365);
    gate.events_at_least("decision", 1, SOON);
    let last = gate.platform_complete(SOON);
    must("the outbox is empty once the receipts came", SOON, || {
        let outbox = gate.gatectl(&["outbox", "--json"]);
        outbox[0]["waiting"] == 0 && outbox[0]["confirmed_through"].as_u64() >= Some(last)
    });
}
