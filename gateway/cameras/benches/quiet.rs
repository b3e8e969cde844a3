//! What one quiet 1080p25 camera costs, beside a pipeline that decodes the same stream and drops it.
//!
//! `quiet [ROUNDS]` prints one row as JSON: processor time as a share of one core. Each of the two is a
//! process of its own that watches the same RTSP server, in turns; this one only serves.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use camera_sim::{Cache, Clip, Format, Listen, Mount, Repeated, Server, Studio};
use gateway_cameras::{Camera, CameraSource, CameraSpec, Motion};
use gstreamer as gst;
use gstreamer::prelude::*;

const FULL: Format = Format {
    width: 1920,
    height: 1080,
    fps: 25,
};
/// A stream begins within this.
const PATIENCE: Duration = Duration::from_secs(20);
/// A process settles for so long after its first frame …
const SETTLES: Duration = Duration::from_secs(7);
/// … and is measured for so long.
const WINDOW: Duration = Duration::from_secs(10);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("ours") => ours(&arguments[1]),
        Some("bare") => bare(&arguments[1]),
        _ => {
            let rounds = arguments.iter().find_map(|text| text.parse().ok());
            println!("{}", compare(rounds.unwrap_or(6)));
        }
    }
}

fn compare(rounds: usize) -> String {
    let clip = empty_lane();
    let seconds = clip.units.len() as f64 / f64::from(FULL.fps);
    let bits = clip.stream().expect("a stream").len() as f64 * 8.0;
    let kilobits = bits / seconds / 1e3;
    let server = serve(clip);
    let mut measured = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        measured[0].push(measure("ours", &server.url("quiet")));
        measured[1].push(measure("bare", &server.url("quiet")));
    }
    let [ours, bare] = &measured;
    let shares = |of: &[Measured]| spread(of.iter().map(|one| one.share).collect());
    let rate = |of: &[Measured]| {
        let frames: u64 = of.iter().map(|one| one.frames).sum();
        frames as f64 / of.len() as f64 / WINDOW.as_secs_f64()
    };
    format!(
        r#"{{"row":"camera: quiet 1080p25 over RTSP","unit":"% of a core","n":{rounds},"ours":{},"bare":{},"note":"{kilobits:.0} kbit/s, windows of {} s; ours looked for motion in {:.1} frames a second, the bare pipeline decoded {:.1}"}}"#,
        shares(ours),
        shares(bare),
        WINDOW.as_secs(),
        rate(ours),
        rate(bare),
    )
}

/// A drawn lane with the grain of a sensor.
fn empty_lane() -> Clip {
    camera_sim::init().expect("GStreamer");
    let folder = std::env::temp_dir().join(format!("quiet-bench-{}", std::process::id()));
    let cache = Arc::new(Cache::open(&folder).expect("a folder"));
    let studio = Studio::open("in-1", 7, FULL, cache);
    let clip = studio.and_then(|mut studio| studio.idle());
    let _ = std::fs::remove_dir_all(&folder);
    clip.expect("a clip")
}

fn serve(clip: Clip) -> Server {
    let mount = Mount {
        name: "quiet".to_owned(),
        feed: Box::new(Repeated(clip)),
    };
    Server::start(Listen::default(), vec![mount], Instant::now()).expect("a server")
}

/// What a process says of itself: its share of one core, per cent, and its frames.
struct Measured {
    share: f64,
    frames: u64,
}

fn measure(which: &str, url: &str) -> Measured {
    let program = std::env::current_exe().expect("this program");
    let done = Command::new(program)
        .args([which, url])
        .stderr(Stdio::inherit())
        .output()
        .expect("this program can be run");
    let said = String::from_utf8_lossy(&done.stdout);
    let measured = said.trim().split_once(' ').and_then(|(share, frames)| {
        Some(Measured {
            share: share.parse().ok()?,
            frames: frames.parse().ok()?,
        })
    });
    measured.unwrap_or_else(|| panic!("{which} measured nothing: {said:?}, {}", done.status))
}

/// As the daemon does it with a camera in whose lane nothing happens.
fn ours(url: &str) {
    let frames = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&frames);
    let mut motion = Motion::new(&[]);
    let start = Instant::now();
    let source = CameraSource::Rtsp {
        url: url.to_owned(),
        user: None,
        password: None,
    };
    let camera = Camera::start(
        CameraSpec::new("quiet", source),
        Arc::new(move || start.elapsed().as_micros() as u64),
        move |frame| {
            std::hint::black_box(motion.update(&frame));
            counted.fetch_add(1, Relaxed);
        },
        |_| {},
    )
    .expect("a camera");
    say(&frames);
    drop(camera);
}

fn bare(url: &str) {
    gst::init().expect("GStreamer");
    let line = format!(
        "rtspsrc location={url} protocols=tcp latency=0 ! rtph264depay ! h264parse \
         ! avdec_h264 max-threads=1 ! fakesink name=sink sync=false enable-last-sample=false"
    );
    let pipeline = gst::parse::launch(&line).expect("a pipeline");
    let sink = pipeline
        .downcast_ref::<gst::Bin>()
        .and_then(|bin| bin.by_name("sink"))
        .and_then(|sink| sink.static_pad("sink"))
        .expect("a sink");
    let frames = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&frames);
    sink.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        counted.fetch_add(1, Relaxed);
        gst::PadProbeReturn::Ok
    });
    pipeline.set_state(gst::State::Playing).expect("playing");
    say(&frames);
    let _ = pipeline.set_state(gst::State::Null);
}

/// Prints what this process used while frames came.
fn say(frames: &AtomicU64) {
    let until = Instant::now() + PATIENCE;
    while frames.load(Relaxed) == 0 {
        assert!(Instant::now() < until, "no frame came");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(SETTLES);
    let (began, used, seen) = (Instant::now(), processor(), frames.load(Relaxed));
    std::thread::sleep(WINDOW);
    let share = (processor() - used) / began.elapsed().as_secs_f64() * 100.0;
    println!("{share} {}", frames.load(Relaxed) - seen);
}

/// Processor seconds of this process, in the kernel's hundredths.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("/proc/self/stat");
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    (fields[11].parse::<f64>().expect("utime") + fields[12].parse::<f64>().expect("stime")) / 100.0
}

fn spread(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    let at = |share: f64| values[(last as f64 * share).round() as usize];
    format!(r#"{{"median":{:.3},"p99":{:.3}}}"#, at(0.5), at(0.99))
}
