//! The workers' threads: they share one desk, end by a panic without taking anything with them, and
//! are given up when a reading does not come back.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use gateway_recognise::{
    Desk, Done, Error, How, Picture, PlateRead, Reads, Recogniser, Result, Shown, Still, Worker,
};

use crate::drawing::{BLUE, Scene, models};

const DEADLINE: Duration = Duration::from_secs(60);

/// A frame's number and what became of it.
type Read = (u32, Result<Vec<PlateRead>>);

struct Frame {
    still: Still,
    number: u32,
}

impl Shown for Frame {
    fn picture(&self) -> Picture<'_> {
        self.still.view()
    }
}

/// Gives the frames in the order in which they were laid there.
struct Table {
    frames: Mutex<(VecDeque<Frame>, bool)>,
    laid: Condvar,
    done: Mutex<Sender<Read>>,
}

impl Table {
    fn new() -> (Arc<Table>, Receiver<Read>) {
        let (done, results) = channel();
        let table = Table {
            frames: Mutex::default(),
            laid: Condvar::new(),
            done: Mutex::new(done),
        };
        (Arc::new(table), results)
    }

    fn lay(&self, number: u32) {
        let scene = Scene::new(640, 360).plate("闽E12345", BLUE, [320.0, 250.0], 150.0);
        let still = scene.still();
        self.frames
            .lock()
            .unwrap()
            .0
            .push_back(Frame { still, number });
        self.laid.notify_one();
    }

    fn close(&self) {
        self.frames.lock().unwrap().1 = true;
        self.laid.notify_all();
    }
}

impl Desk for Table {
    type Frame = Frame;

    fn next(&self) -> Option<(usize, Frame)> {
        let mut frames = self.frames.lock().unwrap();
        loop {
            if frames.1 {
                return None;
            }
            if let Some(frame) = frames.0.pop_front() {
                return Some((7, frame));
            }
            frames = self.laid.wait(frames).unwrap();
        }
    }

    fn how(&self, _: usize, _: &Frame) -> How {
        How::stream(640)
    }

    fn done(&self, done: Done<Frame>) {
        let sender = self.done.lock().unwrap();
        sender.send((done.frame.number, done.plates)).unwrap();
    }
}

/// Does with the n-th picture what it is told.
struct Told<F>(F);

impl<F: FnMut() -> Result<Vec<PlateRead>>> Reads for Told<F> {
    fn read(&mut self, _: &Picture<'_>, _: &How) -> Result<Vec<PlateRead>> {
        (self.0)()
    }
}

fn told<F>(reads: F) -> impl FnOnce() -> Result<Told<F>> {
    move || Ok(Told(reads))
}

fn never(error: Error) {
    panic!("{error}");
}

#[track_caller]
fn must(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < DEADLINE, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn two_workers_read_what_lies_on_one_desk() {
    let (table, results) = Table::new();
    let workers = [(); 2].map(|()| {
        let open = || Recogniser::open(&models());
        Worker::start(table.clone(), open, never).unwrap()
    });
    (1..=4).for_each(|number| table.lay(number));
    let mut numbers = Vec::new();
    for _ in 0..4 {
        let (number, plates) = results.recv_timeout(DEADLINE).unwrap();
        assert_eq!(plates.unwrap()[0].plate.reveal(), "闽E12345");
        numbers.push(number);
    }
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4]);
    table.close();
    for worker in workers {
        assert!(worker.end(DEADLINE));
    }
}

#[test]
fn p27_a_worker_without_models_says_so_and_ends() {
    let (table, _results) = Table::new();
    let (failed, failure) = channel();
    let open = || Recogniser::open(&PathBuf::from("/nonexistent"));
    let worker = Worker::start(table, open, move |error| {
        failed.send(error.to_string()).unwrap();
    });
    let worker = worker.unwrap();
    let error = failure.recv_timeout(DEADLINE).unwrap();
    assert!(error.contains("run ./tools/models"), "{error}");
    must("the thread ends", || !worker.is_alive());
    assert_eq!(worker.holds(), None);
}

#[test]
fn p27_a_panic_ends_the_worker_and_another_takes_over() {
    let (table, results) = Table::new();
    let broken = told(|| panic!("as if reading had panicked"));
    let broken = Worker::start(table.clone(), broken, never).unwrap();
    table.lay(1);
    must("the thread ends", || !broken.is_alive());
    assert_eq!(broken.holds(), Some(7), "whose frame it was is known");
    let again = Worker::start(table.clone(), told(|| Ok(Vec::new())), never).unwrap();
    table.lay(2);
    assert_eq!(results.recv_timeout(DEADLINE).unwrap().0, 2);
    table.close();
    assert!(again.end(DEADLINE));
}

#[test]
fn p27_a_worker_that_is_stuck_is_given_up_and_its_late_result_thrown_away() {
    let (table, results) = Table::new();
    let (leave, may_go) = channel::<()>();
    let stuck = told(move || {
        may_go.recv_timeout(DEADLINE).unwrap();
        Ok(Vec::new())
    });
    let stuck = Worker::start(table.clone(), stuck, never).unwrap();
    table.lay(1);
    must("it reads", || stuck.reading_for().is_some());
    let given_up = stuck.give_up().ok().expect("it does not come back");
    assert_eq!(given_up.camera, 7);
    assert!(!given_up.has_ended());
    let again = Worker::start(table.clone(), told(|| Ok(Vec::new())), never).unwrap();
    table.lay(2);
    assert_eq!(results.recv_timeout(DEADLINE).unwrap().0, 2);
    leave.send(()).unwrap();
    must("the thread ends by itself", || given_up.has_ended());
    assert!(results.try_recv().is_err(), "the first frame was read late");
    table.close();
    assert!(again.end(DEADLINE));
}

#[test]
fn a_worker_that_waits_for_frames_is_not_given_up() {
    let (table, results) = Table::new();
    let worker = Worker::start(table.clone(), told(|| Ok(Vec::new())), never).unwrap();
    table.lay(1);
    assert_eq!(results.recv_timeout(DEADLINE).unwrap().0, 1);
    must("it waits", || worker.holds().is_none());
    let worker = worker.give_up().err().expect("it is idle");
    assert!(worker.is_alive());
    table.close();
    assert!(worker.end(DEADLINE));
}
