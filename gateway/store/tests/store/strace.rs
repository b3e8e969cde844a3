//! Runs a life under strace: once to learn which mutating system calls it makes in the store's
//! folder, then again with one of them killed or refused.
//!
//! strace counts the calls of each thread by itself: the fault strikes the thread that is the first
//! to make its Nth call of that name. (`--seccomp-bpf` would be faster, but then only first calls are
//! struck.)

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::life;

/// Everything that changes what lies on a disk.
pub const CALLS: &str = "openat,mkdir,rename,unlink,rmdir,write,pwrite64,ftruncate,fallocate,\
                         sync_file_range,fsync,fdatasync";

/// The Nth call of that name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Boundary {
    pub call: String,
    pub nth: usize,
}

/// Runs a life to its end and names every mutating call that it made in its folder.
pub fn boundaries(folder: &Path, rounds: u64) -> BTreeSet<Boundary> {
    let log = tempfile::NamedTempFile::new().expect("a log");
    let options = [
        "-y",
        "-o",
        &path_text(log.path()),
        "-e",
        &format!("trace={CALLS}"),
    ];
    let output = run(folder, rounds, &options);
    assert!(
        life::Said::of(&output.stdout).done,
        "the life was not whole"
    );
    let text = std::fs::read_to_string(log.path()).expect("the log");
    let mut counts = std::collections::HashMap::new();
    let mut found = BTreeSet::new();
    for line in text.lines() {
        let Some((thread, call, rest)) = made(line) else {
            continue;
        };
        let count = counts.entry((thread, call)).or_insert(0);
        *count += 1;
        let creates = call != "openat" || rest.contains("O_CREAT");
        if creates && rest.contains(&path_text(folder)) {
            found.insert(Boundary {
                call: call.to_owned(),
                nth: *count,
            });
        }
    }
    assert!(!found.is_empty(), "strace saw nothing");
    found
}

/// Runs a life of which one call is struck: `fault` is strace's, such as `signal=KILL`.
pub fn struck(folder: &Path, rounds: u64, boundary: &Boundary, fault: &str, when: &str) -> Output {
    let Boundary { call, nth } = boundary;
    let inject = format!("inject={call}:{fault}:when={nth}{when}");
    let trace = format!("trace={call}");
    run(
        folder,
        rounds,
        &["-o", "/dev/null", "-e", &trace, "-e", &inject],
    )
}

pub fn run(folder: &Path, rounds: u64, options: &[&str]) -> Output {
    let under: Vec<String> = ["strace", "-f", "-qq"]
        .iter()
        .chain(options)
        .map(|option| (*option).to_owned())
        .collect();
    life::command(folder, rounds, &under)
        .output()
        .expect("strace runs")
}

/// Thread, name and the rest of a line that begins a call; `PID name(rest`.
pub fn made(line: &str) -> Option<(&str, &str, &str)> {
    let (thread, rest) = line.split_once(' ')?;
    let (call, rest) = rest.trim_start().split_once('(')?;
    let named = !call.is_empty() && call.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    named.then_some((thread, call, rest))
}

fn path_text(path: &Path) -> String {
    path.display().to_string()
}

/// The folder a life is to be lived in, as it lies before.
pub fn prepared(how: Before) -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("store");
    match how {
        Before::Nothing => {}
        Before::Lived => lived(&folder),
        Before::Damaged => {
            lived(&folder);
            let earlier = home.path().join("earlier");
            crate::harness::copy(&folder.join("journal"), &earlier);
            lived(&folder);
            std::fs::remove_dir_all(folder.join("journal")).expect("removed");
            std::fs::rename(earlier, folder.join("journal")).expect("put back");
        }
    }
    (home, folder)
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Before {
    /// The first start.
    Nothing,
    Lived,
    /// Its journal is older than its mark: the life begins with a rebuilding.
    Damaged,
}

fn lived(folder: &Path) {
    let output = life::command(folder, 4, &[]).output().expect("a life");
    assert!(life::Said::of(&output.stdout).done);
    // As long as it should be, so that it is not written anew for each case.
    std::fs::File::create(folder.join("ballast"))
        .and_then(|file| file.set_len(16 * 1024 * 1024))
        .expect("a ballast");
}
