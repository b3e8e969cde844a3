//! B-2: an emergency opens, whatever else is wrong.

mod harness;

use std::path::Path;
use std::time::{Duration, Instant};

use harness::{Gate, Process, SOON, Walk, commands, eventually, listed_card, must};
use serde_json::json;

/// Broker, gate and arm find each other again, and the arm is told once more.
const WHILE: Duration = Duration::from_secs(30);
/// The promise's own bound.
const BOUND: Duration = Duration::from_millis(500);
const CONTACT: &str = "emergency/binary_sensor/emergency/state";

#[test]
fn b02_the_fire_contact_opens_while_the_store_is_stalled() {
    let mut gate = Gate::start();
    let barrier = gate.barrier("walk-1");
    let mut walk = Walk::of(&gate);
    let mut contact = gate.device("emergency");
    let _stall = stall(&mut gate);
    assert_stalled(&mut walk, &barrier);

    let pressed = Instant::now();
    contact.publish(CONTACT, "ON");

    let heard = barrier.hears(1, SOON);
    assert_eq!(commands(&heard), ["POWER2 ON"]);
    let took = heard[0].at - pressed;
    assert!(took <= BOUND, "the opening came after {took:?}");
}

#[test]
fn b02_the_guards_button_opens_while_the_store_is_stalled() {
    let mut gate = Gate::start();
    let barrier = gate.barrier("walk-1");
    let page = gate.page();
    let mut walk = Walk::of(&gate);
    let _stall = stall(&mut gate);
    assert_stalled(&mut walk, &barrier);

    let pressed = Instant::now();
    let answer = page.post("/api/emergency", &json!({ "active": true }));

    let heard = barrier.hears(1, SOON);
    assert_eq!(commands(&heard), ["POWER2 ON"], "{}", answer.json());
    let took = heard[0].at - pressed;
    assert!(took <= BOUND, "the opening came after {took:?}");
}

#[test]
fn b02_an_emergency_opens_with_platform_gone_and_only_a_person_ends_it() {
    let mut gate = Gate::start();
    let barrier = gate.barrier("walk-1");
    let page = gate.page();
    let mut contact = gate.device("emergency");
    gate.stop_grid();

    contact.publish(CONTACT, "ON");
    assert_eq!(commands(&barrier.hears(1, SOON)), ["POWER2 ON"]);
    contact.publish(CONTACT, "OFF");
    must("the page shows the emergency", SOON, || {
        page.get("/api/lanes")[0]["emergency"] == true
    });
    assert_eq!(
        barrier.messages().len(),
        1,
        "a contact that falls back ends nothing"
    );

    let answer = page.post("/api/emergency", &json!({ "active": false }));
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(
        commands(&barrier.hears(2, SOON)),
        ["POWER2 ON", "POWER2 OFF"]
    );
    gate.start_grid();
    gate.platform_complete(Duration::from_secs(30));
}

#[test]
fn b02_the_fire_contact_opens_after_the_disk_has_failed() {
    let mut gate = Gate::start();
    let barrier = gate.barrier("walk-1");
    let page = gate.page();
    let mut walk = Walk::of(&gate);
    let mut contact = gate.device("emergency");
    let _failing = disturb(&mut gate, "error=EIO");
    assert_stalled(&mut walk, &barrier);
    must("the page says that the store has failed", SOON, || {
        page.get("/api/status")["store"]["state"] == "failed"
    });

    let pressed = Instant::now();
    contact.publish(CONTACT, "ON");

    let heard = barrier.hears(1, SOON);
    assert_eq!(commands(&heard), ["POWER2 ON"]);
    let took = heard[0].at - pressed;
    assert!(took <= BOUND, "the opening came after {took:?}");
}

#[test]
fn b02_an_emergency_without_a_broker_opens_when_it_is_back_unless_it_was_ended() {
    let mut gate = Gate::start();
    let barrier = gate.barrier("walk-1");
    let page = gate.page();
    let told_last = |wanted: &str| {
        let told = commands(&barrier.messages());
        told.last().is_some_and(|last| last == wanted)
    };
    gate.stop_broker();
    page.post("/api/emergency", &json!({ "active": true }));
    gate.start_broker();
    must("the arm is told to hold open", WHILE, || {
        told_last("POWER2 ON")
    });

    gate.stop_broker();
    let ended = page.post("/api/emergency", &json!({ "active": false }));
    assert_eq!(ended.status, 200, "{}", ended.json());
    gate.start_broker();
    must("the arm is released", WHILE, || told_last("POWER2 OFF"));
    let told = commands(&barrier.messages());
    let first_off = told.iter().position(|told| told == "POWER2 OFF");
    assert!(
        told[first_off.unwrap_or(0)..]
            .iter()
            .all(|told| told == "POWER2 OFF"),
        "nothing opens once it has ended: {told:?}"
    );
}

/// From here on every sync of the daemon's takes half a minute.
fn stall(gate: &mut Gate) -> Process {
    disturb(gate, "delay_enter=30000000")
}

/// From here on every sync of the daemon's does this instead.
fn disturb(gate: &mut Gate, how: &str) -> Process {
    let pid = gate.daemon().pid().to_string();
    let calls = "fdatasync,fsync,sync_file_range";
    let inject = format!("inject={calls}:{how}");
    let arguments = [
        "-f",
        "-p",
        &pid,
        "-e",
        &format!("trace={calls}"),
        "-e",
        &inject,
    ];
    let mut strace = Process::start(
        "strace",
        Path::new("/usr/bin/strace"),
        &arguments,
        &gate.site.log("strace"),
    );
    strace.says("attached", SOON);
    strace
}

/// A resident is not let in: nothing can become durable. Else the stall would prove nothing.
fn assert_stalled(walk: &mut Walk, barrier: &harness::Device) {
    walk.person(&listed_card(1), 365);
    let opened = eventually(Duration::from_millis(1_500), || {
        !barrier.messages().is_empty()
    });
    assert!(
        !opened,
        "the store is not stalled: {:?}",
        barrier.messages()
    );
}
