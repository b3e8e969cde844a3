//! One camera: what moves in its lane is offered to be read, what was read becomes sightings.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gateway_cameras::{Attention, Camera, CameraHealth, CameraSource, CameraSpec, Frame, Useless};
use gateway_core::moment::Mono;
use gateway_core::name::Name;
use gateway_core::reading::DeviceState;
use gateway_core::sighting::{Evidence, Sighting};
use gateway_recognise::{Expected, How, Limits, Origin, Patterns, PlateRead, Tracked, Tracker};

use gateway_wire::api::CameraMeasure;

use super::look::{Looks, Pace};
use super::measure::{Measure, Shot};
use super::schedule::Urgency;
use super::still::Still;
use super::{Pictures, Sight, part_state};

/// A camera stays awake for so long after the last frame in which something was followed.
const AWAKE_US: u64 = 3_000_000;

/// Tracks that a single frame begins are fewer: after a panic their numbers are not used again.
const TRACKS_A_FRAME: u64 = 64;

/// A camera as the configuration means it, with what is followed in its pictures.
pub struct Watched {
    pub origin: Origin,
    pub source: CameraSource,
    view: View,
    patterns: Arc<Patterns>,
    limits: Limits,
    following: Mutex<Following>,
    glance: Glance,
    attention: Attention,
}

/// What the camera sees of its lane, and how it is first looked at.
#[derive(Clone)]
pub struct View {
    /// Corners of the lane, per mille of the picture.
    pub polygon: Vec<[u16; 2]>,
    /// A plate whose middle is below this stands at the arm, per mille of the height.
    pub stop_line_permille: Option<u16>,
    /// Pixels of the lane's longer side that the detector is shown until its plates are known.
    pub long_side: u32,
}

struct Following {
    tracker: Tracker,
    looks: Looks,
    /// For each track its best frame so far and the picture made of it.
    best: BTreeMap<u64, Best>,
    /// The last track that was begun.
    newest: u64,
    measure: Measure,
}

struct Best {
    frame: Frame,
    shot: Option<Shot>,
    picture: Option<Evidence>,
}

/// Copies of what is known, for the camera's thread, which must not wait for a reader.
struct Glance {
    live: AtomicBool,
    follows: AtomicBool,
    settled: AtomicBool,
    /// A plate stands at the arm and is not surely read.
    waits: AtomicBool,
    /// From the capture of one look to the next.
    interval_us: AtomicU64,
    looked_us: AtomicU64,
    /// Its frames ended readers: none is read until then. 0: no such thing.
    barred_until_us: AtomicU64,
}

impl Watched {
    pub fn new(
        origin: Origin,
        source: CameraSource,
        view: View,
        (patterns, limits): (Arc<Patterns>, Limits),
    ) -> Watched {
        Watched {
            origin,
            source,
            following: Mutex::new(Following::new(&view, &patterns, limits, 1)),
            view,
            patterns,
            limits,
            glance: Glance::new(),
            attention: Attention::new(),
        }
    }

    /// Frames arrive and are of use.
    pub fn is_live(&self) -> bool {
        self.glance.live.load(Relaxed)
    }

    /// Corners of the lane as shares of the picture.
    pub(super) fn lane_shares(&self) -> Vec<(f32, f32)> {
        let share = |permille: u16| f32::from(permille) / 1_000.0;
        let corners = self.view.polygon.iter();
        corners.map(|[x, y]| (share(*x), share(*y))).collect()
    }

    /// Until then no frame of it is read, because its frames ended readers.
    pub(super) fn bar(&self, until: Mono) {
        self.glance.barred_until_us.store(until.0, Relaxed);
    }

    pub(super) fn is_barred(&self) -> bool {
        self.glance.barred_until_us.load(Relaxed) != 0
    }

    /// Whether its time is over; it is told once.
    pub(super) fn is_unbarred(&self, now: Mono) -> bool {
        let until = self.glance.barred_until_us.load(Relaxed);
        let over = until != 0 && now.0 >= until;
        if over {
            self.glance.barred_until_us.store(0, Relaxed);
        }
        over
    }

    /// How a frame of it is looked at; called when its turn has come, with the latest that is
    /// known of its vehicles.
    pub(super) fn how(&self, frame: &Frame) -> How {
        let now = Mono(frame.captured_mono_us);
        let mut following = self.following();
        let expected = following.tracker.expected(now);
        following
            .looks
            .how((frame.width, frame.height), now, &expected)
    }

    /// The sightings that a frame's plates lead to, their pictures on the way to the disk.
    pub(super) fn frame(
        &self,
        frame: Frame,
        mut reads: Vec<PlateRead>,
        pictures: Option<&Pictures>,
    ) -> Vec<Sighting> {
        reads.retain(|read| is_whole(read, &frame));
        let now = Mono(frame.captured_mono_us);
        let mut following = self.following();
        let change = following.tracker.frame(now, &reads);
        let height = frame.height;
        let expected = following.tracker.expected(now);
        for track in change.best_of {
            let best = Best {
                shot: shot(track, &frame, &reads, &expected),
                frame: frame.clone(),
                picture: None,
            };
            following.best.insert(track, best);
        }
        let sightings = self.sightings(&change.sightings, height, &mut following, pictures);
        let expected = following.learn(now);
        self.glance
            .follows(&expected, now, |plate| self.is_past_line(plate, height));
        sightings
    }

    /// The picture has not changed since the last that was read: what is followed stands where it
    /// was.
    fn still(&self, now: Mono, height: u32, pictures: &Pictures) -> Vec<Sighting> {
        let mut following = self.following();
        let change = following.tracker.still(now);
        let pictures = Some(pictures);
        let sightings = self.sightings(&change.sightings, height, &mut following, pictures);
        let expected = following.tracker.expected(now);
        self.glance
            .follows(&expected, now, |plate| self.is_past_line(plate, height));
        sightings
    }

    /// What ends by itself while no frame is read.
    pub(super) fn tick(&self, now: Mono, pictures: Option<&Pictures>) -> Vec<Sighting> {
        let mut following = self.following();
        if !following.tracker.follows() {
            return Vec::new();
        }
        let change = following.tracker.tick(now);
        let sightings = self.sightings(&change.sightings, 0, &mut following, pictures);
        if !following.tracker.follows() {
            following.best.clear();
            self.glance.follows(&[], now, |_| false);
        }
        sightings
    }

    /// The camera is gone, and with it all that it followed.
    pub(super) fn end(&self, pictures: Option<&Pictures>) -> Vec<Sighting> {
        let mut following = self.following();
        let change = following.tracker.end();
        let sightings = self.sightings(&change.sightings, 0, &mut following, pictures);
        following.best.clear();
        self.glance.follows(&[], Mono(0), |_| false);
        sightings
    }

    /// What was followed is no more, and nothing is said of it: its picture is not to be believed.
    fn drop_tracks(&self) {
        let mut following = self.following();
        following.tracker.end();
        following.best.clear();
        self.glance.follows(&[], Mono(0), |_| false);
    }

    /// Begins anew after a panic: what was followed may be in any state.
    pub(super) fn reset(&self) {
        let mut following = self.following();
        let next = following.newest + TRACKS_A_FRAME;
        *following = Following::new(&self.view, &self.patterns, self.limits, next);
        self.glance.follows(&[], Mono(0), |_| false);
    }

    /// How good its plates are; `trouble` is its state's code when it is not live.
    pub(super) fn measure(&self, trouble: Option<&str>) -> CameraMeasure {
        let following = self.following();
        following
            .measure
            .report(self.origin.camera.as_str(), trouble)
    }

    /// Keeps the camera awake while a vehicle is followed or waits.
    fn stay_awake(&self, now: Mono) {
        self.attention.hold(now.0 + AWAKE_US);
    }

    /// Whether this frame is worth a reader's time, and how urgent it is.
    pub(super) fn is_worth(&self, frame: &Frame, waits: bool) -> Option<Urgency> {
        let glance = &self.glance;
        let follows = glance.follows.load(Relaxed);
        let shows = frame.useless != Some(Useless::Frozen) && !self.is_barred();
        if !shows || (!frame.moving && !follows && !waits) {
            return None;
        }
        let settled = follows && glance.settled.load(Relaxed);
        let looked = glance.looked_us.load(Relaxed);
        let since = frame.captured_mono_us.saturating_sub(looked);
        if since < glance.interval_us.load(Relaxed) {
            return None;
        }
        glance.looked_us.store(frame.captured_mono_us, Relaxed);
        Some(match settled {
            true => Urgency::Settled,
            false if waits || glance.waits.load(Relaxed) => Urgency::AtArm,
            false => Urgency::Moving,
        })
    }

    /// After a panic what is behind the lock is thrown away by `reset`, which `Sight` calls.
    fn following(&self) -> MutexGuard<'_, Following> {
        self.following
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn sightings(
        &self,
        tracked: &[Tracked],
        height: u32,
        following: &mut Following,
        pictures: Option<&Pictures>,
    ) -> Vec<Sighting> {
        for gone in tracked.iter().filter(|tracked| tracked.closed) {
            let best = following.best.get(&gone.track).and_then(|best| best.shot);
            let sure = gone.confidence_permille >= self.limits.sure_permille;
            following.measure.vehicle(best, sure);
        }
        tracked
            .iter()
            .map(|tracked| self.sighting(tracked, height, &mut following.best, pictures))
            .collect()
    }

    fn sighting(
        &self,
        tracked: &Tracked,
        height: u32,
        best: &mut BTreeMap<u64, Best>,
        pictures: Option<&Pictures>,
    ) -> Sighting {
        let evidence = best.get_mut(&tracked.track).and_then(|best| {
            if best.picture.is_none() {
                best.picture = pictures.and_then(|pictures| pictures.take(&best.frame));
            }
            best.picture.clone()
        });
        if tracked.closed {
            best.remove(&tracked.track);
        }
        let middle = (tracked.area.y0 + tracked.area.y1) / 2.0;
        let at_arm = tracked.stands || self.is_below_line(middle, height);
        tracked.sighting(&self.origin, at_arm, evidence)
    }

    fn is_past_line(&self, plate: &Expected, height: u32) -> bool {
        self.is_below_line(plate.area.centre()[1], height)
    }

    fn is_below_line(&self, middle: f32, height: u32) -> bool {
        self.view
            .stop_line_permille
            .is_some_and(|line| height > 0 && middle * 1_000.0 >= f32::from(line) * height as f32)
    }
}

impl Following {
    fn new(view: &View, patterns: &Arc<Patterns>, limits: Limits, next: u64) -> Following {
        Following {
            tracker: Tracker::new(patterns.clone(), limits).numbering_from(next),
            looks: Looks::new(view.polygon.clone(), view.long_side),
            best: BTreeMap::new(),
            newest: next - 1,
            measure: Measure::default(),
        }
    }

    /// What a frame teaches for the next look; returns what is followed.
    fn learn(&mut self, now: Mono) -> Vec<Expected> {
        let expected = self.tracker.expected(now);
        for plate in expected.iter().filter(|plate| plate.track > self.newest) {
            self.looks.began(plate.area.width());
        }
        let newest = expected.iter().map(|plate| plate.track).max();
        self.newest = self.newest.max(newest.unwrap_or_default());
        self.looks.saw(now, &expected);
        if expected.is_empty() {
            self.best.clear();
        }
        expected
    }
}

impl Glance {
    fn new() -> Glance {
        Glance {
            live: AtomicBool::new(false),
            follows: AtomicBool::new(false),
            settled: AtomicBool::new(false),
            waits: AtomicBool::new(false),
            interval_us: AtomicU64::new(Pace::Searching.interval_us()),
            looked_us: AtomicU64::new(0),
            barred_until_us: AtomicU64::new(0),
        }
    }

    fn follows(&self, followed: &[Expected], now: Mono, past_line: impl Fn(&Expected) -> bool) {
        let pace = Pace::of(followed, now);
        let waits = |plate: &Expected| !plate.sure && (plate.stands || past_line(plate));
        self.follows.store(!followed.is_empty(), Relaxed);
        self.settled.store(pace == Pace::Settled, Relaxed);
        self.waits.store(followed.iter().any(waits), Relaxed);
        self.interval_us.store(pace.interval_us(), Relaxed);
    }
}

/// What the frame shows of a track's plate.
fn shot(track: u64, frame: &Frame, reads: &[PlateRead], expected: &[Expected]) -> Option<Shot> {
    let plate = expected.iter().find(|plate| plate.track == track)?;
    let read = reads.iter().find(|read| read.area == plate.area)?;
    let [luma, _, _] = frame.planes();
    Some(Shot::of(read, luma.bytes, luma.stride))
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
        attention: watched.attention.clone(),
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

pub(super) fn failed(code: &str) -> DeviceState {
    DeviceState::Failed {
        code: Name::from(code),
    }
}

/// What the camera's thread does with a frame.
fn offer(sight: Arc<Sight>, index: usize) -> impl FnMut(Frame) + Send + 'static {
    let mut still = Still::default();
    move |frame| {
        let watched = &sight.cameras[index];
        let at = Mono(frame.captured_mono_us);
        sight
            .health
            .camera_frame(&watched.origin.camera, at, frame.width, frame.height);
        let waits = sight.loops.is_waiting(&watched.origin.lane);
        if waits || watched.glance.follows.load(Relaxed) {
            watched.stay_awake(sight.clock.mono());
        }
        let Some(urgency) = watched.is_worth(&frame, waits) else {
            return;
        };
        if still.is_same(&frame) {
            for sighting in watched.still(at, frame.height, &sight.pictures) {
                sight.post(gateway_core::gate::Input::Sighting(sighting));
            }
            return;
        }
        still.give();
        sight.offer(index, frame, urgency);
    }
}

/// What the camera's thread does with a change of its state.
fn tell(sight: Arc<Sight>, index: usize) -> impl FnMut(CameraHealth) + Send + 'static {
    move |health| {
        let watched = &sight.cameras[index];
        let (state, code) = part_state(&health);
        let id = &watched.origin.camera;
        sight.health.camera_state(id, state, code);
        let told = match &health {
            CameraHealth::Starting => return,
            CameraHealth::Silent => DeviceState::Silent,
            _ => code.map_or(DeviceState::Live, failed),
        };
        watched
            .glance
            .live
            .store(told == DeviceState::Live, Relaxed);
        if told != DeviceState::Live {
            sight.forget(index);
        }
        match useless(&health) {
            // Nothing that is read in a frozen picture happens now.
            Some(Useless::Frozen) => watched.drop_tracks(),
            _ if told == DeviceState::Live => {}
            _ => {
                for sighting in watched.end(Some(&sight.pictures)) {
                    sight.post(gateway_core::gate::Input::Sighting(sighting));
                }
            }
        }
        sight.tell_gate(watched, told);
    }
}

fn useless(health: &CameraHealth) -> Option<Useless> {
    match health {
        CameraHealth::Live { useless, .. } => *useless,
        _ => None,
    }
}
