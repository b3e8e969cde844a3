//! What a table was measured on, and what else kept the machine busy.

use std::fmt;
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

/// How long the processors are watched before a row.
const WATCHED: Duration = Duration::from_secs(2);

#[derive(Serialize)]
pub struct Machine {
    pub processor: String,
    pub processors: usize,
    /// The load averages over 1, 5 and 15 minutes when the run began.
    pub load_before: String,
}

impl Machine {
    pub fn look() -> anyhow::Result<Machine> {
        let info = read("/proc/cpuinfo")?;
        let model = info.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == "model name").then(|| value.trim().to_owned())
        });
        let load = read("/proc/loadavg")?;
        let averages: Vec<_> = load.split_whitespace().take(3).collect();
        Ok(Machine {
            processor: model.unwrap_or_else(|| "a processor without a name".to_owned()),
            processors: std::thread::available_parallelism()?.get(),
            load_before: averages.join(" "),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} × {}; load averages before: {}",
            self.processors, self.processor, self.load_before
        )
    }
}

/// Processors kept busy by others, over the next moment: this process only waits.
pub fn busy() -> anyhow::Result<f64> {
    let before = ticks()?;
    std::thread::sleep(WATCHED);
    let after = ticks()?;
    let all = after.all.saturating_sub(before.all).max(1) as f64;
    let idle = after.idle.saturating_sub(before.idle) as f64;
    Ok((1.0 - idle / all) * std::thread::available_parallelism()?.get() as f64)
}

struct Ticks {
    all: u64,
    idle: u64,
}

fn ticks() -> anyhow::Result<Ticks> {
    let stat = read("/proc/stat")?;
    let numbers: Vec<u64> = stat
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(1)
        .map_while(|number| number.parse().ok())
        .collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; guests are in user already.
    let idle =
        numbers.get(3).context("/proc/stat has no idle time")? + numbers.get(4).unwrap_or(&0);
    Ok(Ticks {
        all: numbers.iter().take(8).sum(),
        idle,
    })
}

fn read(path: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{path} cannot be read"))
}
