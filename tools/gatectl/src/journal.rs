//! `gatectl journal check`: is everything there, in order and unaltered? Through the daemon, or on
//! the store itself when no daemon runs.

use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use gateway_store::Reader;
use gateway_store::check::{Fault, check};
use gateway_store::evidence::Evidence;
use gateway_store::on_sled::SledJournal;
use gateway_wire::api::{JournalCheck, JournalProblem};
use gateway_wire::messages::Language;

use crate::control::{At, ControlError, store_of};
use crate::help::either;

#[derive(Args)]
pub struct JournalArgs {
    #[command(subcommand)]
    command: JournalCommand,
}

#[derive(Subcommand)]
enum JournalCommand {
    /// Verifies numbers, chain, parts and pictures of the whole journal.
    Check(CheckArgs),
}

#[derive(Args)]
struct CheckArgs {
    #[command(flatten)]
    at: At,
    /// The API's own JSON.
    #[arg(long)]
    json: bool,
}

/// Exit status 1 when something is lost or altered.
pub fn run(args: JournalArgs, language: Language) -> anyhow::Result<ExitCode> {
    let JournalCommand::Check(args) = args.command;
    let found = match args.at.get("/api/journal/check", language) {
        Err(ControlError::NotRunning { .. }) => offline(&args.at.state_dir, language)?,
        answered => answered?,
    };
    if args.json {
        println!("{}", serde_json::to_string(&found)?);
    } else {
        print_found(&found, language);
    }
    Ok(match found.ok {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn print_found(found: &JournalCheck, language: Language) {
    let say = |zh, en| either(language, zh, en);
    println!(
        "{}: {} {}, 1…{}",
        match found.ok {
            true => say("日志完整", "the journal is whole"),
            false => say("日志有缺损", "the journal is damaged"),
        },
        found.events,
        say("条事件", "events"),
        found.through
    );
    for problem in &found.problems {
        match problem.number {
            Some(number) => println!("  {number}: {}", problem.what),
            None => println!("  {}", problem.what),
        }
    }
}

/// Checks a store that no daemon holds. Nothing is repaired or put aside.
fn offline(state_dir: &Path, language: Language) -> anyhow::Result<JournalCheck> {
    let store = store_of(state_dir);
    let journal = store.join("journal");
    ensure!(
        journal.is_dir(),
        "no daemon answers and there is no journal at {}; name the state directory with --state-dir",
        journal.display()
    );
    become_owner(&store)?;
    let path = store.join("lock");
    let lock = File::create(&path).with_context(|| format!("cannot open {}", path.display()))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            bail!("a daemon holds the store but does not answer; stop it, or ask again")
        }
        Err(TryLockError::Error(error)) => return Err(error).context("cannot lock the store"),
    }
    let opened = SledJournal::open(&journal)
        .with_context(|| format!("the journal at {} cannot be opened", journal.display()))?;
    let evidence = Evidence::open(&store.join("evidence"))?;
    let report = check(&Reader::new(Arc::new(opened)), Some(&evidence))?;
    let problem = |number, fault| JournalProblem {
        number: Some(number),
        what: fault_text(fault, language),
    };
    Ok(JournalCheck {
        events: report.events,
        through: report.last,
        ok: report.is_good(),
        problems: report
            .findings
            .iter()
            .map(|finding| problem(finding.number, finding.fault))
            .collect(),
    })
}

/// As root, becomes the store's owner: what the database writes when it opens must stay the
/// daemon's to read.
fn become_owner(store: &Path) -> anyhow::Result<()> {
    let meta =
        std::fs::metadata(store).with_context(|| format!("cannot look at {}", store.display()))?;
    // SAFETY: these calls take and return plain integers; no other thread runs yet.
    unsafe {
        if libc::geteuid() != 0 || meta.uid() == 0 {
            return Ok(());
        }
        ensure!(
            libc::setegid(meta.gid()) == 0 && libc::seteuid(meta.uid()) == 0,
            "cannot become the store's owner: {}",
            std::io::Error::last_os_error()
        );
    }
    Ok(())
}

fn fault_text(fault: Fault, language: Language) -> String {
    let (zh, en) = match fault {
        Fault::Unreadable => ("损坏或缺失", "it is damaged or missing"),
        Fault::OtherJournal => ("属于另一份日志", "it belongs to another journal"),
        Fault::ChainBroken => (
            "与前一事件不衔接",
            "it does not follow from the event before",
        ),
        Fault::CommitmentBroken => ("内容被改动", "a part of it was altered"),
        Fault::PictureMissing => ("图片缺失", "its picture is missing"),
        Fault::PictureDamaged => ("图片被改动", "its picture was altered"),
    };
    either(language, zh, en)
}
