//! `gatectl lists`: how old the lists are, files checked, imported and exported.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use gateway_config::lists::import;
use gateway_core::lists::ListName;
use gateway_wire::api::{EntryRequest, ListConfirmed, ListImported, ListShown};
use gateway_wire::explain::word;
use gateway_wire::messages::Language;

use crate::control::At;
use crate::help::either;
use crate::passage::escaped;

#[derive(Args)]
pub struct ListsArgs {
    #[command(subcommand)]
    command: ListsCommand,
}

#[derive(Subcommand)]
enum ListsCommand {
    /// Whose each list is, at which version, how old.
    Show(ShowArgs),
    /// Names every mistake in a file, without a daemon.
    Check(CheckArgs),
    /// Puts a file in force as a list's whole content; with one mistake nothing of it.
    Import(ImportArgs),
    /// Writes a list as a file that a spreadsheet opens.
    Export(ExportArgs),
    /// Enters one entry at the gate until the list's owner takes it over, or takes it back.
    Enter(EnterArgs),
    /// Says that a list is right as it is: its age begins anew.
    Confirm(ConfirmArgs),
}

#[derive(Args)]
struct ShowArgs {
    #[command(flatten)]
    at: At,
    /// The API's own JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct CheckArgs {
    /// The list, such as vehicles.
    #[arg(value_parser = list)]
    list: ListName,
    /// CSV in UTF-8 or GBK, or XLSX.
    file: PathBuf,
}

#[derive(Args)]
struct ImportArgs {
    /// The list, such as vehicles.
    #[arg(value_parser = list)]
    list: ListName,
    /// CSV in UTF-8 or GBK, or XLSX.
    file: PathBuf,
    #[command(flatten)]
    at: At,
    /// The API's own JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct ExportArgs {
    /// The list, such as vehicles.
    #[arg(value_parser = list)]
    list: ListName,
    #[command(flatten)]
    at: At,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Kind::Csv)]
    format: Kind,
    /// Where to; else to the standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Column names in Chinese.
    #[arg(long)]
    chinese: bool,
}

#[derive(Args)]
struct EnterArgs {
    /// The list, such as visitors.
    #[arg(value_parser = list)]
    list: ListName,
    /// COLUMN=VALUE, such as plate=闽E72K18.
    #[arg(value_name = "FIELD", required = true, value_parser = field)]
    fields: Vec<(String, String)>,
    /// Take the entry back.
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
struct ConfirmArgs {
    /// The list, such as vehicles.
    #[arg(value_parser = list)]
    list: ListName,
    #[command(flatten)]
    at: At,
}

/// How a file is written.
#[derive(Clone, Copy, ValueEnum)]
pub enum Kind {
    Csv,
    Xlsx,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Kind::Csv => "csv",
            Kind::Xlsx => "xlsx",
        }
    }
}

fn list(word: &str) -> Result<ListName, String> {
    ListName::named(word).ok_or_else(|| {
        let known: Vec<&str> = ListName::ALL.iter().map(|list| list.word()).collect();
        format!("the lists are {}", known.join(", "))
    })
}

pub fn run(args: ListsArgs, language: Language) -> anyhow::Result<ExitCode> {
    match args.command {
        ListsCommand::Show(args) => show(&args, language),
        ListsCommand::Check(args) => check(&args, language),
        ListsCommand::Import(args) => take(&args, language),
        ListsCommand::Export(args) => export(&args, language),
        ListsCommand::Enter(args) => enter(args, language),
        ListsCommand::Confirm(args) => confirm(&args, language),
    }
}

fn show(args: &ShowArgs, language: Language) -> anyhow::Result<ExitCode> {
    let lists: Vec<ListShown> = args.at.get("/api/lists", language)?;
    if args.json {
        println!("{}", serde_json::to_string(&lists)?);
        return Ok(ExitCode::SUCCESS);
    }
    let say = |zh, en| either(language, zh, en);
    for list in &lists {
        let owner = list.owner.clone();
        let age = match list.age_hours {
            None => say("时间未知", "age unknown"),
            Some(hours) => format!("{hours} {}", say("小时前更新", "h old")),
        };
        let old = match list.too_old {
            true => say(" · 过期", " · TOO OLD"),
            false => String::new(),
        };
        println!(
            "{} ({}): {} {} · {} {} · {} {} · {} {}{}",
            list.list,
            word("list", &list.list, language),
            list.entries,
            say("条", "entries"),
            say("本地登记", "entered here"),
            list.local,
            say("版本", "version"),
            list.version,
            say("所有者", "owner"),
            owner.unwrap_or_else(|| say("本网关", "this gateway")),
            format_args!(" · {age}{old}")
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Exit status 1 when there is a mistake.
fn check(args: &CheckArgs, language: Language) -> anyhow::Result<ExitCode> {
    let bytes = read(&args.file)?;
    // Which day a date is does not matter for whether it is one.
    match import::read(args.list, &args.file, &bytes, 0) {
        Ok(rows) => {
            println!(
                "{} {}",
                rows.len(),
                either(language, "条,没有错误", "entries, no mistakes")
            );
            Ok(ExitCode::SUCCESS)
        }
        Err(mistakes) => {
            println!("{mistakes}");
            Ok(ExitCode::FAILURE)
        }
    }
}

fn take(args: &ImportArgs, language: Language) -> anyhow::Result<ExitCode> {
    let bytes = read(&args.file)?;
    let name = args.file.file_name().unwrap_or_default().to_string_lossy();
    let path = format!("/api/lists/{}?name={}", args.list.word(), escaped(&name));
    let sent = Some(("application/octet-stream", bytes.as_slice()));
    let answer = args.at.ask("POST", &path, sent, language)?;
    if args.json {
        std::io::stdout().write_all(&answer)?;
        println!();
        return Ok(ExitCode::SUCCESS);
    }
    let done: ListImported = serde_json::from_slice(&answer)?;
    println!(
        "{}: {} → {} {} · {} {} · {} {}",
        done.list,
        done.before,
        done.entries,
        either(language, "条", "entries"),
        either(language, "版本", "version"),
        done.version,
        either(language, "事件", "event"),
        done.number
            .map_or_else(|| "-".to_owned(), |number| number.to_string())
    );
    Ok(ExitCode::SUCCESS)
}

fn export(args: &ExportArgs, language: Language) -> anyhow::Result<ExitCode> {
    let mut path = format!(
        "/api/lists/{}?format={}",
        args.list.word(),
        args.format.word()
    );
    if args.chinese {
        path.push_str("&language=zh");
    }
    let bytes = args.at.ask("GET", &path, None, language)?;
    save(&bytes, args.out.as_deref())
}

/// Writes a file, or to the standard output. An existing file is not overwritten.
pub fn save(bytes: &[u8], out: Option<&std::path::Path>) -> anyhow::Result<ExitCode> {
    let Some(out) = out else {
        std::io::stdout().write_all(bytes)?;
        return Ok(ExitCode::SUCCESS);
    };
    if out.exists() {
        bail!("{} exists; name another file with --out", out.display());
    }
    fs::write(out, bytes).with_context(|| format!("cannot write {}", out.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn field(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=');
    let parts = parts.map(|(column, value)| (column.to_owned(), value.to_owned()));
    parts.ok_or_else(|| "a field is COLUMN=VALUE".to_owned())
}

fn enter(args: EnterArgs, language: Language) -> anyhow::Result<ExitCode> {
    let path = format!("/api/lists/{}/entries", args.list.word());
    let request = EntryRequest {
        fields: args.fields.into_iter().collect(),
        remove: args.remove,
    };
    let done: ListConfirmed = args.at.post(&path, &request, language)?;
    println!(
        "{} · {} {}",
        either(language, "已登记", "done"),
        either(language, "事件", "event"),
        done.number
    );
    Ok(ExitCode::SUCCESS)
}

fn confirm(args: &ConfirmArgs, language: Language) -> anyhow::Result<ExitCode> {
    let path = format!("/api/lists/{}/confirm", args.list.word());
    let done: ListConfirmed = args.at.post(&path, &serde_json::json!({}), language)?;
    println!(
        "{} · {} {}",
        either(language, "已确认", "confirmed"),
        either(language, "事件", "event"),
        done.number
    );
    Ok(ExitCode::SUCCESS)
}

fn read(path: &std::path::Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}
