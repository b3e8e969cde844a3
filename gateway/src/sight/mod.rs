//! Sight: frames of all cameras become sightings in the gate's inbox.
//!
//! Each camera's thread offers its newest frame while something moves in its lane, is being
//! followed, or stands before the arm. A fixed number of readers takes the frame whose turn it is
//! (`schedule`), looks at it as its camera's vehicles ask for (`look`), and the votes of a
//! vehicle's frames make a sighting; its best frame becomes the evidence. A reader that fails is
//! replaced (`crew`), and while none reads the lanes hold.

mod camera;
mod crew;
mod look;
mod measure;
mod pictures;
mod schedule;
mod still;
pub mod video;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::Sender;
use gateway_cameras::{Frame, Useless};
use gateway_core::gate::Input;
use gateway_core::moment::Mono;
use gateway_core::name::Name;
use gateway_core::reading::{DeviceHealth, DeviceState};
use gateway_recognise::{Desk, Done, How, I420, Picture, Plane, Shown};
use gateway_store::evidence::Evidence;
use gateway_wire::api::{CameraMeasure, PartState};
use tokio::sync::watch;

use crate::barriers::loops::Loops;
use crate::clock::Clock;
use crate::handles::{Post, Then};
use crate::health::Health;
pub use camera::{View, Watched};
use crew::Crew;
pub use pictures::Pictures;
use schedule::{Counts, Schedule, Urgency};

/// After so many frames in a row that no reader could read, plates cannot be read.
const FAILED_READS: u32 = 8;

/// What the cameras' threads and the readers share.
pub struct Sight {
    pub cameras: Vec<Watched>,
    pub models: PathBuf,
    pub clock: Clock,
    pub health: Arc<Health>,
    pub loops: Arc<Loops>,
    pub pictures: Pictures,
    pub inbox: Sender<Post>,
    waiting: Mutex<Waiting>,
    offered: Condvar,
    /// The gate was told that plates cannot be read.
    blind: AtomicBool,
    failed_reads: AtomicU32,
}

/// Frames that wait for a reader: one a camera, the newest wins, and six of a camera that just
/// woke, thinned out evenly. Health counts what was left out under `recogniser`.
struct Waiting {
    schedule: Schedule<Seen>,
    closing: bool,
}

/// A frame on its way through a reader.
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
        let waiting = Waiting {
            schedule: Schedule::new(&lanes(&cameras)),
            closing: false,
        };
        Ok(Sight {
            cameras,
            models,
            clock,
            health,
            loops,
            pictures,
            inbox,
            waiting: Mutex::new(waiting),
            offered: Condvar::new(),
            blind: AtomicBool::new(false),
            failed_reads: AtomicU32::new(0),
        })
    }

    /// Starts the cameras and keeps so many readers at work until told to stop.
    pub async fn run(self: Arc<Sight>, readers: usize, mut stop: watch::Receiver<bool>) {
        let running: Vec<_> = (0..self.cameras.len())
            .filter_map(|index| camera::start(&self, index))
            .collect();
        let mut crew = Crew::new(readers);
        let mut before = self.counts();
        loop {
            crew.look(&self);
            self.tick();
            tokio::select! {
                () = tokio::time::sleep(crew::LOOK) => {}
                _ = stop.changed() => break,
            }
            let counts = self.counts();
            self.tell_rates(&before, &counts);
            before = counts;
        }
        // Cameras and readers end their threads by waiting for them: not on the runtime's.
        let sight = self.clone();
        let ended = tokio::task::spawn_blocking(move || {
            drop(running);
            sight.waiting().closing = true;
            sight.offered.notify_all();
            crew.end();
        });
        if ended.await.is_err() {
            tracing::warn!("a camera's thread ended by a panic");
        }
    }

    /// Frames of so many cameras that wait at most.
    pub fn waiting_limit(cameras: usize) -> usize {
        cameras * (1 + schedule::LATE)
    }

    /// Frames that wait for a reader.
    pub fn waiting_frames(&self) -> usize {
        self.waiting().schedule.waiting()
    }

    /// How good a camera's plates are; `None` for a camera that there is not.
    pub fn measure(&self, id: &str) -> Option<CameraMeasure> {
        let cameras = self.cameras.iter();
        let watched = cameras
            .into_iter()
            .find(|watched| watched.origin.camera.as_str() == id)?;
        let trouble = self.health.camera_trouble(&watched.origin.camera);
        Some(watched.measure(trouble.as_deref()))
    }

    /// What is in there is right at every point, so a panic elsewhere spoils nothing.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A camera's frame that is worth reading.
    fn offer(&self, camera: usize, frame: Frame, urgency: Urgency) {
        let mut waiting = self.waiting();
        let schedule = &mut waiting.schedule;
        match frame.catching_up {
            true => {
                let at = Mono(frame.captured_mono_us);
                schedule.offer_late(camera, at, Seen(frame), urgency);
            }
            false => schedule.offer(camera, Seen(frame), urgency),
        }
        drop(waiting);
        self.offered.notify_one();
    }

    /// The camera is gone: what waits of it is not read.
    fn forget(&self, camera: usize) {
        self.waiting().schedule.forget(camera);
    }

    /// The reader that had the camera's frame is gone.
    fn release(&self, camera: usize) {
        self.waiting().schedule.done(camera, 0);
        self.offered.notify_one();
    }

    /// A camera whose frames end readers is not read until then: the other lanes go on.
    fn bar(&self, camera: usize, until: Mono) {
        let watched = &self.cameras[camera];
        tracing::error!(camera = %watched.origin.camera, "its frames end readers; it is not read for a minute");
        watched.bar(until);
        watched.reset();
        self.forget(camera);
        let code = "frames_end_readers";
        let id = &watched.origin.camera;
        self.health.camera_state(id, PartState::Failed, Some(code));
        self.tell_gate(watched, camera::failed(code));
    }

    /// What happens by itself: tracks of vehicles that are gone end, cameras are read again.
    fn tick(&self) {
        let now = self.clock.mono();
        for watched in &self.cameras {
            for sighting in watched.tick(now, Some(&self.pictures)) {
                self.post(Input::Sighting(sighting));
            }
            if watched.is_unbarred(now) && watched.is_live() {
                let id = &watched.origin.camera;
                self.health.camera_state(id, PartState::Live, None);
                self.tell_gate(watched, DeviceState::Live);
            }
        }
    }

    fn counts(&self) -> (Mono, Vec<Counts>) {
        let waiting = self.waiting();
        let cameras = 0..self.cameras.len();
        let counts = cameras.map(|camera| waiting.schedule.counts(camera));
        (self.clock.mono(), counts.collect())
    }

    fn tell_rates(&self, before: &(Mono, Vec<Counts>), now: &(Mono, Vec<Counts>)) {
        let span_us = now.0.since(before.0);
        let cameras = self.cameras.iter().zip(before.1.iter().zip(&now.1));
        for (watched, (before, now)) in cameras {
            let id = &watched.origin.camera;
            let [wanted, read, dropped] = [
                now.wanted - before.wanted,
                now.read - before.read,
                now.dropped - before.dropped,
            ];
            self.health.camera_read(id, span_us, (wanted, read));
            self.health.dropped_many("recogniser", dropped);
        }
    }

    /// Why no plate can be read, as the recogniser says it.
    fn cannot_read(&self, error: &gateway_recognise::Error) {
        tracing::error!(%error, "plates cannot be read");
        self.recogniser_failed(code_of(error));
    }

    /// Without a reader no lane has a plate: each of its cameras is as good as down.
    fn recogniser_failed(&self, code: &'static str) {
        self.health.recogniser_failed(code);
        if self.blind.swap(true, Ordering::Relaxed) {
            return;
        }
        for watched in &self.cameras {
            self.tell_gate(watched, camera::failed(code));
        }
    }

    fn tell_gate(&self, watched: &Watched, state: DeviceState) {
        // While nobody reads, a camera that gives frames is still as good as down.
        if state == DeviceState::Live && self.blind.load(Ordering::Relaxed) {
            return;
        }
        let input = Input::DeviceHealth(DeviceHealth {
            device: watched.origin.camera.clone(),
            lane: Some(watched.origin.lane.clone()),
            state,
        });
        self.post(input);
    }

    /// A reader reads again: the cameras that give frames are as good as they were.
    fn sees_again(&self) {
        let cameras = self.cameras.iter();
        for watched in cameras.filter(|watched| watched.is_live() && !watched.is_barred()) {
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

    /// A frame was read, on the reader's thread.
    fn read(&self, watched: &Watched, read: Done<Seen>) {
        match read.plates {
            Ok(plates) => {
                self.health.recogniser_read(read.took.as_micros() as u64);
                self.failed_reads.store(0, Ordering::Relaxed);
                if self.blind.swap(false, Ordering::Relaxed) {
                    self.sees_again();
                }
                let sightings = watched.frame(read.frame.0, plates, Some(&self.pictures));
                for sighting in sightings {
                    self.post(Input::Sighting(sighting));
                }
            }
            Err(error) => {
                tracing::warn!(camera = %watched.origin.camera, %error, "a frame was not read");
                let code = code_of(&error);
                self.health.count(code);
                if self.failed_reads.fetch_add(1, Ordering::Relaxed) + 1 >= FAILED_READS {
                    self.recogniser_failed(code);
                }
            }
        }
    }
}

impl Desk for Sight {
    type Frame = Seen;

    fn next(&self) -> Option<(usize, Seen)> {
        let mut waiting = self.waiting();
        loop {
            if waiting.closing {
                return None;
            }
            if let Some(next) = waiting.schedule.next() {
                return Some(next);
            }
            waiting = self
                .offered
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn how(&self, camera: usize, frame: &Seen) -> How {
        self.cameras[camera].how(&frame.0)
    }

    /// A panic over one camera's frame stays with that camera.
    fn done(&self, done: Done<Seen>) {
        let (camera, took_us) = (done.camera, done.took.as_micros() as u64);
        let watched = &self.cameras[camera];
        if catch_unwind(AssertUnwindSafe(|| self.read(watched, done))).is_err() {
            tracing::error!(camera = %watched.origin.camera, "following a vehicle failed; the camera begins anew");
            self.health.count("camera_panicked");
            watched.reset();
        }
        self.waiting().schedule.done(camera, took_us);
        self.offered.notify_one();
    }
}

/// A number for each camera's lane.
fn lanes(cameras: &[Watched]) -> Vec<usize> {
    let mut names: Vec<&Name> = Vec::new();
    let lanes = cameras.iter().map(|watched| &watched.origin.lane);
    lanes
        .map(|lane| match names.iter().position(|known| *known == lane) {
            Some(number) => number,
            None => {
                names.push(lane);
                names.len() - 1
            }
        })
        .collect()
}

/// The state that people see of a camera.
fn part_state(health: &gateway_cameras::CameraHealth) -> (PartState, Option<&'static str>) {
    use gateway_cameras::CameraHealth;
    match health {
        CameraHealth::Starting => (PartState::Starting, None),
        CameraHealth::Live { useless: None, .. } => (PartState::Live, None),
        CameraHealth::Silent => (PartState::Silent, None),
        CameraHealth::Live {
            useless: Some(useless),
            ..
        } => (PartState::Failed, Some(picture_code(*useless))),
        failed => (PartState::Failed, Some(failed.code())),
    }
}

/// The code of a picture that is of no use, for states and alerts.
fn picture_code(useless: Useless) -> &'static str {
    match useless {
        Useless::Black => "picture_black",
        Useless::Frozen => "picture_frozen",
        Useless::Blurred => "picture_blurred",
        Useless::Covered => "picture_covered",
        Useless::Turned => "picture_turned",
        Useless::Glare => "picture_glare",
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
