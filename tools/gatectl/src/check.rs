//! `gatectl check CONFIG`: everything that is wrong in a configuration and in what it names, before a
//! daemon sees it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use gateway_config::{Configuration, lists};
use gateway_core::rule::{RuleFile, RuleSet};

#[derive(Args)]
pub struct CheckArgs {
    /// The configuration file.
    pub config: PathBuf,
}

/// Rules compile where the daemon compiles them: on a stack that no admitted expression can exhaust.
const STACK: usize = 64 << 20;

/// Prints all mistakes of the configuration, its lists and its rules, or `ok` after the warnings. The exit
/// status is 1 when there is a mistake.
pub fn run(path: &Path) -> Result<ExitCode> {
    let configuration = match gateway_config::load(path) {
        Ok(configuration) => configuration,
        Err(mistakes) => {
            println!("{mistakes}");
            return Ok(ExitCode::FAILURE);
        }
    };
    let mut mistakes = Vec::new();
    if let Err(wrong) = lists::load(&configuration.lists, configuration.time_offset_min) {
        mistakes.extend(wrong.list().iter().map(ToString::to_string));
    }
    let rules = match rules(&configuration)? {
        Ok(count) => count,
        Err(wrong) => {
            mistakes.extend(wrong);
            0
        }
    };
    for warning in &configuration.warnings {
        println!("{}: warning: {}", path.display(), warning);
    }
    if !mistakes.is_empty() {
        println!("{}", mistakes.join("\n"));
        return Ok(ExitCode::FAILURE);
    }
    println!(
        "ok: {} lanes, {} cameras, {} sensors, {} barriers, {rules} rules with their cases",
        configuration.site.lanes.len(),
        configuration.cameras.len(),
        configuration.sensors.len(),
        configuration.barriers.len(),
    );
    Ok(ExitCode::SUCCESS)
}

/// The number of rules, or what is wrong with them.
fn rules(configuration: &Configuration) -> Result<Result<usize, Vec<String>>> {
    let mut texts = Vec::new();
    for path in &configuration.rules {
        let text = fs::read_to_string(path);
        let text = text.with_context(|| format!("the rules {} cannot be read", path.display()))?;
        texts.push((path.display().to_string(), text));
    }
    let lanes = &configuration.site.lanes;
    let load = || {
        let files: Vec<RuleFile> = texts
            .iter()
            .map(|(name, text)| RuleFile { name, text })
            .collect();
        match RuleSet::load(lanes, &files) {
            Ok(set) => Ok(set.rules().len()),
            Err(errors) => Err(errors.iter().map(ToString::to_string).collect()),
        }
    };
    std::thread::scope(|scope| {
        let compiler = std::thread::Builder::new().stack_size(STACK);
        let compiler = compiler.spawn_scoped(scope, load)?;
        let done = compiler.join();
        done.map_err(|_| anyhow!("the rule compiler failed; report this with the rules"))
    })
}
