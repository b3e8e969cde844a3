//! The writer: order, durability before anything is sent on, and silence after a failure.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use gateway_store::check::check;
use gateway_store::header::Hash;
use gateway_store::writer::INBOX;
use gateway_store::{Outcome, Reader, Refused, Submission, decode};

use crate::harness::{self, Failing, Running, event, memory, note_number};

#[test]
fn numbers_follow_each_other_and_each_header_names_the_one_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = harness::on_sled(folder.path());
    let running = Running::start(&journal);
    for turn in 0..20 {
        running.submit(
            vec![
                event(turn * 3 + 1),
                event(turn * 3 + 2),
                event(turn * 3 + 3),
            ],
            turn,
        );
    }
    let mut before = Hash::ZERO;
    for turn in 0..20 {
        let durable = running.durable();
        assert_eq!(durable.then, turn);
        assert_eq!((durable.first, durable.last), (turn * 3 + 1, turn * 3 + 3));
        for stored in &durable.stored {
            assert_eq!(stored.header.prev, before);
            assert_eq!(Hash::of(stored.header_text.as_bytes()), stored.hash);
            before = stored.hash;
        }
    }
    let reader = Reader::new(journal.clone());
    for stored in reader.range(1, 100).expect("records") {
        let read = decode(&stored).expect("an event");
        assert_eq!(read, event(stored.number()));
    }
    assert!(check(&reader, None).expect("a report").is_good());
}

#[test]
fn an_empty_submission_passes_through_after_what_was_before_it() {
    let journal = memory();
    let running = Running::start(&journal);
    running.submit(vec![event(1)], 1);
    running.submit(Vec::new(), 2);
    running.submit(vec![event(2)], 3);
    let first = running.durable();
    let empty = running.durable();
    let second = running.durable();
    assert_eq!((first.then, first.first, first.last), (1, 1, 1));
    assert_eq!((empty.then, empty.first, empty.last), (2, 2, 1));
    assert!(empty.stored.is_empty());
    assert_eq!((second.then, second.first, second.last), (3, 2, 2));
    assert_eq!(running.handle.durable_through(), 2);
}

#[test]
fn a_snapshot_lies_with_the_number_it_belongs_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = harness::on_sled(folder.path());
    let running = Running::start(&journal);
    let long = vec![9; 70_000];
    for (state, number) in [(vec![1], 1), (long.clone(), 2)] {
        running
            .handle
            .submit(Submission {
                events: vec![event(number)],
                state: Some(state),
                then: number,
            })
            .expect("taken");
    }
    running.submit(vec![event(3)], 3);
    (0..3).for_each(|_| drop(running.durable()));
    let snapshot = Reader::new(journal.clone())
        .snapshot()
        .expect("readable")
        .expect("there");
    assert_eq!((snapshot.through, snapshot.state), (2, long));
}

#[test]
fn p05_after_a_failed_append_nothing_is_sent_on() {
    let journal = Arc::new(Failing {
        inner: memory(),
        good: AtomicU64::new(1),
    });
    let running = Running::start(&(journal as Arc<_>));
    running.submit(vec![event(1)], 1);
    assert_eq!(running.durable().then, 1);
    running.submit(vec![event(2)], 2);
    assert!(matches!(running.outcome(), Outcome::Failed(_)));
    // The channel is closed after the last word, also for what passes through empty.
    assert!(running.outcomes.recv_timeout(harness::DEADLINE).is_err());
    assert!(running.handle.failure().is_some());
    let refused = running.handle.try_submit(Submission {
        events: Vec::new(),
        state: None,
        then: 3,
    });
    assert!(matches!(refused, Err(Refused::Ended(back)) if back.then == 3));
    assert_eq!(running.handle.durable_through(), 1);
    running.writer.join().expect("no panic");
}

#[test]
fn a_full_inbox_gives_the_submission_back() {
    let journal = memory();
    let (stall, release) = crossbeam_channel::bounded::<()>(0);
    let stalled: Arc<dyn gateway_store::journal::Journal> = Arc::new(Stalled {
        inner: journal,
        release,
    });
    let running = Running::start(&stalled);
    let mut taken = 0;
    let back = loop {
        match running.handle.try_submit(Submission {
            events: vec![event(taken + 1)],
            state: None,
            then: taken,
        }) {
            Ok(()) => taken += 1,
            Err(Refused::Full(back)) => break back,
            Err(Refused::Ended(_)) => panic!("the writer ended"),
        }
        assert!(taken <= INBOX as u64 + 513, "the queue is bounded");
    };
    assert_eq!(back.then, taken);
    assert_eq!(note_number(&back.events[0]), taken + 1);
    // Nothing was sent on while the store stood still.
    assert!(running.outcomes.try_recv().is_err());
    drop(stall);
    let durable: Vec<u64> = (0..taken).map(|_| running.durable().then).collect();
    assert!(durable.into_iter().eq(0..taken));
}

/// A journal whose appends wait until the other end of `release` is dropped.
struct Stalled {
    inner: Arc<dyn gateway_store::journal::Journal>,
    release: crossbeam_channel::Receiver<()>,
}

impl gateway_store::journal::Journal for Stalled {
    fn id(&self) -> gateway_store::header::JournalId {
        self.inner.id()
    }

    fn last(&self) -> u64 {
        self.inner.last()
    }

    fn append(
        &self,
        batch: &gateway_store::journal::Batch,
    ) -> Result<(), gateway_store::StoreError> {
        let _ = self.release.recv();
        self.inner.append(batch)
    }

    fn replace(
        &self,
        batch: &gateway_store::journal::Batch,
        replaced: &[(u64, Vec<u8>)],
    ) -> Result<(), gateway_store::StoreError> {
        let _ = self.release.recv();
        self.inner.replace(batch, replaced)
    }

    fn read(&self, number: u64) -> Result<Option<Vec<u8>>, gateway_store::StoreError> {
        self.inner.read(number)
    }

    fn range(
        &self,
        from: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, gateway_store::StoreError> {
        self.inner.range(from, limit)
    }

    fn snapshot(
        &self,
    ) -> Result<Option<gateway_store::journal::Snapshot>, gateway_store::StoreError> {
        self.inner.snapshot()
    }

    fn note(&self, name: &str) -> Result<Option<Vec<u8>>, gateway_store::StoreError> {
        self.inner.note(name)
    }

    fn put_note(&self, name: &str, value: &[u8]) -> Result<(), gateway_store::StoreError> {
        self.inner.put_note(name, value)
    }

    fn note_names(&self, prefix: &str) -> Result<Vec<String>, gateway_store::StoreError> {
        self.inner.note_names(prefix)
    }

    fn remove_note(&self, name: &str) -> Result<(), gateway_store::StoreError> {
        self.inner.remove_note(name)
    }
}
