//! `sensors-sim`: the readers, thermometers, loops and barriers of the demo site, acting the traffic out
//! over MQTT. Each device has a user of its own and speaks as its family does.

mod arm;
mod barrier;
mod console;
mod device;
mod moves;
mod schedule;

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep, timeout};
use traffic::{LaneKind, Scenario, Spec, write_truth};

use crate::barrier::Barrier;
use crate::device::{Device, Door};
use crate::moves::Moves;
use crate::schedule::Lanes;

/// Plays the gate's devices. Lines on standard input change what they do: `emergency on|off`,
/// `card DEVICE HEX`, `temperature DEVICE CELSIUS`, `silent|normal|nonsense|retained DEVICE`,
/// `flood DEVICE COUNT`, `quit`.
#[derive(Parser)]
#[command(name = "sensors-sim", version)]
struct Options {
    /// The devices' broker, HOST:PORT.
    #[arg(long, default_value = "127.0.0.1:1883")]
    broker: String,
    /// TOML file with a password `device-ID` for each device; without it nobody logs in.
    #[arg(long)]
    secrets: Option<PathBuf>,
    /// The seed of the traffic; the camera simulator must get the same.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// When the scenario starts, milliseconds since 1970; now, when it is not given.
    #[arg(long)]
    start_at: Option<u64>,
    /// For how long anybody comes, seconds.
    #[arg(long, default_value_t = 86_400)]
    seconds: u64,
    /// The lanes to act; all, when none is named.
    #[arg(long, value_delimiter = ',')]
    lanes: Vec<String>,
    /// Devices only: nobody comes but by a line on standard input.
    #[arg(long)]
    idle: bool,
    /// Each command that a barrier receives is written here, one JSON line each.
    #[arg(long)]
    moves: Option<PathBuf>,
    /// Writes the ground truth (JSON lines) of the lanes.
    #[arg(long, alias = "expect")]
    truth: Option<PathBuf>,
    /// Writes the lists of the seed's residents as CSV into this folder, and ends.
    #[arg(long)]
    write_lists: Option<PathBuf>,
}

/// How long the devices may take to connect before the simulator gives up.
const CONNECT: Duration = Duration::from_secs(20);

fn main() -> Result<()> {
    let options = Options::parse();
    let scenario = Scenario::generate(&Spec::seconds(options.seed, options.seconds));
    if let Some(folder) = &options.write_lists {
        let written = scenario.lists().write_csv(folder);
        return written.with_context(|| format!("{} cannot be written", folder.display()));
    }
    if let Some(path) = &options.truth {
        let file = File::create(path);
        let file = file.with_context(|| format!("{} cannot be written", path.display()))?;
        let mut file = BufWriter::new(file);
        write_truth(&scenario, &options.lanes, &mut file)?;
        file.flush()?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let done = runtime.block_on(run(&options, scenario));
    runtime.shutdown_background();
    done
}

async fn run(options: &Options, scenario: Scenario) -> Result<()> {
    let start = Start::at(options.start_at);
    let door = door(options)?;
    let moves = Arc::new(Moves::open(options.moves.as_deref(), start)?);
    let mut lanes = Lanes::default();
    let emergency = Device::emergency(&door, "emergency");
    lanes.add_device(emergency.clone());
    for lane in scenario.lanes {
        if !options.lanes.is_empty() && !options.lanes.contains(&lane.name) {
            continue;
        }
        let barrier = Barrier::start(&door, &lane.name, lane.kind == LaneKind::Walk, &moves);
        lanes.add(&door, lane, barrier);
    }
    let devices = lanes.devices();
    let connected = timeout(CONNECT, all_connected(&devices)).await;
    if connected.is_err() {
        let missing = devices.values().filter(|device| !device.is_connected());
        let names: Vec<&str> = missing.map(|device| device.id.as_str()).collect();
        bail!(
            "no connection to {} for {}; remedy: is the broker up, and are their passwords in the \
             secrets file?",
            options.broker,
            names.join(", ")
        );
    }
    println!("ready");
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let acting = async {
        if options.idle {
            std::future::pending::<()>().await;
        }
        lanes.act(start).await;
        // The devices stay: arms close, and last wills are not sent.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = acting => {}
        () = console::listen(&devices, &emergency) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

async fn all_connected(devices: &BTreeMap<String, Device>) {
    while !devices.values().all(Device::is_connected) {
        sleep(Duration::from_millis(20)).await;
    }
}

fn door(options: &Options) -> Result<Door> {
    let parts = options.broker.rsplit_once(':');
    let parts = parts.and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
    let (host, port) = parts.context("--broker wants HOST:PORT")?;
    let passwords = options.secrets.as_deref().map(secrets).transpose()?;
    Ok(Door {
        host,
        port,
        passwords: passwords.unwrap_or_default(),
    })
}

fn secrets(path: &Path) -> Result<BTreeMap<String, String>> {
    let text = fs::read_to_string(path);
    let text = text.with_context(|| format!("the secrets in {} cannot be read", path.display()))?;
    // The parser's message may repeat a secret, so it is left out.
    toml::from_str(&text).map_err(|_| anyhow::anyhow!("{} is no TOML of texts", path.display()))
}

/// The scenario's zero, on the monotonic clock and on the wall.
#[derive(Clone, Copy, Debug)]
struct Start {
    at: Instant,
    unix_ms: u64,
}

impl Start {
    /// At a moment of the wall clock, which may be past; now without one.
    fn at(unix_ms: Option<u64>) -> Start {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_ms = since.map_or(0, |since| since.as_millis() as u64);
        let unix_ms = unix_ms.unwrap_or(now_ms);
        let now = Instant::now();
        let ahead = Duration::from_millis(unix_ms.saturating_sub(now_ms));
        let behind = Duration::from_millis(now_ms.saturating_sub(unix_ms));
        Start {
            at: (now + ahead).checked_sub(behind).unwrap_or(now),
            unix_ms,
        }
    }
}
