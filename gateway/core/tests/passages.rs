//! What belongs together, when it is decided, and how it ends: scripts and what comes of them.

mod support;

use support::check;

#[test]
fn a_listed_vehicle_is_admitted_when_it_is_read_and_ends_when_it_left() {
    check(
        "1.0 in-1 plate 闽E11111
         2.0 in-1 loop on
         4.0 in-1 loop off
         5.0 in-1 plate 闽E11111 rev=2 closed
         9.0 end",
        "1 in-1-1-1 begun
         1 in-1-1-1 admit
         1 move 1 open in-1 until 3
         4.8 in-1-1-1 ended admitted
         5 in-1-1-1 stray",
    );
}

#[test]
fn a_vehicle_without_a_plate_holds_as_unreadable_and_ends_unread() {
    check(
        "1.0 in-1 loop on
         9.0 in-1 loop off
         30.0 end",
        "1 in-1-1-1 begun
         4 in-1-1-1 hold plate Unreadable
         4 in-1-1-1 alert 1 unreadable
         9.8 in-1-1-1 ended unread",
    );
}

#[test]
fn a_retained_loop_is_no_arrival_and_hides_none() {
    check(
        "1.0 in-1 loop on retained
         2.0 in-1 loop on
         9.0 in-1 health loop-1 silent
         90.0 end",
        "2 in-1-1-1 begun
         5 in-1-1-1 hold plate Unreadable
         5 in-1-1-1 alert 1 unreadable
         9 - device
         9 - alert 2 device_down
         65 in-1-1-1 ended unread",
    );
}

#[test]
fn the_wait_begins_at_the_loop_where_one_works() {
    check(
        "0.5 in-1 loop off
         1.0 in-1 plate 闽E1111 conf=500
         6.0 in-1 loop on
         7.0 in-1 plate 闽E11111 rev=2
         12.0 in-1 loop off
         12.1 in-1 plate 闽E11111 rev=3 closed
         13.0 end",
        "1 in-1-1-1 begun
         7 in-1-1-1 admit
         7 move 1 open in-1 until 9
         12.8 in-1-1-1 ended admitted",
    );
}

#[test]
fn a_queue_becomes_one_passage_each_and_waits_behind_a_hold() {
    check(
        "1.0 in-1 plate 闽E22222 track=1
         2.0 in-1 loop on
         3.0 in-1 plate 闽E11112 track=2
         8.0 in-1 refuse in-1-1-1
         9.0 in-1 plate 闽E22222 track=1 rev=2 closed
         9.1 in-1 loop off
         10.5 in-1 loop on
         14.0 in-1 loop off
         15.0 end",
        "1 in-1-1-1 begun
         1 in-1-1-1 hold
         1 in-1-1-1 alert 1 rule:unlisted-vehicle
         3 in-1-1-2 begun
         8 in-1-1-1 order done
         8 in-1-1-1 answer
         9.9 in-1-1-1 ended answered refuse
         10.5 in-1-1-2 admit
         10.5 move 1 open in-1 until 12.5
         14.8 in-1-1-2 ended admitted",
    );
}

#[test]
fn bumper_to_bumper_the_next_one_is_decided_when_the_first_has_gone() {
    check(
        "1.0 cam-1 plate 闽E11111 track=1
         1.5 cam-1 plate 闽E11112 track=2
         3.0 cam-1 plate 闽E11111 track=1 rev=2 closed
         4.0 cam-1 plate 闽E11112 track=2 rev=2 at_arm
         6.0 cam-1 plate 闽E11112 track=2 rev=3 closed
         8.0 end",
        "1 cam-1-1-1 begun
         1 cam-1-1-1 admit
         1 move 1 open cam-1 until 3
         1.5 cam-1-1-2 begun
         3.8 cam-1-1-1 ended admitted
         4 cam-1-1-2 admit
         4 move 2 open cam-1 until 6
         6.8 cam-1-1-2 ended admitted",
    );
}

#[test]
fn the_same_plate_on_a_new_track_is_the_same_passage_until_it_left_and_a_new_one_later() {
    check(
        "1.0 cam-1 plate 闽E11111 track=1
         2.0 cam-1 plate 闽E11111 track=1 rev=2 closed
         2.3 cam-1 plate 闽E11111 track=2
         4.0 cam-1 plate 闽E11111 track=2 rev=2 closed
         6.0 cam-1 plate 闽E11111 track=3
         20.0 cam-1 plate 闽E11111 track=4
         21.0 cam-1 plate 闽E11111 track=4 rev=2 closed
         25.0 end",
        "1 cam-1-1-1 begun
         1 cam-1-1-1 admit
         1 move 1 open cam-1 until 3
         4.8 cam-1-1-1 ended admitted
         6 cam-1-1-1 stray
         20 cam-1-1-2 begun
         20 cam-1-1-2 admit
         20 move 2 open cam-1 until 22
         21.8 cam-1-1-2 ended admitted",
    );
}

#[test]
fn a_watched_plate_holds_with_a_critical_alert() {
    check(
        "1.0 cam-1 plate 闽E66666
         2.0 cam-1 plate 闽E66666 rev=2 closed
         3.0 cam-1 plate 鄂A12345 track=2",
        "1 cam-1-1-1 begun
         1 cam-1-1-1 hold
         1 cam-1-1-1 alert 1 rule:watched-plate
         2.8 cam-1-1-1 ended withdrawn left
         3 cam-1-1-2 begun
         3 cam-1-1-2 hold
         3 cam-1-1-2 alert 2 rule:watched-area",
    );
}

#[test]
fn a_look_alike_of_a_listed_plate_alerts_and_never_admits() {
    check(
        "1.0 cam-1 plate 闽EI1111",
        "1 cam-1-1-1 begun
         1 cam-1-1-1 hold
         1 cam-1-1-1 alert 1 rule:lookalike",
    );
}

#[test]
fn a_person_is_admitted_by_card_and_temperature_in_either_order() {
    check(
        "1.0 walk-1 card AA01
         1.8 walk-1 temp 36.5
         15.0 walk-1 temp 36.6
         15.5 walk-1 card AA02
         30 end",
        "1 walk-1-1-1 begun
         1.8 walk-1-1-1 admit
         1.8 move 1 open walk-1 until 3.8
         11.8 walk-1-1-1 ended admitted
         15 walk-1-1-2 begun
         15.5 walk-1-1-2 admit
         15.5 move 2 open walk-1 until 17.5
         25.5 walk-1-1-2 ended admitted",
    );
}

#[test]
fn what_is_missing_after_the_wait_holds_and_says_so() {
    check(
        "1.0 walk-1 card AA01
         20.0 walk-1 temp 36.5
         90 end",
        "1 walk-1-1-1 begun
         4 walk-1-1-1 hold temperature NotPresented
         4 walk-1-1-1 alert 1 missing_temperature
         20 walk-1-1-2 begun
         23 walk-1-1-2 hold card NotPresented
         23 walk-1-1-2 alert 2 missing_card
         64 walk-1-1-1 ended withdrawn left
         83 walk-1-1-2 ended withdrawn left",
    );
}

#[test]
fn a_reading_below_35_degrees_or_above_43_is_no_reading_and_is_asked_for_again() {
    check(
        "1.0 walk-1 card AA01
         1.5 walk-1 temp 34.9
         2.8 walk-1 temp 36.4
         3.5 walk-1 card AA02
         4.0 walk-1 temp 36.4
         8.0 walk-1 card AA03
         8.5 walk-1 temp 43.1
         9.0 end",
        "1 walk-1-1-1 begun
         1.5 walk-1-1-1 hold temperature ImplausibleReading
         1.5 ask thermo-1
         1.5 walk-1-1-1 alert 1 measure_again
         3.5 walk-1-1-2 begun
         4 walk-1-1-2 admit
         4 move 1 open walk-1 until 6
         8 walk-1-1-2 ended admitted
         8 walk-1-1-3 begun
         8.5 walk-1-1-3 hold temperature ImplausibleReading
         8.5 ask thermo-1
         8.5 walk-1-1-3 alert 2 measure_again",
    );
}

#[test]
fn who_was_held_for_a_low_reading_may_touch_the_reader_and_be_measured_again() {
    check(
        "1.0 walk-1 card AA01
         1.4 walk-1 temp 34.0
         2.0 walk-1 card AA01
         7.0 walk-1 card AA01
         7.5 walk-1 temp 36.5",
        "1 walk-1-1-1 begun
         1.4 walk-1-1-1 hold temperature ImplausibleReading
         1.4 ask thermo-1
         1.4 walk-1-1-1 alert 1 measure_again
         7 walk-1-1-2 begun
         7.5 walk-1-1-2 admit
         7.5 move 1 open walk-1 until 9.5",
    );
}

#[test]
fn the_next_person_s_temperature_never_joins_one_who_had_a_reading_already() {
    check(
        "1.0 walk-1 temp 34.0
         1.4 walk-1 card AA01
         2.0 walk-1 card FFFF
         2.5 walk-1 temp 36.5",
        "1 walk-1-1-1 begun
         1.4 walk-1-1-1 hold temperature ImplausibleReading
         1.4 ask thermo-1
         1.4 walk-1-1-1 alert 1 measure_again
         2 walk-1-1-2 begun
         2.5 walk-1-1-2 refuse
         2.5 walk-1-1-2 alert 2 rule:unknown-card",
    );
}

#[test]
fn one_stray_temperature_does_not_shift_all_that_follow() {
    check(
        "1.0 walk-1 temp 36.5
         2.0 walk-1 card AA01
         2.5 walk-1 temp 36.6
         4.0 walk-1 card FFFF
         4.5 walk-1 temp 36.7",
        "1 walk-1-1-1 begun
         2 walk-1-1-1 admit
         2 move 1 open walk-1 until 4
         4 walk-1-1-1 ended admitted
         4 walk-1-1-2 begun
         4.5 walk-1-1-2 refuse
         4.5 walk-1-1-2 alert 1 rule:unknown-card",
    );
}

#[test]
fn a_surface_temperature_decides_nothing() {
    check(
        "1.0 walk-1 card AA01
         1.5 walk-1 skin 36.5
         5.0 end",
        "1 walk-1-1-1 begun
         4 walk-1-1-1 hold temperature NotPresented
         4 walk-1-1-1 alert 1 missing_temperature",
    );
}

#[test]
fn a_fever_holds_and_an_unknown_card_is_refused() {
    check(
        "1.0 walk-1 card AA01
         1.5 walk-1 temp 37.4
         2.0 walk-1 card FFFF
         2.5 walk-1 temp 36.5
         3.0 walk-1 card AA03
         3.5 walk-1 temp 37.3",
        "1 walk-1-1-1 begun
         1.5 walk-1-1-1 hold
         1.5 walk-1-1-1 alert 1 rule:fever
         2 walk-1-1-2 begun
         2.5 walk-1-1-2 refuse
         2.5 walk-1-1-2 alert 2 rule:unknown-card
         3 walk-1-1-2 ended refused
         3 walk-1-1-3 begun
         3.5 walk-1-1-3 admit
         3.5 move 1 open walk-1 until 5.5",
    );
}

#[test]
fn a_person_who_went_through_is_done_when_the_arm_closes() {
    check(
        "0.5 walk-1 arm closed
         1.0 walk-1 card AA01
         1.5 walk-1 temp 36.5
         1.6 walk-1 sent 1
         2.0 walk-1 arm moving
         2.5 walk-1 arm open
         5.0 walk-1 arm closed
         6 end",
        "1 walk-1-1-1 begun
         1.5 walk-1-1-1 admit
         1.5 move 1 open walk-1 until 3.5
         1.6 walk-1-1-1 move 1 sent
         5 walk-1-1-1 ended admitted",
    );
}

#[test]
fn a_retained_card_never_opens_and_begins_nothing() {
    check(
        "1.0 walk-1 card AA01 retained
         1.5 walk-1 temp 36.5
         2.0 walk-1 card AA01 redelivered
         2.5 walk-1 card AA01 replayed
         6.0 end",
        "1 - stray
         1.5 walk-1-1-1 begun
         2.5 - stray
         4.5 walk-1-1-1 hold card NotLive
         4.5 walk-1-1-1 alert 1 missing_card",
    );
}

#[test]
fn a_source_that_proved_nothing_enriches_and_never_opens() {
    check(
        "1.0 walk-1 card AA01 untrusted
         1.5 walk-1 temp 36.5
         2.0 tls-1 card AA01 password
         2.5 tls-1 temp 36.5
         6.0 end",
        "1 walk-1-1-1 begun
         2 tls-1-1-1 begun
         4 walk-1-1-1 hold card SourceUntrusted
         4 walk-1-1-1 alert 1 missing_card
         5 tls-1-1-1 hold card SourceUntrusted
         5 tls-1-1-1 alert 2 missing_card",
    );
}

#[test]
fn an_admit_from_input_older_than_its_window_moves_nothing_and_calls_a_person() {
    check(
        "5.0 cam-1 plate 闽E11111 late=2500
         9.0 end",
        "5 cam-1-1-1 begun
         8 cam-1-1-1 admit
         8 cam-1-1-1 move 1 dropped window_passed
         8 cam-1-1-1 alert 1 not_opened",
    );
}

#[test]
fn in_shadow_everything_is_decided_and_nothing_moves() {
    check(
        "1.0 dark-1 card AA01
         1.5 dark-1 temp 36.5
         3.0 dark-1 arm closed
         4.0 dark-1 arm open",
        "1 dark-1-1-1 begun
         1.5 dark-1-1-1 admit
         1.5 dark-1-1-1 move 1 dropped shadow
         4 - foreign",
    );
}

#[test]
fn on_a_way_out_a_hold_that_nobody_answers_opens_by_its_fallback() {
    check(
        "1.0 out-1 plate 闽E66666
         10.0 end",
        "1 out-1-1-1 begun
         1 out-1-1-1 hold
         1 out-1-1-1 alert 1 rule:watched-plate
         6 out-1-1-1 answer
         6 move 1 open out-1 until 8",
    );
}

#[test]
fn a_camera_that_goes_down_explains_the_missing_plate_and_recovers_by_itself() {
    check(
        "0.5 in-1 health in-1-camera silent
         1.0 in-1 loop on
         5.0 in-1 health in-1-camera live
         6.0 in-1 health in-1-camera live",
        "0.5 - device
         0.5 - alert 1 device_down
         1 in-1-1-1 begun
         4 in-1-1-1 hold plate DeviceDown
         4 in-1-1-1 alert 2 missing_device_down
         5 - device
         5 - alert 1 closed by nobody recovered",
    );
}

#[test]
fn p25_a_useless_picture_is_an_alert_of_its_own_that_clears_by_itself() {
    check(
        "0.5 in-1 health in-1-camera picture_black
         1.0 in-1 health in-1-camera picture_black
         2.0 in-1 health in-1-camera picture_covered
         3.0 in-1 health in-1-camera silent
         4.0 in-1 health in-1-camera picture_frozen
         5.0 in-1 health in-1-camera live",
        "0.5 - device
         0.5 - alert 1 picture_black
         2 - device
         2 - alert 1 closed by nobody recovered
         2 - alert 2 picture_covered
         3 - device
         3 - alert 2 closed by nobody recovered
         3 - alert 3 device_down
         4 - device
         4 - alert 3 closed by nobody recovered
         4 - alert 4 picture_frozen
         5 - device
         5 - alert 4 closed by nobody recovered",
    );
}
