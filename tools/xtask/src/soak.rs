//! `cargo xtask soak`: simulated days of ever new seeds, counted up for one promise; it goes on where
//! the last one stopped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Args, ValueEnum};
use gateway_sim::{Report, Run};
use serde::{Deserialize, Serialize};

use crate::sim;

/// Seeds of the soak begin here: those of the check are not run again.
const FIRST_SEED: u64 = 100_000;
/// Seeds between two looks at the clock.
const AT_ONCE: u64 = 4;

#[derive(Args)]
pub struct SoakArgs {
    #[arg(long)]
    family: Family,
    #[arg(long, default_value_t = 10)]
    minutes: u64,
}

/// A promise, and what is counted for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Family {
    /// Days whose gate had a twin that was fed the same.
    #[value(name = "D-1")]
    D1,
    /// Passages.
    #[value(name = "D-2")]
    D2,
    /// Openings, each judged.
    #[value(name = "D-5")]
    D5,
    /// Closes that left for an arm.
    #[value(name = "B-1")]
    B1,
    /// Starts.
    #[value(name = "B-3")]
    B3,
    /// Crashes.
    #[value(name = "P-01")]
    P01,
    /// Events.
    #[value(name = "P-10")]
    P10,
}

/// What was run so far, by family.
#[derive(Default, Serialize, Deserialize)]
struct State(BTreeMap<String, Row>);

#[derive(Default, Serialize, Deserialize)]
struct Row {
    seeds: u64,
    count: u64,
    seconds: f64,
    violations: Vec<String>,
}

pub fn run(args: &SoakArgs) -> anyhow::Result<ExitCode> {
    let path = state_path();
    let mut state = State::read(&path)?;
    let name = args
        .family
        .to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default();
    let began = Instant::now();
    let limit = Duration::from_secs(args.minutes * 60);
    while began.elapsed() < limit {
        let row = state.0.entry(name.clone()).or_default();
        let first = FIRST_SEED + row.seeds;
        let runs: Vec<Run> = (first..first + AT_ONCE)
            .map(|seed| {
                let mut run = Run::days(seed, 1);
                run.twin |= args.family == Family::D1;
                run
            })
            .collect();
        let round = Instant::now();
        for (report, _) in sim::all(&runs)? {
            row.seeds += 1;
            row.count += args.family.count(&report);
            for violation in &report.violations {
                row.violations
                    .push(format!("seed {}: {violation}", report.seed));
            }
        }
        row.seconds += round.elapsed().as_secs_f64();
        let violations = row.violations.len();
        state.write(&path)?;
        if violations > 0 {
            break;
        }
    }
    let row = state.0.entry(name.clone()).or_default();
    for violation in &row.violations {
        println!("{violation}");
    }
    println!("| family | seeds | count | hours run | violations |");
    println!(
        "| {name} | {} | {} | {:.2} | {} |",
        row.seeds,
        row.count,
        row.seconds / 3_600.0,
        row.violations.len()
    );
    Ok(if row.violations.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Family {
    fn count(self, report: &Report) -> u64 {
        match self {
            Family::D1 => 1,
            Family::D2 => report.counts.passages,
            Family::D5 => report.counts.openings,
            Family::B1 => report.counts.closes,
            Family::B3 | Family::P01 => report.crashes,
            Family::P10 => report.events,
        }
    }
}

impl State {
    fn read(path: &Path) -> anyhow::Result<State> {
        match std::fs::read_to_string(path) {
            Ok(text) => serde_json::from_str(&text)
                .with_context(|| format!("{} is no state of a soak: move it away", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(State::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Whole or not at all.
    fn write(&self, path: &Path) -> anyhow::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let new = path.with_extension("new");
        std::fs::write(&new, serde_json::to_vec_pretty(self)?)?;
        std::fs::rename(&new, path).with_context(|| format!("cannot write {}", path.display()))
    }
}

fn state_path() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.unwrap_or(Path::new(".")).join(".cache/soak.json")
}
