//! P-25 end to end: a drawn lane that is encoded, decoded and judged.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use camera_sim::{Cache, Clip, Format, Studio, Unit, write_clip};
use gateway_cameras::{Camera, CameraHealth, CameraSource, CameraSpec, Useless};

const FORMAT: Format = Format {
    width: 1280,
    height: 720,
    fps: 15,
};
const SECONDS: usize = 24;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("useless-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The moments of the frames and why they are no use, of a video of the empty lane's pictures as chosen.
fn judged(name: &str, choose: impl Fn(&[Unit], usize) -> Unit) -> Vec<(u64, Option<Useless>)> {
    camera_sim::init().unwrap();
    let folder = Folder::new(name);
    let cache = Arc::new(Cache::open(&folder.0).unwrap());
    let mut clip: Clip = Studio::open("in-1", 7, FORMAT, cache)
        .unwrap()
        .idle()
        .unwrap();
    let count = SECONDS * FORMAT.fps as usize;
    let units = std::mem::take(&mut clip.units);
    clip.units = (0..count)
        .map(|number| {
            let chosen = choose(&units, number);
            let mut buffer = chosen.buffer.copy();
            buffer.make_mut().set_pts(None);
            Unit {
                key: chosen.key,
                buffer,
            }
        })
        .collect();
    let path = folder.0.join("lane.mp4");
    write_clip(&clip, &path).unwrap();
    let (frame_in, frames) = channel();
    let (health_in, health) = channel();
    let start = Instant::now();
    let _camera = Camera::start(
        CameraSpec::new("front", CameraSource::Video { path }),
        Arc::new(move || start.elapsed().as_micros() as u64),
        move |frame| {
            frame_in
                .send((frame.captured_mono_us, frame.useless))
                .unwrap()
        },
        move |state| drop(health_in.send(state)),
    )
    .unwrap();
    while health.recv_timeout(Duration::from_secs(60)).unwrap() != CameraHealth::Ended {}
    frames.try_iter().collect()
}

#[test]
fn p25_a_quiet_lane_is_not_taken_for_a_frozen_picture() {
    let judged = judged("lane", |units, number| units[number % units.len()].clone());
    assert!(judged.len() > SECONDS / 2);
    assert!(
        judged.iter().all(|(_, useless)| useless.is_none()),
        "{judged:?}"
    );
}

#[test]
fn p25_a_stream_that_repeats_one_picture_is_frozen_within_fifteen_seconds() {
    const FREEZES: usize = 8;
    let judged = judged("frozen", |units, number| {
        let live = number < FREEZES * FORMAT.fps as usize;
        units[if live { number % units.len() } else { 0 }].clone()
    });
    let told = judged
        .iter()
        .find(|(_, useless)| *useless == Some(Useless::Frozen));
    assert!(
        told.is_some_and(|(at_us, _)| *at_us < (FREEZES as u64 + 15) * 1_000_000),
        "{judged:?}"
    );
}
