//! The worker's thread: the newest frame of each camera wins, and broken models end it with a word.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use gateway_recognise::{Done, Error, How, Picture, Shown, Still, Worker};

use crate::drawing::{BLUE, Scene, models};

const DEADLINE: Duration = Duration::from_secs(60);

/// A frame that tells when it is looked at, and waits for leave to be read.
struct Frame {
    still: Still,
    number: u32,
    gate: Option<(Sender<()>, std::sync::Mutex<Receiver<()>>)>,
}

impl Shown for Frame {
    fn picture(&self) -> Picture<'_> {
        if let Some((looked_at, leave)) = &self.gate {
            looked_at.send(()).unwrap();
            leave.lock().unwrap().recv_timeout(DEADLINE).unwrap();
        }
        self.still.view()
    }
}

fn frame(number: u32) -> Frame {
    let scene = Scene::new(640, 360).plate("闽E12345", BLUE, [320.0, 250.0], 150.0);
    Frame {
        still: scene.still(),
        number,
        gate: None,
    }
}

#[test]
fn the_newest_frame_of_a_camera_wins_and_each_camera_has_its_turn() {
    let (done, results) = channel();
    let failed = |error: Error| panic!("{error}");
    let worker = Worker::start(models(), failed, move |d: Done<Frame>| {
        let plate = d.plates.unwrap()[0].plate.reveal().to_owned();
        done.send((d.camera, d.frame.number, plate)).unwrap();
    })
    .unwrap();
    let how = Arc::new(How::stream(640));
    let (looked_at, is_looked_at) = channel();
    let (leave, may_go) = channel();
    let held = Frame {
        gate: Some((looked_at, may_go.into())),
        ..frame(1)
    };
    assert!(worker.offer(0, held, &how).is_none());
    is_looked_at.recv_timeout(DEADLINE).unwrap();
    // While the first is being read, two more come for its camera and one for another.
    assert!(worker.offer(0, frame(2), &how).is_none());
    let replaced = worker.offer(0, frame(3), &how).unwrap();
    assert_eq!(replaced.number, 2);
    assert!(worker.offer(1, frame(4), &how).is_none());
    leave.send(()).unwrap();
    let text = "闽E12345".to_owned();
    for wanted in [(0, 1), (0, 3), (1, 4)] {
        let (camera, number, plate) = results.recv_timeout(DEADLINE).unwrap();
        assert_eq!((camera, number), wanted);
        assert_eq!(plate, text);
    }
    assert!(worker.is_alive());
}

#[test]
fn p27_a_worker_without_models_says_so_and_ends() {
    let (failed, failure) = channel();
    let worker = Worker::start(
        PathBuf::from("/nonexistent"),
        move |error| failed.send(error.to_string()).unwrap(),
        |_: Done<Frame>| {},
    )
    .unwrap();
    let error = failure.recv_timeout(DEADLINE).unwrap();
    assert!(error.contains("run ./tools/models"), "{error}");
    let start = Instant::now();
    while worker.is_alive() {
        assert!(start.elapsed() < DEADLINE);
        std::thread::yield_now();
    }
}

#[test]
fn p27_a_panic_ends_the_worker_and_another_takes_over() {
    let broken = Worker::start(
        models(),
        |error| panic!("{error}"),
        |_: Done<Frame>| panic!("as if reading had panicked"),
    )
    .unwrap();
    let how = Arc::new(How::stream(640));
    broken.offer(0, frame(1), &how);
    let start = Instant::now();
    while broken.is_alive() {
        assert!(start.elapsed() < DEADLINE);
        std::thread::yield_now();
    }
    drop(broken);
    let (done, results) = channel();
    let again = Worker::start(
        models(),
        |error| panic!("{error}"),
        move |d: Done<Frame>| done.send(d.plates.is_ok()).unwrap(),
    )
    .unwrap();
    again.offer(0, frame(2), &how);
    assert!(results.recv_timeout(DEADLINE).unwrap());
}
