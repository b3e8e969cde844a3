//! `cargo xtask accuracy --simulated`: drawn visits through the real recogniser and tracker.
//!
//! Each visit is a row of raw pictures, as a decoder gives them, at the rate at which a busy gate's
//! worker looks at them. What became of each vehicle is told by stratum; no figure is asserted.

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, bail};
use camera_sim::{Clip, Corners, FORMAT, Shot, Spread, Visit, Visits};
use gateway_core::moment::Mono;
use gateway_core::plate::PlateKind;
use gateway_recognise::{How, I420, Limits, Picture, Plane, PlateRead, Recogniser, Tracker};

use super::AccuracyArgs;
use super::tally::{Outcome, Report, Track};

/// The long side at which the detector looks, as config/gateway.toml has it.
const LONG_SIDE: u32 = 960;

/// From one looked-at frame to the next, milliseconds.
const PERIOD_MS: u64 = 1_000 / FORMAT.fps as u64;

/// Between two vehicles, milliseconds; longer than a track outlives its vehicle.
const PAUSE_MS: u64 = 4_000;

pub fn run(args: &AccuracyArgs) -> anyhow::Result<ExitCode> {
    if args.through_h264 > 0 {
        camera_sim::init()?;
    }
    let threads = match args.threads {
        Some(threads) => threads.max(1),
        None => std::thread::available_parallelism()?.get(),
    };
    let next = AtomicU64::new(0);
    let start = Instant::now();
    let mut outcomes = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| Bay::open(args)?.visits(args, &next)))
            .collect();
        let mut all = Vec::new();
        for thread in running {
            match thread.join() {
                Ok(outcomes) => all.extend(outcomes?),
                Err(_) => bail!("a thread of the run panicked; its words stand above"),
            }
        }
        Ok(all)
    })?;
    outcomes.sort_by_key(|outcome| outcome.number);
    let report = Report::of(args.seed, &outcomes);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        report.print();
        println!(
            "\n{threads} threads, {:.0} s",
            start.elapsed().as_secs_f64()
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// One thread's lane with its recogniser.
struct Bay {
    visits: Visits,
    recogniser: Recogniser,
    tracker: Tracker,
    how: How,
    now: Mono,
}

impl Bay {
    fn open(args: &AccuracyArgs) -> anyhow::Result<Bay> {
        let recogniser = Recogniser::open(&args.models)?;
        let (width, height) = (FORMAT.width as f32, FORMAT.height as f32);
        let lane = [[0.06, 0.16], [0.94, 0.16], [0.94, 1.0], [0.06, 1.0]]
            .map(|[x, y]| [x * width, y * height]);
        Ok(Bay {
            visits: Visits::open(args.seed)?,
            tracker: Tracker::new(recogniser.patterns(), Limits::default()),
            recogniser,
            how: How::stream(LONG_SIDE).in_lane(&lane),
            now: Mono::from_ms(10_000),
        })
    }

    fn visits(mut self, args: &AccuracyArgs, next: &AtomicU64) -> anyhow::Result<Vec<Outcome>> {
        let mut outcomes = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= args.vehicles {
                return Ok(outcomes);
            }
            let spread = if args.even {
                Spread::Even
            } else {
                Spread::Gate
            };
            let visit = Visit::of(args.seed, number, spread);
            let encoded = number < args.through_h264;
            let outcome = self.visit(number, &visit, encoded, args.keep.as_deref());
            outcomes.push(outcome.with_context(|| format!("vehicle {number}"))?);
        }
    }

    fn visit(
        &mut self,
        number: u64,
        visit: &Visit,
        encoded: bool,
        keep: Option<&Path>,
    ) -> anyhow::Result<Outcome> {
        let mut shots: Vec<_> = self.visits.shots(visit).collect();
        if encoded {
            through_h264(&mut shots)?;
        }
        if let (Some(folder), Some(shot)) = (keep, shots.last()) {
            camera_sim::write_picture(
                &shot.frame,
                FORMAT,
                &folder.join(format!("{number:05}.jpg")),
            )?;
        }
        let mut outcome = Outcome::new(number, visit, encoded);
        for shot in &shots {
            self.now = self.now.plus_ms(PERIOD_MS);
            let reads = self.recogniser.read(&picture(&shot.frame), &self.how)?;
            outcome.frame(visit, shot, &reads);
            let change = self.tracker.frame(self.now, &reads);
            self.take(&mut outcome, change);
        }
        self.now = self.now.plus_ms(PAUSE_MS);
        let change = self.tracker.tick(self.now);
        self.take(&mut outcome, change);
        outcome.settle();
        Ok(outcome)
    }

    fn take(&self, outcome: &mut Outcome, change: gateway_recognise::Change) {
        for sighting in change.sightings {
            outcome.sighting(Track {
                number: sighting.track,
                text: sighting.plate.reveal().to_owned(),
                raw: sighting.kind == PlateKind::Raw,
                colour: sighting.colour,
                agrees: sighting.agrees,
                confidence_permille: sighting.confidence_permille,
                frames: sighting.frames,
            });
        }
    }
}

fn through_h264(shots: &mut [Shot]) -> anyhow::Result<()> {
    let clip = Clip::encode(FORMAT, shots.len(), |number, frame| {
        frame.copy_from_slice(&shots[number].frame);
    })?;
    for (shot, decoded) in shots.iter_mut().zip(clip.decode()?) {
        shot.frame = decoded;
    }
    Ok(())
}

fn picture(frame: &[u8]) -> Picture<'_> {
    let (width, height) = (FORMAT.width, FORMAT.height);
    let (luma, chroma) = frame.split_at(width * height);
    let (blue, red) = chroma.split_at(width * height / 4);
    let plane = |bytes, stride| Plane { bytes, stride };
    Picture::I420(I420 {
        width: width as u32,
        height: height as u32,
        planes: [
            plane(luma, width),
            plane(blue, width / 2),
            plane(red, width / 2),
        ],
    })
}

/// The read whose middle lies nearest to the plate's, if within half its width.
pub fn nearest<'a>(reads: &'a [PlateRead], corners: &Corners) -> Option<&'a PlateRead> {
    let middle = [0, 1].map(|d| corners.iter().map(|c| c[d]).sum::<f32>() / 4.0);
    let width = (corners[1][0] - corners[0][0]).hypot(corners[1][1] - corners[0][1]);
    reads
        .iter()
        .map(|read| {
            let [x, y] = read.area.centre();
            (read, (x - middle[0]).hypot(y - middle[1]))
        })
        .filter(|(_, far)| *far < width / 2.0)
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(read, _)| read)
}
