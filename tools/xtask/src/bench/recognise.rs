//! The recogniser on drawn stills, beside the bare runtime's time for the very same model calls.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};
use gateway_recognise::{Call, How, Recogniser, Still};

use super::{Row, Spread};

const PICTURES: usize = 60;
/// Each picture is read so often; the rounds go through all pictures.
const ROUNDS: usize = 3;

pub fn row(root: &Path) -> anyhow::Result<Row> {
    let folder = tempfile::tempdir()?;
    let stills = stills(root, folder.path())?;
    let mut recogniser = Recogniser::open(&root.join("models"))?;
    // The first calls of a session allocate; no picture should pay for that.
    for still in stills.iter().take(3) {
        recogniser.read(&still.view(), &How::still())?;
        recogniser.bare()?;
    }
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    let (mut detects, mut reads) = (0, 0);
    for _ in 0..ROUNDS {
        for still in &stills {
            let start = Instant::now();
            recogniser.read(&still.view(), &How::still())?;
            ours.push(start.elapsed().as_secs_f64() * 1e3);
            let calls = recogniser.calls();
            let of_reader = calls.iter().filter(|call| **call == Call::Read).count();
            reads += of_reader;
            detects += calls.len() - of_reader;
            bare.push(recogniser.bare()?.as_secs_f64() * 1e3);
        }
    }
    let paired = ours.iter().zip(&bare).map(|(ours, bare)| ours / bare);
    let note = format!(
        "{PICTURES} drawn stills of 1080p, {ROUNDS} rounds; {:.2} calls of the detector and {:.2} of the reader a picture; picture by picture the median ratio is {:.3}",
        detects as f64 / ours.len() as f64,
        reads as f64 / ours.len() as f64,
        Spread::of(paired.collect()).median,
    );
    Ok(Row {
        row: "recognise: a picture's plates".to_owned(),
        unit: "ms".to_owned(),
        n: ours.len(),
        ours: Spread::of(ours),
        bare: Spread::of(bare),
        note,
    })
}

/// Vehicles at the arm with drawn plates, decoded; decoding is not measured.
fn stills(root: &Path, folder: &Path) -> anyhow::Result<Vec<Still>> {
    let done = Command::new(root.join("target/release/camera-sim"))
        .args(["--stills", &PICTURES.to_string(), "--format=1920x1080@25"])
        .arg("--stills-to")
        .arg(folder)
        .arg("--cache")
        .arg(folder.join("clips"))
        .output()
        .context("camera-sim cannot be run")?;
    if !done.status.success() {
        bail!("camera-sim: {}", String::from_utf8_lossy(&done.stderr));
    }
    let mut paths: Vec<_> = std::fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|end| end == "jpg" || end == "png")
        })
        .collect();
    paths.sort();
    if paths.len() != PICTURES {
        bail!(
            "camera-sim drew {} pictures instead of {PICTURES}",
            paths.len()
        );
    }
    paths
        .iter()
        .map(|path| Ok(Still::decode(&std::fs::read(path)?)?))
        .collect()
}
