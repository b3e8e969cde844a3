//! What the tests share: events made from a number, journals in a temporary folder, a writer with
//! a deadline, and journals that break on request.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::Receiver;
use gateway_core::event::{Body, Class, Event, EventKind, PartKind};
use gateway_core::moment::{ClockTrust, Moment, Mono};
use gateway_core::name::{Name, PassageId};
use gateway_core::plate::{Plate, PlateColour, PlateKind};
use gateway_core::reading::{Freshness, Trust};
use gateway_core::sighting::{Evidence, Sighting};
use gateway_store::error::StoreError;
use gateway_store::header::JournalId;
use gateway_store::journal::{Batch, Journal, Snapshot};
use gateway_store::memory::MemoryJournal;
use gateway_store::on_sled::SledJournal;
use gateway_store::seal::{Origin, Sealer};
use gateway_store::{Durable, Outcome, Reader, Submission, Writer, WriterHandle};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

pub const DEADLINE: Duration = Duration::from_secs(30);

/// The event that carries `number` as a note; some are larger than one chunk.
pub fn event(number: u64) -> Event {
    let size = match number % 50 {
        0 => 9_000,
        other => other as usize * 10,
    };
    let lane = Name::new("east-in");
    Event::new(moment(number), EventKind::Storage)
        .lane(&lane)
        .passage(&PassageId::new(&lane, 1, number))
        .part(
            PartKind::Detail,
            Class::Passage,
            Body::Note {
                code: Name::new("test"),
                values: vec![
                    (Name::new("number"), number.to_string()),
                    (Name::new("filler"), "字".repeat(size / 3)),
                ],
            },
        )
}

pub fn moment(number: u64) -> Moment {
    Moment {
        boot: 1,
        mono: Mono(number * 1_000),
        wall_ms: 1_700_000_000_000 + number as i64,
        offset_min: 480,
        trust: ClockTrust::Synchronised,
    }
}

/// A sighting with a picture, in a part that names a person's car.
pub fn sighting(sha256: &str) -> Event {
    Event::new(moment(1), EventKind::SightingJoined).part(
        PartKind::Identity,
        Class::Sighting,
        Body::Sighting(Sighting {
            lane: Name::new("east-in"),
            camera: Name::new("east-camera"),
            track: 1,
            revision: 1,
            closed: false,
            plate: Plate::new("闽E12345"),
            kind: PlateKind::Ordinary,
            colour: PlateColour::Blue,
            agrees: true,
            confidence_permille: 990,
            candidates: Vec::new(),
            at_arm: true,
            plate_box: [1, 2, 3, 4],
            frames: 5,
            first_seen: Mono(1),
            last_seen: Mono(2),
            evidence: Some(Evidence {
                sha256: sha256.to_owned(),
                width: 640,
                height: 480,
            }),
            freshness: Freshness::Live,
            trust: Trust::Tls,
        }),
    )
}

pub fn note_number(event: &Event) -> u64 {
    match &event.parts[0].body {
        Body::Note { values, .. } => values[0].1.parse().expect("a number"),
        other => panic!("not a note: {other:?}"),
    }
}

pub fn origin(journal: JournalId) -> Origin {
    Origin {
        gateway: Name::new("gate-1"),
        grid: Name::new("350603"),
        journal,
    }
}

pub fn sealer(journal: &Arc<dyn Journal>, seed: u64) -> Sealer {
    let end = Reader::new(journal.clone()).end().expect("an end");
    Sealer::new(
        origin(journal.id()),
        end,
        Box::new(ChaCha8Rng::seed_from_u64(seed)),
    )
}

pub fn memory() -> Arc<dyn Journal> {
    Arc::new(MemoryJournal::new(JournalId([7; 16])))
}

pub fn on_sled(folder: &Path) -> Arc<dyn Journal> {
    Arc::new(SledJournal::open(&folder.join("journal")).expect("a journal"))
}

/// Appends `count` events in commits of 16.
pub fn fill(journal: &Arc<dyn Journal>, count: u64) {
    let mut sealer = sealer(journal, count);
    let from = sealer.end().number + 1;
    let mut next = from;
    while next < from + count {
        let to = (next + 15).min(from + count - 1);
        let records = (next..=to)
            .map(|number| {
                gateway_store::record::encode(&sealer.seal(&event(number)).expect("a record"))
            })
            .collect();
        journal
            .append(&Batch {
                first: next,
                records,
                snapshot: None,
            })
            .expect("appended");
        next = to + 1;
    }
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a listing") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).expect("copied")),
        }
    }
}

pub struct Running {
    pub writer: Writer,
    pub handle: WriterHandle<u64>,
    pub outcomes: Receiver<Outcome<u64>>,
}

impl Running {
    pub fn start(journal: &Arc<dyn Journal>) -> Running {
        let (writer, handle, outcomes) =
            Writer::start(journal.clone(), sealer(journal, 1)).expect("a writer");
        Running {
            writer,
            handle,
            outcomes,
        }
    }

    pub fn submit(&self, events: Vec<Event>, then: u64) {
        self.handle
            .submit(Submission {
                events,
                state: None,
                then,
            })
            .expect("taken");
    }

    pub fn outcome(&self) -> Outcome<u64> {
        self.outcomes.recv_timeout(DEADLINE).expect("an outcome")
    }

    pub fn durable(&self) -> Durable<u64> {
        match self.outcome() {
            Outcome::Durable(durable) => durable,
            Outcome::Failed(cause) => panic!("the writer failed: {cause}"),
        }
    }
}

/// Delegates to another journal and fails the append whose turn it is.
pub struct Failing {
    pub inner: Arc<dyn Journal>,
    /// Appends that still succeed.
    pub good: AtomicU64,
}

impl Journal for Failing {
    fn id(&self) -> JournalId {
        self.inner.id()
    }

    fn last(&self) -> u64 {
        self.inner.last()
    }

    fn append(&self, batch: &Batch) -> Result<(), StoreError> {
        let left = self
            .good
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        match left {
            Ok(_) => self.inner.append(batch),
            Err(_) => Err(StoreError::Poisoned),
        }
    }

    fn replace(&self, batch: &Batch, replaced: &[(u64, Vec<u8>)]) -> Result<(), StoreError> {
        self.inner.replace(batch, replaced)
    }

    fn read(&self, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.read(number)
    }

    fn range(&self, from: u64, limit: usize) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        self.inner.range(from, limit)
    }

    fn snapshot(&self) -> Result<Option<Snapshot>, StoreError> {
        self.inner.snapshot()
    }

    fn note(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.note(name)
    }

    fn put_note(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.inner.put_note(name, value)
    }

    fn note_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.inner.note_names(prefix)
    }

    fn remove_note(&self, name: &str) -> Result<(), StoreError> {
        self.inner.remove_note(name)
    }
}
