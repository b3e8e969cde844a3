//! Threads that the product cannot live without: when one ends by itself or panics, the process
//! ends, and whoever supervises it starts it again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::clock::Clock;
use crate::health::Health;

/// Exit status of a process whose gate, writer or dispatcher failed.
const FAILED: i32 = 70;

/// Exit status of a process whose store can be written again: a new start finds it well.
const MENDED: i32 = 75;

/// How often a failed store is tried.
const PROBE: Duration = Duration::from_secs(1);

/// Starts a thread whose panic ends the process. No arm moves by that: a start moves none.
pub fn critical<T: Send + 'static>(
    name: &'static str,
    stack: Option<usize>,
    work: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<JoinHandle<T>> {
    let mut builder = Builder::new().name(name.to_owned());
    if let Some(stack) = stack {
        builder = builder.stack_size(stack);
    }
    builder.spawn(move || match catch_unwind(AssertUnwindSafe(work)) {
        Ok(value) => value,
        Err(_) => {
            tracing::error!(thread = name, "a part that must not fail has failed");
            std::process::exit(FAILED);
        }
    })
}

/// The gate must turn, and a commit must end, within these; looked at so often and believed only
/// the third time, since a process that was stopped looks stuck when it goes on.
const GATE_TURNS: Duration = Duration::from_secs(10);
const COMMIT_ENDS: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_secs(1);
const LOOKS: u32 = 3;

/// Ends the process when gate or writer is stuck (F-1), so that it is started again. An emergency
/// is not cut short by a store that hangs: the arms are held open from memory.
pub fn watch(health: &Health, clock: Clock) {
    let mut stuck = 0;
    while !health.is_stopping() {
        std::thread::sleep(LOOK);
        let silent = clock.mono().since(health.gate_turned_at());
        let gate = u128::from(silent) > GATE_TURNS.as_micros();
        let writer = !health.is_emergency()
            && health
                .committing_for()
                .is_some_and(|commit| commit > COMMIT_ENDS);
        stuck = if gate || writer { stuck + 1 } else { 0 };
        if stuck >= LOOKS && !health.is_stopping() {
            tracing::error!(gate, writer, "a part that must go on is stuck");
            std::process::exit(FAILED);
        }
    }
}

/// The writer has gone though nobody stopped it: only a new start brings it back.
pub fn writer_gone() -> ! {
    tracing::error!("the journal's writer has gone");
    std::process::exit(FAILED);
}

/// After the writer has failed: stays up, so that an emergency still opens, until the disk takes
/// and keeps bytes again; then ends the process for a clean start.
pub fn wait_for_disk(state_dir: &std::path::Path) -> ! {
    let probe = state_dir.join("probe");
    loop {
        std::thread::sleep(PROBE);
        let written = std::fs::File::create(&probe).and_then(|mut file| {
            use std::io::Write;
            file.write_all(&[0x5a; 256 * 1024])?;
            file.sync_data()
        });
        let _ = std::fs::remove_file(&probe);
        if written.is_ok() {
            tracing::error!("the disk can be written again: ending for a clean start");
            std::process::exit(MENDED);
        }
    }
}
