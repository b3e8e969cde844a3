//! A thread that owns a recogniser. Workers share a desk: each takes the next frame from it, reads
//! it and hands back what the frame shows.
//!
//! A worker whose reading panics ends. One that is stuck inside a model call is given up: its
//! thread ends by itself if the call ever returns, and what it read by then is thrown away.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::picture::Picture;
use crate::plate::PlateRead;
use crate::recogniser::{How, Recogniser};

/// A frame that a worker can look at; the cameras' frames implement it at the edge.
pub trait Shown: Send + 'static {
    fn picture(&self) -> Picture<'_>;
}

/// Reads the plates of a picture.
pub trait Reads {
    /// All plates that are seen when the picture is looked at so.
    ///
    /// # Errors
    /// The picture is not usable, or a model failed on it or was stuck; the next may be read.
    fn read(&mut self, picture: &Picture<'_>, how: &How) -> Result<Vec<PlateRead>>;
}

/// Where all workers get their frames and leave what they read.
pub trait Desk: Send + Sync + 'static {
    type Frame: Shown;

    /// The camera and the frame that is the next to be read; waits for one. `None` ends the worker.
    fn next(&self) -> Option<(usize, Self::Frame)>;

    /// How that frame is looked at.
    fn how(&self, camera: usize, frame: &Self::Frame) -> How;

    /// A frame that `next` gave was read, on the worker's thread.
    fn done(&self, done: Done<Self::Frame>);
}

/// What became of a frame.
pub struct Done<F> {
    /// The camera that it is of.
    pub camera: usize,
    pub frame: F,
    pub plates: Result<Vec<PlateRead>>,
    /// From the start of the reading to its end.
    pub took: Duration,
}

/// A thread with a recogniser. It goes on until its desk gives nothing more.
pub struct Worker {
    hands: Arc<Hands>,
    thread: JoinHandle<()>,
}

/// A thread that was given up while it was reading a frame of this camera.
pub struct GivenUp {
    pub camera: usize,
    thread: JoinHandle<()>,
}

/// What the worker has in hand.
#[derive(Default)]
struct Hands(Mutex<InHand>);

#[derive(Default)]
struct InHand {
    camera: Option<usize>,
    /// When the reading under way began.
    reading: Option<Instant>,
    given_up: bool,
}

impl Worker {
    /// Opens what reads on the new thread, so that a slow disk delays nobody. When it cannot be
    /// opened `failed` gets the error and the thread ends.
    ///
    /// # Errors
    /// No thread is to be had.
    pub fn start<D: Desk, R: Reads>(
        desk: Arc<D>,
        open: impl FnOnce() -> Result<R> + Send + 'static,
        failed: impl FnOnce(Error) + Send + 'static,
    ) -> Result<Worker> {
        let hands = Arc::new(Hands::default());
        let held = hands.clone();
        let thread = std::thread::Builder::new()
            .name("recognise".to_owned())
            .spawn(move || match open() {
                Ok(reader) => work(&*desk, reader, &held),
                Err(error) => failed(error),
            })
            .map_err(|cause| Error::Thread { cause })?;
        Ok(Worker { hands, thread })
    }

    /// The thread still takes frames.
    pub fn is_alive(&self) -> bool {
        !self.thread.is_finished()
    }

    /// The camera of the frame that it took and has not handed back; stays when it panics.
    pub fn holds(&self) -> Option<usize> {
        self.hands.held().camera
    }

    /// How long the reading under way takes already.
    pub fn reading_for(&self) -> Option<Duration> {
        self.hands.held().reading.map(|begun| begun.elapsed())
    }

    /// Leaves a thread alone that does not come back from its reading.
    ///
    /// # Errors
    /// It came back by itself: here it is again.
    pub fn give_up(self) -> std::result::Result<GivenUp, Worker> {
        let mut hand = self.hands.held();
        match (hand.camera, hand.reading) {
            (Some(camera), Some(_)) => {
                hand.given_up = true;
                drop(hand);
                let thread = self.thread;
                Ok(GivenUp { camera, thread })
            }
            _ => {
                drop(hand);
                Err(self)
            }
        }
    }

    /// Waits until the thread has ended, which the desk must have been told to want; false when it
    /// does not within `patience` and is left alone.
    pub fn end(self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while !self.thread.is_finished() {
            if Instant::now() >= until {
                return false;
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        // A panic of the thread was the daemon's to notice through `is_alive`.
        let _ = self.thread.join();
        true
    }
}

impl GivenUp {
    /// Its call came back after all, and the thread has ended.
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }
}

impl Reads for Recogniser {
    fn read(&mut self, picture: &Picture<'_>, how: &How) -> Result<Vec<PlateRead>> {
        Recogniser::read(self, picture, how)
    }
}

fn work<D: Desk>(desk: &D, mut reader: impl Reads, hands: &Hands) {
    while let Some((camera, frame)) = desk.next() {
        hands.held().camera = Some(camera);
        let how = desk.how(camera, &frame);
        let start = Instant::now();
        hands.held().reading = Some(start);
        let plates = reader.read(&frame.picture(), &how);
        let took = start.elapsed();
        let mut hand = hands.held();
        hand.reading = None;
        if hand.given_up {
            return;
        }
        drop(hand);
        desk.done(Done {
            camera,
            frame,
            plates,
            took,
        });
        hands.held().camera = None;
    }
}

impl Hands {
    /// What is in hand is right at every point, so a panic elsewhere spoils nothing.
    fn held(&self) -> MutexGuard<'_, InHand> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
