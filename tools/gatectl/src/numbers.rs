//! `gatectl numbers` and `gatectl handover`: what came to the gate and what became of it, printed or
//! as a file for a spreadsheet.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, ValueEnum};
use gateway_wire::api::{Handover, Numbers};
use gateway_wire::messages::Language;
use gateway_wire::sheets::{self, Sheet};

use crate::control::At;
use crate::lists::save;

#[derive(Args)]
pub struct NumbersArgs {
    #[command(flatten)]
    at: At,
    /// The last so many days.
    #[arg(long, default_value_t = 1)]
    days: u32,
    /// As a file instead of a print.
    #[arg(long, value_enum, default_value_t = As::Text)]
    format: As,
    /// Where the file goes; else to the standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Args)]
pub struct HandoverArgs {
    #[command(flatten)]
    at: At,
    /// Hours of the shift.
    #[arg(long, default_value_t = 8)]
    hours: u32,
    /// As a file instead of a print.
    #[arg(long, value_enum, default_value_t = As::Text)]
    format: As,
    /// Where the file goes; else to the standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How it is told.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum As {
    Text,
    Json,
    Csv,
    Xlsx,
}

impl As {
    fn word(self) -> &'static str {
        match self {
            As::Text | As::Json => "json",
            As::Csv => "csv",
            As::Xlsx => "xlsx",
        }
    }
}

pub fn run(args: &NumbersArgs, language: Language) -> anyhow::Result<ExitCode> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let from = i64::try_from(now)? - i64::from(args.days) * 86_400_000;
    let path = format!(
        "/api/numbers?from_ms={from}&format={}&language={}",
        args.format.word(),
        language.tag()
    );
    let bytes = args.at.ask("GET", &path, None, language)?;
    if args.format != As::Text {
        return save(&bytes, args.out.as_deref());
    }
    let numbers: Numbers = serde_json::from_slice(&bytes)?;
    print!("{}", printed(&sheets::numbers(&numbers, language)));
    Ok(ExitCode::SUCCESS)
}

pub fn handover(args: &HandoverArgs, language: Language) -> anyhow::Result<ExitCode> {
    let path = format!(
        "/api/handover?hours={}&format={}&language={}",
        args.hours,
        args.format.word(),
        language.tag()
    );
    let bytes = args.at.ask("GET", &path, None, language)?;
    if args.format != As::Text {
        return save(&bytes, args.out.as_deref());
    }
    let sheet: Handover = serde_json::from_slice(&bytes)?;
    print!("{}", printed(&sheets::handover(&sheet, language)));
    Ok(ExitCode::SUCCESS)
}

/// Sheets with rows, one below the other.
fn printed(sheets: &[Sheet]) -> String {
    let mut out = String::new();
    for sheet in sheets.iter().filter(|sheet| !sheet.rows.is_empty()) {
        out.push_str(&format!("== {} ==\n", sheet.name));
        out.push_str(&format!("{}\n", sheet.header.join(" | ")));
        for row in &sheet.rows {
            out.push_str(&format!("{}\n", row.join(" | ")));
        }
        out.push('\n');
    }
    out
}
