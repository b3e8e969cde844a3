//! Evidence pictures: whole under their name, swept when nobody names them, oldest first at quota.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

use gateway_store::Reader;
use gateway_store::StoreError;
use gateway_store::check::{Fault, check};
use gateway_store::evidence::Evidence;
use gateway_store::header::Hash;

use crate::harness::{self, Running};

#[test]
fn a_picture_is_named_by_its_hash_and_verified_when_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let evidence = Evidence::open(folder.path()).expect("evidence");
    let name = evidence.put(b"picture").expect("stored");
    assert_eq!(name, Hash::of(b"picture").to_string());
    assert_eq!(evidence.put(b"picture").expect("again"), name);
    assert!(evidence.exists(&name));
    assert_eq!(
        evidence.get(&name).expect("read").as_deref(),
        Some(&b"picture"[..])
    );
    let path = folder
        .path()
        .join(&name[..2])
        .join(format!("{}.jpg", &name[2..]));
    fs::write(&path, b"another").expect("altered");
    assert!(matches!(
        evidence.get(&name),
        Err(StoreError::EvidenceDamaged { .. })
    ));
    // Put again, it is whole again.
    evidence.put(b"picture").expect("stored");
    assert!(evidence.get(&name).expect("read").is_some());
}

#[test]
fn a_name_from_outside_never_leaves_the_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let evidence = Evidence::open(folder.path()).expect("evidence");
    for name in [
        "",
        "../../etc/passwd",
        "ab",
        &"A".repeat(64),
        &"/".repeat(64),
        &"é".repeat(32),
    ] {
        assert!(
            matches!(evidence.get(name), Err(StoreError::EvidenceName { .. })),
            "{name}"
        );
        assert!(!evidence.exists(name));
    }
}

#[test]
fn a_sweep_takes_what_no_event_names_and_leaves_the_young() {
    let folder = tempfile::tempdir().expect("a folder");
    let evidence = Evidence::open(folder.path()).expect("evidence");
    let kept = evidence.put(b"kept").expect("stored");
    let orphan = evidence.put(b"orphan").expect("stored");
    let named = HashSet::from([kept.clone()]);
    let young = evidence
        .sweep(&named, Duration::from_secs(3_600))
        .expect("swept");
    assert_eq!(young.files, 0);
    let swept = evidence.sweep(&named, Duration::ZERO).expect("swept");
    assert_eq!((swept.files, swept.bytes), (1, 6));
    assert!(evidence.exists(&kept) && !evidence.exists(&orphan));
}

#[test]
fn at_quota_the_oldest_pictures_go_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let evidence = Evidence::open(folder.path()).expect("evidence");
    let names: Vec<String> = (0..4u8)
        .map(|n| {
            let name = evidence.put(&[n; 100]).expect("stored");
            let path = folder
                .path()
                .join(&name[..2])
                .join(format!("{}.jpg", &name[2..]));
            let time = std::time::UNIX_EPOCH + Duration::from_secs(1_000 + u64::from(n));
            fs::File::options()
                .write(true)
                .open(path)
                .and_then(|file| file.set_modified(time))
                .expect("dated");
            name
        })
        .collect();
    let removed = evidence.keep_within(250).expect("removed");
    assert_eq!((removed.files, removed.bytes), (2, 200));
    let left: Vec<bool> = names.iter().map(|name| evidence.exists(name)).collect();
    assert_eq!(left, [false, false, true, true]);
}

#[test]
fn the_check_names_a_missing_and_an_altered_picture() {
    let folder = tempfile::tempdir().expect("a folder");
    let evidence = Evidence::open(folder.path()).expect("evidence");
    let there = evidence.put(b"there").expect("stored");
    let gone = Hash::of(b"gone").to_string();
    let journal = harness::memory();
    let running = Running::start(&journal);
    running.submit(vec![harness::sighting(&there), harness::sighting(&gone)], 0);
    drop(running.durable());
    let reader = Reader::new(journal);
    let report = check(&reader, Some(&evidence)).expect("a report");
    assert_eq!(
        (report.pictures, report.pictures_missing, report.errors),
        (2, 1, 0)
    );
    let path = folder
        .path()
        .join(&there[..2])
        .join(format!("{}.jpg", &there[2..]));
    fs::write(path, b"altered").expect("altered");
    let report = check(&reader, Some(&evidence)).expect("a report");
    assert_eq!(report.errors, 1);
    assert!(
        report
            .findings
            .iter()
            .any(|f| f.fault == Fault::PictureDamaged)
    );
    assert!(!report.is_good());
}
