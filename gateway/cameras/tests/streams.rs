//! P-23 and its neighbours, black box: real cameras of the simulator, real pipelines.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use camera_sim::{Clip, Fault, Format, Listen, Mount, Repeated, Server, write_clip};
use gateway_cameras::{
    Camera, CameraHealth, CameraSource, CameraSpec, Clock, Failure, Frame, Secret,
};

const SMALL: Format = Format {
    width: 320,
    height: 240,
    fps: 15,
};

/// Two seconds of a bright bar that walks to the right.
fn clip(format: Format) -> Clip {
    camera_sim::init().unwrap();
    let count = 2 * format.fps as usize;
    Clip::encode(format, count, |number, frame| {
        let (luma, chroma) = frame.split_at_mut(format.width * format.height);
        chroma.fill(128);
        for (at, pixel) in luma.iter_mut().enumerate() {
            let x = at % format.width;
            let bar = number * (format.width - 40) / count;
            *pixel = if (bar..bar + 40).contains(&x) {
                220
            } else {
                60
            };
        }
    })
    .unwrap()
}

fn server(login: Option<(&str, &str)>) -> Server {
    served(SMALL, 0, login)
}

fn served(format: Format, port: u16, login: Option<(&str, &str)>) -> Server {
    let login = login.map(|(user, password)| (user.to_owned(), password.to_owned()));
    let mount = Mount {
        name: "front".to_owned(),
        feed: Box::new(Repeated(clip(format))),
    };
    Server::start(Listen { port, login }, vec![mount], Instant::now()).unwrap()
}

/// A camera under test and everything that it says.
struct Watched {
    camera: Camera,
    frames: Receiver<Frame>,
    health: Receiver<CameraHealth>,
}

fn watch(source: CameraSource) -> Watched {
    let start = Instant::now();
    let clock: Clock = Arc::new(move || start.elapsed().as_micros() as u64);
    let (frame_in, frames) = channel();
    let (health_in, health) = channel();
    let spec = CameraSpec::new("front", source);
    let camera = Camera::start(
        spec,
        clock,
        move |frame| drop(frame_in.send(frame)),
        move |state| drop(health_in.send(state)),
    )
    .unwrap();
    Watched {
        camera,
        frames,
        health,
    }
}

fn rtsp(url: String) -> CameraSource {
    CameraSource::Rtsp {
        url,
        user: None,
        password: None,
    }
}

impl Watched {
    fn frame(&self, within: Duration) -> Frame {
        self.frames.recv_timeout(within).expect("no frame in time")
    }

    /// Waits for a state that satisfies the condition, and says how long that took.
    fn until(&self, within: Duration, wanted: impl Fn(&CameraHealth) -> bool) -> Duration {
        let start = Instant::now();
        let mut seen = Vec::new();
        while let Some(left) = within.checked_sub(start.elapsed()) {
            match self.health.recv_timeout(left) {
                Ok(state) if wanted(&state) => return start.elapsed(),
                Ok(state) => seen.push(state),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        panic!("the state did not come within {within:?}; seen: {seen:?}");
    }

    /// Waits for the first frame after now.
    fn next_frame(&self, within: Duration) -> Frame {
        while self.frames.try_recv().is_ok() {}
        self.frame(within)
    }
}

fn shows(state: &CameraHealth, across: u32, down: u32) -> bool {
    matches!(state, CameraHealth::Live { width, height, .. } if (*width, *height) == (across, down))
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn frames_arrive_from_a_network_camera_whole_and_in_order() {
    let server = server(None);
    let watched = watch(rtsp(server.url("front")));
    let first = watched.frame(10 * SECOND);
    assert_eq!((first.width, first.height), (320, 240));
    let [luma, blue, _] = first.planes();
    assert!(luma.stride >= 320 && luma.bytes.len() >= luma.stride * 239 + 320);
    assert!(blue.stride >= 160 && (120..136).contains(&blue.bytes[80]));
    let brightest = luma.bytes[..320].iter().max().unwrap();
    assert!((200..=235).contains(brightest), "{brightest}");
    let next = watched.frame(SECOND);
    assert_eq!(next.number, first.number + 1);
    assert!(next.captured_mono_us > first.captured_mono_us);
    watched.until(SECOND, CameraHealth::is_live);
    watched.camera.stop();
    assert!(watched.frames.iter().count() < 30, "frames after the stop");
}

#[test]
fn p23_a_server_that_is_killed_is_offline_within_five_seconds_and_back_within_ten() {
    let mut server = server(None);
    let watched = watch(rtsp(server.url("front")));
    watched.frame(10 * SECOND);
    for _ in 0..2 {
        server.close();
        watched.until(5 * SECOND, |state| {
            matches!(state, CameraHealth::Failed(_) | CameraHealth::Silent)
        });
        server.open().unwrap();
        watched.next_frame(10 * SECOND);
    }
}

#[test]
fn p23_a_server_that_hangs_is_silent_within_five_seconds_and_back_within_ten() {
    let server = server(None);
    let watched = watch(rtsp(server.url("front")));
    watched.frame(10 * SECOND);
    server.fault(None, Fault::Hung);
    watched.until(5 * SECOND, |state| *state == CameraHealth::Silent);
    server.fault(None, Fault::None);
    watched.next_frame(10 * SECOND);
}

#[test]
fn p23_a_camera_comes_back_in_another_size() {
    let first = server(None);
    let port = first.port();
    let watched = watch(rtsp(first.url("front")));
    watched.until(10 * SECOND, |state| shows(state, 320, 240));
    drop(first);
    watched.until(5 * SECOND, |state| !state.is_live());
    let _second = served(
        Format {
            width: 640,
            height: 360,
            fps: 10,
        },
        port,
        None,
    );
    watched.until(10 * SECOND, |state| shows(state, 640, 360));
    let frame = watched.next_frame(SECOND);
    assert_eq!((frame.width, frame.height), (640, 360));
}

#[test]
fn a_wrong_password_is_told_apart_and_a_right_one_works() {
    let server = server(Some(("gate", "richtig")));
    let source = |password: &str| CameraSource::Rtsp {
        url: server.url("front"),
        user: Some("gate".to_owned()),
        password: Some(Secret::new(password)),
    };
    let wrong = watch(source("falsch"));
    wrong.until(10 * SECOND, |state| *state == CameraHealth::Unauthorised);
    let right = watch(source("richtig"));
    right.frame(10 * SECOND);
}

#[test]
fn nobody_at_the_address_is_unreachable_and_stopping_does_not_hang() {
    let port = server(None).port();
    let watched = watch(rtsp(format!("rtsp://127.0.0.1:{port}/front")));
    watched.until(10 * SECOND, |state| {
        matches!(state, CameraHealth::Failed(Failure::Unreachable(_)))
    });
    let start = Instant::now();
    watched.camera.stop();
    assert!(start.elapsed() < 5 * SECOND);
}

#[test]
fn several_cameras_that_arrive_at_once_all_get_frames() {
    let server = server(None);
    let all: Vec<Watched> = (0..4).map(|_| watch(rtsp(server.url("front")))).collect();
    for watched in &all {
        watched.frame(10 * SECOND);
    }
}

#[test]
fn f03_a_panic_in_the_sink_stays_in_its_camera() {
    let server = server(None);
    let (health_in, health) = channel();
    let (frame_in, frames) = channel();
    let start = Instant::now();
    let mut panicked = false;
    let spec = CameraSpec::new("front", rtsp(server.url("front")));
    let _camera = Camera::start(
        spec,
        Arc::new(move || start.elapsed().as_micros() as u64),
        move |frame| {
            if !std::mem::replace(&mut panicked, true) {
                panic!("the sink breaks once");
            }
            let _ = frame_in.send(frame);
        },
        move |state| drop(health_in.send(state)),
    )
    .unwrap();
    frames
        .recv_timeout(10 * SECOND)
        .expect("no frame after the panic");
    assert!(
        health
            .iter()
            .take(4)
            .any(|state| state == CameraHealth::Failed(Failure::Panicked))
    );
}

struct VideoFile(PathBuf);

impl VideoFile {
    fn new(name: &str) -> VideoFile {
        let path = std::env::temp_dir().join(format!("cameras-{name}-{}.mp4", std::process::id()));
        write_clip(&clip(SMALL), &path).unwrap();
        VideoFile(path)
    }
}

impl Drop for VideoFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_file_is_played_in_its_own_time_and_ends() {
    let file = VideoFile::new("once");
    let watched = watch(CameraSource::File {
        path: file.0.clone(),
        repeat: false,
    });
    let first = watched.frame(10 * SECOND);
    watched.until(10 * SECOND, |state| *state == CameraHealth::Ended);
    let last = watched
        .frames
        .try_iter()
        .last()
        .expect("more than one frame");
    let lasted_us = last.captured_mono_us - first.captured_mono_us;
    assert!(
        (1_200_000..4_000_000).contains(&lasted_us),
        "two seconds were shown in {lasted_us} µs"
    );
}

#[test]
fn a_repeated_file_begins_again() {
    let file = VideoFile::new("again");
    let watched = watch(CameraSource::File {
        path: file.0.clone(),
        repeat: true,
    });
    let mut last = watched.frame(10 * SECOND);
    while last.captured_mono_us < 5_000_000 {
        last = watched.frame(5 * SECOND);
    }
    assert!(
        watched
            .health
            .try_iter()
            .all(|state| matches!(state, CameraHealth::Starting | CameraHealth::Live { .. }))
    );
}

#[test]
fn a_file_that_is_not_there_is_unreachable() {
    let watched = watch(CameraSource::File {
        path: "/nonexistent/lane.mp4".into(),
        repeat: true,
    });
    watched.until(10 * SECOND, |state| {
        matches!(state, CameraHealth::Failed(Failure::Unreachable(_)))
    });
}
