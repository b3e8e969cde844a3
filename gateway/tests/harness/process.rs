//! Child processes that never outlive a test.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::eventually;

/// A running child with its log. Dropping it kills it.
pub struct Process {
    pub name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `program`; whatever it prints goes to `log`, which begins anew.
    pub fn start(name: &str, program: &Path, arguments: &[&str], log: &Path) -> Process {
        let output = File::create(log).expect("a log file");
        let errors = output.try_clone().expect("a second handle of the log");
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "{} cannot be run: {error}; build it with cargo build --release --workspace --bins",
                    program.display()
                )
            });
        Process {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it printed so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits for a line that holds `text`, and returns the line.
    pub fn says(&mut self, text: &str, within: Duration) -> String {
        let mut found = None;
        let name = self.name.clone();
        let done = eventually(within, || {
            found = self
                .said()
                .lines()
                .find(|line| line.contains(text))
                .map(str::to_owned);
            found.is_some() || self.ended().is_some()
        });
        assert!(
            done && found.is_some(),
            "{name} did not say {text:?} within {within:?}; it said:\n{}",
            self.said()
        );
        found.unwrap_or_default()
    }

    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the state of a child")
    }

    pub fn signal(&self, number: i32) {
        // SAFETY: a plain system call; the child is ours and not yet waited for.
        unsafe { libc::kill(self.child.id() as libc::pid_t, number) };
    }

    /// Ends it politely and returns how it ended.
    pub fn stop(mut self, within: Duration) -> ExitStatus {
        self.signal(libc::SIGTERM);
        let mut status = None;
        let stopped = eventually(within, || {
            status = self.ended();
            status.is_some()
        });
        assert!(
            stopped,
            "{} did not stop within {within:?}; it said:\n{}",
            self.name,
            self.said()
        );
        status.expect("it has ended")
    }

    /// SIGKILL, and gone when this returns.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() && self.name == "gatewayd" {
            eprintln!("--- {} said:\n{}", self.name, self.said());
        }
        self.end();
    }
}
