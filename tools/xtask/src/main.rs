//! The project's own tasks: `cargo xtask …`.

mod accuracy;
mod bench;
mod sim;
mod soak;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tasks that look at the project itself.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Asserts the layout, the edges between the members, file sizes, the promises' table and the pins.
    Tidy,
    /// How well and how fast labelled pictures are read, beside the bare runtime.
    Accuracy(accuracy::AccuracyArgs),
    /// What the gateway costs, each row beside the bare limit in the same run.
    Bench(bench::BenchArgs),
    /// Days of a gate in simulated time, from seeds, with everything that goes wrong.
    Sim(sim::SimArgs),
    /// Simulated days for one promise, for so many minutes; goes on where the last one stopped.
    Soak(soak::SoakArgs),
}

fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().task {
        Task::Tidy => tidy::run(),
        Task::Accuracy(arguments) => accuracy::run(arguments),
        Task::Bench(arguments) => bench::run(arguments),
        Task::Sim(arguments) => sim::run(&arguments),
        Task::Soak(arguments) => soak::run(&arguments),
    }
}
