//! P-01: accepted is kept. A child process appends and says what became durable; it is killed at
//! random, also while it opens; an oracle outside of it compares what is left.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gateway_core::name::Name;
use gateway_store::check::check;
use gateway_store::{Outcome, Store, Submission, decode};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::harness::{event, note_number};

const KILLS: u64 = 50;
const FOLDER: &str = "STORE_TEST_FOLDER";
const ACCEPTS: &str = "STORE_TEST_ACCEPTS";

/// When the child says *accepted*.
#[derive(Clone, Copy, PartialEq)]
enum Accepts {
    WhenDurable,
    /// The sabotage twin.
    WhenSubmitted,
}

/// Not a test: the process that is killed.
#[test]
#[ignore = "runs as the child of the tests of P-01"]
fn p01_child() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let when_durable = std::env::var(ACCEPTS).is_ok_and(|value| value == "durable");
    let store =
        Store::open(Path::new(&folder), Name::new("gate-1"), Name::new("350603")).expect("a store");
    let mut next = store.reader().last() + 1;
    let (_writer, handle, outcomes) = store.start_writer::<u64>().expect("a writer");
    let mut out = std::io::stdout().lock();
    let mut rng = ChaCha8Rng::seed_from_u64(next);
    loop {
        for _ in 0..rng.gen_range(1..40) {
            let count = rng.gen_range(1..4);
            let events = (next..next + count).map(event).collect();
            next += count;
            let submission = Submission {
                events,
                state: rng.gen_bool(0.1).then(|| vec![1; 5_000]),
                then: next - 1,
            };
            handle.submit(submission).expect("taken");
            if !when_durable {
                writeln!(out, "accepted {}", next - 1).expect("said");
            }
        }
        out.flush().expect("said");
        while handle.durable_through() < next - 1 || !outcomes.is_empty() {
            match outcomes.recv().expect("an outcome") {
                Outcome::Durable(durable) if when_durable => {
                    writeln!(out, "accepted {}", durable.then).expect("said");
                    out.flush().expect("said");
                }
                Outcome::Durable(_) => {}
                Outcome::Failed(cause) => panic!("{cause}"),
            }
        }
    }
}

fn child(folder: &Path, accepts: Accepts) -> Child {
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "p01::p01_child", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(
            ACCEPTS,
            match accepts {
                Accepts::WhenDurable => "durable",
                Accepts::WhenSubmitted => "submitted",
            },
        )
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child")
}

/// Kills the child after `lines` were accepted, or after `at_most`; returns the last one.
fn run_and_kill(folder: &Path, accepts: Accepts, lines: u64, at_most: Duration) -> u64 {
    let mut child = child(folder, accepts);
    let (said, hears) = crossbeam_channel::unbounded();
    let stdout = BufReader::new(child.stdout.take().expect("its output"));
    let listener = std::thread::spawn(move || {
        for line in stdout.lines().map_while(Result::ok) {
            if let Some(number) = line.strip_prefix("accepted ") {
                let _ = said.send(number.parse::<u64>().expect("a number"));
            }
        }
    });
    let deadline = Instant::now() + at_most;
    let mut last = 0;
    for _ in 0..lines {
        match hears.recv_deadline(deadline) {
            Ok(number) => last = number,
            Err(_) => break,
        }
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    listener.join().expect("no panic");
    hears.try_iter().last().unwrap_or(last).max(last)
}

/// What the oracle finds wrong after a kill; `None` when every accepted event is there once, in
/// order and byte-equal.
fn wrong(folder: &Path, accepted: u64) -> Option<String> {
    let store = Store::open(folder, Name::new("gate-1"), Name::new("350603")).expect("a store");
    let reader = store.reader();
    if reader.last() < accepted {
        return Some(format!("{} of {accepted} are left", reader.last()));
    }
    let report = check(&reader, None).expect("a report");
    if !report.is_good() {
        return Some(format!("{report:?}"));
    }
    let mut next = 1;
    while next <= reader.last() {
        for stored in reader.range(next, 512).expect("records") {
            let read = decode(&stored).expect("an event");
            if read != event(stored.number()) || note_number(&read) != next {
                return Some(format!("number {next} is another event"));
            }
            next += 1;
        }
    }
    None
}

#[test]
fn p01_what_was_accepted_survives_a_kill_at_any_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut accepted = 0;
    for kill in 0..KILLS {
        // A third of them while the store opens or before the first commit.
        let (lines, at_most) = match rng.gen_range(0..3) {
            0 => (u64::MAX, Duration::from_micros(rng.gen_range(500..60_000))),
            _ => (rng.gen_range(1..200), Duration::from_secs(30)),
        };
        accepted = accepted.max(run_and_kill(
            folder.path(),
            Accepts::WhenDurable,
            lines,
            at_most,
        ));
        if let Some(wrong) = wrong(folder.path(), accepted) {
            panic!("after kill {kill}: {wrong}");
        }
    }
    assert!(accepted > KILLS, "the children did append");
}

#[test]
fn p01_twin_accepting_before_the_append_is_found_out() {
    let found = (0..20u64).any(|round| {
        let folder = tempfile::tempdir().expect("a folder");
        let accepted = run_and_kill(
            folder.path(),
            Accepts::WhenSubmitted,
            5 + round * 7,
            Duration::from_secs(30),
        );
        wrong(folder.path(), accepted).is_some()
    });
    assert!(found);
}
