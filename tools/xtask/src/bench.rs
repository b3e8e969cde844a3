//! `cargo xtask bench`: what the gateway's own work costs, each row beside the bare limit of the
//! same machine, measured in turns in the same run.
//!
//! The rows that need a daemon, a camera or a disk are programs of the crates that they measure;
//! each prints its row as one line of JSON. No figure is asserted.

mod machine;
mod measure;
mod recognise;

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

#[derive(Args)]
pub struct BenchArgs {
    /// Only this row.
    #[arg(long, value_name = "ROW")]
    only: Option<Which>,
    /// The table as JSON.
    #[arg(long)]
    json: bool,
}

/// The rows, in the order in which they are measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    /// A picture's plates, beside the bare runtime's time for the same model calls.
    Recognise,
    /// A passage in the state machine, beside the bare CEL evaluation of the same rules.
    Decide,
    /// A card to the barrier's command, beside two hops through the broker and one fdatasync.
    Passage,
    /// Sixty-four events made durable, beside a plain log.
    Journal,
    /// 100,000 recorded passages under a draft of the rules, beside the bare evaluation.
    Trial,
    /// A quiet 1080p25 camera, beside a pipeline that only decodes it.
    Camera,
    /// Eight 1080p25 cameras, two of them busy: readable to sighted, beside decoding and the models.
    EightCameras,
}

/// One row as measured.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    row: String,
    unit: String,
    /// Measurements of each of the two.
    n: usize,
    ours: Spread,
    bare: Spread,
    /// What else the measurement tells, in words.
    note: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Spread {
    median: f64,
    p99: f64,
}

/// A row and what the machine did besides.
#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    row: Row,
    /// Ours over bare, by the medians.
    ratio: f64,
    /// Processors that were busy just before, of all.
    busy_before: f64,
}

#[derive(Serialize)]
struct Table {
    machine: machine::Machine,
    rows: Vec<Line>,
}

pub fn run(args: BenchArgs) -> anyhow::Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap_or(Path::new("."));
    let mut table = Table {
        machine: machine::Machine::look()?,
        rows: Vec::new(),
    };
    let wanted = |row: &&Which| args.only.is_none_or(|only| only == **row);
    for which in Which::value_variants().iter().filter(wanted) {
        measure::build(root, *which)?;
        let busy_before = machine::busy()?;
        let row = measure::row(root, *which)?;
        let ratio = row.ours.median / row.bare.median;
        table.rows.push(Line {
            row,
            ratio,
            busy_before,
        });
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&table)?);
    } else {
        table.print();
    }
    Ok(ExitCode::SUCCESS)
}

impl Table {
    fn print(&self) {
        println!("{}\n", self.machine);
        println!(
            "{:<34} {:>10} {:>10} {:>10} {:>10}  {:<13} {:>6} {:>5}  busy before",
            "", "ours p50", "ours p99", "bare p50", "bare p99", "unit", "ratio", "n"
        );
        for Line {
            row,
            ratio,
            busy_before,
        } in &self.rows
        {
            println!(
                "{:<34} {:>10.2} {:>10.2} {:>10.2} {:>10.2}  {:<13} {ratio:>6.2} {:>5}  {busy_before:.2} of {}",
                row.row,
                row.ours.median,
                row.ours.p99,
                row.bare.median,
                row.bare.p99,
                row.unit,
                row.n,
                self.machine.processors,
            );
        }
        println!();
        for line in &self.rows {
            println!("{}: {}", line.row.row, line.row.note);
        }
    }
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Spread {
        values.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let last = values.len().saturating_sub(1);
            let at = (last as f64 * share).round() as usize;
            values.get(at).copied().unwrap_or(f64::NAN)
        };
        Spread {
            median: at(0.5),
            p99: at(0.99),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_needs_no_order() {
        let spread = Spread::of(vec![100.0, 2.0, 3.0, 1.0, 4.0]);
        assert_eq!((spread.median, spread.p99), (3.0, 100.0));
    }
}
