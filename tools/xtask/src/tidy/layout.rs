//! The tree is the story: a fixed top level, files that fit a head, a first line that says what each serves.

use super::{File, Finding};

const MOST_LINES: usize = 500;
const TOP: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "config",
    "gateway",
    "models",
    "tools",
];
const CODE: &[&str] = &["rs", "ts", "mts", "js", "mjs", "svelte", "py", "sh"];
/// Names that say nothing of what is inside.
const EMPTY_NAMES: &[&str] = &[
    "utils", "util", "common", "types", "manager", "helpers", "misc",
];

pub fn look(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        findings.extend(top_level(file));
        if is_code(file) {
            findings.extend(length(file));
            findings.extend(name(file));
        }
        if file.extension() == "rs" {
            findings.extend(first_line(file));
        }
    }
    findings
}

fn is_code(file: &File) -> bool {
    // The scripts in tools/ bear no extension.
    CODE.contains(&file.extension()) || (file.extension().is_empty() && file.text.starts_with("#!"))
}

fn top_level(file: &File) -> Option<Finding> {
    let top = file.path.split('/').next().unwrap_or(&file.path);
    (!top.starts_with('.') && !TOP.contains(&top)).then(|| {
        Finding::new(
            &file.path,
            format!("{top} is not part of the fixed top level"),
            format!(
                "the top level is {} and dotfiles; find it a room below",
                TOP.join(", ")
            ),
        )
    })
}

fn length(file: &File) -> Option<Finding> {
    let lines = file.text.lines().count();
    (lines > MOST_LINES).then(|| {
        Finding::new(
            file.at(MOST_LINES + 1),
            format!("{lines} lines, {MOST_LINES} are the most"),
            "split it where its story has a seam",
        )
    })
}

fn name(file: &File) -> Option<Finding> {
    let mut words = file
        .path
        .split('/')
        .map(|part| part.split('.').next().unwrap_or(part));
    words.find(|word| EMPTY_NAMES.contains(word)).map(|word| {
        Finding::new(
            &file.path,
            format!("{word} says nothing of what is inside"),
            "name it by a word of the glossary",
        )
    })
}

fn first_line(file: &File) -> Option<Finding> {
    let first = file
        .text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("");
    (!first.starts_with("//!")).then(|| {
        Finding::new(
            file.at(1),
            "no //! says what step or promise this file serves",
            "begin it with one sentence",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let file = File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        look(&[file])
            .into_iter()
            .map(|finding| finding.what)
            .collect()
    }

    #[test]
    fn a_tidy_file_is_left_alone() {
        assert!(found("gateway/core/src/plate.rs", "//! A plate.\n").is_empty());
        assert!(found(".ci/run", "#!/bin/sh\n").is_empty());
    }

    #[test]
    fn each_untidiness_is_named() {
        assert_eq!(found("docs/a.md", "").len(), 1);
        assert_eq!(found("gateway/src/utils/a.rs", "//! A.\n").len(), 1);
        assert_eq!(found("gateway/src/a.rs", "fn a() {}\n").len(), 1);
        let long = format!("//! Long.\n{}", "\n".repeat(500));
        assert_eq!(
            found("gateway/src/a.rs", &long),
            ["501 lines, 500 are the most"]
        );
        assert_eq!(
            found("tools/start", &format!("#!/bin/sh\n{}", "\n".repeat(500))).len(),
            1
        );
    }
}
