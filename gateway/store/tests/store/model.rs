//! The journals in lockstep: whatever is asked, sled on the disk and the one in memory answer the
//! same, also after it was closed and opened again. And sets of numbers against a plain set.

use std::collections::BTreeSet;
use std::sync::Arc;

use gateway_store::journal::{Batch, Journal, Snapshot, begin_boot};
use gateway_store::memory::MemoryJournal;
use gateway_store::ranges::Ranges;
use gateway_store::record;
use proptest::prelude::*;

use crate::harness::{event, on_sled, sealer};

#[derive(Clone, Debug)]
enum Action {
    Append { events: u8, snapshot: Option<u16> },
    Note { name: u8, size: u16 },
    Range { from: u8, limit: u8 },
    Boot,
    Reopen,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (0..12u8, prop::option::of(0..20_000u16))
            .prop_map(|(events, snapshot)| Action::Append { events, snapshot }),
        2 => (0..4u8, 0..9_000u16).prop_map(|(name, size)| Action::Note { name, size }),
        2 => (0..60u8, 0..30u8).prop_map(|(from, limit)| Action::Range { from, limit }),
        1 => Just(Action::Boot),
        1 => Just(Action::Reopen),
    ]
}

fn same(disk: &dyn Journal, memory: &dyn Journal) -> Result<(), TestCaseError> {
    prop_assert_eq!(disk.last(), memory.last());
    let all = memory.last() as usize + 5;
    prop_assert_eq!(
        disk.range(0, all).expect("readable"),
        memory.range(0, all).expect("readable")
    );
    prop_assert_eq!(
        disk.snapshot().expect("readable"),
        memory.snapshot().expect("readable")
    );
    for name in 0..4u8 {
        let name = format!("note/{name}");
        prop_assert_eq!(
            disk.note(&name).expect("readable"),
            memory.note(&name).expect("readable")
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn sled_and_memory_answer_the_same(actions in prop::collection::vec(action(), 1..25)) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut disk = on_sled(folder.path());
        let memory: Arc<dyn Journal> = Arc::new(MemoryJournal::new(disk.id()));
        let mut sealer = sealer(&memory, 1);
        for action in actions {
            match action {
                Action::Append { events, snapshot } => {
                    let first = memory.last() + 1;
                    let records: Vec<Vec<u8>> = (first..first + u64::from(events))
                        .map(|n| record::encode(&sealer.seal(&event(n)).expect("sealed")))
                        .collect();
                    let batch = Batch {
                        first,
                        records,
                        snapshot: snapshot.map(|size| Snapshot {
                            through: sealer.end().number,
                            state: vec![size as u8; size as usize],
                        }),
                    };
                    disk.append(&batch).expect("appended");
                    memory.append(&batch).expect("appended");
                }
                Action::Note { name, size } => {
                    let value = vec![name; size as usize];
                    let name = format!("note/{name}");
                    disk.put_note(&name, &value).expect("kept");
                    memory.put_note(&name, &value).expect("kept");
                }
                Action::Range { from, limit } => {
                    let (from, limit) = (u64::from(from), limit as usize);
                    prop_assert_eq!(
                        disk.range(from, limit).expect("readable"),
                        memory.range(from, limit).expect("readable")
                    );
                    prop_assert_eq!(
                        disk.read(from).expect("readable"),
                        memory.read(from).expect("readable")
                    );
                }
                Action::Boot => prop_assert_eq!(
                    begin_boot(&*disk).expect("counted"),
                    begin_boot(&*memory).expect("counted")
                ),
                Action::Reopen => {
                    drop(disk);
                    disk = on_sled(folder.path());
                    prop_assert_eq!(disk.id(), memory.id());
                }
            }
        }
        same(&*disk, &*memory)?;
        drop(disk);
        same(&*on_sled(folder.path()), &*memory)?;
    }

    #[test]
    fn ranges_are_a_set_of_numbers(steps in prop::collection::vec(
        (any::<bool>(), 1..60u64, 0..9u64), 1..60,
    )) {
        let mut ranges = Ranges::new();
        let mut set = BTreeSet::new();
        for (insert, from, length) in steps {
            let to = from + length;
            if insert {
                ranges.insert(from, to);
                set.extend(from..=to);
            } else {
                ranges.remove(from, to);
                set.retain(|number| *number < from || *number > to);
            }
            prop_assert_eq!(ranges.count(), set.len() as u64);
            for number in 1..75 {
                prop_assert_eq!(ranges.contains(number), set.contains(&number));
                let next = (number..).find(|n| !set.contains(n)).expect("one");
                prop_assert_eq!(ranges.next_absent(number), next);
                prop_assert_eq!(ranges.next_present(number), set.range(number..).next().copied());
            }
            let through = (1..).take_while(|n| set.contains(n)).count() as u64;
            prop_assert_eq!(ranges.through(), through);
            let text = serde_json::to_string(&ranges).expect("text");
            prop_assert_eq!(&serde_json::from_str::<Ranges>(&text).expect("ranges"), &ranges);
        }
    }
}

#[test]
fn a_batch_out_of_order_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for journal in [on_sled(folder.path()), crate::harness::memory()] {
        let batch = Batch {
            first: 2,
            records: vec![vec![1]],
            snapshot: None,
        };
        assert!(journal.append(&batch).is_err());
        assert_eq!(journal.last(), 0);
    }
}
