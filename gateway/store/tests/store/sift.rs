//! Looking through the journal: only what is asked for is taken apart, and damage is counted.

use gateway_core::event::EventKind;
use gateway_store::{Reader, record};

use crate::harness::{event, fill, memory, moment, on_sled, sealer};

#[test]
fn only_the_kinds_that_are_asked_for_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let journal = on_sled(folder.path());
    fill(&journal, 300);
    let reader = Reader::new(journal);
    let all = reader.sift(1, 400, &[EventKind::Storage]);
    assert_eq!((all.looked, all.found.len(), all.damaged), (300, 300, 0));
    assert_eq!(all.latest_ms, Some(moment(300).wall_ms));
    assert_eq!(all.found[7].number(), 8);
    let none = reader.sift(1, 300, &[EventKind::Decision, EventKind::Answer]);
    assert_eq!((none.looked, none.found.len(), none.damaged), (300, 0, 0));
    assert_eq!(reader.sift(301, 400, &[EventKind::Storage]).looked, 0);
}

#[test]
fn a_glance_sees_what_the_header_says() {
    let mut sealer = sealer(&memory(), 1);
    let event = event(7);
    let stored = sealer.seal(&event).unwrap();
    let bytes = record::encode(&stored);
    let glance = record::glance(&bytes).unwrap();
    assert_eq!(glance.kind, "storage");
    assert_eq!(glance.clock, "synchronised");
    assert_eq!(glance.wall_ms, event.at.wall_ms);
    assert_eq!(glance.passage, event.passage.as_ref().map(|id| id.as_str()));
    for end in 0..bytes.len().min(400) {
        // Torn anywhere: no panic, and never a wrong word.
        if let Some(glance) = record::glance(&bytes[..end]) {
            assert_eq!(glance.kind, "storage");
        }
    }
}
