//! `cargo xtask accuracy --video`: simulated traffic as a video, read as the gate would read it, held
//! against what truly came.
//!
//! The video is drawn and encoded once; `gatewayd read` looks at it with the daemon's own looks and
//! votes, as quickly as it can. In this scene at 1080p a plate is 85 pixels wide when its vehicle
//! appears: it can be read from its first frame on.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::AccuracyArgs;

const FORMAT: &str = "1920x1080@25";
const LANE: &str = "in-1";

/// A vehicle that came, as the simulator says it.
#[derive(Deserialize)]
struct Came {
    id: String,
    appear_ms: u64,
    gone_ms: u64,
    plate: Text,
}

#[derive(Deserialize)]
struct Text {
    text: String,
}

/// A vehicle that was seen, as `gatewayd read` prints it.
#[derive(Deserialize)]
struct Saw {
    plate: String,
    confidence: f64,
    first_seen_ms: u64,
    last_seen_ms: u64,
    sighted_ms: Option<u64>,
}

#[derive(Serialize)]
struct Report {
    vehicles: usize,
    exact: usize,
    /// Seen, and read as something else.
    misread: usize,
    missed: usize,
    /// Seen where no vehicle was, or a second time.
    false_vehicles: usize,
    wrong_but_sure: usize,
    /// From the first readable frame to the first sighting, milliseconds of the video.
    median_ms: u64,
    p99_ms: u64,
    /// Seconds of video for one second of reading.
    times_real_time: f64,
    not_exact: Vec<String>,
}

pub fn run(args: &AccuracyArgs) -> anyhow::Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap_or(Path::new("."));
    build(root)?;
    let folder = tempfile::tempdir()?;
    let (video, truth) = (
        folder.path().join("lane.mp4"),
        folder.path().join("truth.jsonl"),
    );
    draw(root, args, &video, &truth)?;
    let came = lines::<Came>(&std::fs::read_to_string(&truth)?)?;
    let begun = Instant::now();
    let done = Command::new(root.join("target/release/gatewayd"))
        .arg("read")
        .arg(&video)
        .arg("--models")
        .arg(&args.models)
        .stderr(Stdio::inherit())
        .output()
        .context("gatewayd cannot be run")?;
    let took = begun.elapsed().as_secs_f64();
    if !done.status.success() {
        bail!("gatewayd read failed; its own words stand above");
    }
    let saw = lines::<Saw>(&String::from_utf8_lossy(&done.stdout))?;
    let mut report = Report::of(&came, &saw);
    report.times_real_time = args.seconds as f64 / took;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        report.print();
    }
    Ok(ExitCode::SUCCESS)
}

fn build(root: &Path) -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args([
            "build",
            "--quiet",
            "--release",
            "-p",
            "camera-sim",
            "-p",
            "gatewayd",
            "--bins",
        ])
        .current_dir(root)
        .status()
        .context("cargo cannot be run")?;
    if !built.success() {
        bail!("cargo build failed; its own words stand above");
    }
    Ok(())
}

fn draw(root: &Path, args: &AccuracyArgs, video: &Path, truth: &Path) -> anyhow::Result<()> {
    let drawn = Command::new(root.join("target/release/camera-sim"))
        .args(["--lanes", LANE, "--format", FORMAT])
        .args(["--seed", &args.seed.to_string()])
        .args(["--seconds", &args.seconds.to_string()])
        .arg("--cache")
        .arg(root.join(".cache/clips"))
        .arg("--truth")
        .arg(truth)
        .arg("--write-lane")
        .arg(video)
        .status()
        .context("camera-sim cannot be run")?;
    if !drawn.success() {
        bail!("camera-sim failed; its own words stand above");
    }
    Ok(())
}

fn lines<T: for<'a> Deserialize<'a>>(text: &str) -> anyhow::Result<Vec<T>> {
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| serde_json::from_str(line).with_context(|| format!("not understood: {line}")))
        .collect()
}

impl Report {
    fn of(came: &[Came], saw: &[Saw]) -> Report {
        let mut free: Vec<bool> = vec![true; saw.len()];
        let (mut times, mut not_exact) = (Vec::new(), Vec::new());
        let (mut misread, mut wrong_but_sure) = (0, 0);
        for vehicle in came {
            let here = |(at, seen): &(usize, &Saw)| {
                free[*at]
                    && seen.first_seen_ms < vehicle.gone_ms
                    && seen.last_seen_ms > vehicle.appear_ms
            };
            let mut of: Vec<(usize, &Saw)> = saw.iter().enumerate().filter(here).collect();
            // The right text first, then the surest.
            of.sort_by(|a, b| {
                let right = |seen: &Saw| seen.plate == vehicle.plate.text;
                let surer = b.1.confidence.total_cmp(&a.1.confidence);
                right(b.1).cmp(&right(a.1)).then(surer)
            });
            let Some((at, seen)) = of.first() else {
                not_exact.push(format!("{}: missed", vehicle.id));
                continue;
            };
            free[*at] = false;
            if seen.plate == vehicle.plate.text {
                let sighted = seen.sighted_ms.unwrap_or(vehicle.gone_ms);
                times.push(sighted.saturating_sub(vehicle.appear_ms));
                continue;
            }
            misread += 1;
            wrong_but_sure += usize::from(seen.confidence >= 0.95);
            not_exact.push(format!(
                "{}: {} read as {} ({:.3})",
                vehicle.id, vehicle.plate.text, seen.plate, seen.confidence
            ));
        }
        times.sort_unstable();
        let at = |share: f64| {
            let last = times.len().saturating_sub(1);
            times
                .get((last as f64 * share).round() as usize)
                .copied()
                .unwrap_or(0)
        };
        Report {
            vehicles: came.len(),
            exact: times.len(),
            misread,
            missed: came.len() - times.len() - misread,
            false_vehicles: free.iter().filter(|free| **free).count(),
            wrong_but_sure,
            median_ms: at(0.5),
            p99_ms: at(0.99),
            times_real_time: 0.0,
            not_exact,
        }
    }

    fn print(&self) {
        let percent = self.exact as f64 * 100.0 / self.vehicles.max(1) as f64;
        println!("vehicles          {}", self.vehicles);
        println!("exact             {} ({percent:.1} %)", self.exact);
        println!("misread           {}", self.misread);
        println!("missed            {}", self.missed);
        println!("false vehicles    {}", self.false_vehicles);
        println!("wrong at >= 0.95  {}", self.wrong_but_sure);
        println!(
            "readable → sighted: p50 {} ms, p99 {} ms",
            self.median_ms, self.p99_ms
        );
        println!("{:.1} times as quick as real time", self.times_real_time);
        for line in &self.not_exact {
            println!("  {line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn came(text: &str, appear_ms: u64) -> Came {
        let plate = Text {
            text: text.to_owned(),
        };
        let id = format!("at-{appear_ms}");
        Came {
            id,
            appear_ms,
            gone_ms: appear_ms + 5_000,
            plate,
        }
    }

    fn saw(plate: &str, first_seen_ms: u64, confidence: f64) -> Saw {
        Saw {
            plate: plate.to_owned(),
            confidence,
            first_seen_ms,
            last_seen_ms: first_seen_ms + 4_000,
            sighted_ms: Some(first_seen_ms + 100),
        }
    }

    #[test]
    fn each_vehicle_is_exact_misread_or_missed_and_the_rest_is_false() {
        let came = [came("A", 1_000), came("B", 10_000), came("C", 20_000)];
        let saw = [
            saw("A", 1_100, 0.99),
            saw("X", 1_200, 0.99),
            saw("Y", 10_100, 0.97),
            saw("Z", 40_000, 0.5),
        ];
        let report = Report::of(&came, &saw);
        assert_eq!((report.exact, report.misread, report.missed), (1, 1, 1));
        assert_eq!((report.false_vehicles, report.wrong_but_sure), (2, 1));
        assert_eq!(report.median_ms, 200);
    }
}
