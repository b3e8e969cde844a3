//! The ledger finds whatever is missing, doubled or altered.

use grid_sim::contract::Fault;
use grid_sim::ledger::{Ledger, Outcome};

use crate::gateway::{event, events};

fn altered(text: &str, from: &str, to: &str) -> Vec<u8> {
    let changed = text.replacen(from, to, 1);
    assert_ne!(changed, text, "{from} is there");
    changed.into_bytes()
}

#[test]
fn a_whole_journal_in_any_order_is_whole() {
    let mut ledger = Ledger::default();
    let events = events(40);
    for event in events.iter().rev() {
        assert!(matches!(
            ledger.enter(&event.topic, &event.payload),
            Outcome::New(_)
        ));
    }
    for event in &events[..3] {
        assert!(matches!(
            ledger.enter(&event.topic, &event.payload),
            Outcome::Duplicate(_)
        ));
    }
    let summary = ledger.summary();
    assert!(summary.is_whole());
    let journal = &summary.gateways[0];
    assert_eq!((journal.received, journal.highest), (40, 40));
    assert_eq!((journal.decisions, journal.duplicates), (8, 3));
    assert!(summary.lines()[0].contains("1…40 received, none missing"));
    assert_eq!(ledger.shown(Some("decision"), None).len(), 8);
    assert_eq!(ledger.shown(None, None)[6].parts[0].body["code"], "n7");
}

#[test]
fn what_is_missing_is_named() {
    let mut ledger = Ledger::default();
    for (number, event) in (1..).zip(events(20)) {
        if ![1, 7, 8, 12].contains(&number) {
            ledger.enter(&event.topic, &event.payload);
        }
    }
    let summary = ledger.summary();
    assert!(!summary.is_whole());
    assert_eq!(summary.gateways[0].missing, [(1, 1), (7, 8), (12, 12)]);
    assert!(summary.lines()[0].contains("4 missing: 1, 7…8, 12"));
}

#[test]
fn whatever_is_altered_is_refused_by_its_cause() {
    let all = events(3);
    let text = String::from_utf8(all[1].payload.clone()).expect("text");
    let cases = [
        (altered(&text, "1.0", "0.3"), Fault::OtherVersion),
        (
            altered(&text, r#"\"boot\":1"#, r#"\"boot\":2"#),
            Fault::HashDiffers,
        ),
        (
            altered(&text, r#""id": "2""#, r#""id": "3""#),
            Fault::NamesDiffer,
        ),
        (
            altered(&text, r#"\"n2\""#, r#"\"n3\""#),
            Fault::CommitmentDiffers,
        ),
        (
            altered(&text, r#""class": "temperature""#, r#""class": "band""#),
            Fault::PartsDiffer,
        ),
        (b"{}".to_vec(), Fault::NotAnEvent),
        (vec![0xff; 40], Fault::NotAnEvent),
    ];
    for (payload, fault) in cases {
        let mut ledger = Ledger::default();
        ledger.enter(&all[0].topic, &all[0].payload);
        assert_eq!(
            ledger.enter(&all[1].topic, &payload),
            Outcome::Altered(fault)
        );
        assert!(!ledger.summary().is_whole(), "{fault:?}");
    }
}

#[test]
fn a_header_that_does_not_continue_the_chain_is_refused() {
    let all = events(3);
    let mut ledger = Ledger::default();
    ledger.enter(&all[0].topic, &all[0].payload);
    let other = event(2, "stray", &"a".repeat(64));
    assert_eq!(
        ledger.enter(&other.topic, &other.payload),
        Outcome::Altered(Fault::ChainBroken)
    );
    ledger.enter(&all[1].topic, &all[1].payload);
    let twice = event(2, "stray", &all[0].hash);
    assert_eq!(
        ledger.enter(&twice.topic, &twice.payload),
        Outcome::Altered(Fault::NumberTaken)
    );
    let first = event(1, "stray", &"b".repeat(64));
    assert_eq!(
        Ledger::default().enter(&first.topic, &first.payload),
        Outcome::Altered(Fault::ChainBroken)
    );
    assert_eq!(ledger.summary().gateways[0].altered, 2);
}
