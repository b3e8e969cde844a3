//! `gatewayd read VIDEO`: what the gate would see in a video, one JSON line a vehicle.
//!
//! The same looks and the same votes as at the gate, in the video's own time, as quickly as one
//! recogniser reads. Plates are printed in full: the technician reads files of their own.

use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, bail};
use gateway_cameras::{Camera, CameraHealth, CameraSource, CameraSpec, Frame};
use gateway_core::moment::Mono;
use gateway_core::name::Name;
use gateway_core::reading::Trust;
use gateway_core::sighting::Sighting;
use gateway_recognise::{Limits, Origin, Patterns, Recogniser, Shown};
use serde::Serialize;

use super::{Seen, View, Watched};

/// What is read, and how its lane is looked at.
pub struct Video {
    pub path: PathBuf,
    pub models: PathBuf,
    pub view: View,
    /// A vote that is surer is sure, per mille.
    pub sure_permille: u16,
}

/// One vehicle. Times are milliseconds of the video.
#[derive(Serialize)]
struct Line<'a> {
    track: u64,
    plate: &'a str,
    kind: String,
    colour: String,
    /// The colour is one that this kind of plate has.
    agrees: bool,
    confidence: f64,
    candidates: Vec<(&'a str, f64)>,
    first_seen_ms: u64,
    last_seen_ms: u64,
    /// The frame after which the first sighting was sent; null: the vehicle left before.
    sighted_ms: Option<u64>,
    frames: u32,
    #[serde(rename = "box")]
    area: [i32; 4],
}

/// Prints each vehicle when it is gone, and at the end, on standard error, what it took.
///
/// # Errors
/// The models or the video cannot be opened, or a frame cannot be read.
pub fn read(video: &Video) -> anyhow::Result<()> {
    let recogniser = Recogniser::open(&video.models)?;
    let source = CameraSource::Video {
        path: video.path.clone(),
    };
    let origin = Origin {
        lane: Name::from("lane"),
        camera: Name::from("video"),
        trust: Trust::Password,
    };
    let limits = Limits {
        sure_permille: video.sure_permille,
        ..Limits::default()
    };
    let votes = (Arc::new(Patterns::built_in()?), limits);
    let watched = Watched::new(origin, source.clone(), video.view.clone(), votes);
    let spec = CameraSpec {
        lane: watched.lane_shares(),
        ..CameraSpec::new("video", source)
    };
    let (ended, end) = channel();
    let viewer = Arc::new(Mutex::new(Viewer {
        watched,
        recogniser,
        sighted: Vec::new(),
        frames: 0,
        reads: 0,
        last: Mono(0),
        failed: None,
    }));
    let begun = Instant::now();
    let (seeing, told) = (viewer.clone(), viewer.clone());
    let camera = Camera::start(
        spec,
        Arc::new(move || begun.elapsed().as_micros() as u64),
        move |frame| held(&seeing).frame(frame),
        move |health| ending(&health, &told, &ended),
    )?;
    let outcome = end.recv().context("the camera's thread ended")?;
    drop(camera);
    outcome?;
    let viewer = held(&viewer);
    let seconds = begun.elapsed().as_secs_f64();
    let shown = viewer.last.0 as f64 / 1e6;
    eprintln!(
        "{} frames, {} read, {shown:.1} s of video in {seconds:.1} s",
        viewer.frames, viewer.reads
    );
    match &viewer.failed {
        Some(cause) => bail!("a frame was not read: {cause}"),
        None => Ok(()),
    }
}

/// The only user of the recogniser, on the camera's thread.
struct Viewer {
    watched: Watched,
    recogniser: Recogniser,
    /// Vehicles in the picture and the frame after which each was first sighted.
    sighted: Vec<(u64, u64)>,
    frames: u64,
    reads: u64,
    last: Mono,
    failed: Option<String>,
}

impl Viewer {
    fn frame(&mut self, frame: Frame) {
        let at = Mono(frame.captured_mono_us);
        self.frames += 1;
        self.last = self.last.max(at);
        let mut sightings = self.watched.tick(at, None);
        if self.watched.is_worth(&frame, false).is_some() {
            self.reads += 1;
            let how = self.watched.how(&frame);
            let seen = Seen(frame);
            match self.recogniser.read(&seen.picture(), &how) {
                Ok(reads) => sightings.extend(self.watched.frame(seen.0, reads, None)),
                Err(error) => self.failed = Some(error.to_string()),
            }
        }
        sightings
            .iter()
            .for_each(|sighting| self.take(at, sighting));
    }

    fn end(&mut self) {
        let at = self.last;
        for sighting in self.watched.end(None) {
            self.take(at, &sighting);
        }
    }

    fn take(&mut self, at: Mono, sighting: &Sighting) {
        let known = self
            .sighted
            .iter()
            .position(|(track, _)| *track == sighting.track);
        if !sighting.closed {
            if known.is_none() {
                self.sighted.push((sighting.track, at.0 / 1_000));
            }
            return;
        }
        let sighted_ms = known.map(|at| self.sighted.swap_remove(at).1);
        let line = Line::of(sighting, sighted_ms);
        match serde_json::to_string(&line) {
            Ok(line) => println!("{line}"),
            Err(error) => self.failed = Some(error.to_string()),
        }
    }
}

impl<'a> Line<'a> {
    fn of(sighting: &'a Sighting, sighted_ms: Option<u64>) -> Line<'a> {
        let share = |permille: u16| f64::from(permille) / 1_000.0;
        let candidates = sighting.candidates.iter();
        Line {
            track: sighting.track,
            plate: sighting.plate.reveal(),
            kind: word(&sighting.kind),
            colour: word(&sighting.colour),
            agrees: sighting.agrees,
            confidence: share(sighting.confidence_permille),
            candidates: candidates
                .map(|one| (one.plate.reveal(), share(one.confidence_permille)))
                .collect(),
            first_seen_ms: sighting.first_seen.0 / 1_000,
            last_seen_ms: sighting.last_seen.0 / 1_000,
            sighted_ms,
            frames: sighting.frames,
            area: sighting.plate_box,
        }
    }
}

/// The word that JSON uses for it.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "?".to_owned(),
    }
}

/// The camera tells its end, or why the video cannot be read.
fn ending(health: &CameraHealth, viewer: &Mutex<Viewer>, ended: &Sender<anyhow::Result<()>>) {
    let outcome = match health {
        CameraHealth::Starting | CameraHealth::Live { .. } => return,
        CameraHealth::Ended => {
            held(viewer).end();
            Ok(())
        }
        CameraHealth::Failed(failure) => {
            Err(anyhow::anyhow!("the video cannot be read: {failure}"))
        }
        other => Err(anyhow::anyhow!(
            "the video cannot be read: {}",
            other.code()
        )),
    };
    // Nobody listens any more when the first end was told.
    let _ = ended.send(outcome);
}

fn held(viewer: &Mutex<Viewer>) -> std::sync::MutexGuard<'_, Viewer> {
    viewer.lock().unwrap_or_else(PoisonError::into_inner)
}
