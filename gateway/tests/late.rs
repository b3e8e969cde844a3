//! D-5: retained, redelivered or late input never opens.

mod harness;

use harness::{Gate, SOON, Walk, commands, listed_card, verdict};

#[test]
fn d05_a_retained_card_never_opens() {
    let mut gate = Gate::start();
    let barrier = gate.barrier("walk-1");
    let mut walk = Walk::of(&gate);
    gate.stop_daemon();
    walk.retained_card(&listed_card(1));
    walk.retained_temperature(365);
    gate.start_daemon();

    // The retained ones come at once when the gate subscribes; a live temperature must not complete them.
    walk.stranger_is_heard_of(&gate, 1);
    walk.temperature(365);
    walk.stranger_is_heard_of(&gate, 2);
    assert!(
        barrier.messages().is_empty(),
        "{:?}",
        commands(&barrier.messages())
    );
    assert!(
        gate.events("decision")
            .iter()
            .all(|event| verdict(event) != "admit")
    );
}

#[test]
fn d05_what_waited_at_the_broker_while_the_gate_was_away_never_opens() {
    let mut gate = Gate::start();
    let barrier = gate.barrier("walk-1");
    let mut walk = Walk::of(&gate);
    walk.stranger_is_heard_of(&gate, 1);
    for round in 0..5 {
        if round % 2 == 0 {
            gate.kill_daemon();
        } else {
            gate.stop_daemon();
        }
        walk.person(&listed_card(round), 365);
        gate.start_daemon();
        walk.stranger_is_heard_of(&gate, 2 + round);
    }
    gate.platform_complete(SOON);
    assert!(
        barrier.messages().is_empty(),
        "{:?}",
        commands(&barrier.messages())
    );
}

#[test]
fn d05_slow_twenty_broker_restarts_open_nothing() {
    let mut gate = Gate::start();
    let barrier = gate.barrier("walk-1");
    let mut walk = Walk::of(&gate);
    let mut opened = 0;
    for round in 0..20 {
        // A resident in mid-flight or already through when the broker goes.
        walk.person(&listed_card(round), 365);
        if round % 2 == 0 {
            opened += 1;
            barrier.hears(opened, SOON);
        }
        gate.restart_broker();
        walk.stranger_is_heard_of(&gate, round);
        let heard = barrier.messages().len();
        assert!(
            heard <= (round + 1) as usize,
            "round {round}: {heard} openings"
        );
        opened = heard;
    }
    let admits = gate
        .events("decision")
        .iter()
        .filter(|event| verdict(event) == "admit")
        .count();
    assert!(
        barrier.messages().len() <= admits,
        "{admits} admissions: {:?}",
        commands(&barrier.messages())
    );
}
