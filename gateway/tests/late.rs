//! D-5: retained, redelivered or late input never opens.

mod harness;

use std::time::Duration;

use harness::{Gate, SOON, Walk, commands, listed_card, must, stranger_card, verdict};

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
    must("the gate is at the broker", SOON, || {
        decides(&gate, &mut walk, 1)
    });
    walk.temperature(365);
    must("the gate goes on deciding", SOON, || {
        decides(&gate, &mut walk, 2)
    });
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
    must("the gate is at the broker", SOON, || {
        decides(&gate, &mut walk, 1)
    });
    for round in 0..5 {
        if round % 2 == 0 {
            gate.kill_daemon();
        } else {
            gate.stop_daemon();
        }
        walk.person(&listed_card(round), 365);
        gate.start_daemon();
        must("the gate decides again", SOON, || {
            decides(&gate, &mut walk, 2 + round)
        });
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
        must("the gate decides again", Duration::from_secs(30), || {
            decides(&gate, &mut walk, round)
        });
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

/// Presents a stranger and says whether the platform has heard of them.
fn decides(gate: &Gate, walk: &mut Walk, n: u32) -> bool {
    let card = stranger_card(n);
    walk.person(&card, 365);
    harness::eventually(Duration::from_secs(2), || {
        gate.events("alert_raised")
            .iter()
            .any(|alert| alert.to_string().contains(&card))
    })
}
