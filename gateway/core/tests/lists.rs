//! Lists that change while the gate runs: who may, on which version, and what stays.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use gateway_core::decision::Verdict;
use gateway_core::event::{Body, EventKind};
use gateway_core::gate::{Gate, Input};
use gateway_core::lists::change::{CHANGED_AT_ONCE, Content, LOCAL_ENTRIES};
use gateway_core::lists::{
    Days, Entry, Holder, Hours, Key, ListChange, ListName, ListRefusal, Lists, Owner, Rows, Watch,
    Week,
};
use gateway_core::lookalike::Lookalikes;
use gateway_core::name::Name;
use gateway_core::plate::{Card, Plate};
use support::{Driver, WALL_MS, decisions, drive, gate, lists, rules, site};

fn town() -> Owner {
    Owner::Destination(Name::new("town"))
}

fn vehicle(plate: &str) -> Entry {
    Entry::Vehicle(Plate::new(plate), Holder::default())
}

fn whole(version: u64, plates: &[&str]) -> ListChange {
    let rows: BTreeMap<Plate, Holder> = plates
        .iter()
        .map(|plate| (Plate::new(plate), Holder::default()))
        .collect();
    let rows = Rows::Vehicle(Arc::new(rows));
    ListChange::whole(ListName::Vehicles, Owner::Gateway, version, WALL_MS, rows)
}

fn delta(base: u64, version: u64, put: Vec<Entry>, remove: Vec<Key>) -> ListChange {
    let content = Content::Delta {
        base,
        version,
        confirmed_ms: WALL_MS,
        put,
        remove,
    };
    ListChange::new(ListName::Vehicles, Owner::Gateway, content)
}

fn local(put: Vec<Entry>, remove: Vec<Key>) -> ListChange {
    let content = Content::Local { put, remove };
    ListChange::new(ListName::Vehicles, Owner::Gateway, content)
}

fn plate(text: &str) -> Key {
    Key::Plate(Plate::new(text))
}

#[test]
fn a_list_is_swapped_whole_and_the_next_vehicle_is_decided_by_it() {
    let mut driver = Driver::new(gate());
    drive(
        &mut driver,
        "1.0 cam-1 plate 粤B99999 track=1\n2.0 cam-1 plate 粤B99999 track=1 rev=2 closed",
    );
    driver.apply(5_000, Input::ListChange(whole(2, &["粤B99999"])));
    drive(
        &mut driver,
        "6.0 cam-1 plate 粤B99999 track=2\n7.0 cam-1 plate 粤B99999 track=2 rev=2 closed\n12.0 cam-1 plate 闽E11111 track=3",
    );
    let verdicts: Vec<Verdict> = decisions(&driver).into_iter().map(|d| d.2).collect();
    assert_eq!(verdicts, [Verdict::Hold, Verdict::Admit, Verdict::Hold]);
    let changed = driver.events().filter(|e| e.kind == EventKind::ListChanged);
    let versions = changed
        .flat_map(|e| &e.parts)
        .filter_map(|part| match &part.body {
            Body::ListChanged(version) => Some((version.list.to_string(), version.version)),
            _ => None,
        });
    assert_eq!(versions.collect::<Vec<_>>(), [("vehicles".to_owned(), 2)]);
}

#[test]
fn only_the_owner_advances_a_list_and_only_forwards() {
    let mut lists = lists();
    let mut looks = Lookalikes::of(&lists);
    let mut change = whole(2, &["粤B99999"]);
    change.from = town();
    assert_eq!(lists.apply(&change, &mut looks), Err(ListRefusal::NotOwner));
    let old = lists.apply(&whole(1, &[]), &mut looks);
    assert_eq!(old, Err(ListRefusal::OldVersion { have: 1 }));
    let base = lists.apply(&delta(7, 8, vec![], vec![]), &mut looks);
    assert_eq!(base, Err(ListRefusal::WrongBase { have: 1 }));
    let kind = ListChange::new(
        ListName::Vehicles,
        Owner::Gateway,
        Content::Local {
            put: vec![Entry::Card(Card::new("AA"), Holder::default())],
            remove: vec![],
        },
    );
    assert_eq!(lists.apply(&kind, &mut looks), Err(ListRefusal::WrongKind));
    let many = vec![plate("闽E11111"); CHANGED_AT_ONCE + 1];
    let many = lists.apply(&delta(1, 2, vec![], many), &mut looks);
    assert_eq!(many, Err(ListRefusal::TooMany));
    assert_eq!(lists.vehicles.version, 1);
    assert_eq!(lists.vehicles.entries.len(), 9);
    let full: Vec<Entry> = (0..LOCAL_ENTRIES)
        .map(|n| vehicle(&format!("粤B{n:05}")))
        .collect();
    assert_eq!(lists.apply(&local(full, vec![]), &mut looks), Ok(vec![]));
    let one = lists.apply(&local(vec![vehicle("粤C00001")], vec![]), &mut looks);
    assert_eq!(one, Err(ListRefusal::LocalFull));
}

#[test]
fn a_delta_puts_and_removes_on_its_base_and_look_alikes_follow() {
    let mut lists = lists();
    let mut looks = Lookalikes::of(&lists);
    let like = Plate::new("粤BO0000");
    assert!(!looks.resemble(&like));
    let change = delta(1, 2, vec![vehicle("粤B00000")], vec![plate("闽E11113")]);
    assert_eq!(lists.apply(&change, &mut looks), Ok(vec![]));
    assert!(looks.resemble(&like));
    assert!(!looks.resemble(&Plate::new("闽EI1113")));
    assert!(lists.vehicles.contains(&Plate::new("粤B00000")));
    assert!(!lists.vehicles.contains(&Plate::new("闽E11113")));
    let change = delta(2, 3, vec![], vec![plate("粤B00000"), plate("粤B00000")]);
    assert_eq!(lists.apply(&change, &mut looks), Ok(vec![]));
    assert!(!looks.resemble(&like));
    let confirmed = Content::Confirmed {
        version: 3,
        confirmed_ms: WALL_MS + 5,
    };
    let change = ListChange::new(ListName::Vehicles, Owner::Gateway, confirmed);
    assert_eq!(lists.apply(&change, &mut looks), Ok(vec![]));
    assert_eq!(lists.vehicles.confirmed_ms, WALL_MS + 5);
}

#[test]
fn the_look_alikes_kept_in_step_are_those_built_anew() {
    let mut lists = Lists::default();
    let mut looks = Lookalikes::of(&lists);
    let mut dice = support::random::Dice(7);
    let some =
        |dice: &mut support::random::Dice| format!("闽E{:02}0{}B", dice.roll(20), dice.roll(3));
    for version in 1..400 {
        let put = (0..dice.roll(3))
            .map(|_| vehicle(&some(&mut dice)))
            .collect();
        let remove = (0..dice.roll(3)).map(|_| plate(&some(&mut dice))).collect();
        let change = match dice.roll(5) {
            0 => whole(version, &[&some(&mut dice), &some(&mut dice)]),
            1 | 2 => local(put, remove),
            _ => delta(lists.vehicles.version, version, put, remove),
        };
        lists.apply(&change, &mut looks).expect("it fits");
        let anew = Lookalikes::of(&lists);
        assert_eq!(
            format!("{looks:?}"),
            format!("{anew:?}"),
            "version {version}"
        );
    }
}

#[test]
fn what_is_entered_at_the_gate_outlives_a_crash_until_the_owner_takes_it_over() {
    let mut driver = Driver::new(gate());
    let put = vec![vehicle("粤B00001"), vehicle("粤B00002")];
    driver.apply(1_000, Input::ListChange(local(put, vec![])));
    driver.apply(2_000, Input::ListChange(whole(2, &["粤B00001"])));
    let remembered = |driver: &Driver| driver.gate.lists().local();
    assert_eq!(
        remembered(&driver),
        [(ListName::Vehicles, vehicle("粤B00002"))]
    );
    let site = site();
    let set = rules(&site);
    let mut again = Gate::new(Arc::new(site), set, Arc::new(lists()), 2);
    for (index, event) in driver.events().enumerate() {
        again.recover(index as u64 + 1, event);
    }
    let mut again = Driver::new(again);
    assert_eq!(
        remembered(&again),
        [(ListName::Vehicles, vehicle("粤B00002"))]
    );
    again.apply(
        5_000,
        Input::ListChange(local(vec![], vec![plate("粤B00002")])),
    );
    assert_eq!(remembered(&again), []);
}

#[test]
fn a_refused_change_is_recorded_with_its_cause_and_changes_nothing() {
    let mut driver = Driver::new(gate());
    driver.apply(1_000, Input::ListChange(whole(1, &[])));
    let notes: Vec<String> = driver
        .events()
        .filter(|e| e.kind == EventKind::ListChanged)
        .flat_map(|e| &e.parts)
        .filter_map(|part| match &part.body {
            Body::Note { code, values } => Some(format!("{code} {}", values[1].1)),
            _ => None,
        })
        .collect();
    assert_eq!(notes, ["list_refused old_version"]);
    assert_eq!(driver.gate.lists().vehicles.entries.len(), 9);
}

#[test]
fn hours_over_midnight_belong_to_the_day_on_which_they_begin() {
    let week = Week {
        days: Days::of([5]),
        hours: Some(Hours {
            from_min: 22 * 60,
            to_min: 6 * 60,
        }),
    };
    assert!(week.holds(5, 23 * 60));
    assert!(week.holds(6, 5 * 60));
    assert!(!week.holds(5, 5 * 60));
    assert!(!week.holds(6, 23 * 60));
    assert!(Week::default().holds(7, 0));
}

#[test]
fn a_hundred_thousand_entries_are_found_and_changed_without_a_walk_through_them() {
    let rows: BTreeMap<Plate, Holder> = (0..100_000)
        .map(|n| (Plate::new(&format!("粤B{n:06}")), Holder::default()))
        .collect();
    let rows = Rows::Vehicle(Arc::new(rows));
    let mut driver = Driver::new(gate());
    let change = ListChange::whole(ListName::Vehicles, Owner::Gateway, 2, WALL_MS, rows);
    driver.apply(1_000, Input::ListChange(change));
    drive(
        &mut driver,
        "2.0 cam-1 plate 粤B099999\n3.0 cam-1 plate 粤BO99999 track=2",
    );
    assert_eq!(decisions(&driver)[0].2, Verdict::Admit);
    for version in 3..53 {
        let change = delta(version - 1, version, vec![vehicle("粤C00001")], vec![]);
        driver.apply(4_000 + version, Input::ListChange(change));
    }
    let lists = driver.gate.lists();
    assert_eq!(lists.vehicles.entries.len(), 100_001);
    assert_eq!(lists.vehicles.version, 52);
}

#[test]
fn a_watched_plate_may_be_entered_at_the_gate_and_is_found_at_once() {
    let mut driver = Driver::new(gate());
    let watch = Entry::WatchedPlate(Plate::new("闽E11112"), Watch::default());
    let content = Content::Local {
        put: vec![watch],
        remove: vec![],
    };
    let change = ListChange::new(ListName::WatchedPlates, Owner::Gateway, content);
    driver.apply(1_000, Input::ListChange(change));
    drive(&mut driver, "2.0 cam-1 plate 闽E11112");
    assert_eq!(decisions(&driver)[0].2, Verdict::Hold);
}
