//! `gatectl outbox`: what each destination upstream has not confirmed.

use std::process::ExitCode;

use clap::Args;
use gateway_wire::api::DestinationOutbox;
use gateway_wire::messages::Language;

use crate::control::At;
use crate::help::either;

#[derive(Args)]
pub struct OutboxArgs {
    #[command(flatten)]
    at: At,
    /// The API's own JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: OutboxArgs, language: Language) -> anyhow::Result<ExitCode> {
    let outbox: Vec<DestinationOutbox> = args.at.get("/api/outbox", language)?;
    if args.json {
        println!("{}", serde_json::to_string(&outbox)?);
        return Ok(ExitCode::SUCCESS);
    }
    let say = |zh, en| either(language, zh, en);
    if outbox.is_empty() {
        println!(
            "{}",
            say("没有配置上级平台", "no destination is configured")
        );
    }
    for destination in &outbox {
        println!(
            "{}: {} {} / {} · {} {}",
            destination.destination,
            say("已确认至", "confirmed through"),
            destination.confirmed_through,
            destination.last_number,
            say("待发", "waiting"),
            destination.waiting
        );
        for range in &destination.ranges {
            println!(
                "  {} {}…{}",
                say("另已确认", "and confirmed"),
                range.from,
                range.to
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}
