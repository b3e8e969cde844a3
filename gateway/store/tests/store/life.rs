//! A store's life in a process of its own, for the tests that kill it, cut its power and fill its
//! disk: it opens, appends, has receipts confirmed, erases parts, and says on its output what it
//! has promised. [`wrong`] is the oracle: it opens what is left and holds it against what was said.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use gateway_core::event::{Body, Class, Event, EventKind, PartKind};
use gateway_core::name::Name;
use gateway_store::check::check;
use gateway_store::outbox::{Receipt, ReceiptRange};
use gateway_store::ranges::Ranges;
use gateway_store::record::PartState;
use gateway_store::{
    Condition, Durable, Erasure, Outcome, Store, Submission, WriterHandle, decode,
};

use crate::harness::{event, moment};

const FOLDER: &str = "STORE_TEST_FOLDER";
const ROUNDS: &str = "STORE_TEST_ROUNDS";

/// Far longer than any commit of these tests takes.
const STALLED: Duration = Duration::from_secs(5);

pub fn open(folder: &Path) -> Result<Store, gateway_store::StoreError> {
    Store::open(folder, Name::new("gate-1"), Name::new("350603"))
}

/// The command that lives in `folder`, to be run as it is or under strace.
pub fn command(folder: &Path, rounds: u64, under: &[String]) -> Command {
    let me = std::env::current_exe().expect("this test");
    let mut command = match under.split_first() {
        Some((program, arguments)) => {
            let mut command = Command::new(program);
            command.args(arguments).arg(me);
            command
        }
        None => Command::new(me),
    };
    command
        .args(["--exact", "life::life_child", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(ROUNDS, rounds.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

/// What a life has promised.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// Number and header hash of each event that it accepted, in order.
    pub accepted: Vec<(u64, String)>,
    pub confirmed: u64,
    pub erased: Vec<u64>,
    pub failed: bool,
    pub done: bool,
}

impl Said {
    pub fn hear(&mut self, line: &str) {
        let mut words = line.split(' ');
        let number = |word: Option<&str>| word.and_then(|word| word.parse::<u64>().ok());
        match words.next() {
            Some("accepted") => {
                if let (Some(number), Some(hash)) = (number(words.next()), words.next()) {
                    self.accepted.push((number, hash.to_owned()));
                }
            }
            Some("confirmed") => self.confirmed = number(words.next()).unwrap_or(self.confirmed),
            Some("erased") => self.erased.extend(number(words.next())),
            Some("failed") => self.failed = true,
            Some("done") => self.done = true,
            _ => {}
        }
    }

    pub fn of(output: &[u8]) -> Said {
        let mut said = Said::default();
        let text = String::from_utf8_lossy(output);
        // A line that was cut short was not said.
        for line in text.split_inclusive('\n') {
            if let Some(line) = line.strip_suffix('\n') {
                said.hear(line);
            }
        }
        said
    }
}

/// Not a test: the life itself.
#[test]
#[ignore = "runs as the child of the tests of P-01, P-02 and P-04"]
fn life_child() {
    let (Ok(folder), Ok(rounds)) = (std::env::var(FOLDER), std::env::var(ROUNDS)) else {
        return;
    };
    if live(Path::new(&folder), rounds.parse().expect("a number")).is_none() {
        say("failed");
    }
    // What sled would do when it is dropped after a failure is not part of the promise.
    std::process::exit(0);
}

/// One line, one write: an output that cannot be written promises nothing.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(format!("{line}\n").as_bytes());
    let _ = out.flush();
}

/// `None` when the store failed.
fn live(folder: &Path, rounds: u64) -> Option<()> {
    let store = open(folder).ok()?;
    let town = Name::new("town");
    let mut outbox = store.outbox(&town).ok()?;
    let (writer, handle, outcomes) = store.start_writer::<()>().ok()?;
    for round in 1..=rounds {
        let from = store.reader().last() + 1;
        let submission = Submission {
            events: (from..from + 3 + round % 4).map(event).collect(),
            state: (round % 5 == 0).then(|| vec![1; 5_000]),
            then: (),
        };
        handle.submit(submission).ok()?;
        let durable = next(&handle, &outcomes)?;
        for stored in &durable.stored {
            say(&format!("accepted {} {}", stored.number(), stored.hash));
        }
        if round % 2 == 0 {
            let last = durable.stored.last()?;
            let mut sent = Ranges::new();
            sent.insert(1, last.number());
            let receipt = Receipt {
                journal: store.origin().journal,
                destination: town.clone(),
                ranges: vec![ReceiptRange {
                    from: 1,
                    to: last.number(),
                    hash: last.hash,
                }],
            };
            outbox.confirm(&receipt, &sent).ok()?;
            say(&format!("confirmed {}", outbox.confirmed_through()));
        }
        if round % 3 == 0 {
            let gone: Vec<u64> = (durable.first - 2..durable.last).collect();
            let parts = gone.iter().map(|number| (*number, vec![0])).collect();
            let event = retention(from);
            handle
                .erase(Erasure {
                    parts,
                    event,
                    then: (),
                })
                .ok()?;
            let durable = next(&handle, &outcomes)?;
            say(&format!(
                "accepted {} {}",
                durable.last, durable.stored[0].hash
            ));
            for number in gone {
                say(&format!("erased {number}"));
            }
        }
    }
    drop((handle, outbox));
    let _ = writer.join();
    drop(store);
    say("done");
    Some(())
}

fn retention(number: u64) -> Event {
    let body = Body::Note {
        code: Name::new("retention"),
        values: Vec::new(),
    };
    Event::new(moment(number), EventKind::Retention).part(PartKind::Detail, Class::Audit, body)
}

/// What the daemon's watchdog does, too: a commit that never ends ends the process.
fn next(handle: &WriterHandle<()>, outcomes: &Receiver<Outcome<()>>) -> Option<Durable<()>> {
    let begun = Instant::now();
    loop {
        match outcomes.recv_timeout(Duration::from_millis(50)) {
            Ok(Outcome::Durable(durable)) => return Some(durable),
            Ok(Outcome::Failed(_)) | Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => {
                let stuck = handle.committing_for() > Some(STALLED);
                if stuck || begun.elapsed() > 2 * STALLED {
                    return None;
                }
            }
        }
    }
}

/// Whether a store may have been rebuilt under a new id.
#[derive(Clone, Copy, PartialEq)]
pub enum Rebuilt {
    Never,
    /// It was damaged before the life began: hashes differ, events do not.
    Perhaps,
}

/// What the oracle finds wrong with what is left; `None` when every promise was kept and the store
/// goes on.
pub fn wrong(folder: &Path, said: &Said, rebuilt: Rebuilt) -> Option<String> {
    judge(folder, said, rebuilt).err()
}

fn judge(folder: &Path, said: &Said, rebuilt: Rebuilt) -> Result<(), String> {
    let store = open(folder).map_err(|cause| format!("it does not open: {cause:?}"))?;
    let is_rebuilt = matches!(store.condition(), Condition::Quarantined { .. });
    if is_rebuilt && rebuilt == Rebuilt::Never {
        return Err(format!("{:?}", store.condition()));
    }
    let reader = store.reader();
    match check(&reader, None) {
        Ok(report) if report.is_good() => {}
        other => return Err(format!("{other:?}")),
    }
    let accepted = said.accepted.last().map_or(0, |(number, _)| *number);
    if reader.last() < accepted {
        return Err(format!("{} of {accepted} are left", reader.last()));
    }
    let mut hashes = Vec::new();
    for number in 1..=reader.last() {
        let Ok(Some(stored)) = reader.get(number) else {
            return Err(format!("{number} cannot be read"));
        };
        let erased = stored.parts == [PartState::Erased];
        if !erased && said.erased.contains(&number) {
            return Err(format!("{number} is not erased"));
        }
        let whole = decode(&stored).is_ok_and(|read| read == event(number));
        if !whole && !erased && stored.header.kind != EventKind::Retention {
            return Err(format!("{number} was altered"));
        }
        hashes.push(stored.hash.to_string());
    }
    if rebuilt == Rebuilt::Perhaps {
        return goes_on(&store);
    }
    for (number, hash) in &said.accepted {
        if hashes[*number as usize - 1] != *hash {
            return Err(format!("{number} is another event"));
        }
    }
    let outbox = store.outbox(&Name::new("town"));
    let confirmed = outbox
        .map_err(|cause| cause.to_string())?
        .confirmed_through();
    if confirmed < said.confirmed {
        return Err(format!("{confirmed} of {} confirmed", said.confirmed));
    }
    goes_on(&store)
}

fn goes_on(store: &Store) -> Result<(), String> {
    let started = store.start_writer::<()>();
    let (writer, handle, outcomes) = started.map_err(|cause| cause.to_string())?;
    let submission = Submission {
        events: vec![event(store.reader().last() + 1)],
        state: None,
        then: (),
    };
    let taken = handle.submit(submission).is_ok() && next(&handle, &outcomes).is_some();
    drop(handle);
    let _ = writer.join();
    match taken {
        true => Ok(()),
        false => Err("it does not go on".to_owned()),
    }
}
