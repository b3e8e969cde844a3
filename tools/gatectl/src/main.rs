//! gatectl: the technician's command line.

mod camera;
mod check;
mod control;
mod help;
mod journal;
mod lists;
mod numbers;
mod outbox;
mod passage;
mod read;
mod rules;
mod status;
mod tree;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

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
    /// Names everything that is wrong in a configuration, its rules and its lists.
    Check(check::CheckArgs),
    /// How the gateway is.
    Status(status::StatusArgs),
    /// A camera, as a technician sets it up.
    Camera(camera::CameraArgs),
    /// The journal of events.
    Journal(journal::JournalArgs),
    /// What upstream has not confirmed.
    Outbox(outbox::OutboxArgs),
    /// The lists: shown, checked, imported, exported.
    Lists(lists::ListsArgs),
    /// What came to the gate and what became of it.
    Numbers(numbers::NumbersArgs),
    /// The sheet that one shift hands to the next.
    Handover(numbers::HandoverArgs),
    /// Passages: listed, and one explained.
    Passage(passage::PassageArgs),
    /// The rules: shown, tested, tried on what was recorded, put in force.
    Rules(rules::RulesArgs),
}

fn main() -> ExitCode {
    let language = help::language();
    let matches = help::translated(Cli::command(), language).get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let done = match cli.command {
        Command::Read(args) => read::run(args),
        Command::Check(args) => check::run(&args.config),
        Command::Status(args) => status::run(args, language),
        Command::Camera(args) => camera::run(args, language),
        Command::Journal(args) => journal::run(args, language),
        Command::Outbox(args) => outbox::run(args, language),
        Command::Lists(args) => lists::run(args, language),
        Command::Numbers(args) => numbers::run(&args, language),
        Command::Handover(args) => numbers::handover(&args, language),
        Command::Passage(args) => passage::run(args, language),
        Command::Rules(args) => rules::run(args, language),
    };
    done.unwrap_or_else(|error| {
        eprintln!("gatectl: {error:#}");
        ExitCode::FAILURE
    })
}
