//! B-3: start and restart move no arm, in whatever state the gate was.

mod harness;

use harness::{Gate, SOON, Walk, commands, listed_card, stranger_card};

#[test]
fn b03_twenty_restarts_in_every_state_move_no_arm() {
    let mut gate = Gate::start();
    let barrier = gate.barrier("walk-1");
    let mut walk = Walk::of(&gate);
    for round in 0..20 {
        let moved = barrier.messages().len();
        let opened = into_state(round, &mut walk, &gate, &barrier);
        if round % 2 == 0 {
            gate.kill_daemon();
        } else {
            gate.stop_daemon();
        }
        gate.start_daemon();
        // Once a stranger who came after the restart is known of, what waited before them is dealt with.
        walk.stranger_is_heard_of(&gate, 1_000 + round);
        let heard = barrier.messages();
        assert_eq!(
            heard.len(),
            moved + opened,
            "round {round}: {:?}",
            commands(&heard)
        );
    }
    gate.platform_complete(SOON);
}

/// Brings the gate into one of five states; says how many openings that itself asked for.
fn into_state(round: u32, walk: &mut Walk, gate: &Gate, barrier: &harness::Device) -> usize {
    let before = barrier.messages().len();
    let decisions = gate.events("decision").len();
    match round % 5 {
        // Nobody there.
        0 => 0,
        // A person half gathered.
        1 => {
            walk.card(&listed_card(round));
            0
        }
        // Just admitted.
        2 => {
            walk.person(&listed_card(round), 365);
            barrier.hears(before + 1, SOON);
            1
        }
        // A hold waiting for its answer.
        3 => {
            walk.person(&listed_card(round), 390);
            gate.events_at_least("decision", decisions + 1, SOON);
            0
        }
        // Refused, the alert open.
        _ => {
            walk.person(&stranger_card(round), 365);
            gate.events_at_least("decision", decisions + 1, SOON);
            0
        }
    }
}
