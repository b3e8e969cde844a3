//! The thread that owns a recogniser. Each camera has a slot for one frame: the newest wins.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::picture::Picture;
use crate::plate::PlateRead;
use crate::recogniser::{How, Recogniser};

/// A frame that the worker can look at; the cameras' frames implement it at the edge.
pub trait Shown: Send + 'static {
    fn picture(&self) -> Picture<'_>;
}

/// What became of a frame.
pub struct Done<F> {
    /// The camera that it was offered for.
    pub camera: usize,
    pub frame: F,
    pub plates: Result<Vec<PlateRead>>,
    /// From the start of the reading to its end.
    pub took: Duration,
}

/// Owns the thread; dropping it ends the thread after the frame under way.
pub struct Worker<F: Shown> {
    slots: Arc<Slots<F>>,
    thread: Option<JoinHandle<()>>,
}

struct Slots<F> {
    waiting: Mutex<Waiting<F>>,
    offered: Condvar,
}

struct Waiting<F> {
    /// At most one frame a camera, in the order in which the cameras will be served.
    frames: VecDeque<(usize, F, Arc<How>)>,
    closing: bool,
}

impl<F: Shown> Worker<F> {
    /// Opens the models on the new thread, so that a slow disk delays nobody, and passes each
    /// frame that was read to `done`, on that thread.
    ///
    /// When the models cannot be opened `failed` gets the error and the thread ends; so does it
    /// when reading panics. `is_alive` tells; the daemon starts another.
    pub fn start(
        models: PathBuf,
        failed: impl FnOnce(Error) + Send + 'static,
        mut done: impl FnMut(Done<F>) + Send + 'static,
    ) -> Result<Worker<F>> {
        let slots = Arc::new(Slots::<F> {
            waiting: Mutex::new(Waiting {
                frames: VecDeque::new(),
                closing: false,
            }),
            offered: Condvar::new(),
        });
        let served = slots.clone();
        let thread = std::thread::Builder::new()
            .name("recognise".to_owned())
            .spawn(move || match Recogniser::open(&models) {
                Ok(mut recogniser) => {
                    while let Some((camera, frame, how)) = served.next() {
                        let start = Instant::now();
                        let plates = recogniser.read(&frame.picture(), &how);
                        done(Done {
                            camera,
                            frame,
                            plates,
                            took: start.elapsed(),
                        });
                    }
                }
                Err(error) => failed(error),
            })
            .map_err(|cause| Error::Thread { cause })?;
        Ok(Worker {
            slots,
            thread: Some(thread),
        })
    }

    /// Puts a frame into its camera's slot. A frame that was still waiting there comes back: it
    /// was never looked at and the caller counts it.
    pub fn offer(&self, camera: usize, frame: F, how: &Arc<How>) -> Option<F> {
        let mut waiting = self.slots.held();
        let slot = waiting.frames.iter_mut().find(|slot| slot.0 == camera);
        let replaced = match slot {
            Some(slot) => Some(std::mem::replace(slot, (camera, frame, how.clone())).1),
            None => {
                waiting.frames.push_back((camera, frame, how.clone()));
                None
            }
        };
        drop(waiting);
        self.slots.offered.notify_one();
        replaced
    }

    /// The thread still takes frames.
    pub fn is_alive(&self) -> bool {
        self.thread
            .as_ref()
            .is_some_and(|thread| !thread.is_finished())
    }
}

impl<F> Slots<F> {
    /// The next frame, or `None` when the worker is being dropped.
    fn next(&self) -> Option<(usize, F, Arc<How>)> {
        let mut waiting = self.held();
        loop {
            if waiting.closing {
                return None;
            }
            if let Some(next) = waiting.frames.pop_front() {
                return Some(next);
            }
            waiting = self
                .offered
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The queue is right at every point, so a panic elsewhere spoils nothing.
    fn held(&self) -> MutexGuard<'_, Waiting<F>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Shown> Drop for Worker<F> {
    fn drop(&mut self) {
        self.slots.held().closing = true;
        self.slots.offered.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was the daemon's to notice through `is_alive`.
            let _ = thread.join();
        }
    }
}
