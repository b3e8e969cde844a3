//! One camera: what moves in its lane is offered to the worker, what was read becomes sightings.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use gateway_cameras::{Attention, Camera, CameraHealth, CameraSource, CameraSpec, Frame, Motion};
use gateway_core::moment::Mono;
use gateway_core::name::Name;
use gateway_core::reading::DeviceState;
use gateway_core::sighting::{Evidence, Sighting};
use gateway_recognise::{How, Origin, PlateRead, Tracked, Tracker};

use crate::sight::{Pictures, Seen, Sight, part_state};

/// A vehicle that stands and was read is looked at so often, microseconds.
const SETTLED_US: u64 = 250_000;

/// A camera as the configuration means it, with what is followed in its pictures.
pub struct Watched {
    pub origin: Origin,
    pub source: CameraSource,
    /// Corners of the lane, per mille of the picture.
    pub polygon: Vec<[u16; 2]>,
    /// A plate whose middle is below this stands at the arm, per mille of the height.
    pub stop_line_permille: Option<u16>,
    pub long_side: u32,
    following: Mutex<Following>,
    /// Copies of what the tracker knows, for the camera's thread.
    follows: AtomicBool,
    settled: AtomicBool,
    looked_us: AtomicU64,
    live: AtomicBool,
}

struct Following {
    tracker: Tracker,
    /// For each track its best frame so far and the picture made of it.
    best: BTreeMap<u64, Best>,
}

struct Best {
    frame: Frame,
    picture: Option<Evidence>,
}

impl Watched {
    pub fn new(
        origin: Origin,
        source: CameraSource,
        (polygon, stop_line_permille, long_side): (Vec<[u16; 2]>, Option<u16>, u32),
        tracker: Tracker,
    ) -> Watched {
        Watched {
            origin,
            source,
            polygon,
            stop_line_permille,
            long_side,
            following: Mutex::new(Following {
                tracker,
                best: BTreeMap::new(),
            }),
            follows: AtomicBool::new(false),
            settled: AtomicBool::new(true),
            looked_us: AtomicU64::new(0),
            live: AtomicBool::new(false),
        }
    }

    /// Frames arrive.
    pub fn is_live(&self) -> bool {
        self.live.load(Relaxed)
    }

    /// Corners of the lane as shares of the picture.
    fn lane_shares(&self) -> Vec<(f32, f32)> {
        self.polygon
            .iter()
            .map(|[x, y]| (f32::from(*x) / 1_000.0, f32::from(*y) / 1_000.0))
            .collect()
    }

    /// How a frame of this size is looked at.
    fn how(&self, width: u32, height: u32) -> How {
        let corners: Vec<[f32; 2]> = self
            .polygon
            .iter()
            .map(|[x, y]| {
                [
                    f32::from(*x) * width as f32 / 1_000.0,
                    f32::from(*y) * height as f32 / 1_000.0,
                ]
            })
            .collect();
        How::stream(self.long_side).in_lane(&corners)
    }

    /// Whether this frame is worth the recogniser's time.
    fn is_worth(&self, frame: &Frame, moves: bool, waits: bool) -> bool {
        let follows = self.follows.load(Relaxed);
        if !moves && !follows && !waits {
            return false;
        }
        if follows && self.settled.load(Relaxed) {
            let looked = self.looked_us.load(Relaxed);
            if frame.captured_mono_us.saturating_sub(looked) < SETTLED_US {
                return false;
            }
        }
        self.looked_us.store(frame.captured_mono_us, Relaxed);
        true
    }

    /// The sightings that a frame's plates lead to, their pictures on the way to the disk.
    pub fn frame(
        &self,
        frame: Frame,
        mut reads: Vec<PlateRead>,
        pictures: &Pictures,
    ) -> Vec<Sighting> {
        reads.retain(|read| is_whole(read, &frame));
        let mut following = self
            .following
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let change = following
            .tracker
            .frame(Mono(frame.captured_mono_us), &reads);
        let height = frame.height;
        for track in change.best_of {
            let frame = frame.clone();
            following.best.insert(
                track,
                Best {
                    frame,
                    picture: None,
                },
            );
        }
        let sightings = change
            .sightings
            .iter()
            .map(|tracked| self.sighting(tracked, height, &mut following.best, pictures))
            .collect();
        self.follows.store(following.tracker.follows(), Relaxed);
        self.settled.store(following.tracker.is_settled(), Relaxed);
        if !following.tracker.follows() {
            following.best.clear();
        }
        sightings
    }

    /// The camera is gone, and with it all that it followed.
    fn end(&self, pictures: &Pictures) -> Vec<Sighting> {
        let mut following = self
            .following
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let change = following.tracker.end();
        let mut best = std::mem::take(&mut following.best);
        self.follows.store(false, Relaxed);
        self.settled.store(true, Relaxed);
        change
            .sightings
            .iter()
            .map(|tracked| self.sighting(tracked, 0, &mut best, pictures))
            .collect()
    }

    fn sighting(
        &self,
        tracked: &Tracked,
        height: u32,
        best: &mut BTreeMap<u64, Best>,
        pictures: &Pictures,
    ) -> Sighting {
        let evidence = best.get_mut(&tracked.track).and_then(|best| {
            if best.picture.is_none() {
                best.picture = pictures.take(&best.frame);
            }
            best.picture.clone()
        });
        if tracked.closed {
            best.remove(&tracked.track);
        }
        let middle = (tracked.area.y0 + tracked.area.y1) / 2.0;
        let past_line = self
            .stop_line_permille
            .is_some_and(|line| height > 0 && middle * 1_000.0 >= f32::from(line) * height as f32);
        tracked.sighting(&self.origin, tracked.stands || past_line, evidence)
    }
}

/// A plate that the picture's edge cuts off reads well, and wrong.
fn is_whole(read: &PlateRead, frame: &Frame) -> bool {
    let margin = read.area.height() / 4.0;
    read.area.x0 > margin
        && read.area.y0 > margin
        && read.area.x1 < frame.width as f32 - margin
        && read.area.y1 < frame.height as f32 - margin
}

/// Starts the camera's thread; an address that cannot be used is a failed camera, not a failed
/// daemon.
pub(super) fn start(sight: &Arc<Sight>, index: usize) -> Option<Camera> {
    let watched = &sight.cameras[index];
    let id = watched.origin.camera.clone();
    let clock = sight.clock;
    let spec = CameraSpec {
        name: Arc::from(id.as_str()),
        source: watched.source.clone(),
        lane: watched.lane_shares(),
        attention: Attention::new(),
    };
    let started = Camera::start(
        spec,
        Arc::new(move || clock.mono().0),
        offer(sight.clone(), index),
        tell(sight.clone(), index),
    );
    match started {
        Ok(camera) => Some(camera),
        Err(error) => {
            tracing::error!(camera = %id, %error, "the camera cannot be started");
            let code = "unusable";
            sight
                .health
                .camera_state(&id, gateway_wire::api::PartState::Failed, Some(code));
            sight.tell_gate(watched, failed(code));
            None
        }
    }
}

fn failed(code: &str) -> DeviceState {
    DeviceState::Failed {
        code: Name::from(code),
    }
}

/// What the camera's thread does with a frame.
fn offer(sight: Arc<Sight>, index: usize) -> impl FnMut(Frame) + Send + 'static {
    let mut motion = Motion::new(&sight.cameras[index].lane_shares());
    let mut size = (0, 0);
    let mut how = Arc::new(How::stream(0));
    move |frame| {
        let watched = &sight.cameras[index];
        let at = Mono(frame.captured_mono_us);
        sight
            .health
            .camera_frame(&watched.origin.camera, at, frame.width, frame.height);
        if size != (frame.width, frame.height) {
            size = (frame.width, frame.height);
            how = Arc::new(watched.how(frame.width, frame.height));
        }
        let moves = motion.update(&frame);
        let waits = sight.loops.is_waiting(&watched.origin.lane);
        if !watched.is_worth(&frame, moves, waits) {
            return;
        }
        if let Some(worker) = sight.worker().as_ref()
            && worker.offer(index, Seen(frame), &how).is_some()
        {
            sight.health.dropped("recogniser");
        }
    }
}

/// What the camera's thread does with a change of its state.
fn tell(sight: Arc<Sight>, index: usize) -> impl FnMut(CameraHealth) + Send + 'static {
    move |health| {
        let watched = &sight.cameras[index];
        let (state, code) = part_state(&health);
        sight
            .health
            .camera_state(&watched.origin.camera, state, code);
        watched.live.store(health.is_live(), Relaxed);
        let told = match &health {
            CameraHealth::Starting => return,
            CameraHealth::Live { .. } => DeviceState::Live,
            CameraHealth::Silent => DeviceState::Silent,
            other => failed(other.code()),
        };
        if told != DeviceState::Live {
            for sighting in watched.end(&sight.pictures) {
                sight.post(gateway_core::gate::Input::Sighting(sighting));
            }
        }
        sight.tell_gate(watched, told);
    }
}
