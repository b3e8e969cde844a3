//! Whose a card, a temperature or a plate is, and that none is given to somebody else.

mod support;

use std::sync::Arc;

use gateway_core::decision::{Cause, FactState};
use gateway_core::event::Body;
use gateway_core::gate::Gate;
use gateway_core::site::Site;
use support::{Driver, check, lists, rules, run_on, site};

/// A gate of the demo site whose first lane, for vehicles, is changed.
fn changed(change: impl FnOnce(&mut Site)) -> Gate {
    let mut site = site();
    change(&mut site);
    let rules = rules(&site);
    Gate::new(Arc::new(site), rules, Arc::new(lists()), 1)
}

#[test]
fn a_card_touched_too_late_never_joins_the_vehicle_behind() {
    let gate = changed(|site| site.lanes[0].needs.card = true);
    let found = run_on(
        gate,
        "1.0 in-1 plate 闽E11111 track=1
         1.2 in-1 loop on
         2.0 in-1 plate 闽E11112 track=2
         4.7 in-1 card AA01
         6.0 in-1 loop off
         6.1 in-1 plate 闽E11111 track=1 rev=2 closed
         8.0 in-1 loop on
         12.0 end",
    );
    let wanted = [
        "1 in-1-1-1 begun",
        "2 in-1-1-2 begun",
        "4.2 in-1-1-1 hold card NotPresented",
        "4.2 in-1-1-1 alert 1 missing_card",
        "6.9 in-1-1-1 ended withdrawn left",
        "11 in-1-1-2 hold card NotPresented",
        "11 in-1-1-2 alert 2 missing_card",
    ];
    assert_eq!(found, wanted);
}

#[test]
fn a_temperature_taken_too_late_never_joins_the_vehicle_behind() {
    let gate = changed(|site| site.lanes[0].needs.temperature = true);
    let found = run_on(
        gate,
        "1.0 in-1 plate 闽E11111 track=1
         1.2 in-1 loop on
         2.0 in-1 plate 闽E11112 track=2
         7.0 in-1 temp 36.5
         8.0 end",
    );
    let wanted = [
        "1 in-1-1-1 begun",
        "2 in-1-1-2 begun",
        "4.2 in-1-1-1 hold temperature NotPresented",
        "4.2 in-1-1-1 alert 1 missing_temperature",
    ];
    assert_eq!(found, wanted);
}

#[test]
fn a_record_that_a_terminal_pushes_again_is_not_live() {
    check(
        "1.0 walk-1 card AA01
         1.5 walk-1 temp 36.5 n=5007
         4.0 walk-1 card AA02
         4.5 walk-1 temp 36.5 n=5007
         9.0 walk-1 card AA03
         9.5 walk-1 temp 36.5 n=1",
        "1 walk-1-1-1 begun
         1.5 walk-1-1-1 admit
         1.5 move 1 open walk-1 until 3.5
         4 walk-1-1-1 ended admitted
         4 walk-1-1-2 begun
         7 walk-1-1-2 hold temperature NotLive
         7 walk-1-1-2 alert 1 missing_temperature
         9 walk-1-1-3 begun
         9.5 walk-1-1-3 admit
         9.5 move 2 open walk-1 until 11.5",
    );
}

#[test]
fn until_the_next_card_a_temperature_is_of_the_one_who_was_decided() {
    check(
        "1.0 walk-1 card AA01
         1.5 walk-1 temp 38.0
         5.0 walk-1 temp 36.5
         6.0 walk-1 card AA02
         6.5 walk-1 temp 38.0",
        "1 walk-1-1-1 begun
         1.5 walk-1-1-1 hold
         1.5 walk-1-1-1 alert 1 rule:fever
         6 walk-1-1-2 begun
         6.5 walk-1-1-2 hold
         6.5 walk-1-1-2 alert 2 rule:fever",
    );
}

#[test]
fn of_two_who_wait_for_a_temperature_neither_is_given_one() {
    check(
        "1.0 walk-1 card AA01
         1.5 walk-1 card AA02
         2.0 walk-1 temp 36.5
         5.0 end",
        "1 walk-1-1-1 begun
         1.5 walk-1-1-2 begun
         2 - stray
         4 walk-1-1-1 hold temperature NotPresented
         4 walk-1-1-1 alert 1 missing_temperature
         4.5 walk-1-1-2 hold temperature NotPresented
         4.5 walk-1-1-2 alert 2 missing_temperature",
    );
}

#[test]
fn a_covered_plate_is_not_given_the_plate_of_the_vehicle_behind() {
    check(
        "1.0 in-1 loop on
         2.5 in-1 plate 闽E11111 track=2
         5.0 end",
        "1 in-1-1-1 begun
         2.5 in-1-1-2 begun
         4 in-1-1-1 hold plate Unreadable
         4 in-1-1-1 alert 1 unreadable",
    );
}

#[test]
fn a_track_at_the_arm_is_of_the_vehicle_that_waits_there() {
    check(
        "1.0 in-1 loop on
         2.5 in-1 plate 闽E11111 track=2 at_arm",
        "1 in-1-1-1 begun
         2.5 in-1-1-1 admit
         2.5 move 1 open in-1 until 4.5",
    );
}

#[test]
fn an_air_temperature_that_was_not_measured_is_missing() {
    let script = "1.0 walk-1 card AA01
                  1.5 walk-1 temp 36.5";
    let mut driver = Driver::new(support::gate());
    support::drive(&mut driver, script);
    let parts = driver.events().flat_map(|event| &event.parts);
    let facts = parts.filter_map(|part| match &part.body {
        Body::Facts { facts } => Some(facts),
        _ => None,
    });
    let mut ambient = facts
        .flatten()
        .filter(|fact| fact.name.as_str() == "temperature.ambient");
    let missing = FactState::Missing(Cause::NotPresented);
    assert_eq!(ambient.next().map(|fact| &fact.state), Some(&missing));
}

#[test]
fn a_hold_of_a_person_stays_answerable_while_the_next_ones_come() {
    check(
        "1.0 walk-1 card AA01
         1.5 walk-1 temp 38.0
         20.0 walk-1 card AA02
         20.5 walk-1 temp 36.5
         40.0 walk-1 open walk-1-1-1",
        "1 walk-1-1-1 begun
         1.5 walk-1-1-1 hold
         1.5 walk-1-1-1 alert 1 rule:fever
         20 walk-1-1-2 begun
         20.5 walk-1-1-2 admit
         20.5 move 1 open walk-1 until 22.5
         30.5 walk-1-1-2 ended admitted
         40 walk-1-1-1 order done
         40 walk-1-1-1 answer
         40 move 2 open walk-1 until 42
         40 walk-1-1-1 ended answered admit",
    );
}

#[test]
fn a_hold_does_not_end_by_silence_before_its_fallback() {
    let gate = changed(|site| site.lanes[1].fallback.after_ms = 30_000);
    let found = run_on(
        gate,
        "1.0 out-1 plate 闽E66666
         1.1 out-1 health out-1-camera silent
         60.0 end",
    );
    assert!(
        found.contains(&"31 move 1 open out-1 until 33".to_owned()),
        "{found:#?}"
    );
}

#[test]
fn who_goes_through_against_a_hold_raises_one_critical_alert() {
    check(
        "1.0 in-1 plate 闽E22222
         2.0 in-1 loop on
         5.0 in-1 under on
         5.5 in-1 under off
         6.0 in-1 under on
         7.0 in-1 under off",
        "1 in-1-1-1 begun
         1 in-1-1-1 hold
         1 in-1-1-1 alert 1 rule:unlisted-vehicle
         5 in-1-1-1 alert 2 passed_against",
    );
}

#[test]
fn who_is_let_through_by_hand_goes_through_against_nothing() {
    check(
        "1.0 in-1 plate 闽E22222
         2.0 in-1 loop on
         4.0 in-1 open_lane
         7.0 in-1 under on",
        "1 in-1-1-1 begun
         1 in-1-1-1 hold
         1 in-1-1-1 alert 1 rule:unlisted-vehicle
         4 - order done
         4 move 1 open in-1 until 6
         4 - alert 2 manual_opening",
    );
}

#[test]
fn an_opening_that_went_out_in_the_end_is_not_helped_again() {
    check(
        "1.0 in-1 plate 闽E11111
         1.1 in-1 dropped 1
         2.0 in-1 open in-1-1-1
         2.1 in-1 sent 2
         3.0 in-1 open in-1-1-1",
        "1 in-1-1-1 begun
         1 in-1-1-1 admit
         1 move 1 open in-1 until 3
         1.1 in-1-1-1 move 1 dropped link_down
         1.1 in-1-1-1 alert 1 not_opened
         2 in-1-1-1 order done
         2 in-1-1-1 answer
         2 move 2 open in-1 until 4
         2.1 in-1-1-1 move 2 sent
         3 in-1-1-1 order refused not_held",
    );
}

#[test]
fn a_pass_that_the_lane_needs_is_used_by_an_admit() {
    let mut site = site();
    site.lanes[2].needs.temperature = false;
    site.lanes[2].needs.pass = true;
    let rule = "[[rule]]\nid = \"r\"\ntitle = { zh = \"一\", en = \"r\" }\n\
                when = \"card.id != ''\"\nverdict = \"admit\"\n";
    let set = support::load(&site, rule).expect("loads");
    let mut driver = Driver::new(Gate::new(Arc::new(site), set, Arc::new(lists()), 1));
    support::drive(&mut driver, "1.0 walk-1 card BB01");
    let parts = driver.events().flat_map(|event| &event.parts);
    let used = parts.filter(
        |part| matches!(&part.body, Body::Note { code, .. } if code.as_str() == "pass_used"),
    );
    assert_eq!(used.count(), 1);
}
