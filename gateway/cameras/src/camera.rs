//! One camera: its thread owns its pipeline, watches it with a timer of its own and rebuilds it (P-23).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::attention::Attention;
use crate::backoff::Backoff;
use crate::connection::Connection;
use crate::decoder::Picture;
use crate::error::CameraError;
use crate::frame::Frame;
use crate::health::{CameraHealth, Decoding, Failure};
use crate::judge::Judge;
use crate::motion::Motion;
use crate::pipeline::{Pipeline, verdict};
use crate::source::CameraSource;

/// A monotonic clock, microseconds.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// A camera as meant by the configuration.
#[derive(Debug, Clone)]
pub struct CameraSpec {
    /// Its name, for frames, health and logs.
    pub name: Arc<str>,
    /// Where its pictures come from.
    pub source: CameraSource,
    /// The lane's corners as shares of the picture, from the left upper corner (0 to 1); fewer than three
    /// mean the whole picture. What moves outside does not wake the camera for long.
    pub lane: Vec<(f32, f32)>,
    /// Whoever holds a clone of it keeps the camera awake.
    pub attention: Attention,
}

impl CameraSpec {
    /// The whole picture is the lane, and nobody holds the camera awake.
    pub fn new(name: impl Into<Arc<str>>, source: CameraSource) -> CameraSpec {
        CameraSpec {
            name: name.into(),
            source,
            lane: Vec::new(),
            attention: Attention::new(),
        }
    }
}

/// A running camera. It stops when it is dropped.
pub struct Camera {
    name: Arc<str>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// No frame for so long means silent. A hung server or a pulled cable tells nothing by itself.
const SILENCE_US: u64 = 3_000_000;
/// Without any packet an attempt is given up after so long …
const ANSWER_US: u64 = 6_000_000;
/// … and with packets but no picture after so long: some cameras send a key frame every ten seconds.
const KEY_FRAME_US: u64 = 15_000_000;
/// How often the thread looks at its timers and at the wish to stop.
const LOOK: gst::ClockTime = gst::ClockTime::from_mseconds(100);

impl Camera {
    /// Starts the camera's thread. `sink` gets every frame on that thread, so it must be quick (a bounded
    /// channel of one, newest wins); `health` gets each change of state. A panic in either is caught,
    /// reported as [`Failure::Panicked`], and the camera goes on.
    ///
    /// # Errors
    /// An address that is not usable, GStreamer missing, or no thread to be had. Everything that happens
    /// later is health.
    pub fn start(
        spec: CameraSpec,
        clock: Clock,
        sink: impl FnMut(Frame) + Send + 'static,
        health: impl FnMut(CameraHealth) + Send + 'static,
    ) -> Result<Camera, CameraError> {
        spec.source.check(&spec.name)?;
        gst::init().map_err(CameraError::Start)?;
        let name = Arc::clone(&spec.name);
        let stopping = Arc::new(AtomicBool::new(false));
        let seed = name.bytes().fold(clock(), |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        let mut watch = Watch {
            motion: Motion::new(&spec.lane),
            spec,
            clock,
            sink: Box::new(sink),
            health: Box::new(health),
            stopping: Arc::clone(&stopping),
            told: None,
            number: 0,
            backoff: Backoff::new(seed),
            judge: Judge::new(),
            pictured_us: 0,
            shown_us: 0,
        };
        let thread = std::thread::Builder::new()
            .name(format!("camera-{name}").chars().take(15).collect())
            .spawn(move || watch.run())
            .map_err(|source| CameraError::Thread {
                camera: name.to_string(),
                source,
            })?;
        Ok(Camera {
            name,
            stopping,
            thread: Some(thread),
        })
    }

    /// The camera's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Stops it and waits for its thread: no frame comes afterwards.
    pub fn stop(self) {}
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// Everything that the camera's thread owns.
pub(crate) struct Watch {
    spec: CameraSpec,
    clock: Clock,
    sink: Box<dyn FnMut(Frame) + Send>,
    health: Box<dyn FnMut(CameraHealth) + Send>,
    stopping: Arc<AtomicBool>,
    told: Option<CameraHealth>,
    number: u64,
    backoff: Backoff,
    motion: Motion,
    judge: Judge,
    /// When the last frame was handed on, or need not have been.
    pictured_us: u64,
    /// The moment of the last frame.
    shown_us: u64,
}

impl Watch {
    /// Attempt after attempt, until stopped.
    fn run(&mut self) {
        self.guarded(|watch| {
            watch.tell(CameraHealth::Starting);
            None
        });
        while !self.stopped() {
            let Some(end) = self.guarded(Watch::attempt) else {
                return;
            };
            let now_us = (self.clock)();
            let pause_us = match end {
                CameraHealth::Unauthorised => self.backoff.refused(now_us),
                CameraHealth::Ended => u64::MAX,
                _ => self.backoff.failed(now_us),
            };
            tracing::warn!(camera = %self.spec.name, state = end.code(), pause_ms = pause_us / 1000, "the camera gives no pictures");
            self.guarded(|watch| {
                watch.tell(end);
                None
            });
            self.pause(now_us.saturating_add(pause_us));
        }
    }

    /// Runs a step and turns a panic of the sink or of the health's listener into a state.
    fn guarded(
        &mut self,
        step: impl FnOnce(&mut Watch) -> Option<CameraHealth>,
    ) -> Option<CameraHealth> {
        catch_unwind(AssertUnwindSafe(|| step(self)))
            .unwrap_or(Some(CameraHealth::Failed(Failure::Panicked)))
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    fn tell(&mut self, state: CameraHealth) {
        if self.told.as_ref() != Some(&state) {
            self.told = Some(state.clone());
            (self.health)(state);
        }
    }

    fn pause(&self, until_us: u64) {
        while !self.stopped() {
            let left_us = until_us.saturating_sub((self.clock)());
            if left_us == 0 {
                return;
            }
            std::thread::park_timeout(Duration::from_micros(left_us.min(1_000_000)));
        }
    }

    /// Builds the pipeline and hands on its frames, until it fails (the state to tell) or we stop (none).
    fn attempt(&mut self) -> Option<CameraHealth> {
        let pipeline = match Pipeline::start(&self.spec.source, &self.clock) {
            Ok(pipeline) => pipeline,
            Err(cause) => return Some(CameraHealth::Failed(Failure::Missing(cause.to_string()))),
        };
        let arrivals = Arrivals::count(&pipeline);
        let mut connection = Connection::default();
        let began_us = (self.clock)();
        let mut last_us = None;
        self.pictured_us = began_us;
        while !self.stopped() {
            if let Some(sample) = pipeline.sink.try_pull_sample(LOOK) {
                last_us = Some((self.clock)());
                if let Some(end) = connection.take(&sample, self) {
                    return Some(end);
                }
            } else if pipeline.sink.is_eos() && !pipeline.bus.have_pending() {
                // The reason of an end stands on the bus, if there is one; it is read below, first.
                connection.end(self);
                let repeated = matches!(self.spec.source, CameraSource::File { repeat: true, .. });
                if !repeated || last_us.is_none() || !pipeline.rewind() {
                    return Some(self.end());
                }
            }
            if let Some(end) = self.read_bus(&pipeline) {
                return Some(end);
            }
            let now_us = (self.clock)();
            if !connection.is_awake() {
                self.pictured_us = now_us;
            }
            let limit_us = if last_us.is_some() || arrivals.any() {
                KEY_FRAME_US
            } else {
                ANSWER_US
            };
            if now_us.saturating_sub(self.pictured_us) > limit_us
                || last_us.is_some_and(|last_us| now_us.saturating_sub(last_us) > SILENCE_US)
            {
                return Some(CameraHealth::Silent);
            }
        }
        None
    }

    fn end(&self) -> CameraHealth {
        match self.spec.source {
            CameraSource::File { .. } | CameraSource::Video { .. } => CameraHealth::Ended,
            _ => CameraHealth::Failed(Failure::StreamEnded),
        }
    }

    /// The state that an error on the bus leads to, if there is one. Other messages are thrown away.
    fn read_bus(&self, pipeline: &Pipeline) -> Option<CameraHealth> {
        while let Some(message) = pipeline.bus.pop() {
            if let gst::MessageView::Error(error) = message.view() {
                return Some(verdict(error));
            }
        }
        None
    }

    /// Makes a picture into a frame and looks whether something moves in it.
    pub(crate) fn look_at(&mut self, picture: Picture) -> Option<Frame> {
        let name = Arc::clone(&self.spec.name);
        let captured_us = picture.arrival.captured_us;
        let mut frame = Frame::mapped(name, captured_us, picture.buffer, &picture.info)?;
        frame.moving = self.motion.update(&frame);
        frame.useless = self.judge.update(&frame);
        Some(frame)
    }

    /// Hands a frame on.
    pub(crate) fn hand_on(&mut self, mut frame: Frame, decoding: Decoding) {
        self.number += 1;
        frame.number = self.number;
        // Time stamps of some cameras jump back; the moments of frames never do.
        self.shown_us = frame.captured_mono_us.max(self.shown_us + 1);
        frame.captured_mono_us = self.shown_us;
        self.pictured_us = (self.clock)();
        self.backoff.frame(self.pictured_us);
        self.tell(CameraHealth::Live {
            width: frame.width,
            height: frame.height,
            decoding,
            useless: frame.useless,
        });
        (self.sink)(frame);
    }

    /// Somebody holds the camera's attention.
    pub(crate) fn is_held(&self, at_us: u64) -> bool {
        self.spec.attention.is_held(at_us)
    }

    /// The picture may be of no use, and more of it would tell.
    pub(crate) fn is_suspicious(&self) -> bool {
        self.judge.is_suspicious()
    }

    /// That moment is more than so long ago. A video has no now.
    pub(crate) fn is_behind(&self, at_us: u64, by_us: u64) -> bool {
        !matches!(self.spec.source, CameraSource::Video { .. })
            && (self.clock)().saturating_sub(at_us) > by_us
    }
}

/// Whether anything came from the source at all, decodable or not.
struct Arrivals(Arc<AtomicBool>);

impl Arrivals {
    fn count(pipeline: &Pipeline) -> Arrivals {
        let any = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&any);
        let watch = move |pad: &gst::Pad| {
            let seen = Arc::clone(&seen);
            pad.add_probe(
                gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST,
                move |_, _| {
                    seen.store(true, Ordering::Relaxed);
                    gst::PadProbeReturn::Remove
                },
            );
        };
        if let Some(source) = pipeline
            .pipeline
            .iterate_sources()
            .into_iter()
            .flatten()
            .next()
        {
            source.src_pads().iter().for_each(&watch);
            source.connect_pad_added(move |_, pad| watch(pad));
        }
        Arrivals(any)
    }

    fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
