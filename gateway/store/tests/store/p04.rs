//! P-04: a full disk. A file system in memory is filled by bytes and by files, in a mount namespace
//! of its own; and each mutating call of a life is refused for want of space, once and for ever.
//! Nothing accepted is lost, nothing is accepted that is not kept, and it goes on within five
//! seconds after there is room again.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gateway_store::check::check;
use gateway_store::{Outcome, Store, StoreError, Submission, room};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::harness::event;
use crate::life::{Rebuilt, Said, open, wrong};
use crate::strace::{Before, Boundary, boundaries, prepared, struck};

/// Calls that are refused in the check; `STORE_TEST_ALL` refuses every one.
const SAMPLED: usize = 40;

const ROUNDS: u64 = 6;

/// How soon it must be well again.
const WELL_AGAIN: Duration = Duration::from_secs(5);

const FOLDER: &str = "STORE_TEST_FOLDER";
const FULL_OF: &str = "STORE_TEST_FULL_OF";

/// `when`: empty for once, `+` for ever.
fn refused_at(before: Before, when: &str, sampled: usize, seed: u64) -> usize {
    let rebuilt = match before {
        Before::Damaged => Rebuilt::Perhaps,
        _ => Rebuilt::Never,
    };
    let (_home, folder) = prepared(before);
    let mut all: Vec<Boundary> = boundaries(&folder, ROUNDS)
        .into_iter()
        .filter(|boundary| !matches!(boundary.call.as_str(), "unlink" | "rmdir"))
        .collect();
    all.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let (_home, template) = prepared(before);
    let mut tried = 0;
    for boundary in all.into_iter().take(sampled) {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("store");
        if template.exists() {
            crate::harness::copy(&template, &folder);
        }
        let output = struck(&folder, ROUNDS, &boundary, "error=ENOSPC", when);
        tried += 1;
        let begun = Instant::now();
        if let Some(wrong) = wrong(&folder, &Said::of(&output.stdout), rebuilt) {
            panic!("{before:?}, ENOSPC{when} at {boundary:?}: {wrong}");
        }
        assert!(begun.elapsed() < WELL_AGAIN, "{boundary:?}");
    }
    tried
}

#[test]
fn p04_slow_no_room_at_any_call_loses_nothing() {
    let all = std::env::var_os("STORE_TEST_ALL").is_some();
    let share = if all { usize::MAX } else { SAMPLED / 4 };
    let tried = refused_at(Before::Nothing, "", share, 1)
        + refused_at(Before::Nothing, "+", share, 2)
        + refused_at(Before::Lived, "", share, 3)
        + refused_at(Before::Lived, "+", share, 4);
    assert!(tried >= SAMPLED, "only {tried} of {SAMPLED}");
}

/// Runs [`p04_child`] on a small file system of its own.
fn on_a_small_disk(options: &str, full_of: &str) {
    let home = tempfile::tempdir().expect("a folder");
    let script = format!(
        "mount -t tmpfs -o {options} none \"$1\" && exec \"$2\" --exact p04::p04_child --ignored \
         --nocapture"
    );
    let output = Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            &script,
            "sh",
        ])
        .arg(home.path())
        .arg(std::env::current_exe().expect("this test"))
        .env(FOLDER, home.path())
        .env(FULL_OF, full_of)
        .stderr(Stdio::piped())
        .output()
        .expect("unshare runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("well again"),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn p04_a_disk_without_bytes_takes_nothing_and_is_well_again_with_room() {
    on_a_small_disk("size=80m", "bytes");
}

#[test]
fn p04_a_disk_without_files_takes_nothing_and_is_well_again_with_room() {
    on_a_small_disk("size=80m,nr_inodes=400", "files");
}

/// Not a test: what happens on the small disk.
#[test]
#[ignore = "runs as the child of the tests of P-04"]
fn p04_child() {
    let (Ok(folder), Ok(full_of)) = (std::env::var(FOLDER), std::env::var(FULL_OF)) else {
        return;
    };
    let disk = Path::new(&folder);
    let folder = disk.join("store");
    let store = open(&folder).expect("a store");
    append(&store, 20);

    // Pictures stop while events still go.
    let picture = |n: u32| [&n.to_le_bytes()[..], &[7; 200_000]].concat();
    let refused = (0..1_000).find_map(|n| store.evidence().put(&picture(n)).err());
    assert!(refused.expect("pictures are refused first").is_disk_full());
    append(&store, 20);

    // Others take the rest: nothing is accepted, and nothing fails.
    let others = Others::take_all(disk, &full_of);
    let (writer, handle, outcomes) = store.start_writer::<()>().expect("a writer");
    let number = store.reader().last() + 1;
    let submission = Submission {
        events: vec![event(number)],
        state: None,
        then: (),
    };
    handle.submit(submission).expect("taken");
    assert!(outcomes.recv_timeout(Duration::from_secs(1)).is_err());
    assert!(handle.waits_for_room() && handle.failure().is_none());
    assert!(
        handle.committing_for().is_none(),
        "it waits, and is not stuck"
    );
    // Pictures go first.
    let removed = store.evidence().keep_within(1_000_000).expect("removed");
    assert!(removed.files > 0);
    match outcomes.recv_timeout(WELL_AGAIN) {
        Ok(Outcome::Durable(durable)) => assert_eq!(durable.last, number),
        other => panic!("not well again: {other:?}"),
    }
    drop(handle);
    writer.join().expect("no panic");
    drop(store);

    // Full to the last: the ballast is given up, the store opens, and all is there.
    let more = Others::take_all(disk, &full_of);
    let store = open(&folder).expect("it opens on a full disk");
    assert_eq!(store.reader().last(), number);
    assert!(check(&store.reader(), None).expect("a report").is_good());
    drop((others, more));
    append(&store, 20);
    println!("well again");
}

fn append(store: &Store, count: u64) {
    let (writer, handle, outcomes) = store.start_writer::<()>().expect("a writer");
    let from = store.reader().last() + 1;
    let submission = Submission {
        events: (from..from + count).map(event).collect(),
        state: None,
        then: (),
    };
    handle.submit(submission).expect("taken");
    match outcomes.recv_timeout(WELL_AGAIN) {
        Ok(Outcome::Durable(_)) => {}
        other => panic!("not appended: {other:?}"),
    }
    drop(handle);
    writer.join().expect("no panic");
}

/// What others have written onto the disk.
struct Others {
    /// They go when it does.
    _folder: tempfile::TempDir,
}

impl Others {
    fn take_all(disk: &Path, of: &str) -> Others {
        let others = tempfile::tempdir_in(disk).expect("a folder");
        let mut count = 0;
        while room::of(disk).is_some_and(|room| room.bytes > 0 && room.files > 0) {
            let bytes = match of {
                "bytes" => 256 * 1024,
                _ => 0,
            };
            count += 1;
            if std::fs::write(others.path().join(count.to_string()), vec![1; bytes]).is_err() {
                break;
            }
        }
        Others { _folder: others }
    }
}

#[test]
fn p04_twin_a_store_that_begins_writes_without_looking_for_room_fails() {
    // The database itself, filled to the last byte without a look at what is free: it takes no more
    // even when there is room again. That is why none is begun.
    let (_home, folder) = prepared(Before::Lived);
    let boundary = Boundary {
        call: "pwrite64".to_owned(),
        nth: 2,
    };
    let output = struck(&folder, ROUNDS, &boundary, "error=ENOSPC", "");
    let said = Said::of(&output.stdout);
    assert!(said.failed && !said.done);
    assert!(matches!(
        open(&folder),
        Ok(_) | Err(StoreError::InUse { .. })
    ));
}
