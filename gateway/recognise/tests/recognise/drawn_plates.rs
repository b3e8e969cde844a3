//! Drawn plates are read, from stills and from video frames, whole or in a lane.

use crate::drawing::{BLUE, GREEN, Ground, Scene, WHITE, YELLOW, models};
use gateway_core::plate::{PlateColour, PlateKind};
use gateway_recognise::{How, Recogniser};

const CASES: [(&str, Ground, PlateKind, PlateColour); 5] = [
    ("闽E12345", BLUE, PlateKind::Ordinary, PlateColour::Blue),
    ("粤B8K6P7", YELLOW, PlateKind::Ordinary, PlateColour::Yellow),
    (
        "闽ED12345",
        GREEN,
        PlateKind::NewEnergySmall,
        PlateColour::Green,
    ),
    ("闽D3456警", WHITE, PlateKind::Police, PlateColour::White),
    ("浙A6789学", YELLOW, PlateKind::Learner, PlateColour::Yellow),
];

#[test]
fn each_kind_of_plate_is_read_from_a_still() {
    let mut recogniser = Recogniser::open(&models()).unwrap();
    for (text, ground, kind, colour) in CASES {
        let scene = Scene::new(960, 540).plate(text, ground, [480.0, 380.0], 170.0);
        let still = scene.still();
        let plates = recogniser.read(&still.view(), &How::still()).unwrap();
        let best = plates.first().expect(text);
        assert_eq!(best.plate.reveal(), text);
        assert_eq!((best.kind, best.colour, best.agrees), (kind, colour, true));
        assert_eq!(best.candidates[0].plate.reveal(), text);
        let [x, y] = best.area.centre();
        assert!(
            (x - 480.0).abs() < 12.0 && (y - 380.0).abs() < 12.0,
            "{text}"
        );
    }
}

#[test]
fn a_video_frame_reads_like_the_still() {
    let mut recogniser = Recogniser::open(&models()).unwrap();
    for (text, ground, kind, colour) in CASES {
        let scene = Scene::new(1280, 720).plate(text, ground, [600.0, 500.0], 190.0);
        let frame = scene.frame();
        let plates = recogniser
            .read(&frame.picture(), &How::stream(960))
            .unwrap();
        let best = plates.first().expect(text);
        assert_eq!(best.plate.reveal(), text);
        assert_eq!((best.kind, best.colour), (kind, colour));
    }
}

#[test]
fn only_the_lanes_plates_are_read() {
    let mut recogniser = Recogniser::open(&models()).unwrap();
    let frame = Scene::new(1280, 720)
        .plate("闽E12345", BLUE, [400.0, 500.0], 190.0)
        .plate("闽C67890", BLUE, [900.0, 480.0], 190.0)
        .frame();
    let left = [
        [100.0, 200.0],
        [640.0, 200.0],
        [640.0, 700.0],
        [100.0, 700.0],
    ];
    let how = How::stream(640).in_lane(&left);
    let plates = recogniser.read(&frame.picture(), &how).unwrap();
    let texts: Vec<_> = plates.iter().map(|plate| plate.plate.reveal()).collect();
    assert_eq!(texts, ["闽E12345"]);
    let [x, y] = plates[0].area.centre();
    assert!((x - 400.0).abs() < 15.0 && (y - 500.0).abs() < 15.0);
}

#[test]
fn a_plate_cut_out_is_read_whole() {
    let mut recogniser = Recogniser::open(&models()).unwrap();
    let scene = Scene::new(150, 48).plate("闽E12345", BLUE, [75.0, 24.0], 150.0);
    let still = scene.still();
    let plates = recogniser.read(&still.view(), &How::still()).unwrap();
    assert_eq!(plates[0].plate.reveal(), "闽E12345");
}

#[test]
fn a_road_without_a_plate_has_none() {
    let mut recogniser = Recogniser::open(&models()).unwrap();
    let still = Scene::new(960, 540).still();
    let plates = recogniser.read(&still.view(), &How::still()).unwrap();
    assert!(!plates.iter().any(|plate| plate.is_plausible()));
}

#[test]
fn a_printed_reading_hides_the_plate() {
    let mut recogniser = Recogniser::open(&models()).unwrap();
    let scene = Scene::new(960, 540).plate("闽E12345", BLUE, [480.0, 380.0], 170.0);
    let still = scene.still();
    let plates = recogniser.read(&still.view(), &How::still()).unwrap();
    let printed = format!("{plates:?}");
    assert!(
        !printed.contains("12345") && !printed.contains("1234"),
        "{printed}"
    );
}
