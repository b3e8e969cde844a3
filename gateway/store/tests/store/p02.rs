//! P-02: a power cut. The writes of a life are recorded; then images of the disk are made as a cut
//! at some moment may leave it: of what no sync had made durable, each piece is there, dropped or
//! torn, in any order. Every image must open with all that had been accepted by then.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::life::{Rebuilt, Said, wrong};
use crate::strace::{CALLS, made, run};

/// Images in the check; `STORE_TEST_IMAGES` asks for another count.
const IMAGES: u64 = 100;

const ROUNDS: u64 = 12;

/// What a drive writes whole or not at all.
const SECTOR: usize = 512;

/// What happened to the disk, and what was said meanwhile.
enum Step {
    MakeFolder(String),
    /// A file that was not there, or is empty from now on.
    MakeFile(String),
    Write {
        path: String,
        at: usize,
        bytes: Vec<u8>,
    },
    Length {
        path: String,
        bytes: usize,
    },
    Rename {
        from: String,
        to: String,
    },
    Remove(String),
    /// The contents of a file, or the names in a folder, are on the drive.
    Synced(String),
    Said(String),
}

/// Lives in `folder` and returns every step, in order.
fn recorded(folder: &Path) -> Vec<Step> {
    let log = tempfile::NamedTempFile::new().expect("a log");
    let log_path = log.path().display().to_string();
    let trace = format!("trace={CALLS}");
    // Every string whole and in hex.
    let options = ["-y", "-xx", "-s", "67108864", "-o", &log_path, "-e", &trace];
    let output = run(folder, ROUNDS, &options);
    assert!(Said::of(&output.stdout).done, "the life was not whole");
    let text = std::fs::read_to_string(log.path()).expect("the log");
    let mut recorder = Recorder {
        root: folder.display().to_string(),
        ..Recorder::default()
    };
    for line in text.lines() {
        recorder.take(line);
    }
    recorder.steps
}

#[derive(Default)]
struct Recorder {
    root: String,
    steps: Vec<Step>,
    ends: BTreeMap<String, usize>,
    /// The first halves of lines of which the call was still under way, by thread.
    halves: BTreeMap<String, String>,
}

impl Recorder {
    /// A call counts when it has returned: what was under way at a cut may have been done or not,
    /// and that is what an unsynced step means. A sync counts only when it has returned.
    fn take(&mut self, line: &str) {
        let Some((thread, rest)) = line.split_once(' ') else {
            return;
        };
        let rest = rest.trim_start();
        if let Some(half) = rest.strip_suffix("<unfinished ...>") {
            self.halves
                .insert(thread.to_owned(), format!("{thread} {half}"));
        } else if let Some((_, end)) = rest.split_once(" resumed>") {
            if let Some(half) = self.halves.remove(thread) {
                self.whole(&format!("{half}{end}"));
            }
        } else {
            self.whole(line);
        }
    }

    fn whole(&mut self, line: &str) {
        let Some((_, call, rest)) = made(line) else {
            return;
        };
        if rest.contains(") = -1 ") {
            return;
        }
        let strings = hex_strings(rest);
        let text = |index: usize| {
            let bytes = strings.get(index).cloned().unwrap_or_default();
            String::from_utf8(bytes).expect("a path")
        };
        let descriptor = rest
            .split_once('<')
            .and_then(|(_, rest)| rest.split_once('>'))
            .map(|(path, _)| String::from_utf8(hex_bytes(path)).expect("a path"));
        let numbers = numbers(rest);
        match call {
            "write" if rest.starts_with("1<") => {
                let said = String::from_utf8(strings[0].clone()).expect("text");
                self.steps.push(Step::Said(said.trim_end().to_owned()));
            }
            "mkdir" => self.push_inside(text(0), Step::MakeFolder),
            "openat" if rest.contains("O_CREAT") => {
                let path = text(0);
                let known = self.ends.contains_key(&path);
                if path.starts_with(&self.root) && (!known || rest.contains("O_TRUNC")) {
                    self.ends.insert(path.clone(), 0);
                    self.steps.push(Step::MakeFile(path));
                }
            }
            "write" | "pwrite64" => {
                let path = self.inside(descriptor);
                let Some(path) = path else { return };
                let end = self.ends.entry(path.clone()).or_insert(0);
                let bytes = strings[0].clone();
                let at = match call {
                    "write" => *end,
                    _ => numbers[numbers.len() - 1],
                };
                *end = (*end).max(at + bytes.len());
                self.steps.push(Step::Write { path, at, bytes });
            }
            "ftruncate" => {
                if let Some(path) = self.inside(descriptor) {
                    let bytes = numbers[0];
                    self.ends.insert(path.clone(), bytes);
                    self.steps.push(Step::Length { path, bytes });
                }
            }
            "rename" => {
                let (from, to) = (text(0), text(1));
                if from.starts_with(&self.root) {
                    self.moved(&from, &to);
                    self.steps.push(Step::Rename { from, to });
                }
            }
            "unlink" | "rmdir" => self.push_inside(text(0), Step::Remove),
            "fsync" | "fdatasync" => {
                if let Some(path) = self.inside(descriptor) {
                    self.steps.push(Step::Synced(path));
                }
            }
            // Changes nothing, or reaches no drive.
            "openat" | "sync_file_range" => {}
            other => panic!("{other} is not replayed: {line}"),
        }
    }

    fn inside(&self, path: Option<String>) -> Option<String> {
        path.filter(|path| path.starts_with(&self.root))
    }

    fn push_inside(&mut self, path: String, step: fn(String) -> Step) {
        if path.starts_with(&self.root) {
            self.ends.remove(&path);
            self.steps.push(step(path));
        }
    }

    fn moved(&mut self, from: &str, to: &str) {
        let ends = std::mem::take(&mut self.ends);
        for (path, end) in ends {
            self.ends.insert(renamed(&path, from, to), end);
        }
    }
}

/// The strings of a line, each written as `"\x41\x42"`.
fn hex_strings(text: &str) -> Vec<Vec<u8>> {
    text.split('"').skip(1).step_by(2).map(hex_bytes).collect()
}

fn hex_bytes(text: &str) -> Vec<u8> {
    text.split("\\x")
        .skip(1)
        .map(|hex| u8::from_str_radix(hex, 16).expect("hex"))
        .collect()
}

/// The arguments that are plain numbers.
fn numbers(text: &str) -> Vec<usize> {
    let arguments = text
        .rsplit_once(')')
        .map_or(text, |(arguments, _)| arguments);
    arguments
        .split(", ")
        .filter_map(|argument| argument.trim().parse().ok())
        .collect()
}

fn renamed(path: &str, from: &str, to: &str) -> String {
    match path.strip_prefix(from) {
        Some("") => to.to_owned(),
        Some(rest) if rest.starts_with('/') => format!("{to}{rest}"),
        _ => path.to_owned(),
    }
}

/// Which syncs are believed to have reached the drive.
#[derive(Clone, Copy, PartialEq)]
enum Syncs {
    All,
    /// The sabotage twin: the database is never synced, as by sled's own flush alone.
    NotOfTheDatabase,
}

/// The files and folders as they lie on the drive.
#[derive(Clone, Default)]
struct Disk {
    folders: BTreeSet<String>,
    files: BTreeMap<String, Vec<u8>>,
}

impl Disk {
    fn apply(&mut self, step: &Step) {
        match step {
            Step::MakeFolder(path) => {
                self.folders.insert(path.clone());
            }
            Step::MakeFile(path) => {
                self.files.insert(path.clone(), Vec::new());
            }
            Step::Write { path, at, bytes } => self.write(path, *at, bytes),
            Step::Length { path, bytes } => {
                if let Some(file) = self.files.get_mut(path) {
                    file.resize(*bytes, 0);
                }
            }
            Step::Rename { from, to } => {
                let folders = std::mem::take(&mut self.folders);
                self.folders = folders.iter().map(|path| renamed(path, from, to)).collect();
                let files = std::mem::take(&mut self.files);
                // What is renamed comes last: it takes the place of what was there.
                let (moved, kept): (Vec<_>, Vec<_>) = files
                    .into_iter()
                    .partition(|(path, _)| renamed(path, from, to) != *path);
                self.files.extend(kept);
                let moved = moved.into_iter();
                self.files
                    .extend(moved.map(|(path, file)| (renamed(&path, from, to), file)));
            }
            Step::Remove(path) => {
                self.files.remove(path);
                self.folders.remove(path);
            }
            Step::Synced(_) | Step::Said(_) => {}
        }
    }

    fn write(&mut self, path: &str, at: usize, bytes: &[u8]) {
        if let Some(file) = self.files.get_mut(path) {
            if file.len() < at + bytes.len() {
                file.resize(at + bytes.len(), 0);
            }
            file[at..at + bytes.len()].copy_from_slice(bytes);
        }
    }

    /// A write of which only some sectors arrived.
    fn tear(&mut self, step: &Step, rng: &mut ChaCha8Rng) {
        let Step::Write { path, at, bytes } = step else {
            return;
        };
        let mut begin = 0;
        while begin < bytes.len() {
            let end = (begin + SECTOR - (at + begin) % SECTOR).min(bytes.len());
            if rng.gen_bool(0.5) {
                self.write(path, at + begin, &bytes[begin..end]);
            }
            begin = end;
        }
    }

    fn lay_out(&self, root: &str, to: &Path) {
        let place = |path: &str| to.join(path[root.len()..].trim_start_matches('/'));
        std::fs::create_dir_all(to).expect("a folder");
        for folder in &self.folders {
            std::fs::create_dir_all(place(folder)).expect("a folder");
        }
        for (path, bytes) in &self.files {
            let path = place(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, bytes).expect("written");
        }
    }
}

/// What a cut before step `cut` may leave, and what had been said by then.
///
/// Names keep their order, as in a journalling file system: of those that no folder's sync has made
/// durable a first part is there. Contents do not.
fn cut(steps: &[Step], cut: usize, syncs: Syncs, rng: &mut ChaCha8Rng) -> (Disk, Said) {
    let mut said = Said::default();
    let mut durable = vec![false; cut];
    for (index, step) in steps[..cut].iter().enumerate() {
        match step {
            Step::Said(line) => said.hear(line),
            Step::Synced(path) => {
                if syncs == Syncs::NotOfTheDatabase && path.ends_with("/db") {
                    continue;
                }
                let is_folder = !steps[..index]
                    .iter()
                    .any(|step| written_to(step) == Some(path));
                for (before, step) in steps[..index].iter().enumerate() {
                    let named = is_folder && written_to(step).is_none();
                    durable[before] |= named || written_to(step) == Some(path);
                }
            }
            _ => {}
        }
    }
    let names: Vec<usize> = (0..cut)
        .filter(|index| !durable[*index] && is_name(&steps[*index]))
        .collect();
    let names_kept = names[..rng.gen_range(0..=names.len())].to_vec();
    let mut disk = Disk::default();
    let mut late = Vec::new();
    for (index, step) in steps[..cut].iter().enumerate() {
        let arrives = match is_name(step) {
            true => durable[index] || names_kept.contains(&index),
            false => durable[index] || rng.gen_bool(0.4),
        };
        if arrives && !durable[index] && !is_name(step) && rng.gen_bool(0.3) {
            late.push(index);
        } else if arrives {
            disk.apply(step);
        } else {
            disk.tear(step, rng);
        }
    }
    // Reordered: what was written first arrives last.
    for index in late.into_iter().rev() {
        disk.apply(&steps[index]);
    }
    (disk, said)
}

/// The file whose contents a step changes.
fn written_to(step: &Step) -> Option<&String> {
    match step {
        Step::Write { path, .. } | Step::Length { path, .. } => Some(path),
        _ => None,
    }
}

fn is_name(step: &Step) -> bool {
    matches!(
        step,
        Step::MakeFolder(_) | Step::MakeFile(_) | Step::Rename { .. } | Step::Remove(_)
    )
}

/// Makes images until one is found wrong.
fn images(count: u64, syncs: Syncs) -> Result<(), String> {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("store");
    std::fs::create_dir(&folder).expect("made");
    // As long as it should be: its bytes say nothing here.
    std::fs::File::create(folder.join("ballast"))
        .and_then(|file| file.set_len(16 * 1024 * 1024))
        .expect("a ballast");
    let steps = recorded(&folder);
    let root = folder.display().to_string();
    for image in 0..count {
        let mut rng = ChaCha8Rng::seed_from_u64(image);
        let at = rng.gen_range(0..=steps.len());
        let (disk, said) = cut(&steps, at, syncs, &mut rng);
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("store");
        disk.lay_out(&root, &folder);
        std::fs::File::create(folder.join("ballast"))
            .and_then(|file| file.set_len(16 * 1024 * 1024))
            .expect("a ballast");
        if let Some(wrong) = wrong(&folder, &said, Rebuilt::Never) {
            return Err(format!(
                "image {image}, cut at {at} of {}: {wrong}",
                steps.len()
            ));
        }
    }
    Ok(())
}

#[test]
fn p02_slow_whatever_a_power_cut_leaves_holds_all_that_was_accepted() {
    let asked = std::env::var("STORE_TEST_IMAGES").ok();
    let count = asked.map_or(IMAGES, |count| count.parse().expect("a count"));
    if let Err(wrong) = images(count, Syncs::All) {
        panic!("{wrong}");
    }
}

#[test]
fn p02_twin_a_database_that_is_never_synced_loses_what_was_accepted() {
    assert!(images(IMAGES, Syncs::NotOfTheDatabase).is_err());
}
