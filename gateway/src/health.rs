//! Health: what each part last said of itself, counted and told as the status.
//!
//! Every edge writes here without waiting; the page, `gatectl` and the supervisor read.

mod disk;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use gateway_core::moment::{Moment, Mono};
use gateway_core::name::Name;
use gateway_wire::api;

use crate::clock::Clock;

/// Reading times kept for the median.
const READS_KEPT: usize = 101;

/// Frames kept to tell a camera's rate.
const FRAMES_KEPT: usize = 31;

/// Looks kept to tell how often a camera is read; about one a second.
const LOOKS_KEPT: usize = 5;

/// Readers are overloaded when they read less than this share of what the cameras want, per mille,
/// of at least one frame a second.
const OVERLOADED_PERMILLE: u64 = 600;

pub struct Health {
    identity: Identity,
    clock: Clock,
    started: Moment,
    gate_turned: AtomicU64,
    durable: AtomicU64,
    barriers_up: AtomicBool,
    stopping: AtomicBool,
    emergency: AtomicBool,
    known: Mutex<Known>,
}

/// What does not change while the daemon runs.
pub struct Identity {
    pub gateway: Name,
    pub grid: Name,
    pub journal: String,
    pub lanes: Vec<Name>,
    pub state_dir: PathBuf,
}

#[derive(Default)]
struct Known {
    cameras: BTreeMap<Name, Camera>,
    devices: BTreeMap<Name, Device>,
    destinations: BTreeMap<Name, api::DestinationStatus>,
    links: BTreeMap<String, bool>,
    refused: BTreeMap<String, u64>,
    queues: BTreeMap<&'static str, Queue>,
    recogniser: Recogniser,
    store_failure: Option<String>,
    store_waits: bool,
    disk: Option<api::DiskStatus>,
    committing: Option<Box<dyn Fn() -> Option<Duration> + Send>>,
}

struct Camera {
    lane: Name,
    state: api::PartState,
    code: Option<String>,
    frames: u64,
    arrivals: VecDeque<Mono>,
    /// The latest looks: microseconds, frames worth reading, frames read.
    looks: VecDeque<(u64, u64, u64)>,
    width: u32,
    height: u32,
}

struct Device {
    lane: Option<Name>,
    state: api::PartState,
    last: Option<Mono>,
    received: u64,
    refused: u64,
}

struct Queue {
    limit: u64,
    length: Box<dyn Fn() -> u64 + Send>,
    dropped: u64,
}

#[derive(Default)]
struct Recogniser {
    code: Option<String>,
    /// That read, and that should.
    workers: (usize, usize),
    reads: u64,
    micros: VecDeque<u64>,
}

impl Health {
    pub fn new(identity: Identity, clock: Clock) -> Health {
        Health {
            identity,
            clock,
            started: clock.now(),
            gate_turned: AtomicU64::new(0),
            durable: AtomicU64::new(0),
            barriers_up: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            emergency: AtomicBool::new(false),
            known: Mutex::new(Known::default()),
        }
    }

    /// A poisoned lock still holds counters that are good to read.
    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The gate has just turned: the supervisor's watchdog rests on it.
    pub fn gate_turned(&self, at: Mono) {
        self.gate_turned.store(at.0, Relaxed);
    }

    pub fn gate_turned_at(&self) -> Mono {
        Mono(self.gate_turned.load(Relaxed))
    }

    pub fn durable_through(&self, number: u64) {
        self.durable.store(number, Relaxed);
    }

    pub fn barrier_link(&self, up: bool) {
        self.barriers_up.store(up, Relaxed);
        self.known().links.insert("barriers".to_owned(), up);
    }

    pub fn sensor_link(&self, link: &str, up: bool) {
        self.known().links.insert(link.to_owned(), up);
    }

    pub fn add_camera(&self, id: &Name, lane: &Name) {
        self.known().cameras.insert(
            id.clone(),
            Camera {
                lane: lane.clone(),
                state: api::PartState::Starting,
                code: None,
                frames: 0,
                arrivals: VecDeque::with_capacity(FRAMES_KEPT),
                looks: VecDeque::with_capacity(LOOKS_KEPT),
                width: 0,
                height: 0,
            },
        );
    }

    pub fn camera_state(&self, id: &Name, state: api::PartState, code: Option<&str>) {
        if let Some(camera) = self.known().cameras.get_mut(id) {
            camera.state = state;
            camera.code = code.map(str::to_owned);
        }
    }

    /// The code of a camera that does not give pictures of use.
    pub fn camera_trouble(&self, id: &Name) -> Option<String> {
        let known = self.known();
        let camera = known.cameras.get(id)?;
        match camera.state {
            api::PartState::Live => None,
            api::PartState::Starting => Some("starting".to_owned()),
            api::PartState::Silent => Some("silent".to_owned()),
            api::PartState::Failed => camera.code.clone().or(Some("failed".to_owned())),
        }
    }

    pub fn camera_frame(&self, id: &Name, at: Mono, width: u32, height: u32) {
        if let Some(camera) = self.known().cameras.get_mut(id) {
            camera.frames += 1;
            camera.width = width;
            camera.height = height;
            if camera.arrivals.len() == FRAMES_KEPT {
                camera.arrivals.pop_front();
            }
            camera.arrivals.push_back(at);
        }
    }

    /// How many frames of a camera were worth reading and how many were read, within so many
    /// microseconds.
    pub fn camera_read(&self, id: &Name, span_us: u64, (wanted, read): (u64, u64)) {
        if let Some(camera) = self.known().cameras.get_mut(id) {
            if camera.looks.len() == LOOKS_KEPT {
                camera.looks.pop_front();
            }
            camera.looks.push_back((span_us, wanted, read));
        }
    }

    pub fn add_device(&self, id: &Name, lane: Option<&Name>) {
        self.known().devices.insert(
            id.clone(),
            Device {
                lane: lane.cloned(),
                state: api::PartState::Starting,
                last: None,
                received: 0,
                refused: 0,
            },
        );
    }

    pub fn device_heard(&self, id: &Name, at: Mono) {
        if let Some(device) = self.known().devices.get_mut(id) {
            device.state = api::PartState::Live;
            device.last = Some(at);
            device.received += 1;
        }
    }

    pub fn device_gone(&self, id: &Name) {
        if let Some(device) = self.known().devices.get_mut(id) {
            device.state = api::PartState::Silent;
        }
    }

    pub fn refused(&self, id: &Name, cause: &str) {
        let mut known = self.known();
        *known.refused.entry(cause.to_owned()).or_default() += 1;
        if let Some(device) = known.devices.get_mut(id) {
            device.refused += 1;
        }
    }

    /// Counts something that was not taken, by cause, where no device is to blame.
    pub fn count(&self, cause: &str) {
        *self.known().refused.entry(cause.to_owned()).or_default() += 1;
    }

    pub fn destination(&self, status: api::DestinationStatus) {
        let id = Name::from(status.id.as_str());
        self.known().destinations.insert(id, status);
    }

    /// Declares a bounded queue; `length` is asked when the status is.
    pub fn add_queue(
        &self,
        name: &'static str,
        limit: usize,
        length: impl Fn() -> usize + Send + 'static,
    ) {
        self.known().queues.insert(
            name,
            Queue {
                limit: limit as u64,
                length: Box::new(move || length() as u64),
                dropped: 0,
            },
        );
    }

    /// How long the commit under way takes is asked here.
    pub fn add_writer(&self, committing: impl Fn() -> Option<Duration> + Send + 'static) {
        self.known().committing = Some(Box::new(committing));
    }

    pub fn committing_for(&self) -> Option<Duration> {
        self.known().committing.as_ref().and_then(|ask| ask())
    }

    /// The stop begins: what ends now was meant to. What queues and writer ask would hold their
    /// channels open, so it goes.
    pub fn stopping(&self) {
        self.stopping.store(true, Relaxed);
        let mut known = self.known();
        known.queues.clear();
        known.committing = None;
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }

    pub fn emergency(&self, active: bool) {
        self.emergency.store(active, Relaxed);
    }

    pub fn is_emergency(&self) -> bool {
        self.emergency.load(Relaxed)
    }

    pub fn dropped(&self, queue: &'static str) {
        self.dropped_many(queue, 1);
    }

    pub fn dropped_many(&self, queue: &'static str, count: u64) {
        if let Some(queue) = self.known().queues.get_mut(queue) {
            queue.dropped += count;
        }
    }

    /// Readers that read, and that should.
    pub fn recogniser_workers(&self, reading: usize, wanted: usize) {
        self.known().recogniser.workers = (reading, wanted);
    }

    pub fn recogniser_failed(&self, code: &str) {
        self.known().recogniser.code = Some(code.to_owned());
    }

    pub fn recogniser_read(&self, micros: u64) {
        let recogniser = &mut self.known().recogniser;
        recogniser.code = None;
        recogniser.reads += 1;
        if recogniser.micros.len() == READS_KEPT {
            recogniser.micros.pop_front();
        }
        recogniser.micros.push_back(micros);
    }

    pub fn store_failed(&self, code: &str) {
        self.known().store_failure = Some(code.to_owned());
    }

    /// The writer waits for room on the disk.
    pub fn store_waits(&self, waits: bool) {
        self.known().store_waits = waits;
    }

    /// Up to and with this number every destination has confirmed; all numbers when there is none.
    pub fn delivered_through(&self) -> u64 {
        let known = self.known();
        let confirmed = known.destinations.values().map(|d| d.confirmed_through);
        confirmed.min().unwrap_or(u64::MAX)
    }

    pub fn store_has_failed(&self) -> bool {
        self.known().store_failure.is_some()
    }

    pub fn status(&self) -> api::Status {
        let now = self.clock.now();
        let wall = |at: Mono| now.wall_ms - (now.mono.since(at) / 1_000) as i64;
        let known = self.known();
        let durable = self.durable.load(Relaxed);
        api::Status {
            gateway: self.identity.gateway.to_string(),
            grid: self.identity.grid.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            boot: now.boot,
            started_ms: self.started.wall_ms,
            now_ms: now.wall_ms,
            clock: now.trust.into(),
            journal: self.identity.journal.clone(),
            last_number: durable,
            durable_through: durable,
            lanes: self.identity.lanes.iter().map(Name::to_string).collect(),
            cameras: known
                .cameras
                .iter()
                .map(|(id, camera)| camera.status(id))
                .collect(),
            devices: known
                .devices
                .iter()
                .map(|(id, device)| api::DeviceStatus {
                    id: id.to_string(),
                    lane: device.lane.as_ref().map(Name::to_string),
                    state: device.state,
                    code: None,
                    last_ms: device.last.map(wall),
                    received: device.received,
                    refused: device.refused,
                })
                .collect(),
            destinations: known.destinations.values().cloned().collect(),
            recogniser: known.recogniser.status(known.cameras.values()),
            queues: known
                .queues
                .iter()
                .map(|(name, queue)| api::QueueStatus {
                    name: (*name).to_owned(),
                    length: (queue.length)(),
                    limit: queue.limit,
                    dropped: queue.dropped,
                })
                .collect(),
            refused: known.refused.clone(),
            disk: known.disk.clone().unwrap_or(api::DiskStatus {
                free_bytes: 0,
                journal_bytes: 0,
                evidence_bytes: 0,
            }),
            store: match (&known.store_failure, known.store_waits) {
                (Some(code), _) => store_status(api::PartState::Failed, Some(code)),
                (None, true) => store_status(api::PartState::Failed, Some("disk_full")),
                (None, false) => store_status(api::PartState::Live, None),
            },
            safe_mode: false,
        }
    }

    /// Walks the state folder; takes as long as the disk likes, so never under the lock.
    pub fn measure_disk(&self) {
        let state = &self.identity.state_dir;
        let disk = api::DiskStatus {
            free_bytes: disk::free_bytes(state),
            journal_bytes: disk::folder_bytes(&state.join("store/journal")),
            evidence_bytes: disk::folder_bytes(&state.join("store/evidence")),
        };
        self.known().disk = Some(disk);
    }
}

impl Camera {
    fn status(&self, id: &Name) -> api::CameraStatus {
        let span = match (self.arrivals.front(), self.arrivals.back()) {
            (Some(first), Some(last)) => last.since(*first),
            _ => 0,
        };
        let intervals = self.arrivals.len().saturating_sub(1) as u64;
        api::CameraStatus {
            id: id.to_string(),
            lane: self.lane.to_string(),
            state: self.state,
            code: self.code.clone(),
            frames: self.frames,
            fps_permille: (intervals * 1_000_000_000).checked_div(span).unwrap_or(0) as u32,
            wanted_permille: self.rate(|look| look.1),
            read_permille: self.rate(|look| look.2),
            width: self.width,
            height: self.height,
        }
    }
}

impl Camera {
    /// Thousandths of a frame a second over the latest looks.
    fn rate(&self, count: impl Fn(&(u64, u64, u64)) -> u64) -> u32 {
        let span: u64 = self.looks.iter().map(|look| look.0).sum();
        let count: u64 = self.looks.iter().map(count).sum();
        (count * 1_000_000_000).checked_div(span).unwrap_or(0) as u32
    }
}

impl Recogniser {
    fn status<'a>(&self, cameras: impl Iterator<Item = &'a Camera>) -> api::RecogniserStatus {
        let (mut wanted, mut read) = (0, 0);
        for camera in cameras {
            wanted += u64::from(camera.rate(|look| look.1));
            read += u64::from(camera.rate(|look| look.2));
        }

        let mut micros: Vec<u64> = self.micros.iter().copied().collect();
        micros.sort_unstable();
        api::RecogniserStatus {
            state: match (&self.code, self.reads) {
                (Some(_), _) => api::PartState::Failed,
                (None, 0) => api::PartState::Starting,
                (None, _) => api::PartState::Live,
            },
            code: self.code.clone(),
            reads: self.reads,
            workers: self.workers.0 as u32,
            workers_wanted: self.workers.1 as u32,
            overloaded: wanted >= 1_000 && read * 1_000 < wanted * OVERLOADED_PERMILLE,
            median_us: micros.get(micros.len() / 2).copied(),
        }
    }
}

fn store_status(state: api::PartState, code: Option<&str>) -> api::StoreStatus {
    api::StoreStatus {
        state,
        code: code.map(str::to_owned),
    }
}
