//! gatewayd: the daemon at the gate.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The checkpoint gateway's daemon.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The configuration.
    #[arg(long, global = true, default_value = "/etc/gateway/gateway.toml")]
    config: PathBuf,
    /// The file of secrets, mode 0600; else what the configuration names.
    #[arg(long, global = true)]
    secrets: Option<PathBuf>,
    /// Where the journal lies; else what the configuration says.
    #[arg(long)]
    state_dir: Option<PathBuf>,
    /// Become this user before anything is opened to the world.
    #[arg(long)]
    user: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Write the device broker's configuration, access list and passwords.
    BrokerConfig {
        /// The folder to write to.
        #[arg(long)]
        out: PathBuf,
    },
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| "info,rumqttc=error".into()),
        )
        .init();
    let arguments = Arguments::parse();
    let start = gatewayd::start::Start {
        config: arguments.config,
        secrets: arguments.secrets,
        state_dir: arguments.state_dir,
        user: arguments.user,
    };
    match arguments.command {
        Some(Command::BrokerConfig { out }) => gatewayd::start::broker_config(&start, &out),
        None => gatewayd::start::run(&start),
    }
}
