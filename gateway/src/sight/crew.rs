//! The readers and what becomes of those that fail: one that panics is replaced, one that hangs in
//! a model call is left alone and replaced, and a camera whose frames do that again and again is
//! not read for a while (P-27, F-3).

use std::sync::Arc;
use std::time::Duration;

use gateway_core::moment::Mono;
use gateway_recognise::{GivenUp, Recogniser, Worker};

use super::Sight;

/// How often the readers are looked at.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// A reading that takes longer hangs: each model call in it is ended after three seconds where the
/// runtime comes to look, so what is left is stuck inside a single operator.
const HANGS: Duration = Duration::from_secs(10);

/// So often must it be seen to hang, since a process that was stopped looks the same at first.
const LOOKS: u32 = 2;

/// Threads that may hang at once. One more is not replaced: the lanes hold, and health says why.
const GIVEN_UP: usize = 4;

/// Readers that end more often than this, for each of them, within `SPAN` are not replaced until
/// it is over.
const BUDGET: usize = 3;
const SPAN_US: u64 = 60_000_000;

/// A camera whose frames ended so many readers within `SPAN` is not read for `BARRED`.
const BLAMED: usize = 2;
const BARRED_US: u64 = 60_000_000;

/// How long readers may take to end when the daemon stops.
const ENDS: Duration = Duration::from_secs(2);

pub(super) struct Crew {
    wanted: usize,
    readers: Vec<Reader>,
    given_up: Vec<GivenUp>,
    starts: Vec<Mono>,
    /// Cameras whose frame a reader failed on, and when.
    blamed: Vec<(usize, Mono)>,
}

struct Reader {
    worker: Worker,
    hung_looks: u32,
}

impl Crew {
    pub fn new(wanted: usize) -> Crew {
        Crew {
            wanted,
            readers: Vec::new(),
            given_up: Vec::new(),
            starts: Vec::new(),
            blamed: Vec::new(),
        }
    }

    /// Replaces what ended or hangs.
    pub fn look(&mut self, sight: &Arc<Sight>) {
        let now = sight.clock.mono();
        self.starts.retain(|at| now.since(*at) < SPAN_US);
        self.blamed.retain(|(_, at)| now.since(*at) < SPAN_US);
        self.given_up.retain(|given_up| !given_up.has_ended());
        for mut reader in std::mem::take(&mut self.readers) {
            if !reader.worker.is_alive() {
                if let Some(camera) = reader.worker.holds() {
                    tracing::error!(
                        camera = %sight.cameras[camera].origin.camera,
                        "a reader ended on a frame; another takes its place"
                    );
                    self.blame(sight, camera, now);
                }
            } else if reader.hangs() && self.given_up.len() < GIVEN_UP {
                self.leave_alone(sight, reader, now);
            } else {
                self.readers.push(reader);
            }
        }
        while self.readers.len() < self.wanted && self.starts.len() < BUDGET * self.wanted {
            self.starts.push(now);
            let Some(worker) = start(sight) else { break };
            self.readers.push(Reader {
                worker,
                hung_looks: 0,
            });
        }
        let reading = self.readers.iter().filter(|reader| reader.hung_looks == 0);
        let reading = reading.count();
        sight.health.recogniser_workers(reading, self.wanted);
        if reading == 0 && !self.readers.is_empty() {
            sight.recogniser_failed("recogniser_stuck");
        }
    }

    /// Ends all readers; the desk must be closed.
    pub fn end(self) {
        for reader in self.readers {
            if !reader.worker.end(ENDS) {
                tracing::warn!("a reader does not stop; it is left alone");
            }
        }
    }

    fn leave_alone(&mut self, sight: &Sight, reader: Reader, now: Mono) {
        match reader.worker.give_up() {
            Ok(given_up) => {
                let camera = given_up.camera;
                tracing::error!(
                    camera = %sight.cameras[camera].origin.camera,
                    "a reader hangs in a model; it is left alone and another takes its place"
                );
                sight.health.count("recogniser_stuck");
                self.given_up.push(given_up);
                self.blame(sight, camera, now);
            }
            Err(worker) => self.readers.push(Reader {
                worker,
                hung_looks: 0,
            }),
        }
    }

    fn blame(&mut self, sight: &Sight, camera: usize, now: Mono) {
        sight.release(camera);
        self.blamed.push((camera, now));
        let times = self.blamed.iter().filter(|(c, _)| *c == camera).count();
        if times >= BLAMED && sight.cameras.len() > 1 {
            sight.bar(camera, Mono(now.0 + BARRED_US));
        }
    }
}

impl Reader {
    fn hangs(&mut self) -> bool {
        let hangs = self.worker.reading_for().is_some_and(|for_| for_ > HANGS);
        self.hung_looks = if hangs { self.hung_looks + 1 } else { 0 };
        self.hung_looks >= LOOKS
    }
}

fn start(sight: &Arc<Sight>) -> Option<Worker> {
    let (models, told) = (sight.models.clone(), sight.clone());
    let open = move || Recogniser::open(&models);
    let started = Worker::start(sight.clone(), open, move |error| {
        told.cannot_read(&error);
    });
    match started {
        Ok(worker) => Some(worker),
        Err(error) => {
            sight.cannot_read(&error);
            None
        }
    }
}
