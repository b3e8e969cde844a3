//! P-23, the other half: a camera that comes and goes leaves nothing behind. Alone in its file, because
//! it counts what belongs to the whole process.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use camera_sim::{Clip, Format, Listen, Mount, Repeated, Server};
use gateway_cameras::{Camera, CameraSource, CameraSpec};

const FORMAT: Format = Format {
    width: 320,
    height: 240,
    fps: 15,
};

/// Open descriptors and threads of this process.
fn counted() -> (usize, usize) {
    let entries = |path: &str| std::fs::read_dir(path).unwrap().count();
    (entries("/proc/self/fd"), entries("/proc/self/task"))
}

#[test]
fn p23_threads_and_descriptors_stay_flat_over_reboots() {
    camera_sim::init().unwrap();
    let clip = Clip::encode(FORMAT, 15, |number, frame| frame.fill(60 + number as u8)).unwrap();
    let mount = Mount {
        name: "front".to_owned(),
        feed: Box::new(Repeated(clip)),
    };
    let mut server = Server::start(Listen::default(), vec![mount], Instant::now()).unwrap();
    let source = CameraSource::Rtsp {
        url: server.url("front"),
        user: None,
        password: None,
    };
    let start = Instant::now();
    let (frame_in, frames) = channel();
    let (health_in, health) = channel();
    let _camera = Camera::start(
        CameraSpec::new("front", source),
        Arc::new(move || start.elapsed().as_micros() as u64),
        move |frame| _ = frame_in.send(frame.number),
        move |state| _ = health_in.send(state.is_live()),
    )
    .unwrap();
    let mut counts = Vec::new();
    for _ in 0..6 {
        while health.recv_timeout(Duration::from_secs(10)).ok() != Some(true) {}
        while frames.try_recv().is_ok() {}
        frames
            .recv_timeout(Duration::from_secs(10))
            .expect("a frame after the return");
        counts.push(counted());
        server.close();
        while health.recv_timeout(Duration::from_secs(5)) != Ok(false) {}
        server.open().unwrap();
    }
    // The first rounds fill GStreamer's pools; later ones may differ by a thread that is just ending.
    let (descriptors, threads) = counts[1];
    for (later_descriptors, later_threads) in &counts[2..] {
        assert!(
            *later_descriptors <= descriptors + 4 && *later_threads <= threads + 3,
            "{counts:?}"
        );
    }
}
