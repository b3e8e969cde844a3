//! Sight: frames of all cameras become sightings in the gate's inbox.
//!
//! Each camera's thread keeps the newest frame for the recogniser while something moves in its
//! lane, is being followed, or stands before the arm. One worker reads; the votes of a vehicle's
//! frames make a sighting; its best frame becomes the evidence. A worker that fails is replaced,
//! and until then its lanes hold.

mod camera;
mod pictures;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::Sender;
use gateway_cameras::Frame;
use gateway_core::gate::Input;
use gateway_core::name::Name;
use gateway_core::reading::{DeviceHealth, DeviceState};
use gateway_recognise::{Done, I420, Picture, Plane, Shown, Worker};
use gateway_store::evidence::Evidence;
use gateway_wire::api::PartState;
use tokio::sync::watch;

use crate::barriers::loops::Loops;
use crate::clock::Clock;
use crate::handles::{Post, Then};
use crate::health::Health;
pub use camera::Watched;
pub use pictures::Pictures;

/// How often the worker is looked at, and how long after its end another is started.
const LOOK: Duration = Duration::from_secs(1);

/// A worker that ends more often than this within `BUDGET_SPAN` is not started for a minute.
const BUDGET: usize = 3;
const BUDGET_SPAN: Duration = Duration::from_secs(60);

/// What the cameras' threads and the worker share.
pub struct Sight {
    pub cameras: Vec<Watched>,
    pub models: PathBuf,
    pub clock: Clock,
    pub health: Arc<Health>,
    pub loops: Arc<Loops>,
    pub pictures: Pictures,
    pub inbox: Sender<Post>,
    worker: Mutex<Option<Worker<Seen>>>,
    /// The gate was told that plates cannot be read.
    blind: AtomicBool,
}

/// A frame on its way through the worker.
pub struct Seen(pub Frame);

impl Shown for Seen {
    fn picture(&self) -> Picture<'_> {
        let planes = self.0.planes().map(|plane| Plane {
            bytes: plane.bytes,
            stride: plane.stride,
        });
        Picture::I420(I420 {
            width: self.0.width,
            height: self.0.height,
            planes,
        })
    }
}

impl Sight {
    pub fn new(
        cameras: Vec<Watched>,
        models: PathBuf,
        (clock, health, loops): (Clock, Arc<Health>, Arc<Loops>),
        evidence: Evidence,
        inbox: Sender<Post>,
    ) -> anyhow::Result<Sight> {
        let pictures = Pictures::start(evidence, health.clone())?;
        Ok(Sight {
            cameras,
            models,
            clock,
            health,
            loops,
            pictures,
            inbox,
            worker: Mutex::new(None),
            blind: AtomicBool::new(false),
        })
    }

    /// Starts the cameras and keeps a worker running until told to stop.
    pub async fn run(self: Arc<Sight>, mut stop: watch::Receiver<bool>) {
        let running: Vec<_> = (0..self.cameras.len())
            .filter_map(|index| camera::start(&self, index))
            .collect();
        let mut ends: Vec<tokio::time::Instant> = Vec::new();
        loop {
            let now = tokio::time::Instant::now();
            ends.retain(|end| now.duration_since(*end) < BUDGET_SPAN);
            if ends.len() < BUDGET && !self.is_reading() {
                ends.push(now);
                self.start_worker();
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                _ = stop.changed() => break,
            }
        }
        // Cameras and worker end their threads by joining them: not on the runtime's.
        let sight = self.clone();
        let ended = tokio::task::spawn_blocking(move || {
            drop(running);
            let worker = sight.worker().take();
            drop(worker);
        });
        if ended.await.is_err() {
            tracing::warn!("a camera's thread ended by a panic");
        }
    }

    fn worker(&self) -> MutexGuard<'_, Option<Worker<Seen>>> {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_reading(&self) -> bool {
        self.worker().as_ref().is_some_and(Worker::is_alive)
    }

    fn start_worker(self: &Arc<Sight>) {
        let (failed, done) = (self.clone(), self.clone());
        let started = Worker::start(
            self.models.clone(),
            move |error| failed.recogniser_failed(&error),
            move |read: Done<Seen>| done.read(read),
        );
        match started {
            Ok(worker) => *self.worker() = Some(worker),
            Err(error) => self.recogniser_failed(&error),
        }
    }

    /// Without a recogniser no lane has a plate: each of its cameras is as good as down.
    fn recogniser_failed(&self, error: &gateway_recognise::Error) {
        tracing::error!(%error, "plates cannot be read");
        self.blind.store(true, Ordering::Relaxed);
        let code = code_of(error);
        self.health.recogniser_failed(code);
        for watched in &self.cameras {
            let code = Name::from(code);
            self.tell_gate(watched, DeviceState::Failed { code });
        }
    }

    fn tell_gate(&self, watched: &Watched, state: DeviceState) {
        let input = Input::DeviceHealth(DeviceHealth {
            device: watched.origin.camera.clone(),
            lane: Some(watched.origin.lane.clone()),
            state,
        });
        self.post(input);
    }

    /// Another worker reads: the cameras that give frames are as good as they were.
    fn sees_again(&self) {
        for watched in self.cameras.iter().filter(|watched| watched.is_live()) {
            self.tell_gate(watched, DeviceState::Live);
        }
    }

    /// Cameras never wait for the gate: what finds no room is dropped and counted.
    fn post(&self, input: Input) {
        let post = Post::new(input, Then::Nothing);
        if self.inbox.try_send(post).is_err() {
            self.health.dropped("gate_inbox");
        }
    }

    /// A frame was read, on the worker's thread.
    fn read(&self, read: Done<Seen>) {
        let Some(watched) = self.cameras.get(read.camera) else {
            return;
        };
        match read.plates {
            Ok(plates) => {
                self.health.recogniser_read(read.took.as_micros() as u64);
                if self.blind.swap(false, Ordering::Relaxed) {
                    self.sees_again();
                }
                let sightings = watched.frame(read.frame.0, plates, &self.pictures);
                for sighting in sightings {
                    self.post(Input::Sighting(sighting));
                }
            }
            Err(error) => {
                tracing::warn!(camera = %watched.origin.camera, %error, "a frame was not read");
                self.health.count(code_of(&error));
            }
        }
    }
}

/// The state that people see of a camera.
fn part_state(health: &gateway_cameras::CameraHealth) -> (PartState, Option<&'static str>) {
    use gateway_cameras::CameraHealth;
    match health {
        CameraHealth::Starting => (PartState::Starting, None),
        CameraHealth::Live { .. } => (PartState::Live, None),
        CameraHealth::Silent => (PartState::Silent, None),
        failed => (PartState::Failed, Some(failed.code())),
    }
}

/// The code that names the cause, for events and pages.
fn code_of(error: &gateway_recognise::Error) -> &'static str {
    use gateway_recognise::Error;
    match error {
        Error::Manifest { .. } | Error::Patterns { .. } => "model_table_wrong",
        Error::Missing { .. } => "model_missing",
        Error::Altered { .. } => "model_altered",
        Error::Machine { .. } | Error::Runtime { .. } => "runtime_missing",
        Error::Load { .. } | Error::Shape { .. } | Error::Label { .. } => "model_unfit",
        Error::Stuck { .. } => "recogniser_stuck",
        Error::Picture { .. } | Error::Decode { .. } => "frame_unusable",
        Error::Inference { .. } | Error::Thread { .. } => "recogniser_failed",
    }
}
