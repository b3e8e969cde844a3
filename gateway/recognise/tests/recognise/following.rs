//! Plates followed through frames become sightings: after a vote, once a vehicle, closed once.

use gateway_core::moment::Mono;
use gateway_core::name::Name;
use gateway_core::reading::Trust;
use gateway_recognise::{Change, Direction, How, Limits, Origin, PlateRead, Recogniser, Tracker};

use crate::drawing::{BLUE, Scene, models};

/// Frames come this often here, in milliseconds.
const STEP: u64 = 200;

struct Lane {
    recogniser: Recogniser,
    tracker: Tracker,
    now: Mono,
}

impl Lane {
    fn new() -> Lane {
        let recogniser = Recogniser::open(&models()).unwrap();
        let tracker = Tracker::new(recogniser.patterns(), Limits::default());
        Lane {
            recogniser,
            tracker,
            now: Mono::from_ms(10_000),
        }
    }

    fn plate(&mut self, text: &str) -> PlateRead {
        let scene = Scene::new(640, 360).plate(text, BLUE, [320.0, 250.0], 150.0);
        let still = scene.still();
        let mut plates = self
            .recogniser
            .read(&still.view(), &How::stream(640))
            .unwrap();
        assert_eq!(plates[0].plate.reveal(), text);
        plates.remove(0)
    }

    /// The next frame, with these plates.
    fn frame(&mut self, plates: &[PlateRead]) -> Change {
        self.now = self.now.plus_ms(STEP);
        self.tracker.frame(self.now, plates)
    }

    /// Time goes by without a plate; what came of it.
    fn empty_for(&mut self, ms: u64) -> Change {
        let mut all = Change::default();
        for _ in 0..ms / STEP {
            self.now = self.now.plus_ms(STEP);
            all.sightings.extend(self.tracker.tick(self.now).sightings);
        }
        all
    }
}

/// The same plate elsewhere.
fn moved(plate: &PlateRead, x: f32, y: f32) -> PlateRead {
    let mut plate = plate.clone();
    plate.area.x0 += x;
    plate.area.x1 += x;
    plate.area.y0 += y;
    plate.area.y1 += y;
    plate
}

#[test]
fn two_frames_that_agree_make_one_sighting() {
    let mut lane = Lane::new();
    let plate = lane.plate("闽E12345");
    let first = lane.frame(std::slice::from_ref(&plate));
    assert!(first.sightings.is_empty());
    assert_eq!(first.best_of, [1]);
    let second = lane.frame(&[moved(&plate, 10.0, 30.0)]);
    assert_eq!(second.sightings.len(), 1);
    let sighting = &second.sightings[0];
    assert_eq!(
        (sighting.track, sighting.revision, sighting.closed),
        (1, 1, false)
    );
    assert_eq!(sighting.plate.reveal(), "闽E12345");
    assert!(sighting.confidence_permille >= 900 && sighting.candidates.len() <= 4);
    assert_eq!(sighting.frames, 2);
    // The picture is that of the first frame, and so is the box.
    assert_eq!(sighting.area, plate.area);
}

#[test]
fn a_single_frame_opens_nothing() {
    let mut lane = Lane::new();
    let plate = lane.plate("闽E12345");
    assert!(lane.frame(&[plate]).sightings.is_empty());
    assert!(lane.empty_for(10_000).sightings.is_empty());
    assert!(!lane.tracker.follows());
}

#[test]
fn a_vehicle_that_is_gone_is_closed_once() {
    let mut lane = Lane::new();
    let plate = lane.plate("闽E12345");
    for i in 0..4 {
        lane.frame(&[moved(&plate, 0.0, 25.0 * i as f32)]);
    }
    let closed = lane.empty_for(10_000).sightings;
    assert_eq!(closed.len(), 1);
    assert!(closed[0].closed && closed[0].revision >= 2);
    assert_eq!(closed[0].frames, 4);
}

#[test]
fn a_standing_vehicle_is_followed_as_long_as_it_is_there() {
    let mut lane = Lane::new();
    let plate = lane.plate("闽E12345");
    let mut sightings = Vec::new();
    for _ in 0..600 {
        let jitter = moved(&plate, 2.0, -1.0);
        sightings.extend(lane.frame(&[jitter]).sightings);
    }
    assert!(sightings.iter().all(|s| s.track == 1 && !s.closed));
    assert!(sightings.last().unwrap().stands);
    assert!(sightings.len() < 10, "{} revisions", sightings.len());
    assert!(lane.tracker.follows() && lane.tracker.is_settled());
}

#[test]
fn a_vehicle_that_comes_again_is_another_sighting() {
    let mut lane = Lane::new();
    let plate = lane.plate("闽E12345");
    let mut opened = Vec::new();
    for _ in 0..2 {
        for _ in 0..3 {
            opened.extend(lane.frame(std::slice::from_ref(&plate)).sightings);
        }
        lane.empty_for(5_000);
    }
    let firsts: Vec<_> = opened.iter().filter(|s| s.revision == 1).collect();
    assert_eq!(firsts.iter().map(|s| s.track).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn another_vehicle_in_the_same_place_is_another_track() {
    let mut lane = Lane::new();
    let (first, second) = (lane.plate("闽E12345"), lane.plate("闽C67890"));
    let mut sightings = Vec::new();
    for plate in [&first, &first, &first, &second, &second, &second] {
        sightings.extend(lane.frame(std::slice::from_ref(plate)).sightings);
    }
    let texts: Vec<_> = sightings
        .iter()
        .filter(|s| s.revision == 1)
        .map(|s| (s.track, s.plate.reveal().to_owned()))
        .collect();
    let wanted = [(1, "闽E12345".to_owned()), (2, "闽C67890".to_owned())];
    assert_eq!(texts, wanted);
}

#[test]
fn two_vehicles_side_by_side_keep_their_tracks() {
    let mut lane = Lane::new();
    let (left, right) = (lane.plate("闽E12345"), lane.plate("闽C67890"));
    let mut sightings = Vec::new();
    for i in 0..4 {
        let y = 20.0 * i as f32;
        // The detector gives them in any order.
        let mut plates = [moved(&left, -160.0, y), moved(&right, 160.0, -y)];
        if i % 2 == 1 {
            plates.reverse();
        }
        sightings.extend(lane.frame(&plates).sightings);
    }
    for track in [1, 2] {
        let mut texts: Vec<_> = sightings.iter().filter(|s| s.track == track).collect();
        texts.dedup_by_key(|s| s.plate.clone());
        assert_eq!(texts.len(), 1);
    }
}

#[test]
fn a_camera_that_is_lost_closes_its_tracks() {
    let mut lane = Lane::new();
    let plate = lane.plate("闽E12345");
    lane.frame(std::slice::from_ref(&plate));
    lane.frame(&[plate]);
    let ended = lane.tracker.end().sightings;
    assert!(ended.len() == 1 && ended[0].closed);
    assert!(!lane.tracker.follows());
}

#[test]
fn a_sighting_carries_what_only_the_edge_knows() {
    let mut lane = Lane::new();
    let plate = lane.plate("闽E12345");
    lane.frame(std::slice::from_ref(&plate));
    let change = lane.frame(&[plate]);
    let origin = Origin {
        lane: Name::new("in"),
        camera: Name::new("in-1"),
        trust: Trust::Password,
    };
    let sighting = change.sightings[0].sighting(&origin, true, None);
    assert_eq!((sighting.lane.as_str(), sighting.at_arm), ("in", true));
    assert_eq!(sighting.first_seen, Mono::from_ms(10_200));
    assert_eq!(sighting.last_seen, Mono::from_ms(10_400));
}

#[test]
fn one_vehicle_too_many_ends_the_oldest_track() {
    let mut lane = Lane::new();
    let plate = lane.plate("闽E12345");
    let far = |i: usize| moved(&plate, 2_000.0 * i as f32, 0.0);
    let mut sightings = Vec::new();
    // Each vehicle shows itself twice; the next one comes before this one counts as gone.
    for i in 0..17 {
        lane.now = Mono(lane.now.0 - 150_000);
        sightings.extend(lane.frame(&[far(i)]).sightings);
        lane.now = Mono(lane.now.0 - 150_000);
        sightings.extend(lane.frame(&[far(i)]).sightings);
    }
    let closed: Vec<_> = sightings.iter().filter(|s| s.closed).collect();
    assert_eq!(closed.iter().map(|s| s.track).collect::<Vec<_>>(), [1]);
    assert_eq!(lane.tracker.end().sightings.len(), 16);
}

/// The same plate, so many times as large, in the same place.
fn grown(plate: &PlateRead, times: f32) -> PlateRead {
    let mut plate = plate.clone();
    let [x, y] = plate.area.centre();
    let half = [plate.area.width(), plate.area.height()].map(|side| side * times / 2.0);
    (plate.area.x0, plate.area.x1) = (x - half[0], x + half[0]);
    (plate.area.y0, plate.area.y1) = (y - half[1], y + half[1]);
    plate
}

#[test]
fn a_vehicle_that_comes_and_reverses_changes_its_direction_within_one_track() {
    let mut lane = Lane::new();
    let plate = lane.plate("闽E12345");
    let mut last = None;
    let way = (0..8).chain((0..8).rev());
    let mut directions = Vec::new();
    for step in way {
        let nearer = grown(
            &moved(&plate, 0.0, 12.0 * step as f32),
            1.0 + 0.08 * step as f32,
        );
        lane.frame(&[nearer]);
        last = lane.tracker.expected(lane.now).first().copied();
        directions.push(last.map(|expected| expected.track));
    }
    assert!(directions.iter().all(|track| *track == Some(1)));
    let closed = lane.empty_for(5_000).sightings;
    assert_eq!(closed.len(), 1);
    assert_eq!(
        (closed[0].direction, closed[0].moved),
        (Direction::Leaving, false)
    );
    assert!(last.is_some());
}

#[test]
fn a_vehicle_that_comes_nearer_approaches() {
    let mut lane = Lane::new();
    let plate = lane.plate("闽E12345");
    for step in 0..8 {
        let nearer = moved(&plate, 0.0, 30.0 * step as f32);
        lane.frame(&[grown(&nearer, 1.0 + 0.1 * step as f32)]);
    }
    let closed = lane.empty_for(5_000).sightings;
    assert_eq!(
        (closed[0].direction, closed[0].moved),
        (Direction::Approaching, true)
    );
}

#[test]
fn a_parked_neighbour_never_moved_while_another_passes() {
    let mut lane = Lane::new();
    let (parked, passing) = (lane.plate("闽C67890"), lane.plate("闽E12345"));
    let mut all = Vec::new();
    for step in 0..10 {
        let beside = moved(&parked, 400.0 + (step % 3) as f32, 0.0);
        let by = moved(&passing, 0.0, 30.0 * step as f32);
        all.extend(lane.frame(&[beside, by]).sightings);
    }
    all.extend(lane.tracker.end().sightings);
    let of = |text: &str| {
        let mut closed = all.iter().filter(|s| s.closed && s.plate.reveal() == text);
        closed.next().unwrap()
    };
    assert!(!of("闽C67890").moved && of("闽C67890").stands);
    assert!(of("闽E12345").moved);
    assert_eq!(of("闽C67890").direction, Direction::Unknown);
}

#[test]
fn bumper_to_bumper_each_vehicle_is_one_sighting() {
    let mut lane = Lane::new();
    let (first, second) = (lane.plate("闽E12345"), lane.plate("闽C67890"));
    let mut opened = Vec::new();
    // The second comes into the place of the first while that one leaves below it.
    for step in 0..12 {
        let ahead = moved(&first, 0.0, 25.0 * step as f32);
        let behind = moved(&second, 0.0, 25.0 * step as f32 - 130.0);
        let seen: &[PlateRead] = match step {
            0..3 => &[ahead],
            3..8 => &[ahead, behind],
            _ => &[behind],
        };
        opened.extend(lane.frame(seen).sightings);
    }
    opened.extend(lane.tracker.end().sightings);
    let mut closed: Vec<_> = opened.iter().filter(|s| s.closed).collect();
    closed.sort_by_key(|s| s.track);
    let texts: Vec<_> = closed.iter().map(|s| s.plate.reveal()).collect();
    assert_eq!(texts, ["闽E12345", "闽C67890"]);
}

#[test]
fn an_unchanged_picture_is_no_vote_and_tells_that_the_vehicle_stands() {
    let mut lane = Lane::new();
    let plate = lane.plate("闽E12345");
    lane.frame(std::slice::from_ref(&plate));
    let still = |lane: &mut Lane| {
        lane.now = lane.now.plus_ms(STEP);
        lane.tracker.still(lane.now).sightings
    };
    for _ in 0..100 {
        assert!(still(&mut lane).is_empty(), "one picture made a sighting");
    }
    assert!(lane.tracker.follows(), "it stands there all the same");
    lane.frame(&[moved(&plate, 1.0, 1.0)]);
    let told: Vec<_> = (0..100).flat_map(|_| still(&mut lane)).collect();
    assert!(told.len() <= 1, "{} revisions", told.len());
    assert!(lane.tracker.is_settled());
}
