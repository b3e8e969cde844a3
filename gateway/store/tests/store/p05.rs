//! P-05: a failed fsync never becomes a lie. A child appends one event at a time under strace,
//! which makes one system call fail; nothing is accepted after it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::RecvTimeoutError;
use gateway_core::name::Name;
use gateway_store::check::check;
use gateway_store::error::StoreError;
use gateway_store::header::JournalId;
use gateway_store::journal::{Batch, Journal, Snapshot};
use gateway_store::on_sled::SledJournal;
use gateway_store::{Outcome, Reader, Store, Submission, Writer};

use crate::harness::{event, sealer};

const FOLDER: &str = "STORE_TEST_FOLDER";
const HIDES: &str = "STORE_TEST_HIDES_ERRORS";
const EVENTS: u64 = 40;

/// Far longer than any commit of these tests takes.
const STALLED: Duration = Duration::from_secs(5);

/// Not a test: the process whose calls fail. Says `accepted N` and at the end `failed` or `done`.
#[test]
#[ignore = "runs as the child of the tests of P-05"]
fn p05_child() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let journal = SledJournal::open(&Path::new(&folder).join("journal")).expect("a journal");
    let journal: Arc<dyn Journal> = match std::env::var(HIDES).is_ok() {
        true => Arc::new(HidesErrors(journal)),
        false => Arc::new(journal),
    };
    let from = journal.last() + 1;
    let (_writer, handle, outcomes) =
        Writer::start::<u64>(journal.clone(), sealer(&journal, 1)).expect("a writer");
    let mut out = std::io::stdout().lock();
    for number in from..from + EVENTS {
        let taken = handle.submit(Submission {
            events: vec![event(number)],
            state: None,
            then: number,
        });
        if taken.is_err() {
            break;
        }
        let outcome = loop {
            match outcomes.recv_timeout(Duration::from_millis(50)) {
                // What the daemon's watchdog does: a commit that never ends ends the process.
                Err(RecvTimeoutError::Timeout) if handle.committing_for() > Some(STALLED) => {
                    break None;
                }
                Err(RecvTimeoutError::Timeout) => {}
                other => break Some(other),
            }
        };
        let Some(outcome) = outcome else {
            writeln!(out, "failed").expect("said");
            break;
        };
        match outcome {
            Ok(Outcome::Durable(durable)) => {
                writeln!(out, "accepted {}", durable.then).expect("said")
            }
            Ok(Outcome::Failed(_)) => {
                writeln!(out, "failed").expect("said");
                // Whoever goes on trying gets nothing either.
                for more in 0..5 {
                    let again = handle.submit(Submission {
                        events: vec![event(number + more)],
                        state: None,
                        then: number + more,
                    });
                    assert!(again.is_err());
                }
                break;
            }
            Err(_) => break,
        }
    }
    writeln!(out, "done").expect("said");
    out.flush().expect("said");
    drop(out);
    // sled would try to write once more when it is dropped: what counts is what was said.
    std::process::exit(0);
}

/// The sabotage twin: takes an error for a success.
struct HidesErrors(SledJournal);

impl Journal for HidesErrors {
    fn id(&self) -> JournalId {
        self.0.id()
    }

    fn last(&self) -> u64 {
        self.0.last()
    }

    fn append(&self, batch: &Batch) -> Result<(), StoreError> {
        let _ = self.0.append(batch);
        Ok(())
    }

    fn replace(&self, batch: &Batch, replaced: &[(u64, Vec<u8>)]) -> Result<(), StoreError> {
        let _ = self.0.replace(batch, replaced);
        Ok(())
    }

    fn read(&self, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.read(number)
    }

    fn range(&self, from: u64, limit: usize) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        self.0.range(from, limit)
    }

    fn snapshot(&self) -> Result<Option<Snapshot>, StoreError> {
        self.0.snapshot()
    }

    fn note(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.note(name)
    }

    fn put_note(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.0.put_note(name, value)
    }

    fn note_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.0.note_names(prefix)
    }

    fn remove_note(&self, name: &str) -> Result<(), StoreError> {
        self.0.remove_note(name)
    }
}

struct Ran {
    accepted: Vec<u64>,
    failed: bool,
}

fn run(folder: &Path, inject: &str, hides_errors: bool) -> Ran {
    let call = inject.split(':').next().expect("a call");
    let mut command = Command::new("strace");
    command
        .args(["-f", "-qq", "-o", "/dev/null", "-e"])
        .arg(format!("trace={call}"))
        .arg("-e")
        .arg(format!("inject={inject}"))
        .arg(std::env::current_exe().expect("this test"))
        .args(["--exact", "p05::p05_child", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stderr(Stdio::null());
    if hides_errors {
        command.env(HIDES, "yes");
    }
    let output = command.output().expect("strace runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("done"), "the child ended early: {text}");
    Ran {
        accepted: text
            .lines()
            .filter_map(|line| line.strip_prefix("accepted "))
            .map(|number| number.parse().expect("a number"))
            .collect(),
        failed: text.lines().any(|line| line == "failed"),
    }
}

fn prepared() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    // Created here, so that under strace only the writer's thread syncs.
    drop(SledJournal::open(&folder.path().join("journal")).expect("a journal"));
    folder
}

/// Every accepted event is there afterwards, and nothing was accepted after the failure.
fn keeps_its_word(inject: &str) {
    let folder = prepared();
    let ran = run(folder.path(), inject, false);
    assert!(ran.failed, "{inject}: the failure was not noticed");
    assert!(ran.accepted.len() < EVENTS as usize, "{inject}");
    let accepted = ran.accepted.last().copied().unwrap_or(0);
    assert!(ran.accepted.into_iter().eq(1..=accepted), "{inject}");
    let store = Store::open(folder.path(), Name::new("gate-1"), Name::new("350603"));
    let reader: Reader = store.expect("a store").reader();
    assert!(
        reader.last() >= accepted,
        "{inject}: {} of {accepted}",
        reader.last()
    );
    assert!(
        check(&reader, None).expect("a report").is_good(),
        "{inject}"
    );
}

#[test]
fn p05_nothing_is_accepted_after_an_fdatasync_that_failed_once() {
    keeps_its_word("fdatasync:error=EIO:when=7");
}

#[test]
fn p05_nothing_is_accepted_while_fdatasync_always_fails() {
    keeps_its_word("fdatasync:error=EIO:when=3+");
}

#[test]
fn p05_a_full_disk_is_a_failure_and_never_a_lie() {
    keeps_its_word("pwrite64:error=ENOSPC:when=12+");
}

#[test]
fn p05_a_write_that_fails_once_is_a_failure_and_never_a_lie() {
    keeps_its_word("pwrite64:error=EIO:when=9");
}

#[test]
fn p05_twin_a_journal_that_hides_the_error_is_found_out() {
    let folder = prepared();
    let ran = run(folder.path(), "fdatasync:error=EIO:when=7", true);
    assert!(!ran.failed);
    assert_eq!(ran.accepted.len(), EVENTS as usize);
}
