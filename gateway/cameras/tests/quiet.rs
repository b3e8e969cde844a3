//! A camera that sleeps loses nothing of what passes: the same video, decoded sparingly and in full, gives
//! the same pictures of everything that moves.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use camera_sim::{Clip, Codec, Encoding, Format, write_clip};
use gateway_cameras::{
    Attention, Camera, CameraHealth, CameraSource, CameraSpec, Cause, Decoding, Frame,
};

const FORMAT: Format = Format {
    width: 384,
    height: 216,
    fps: 15,
};
/// Pictures of the empty lane, then of something that crosses it, then of the empty lane.
const EMPTY: usize = 120;
const CROSSING: usize = 45;
const COUNT: usize = EMPTY + CROSSING + EMPTY;
const PERIOD_US: u64 = 1_000_000 / FORMAT.fps as u64;

/// A textured lane with a sensor's noise; `contrast` of what crosses it, of 255.
fn draw(contrast: u8, number: usize, frame: &mut [u8]) {
    let (luma, chroma) = frame.split_at_mut(FORMAT.width * FORMAT.height);
    chroma.fill(128);
    let mut random = (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let crossing = (EMPTY..EMPTY + CROSSING)
        .contains(&number)
        .then(|| (number - EMPTY) * (FORMAT.width - 80) / CROSSING);
    for (at, pixel) in luma.iter_mut().enumerate() {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let (x, y) = (at % FORMAT.width, at / FORMAT.width);
        let in_it =
            (80..150).contains(&y) && crossing.is_some_and(|left| (left..left + 80).contains(&x));
        *pixel = 50 + (x / 40 % 2 * 20 + y / 30 % 2 * 10) as u8 + (random % 9) as u8;
        if in_it {
            *pixel += contrast + (x / 8 % 2) as u8 * 6;
        }
    }
}

struct Video(PathBuf);

impl Video {
    fn new(name: &str, encoding: Encoding, contrast: u8) -> Video {
        camera_sim::init().unwrap();
        let path = std::env::temp_dir().join(format!("quiet-{name}-{}.mkv", std::process::id()));
        let clip = Clip::encode_as(FORMAT, encoding, COUNT, |number, frame| {
            draw(contrast, number, frame)
        })
        .unwrap();
        write_clip(&clip, &path).unwrap();
        Video(path)
    }

    /// The frames of the whole video and the last state before its end.
    fn frames(&self, attention: &Attention) -> (Vec<Frame>, Option<CameraHealth>) {
        let spec = CameraSpec {
            attention: attention.clone(),
            ..CameraSpec::new(
                "front",
                CameraSource::Video {
                    path: self.0.clone(),
                },
            )
        };
        let (frame_in, frames) = channel();
        let (health_in, health) = channel();
        let start = Instant::now();
        let _camera = Camera::start(
            spec,
            Arc::new(move || start.elapsed().as_micros() as u64),
            // The pixels are let go, for the decoder has only so many.
            move |frame: Frame| {
                let bare =
                    Frame::packed("front".into(), frame.captured_mono_us, (2, 2), vec![0; 6]);
                let mut bare = bare.unwrap();
                (bare.moving, bare.catching_up) = (frame.moving, frame.catching_up);
                bare.number = frame.number;
                frame_in.send(bare).unwrap();
            },
            move |state| drop(health_in.send(state)),
        )
        .unwrap();
        let mut last = None;
        loop {
            match health.recv_timeout(Duration::from_secs(60)).unwrap() {
                CameraHealth::Ended => return (frames.try_iter().collect(), last),
                state => last = Some(state),
            }
        }
    }
}

impl Drop for Video {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn numbers(frames: &[Frame]) -> Vec<u64> {
    let first = frames[0].captured_mono_us;
    frames
        .iter()
        .map(|frame| (frame.captured_mono_us - first + PERIOD_US / 2) / PERIOD_US)
        .collect()
}

/// Every picture of the crossing is handed on once and in order, and few of the others.
fn loses_nothing(name: &str, encoding: Encoding, contrast: u8) {
    let video = Video::new(name, encoding, contrast);
    let (frames, state) = video.frames(&Attention::new());
    let numbers = numbers(&frames);
    let crossing: Vec<u64> = numbers
        .iter()
        .copied()
        .filter(|number| (EMPTY..EMPTY + CROSSING).contains(&(*number as usize)))
        .collect();
    let wanted: Vec<u64> = (EMPTY as u64..(EMPTY + CROSSING) as u64).collect();
    assert_eq!(crossing, wanted, "{name}: {numbers:?}");
    assert!(
        numbers.windows(2).all(|pair| pair[0] < pair[1]),
        "{name}: {numbers:?}"
    );
    assert!(
        frames.len() < COUNT * 3 / 4,
        "{name}: it never slept, {numbers:?}"
    );
    let state = state.expect("a state");
    assert!(
        matches!(
            state,
            CameraHealth::Live {
                decoding: Decoding::Sparing,
                ..
            }
        ),
        "{name}: {state:?}"
    );
}

#[test]
fn what_crosses_a_quiet_lane_is_seen_in_every_picture() {
    loses_nothing("usual", Encoding::usual(FORMAT), 90);
}

#[test]
fn what_is_dim_and_only_told_by_a_key_frame_is_seen_in_every_picture() {
    let two_seconds = Encoding {
        key_every: 30,
        ..Encoding::usual(FORMAT)
    };
    loses_nothing("dim", two_seconds, 16);
}

#[test]
fn a_stream_of_constant_rate_loses_nothing() {
    let constant = Encoding {
        key_every: 30,
        kilobits: Some(400),
        ..Encoding::usual(FORMAT)
    };
    loses_nothing("constant", constant, 90);
}

#[test]
fn a_stream_that_sorts_its_pictures_loses_nothing() {
    let sorted = Encoding {
        b_frames: 2,
        key_every: 30,
        ..Encoding::usual(FORMAT)
    };
    loses_nothing("sorted", sorted, 90);
}

#[test]
fn h265_loses_nothing() {
    loses_nothing("h265", Encoding::of(Codec::H265, FORMAT), 90);
}

#[test]
fn motion_jpeg_loses_nothing() {
    loses_nothing("jpeg", Encoding::of(Codec::Jpeg, FORMAT), 90);
}

#[test]
fn who_holds_the_attention_gets_every_picture() {
    let video = Video::new("held", Encoding::usual(FORMAT), 90);
    let attention = Attention::new();
    attention.hold(u64::MAX);
    let (frames, _) = video.frames(&attention);
    assert_eq!(numbers(&frames), (0..COUNT as u64).collect::<Vec<_>>());
    assert!(frames.iter().all(|frame| !frame.catching_up));
}

#[test]
fn without_key_frames_every_picture_is_decoded_and_the_cause_is_told() {
    for (name, key_every, cause) in [
        ("refresh", 0, Cause::RareKeyFrames),
        ("rare", COUNT as u32, Cause::RareKeyFrames),
    ] {
        let encoding = Encoding {
            key_every,
            ..Encoding::usual(FORMAT)
        };
        let video = Video::new(name, encoding, 90);
        let (frames, state) = video.frames(&Attention::new());
        let numbers = numbers(&frames);
        assert!(
            (EMPTY as u64..COUNT as u64).all(|number| numbers.contains(&number)),
            "{name}: {numbers:?}"
        );
        let state = state.expect("a state");
        assert!(
            matches!(state, CameraHealth::Live { decoding: Decoding::Full(told), .. } if told == cause),
            "{name}: {state:?}"
        );
    }
}
