//! gatectl: the technician's command line.

mod read;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    version,
    about = "The technician's command line of the checkpoint gateway"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Reads the plates of pictures on disk, without a daemon.
    Read(read::ReadArgs),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Read(args) => read::run(args),
    };
    done.unwrap_or_else(|error| {
        eprintln!("gatectl: {error:#}");
        ExitCode::FAILURE
    })
}
