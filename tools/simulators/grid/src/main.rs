//! `grid-sim`: the reference platform as a process. At its end it says what it received and what
//! is missing, and exits with 1 when anything is missing or was altered.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Parser;
use grid_sim::http;
use grid_sim::key::Key;
use grid_sim::lie::Lie;
use grid_sim::link::{self, Broker};
use grid_sim::platform::Platform;
use tokio::signal::unix::{SignalKind, signal};

/// The reference municipal platform: stores, verifies, answers receipts, sends orders.
#[derive(Parser)]
struct Arguments {
    /// HOST:PORT of the MQTT broker.
    #[arg(long)]
    broker: String,
    #[arg(long)]
    user: String,
    /// A file with the broker's password on one line.
    #[arg(long)]
    password_file: PathBuf,
    /// The folder of what was received; a restart goes on from it.
    #[arg(long)]
    store: PathBuf,
    /// The signing key; created when there is none.
    #[arg(long)]
    key: PathBuf,
    /// Where the public key is written, for the gateways.
    #[arg(long)]
    public_key_file: Option<PathBuf>,
    /// The destination's name in the gateways' configuration.
    #[arg(long, default_value = "grid")]
    destination: String,
    /// Port of the HTTP side on loopback; 0 takes any. The port is printed.
    #[arg(long)]
    http: Option<u16>,
    /// late, double, unknown, unsigned or early.
    #[arg(long)]
    lie: Option<Lie>,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::INFO)
        .init();
    let arguments = Arguments::parse();
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let key = Key::open(&arguments.key)?;
    if let Some(path) = &arguments.public_key_file {
        std::fs::write(path, key.public_text())
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let platform = Arc::new(Platform::open(
        &arguments.store,
        key,
        arguments.destination.clone(),
        arguments.lie,
    )?);
    let (client, events) = link::connect(&broker(&arguments)?);
    let serving = serve(&arguments, platform.clone(), client.clone()).await?;
    tokio::select! {
        ended = link::run(platform.clone(), client, events) => ended?,
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    serving.abort();
    let summary = platform.ledger(|ledger| ledger.summary());
    summary.lines().iter().for_each(|line| println!("{line}"));
    Ok(match summary.is_whole() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn broker(arguments: &Arguments) -> Result<Broker> {
    let (host, port) = arguments
        .broker
        .rsplit_once(':')
        .context("--broker is HOST:PORT")?;
    let password = std::fs::read_to_string(&arguments.password_file)
        .with_context(|| format!("cannot read {}", arguments.password_file.display()))?;
    Ok(Broker {
        host: host.to_owned(),
        port: port.parse().context("--broker is HOST:PORT")?,
        user: arguments.user.clone(),
        password: password.trim_end().to_owned(),
    })
}

async fn serve(
    arguments: &Arguments,
    platform: Arc<Platform>,
    client: rumqttc::AsyncClient,
) -> Result<tokio::task::JoinHandle<()>> {
    let Some(port) = arguments.http else {
        return Ok(tokio::spawn(async {}));
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .with_context(|| format!("cannot listen on port {port}"))?;
    println!("http {}", listener.local_addr()?.port());
    Ok(tokio::spawn(async move {
        if let Err(cause) = axum::serve(listener, http::router(platform, client)).await {
            tracing::error!(%cause, "the HTTP side ended");
        }
    }))
}
