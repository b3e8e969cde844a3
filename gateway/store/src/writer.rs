//! The writer: the one thread that owns the journal. It alone gives numbers, and it says *durable
//! through N* before anything goes outward (P-01, P-05; invariants 2 and 4).
//!
//! 1. Take all that is queued: at most 512 events or 10 ms.
//! 2. Seal each event: number, salt, commitment, chain.
//! 3. Append records and the newest snapshot in one batch; flush; fdatasync.
//! 4. Send each submission on, in order, with its numbers.
//!
//! When step 3 fails, nothing of this batch and nothing after it is ever sent on. An idle writer
//! commits at once: the commit itself is the time in which the next ones gather.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, SendError, Sender, TrySendError, bounded};
use gateway_core::event::Event;

use crate::error::StoreError;
use crate::journal::{Batch, Journal, Snapshot};
use crate::record::{self, PartState, Stored};
use crate::seal::Sealer;

/// Submissions that may wait for the writer; when it is full the gate is told and never waits.
pub const INBOX: usize = 4_096;

/// Submissions that may wait for the dispatcher; when it is full the writer waits.
pub const OUTBOX: usize = 4_096;

const BATCH_EVENTS: usize = 512;
const BATCH_GATHERING: Duration = Duration::from_millis(10);

/// How often a full disk is looked at.
const ROOM_LOOK: Duration = Duration::from_millis(100);

/// Events to remember, and what is to be done once they are durable.
#[derive(Debug)]
pub struct Submission<T> {
    /// In order; may be empty: it then passes through in its turn, after all that was before it.
    pub events: Vec<Event>,
    /// The gate's state after these events, written in the same batch.
    pub state: Option<Vec<u8>>,
    pub then: T,
}

/// Parts whose time has passed, and the event that says so: one commit.
#[derive(Debug)]
pub struct Erasure<T> {
    /// Numbers of events and, of each, the positions of the parts that go: hardly more than
    /// [`ERASED_AT_ONCE`] events. One that cannot be read is passed over.
    pub parts: Vec<(u64, Vec<usize>)>,
    pub event: Event,
    pub then: T,
}

/// Events that one erasure should touch: new events wait for no longer than that takes.
pub const ERASED_AT_ONCE: usize = 512;

/// A submission whose events survive power loss. Its numbers are `first..=last`; an empty one has
/// `first == last + 1`.
#[derive(Debug)]
pub struct Durable<T> {
    pub first: u64,
    /// Everything up to and with this number is durable.
    pub last: u64,
    pub stored: Vec<Arc<Stored>>,
    pub then: T,
}

/// What the writer sends on.
#[derive(Debug)]
pub enum Outcome<T> {
    Durable(Durable<T>),
    /// The last word: the journal takes nothing more, and what was queued was not acknowledged.
    Failed(Arc<StoreError>),
}

/// Why a submission was not taken; it comes back to the caller.
#[derive(Debug)]
pub enum Refused<T> {
    /// The writer is behind by `INBOX` submissions.
    Full(Submission<T>),
    /// The writer has failed or was stopped.
    Ended(Submission<T>),
}

enum Item<T> {
    Submission(Submission<T>),
    Erasure(Erasure<T>),
}

/// Hands submissions to the writer. Cheap to clone; the writer ends when the last one is dropped.
pub struct WriterHandle<T> {
    inbox: Sender<Item<T>>,
    state: Arc<State>,
}

struct State {
    durable: AtomicU64,
    commits: AtomicU64,
    /// When the commit that runs now began.
    committing: Mutex<Option<Instant>>,
    waits_for_room: AtomicBool,
    failure: OnceLock<Arc<StoreError>>,
}

impl State {
    fn committing(&self) -> MutexGuard<'_, Option<Instant>> {
        self.committing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for WriterHandle<T> {
    fn clone(&self) -> Self {
        WriterHandle {
            inbox: self.inbox.clone(),
            state: self.state.clone(),
        }
    }
}

impl<T> WriterHandle<T> {
    /// Never waits.
    pub fn try_submit(&self, submission: Submission<T>) -> Result<(), Refused<T>> {
        match self.inbox.try_send(Item::Submission(submission)) {
            Err(TrySendError::Full(Item::Submission(back))) => Err(Refused::Full(back)),
            Err(TrySendError::Disconnected(Item::Submission(back))) => Err(Refused::Ended(back)),
            _ => Ok(()),
        }
    }

    /// Waits while the writer is behind; for edges that can be slowed down, never for the gate.
    pub fn submit(&self, submission: Submission<T>) -> Result<(), Refused<T>> {
        match self.inbox.send(Item::Submission(submission)) {
            Err(SendError(Item::Submission(back))) => Err(Refused::Ended(back)),
            _ => Ok(()),
        }
    }

    /// Waits while the writer is behind; gives the erasure back when the writer has ended.
    pub fn erase(&self, erasure: Erasure<T>) -> Result<(), Erasure<T>> {
        match self.inbox.send(Item::Erasure(erasure)) {
            Err(SendError(Item::Erasure(back))) => Err(back),
            _ => Ok(()),
        }
    }

    /// Everything up to and with this number survives power loss.
    pub fn durable_through(&self) -> u64 {
        self.state.durable.load(Ordering::SeqCst)
    }

    /// Commits since the start.
    pub fn commits(&self) -> u64 {
        self.state.commits.load(Ordering::Relaxed)
    }

    /// Submissions that wait.
    pub fn waiting(&self) -> usize {
        self.inbox.len()
    }

    /// How long the commit that runs now has taken; `None` while the writer is idle.
    ///
    /// sled may wait for ever after a write that the disk refused, and then there is no failure to
    /// report: the process's watchdog must look here and end it (F-1). Nothing was acknowledged.
    pub fn committing_for(&self) -> Option<Duration> {
        self.state.committing().as_ref().map(Instant::elapsed)
    }

    /// The disk is full: what was submitted waits, nothing is lost, and it goes on by itself when
    /// there is room again.
    pub fn waits_for_room(&self) -> bool {
        self.state.waits_for_room.load(Ordering::Relaxed)
    }

    /// The failure after which nothing more is taken.
    pub fn failure(&self) -> Option<Arc<StoreError>> {
        self.state.failure.get().cloned()
    }
}

/// The running writer.
pub struct Writer {
    thread: JoinHandle<()>,
}

impl Writer {
    /// Starts the thread. `sealer` must stand at the journal's end (`Reader::end`).
    #[allow(clippy::type_complexity)]
    pub fn start<T: Send + 'static>(
        journal: Arc<dyn Journal>,
        sealer: Sealer,
    ) -> Result<(Writer, WriterHandle<T>, Receiver<Outcome<T>>), StoreError> {
        let (inbox, submissions) = bounded(INBOX);
        let (outcomes, outcome) = bounded(OUTBOX);
        let state = Arc::new(State {
            durable: AtomicU64::new(journal.last()),
            commits: AtomicU64::new(0),
            committing: Mutex::new(None),
            waits_for_room: AtomicBool::new(false),
            failure: OnceLock::new(),
        });
        let handle = WriterHandle {
            inbox,
            state: state.clone(),
        };
        let work = Work {
            journal,
            sealer,
            submissions,
            outcomes,
            state,
        };
        let thread = std::thread::Builder::new()
            .name("journal-writer".to_owned())
            .spawn(move || work.run())
            .map_err(StoreError::Thread)?;
        Ok((Writer { thread }, handle, outcome))
    }

    /// Waits until the writer has ended: all handles dropped and the queue committed, the
    /// dispatcher gone, or a failure. `Err` when the thread panicked.
    pub fn join(self) -> std::thread::Result<()> {
        self.thread.join()
    }

    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }
}

struct Work<T> {
    journal: Arc<dyn Journal>,
    sealer: Sealer,
    submissions: Receiver<Item<T>>,
    outcomes: Sender<Outcome<T>>,
    state: Arc<State>,
}

impl<T> Work<T> {
    fn run(mut self) {
        let mut next = None;
        while let Some(item) = next.take().or_else(|| self.submissions.recv().ok()) {
            *self.state.committing() = Some(Instant::now());
            let committed = match item {
                Item::Submission(first) => {
                    let (gathered, met) = self.gather(first);
                    next = met;
                    self.commit(gathered)
                }
                Item::Erasure(erasure) => self.erase(erasure).map(|durable| vec![durable]),
            };
            *self.state.committing() = None;
            match committed {
                Ok(durable) => {
                    for submission in durable {
                        // The dispatcher is gone: the process is ending.
                        if self.outcomes.send(Outcome::Durable(submission)).is_err() {
                            return;
                        }
                    }
                }
                Err(cause) => return self.fail(cause),
            }
        }
    }

    /// What waits behind `first`, and the erasure that ended the gathering.
    fn gather(&self, first: Submission<T>) -> (Vec<Submission<T>>, Option<Item<T>>) {
        let begun = Instant::now();
        let mut events = first.events.len();
        let mut gathered = vec![first];
        while events < BATCH_EVENTS && begun.elapsed() < BATCH_GATHERING {
            match self.submissions.try_recv() {
                Ok(Item::Submission(next)) => {
                    events += next.events.len();
                    gathered.push(next);
                }
                Ok(erasure) => return (gathered, Some(erasure)),
                Err(_) => break,
            }
        }
        (gathered, None)
    }

    fn erase(&mut self, erasure: Erasure<T>) -> Result<Durable<T>, StoreError> {
        let number = self.sealer.end().number + 1;
        let sealed = self.sealer.seal(&erasure.event)?;
        let batch = Batch {
            first: number,
            records: vec![record::encode(&sealed)],
            snapshot: None,
        };
        let mut replaced = Vec::with_capacity(erasure.parts.len());
        for (number, positions) in &erasure.parts {
            let read = self.journal.read(*number).and_then(|bytes| {
                bytes
                    .map(|bytes| record::parse(*number, &bytes))
                    .transpose()
            });
            match read {
                Ok(Some(mut stored)) => {
                    for position in positions {
                        if let Some(part) = stored.parts.get_mut(*position) {
                            *part = PartState::Erased;
                        }
                    }
                    replaced.push((*number, record::encode(&stored)));
                }
                Ok(None) => {}
                Err(cause) => tracing::error!(
                    number,
                    cause = &cause as &dyn std::error::Error,
                    "parts of a damaged event cannot be erased"
                ),
            }
        }
        self.when_there_is_room(|journal| journal.replace(&batch, &replaced))?;
        self.state.commits.fetch_add(1, Ordering::Relaxed);
        self.state.durable.store(number, Ordering::SeqCst);
        Ok(Durable {
            first: number,
            last: number,
            stored: vec![Arc::new(sealed)],
            then: erasure.then,
        })
    }

    /// Tries again while the disk is full: nothing is acknowledged meanwhile, and nothing is lost.
    /// When everyone who could submit has gone, the process is ending and does not wait.
    fn when_there_is_room(
        &self,
        write: impl Fn(&dyn Journal) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        loop {
            let written = write(&*self.journal);
            let full = matches!(written, Err(StoreError::NoRoom { .. }));
            if full != self.state.waits_for_room.swap(full, Ordering::Relaxed) {
                match full {
                    true => {
                        tracing::error!("the disk is full: nothing is taken until there is room")
                    }
                    false => tracing::info!("there is room on the disk again"),
                }
            }
            if !full || Arc::strong_count(&self.state) == 1 {
                return written;
            }
            // The commit does not hang: it waits, and says so.
            *self.state.committing() = None;
            std::thread::sleep(ROOM_LOOK);
        }
    }

    fn commit(&mut self, gathered: Vec<Submission<T>>) -> Result<Vec<Durable<T>>, StoreError> {
        let (batch, durable) = seal(&mut self.sealer, gathered)?;
        if !batch.records.is_empty() || batch.snapshot.is_some() {
            self.when_there_is_room(|journal| journal.append(&batch))?;
            self.state.commits.fetch_add(1, Ordering::Relaxed);
        }
        self.state
            .durable
            .store(self.sealer.end().number, Ordering::SeqCst);
        Ok(durable)
    }

    fn fail(self, cause: StoreError) {
        let cause = Arc::new(cause);
        tracing::error!(
            cause = &*cause as &dyn std::error::Error,
            waiting = self.submissions.len(),
            "the journal's writer has failed and takes nothing more"
        );
        let _ = self.state.failure.set(cause.clone());
        // Before the last word is out, so that whoever hears it finds the inbox closed.
        drop(self.submissions);
        let _ = self.outcomes.send(Outcome::Failed(cause));
    }
}

/// Numbers and chains what was gathered: the batch to append, and what may be sent on once that
/// has survived.
pub fn seal<T>(
    sealer: &mut Sealer,
    gathered: Vec<Submission<T>>,
) -> Result<(Batch, Vec<Durable<T>>), StoreError> {
    let mut batch = Batch {
        first: sealer.end().number + 1,
        ..Batch::default()
    };
    let mut durable = Vec::with_capacity(gathered.len());
    for submission in gathered {
        let first = sealer.end().number + 1;
        let mut stored = Vec::with_capacity(submission.events.len());
        for event in &submission.events {
            let sealed = sealer.seal(event)?;
            batch.records.push(record::encode(&sealed));
            stored.push(Arc::new(sealed));
        }
        let last = sealer.end().number;
        if let Some(state) = submission.state {
            batch.snapshot = Some(Snapshot {
                through: last,
                state,
            });
        }
        durable.push(Durable {
            first,
            last,
            stored,
            then: submission.then,
        });
    }
    Ok((batch, durable))
}
