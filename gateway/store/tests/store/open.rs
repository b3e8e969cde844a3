//! Opening: one process at a time, damage put aside under a new id, boots counted.

use std::fs;

use gateway_core::name::Name;
use gateway_store::{Condition, Outcome, Store, StoreError, Submission, decode};

use crate::harness::{DEADLINE, copy, event};

fn open(folder: &std::path::Path) -> Result<Store, StoreError> {
    Store::open(folder, Name::new("gate-1"), Name::new("350603"))
}

fn append(store: &Store, from: u64, count: u64) {
    let (writer, handle, outcomes) = store.start_writer::<()>().expect("a writer");
    handle
        .submit(Submission {
            events: (from..from + count).map(event).collect(),
            state: None,
            then: (),
        })
        .expect("taken");
    match outcomes.recv_timeout(DEADLINE).expect("an outcome") {
        Outcome::Durable(durable) => assert_eq!(durable.last, from + count - 1),
        Outcome::Failed(cause) => panic!("{cause}"),
    }
    drop(handle);
    writer.join().expect("no panic");
}

#[test]
fn a_store_goes_on_where_it_stopped_and_counts_its_boots() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).expect("a store");
    assert!(matches!(store.condition(), Condition::Fresh));
    assert_eq!(store.boot(), 1);
    let id = store.origin().journal;
    append(&store, 1, 30);
    drop(store);
    let store = open(folder.path()).expect("a store");
    assert!(matches!(store.condition(), Condition::Resumed));
    assert_eq!((store.boot(), store.origin().journal), (2, id));
    append(&store, 31, 30);
    let report = gateway_store::check::check(&store.reader(), None).expect("a report");
    assert!(report.is_good());
    assert_eq!(report.events, 60);
}

#[test]
fn a_second_process_is_told_that_the_store_is_in_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let _store = open(folder.path()).expect("a store");
    assert!(matches!(open(folder.path()), Err(StoreError::InUse { .. })));
}

#[test]
fn p03_a_journal_that_ends_too_early_is_put_aside_under_a_new_id() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).expect("a store");
    append(&store, 1, 10);
    drop(store);
    let earlier = tempfile::tempdir().expect("a folder");
    copy(&folder.path().join("journal"), earlier.path());
    let store = open(folder.path()).expect("a store");
    let id = store.origin().journal;
    append(&store, 11, 10);
    drop(store);
    // The database of an hour ago under today's mark: numbers 11 to 20 would be given twice.
    fs::remove_dir_all(folder.path().join("journal")).expect("removed");
    copy(earlier.path(), &folder.path().join("journal"));
    let store = open(folder.path()).expect("a store");
    let Condition::Quarantined {
        cause,
        moved_to,
        salvaged,
    } = store.condition()
    else {
        panic!("not noticed: {:?}", store.condition());
    };
    assert_eq!(*salvaged, 10);
    assert!(matches!(
        cause,
        StoreError::RolledBack {
            last: 10,
            promised: 20
        }
    ));
    assert!(moved_to.join("journal").join("db").is_file());
    assert_ne!(store.origin().journal, id);
    // The boots go on, so that no passage id comes twice; the events are those of before.
    assert_eq!(store.boot(), 2);
    for number in 1..=10 {
        let stored = store
            .reader()
            .get(number)
            .expect("readable")
            .expect("there");
        assert_eq!(decode(&stored).expect("an event"), event(number));
    }
    append(&store, 11, 5);
    let report = gateway_store::check::check(&store.reader(), None).expect("a report");
    assert!(report.is_good() && report.events == 15);
    drop(store);
    assert!(matches!(
        open(folder.path()).expect("a store").condition(),
        Condition::Resumed
    ));
}

#[test]
fn p03_an_empty_database_where_a_journal_was_is_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).expect("a store");
    append(&store, 1, 10);
    drop(store);
    fs::remove_dir_all(folder.path().join("journal")).expect("removed");
    let store = open(folder.path()).expect("a store");
    let Condition::Quarantined { cause, .. } = store.condition() else {
        panic!("not noticed: {:?}", store.condition());
    };
    assert!(matches!(
        cause,
        StoreError::RolledBack {
            last: 0,
            promised: 10
        }
    ));
    append(&store, 1, 5);
}

#[test]
fn p03_a_crash_between_the_renames_of_a_rebuilt_journal_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).expect("a store");
    append(&store, 1, 10);
    drop(store);
    // The damaged one is aside, the rebuilt one not yet in its place.
    fs::rename(folder.path().join("journal"), folder.path().join("rebuilt")).expect("renamed");
    let store = open(folder.path()).expect("a store");
    assert_eq!(store.reader().last(), 10);
}
