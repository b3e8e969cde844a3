//! P-23, the streams of broken cameras: garbage, wrong time stamps, another codec, long absences.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use camera_sim::{Clip, Codec, Encoding, Fault, Format, Listen, Mount, Repeated, Server, Stamps};
use gateway_cameras::{Attention, Camera, CameraHealth, CameraSource, CameraSpec};

const FORMAT: Format = Format {
    width: 320,
    height: 240,
    fps: 15,
};
const SECOND: Duration = Duration::from_secs(1);

fn served(codec: Codec, port: u16) -> Server {
    camera_sim::init().unwrap();
    let encoding = Encoding::of(codec, FORMAT);
    let clip = Clip::encode_as(FORMAT, encoding, 30, |number, frame| {
        frame.fill(128);
        let luma = &mut frame[..FORMAT.width * FORMAT.height];
        for (at, pixel) in luma.iter_mut().enumerate() {
            *pixel = (60 + at % FORMAT.width / 8 + number * 3) as u8;
        }
    })
    .unwrap();
    let mount = Mount {
        name: "front".to_owned(),
        feed: Box::new(Repeated(clip)),
    };
    Server::start(Listen { port, login: None }, vec![mount], Instant::now()).unwrap()
}

/// A camera that is held awake and tells the moment of each frame and that of its arrival here.
struct Watched {
    _camera: Camera,
    moments: Receiver<(u64, u64)>,
    health: Receiver<CameraHealth>,
}

fn watch(url: String) -> Watched {
    let source = CameraSource::Rtsp {
        url,
        user: None,
        password: None,
    };
    let attention = Attention::new();
    attention.hold(u64::MAX);
    let spec = CameraSpec {
        attention,
        ..CameraSpec::new("front", source)
    };
    let start = Instant::now();
    let clock = move || start.elapsed().as_micros() as u64;
    let (moment_in, moments) = channel();
    let (health_in, health) = channel();
    let camera = Camera::start(
        spec,
        Arc::new(clock),
        move |frame| _ = moment_in.send((frame.captured_mono_us, clock())),
        move |state| drop(health_in.send(state)),
    )
    .unwrap();
    Watched {
        _camera: camera,
        moments,
        health,
    }
}

impl Watched {
    fn moment(&self, within: Duration) -> (u64, u64) {
        self.moments.recv_timeout(within).expect("no frame in time")
    }

    /// Waits for so many frames from now on.
    fn fresh(&self, count: usize, within: Duration) -> Vec<(u64, u64)> {
        while self.moments.try_recv().is_ok() {}
        (0..count).map(|_| self.moment(within)).collect()
    }

    fn until_away(&self, within: Duration) {
        let start = Instant::now();
        while let Some(left) = within.checked_sub(start.elapsed()) {
            match self.health.recv_timeout(left) {
                Ok(state) if !state.is_live() && state != CameraHealth::Starting => return,
                Ok(_) => {}
                Err(_) => break,
            }
        }
        panic!("it was not told to be away within {within:?}");
    }
}

#[test]
fn p23_garbage_in_the_packets_is_survived_and_over_when_it_ends() {
    for codec in [Codec::H264, Codec::H265, Codec::Jpeg] {
        let server = served(codec, 0);
        let watched = watch(server.url("front"));
        watched.moment(10 * SECOND);
        server.fault(None, Fault::Garbage);
        let until = Instant::now() + 3 * SECOND;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            let _ = watched.moments.recv_timeout(left);
        }
        server.fault(None, Fault::None);
        watched.fresh(30, 10 * SECOND);
    }
}

#[test]
fn p23_wrong_time_stamps_change_no_moment() {
    let server = served(Codec::H264, 0);
    for stamps in [Stamps::Zero, Stamps::Backwards, Stamps::Jumping] {
        let watched = watch(server.url("front"));
        watched.moment(10 * SECOND);
        server.fault(None, Fault::Times(stamps));
        let moments = watched.fresh(45, 10 * SECOND);
        assert!(
            moments.windows(2).all(|pair| pair[0].0 < pair[1].0),
            "{stamps:?}: {moments:?}"
        );
        assert!(
            moments.iter().all(
                |(captured, seen)| seen.saturating_sub(*captured) < 3_000_000
                    && *captured < seen + 100_000
            ),
            "{stamps:?}: {moments:?}"
        );
        server.fault(None, Fault::None);
        watched.fresh(5, 10 * SECOND);
    }
}

#[test]
fn p23_a_camera_comes_back_in_another_codec() {
    let first = served(Codec::H264, 0);
    let port = first.port();
    let watched = watch(first.url("front"));
    watched.moment(10 * SECOND);
    drop(first);
    for codec in [Codec::H265, Codec::Jpeg, Codec::H264] {
        watched.until_away(5 * SECOND);
        let _server = served(codec, port);
        watched.fresh(3, 10 * SECOND);
    }
}

#[test]
fn p23_slow_a_camera_that_was_away_for_ninety_seconds_is_back_within_ten() {
    let mut server = served(Codec::H264, 0);
    let watched = watch(server.url("front"));
    watched.moment(10 * SECOND);
    server.close();
    watched.until_away(5 * SECOND);
    let until = Instant::now() + 90 * SECOND;
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        let state = watched.health.recv_timeout(left);
        assert!(state.is_err() || !state.unwrap().is_live());
    }
    server.open().unwrap();
    watched.fresh(3, 10 * SECOND);
}
