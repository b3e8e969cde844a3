//! P-23 by the count: eight cameras at a time are killed or hang, and all of them come back. Alone in its
//! file, because it counts what belongs to the whole process.
//!
//! `P23_CYCLES=500` makes it as long as one likes.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use camera_sim::{Clip, Fault, Format, Listen, Mount, Repeated, Server};
use gateway_cameras::{Camera, CameraHealth, CameraSource, CameraSpec};

const FORMAT: Format = Format {
    width: 320,
    height: 240,
    fps: 10,
};
const AT_A_TIME: usize = 8;
const SECOND: Duration = Duration::from_secs(1);

struct One {
    server: Server,
    frames: Receiver<u64>,
    health: Receiver<CameraHealth>,
    _camera: Camera,
}

impl One {
    fn start(clip: Clip) -> One {
        let mount = Mount {
            name: "front".to_owned(),
            feed: Box::new(Repeated(clip)),
        };
        let server = Server::start(Listen::default(), vec![mount], Instant::now()).unwrap();
        let source = CameraSource::Rtsp {
            url: server.url("front"),
            user: None,
            password: None,
        };
        let (frame_in, frames) = channel();
        let (health_in, health) = channel();
        let start = Instant::now();
        let camera = Camera::start(
            CameraSpec::new("front", source),
            Arc::new(move || start.elapsed().as_micros() as u64),
            move |frame| _ = frame_in.send(frame.number),
            move |state| drop(health_in.send(state)),
        )
        .unwrap();
        One {
            server,
            frames,
            health,
            _camera: camera,
        }
    }

    /// Away within five seconds, and a frame within ten of the return.
    fn cycle(&mut self, number: usize) {
        self.frames
            .recv_timeout(10 * SECOND)
            .expect("a frame before the fault");
        while self.health.try_recv().is_ok() {}
        let killed = number.is_multiple_of(2);
        if killed {
            self.server.close();
        } else {
            self.server.fault(None, Fault::Hung);
        }
        let state = self.health.recv_timeout(5 * SECOND);
        assert!(state.is_ok_and(|state| !state.is_live()), "cycle {number}");
        while self.frames.try_recv().is_ok() {}
        if killed {
            self.server.open().unwrap();
        } else {
            self.server.fault(None, Fault::None);
        }
        let back = self.frames.recv_timeout(10 * SECOND);
        assert!(back.is_ok(), "cycle {number} did not come back");
    }
}

/// Open descriptors and threads of this process, and its resident memory in KiB.
fn counted() -> [usize; 3] {
    let entries = |path: &str| std::fs::read_dir(path).unwrap().count();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let resident = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    let kib = resident.split_whitespace().nth(1).unwrap().parse().unwrap();
    [entries("/proc/self/fd"), entries("/proc/self/task"), kib]
}

#[test]
fn p23_slow_twenty_four_cycles_eight_cameras_at_a_time_all_recover() {
    camera_sim::init().unwrap();
    let clip = Clip::encode(FORMAT, 20, |number, frame| frame.fill(60 + number as u8)).unwrap();
    let cycles: usize = std::env::var("P23_CYCLES").map_or(24, |text| text.parse().unwrap());
    let mut cameras: Vec<One> = (0..AT_A_TIME).map(|_| One::start(clip.clone())).collect();
    let mut counts = Vec::new();
    for round in 0..cycles.div_ceil(AT_A_TIME) {
        std::thread::scope(|scope| {
            for (index, one) in cameras.iter_mut().enumerate() {
                scope.spawn(move || one.cycle(round + index));
            }
        });
        counts.push(counted());
    }
    println!("descriptors, threads, KiB: {counts:?}");
    // The first round fills GStreamer's pools.
    if let [_, [descriptors, threads, kib], later @ ..] = counts.as_slice() {
        for [now_descriptors, now_threads, now_kib] in later {
            assert!(
                *now_descriptors <= descriptors + 24
                    && *now_threads <= threads + 16
                    && *now_kib <= kib + 64 * 1024,
                "{counts:?}"
            );
        }
    }
}
