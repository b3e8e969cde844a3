//! P-10: whatever happens on the way, the platform gets every event once.

mod harness;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use harness::{Gate, SOON, Walk, Wishes, eventually, must, stranger_card};

const FAULTS: &[&str] = &[
    "reset",
    "stall",
    "delay 200",
    "halfclose",
    "blackhole",
    "rate 2000",
];
const PERSONS: u32 = 300;

#[test]
fn p10_a_flapping_way_to_the_platform_loses_nothing() {
    let mut gate = Gate::with(Wishes {
        through_proxy: true,
        ..Wishes::default()
    });
    let mut proxy = gate.proxy();
    let mut walk = Walk::of(&gate);
    let came = AtomicU32::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..PERSONS {
                walk.person(&stranger_card(n), 365);
                came.store(n + 1, Ordering::Relaxed);
            }
        });
        // Each fault lies on the way while so many more persons come, then the way is free for a moment.
        for (turn, fault) in FAULTS.iter().enumerate() {
            let until = (turn as u32 + 1) * PERSONS / FAULTS.len() as u32;
            proxy.set(fault);
            must("persons come", Duration::from_secs(60), || {
                came.load(Ordering::Relaxed) >= until
            });
            proxy.set("pass");
            let before = gate.book().map_or(0, |book| book.received);
            eventually(Duration::from_secs(3), || {
                gate.book().is_some_and(|book| book.received > before)
            });
        }
    });
    let events = gate.platform_complete(Duration::from_secs(120));
    assert!(
        events >= u64::from(PERSONS),
        "{events} events of {PERSONS} persons"
    );
    must("every event has its receipt", SOON, || {
        gate.gatectl(&["outbox", "--json"])[0]["waiting"] == 0
    });
}

#[test]
fn p10_a_platform_that_was_away_is_told_everything_when_it_is_back() {
    let mut gate = Gate::start();
    let mut walk = Walk::of(&gate);
    walk.stranger_is_heard_of(&gate, 0);
    gate.stop_grid();
    for n in 1..50 {
        walk.person(&stranger_card(n), 365);
    }
    gate.kill_daemon();
    gate.start_daemon();
    gate.start_grid();
    walk.stranger_is_heard_of(&gate, 50);
    gate.platform_complete(Duration::from_secs(60));
}
