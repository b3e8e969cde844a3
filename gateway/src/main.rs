//! gatewayd: the daemon at the gate.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use gatewayd::sight::View;
use gatewayd::sight::video::{self, Video};

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
    /// Read the vehicles of a video, one JSON line each, without a gate.
    Read(Read),
}

#[derive(clap::Args)]
struct Read {
    /// Anything that GStreamer decodes.
    video: PathBuf,
    /// The folder with models.toml and what ./tools/models fetched.
    #[arg(long, value_name = "DIR", default_value = "models")]
    models: PathBuf,
    /// Corners of the lane, per mille of the picture: `X,Y` at least three times.
    #[arg(long, value_name = "X,Y", value_parser = corner, num_args = 3..)]
    polygon: Vec<[u16; 2]>,
    /// Pixels of the lane's longer side that the detector is shown at first.
    #[arg(long, default_value_t = 960, value_parser = clap::value_parser!(u32).range(320..=1920))]
    long_side: u32,
    /// A vote that is surer is sure, 0.5 to 1.
    #[arg(long, default_value_t = 0.9)]
    plate_sure: f64,
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
        Some(Command::Read(read)) => read_video(read),
        None => gatewayd::start::run(&start),
    }
}

fn read_video(read: Read) -> ExitCode {
    let whole = vec![[0, 0], [1_000, 0], [1_000, 1_000], [0, 1_000]];
    let video = Video {
        path: read.video,
        models: read.models,
        view: View {
            polygon: match read.polygon.is_empty() {
                true => whole,
                false => read.polygon,
            },
            stop_line_permille: None,
            long_side: read.long_side,
        },
        sure_permille: (read.plate_sure.clamp(0.5, 1.0) * 1_000.0).round() as u16,
    };
    match video::read(&video) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gatewayd: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn corner(text: &str) -> Result<[u16; 2], String> {
    let wrong = || format!("{text} is no corner; wanted X,Y with whole numbers from 0 to 1000");
    let (x, y) = text.split_once(',').ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse().ok().filter(|value| *value <= 1_000);
    Ok([number(x).ok_or_else(wrong)?, number(y).ok_or_else(wrong)?])
}
