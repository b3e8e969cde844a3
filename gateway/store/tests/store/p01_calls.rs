//! P-01 at the mutating system calls: a life is killed before one of them, in append, commit,
//! acknowledge, prune, open, first start and recovery.

use std::os::unix::process::ExitStatusExt;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::life::{Rebuilt, Said, wrong};
use crate::strace::{Before, Boundary, boundaries, prepared, struck};

/// Boundaries tried in the check; `STORE_TEST_ALL` tries every one.
const SAMPLED: usize = 80;

/// Batches of a life: with two receipts and an erasure among them.
const ROUNDS: u64 = 6;

/// Kills at up to `sampled` boundaries of a life that begins so; returns how many struck.
fn killed_at(before: Before, sampled: usize, seed: u64) -> usize {
    let rebuilt = match before {
        Before::Damaged => Rebuilt::Perhaps,
        _ => Rebuilt::Never,
    };
    let (_home, folder) = prepared(before);
    let mut all: Vec<Boundary> = boundaries(&folder, ROUNDS).into_iter().collect();
    all.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    println!("{before:?}: {} boundaries", all.len());
    let mut struck_count = 0;
    let (_home, template) = prepared(before);
    for boundary in all {
        if struck_count == sampled {
            break;
        }
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("store");
        if template.exists() {
            crate::harness::copy(&template, &folder);
        }
        let output = struck(&folder, ROUNDS, &boundary, "signal=KILL", "");
        // Threads do not always make the same number of calls: one that was not reached.
        if output.status.signal() != Some(libc::SIGKILL) && output.status.code() != Some(137) {
            continue;
        }
        struck_count += 1;
        if let Some(wrong) = wrong(&folder, &Said::of(&output.stdout), rebuilt) {
            panic!("{before:?}, killed before {boundary:?}: {wrong}");
        }
    }
    struck_count
}

#[test]
fn p01_slow_a_kill_before_any_mutating_call_loses_nothing() {
    let all = std::env::var_os("STORE_TEST_ALL").is_some();
    let share = |part: usize| if all { usize::MAX } else { part };
    let struck = killed_at(Before::Nothing, share(28), 1)
        + killed_at(Before::Lived, share(25), 2)
        + killed_at(Before::Damaged, share(40), 3);
    println!("{struck} kills");
    assert!(struck >= SAMPLED, "only {struck} of {SAMPLED} struck");
}
