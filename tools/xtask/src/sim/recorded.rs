//! A recorded journal as a scenario: its inputs go through a gate once more.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use gateway_core::event::Event;
use gateway_core::rule::{RuleFile, RuleSet};
use gateway_core::site::Lane;
use gateway_sim::replay::{Replay, replay};
use gateway_store::Reader;
use gateway_store::on_sled::SledJournal;

use super::STACK;

/// Events read at a time.
const STRIDE: usize = 512;

/// Prints how many decisions came out alike, and each that did not. Exit status 1: some did not.
pub fn run(store: &Path, config: &Path) -> anyhow::Result<ExitCode> {
    let configuration = gateway_config::load(config).map_err(|wrong| anyhow::anyhow!("{wrong}"))?;
    let lists = gateway_config::lists::load(&configuration.lists, configuration.time_offset_min)
        .map_err(|wrong| anyhow::anyhow!("{wrong}"))?;
    let events = events(store)?;
    let site = Arc::new(configuration.site.clone());
    let work = move || {
        let rules = rules(&site.lanes, &configuration.rules)?;
        Ok::<Replay, anyhow::Error>(replay(site, rules, Arc::new(lists), &events)?)
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(work)?;
    let Ok(found) = thread.join() else {
        bail!("the replay panicked: the lines above say where");
    };
    let found = found?;
    for (passage, then, now) in &found.told {
        match now {
            Some(now) => println!("{passage}: {then:?} then, {now:?} now"),
            None => println!("{passage}: {then:?} then, not decided now"),
        }
    }
    println!(
        "{} events, {} inputs, {} decisions: {} the same, {} differ, {} more",
        found.events, found.inputs, found.decisions, found.same, found.differ, found.more
    );
    Ok(match found.differ {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// All events, read from a copy: opening a database writes to it.
fn events(store: &Path) -> anyhow::Result<Vec<Event>> {
    let journal = store.join("journal");
    let copy = tempfile::tempdir().context("cannot make a folder for the copy")?;
    let copied = copy.path().join("journal");
    copy_folder(&journal, &copied)
        .with_context(|| format!("cannot copy {}: name the store's folder", journal.display()))?;
    let mark = store.join("journal.mark");
    if mark.exists() {
        std::fs::copy(&mark, copy.path().join("journal.mark"))?;
    }
    let reader = Reader::new(Arc::new(SledJournal::open(&copied)?));
    let mut events = Vec::new();
    let mut next = 1;
    while next <= reader.last() {
        let stretch = reader.range(next, STRIDE)?;
        for stored in &stretch {
            events.push(gateway_store::decode(stored)?);
        }
        next = stretch.last().map_or(next, |last| last.number()) + 1;
    }
    Ok(events)
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

fn rules(lanes: &[Lane], paths: &[PathBuf]) -> anyhow::Result<RuleSet> {
    let mut texts = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the rules {}", path.display()))?;
        texts.push((path.display().to_string(), text));
    }
    let files: Vec<RuleFile<'_>> = texts
        .iter()
        .map(|(name, text)| RuleFile { name, text })
        .collect();
    RuleSet::load(lanes, &files).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{}", lines.join("\n"))
    })
}
