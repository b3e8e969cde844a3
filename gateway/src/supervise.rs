//! Threads that the product cannot live without: when one ends by itself or panics, the process
//! ends, and whoever supervises it starts it again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

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
