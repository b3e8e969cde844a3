//! Journal append against a plain log with fdatasync, in the same run and on the same disk.
//!
//! `append_bench [FOLDER] [EVENTS]` prints one row as JSON, the time of a commit. Both write records
//! of 1 KiB in commits of 64, each commit durable before the next; in turns, so that a disk that
//! slows down slows both. Sealing (JSON, salts, hashes) is part of ours; the note tells how many
//! events a second it is with and without, and what the drive can do at its very best: a log whose
//! file has its size beforehand, so that no sync has to write the file's length.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use gateway_core::event::{Body, Class, Event, EventKind, PartKind};
use gateway_core::moment::{ClockTrust, Moment, Mono};
use gateway_core::name::Name;
use gateway_store::journal::{Batch, Journal};
use gateway_store::on_sled::SledJournal;
use gateway_store::record;
use gateway_store::seal::{End, Origin, Sealer};
use rand::SeedableRng;

const COMMIT: u64 = 64;
const BYTES: usize = 1024;
/// Commits in a turn of one of the two.
const TURN: u64 = 50;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments
        .next()
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let events: u64 = match arguments.next() {
        Some(text) => text.parse().context("the number of events")?,
        None => 50_000,
    };
    let folder = folder.join(format!("append-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let measured = measure(&folder, events);
    std::fs::remove_dir_all(&folder)?;
    println!("{}", measured?);
    Ok(())
}

fn measure(folder: &Path, events: u64) -> Result<String> {
    let mut ours = Ours::open(folder)?;
    let turns = events.div_ceil(COMMIT * TURN);
    let mut bare = Bare::open(&folder.join("plain"), 0)?;
    let mut sized = Bare::open(&folder.join("sized"), turns)?;
    let (mut whole, mut plain) = (Vec::new(), Vec::new());
    let mut filling = Duration::ZERO;
    let mut storing = Duration::ZERO;
    for _ in 0..turns {
        for _ in 0..TURN {
            let begun = Instant::now();
            storing += ours.commit()?;
            whole.push(begun.elapsed());
        }
        for _ in 0..TURN {
            let begun = Instant::now();
            bare.commit()?;
            plain.push(begun.elapsed());
        }
        let begun = Instant::now();
        for _ in 0..TURN {
            sized.commit()?;
        }
        filling += begun.elapsed();
    }
    let events = turns * TURN * COMMIT;
    let per_s = |time: Duration| events as f64 / time.as_secs_f64();
    let note = format!(
        "{events} events; ours {:.0} a second, without sealing {:.0}, the plain log {:.0}, \
         and {:.0} into a file that has its size beforehand",
        per_s(whole.iter().sum()),
        per_s(storing),
        per_s(plain.iter().sum()),
        per_s(filling),
    );
    let n = whole.len();
    Ok(format!(
        r#"{{"row":"journal: 64 events of 1 KiB","unit":"ms","n":{n},"ours":{},"bare":{},"note":"{note}"}}"#,
        spread(whole),
        spread(plain),
    ))
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let last = times.len().saturating_sub(1);
    let at = |share: f64| {
        let time = times.get((last as f64 * share).round() as usize);
        time.map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    };
    format!(r#"{{"median":{:.4},"p99":{:.4}}}"#, at(0.5), at(0.99))
}

struct Ours {
    journal: SledJournal,
    sealer: Sealer,
    event: Event,
}

impl Ours {
    fn open(folder: &Path) -> Result<Ours> {
        let journal = SledJournal::open(&folder.join("journal"))?;
        let origin = Origin {
            gateway: Name::new("gate-1"),
            grid: Name::new("350603"),
            journal: journal.id(),
        };
        let salts = Box::new(rand::rngs::StdRng::from_entropy());
        let mut sealer = Sealer::new(origin.clone(), End::EMPTY, salts);
        let event = sized_event(&mut sealer)?;
        let salts = Box::new(rand::rngs::StdRng::from_entropy());
        Ok(Ours {
            journal,
            sealer: Sealer::new(origin, End::EMPTY, salts),
            event,
        })
    }

    /// Returns the time spent storing alone.
    fn commit(&mut self) -> Result<Duration> {
        let first = self.sealer.end().number + 1;
        let mut records = Vec::with_capacity(COMMIT as usize);
        for _ in 0..COMMIT {
            records.push(record::encode(&self.sealer.seal(&self.event)?));
        }
        let begun = Instant::now();
        self.journal.append(&Batch {
            first,
            records,
            snapshot: None,
        })?;
        Ok(begun.elapsed())
    }
}

/// An event whose record has `BYTES` bytes, give or take the digits of its number.
fn sized_event(sealer: &mut Sealer) -> Result<Event> {
    let event = |filler: usize| {
        let at = Moment {
            boot: 1,
            mono: Mono(1),
            wall_ms: 1_700_000_000_000,
            offset_min: 480,
            trust: ClockTrust::Synchronised,
        };
        Event::new(at, EventKind::Storage).part(
            PartKind::Detail,
            Class::Passage,
            Body::Note {
                code: Name::new("bench"),
                values: vec![(Name::new("filler"), "x".repeat(filler))],
            },
        )
    };
    let empty = record::encode(&sealer.seal(&event(0))?).len();
    Ok(event(BYTES.saturating_sub(empty)))
}

/// The limit: a write and an fdatasync a commit.
struct Bare {
    file: File,
    commit: Vec<u8>,
}

impl Bare {
    /// The file has room for so many turns beforehand.
    fn open(path: &Path, turns: u64) -> Result<Bare> {
        let mut file = File::create(path)?;
        for _ in 0..turns * TURN {
            file.write_all(&[0; BYTES * COMMIT as usize])?;
        }
        file.sync_all()?;
        file.rewind()?;
        Ok(Bare {
            file,
            commit: vec![b'x'; BYTES * COMMIT as usize],
        })
    }

    fn commit(&mut self) -> Result<()> {
        self.file.write_all(&self.commit)?;
        self.file.sync_data()?;
        Ok(())
    }
}
