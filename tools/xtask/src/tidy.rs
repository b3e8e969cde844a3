//! `cargo xtask tidy`: what the project promises about its own tree, asserted.

mod edges;
mod layout;
mod panics;
mod pins;
mod promises;
mod queues;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};

/// One thing that is not as it should be.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// A path with its line, or a member's name.
    pub place: String,
    pub what: String,
    pub mend: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    {}", self.place, self.what, self.mend)
    }
}

impl Finding {
    fn new(place: impl fmt::Display, what: impl Into<String>, mend: impl Into<String>) -> Finding {
        Finding {
            place: place.to_string(),
            what: what.into(),
            mend: mend.into(),
        }
    }
}

/// One text file of the tree, its path relative to the root.
pub struct File {
    pub path: String,
    pub text: String,
}

impl File {
    fn extension(&self) -> &str {
        Path::new(&self.path)
            .extension()
            .and_then(|extension| extension.to_str())
            .unwrap_or("")
    }

    /// `path:line`, counted from 1.
    fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path)
    }
}

/// Looks at the whole tree; prints every finding; success means that there is none.
pub fn run() -> anyhow::Result<ExitCode> {
    let root = root()?;
    let files = files(&root)?;
    let mut findings = edges::look(&root)?;
    findings.extend(layout::look(&files));
    findings.extend(panics::look(&files));
    findings.extend(promises::look(&files));
    findings.extend(queues::look(&files));
    findings.extend(pins::look(&files));
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("tidy: {} files, nothing to mend", files.len());
        Ok(ExitCode::SUCCESS)
    } else {
        println!("tidy: {} to mend", findings.len());
        Ok(ExitCode::FAILURE)
    }
}

fn root() -> anyhow::Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here
        .ancestors()
        .nth(2)
        .context("xtask lies two folders below the root")?;
    Ok(root.to_owned())
}

/// Every file that is committed or could be (not ignored), if it is text.
fn files(root: &Path) -> anyhow::Result<Vec<File>> {
    // The tree may belong to another user than the one who checks it.
    let safe = format!("safe.directory={}", root.display());
    let listed = Command::new("git")
        .args(["-c", safe.as_str()])
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ])
        .current_dir(root)
        .output()
        .context("git ls-files")?;
    if !listed.status.success() {
        bail!(
            "git ls-files: {}",
            String::from_utf8_lossy(&listed.stderr).trim()
        );
    }
    let mut paths: Vec<String> = String::from_utf8_lossy(&listed.stdout)
        .split_terminator('\0')
        .map(str::to_owned)
        .collect();
    paths.sort();
    paths.dedup();
    Ok(paths
        .into_iter()
        .filter_map(|path| {
            // A picture or a file just deleted is of no interest here.
            let text = std::fs::read_to_string(root.join(&path)).ok()?;
            Some(File { path, text })
        })
        .collect())
}
