//! What every barrier was commanded, as JSON lines: the oracle of the tests for arms.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use rumqttc::Publish;
use serde_json::json;

use crate::Start;
use crate::arm::Command;

/// The file; nothing is kept without one.
pub struct Moves {
    file: Option<Mutex<File>>,
    start: Start,
}

impl Moves {
    /// Appends to the file, which is created.
    pub fn open(path: Option<&Path>, start: Start) -> Result<Moves> {
        let open = |path: &Path| {
            let file = File::options().create(true).append(true).open(path);
            file.with_context(|| format!("{} cannot be written", path.display()))
        };
        let file = path.map(open).transpose()?;
        Ok(Moves {
            file: file.map(Mutex::new),
            start,
        })
    }

    /// One line: `lane`, `command` (`open`, `hold_open`, `release`, `close`, or null), `at_ms` from the
    /// scenario's start, `unix_ms`, `topic`, `payload`, `retain`, `dup`.
    pub fn record(&self, lane: &str, command: Option<Command>, publish: &Publish, payload: &str) {
        let Some(file) = &self.file else {
            return;
        };
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let unix_ms = since.map_or(0, |since| since.as_millis() as u64);
        let line = json!({
            "lane": lane,
            "command": command.map(word),
            "at_ms": unix_ms as i64 - self.start.unix_ms as i64,
            "unix_ms": unix_ms,
            "topic": publish.topic,
            "payload": payload,
            "retain": publish.retain,
            "dup": publish.dup,
        });
        if let Ok(mut file) = file.lock() {
            // One write, so that a reader never sees half a line.
            if let Err(error) = file.write_all(format!("{line}\n").as_bytes()) {
                eprintln!("a move cannot be recorded: {error}");
            }
        }
    }
}

fn word(command: Command) -> &'static str {
    match command {
        Command::Open => "open",
        Command::HoldOpen => "hold_open",
        Command::Release => "release",
        Command::Close => "close",
    }
}
