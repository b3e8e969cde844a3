//! What the work on one frame costs: motion, evidence, the picture for a page, and a file's decoding.
//! Prints figures and asserts none.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use camera_sim::{Clip, Format, write_clip};
use gateway_cameras::{Camera, CameraSource, CameraSpec, Frame, Motion, jpeg};

const FULL: Format = Format {
    width: 1920,
    height: 1080,
    fps: 25,
};

fn main() {
    let frame = lane();
    let mut motion = Motion::new(&[]);
    row("motion of a 1080p frame", 200, || _ = motion.update(&frame));
    let mut encoder = jpeg::Encoder::new(85).expect("an encoder");
    let whole = jpeg::View::default();
    row("a 1080p frame as JPEG", 50, || {
        drop(encoder.encode(&frame, &whole).expect("a JPEG"))
    });
    let small = jpeg::View {
        crop: None,
        max_width: Some(640),
    };
    row("a 1080p frame as JPEG of 640 pixels", 50, || {
        drop(encoder.encode(&frame, &small).expect("a JPEG"))
    });
    decoding();
}

/// The median of so many runs.
fn row(what: &str, runs: usize, mut work: impl FnMut()) {
    work();
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort();
    println!("{what:<40} {:>8.2} ms", times[runs / 2].as_secs_f64() * 1e3);
}

fn shade(at: usize, number: usize) -> u8 {
    (60 + at % 1920 / 16 + number % 3 + (at / 1920 % 7) * 3) as u8
}

fn lane() -> Frame {
    let mut bytes = vec![128u8; FULL.bytes()];
    for (at, pixel) in bytes[..1920 * 1080].iter_mut().enumerate() {
        *pixel = shade(at, 0);
    }
    Frame::packed("bench".into(), 0, (1920, 1080), bytes).expect("a frame")
}

/// A quiet 1080p25 stream with everything that a camera's thread does to it, as a share of one core.
fn decoding() {
    camera_sim::init().expect("GStreamer");
    let path = std::env::temp_dir().join(format!("cameras-bench-{}.mp4", std::process::id()));
    let clip = Clip::encode(FULL, 100, |number, frame| {
        frame[1920 * 1080..].fill(128);
        frame[..1920 * 1080]
            .iter_mut()
            .enumerate()
            .for_each(|(at, pixel)| *pixel = shade(at, number));
    })
    .expect("a clip");
    write_clip(&clip, &path).expect("a file");
    let (frame_in, frames) = channel();
    let start = Instant::now();
    let source = CameraSource::File {
        path: path.clone(),
        repeat: true,
    };
    let camera = Camera::start(
        CameraSpec::new("bench", source),
        Arc::new(move || start.elapsed().as_micros() as u64),
        move |frame| _ = frame_in.send(frame.number),
        |_| {},
    )
    .expect("a camera");
    frames
        .recv_timeout(Duration::from_secs(10))
        .expect("a frame");
    let (began, used) = (Instant::now(), processor());
    let mut count = 0;
    while began.elapsed() < Duration::from_secs(8) {
        count += usize::from(frames.recv_timeout(Duration::from_secs(1)).is_ok());
    }
    let share = (processor() - used) / began.elapsed().as_secs_f64();
    println!(
        "{:<40} {:>7.1} % of one core at {:.1} frames/s",
        "a 1080p25 file, every frame decoded",
        share * 100.0,
        count as f64 / 8.0
    );
    drop(camera);
    let _ = std::fs::remove_file(path);
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
