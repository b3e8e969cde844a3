//! P-03: damage is found and contained. Bits are flipped, blocks zeroed and files cut in a closed
//! store; opening and reading never panics, and nothing false is ever read as true.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gateway_core::name::Name;
use gateway_store::check::{Fault, check};
use gateway_store::header::Hash;
use gateway_store::journal::{Batch, Journal};
use gateway_store::record::{self, PartState};
use gateway_store::{Condition, Reader, Store, decode};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::harness::{event, fill, memory, note_number, on_sled, sealer};

const CASES: u64 = 300;
const EVENTS: u64 = 400;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).expect("a listing") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => out.extend(files(&path)),
            false => out.push(path),
        }
    }
    out.sort();
    out
}

fn copy(from: &Path, to: &Path) {
    for path in files(from) {
        let target = to.join(path.strip_prefix(from).expect("inside"));
        fs::create_dir_all(target.parent().expect("a folder")).expect("made");
        fs::copy(&path, target).expect("copied");
    }
}

/// Changes one file somewhere and says how.
fn damage(rng: &mut ChaCha8Rng, folder: &Path) -> String {
    let candidates: Vec<PathBuf> = files(folder)
        .into_iter()
        .filter(|path| fs::metadata(path).is_ok_and(|meta| meta.len() > 0))
        .collect();
    // Most of the bytes are in the database; the small files get their turn too.
    let path = match rng.gen_bool(0.7) {
        true => folder.join("journal").join("db"),
        false => candidates[rng.gen_range(0..candidates.len())].clone(),
    };
    let mut bytes = fs::read(&path).expect("read");
    let used = bytes.iter().rposition(|b| *b != 0).map_or(1, |at| at + 1);
    let at = rng.gen_range(0..used);
    let what = match rng.gen_range(0..4) {
        0 => {
            bytes.truncate(at);
            format!("cut at {at}")
        }
        1 => {
            let to = (at + rng.gen_range(1..4_096)).min(bytes.len());
            bytes[at..to].fill(0);
            format!("zero {at}..{to}")
        }
        _ => {
            let bit = rng.gen_range(0..8);
            bytes[at] ^= 1 << bit;
            format!("bit {bit} of {at}")
        }
    };
    fs::write(&path, bytes).expect("written");
    format!(
        "{what} in {}",
        path.strip_prefix(folder).expect("inside").display()
    )
}

/// What the store says of itself.
#[derive(Debug, PartialEq)]
enum Said {
    /// Put aside, with what could be read taken over.
    Rebuilt,
    /// Put aside, nothing could be read.
    BegunAnew,
    CheckFoundIt,
    AllGood,
}

/// What was salvaged is what was written, in order, and the new journal works at once.
fn rebuilt_rightly(store: &Store, salvaged: u64) -> Result<Said, String> {
    let reader = store.reader();
    let report = check(&reader, None).map_err(|cause| format!("no report: {cause:?}"))?;
    if !report.is_good() || report.events != salvaged {
        return Err(format!("rebuilt wrongly: {report:?}"));
    }
    let mut before = 0;
    for number in 1..=salvaged {
        let stored = reader.get(number).ok().flatten().ok_or("unreadable")?;
        let read = decode(&stored).map_err(|cause| format!("{number}: {cause}"))?;
        let was = note_number(&read);
        if was <= before || read != event(was) {
            return Err(format!("{number} was salvaged falsely"));
        }
        before = was;
    }
    let (_writer, handle, outcomes) = store.start_writer::<()>().expect("a writer");
    handle
        .submit(gateway_store::Submission {
            events: vec![event(1)],
            state: None,
            then: (),
        })
        .expect("taken");
    match outcomes.recv().expect("an outcome") {
        gateway_store::Outcome::Durable(_) if salvaged > 0 => Ok(Said::Rebuilt),
        gateway_store::Outcome::Durable(_) => Ok(Said::BegunAnew),
        gateway_store::Outcome::Failed(cause) => Err(format!("does not go on: {cause}")),
    }
}

fn open_and_judge(folder: &Path, truth: &[(u64, Vec<u8>)]) -> Result<Said, String> {
    let store = Store::open(folder, Name::new("gate-1"), Name::new("350603"))
        .map_err(|cause| format!("it does not open: {cause:?}"))?;
    if let Condition::Quarantined { salvaged, .. } = store.condition() {
        return rebuilt_rightly(&store, *salvaged);
    }
    let reader = store.reader();
    let report = check(&reader, None).map_err(|cause| format!("no report: {cause:?}"))?;
    let said = match report.is_good() && report.events == EVENTS {
        true => Said::AllGood,
        false if report.is_good() => {
            return Err(format!("{} events and no complaint", report.events));
        }
        false => Said::CheckFoundIt,
    };
    // Whatever can be read is what was written.
    for (number, bytes) in truth {
        match reader.get(*number) {
            Ok(Some(stored)) if record::encode(&stored) == *bytes => {}
            Ok(_) if said == Said::AllGood => return Err(format!("{number} is false")),
            Ok(Some(_)) => return Err(format!("{number} is read falsely")),
            Ok(None) => return Err(format!("{number} is gone without a complaint")),
            Err(_) if said == Said::AllGood => return Err(format!("{number} is unreadable")),
            Err(_) => {}
        }
    }
    Ok(said)
}

#[derive(PartialEq)]
enum Marked {
    Yes,
    /// The sabotage twin: nothing says how far the journal once was.
    No,
}

/// Damages a store in `cases` ways; the first that is not found, or what was said of each.
fn damaged_in_many_ways(cases: u64, marked: Marked) -> Result<[u64; 4], String> {
    let whole = tempfile::tempdir().expect("a folder");
    let journal = on_sled(whole.path());
    fill(&journal, EVENTS);
    let truth = journal.range(1, EVENTS as usize).expect("records");
    drop(journal);
    let mut counts = [0; 4];
    for case in 0..cases {
        let mut rng = ChaCha8Rng::seed_from_u64(case);
        let folder = tempfile::tempdir().expect("a folder");
        copy(whole.path(), folder.path());
        let how = damage(&mut rng, folder.path());
        if marked == Marked::No {
            fs::remove_file(folder.path().join("journal.mark")).expect("removed");
        }
        // As long as it should be, so that it is not written anew for each case.
        fs::File::create(folder.path().join("ballast"))
            .and_then(|file| file.set_len(16 * 1024 * 1024))
            .expect("a ballast");
        let begun = Instant::now();
        match open_and_judge(folder.path(), &truth) {
            Ok(said) => counts[said as usize] += 1,
            Err(wrong) => return Err(format!("case {case}, {how}: {wrong}")),
        }
        if begun.elapsed() > Duration::from_secs(10) {
            return Err(format!("case {case}, {how}: not up again in ten seconds"));
        }
    }
    Ok(counts)
}

#[test]
fn p03_damage_anywhere_is_found_and_contained() {
    let counts = damaged_in_many_ways(CASES, Marked::Yes).unwrap_or_else(|wrong| panic!("{wrong}"));
    println!("rebuilt, begun anew, found by the check, harmless: {counts:?}");
    assert!(counts[0] > 0 && counts[3] > 0, "{counts:?}");
}

#[test]
fn p03_twin_a_store_without_its_mark_loses_events_unseen() {
    assert!(damaged_in_many_ways(CASES, Marked::No).is_err());
}

/// A journal in which one record was changed and its checksum made right again.
fn forged(number: u64, forge: impl Fn(&mut gateway_store::Stored)) -> Reader {
    let journal: Arc<dyn Journal> = memory();
    let mut sealer = sealer(&journal, 1);
    let records = (1..=10)
        .map(|n| {
            let mut stored = sealer.seal(&event(n)).expect("sealed");
            if n == number {
                forge(&mut stored);
            }
            record::encode(&stored)
        })
        .collect();
    journal
        .append(&Batch {
            first: 1,
            records,
            snapshot: None,
        })
        .expect("appended");
    Reader::new(journal)
}

#[test]
fn p03_a_forged_part_breaks_its_commitment() {
    let reader = forged(5, |stored| {
        let PartState::Present { body, .. } = &mut stored.parts[0] else {
            panic!("present");
        };
        *body = Arc::from(body.replace("\"5\"", "\"6\""));
    });
    let report = check(&reader, None).expect("a report");
    assert_eq!((report.errors, report.findings[0].number), (1, 5));
    assert_eq!(report.findings[0].fault, Fault::CommitmentBroken);
}

#[test]
fn p03_a_forged_header_breaks_the_chain() {
    let reader = forged(5, |stored| {
        let text = stored.header_text.replace("east-in", "west-in");
        assert_ne!(text, *stored.header_text);
        stored.header_text = Arc::from(text);
        stored.hash = Hash::of(stored.header_text.as_bytes());
    });
    let report = check(&reader, None).expect("a report");
    assert_eq!((report.errors, report.findings[0].number), (1, 6));
    assert_eq!(report.findings[0].fault, Fault::ChainBroken);
}
