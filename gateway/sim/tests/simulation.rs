//! Simulated gates keep the promises, with crashes and without.

use gateway_sim::{Report, simulate};

fn good(seed: u64, minutes: u64, crashes_an_hour: u32) -> Report {
    let report = simulate(seed, minutes, crashes_an_hour)
        .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let violations = report.violations.join("\n");
    assert!(violations.is_empty(), "seed {seed}:\n{violations}");
    report
}

#[test]
fn everybody_in_four_hours_is_decided_once_and_as_expected() {
    let mut admits = 0;
    for seed in 0..4 {
        let report = good(seed, 60, 0);
        assert_eq!(report.decisions, report.arrivals, "seed {seed}");
        assert_eq!(report.openings, report.admits, "seed {seed}");
        admits += report.admits;
    }
    assert!(admits > 4_000, "only {admits} admits");
}

#[test]
fn crashes_cut_passages_short_and_open_for_nobody() {
    for seed in 10..14 {
        let report = good(seed, 60, 30);
        assert!(
            report.crashes > 10,
            "seed {seed}: {} crashes",
            report.crashes
        );
    }
}

#[test]
fn d01_the_same_seed_gives_the_same_report() {
    assert_eq!(good(21, 20, 12), good(21, 20, 12));
}
