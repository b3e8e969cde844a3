//! The RTSP server: one mount a camera, paced in real time, with the faults that cameras have.
//!
//! Every client gets a media of its own, fed by the mount's one pacing thread: a shared media refuses
//! clients that arrive at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use gstreamer as gst;
use gstreamer::glib;
use gstreamer_app::AppSrc;
use gstreamer_rtsp_server as rtsp;
use gstreamer_rtsp_server::prelude::*;

use crate::clip::{Clip, Codec, Unit, named};
use crate::lane::Feed;
use crate::spoil::spoil;

/// What a camera does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Shows its lane.
    None,
    /// Shows the same picture for ever, the stream goes on.
    Frozen,
    /// Shows black.
    Black,
    /// Keeps its connections and sends nothing.
    Hung,
    /// Damages a part of its packets, and fills others with anything.
    Garbage,
    /// Sends its pictures with time stamps that are wrong.
    Times(Stamps),
}

/// How time stamps are wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamps {
    /// All are zero.
    Zero,
    /// They run backwards.
    Backwards,
    /// They jump to and fro by minutes.
    Jumping,
}

/// Where and for whom to serve.
#[derive(Debug, Clone, Default)]
pub struct Listen {
    /// 0 takes a free one.
    pub port: u16,
    /// User and password, when clients must prove themselves.
    pub login: Option<(String, String)>,
}

/// One camera to be served: its name, and what it shows.
pub struct Mount {
    /// The path without the slash, for example `in-1`.
    pub name: String,
    /// The pictures.
    pub feed: Box<dyn Feed>,
}

/// A running server on the loopback address. It stops when it is dropped.
pub struct Server {
    listen: Listen,
    port: u16,
    cameras: Vec<Arc<Camera>>,
    pacers: Vec<JoinHandle<()>>,
    ending: Arc<AtomicBool>,
    front: Option<Front>,
}

impl Server {
    /// Serves the mounts. Frame 0 of each feed is due at `start`, which may be in the past: what should
    /// have been shown by now is skipped.
    pub fn start(listen: Listen, mounts: Vec<Mount>, start: Instant) -> Result<Server> {
        gst::init()?;
        let ending = Arc::new(AtomicBool::new(false));
        let (mut cameras, mut pacers) = (Vec::new(), Vec::new());
        for mount in mounts {
            let camera = Arc::new(Camera::new(&mount)?);
            let (pacing, ending) = (Arc::clone(&camera), Arc::clone(&ending));
            let pacer = std::thread::Builder::new()
                .name(format!("pace-{}", mount.name))
                .spawn(move || pacing.pace(mount.feed, start, &ending))?;
            cameras.push(camera);
            pacers.push(pacer);
        }
        let mut server = Server {
            port: listen.port,
            listen,
            cameras,
            pacers,
            ending,
            front: None,
        };
        server.open()?;
        Ok(server)
    }

    /// The port that is served.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address of a camera.
    pub fn url(&self, camera: &str) -> String {
        format!("rtsp://127.0.0.1:{}/{camera}", self.port)
    }

    /// Makes a camera (all of them, when none is named) behave so from now on.
    pub fn fault(&self, camera: Option<&str>, fault: Fault) {
        for each in self
            .cameras
            .iter()
            .filter(|each| camera.is_none_or(|name| name == each.name))
        {
            each.state().fault = fault;
        }
    }

    /// Stops listening and drops every client, as a camera does that reboots. Time goes on in the feeds.
    pub fn close(&mut self) {
        self.front = None;
        for camera in &self.cameras {
            camera.state().viewers.clear();
        }
    }

    /// Listens again, on the same port.
    pub fn open(&mut self) -> Result<()> {
        if self.front.is_none() {
            let listen = Listen {
                port: self.port,
                login: self.listen.login.clone(),
            };
            let front = Front::open(&listen, &self.cameras)?;
            self.port = front.port;
            self.front = Some(front);
        }
        Ok(())
    }

    /// How many clients are being fed.
    pub fn viewers(&self) -> usize {
        self.cameras
            .iter()
            .map(|camera| camera.state().viewers.len())
            .sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.close();
        self.ending.store(true, Ordering::Relaxed);
        for pacer in self.pacers.drain(..) {
            let _ = pacer.join();
        }
    }
}

/// The listening side: the server object and the loop that runs it.
struct Front {
    port: u16,
    server: rtsp::RTSPServer,
    source: Option<glib::SourceId>,
    main: glib::MainLoop,
    thread: Option<JoinHandle<()>>,
}

impl Front {
    fn open(listen: &Listen, cameras: &[Arc<Camera>]) -> Result<Front> {
        let context = glib::MainContext::new();
        let server = rtsp::RTSPServer::new();
        server.set_address("127.0.0.1");
        server.set_service(&listen.port.to_string());
        let mounts = server.mount_points().context("the server has no mounts")?;
        if let Some((user, password)) = &listen.login {
            server.set_auth(Some(&login(user, password)));
        }
        for camera in cameras {
            mounts.add_factory(
                &format!("/{}", camera.name),
                factory(camera, listen.login.is_some()),
            );
        }
        let source = server
            .attach(Some(&context))
            .with_context(|| format!("port {} of 127.0.0.1 cannot be served", listen.port))?;
        let port = u16::try_from(server.bound_port()).context("the server is not bound")?;
        let main = glib::MainLoop::new(Some(&context), false);
        let running = main.clone();
        let thread = std::thread::Builder::new()
            .name("rtsp".to_owned())
            .spawn(move || {
                let served = context.with_thread_default(|| running.run());
                if let Err(cause) = served {
                    tracing::error!(%cause, "the RTSP loop could not run");
                }
            })?;
        Ok(Front {
            port,
            server,
            source: Some(source),
            main,
            thread: Some(thread),
        })
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        if let Some(source) = self.source.take() {
            // The source belongs to the loop's own context, so it is found there and not in the default one.
            if let Some(source) = self.main.context().find_source_by_id(&source) {
                source.destroy();
            }
        }
        self.server
            .client_filter(Some(&mut |_, _| rtsp::RTSPFilterResult::Remove));
        let main = self.main.clone();
        self.main.context().invoke(move || main.quit());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn factory(camera: &Arc<Camera>, login: bool) -> rtsp::RTSPMediaFactory {
    let factory = rtsp::RTSPMediaFactory::new();
    let chain = match camera.codec {
        Codec::H264 => {
            "h264parse ! rtph264pay name=pay0 pt=96 config-interval=1 aggregate-mode=zero-latency"
        }
        Codec::H265 => {
            "h265parse ! rtph265pay name=pay0 pt=96 config-interval=1 aggregate-mode=zero-latency"
        }
        Codec::Jpeg => "rtpjpegpay name=pay0 pt=26",
    };
    factory.set_launch(&format!(
        "( appsrc name=source is-live=true format=time do-timestamp=true ! {chain} )"
    ));
    factory.set_shared(false);
    factory.set_protocols(gstreamer_rtsp_server::gst_rtsp::RTSPLowerTrans::TCP);
    if login {
        factory.add_role_from_structure(
            &gst::Structure::builder("viewer")
                .field("media.factory.access", true)
                .field("media.factory.construct", true)
                .build(),
        );
    }
    let camera = Arc::clone(camera);
    factory.connect_media_configure(move |_, media| {
        let Ok(bin) = media.element().downcast::<gst::Bin>() else {
            return;
        };
        if let Ok(pay) = named::<gst::Element>(&bin, "pay0") {
            let camera = Arc::downgrade(&camera);
            spoil(&pay, move || {
                camera
                    .upgrade()
                    .map_or(Fault::None, |camera| camera.state().fault)
            });
        }
        if let Ok(source) = named::<AppSrc>(&bin, "source") {
            source.set_caps(Some(&camera.caps));
            camera.state().viewers.push(Viewer {
                source,
                waiting: true,
            });
        }
    });
    factory
}

fn login(user: &str, password: &str) -> rtsp::RTSPAuth {
    let auth = rtsp::RTSPAuth::new();
    let token = rtsp::RTSPToken::builder()
        .field("media.factory.role", "viewer")
        .build();
    auth.add_basic(&rtsp::RTSPAuth::make_basic(user, password), &token);
    auth
}

/// One camera: its viewers and what it does to them.
struct Camera {
    name: String,
    codec: Codec,
    caps: gst::Caps,
    black: Unit,
    state: Mutex<State>,
}

struct State {
    fault: Fault,
    viewers: Vec<Viewer>,
}

struct Viewer {
    source: AppSrc,
    /// Nothing was sent yet: it begins at the next key frame.
    waiting: bool,
}

/// A viewer that has so many pictures unread begins anew at a key frame.
const UNREAD_BYTES: u64 = 8 << 20;
/// When the pacer wakes this late it drops what was missed, up to the key frame that is due.
const LATE: Duration = Duration::from_secs(5);

impl Camera {
    fn new(mount: &Mount) -> Result<Camera> {
        let format = mount.feed.format();
        let encoding = mount.feed.encoding();
        let caps = match encoding.codec {
            Codec::Jpeg => gst::Caps::builder("image/jpeg"),
            codec => {
                let name = if codec == Codec::H264 {
                    "video/x-h264"
                } else {
                    "video/x-h265"
                };
                gst::Caps::builder(name)
                    .field("stream-format", "byte-stream")
                    .field("alignment", "au")
            }
        };
        let caps = caps
            .field("width", format.width as i32)
            .field("height", format.height as i32)
            .field("framerate", gst::Fraction::new(format.fps as i32, 1))
            .build();
        let black = Clip::encode_as(format, encoding, 1, |_, frame| {
            let (luma, chroma) = frame.split_at_mut(format.width * format.height);
            luma.fill(16);
            chroma.fill(128);
        })?;
        let black = black
            .units
            .into_iter()
            .next()
            .context("black was not encoded")?;
        let state = Mutex::new(State {
            fault: Fault::None,
            viewers: Vec::new(),
        });
        Ok(Camera {
            name: mount.name.clone(),
            codec: encoding.codec,
            caps,
            black,
            state,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends each picture when it is due, until the end.
    fn pace(&self, mut feed: Box<dyn Feed>, start: Instant, ending: &AtomicBool) {
        let period = Duration::from_secs(1) / feed.format().fps;
        let mut number = 0u64;
        let mut still: Option<Unit> = None;
        // Before the scenario begins the camera shows its first picture, so that viewers are there in time.
        let mut first = None;
        while !ending.load(Ordering::Relaxed) {
            let due = start + Duration::from_nanos(period.as_nanos() as u64 * number);
            let now = Instant::now();
            if due > now {
                std::thread::sleep((due - now).min(period));
                if due > Instant::now() {
                    if let Some(unit) = &first {
                        self.send(unit, still.as_ref());
                    } else if number == 0 {
                        first = feed.unit(0).ok();
                    }
                    continue;
                }
            }
            let unit = match first.take().map_or_else(|| feed.unit(number), Ok) {
                Ok(unit) => unit,
                Err(cause) => {
                    tracing::error!(camera = self.name, %cause, "the camera has nothing more to show");
                    return;
                }
            };
            number += 1;
            if unit.key && self.state().fault != Fault::Frozen {
                still = Some(unit.clone());
            }
            if now.saturating_duration_since(due) < LATE {
                self.send(&unit, still.as_ref());
            } else {
                self.state()
                    .viewers
                    .iter_mut()
                    .for_each(|viewer| viewer.waiting = true);
            }
        }
    }

    fn send(&self, unit: &Unit, still: Option<&Unit>) {
        let mut state = self.state();
        // A frozen or black camera sends one key frame again and again. Back to normal, every viewer must
        // begin at a key frame, because the pictures between were never sent.
        let shown = match state.fault {
            Fault::None | Fault::Garbage | Fault::Times(_) => unit,
            Fault::Frozen => still.unwrap_or(unit),
            Fault::Black => &self.black,
            Fault::Hung => {
                return state
                    .viewers
                    .iter_mut()
                    .for_each(|viewer| viewer.waiting = true);
            }
        };
        let normal = !matches!(state.fault, Fault::Frozen | Fault::Black);
        state.viewers.retain_mut(|viewer| {
            if viewer.source.current_level_bytes() > UNREAD_BYTES {
                viewer.waiting = true;
                return true;
            }
            if viewer.waiting && !shown.key {
                return true;
            }
            viewer.waiting = !normal;
            viewer.source.push_buffer(shown.buffer.copy()).is_ok()
        });
    }
}
