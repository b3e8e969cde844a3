//! `cargo xtask sim`: days of a gate in simulated time, one thread a processor, a seed at a time.

mod recorded;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;
use gateway_sim::{Report, Run, SimError, simulate};
use serde::Serialize;

/// Rules compile on a stack as large as the gate's.
pub const STACK: usize = 64 << 20;

#[derive(Args)]
pub struct SimArgs {
    /// How many seeds.
    #[arg(long, default_value_t = 10)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// This seed alone.
    #[arg(long)]
    seed: Option<u64>,
    #[arg(long, default_value_t = 1)]
    days: u64,
    /// One vehicle lane with 3,000 vehicles and nothing wrong, timed.
    #[arg(long)]
    lane_day: bool,
    /// Tells every step between these seconds of the day.
    #[arg(long, num_args = 2, value_names = ["FROM", "TO"])]
    trace: Option<Vec<u64>>,
    /// Instead of seeds: a store's folder, whose recorded inputs are decided once more.
    #[arg(long, value_name = "DIR", requires = "config")]
    journal: Option<PathBuf>,
    /// The configuration of the gate that recorded it: its lanes, rules and lists.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[arg(long)]
    json: bool,
}

/// Everything that the seeds came to.
#[derive(Default, Serialize)]
struct Sum {
    seeds: u64,
    days: u64,
    seconds: f64,
    slowest_s: f64,
    visits: u64,
    passages: u64,
    decisions: u64,
    admits: u64,
    holds: u64,
    refuses: u64,
    openings: u64,
    closes: u64,
    events: u64,
    steps: u64,
    readings: u64,
    crashes: u64,
    violations: Vec<Broken>,
    /// Of all seeds' hashes, in their order.
    hash: String,
}

#[derive(Serialize)]
struct Broken {
    seed: u64,
    violation: String,
    replay: String,
}

pub fn run(args: &SimArgs) -> anyhow::Result<ExitCode> {
    if let (Some(journal), Some(config)) = (&args.journal, &args.config) {
        return recorded::run(journal, config);
    }
    let seeds: Vec<u64> = match args.seed {
        Some(seed) => vec![seed],
        None => (args.from..args.from + args.seeds).collect(),
    };
    let runs: Vec<Run> = seeds
        .iter()
        .map(|seed| Run {
            trace: args
                .trace
                .as_ref()
                .map(|range| (range[0] * 1_000, range[1] * 1_000)),
            ..match args.lane_day {
                true => Run::lane_day(*seed),
                false => Run::days(*seed, args.days),
            }
        })
        .collect();
    let began = Instant::now();
    let done = all(&runs)?;
    let mut sum = Sum {
        seeds: seeds.len() as u64,
        days: if args.lane_day { 1 } else { args.days },
        seconds: began.elapsed().as_secs_f64(),
        ..Sum::default()
    };
    let mut hashes = String::new();
    for (report, seconds) in &done {
        report.trace.iter().for_each(|line| println!("{line}"));
        sum.add(report, *seconds);
        hashes.push_str(&report.hash);
    }
    sum.hash = match done.as_slice() {
        [(one, _)] => one.hash.clone(),
        _ => short_hash(&hashes),
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&sum)?);
    } else {
        sum.print();
    }
    Ok(if sum.violations.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs all, as many at once as there are processors, and gives the reports in order with the
/// seconds of each.
pub fn all(runs: &[Run]) -> anyhow::Result<Vec<(Report, f64)>> {
    let next = AtomicU64::new(0);
    let done = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let work = || -> Result<(), SimError> {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed) as usize;
                let Some(run) = runs.get(index) else {
                    return Ok(());
                };
                let began = Instant::now();
                let report = simulate(*run)?;
                let seconds = began.elapsed().as_secs_f64();
                let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                done.push((index, report, seconds));
            }
        };
        let threads: Vec<_> = (0..workers.min(runs.len()))
            .map(|_| {
                let builder = std::thread::Builder::new().stack_size(STACK);
                builder.spawn_scoped(scope, work)
            })
            .collect::<Result<_, _>>()
            .context("cannot start a thread")?;
        for thread in threads {
            match thread.join() {
                Ok(result) => result.context("the simulation cannot run")?,
                Err(_) => bail!("a simulation panicked: the lines above say where"),
            }
        }
        Ok(())
    })?;
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, ..)| *index);
    Ok(done
        .into_iter()
        .map(|(_, report, seconds)| (report, seconds))
        .collect())
}

impl Sum {
    fn add(&mut self, report: &Report, seconds: f64) {
        self.slowest_s = self.slowest_s.max(seconds);
        self.visits += report.visits;
        self.passages += report.counts.passages;
        self.decisions += report.counts.decisions;
        self.admits += report.counts.admits;
        self.holds += report.counts.holds;
        self.refuses += report.counts.refuses;
        self.openings += report.counts.openings;
        self.closes += report.counts.closes;
        self.events += report.events;
        self.steps += report.steps;
        self.readings += report.readings;
        self.crashes += report.crashes;
        for violation in &report.violations {
            self.violations.push(Broken {
                seed: report.seed,
                violation: violation.to_string(),
                replay: format!(
                    "cargo xtask sim --seed {} --days {}",
                    report.seed, self.days
                ),
            });
        }
    }

    fn print(&self) {
        for broken in &self.violations {
            println!("seed {}: {}", broken.seed, broken.violation);
        }
        let mut replays: Vec<&str> = self.violations.iter().map(|b| b.replay.as_str()).collect();
        replays.dedup();
        for replay in replays {
            println!("    again: {replay}");
        }
        println!(
            "{} seeds of {} days in {:.1} s, the slowest {:.2} s",
            self.seeds, self.days, self.seconds, self.slowest_s
        );
        println!(
            "{} visits, {} passages, {} decisions ({} admit, {} hold, {} refuse), {} openings, {} closes",
            self.visits,
            self.passages,
            self.decisions,
            self.admits,
            self.holds,
            self.refuses,
            self.openings,
            self.closes
        );
        println!(
            "{} events, {} steps, {} readings, {} crashes",
            self.events, self.steps, self.readings, self.crashes
        );
        println!("hash {}, {} violations", self.hash, self.violations.len());
    }
}

fn short_hash(text: &str) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(text.as_bytes());
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
