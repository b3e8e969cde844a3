//! `gatectl read`: the plates of pictures on disk, without a daemon.
//!
//! Plates are printed in full: the technician reads files of their own.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use gateway_core::plate::{PlateColour, PlateKind};
use gateway_recognise::{How, PlateRead, Recogniser, Still, Whole};
use serde::Serialize;

#[derive(Args)]
pub struct ReadArgs {
    /// Pictures: JPEG, PNG, BMP or WebP.
    #[arg(required = true, value_name = "PICTURE")]
    pictures: Vec<PathBuf>,
    /// One JSON line a picture.
    #[arg(long)]
    json: bool,
    /// The pictures are plates already cut out: read one whole where no plate is found in it.
    #[arg(long)]
    crop: bool,
    /// The folder with models.toml and what ./tools/models fetched.
    #[arg(long, value_name = "DIR", default_value = "models")]
    models: PathBuf,
}

/// Reads every picture, best plate first. Exit status 1 when one of them cannot be read.
pub fn run(args: ReadArgs) -> anyhow::Result<ExitCode> {
    let mut recogniser = Recogniser::open(&args.models)?;
    let mut how = How::still();
    if args.crop {
        how.whole = Whole::Always;
    }
    let mut exit = ExitCode::SUCCESS;
    for path in &args.pictures {
        let line = match read(&mut recogniser, path, &how) {
            Ok(line) => line,
            Err(error) => {
                exit = ExitCode::FAILURE;
                Line::failed(path, &error)
            }
        };
        if args.json {
            println!("{}", serde_json::to_string(&line)?);
        } else {
            println!("{}", line.text());
        }
    }
    Ok(exit)
}

fn read(recogniser: &mut Recogniser, path: &Path, how: &How) -> anyhow::Result<Line> {
    let content = std::fs::read(path).context("the picture cannot be opened")?;
    let still = Still::decode(&content)?;
    let start = Instant::now();
    let plates = recogniser.read(&still.view(), how)?;
    let milliseconds = start.elapsed().as_secs_f64() * 1000.0;
    Ok(Line {
        path: path.display().to_string(),
        plates: Some(plates.iter().map(ReadPlate::from).collect()),
        milliseconds: Some(rounded(milliseconds, 10.0)),
        error: None,
    })
}

/// What is printed of one picture.
#[derive(Serialize)]
struct Line {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    plates: Option<Vec<ReadPlate>>,
    /// From decoded pixels to plates.
    #[serde(skip_serializing_if = "Option::is_none")]
    milliseconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct ReadPlate {
    text: String,
    kind: PlateKind,
    colour: PlateColour,
    /// Whether the colour is one that this kind has.
    agrees: bool,
    confidence: f64,
    #[serde(rename = "box")]
    area: [f64; 4],
    /// Top left, top right, bottom right, bottom left.
    corners: [[f64; 2]; 4],
    candidates: Vec<ReadCandidate>,
}

#[derive(Serialize)]
struct ReadCandidate {
    text: String,
    confidence: f64,
}

impl Line {
    fn failed(path: &Path, error: &anyhow::Error) -> Line {
        Line {
            path: path.display().to_string(),
            plates: None,
            milliseconds: None,
            error: Some(format!("{error:#}")),
        }
    }

    /// For a person: the picture, then each plate with what is known of it.
    fn text(&self) -> String {
        if let Some(error) = &self.error {
            return format!("{}: {error}", self.path);
        }
        let plates = self.plates.as_deref().unwrap_or_default();
        let mut text = format!("{}:", self.path);
        for (i, plate) in plates.iter().enumerate() {
            let separator = if i == 0 { " " } else { " · " };
            text.push_str(separator);
            text.push_str(&plate.text());
        }
        if plates.is_empty() {
            text.push_str(" no plate");
        }
        if let Some(milliseconds) = self.milliseconds {
            text.push_str(&format!(" ({milliseconds:.1} ms)"));
        }
        text
    }
}

impl ReadPlate {
    fn text(&self) -> String {
        let width = (self.area[2] - self.area[0]).round();
        let clash = if self.agrees {
            ""
        } else {
            ", colour disagrees"
        };
        format!(
            "{} {:.3} {}, {}, {width} px wide{clash}",
            self.text,
            self.confidence,
            name(&self.kind),
            name(&self.colour),
        )
    }
}

impl From<&PlateRead> for ReadPlate {
    fn from(plate: &PlateRead) -> ReadPlate {
        let area = &plate.area;
        let share = |permille: u16| f64::from(permille) / 1000.0;
        let pixel = |value: f32| rounded(f64::from(value), 10.0);
        ReadPlate {
            text: plate.plate.reveal().to_owned(),
            kind: plate.kind,
            colour: plate.colour,
            agrees: plate.agrees,
            confidence: share(plate.confidence_permille),
            area: [area.x0, area.y0, area.x1, area.y1].map(pixel),
            corners: plate.corners.0.map(|corner| corner.map(pixel)),
            candidates: plate
                .candidates
                .iter()
                .map(|candidate| ReadCandidate {
                    text: candidate.plate.reveal().to_owned(),
                    confidence: share(candidate.confidence_permille),
                })
                .collect(),
        }
    }
}

/// The word that JSON uses for it.
fn name(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word.replace('_', " "),
        _ => "?".to_owned(),
    }
}

fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}
