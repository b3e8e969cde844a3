//! Who is read next, how often, and what is dropped.

use super::*;

/// Reads for a while as `readers` recognisers would, each read taking `read_us`, and returns how
/// many frames of each camera were read. A camera offers a frame every `periods_us`.
fn run(
    schedule: &mut Schedule<u64>,
    cameras: &[(u64, Urgency)],
    (readers, read_us): (usize, u64),
    for_us: u64,
) -> Vec<u64> {
    let before: Vec<u64> = (0..cameras.len())
        .map(|c| schedule.counts(c).read)
        .collect();
    let mut busy: Vec<Option<(usize, u64)>> = vec![None; readers];
    for now in (0..for_us).step_by(1_000) {
        for (camera, (period_us, urgency)) in cameras.iter().enumerate() {
            if now % period_us == 0 {
                schedule.offer(camera, now, *urgency);
            }
        }
        for reader in &mut busy {
            if let Some((camera, until)) = *reader
                && now >= until
            {
                schedule.done(camera, read_us);
                *reader = None;
            }
            if reader.is_none() {
                *reader = schedule.next().map(|(camera, _)| (camera, now + read_us));
            }
        }
        assert!(schedule.waiting() <= cameras.len());
    }
    for (camera, _) in busy.into_iter().flatten() {
        schedule.done(camera, read_us);
    }
    (0..cameras.len())
        .map(|camera| schedule.counts(camera).read - before[camera])
        .collect()
}

#[test]
fn with_time_enough_every_frame_is_read() {
    let mut schedule = Schedule::new(&[0, 1]);
    let cameras = [(100_000, Urgency::Moving), (200_000, Urgency::Settled)];
    let read = run(&mut schedule, &cameras, (1, 20_000), 2_000_000);
    assert_eq!(read, [20, 10]);
    assert_eq!(schedule.counts(0).dropped, 0);
}

#[test]
fn under_overload_the_rate_of_all_falls_evenly_and_nothing_piles_up() {
    let mut schedule = Schedule::new(&[0, 1, 2, 3, 4, 5, 6, 7]);
    let cameras = [(40_000, Urgency::Moving); 8];
    let read = run(&mut schedule, &cameras, (2, 60_000), 10_000_000);
    let (least, most) = (read.iter().min().unwrap(), read.iter().max().unwrap());
    assert!(*least >= 38 && most - least <= 2, "{read:?}");
}

#[test]
fn a_vehicle_at_the_arm_comes_first_and_starves_nobody() {
    let mut schedule = Schedule::new(&[0, 1, 2]);
    let cameras = [
        (40_000, Urgency::AtArm),
        (40_000, Urgency::Moving),
        (40_000, Urgency::Settled),
    ];
    let read = run(&mut schedule, &cameras, (1, 50_000), 20_000_000);
    assert!(read[0] > 2 * read[1] && read[1] > read[2], "{read:?}");
    assert!(read[2] >= 30, "{read:?}");
}

#[test]
fn two_cameras_of_a_lane_share_its_budget() {
    let mut schedule = Schedule::new(&[0, 0, 1]);
    let cameras = [(40_000, Urgency::Moving); 3];
    let read = run(&mut schedule, &cameras, (1, 50_000), 20_000_000);
    assert!(read[0].abs_diff(read[1]) <= 2, "{read:?}");
    assert!(read[2].abs_diff(read[0] + read[1]) <= 4, "{read:?}");
}

#[test]
fn a_lane_that_slept_is_served_at_once_but_makes_up_for_nothing() {
    let mut schedule = Schedule::new(&[0, 1]);
    let busy = [(40_000, Urgency::Moving), (u64::MAX, Urgency::Moving)];
    run(&mut schedule, &busy, (1, 50_000), 10_000_000);
    let both = [(40_000, Urgency::Moving); 2];
    let read = run(&mut schedule, &both, (1, 50_000), 2_000_000);
    assert!(read[0].abs_diff(read[1]) <= 2, "{read:?}");
}

#[test]
fn one_camera_is_never_read_by_two_at_once() {
    let mut schedule = Schedule::new(&[0]);
    schedule.offer(0, 1, Urgency::Moving);
    assert_eq!(schedule.next(), Some((0, 1)));
    schedule.offer(0, 2, Urgency::Moving);
    assert_eq!(schedule.next(), None);
    schedule.done(0, 1_000);
    assert_eq!(schedule.next(), Some((0, 2)));
}

#[test]
fn the_newest_frame_wins_and_the_older_is_counted() {
    let mut schedule = Schedule::new(&[0]);
    for frame in 1..=5 {
        schedule.offer(0, frame, Urgency::Moving);
    }
    assert_eq!(schedule.next(), Some((0, 5)));
    assert_eq!(schedule.counts(0).dropped, 4);
}

#[test]
fn late_frames_are_sampled_evenly_over_their_capture_and_come_before_live_ones() {
    let mut schedule = Schedule::new(&[0]);
    for frame in 0..50_u64 {
        schedule.offer_late(0, Mono(frame * 40_000), frame, Urgency::Moving);
    }
    schedule.offer(0, 50, Urgency::Moving);
    let mut read = Vec::new();
    while let Some((camera, frame)) = schedule.next() {
        read.push(frame);
        schedule.done(camera, 1_000);
    }
    let live = read.pop();
    assert_eq!(live, Some(50));
    assert!(read.len() >= 3 && read.len() <= LATE, "{read:?}");
    assert_eq!(read[0], 0, "the first frame of the passage stays");
    let gaps: Vec<u64> = read.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let (least, most) = (gaps.iter().min().unwrap(), gaps.iter().max().unwrap());
    assert!(most - least <= most / 2 + 1, "{read:?}");
    assert_eq!(schedule.counts(0).dropped + read.len() as u64, 50);
}

#[test]
fn late_frames_without_times_do_not_pile_up() {
    let mut schedule = Schedule::new(&[0]);
    for frame in 0..100_u64 {
        schedule.offer_late(0, Mono(5), frame, Urgency::Moving);
        assert!(schedule.waiting() <= LATE);
    }
}

#[test]
fn a_camera_that_is_gone_leaves_nothing_waiting() {
    let mut schedule = Schedule::new(&[0, 1]);
    schedule.offer(0, 1, Urgency::Moving);
    schedule.offer_late(0, Mono(1), 2, Urgency::Moving);
    schedule.offer(1, 3, Urgency::Settled);
    schedule.forget(0);
    assert_eq!(schedule.next(), Some((1, 3)));
    assert_eq!(schedule.next(), None);
}
