//! Ways that a passage can take besides the plain one: behind another, back, through a sluice, past
//! two cameras, into a lock-down, to a rest and back.

mod support;

use std::sync::Arc;

use gateway_core::gate::Gate;
use gateway_core::name::Name;
use gateway_core::site::{Direction, LaneKind, Site};
use support::{check, lane, lists, load, rules, run_on, site};

fn changed(change: impl FnOnce(&mut Site)) -> Gate {
    let mut site = site();
    change(&mut site);
    let rules = rules(&site);
    Gate::new(Arc::new(site), rules, Arc::new(lists()), 1)
}

#[track_caller]
fn check_on(gate: Gate, script: &str, expect: &str) {
    let found = run_on(gate, script);
    let wanted: Vec<&str> = expect.lines().map(str::trim).collect();
    assert_eq!(found, wanted, "\nfound:\n{}\n", found.join("\n"));
}

#[test]
fn two_vehicles_through_on_one_opening_are_an_admit_and_a_tailgater() {
    check(
        "1.0 in-1 plate 闽E11111 track=1
         1.5 in-1 loop on
         3.0 in-1 under on
         4.0 in-1 under off
         4.4 in-1 loop off
         4.5 in-1 plate 闽E22222 track=2
         4.7 in-1 under off
         5.0 in-1 under on
         6.0 in-1 under off
         9.0 end",
        "1 in-1-1-1 begun
         1 in-1-1-1 admit
         1 move 1 open in-1 until 3
         4.5 in-1-1-2 begun
         5 in-1-1-2 alert 1 tailgated
         5.2 in-1-1-1 ended admitted
         6.8 in-1-1-2 ended passed",
    );
}

#[test]
fn a_tailgater_whom_no_camera_saw_is_a_passage_of_its_own() {
    check(
        "1.0 walk-1 card AA01
         1.5 walk-1 temp 36.5
         2.0 walk-1 under on
         2.4 walk-1 under off
         3.5 walk-1 under on
         3.9 walk-1 under off
         20 end",
        "1 walk-1-1-1 begun
         1.5 walk-1-1-1 admit
         1.5 move 1 open walk-1 until 3.5
         2.4 walk-1-1-1 ended admitted
         3.5 walk-1-1-2 begun
         3.5 walk-1-1-2 alert 1 tailgated
         3.9 walk-1-1-2 ended passed",
    );
}

#[test]
fn a_trailer_behind_its_vehicle_is_no_tailgater() {
    check(
        "1.0 in-1 plate 闽E11111 track=1
         1.5 in-1 loop on
         3.0 in-1 under on
         4.0 in-1 under off
         4.5 in-1 under on
         5.0 in-1 under off
         5.1 in-1 loop off
         9.0 end",
        "1 in-1-1-1 begun
         1 in-1-1-1 admit
         1 move 1 open in-1 until 3
         5.9 in-1-1-1 ended admitted",
    );
}

#[test]
fn who_is_let_through_and_turns_back_has_not_gone_in() {
    check(
        "0.5 in-1 under off
         1.0 in-1 plate 闽E11111 track=1
         1.5 in-1 loop on
         4.0 in-1 loop off
         20.0 end",
        "1 in-1-1-1 begun
         1 in-1-1-1 admit
         1 move 1 open in-1 until 3
         9 in-1-1-1 ended withdrawn turned_back",
    );
}

#[test]
fn a_pass_of_one_who_turned_back_is_not_used_up() {
    let mut site = site();
    site.lanes[0].needs.pass = true;
    let rule = "[[rule]]\nid = \"r\"\ntitle = { zh = \"一\", en = \"r\" }\n\
                when = \"pass.valid\"\nverdict = \"admit\"\n";
    let set = load(&site, rule).expect("loads");
    let mut known = lists();
    let pass = known.passes.entries.values().next().cloned().expect("one");
    let key = gateway_core::lists::PassKey::Plate(gateway_core::plate::Plate::new("粤B12345"));
    known.visitors = gateway_core::lists::List::of(1, 1, [(key, pass)]);
    let gate = Gate::new(Arc::new(site), set, Arc::new(known), 1);
    check_on(
        gate,
        "0.5 in-1 under off
         1.0 in-1 plate 粤B12345 track=1
         1.5 in-1 loop on
         4.0 in-1 loop off
         30.0 in-1 plate 粤B12345 track=2
         31.0 in-1 loop on
         33.0 in-1 under on
         34.0 in-1 under off
         34.2 in-1 loop off
         60.0 in-1 plate 粤B12345 track=3",
        "1 in-1-1-1 begun
         1 in-1-1-1 admit
         1 move 1 open in-1 until 3
         9 in-1-1-1 ended withdrawn turned_back
         30 in-1-1-2 begun
         30 in-1-1-2 admit
         30 move 2 open in-1 until 32
         35 in-1-1-2 ended admitted
         60 in-1-1-3 begun
         60 in-1-1-3 hold
         60 in-1-1-3 alert 1 no_rule",
    );
}

#[test]
fn two_cameras_that_read_two_plates_hold() {
    check(
        "1.0 cam-1 plate 闽E11111 track=1
         6.0 end",
        "1 cam-1-1-1 begun
         1 cam-1-1-1 admit
         1 move 1 open cam-1 until 3",
    );
    let gate = changed(|site| site.lanes[3].needs.card = true);
    check_on(
        gate,
        "1.0 cam-1 plate 闽E11111 track=1
         1.4 cam-1 plate 闽E11118 track=1 cam=rear
         2.0 cam-1 card AA01
         6.0 end",
        "1 cam-1-1-1 begun
         4 cam-1-1-1 hold plate SourcesDisagree
         4 cam-1-1-1 alert 1 sources_disagree",
    );
    let gate = changed(|site| site.lanes[3].needs.card = true);
    check_on(
        gate,
        "1.0 cam-1 plate 闽E11111 track=1
         1.4 cam-1 plate 闽E11118 track=1 cam=rear
         1.6 cam-1 plate 闽E11111 track=1 cam=rear rev=2
         2.0 cam-1 card AA01
         6.0 end",
        "1 cam-1-1-1 begun
         2 cam-1-1-1 admit
         2 move 1 open cam-1 until 4",
    );
}

#[test]
fn a_watched_vehicle_in_the_queue_is_told_of_when_it_is_seen() {
    check(
        "1.0 in-1 plate 闽E22222 track=1
         1.5 in-1 loop on
         3.0 in-1 plate 闽E66666 track=2
         9.0 in-1 loop off
         9.1 in-1 plate 闽E22222 track=1 rev=2 closed
         12.0 in-1 loop on",
        "1 in-1-1-1 begun
         1 in-1-1-1 hold
         1 in-1-1-1 alert 1 rule:unlisted-vehicle
         3 in-1-1-2 begun
         3 in-1-1-2 alert 2 rule:watched-plate
         9.9 in-1-1-1 ended withdrawn left
         9.9 in-1-1-2 hold",
    );
}

/// A sluice: the outer and the inner door of one way in.
fn sluice() -> Gate {
    changed(|site| {
        let mut inner = lane("inner-1", LaneKind::Pedestrian, Direction::Entry);
        inner.interlock = Some(Name::new("sluice"));
        site.lanes[2].interlock = Some(Name::new("sluice"));
        site.lanes.push(inner);
    })
}

#[test]
fn doors_of_an_interlock_open_one_after_the_other() {
    check_on(
        sluice(),
        "1.0 walk-1 card AA01
         1.5 walk-1 temp 36.5
         2.0 inner-1 card AA02
         2.4 inner-1 temp 36.5
         2.6 inner-1 open_lane
         3.0 walk-1 arm open
         3.5 walk-1 under on
         3.9 walk-1 under off
         4.2 walk-1 arm closed",
        "1 walk-1-1-1 begun
         1.5 walk-1-1-1 admit
         1.5 move 1 open walk-1 until 3.5
         2 inner-1-1-1 begun
         2.6 - order refused interlocked
         3.9 walk-1-1-1 ended admitted
         4.2 inner-1-1-1 admit
         4.2 move 2 open inner-1 until 4.4",
    );
}

#[test]
fn a_lock_down_keeps_every_way_in_closed_and_no_way_out() {
    check(
        "1.0 in-1 lock_down
         2.0 cam-1 plate 闽E11111
         2.5 cam-1 open cam-1-1-1
         2.6 in-1 open_lane
         3.0 out-1 plate 闽E11111
         4.0 cam-1 escort cam-1-1-1
         6.0 in-1 lock_down
         7.0 in-1 end_lock_down upstream
         8.0 in-1 end_lock_down
         9.0 walk-1 card AA01
         9.1 walk-1 temp 36.5",
        "1 - order done
         1 - lock down
         1 - alert 1 lock_down
         2 cam-1-1-1 begun
         2 cam-1-1-1 hold
         2 cam-1-1-1 alert 2 lock_down
         2.5 cam-1-1-1 order refused locked_down
         2.6 - order refused locked_down
         3 out-1-1-1 begun
         3 out-1-1-1 admit
         3 move 1 open out-1 until 5
         4 cam-1-1-1 order done
         4 cam-1-1-1 answer
         4 move 2 open cam-1 until 6
         6 - order refused locked_down
         7 - order done
         7 - lock down ended
         8 - order refused no_lock_down
         9 walk-1-1-1 begun
         9.1 walk-1-1-1 admit
         9.1 move 3 open walk-1 until 11.1",
    );
}

#[test]
fn an_emergency_opens_every_lane_of_a_lock_down_and_of_an_interlock() {
    let found = run_on(
        sluice(),
        "1.0 in-1 lock_down
         2.0 walk-1 contact on",
    );
    let opened = found.iter().filter(|line| line.contains("holdopen"));
    assert_eq!(opened.count(), 7, "{found:#?}");
}

#[test]
fn a_raised_temperature_rests_aside_is_taken_again_and_then_holds() {
    let site = site();
    let text = support::ORDINARY.replacen(
        "when = \"temperature.celsius > 37.3\"\nverdict = \"hold\"\n",
        "when = \"temperature.celsius > 37.3\"\nverdict = \"hold\"\nagain = \"temperature\"\nrest_s = 300\n",
        1,
    );
    let set = load(&site, &text).unwrap_or_else(|errors| panic!("{errors:#?}"));
    let gate = Gate::new(Arc::new(site), set, Arc::new(lists()), 1);
    check_on(
        gate,
        "1.0 walk-1 card AA01
         1.5 walk-1 temp 37.8
         20.0 walk-1 temp 36.5
         20.5 walk-1 card AA02
         40.0 walk-1 card AA03
         40.5 walk-1 temp 38.0
         302.0 walk-1 card AA01
         302.5 walk-1 temp 36.8
         400 end",
        "1 walk-1-1-1 begun
         20 walk-1-1-2 begun
         20.5 walk-1-1-2 admit
         20.5 move 1 open walk-1 until 22.5
         30.5 walk-1-1-2 ended admitted
         40 walk-1-1-3 begun
         302.5 walk-1-1-1 admit
         302.5 move 2 open walk-1 until 304.5
         312.5 walk-1-1-1 ended admitted
         343.5 walk-1-1-3 hold
         343.5 walk-1-1-3 alert 1 rule:fever",
    );
}

#[test]
fn an_unattended_lane_sends_its_hold_upstream_and_the_answer_returns_or_the_fallback_applies() {
    let unattended = || {
        changed(|site| {
            site.lanes[3].attended = false;
            site.lanes[3].fallback.after_ms = 20_000;
            site.lanes[3].fallback.then = gateway_core::site::FallbackVerdict::Refuse;
        })
    };
    check_on(
        unattended(),
        "1.0 cam-1 plate 闽E22222
         9.0 cam-1 open cam-1-1-1 upstream
         10.0 cam-1 plate 闽E22222 rev=2 closed
         12 end",
        "1 cam-1-1-1 begun
         1 cam-1-1-1 hold
         1 cam-1-1-1 alert 1 rule:unlisted-vehicle
         9 cam-1-1-1 order done
         9 cam-1-1-1 answer
         9 move 1 open cam-1 until 11
         10.8 cam-1-1-1 ended answered admit",
    );
    check_on(
        unattended(),
        "1.0 cam-1 plate 闽E22222
         30.0 cam-1 open cam-1-1-1 upstream
         31.0 cam-1 plate 闽E22222 rev=2 closed
         33 end",
        "1 cam-1-1-1 begun
         1 cam-1-1-1 hold
         1 cam-1-1-1 alert 1 rule:unlisted-vehicle
         21 cam-1-1-1 answer
         30 cam-1-1-1 order refused not_held
         31.8 cam-1-1-1 ended answered refuse",
    );
}

#[test]
fn of_two_cards_in_one_vehicle_the_first_is_its_own() {
    let gate = changed(|site| site.lanes[0].needs.card = true);
    check_on(
        gate,
        "1.0 in-1 plate 闽E11111
         1.5 in-1 loop on
         2.0 in-1 card AA01
         2.5 in-1 card AA02
         5.0 in-1 loop off
         5.1 in-1 plate 闽E11111 rev=2 closed
         9.0 end",
        "1 in-1-1-1 begun
         2 in-1-1-1 admit
         2 move 1 open in-1 until 4
         5.8 in-1-1-1 ended admitted",
    );
}

#[test]
fn a_driver_gives_a_temperature_before_or_behind_the_plate() {
    let gate = || changed(|site| site.lanes[0].needs.temperature = true);
    check_on(
        gate(),
        "1.0 in-1 loop on
         1.5 in-1 temp 36.5
         2.0 in-1 plate 闽E11111 at_arm",
        "1 in-1-1-1 begun
         2 in-1-1-1 admit
         2 move 1 open in-1 until 4",
    );
    check_on(
        gate(),
        "1.0 in-1 plate 闽E11111
         1.5 in-1 loop on
         2.0 in-1 temp 34.0
         3.0 in-1 temp 36.5",
        "1 in-1-1-1 begun
         2 ask thermo-1
         3 in-1-1-1 admit
         3 move 1 open in-1 until 5",
    );
}

#[test]
fn an_answer_that_lets_in_counts_as_being_inside() {
    let file = "[[rule]]\nid = \"again\"\ntitle = { zh = \"一\", en = \"r\" }\n\
                when = \"vehicle.inside\"\nverdict = \"refuse\"\n";
    let site = site();
    let set = load(&site, file).expect("loads");
    let gate = Gate::new(Arc::new(site), set, Arc::new(lists()), 1);
    check_on(
        gate,
        "1.0 cam-1 plate 闽E11111 track=1
         2.0 cam-1 open cam-1-1-1
         4.0 cam-1 plate 闽E11111 track=1 rev=2 closed
         30.0 cam-1 plate 闽E11111 track=2",
        "1 cam-1-1-1 begun
         1 cam-1-1-1 hold
         1 cam-1-1-1 alert 1 no_rule
         2 cam-1-1-1 order done
         2 cam-1-1-1 answer
         2 move 1 open cam-1 until 4
         4.8 cam-1-1-1 ended answered admit
         30 cam-1-1-2 begun
         30 cam-1-1-2 refuse",
    );
}

#[test]
fn a_held_person_stays_in_view_while_the_next_one_is_shown() {
    let mut driver = support::Driver::new(support::gate());
    support::drive(
        &mut driver,
        "1.0 walk-1 card AA01
         1.5 walk-1 temp 38.0
         20.0 walk-1 card AA02",
    );
    let view = driver
        .gate
        .views()
        .into_iter()
        .find(|view| view.lane.as_str() == "walk-1");
    let view = view.expect("the lane");
    let shown = view.passage.expect("the newest").id;
    let held: Vec<&str> = view
        .held
        .iter()
        .map(|passage| passage.id.as_str())
        .collect();
    assert_eq!((shown.as_str(), held), ("walk-1-1-2", vec!["walk-1-1-1"]));
}

#[test]
fn a_device_s_counter_outlives_a_restart() {
    let mut driver = support::Driver::new(support::gate());
    support::drive(
        &mut driver,
        "1.0 walk-1 card AA01
         1.5 walk-1 temp 36.5 n=5007",
    );
    let mut again = support::gate();
    for (index, event) in driver.events().enumerate() {
        again.recover(index as u64 + 1, event);
    }
    check_on(
        again,
        "4.0 walk-1 card AA02
         4.5 walk-1 temp 36.5 n=5007
         9.0 end",
        "4 walk-1-1-1 begun
         7 walk-1-1-1 hold temperature NotLive
         7 walk-1-1-1 alert 1 missing_temperature",
    );
}
