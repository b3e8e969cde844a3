//! Orders, moves and emergencies: scripts and what comes of them.

mod support;

use support::check;

#[test]
fn a_hold_is_answered_once_and_the_order_acts_once() {
    check(
        "1.0 cam-1 plate 闽E22222
         3.0 cam-1 open cam-1-1-1 id=a
         3.1 cam-1 open cam-1-1-1 id=a
         3.2 cam-1 open cam-1-1-1 id=b
         5.0 cam-1 plate 闽E22222 rev=2 closed
         6.0 cam-1 open cam-1-1-1 id=c",
        "1 cam-1-1-1 begun
         1 cam-1-1-1 hold
         1 cam-1-1-1 alert 1 rule:unlisted-vehicle
         3 cam-1-1-1 order done
         3 cam-1-1-1 answer
         3 move 1 open cam-1 until 5
         3.1 cam-1-1-1 order repeated
         3.2 cam-1-1-1 order refused not_held
         5.8 cam-1-1-1 ended answered admit
         6 cam-1-1-1 order refused passage_ended",
    );
}

#[test]
fn upstream_may_answer_a_hold_and_nothing_more() {
    check(
        "1.0 walk-1 card AA01
         1.5 walk-1 temp 38.0
         2.0 walk-1 open walk-1-1-1 upstream
         3.0 walk-1 open_lane upstream
         4.0 walk-1 end_emergency upstream",
        "1 walk-1-1-1 begun
         1.5 walk-1-1-1 hold
         1.5 walk-1-1-1 alert 1 rule:fever
         2 walk-1-1-1 order done
         2 walk-1-1-1 answer
         2 move 1 open walk-1 until 4
         2 walk-1-1-1 ended answered admit
         3 - order refused person_only
         4 - order refused person_only",
    );
}

#[test]
fn an_auditor_orders_nothing() {
    check(
        "1.0 walk-1 open_lane auditor",
        "1 - order refused role_not_allowed",
    );
}

#[test]
fn measure_again_ends_a_passage_and_begins_one_that_refers_to_it() {
    check(
        "1.0 walk-1 card AA01
         1.5 walk-1 temp 37.6
         4.0 walk-1 again walk-1-1-1
         5.0 walk-1 temp 36.9",
        "1 walk-1-1-1 begun
         1.5 walk-1-1-1 hold
         1.5 walk-1-1-1 alert 1 rule:fever
         4 walk-1-1-1 order done
         4 walk-1-1-1 answer
         4 walk-1-1-1 ended next walk-1-1-2
         4 walk-1-1-2 begun
         4 ask thermo-1
         5 walk-1-1-2 admit
         5 move 1 open walk-1 until 7",
    );
}

#[test]
fn alerts_are_acknowledged_and_closed_by_people() {
    check(
        "1.0 walk-1 open_lane
         2.0 walk-1 ack 1
         3.0 walk-1 ack 1
         4.0 walk-1 close 1
         5.0 walk-1 close 1",
        "1 - order done
         1 move 1 open walk-1 until 3
         1 - alert 1 manual_opening
         2 - order done
         2 - alert 1 acknowledged by wang
         3 - order refused already_acknowledged
         4 - order done
         4 - alert 1 closed by wang settled
         5 - order refused unknown_alert",
    );
}

#[test]
fn an_arm_that_opens_unasked_is_a_foreign_move_and_one_that_was_asked_is_not() {
    check(
        "0.5 walk-1 arm closed
         1.0 walk-1 arm moving
         1.5 walk-1 arm open
         5.0 walk-1 arm closed
         6.0 walk-1 open_lane
         7.0 walk-1 sent 1
         8.0 walk-1 arm moving
         9.0 walk-1 arm closed
         20.0 walk-1 arm open",
        "1 - foreign
         1 - alert 1 foreign_move
         6 - order done
         6 move 1 open walk-1 until 8
         6 - alert 2 manual_opening
         7 - move 1 sent
         20 - foreign
         20 - alert 3 foreign_move",
    );
}

#[test]
fn an_opening_that_did_not_go_out_calls_a_person_who_may_open() {
    check(
        "1.0 cam-1 plate 闽E11111
         1.1 cam-1 dropped 1
         3.0 cam-1 open cam-1-1-1",
        "1 cam-1-1-1 begun
         1 cam-1-1-1 admit
         1 move 1 open cam-1 until 3
         1.1 cam-1-1-1 move 1 dropped link_down
         1.1 cam-1-1-1 alert 1 not_opened
         3 cam-1-1-1 order done
         3 cam-1-1-1 answer
         3 move 2 open cam-1 until 5",
    );
}

#[test]
fn an_arm_is_closed_only_over_a_loop_that_is_known_free_and_fresh() {
    check(
        "1.0 in-1 close_lane
         2.0 in-1 under on
         2.1 in-1 close_lane
         3.0 in-1 under off
         3.4 in-1 close_lane
         3.6 in-1 close_lane
         4.0 in-1 under off retained
         4.1 in-1 close_lane
         5.0 in-1 under off
         5.1 in-1 under on retained
         5.2 in-1 close_lane
         6.0 in-1 under off
         6.1 in-1 health loop-2 silent
         6.2 in-1 close_lane",
        "1 - order refused loop_unknown
         2 - stray
         2.1 - order refused loop_occupied
         3.4 - order done
         3.4 move 1 close in-1 until 3.5
         3.6 - order refused loop_stale
         4.1 - order refused loop_stale
         5.2 - order refused loop_occupied
         6.1 - device
         6.1 - alert 1 device_down
         6.2 - order refused loop_unknown",
    );
}

#[test]
fn an_emergency_opens_and_holds_all_arms_until_a_person_ends_it() {
    check(
        "1.0 walk-1 contact on
         1.1 walk-1 contact on
         2.0 walk-1 card AA01
         2.1 walk-1 temp 36.5
         3.0 in-1 under off
         3.1 in-1 close_lane
         5.0 walk-1 end_emergency
         6.0 walk-1 end_emergency",
        "1 - emergency
         1 move 1 holdopen in-1 until ever urgent
         1 move 2 holdopen out-1 until ever urgent
         1 move 3 holdopen walk-1 until ever urgent
         1 move 4 holdopen cam-1 until ever urgent
         1 move 5 holdopen dark-1 until ever urgent
         1 move 6 holdopen tls-1 until ever urgent
         1 - alert 1 emergency
         2 walk-1-1-1 begun
         2.1 walk-1-1-1 admit
         2.1 walk-1-1-1 move 7 dropped emergency
         3.1 - order refused emergency
         5 - order done
         5 - emergency ended
         5 move 8 release in-1 until 7
         5 move 9 release out-1 until 7
         5 move 10 release walk-1 until 7
         5 move 11 release cam-1 until 7
         5 move 12 release dark-1 until 7
         5 move 13 release tls-1 until 7
         6 - order refused no_emergency",
    );
}

#[test]
fn a_contact_that_is_not_live_or_proved_nothing_moves_no_arm() {
    check(
        "1.0 walk-1 contact on retained
         1.5 walk-1 contact on retained
         2.0 walk-1 contact on untrusted",
        "1 - stray
         1 - alert 1 emergency_untrusted
         2 - stray
         2 - alert 2 emergency_untrusted",
    );
}
