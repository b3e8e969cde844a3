//! `faultproxy --listen 127.0.0.1:0 --to HOST:PORT`: prints its port, then obeys one word a line.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use clap::Parser;
use faultproxy::{FaultProxy, Mode};

/// A TCP proxy that misbehaves on request. Lines on standard input set how: pass, blackhole,
/// reset, stall, rate BYTES, delay MS, halfclose. It ends at the end of its input.
#[derive(Parser)]
struct Arguments {
    /// Where to listen; port 0 takes any.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where connections go on to.
    #[arg(long)]
    to: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let to = tokio::net::lookup_host(&arguments.to)
        .await
        .with_context(|| format!("cannot look up {}", arguments.to))?
        .next()
        .with_context(|| format!("{} has no address", arguments.to))?;
    let proxy = FaultProxy::start(arguments.listen, to)
        .await
        .with_context(|| format!("cannot listen on {}", arguments.listen))?;
    println!("{}", proxy.address().port());
    tokio::task::spawn_blocking(move || {
        for line in std::io::stdin().lines() {
            match line?.parse::<Mode>() {
                Ok(mode) => {
                    proxy.set(mode);
                    println!("{mode:?}");
                }
                Err(cause) => eprintln!("{cause}"),
            }
        }
        Ok(())
    })
    .await?
}
