//! A proven promise has its test, and a promise's test has its row.
//!
//! PROMISES.md has three tables under the headings *Proven*, *Begun* and *Not yet*. A row of the first
//! two names its tests in backticks in its third column; a test's name begins with its promise's id
//! (`p01_…` for P-01). Only what the runner runs counts: neither an ignored test, such as one that is
//! the child process of another, nor a function that merely has the name.

use std::collections::{BTreeMap, BTreeSet};

use super::{File, Finding};

const TABLE: &str = "gateway/PROMISES.md";
const LETTERS: &str = "ptdbfcsv";

/// P-01 is ('p', 1).
type Id = (char, u32);

struct Row {
    id: Id,
    written: String,
    line: usize,
    tests: Vec<String>,
    proven: bool,
}

pub fn look(files: &[File]) -> Vec<Finding> {
    let Some(table) = files.iter().find(|file| file.path == TABLE) else {
        return vec![Finding::new(
            TABLE,
            "is missing",
            "write it: proven rows with their tests, the rest under Not yet",
        )];
    };
    let rows = rows(&table.text);
    let tests = tests(files);
    let names: BTreeSet<&str> = tests.iter().map(|(name, _)| name.as_str()).collect();
    let mut findings = Vec::new();
    for row in rows.iter().filter(|row| row.proven) {
        if row.tests.is_empty() {
            findings.push(Finding::new(
                table.at(row.line),
                format!("{} stands among the proven without a test", row.written),
                "name its tests in backticks, or move it under Not yet",
            ));
        }
        for test in row
            .tests
            .iter()
            .filter(|test| !names.contains(test.as_str()))
        {
            findings.push(Finding::new(
                table.at(row.line),
                format!(
                    "{} names the test {test}, which the tree does not have",
                    row.written
                ),
                "write the test, or correct its name; an ignored one is none",
            ));
        }
        for test in row
            .tests
            .iter()
            .filter(|test| id_of_test(test) != Some(row.id))
        {
            findings.push(Finding::new(
                table.at(row.line),
                format!("{} names {test}, which is not its own test", row.written),
                "name it in the row of its own promise",
            ));
        }
    }
    let told: BTreeMap<Id, &Row> = rows
        .iter()
        .filter(|row| row.proven)
        .map(|row| (row.id, row))
        .collect();
    for (name, place) in &tests {
        let Some(id) = id_of_test(name) else { continue };
        if !told.contains_key(&id) {
            findings.push(Finding::new(
                place,
                format!("{name} tests a promise that has no row under Proven or Begun"),
                format!("give it a row in {TABLE}"),
            ));
        }
    }
    findings
}

fn rows(text: &str) -> Vec<Row> {
    let mut proven = false;
    let mut rows = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if let Some(heading) = line.strip_prefix("## ") {
            proven = !heading.to_lowercase().starts_with("not yet");
        }
        let mut cells = line.trim().trim_matches('|').split('|').map(str::trim);
        let Some(written) = cells.next() else {
            continue;
        };
        let Some(id) = id_of_row(written) else {
            continue;
        };
        let third = cells.nth(1).unwrap_or("");
        let tests = third
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect();
        rows.push(Row {
            id,
            written: written.to_owned(),
            line: at + 1,
            tests,
            proven,
        });
    }
    rows
}

/// Every test that runs and is named like a promise's, and where it stands.
fn tests(files: &[File]) -> Vec<(String, String)> {
    let mut tests = Vec::new();
    for file in files.iter().filter(|file| file.extension() == "rs") {
        let lines: Vec<&str> = file.text.lines().map(str::trim).collect();
        for (at, line) in lines.iter().enumerate() {
            let after = line.trim_start_matches("pub ").trim_start_matches("async ");
            let Some(after) = after.strip_prefix("fn ") else {
                continue;
            };
            let name: String = after
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            if id_of_test(&name).is_some() && runs(&lines[..at]) {
                tests.push((name, file.at(at + 1)));
            }
        }
    }
    tests
}

/// Whether the attributes that end `above` make a test that runs. The tests inside `proptest!` bear
/// `#[test]` like any other.
fn runs(above: &[&str]) -> bool {
    let mut test = false;
    for line in above.iter().rev() {
        if line.starts_with("//") {
            continue;
        }
        let attribute = line.starts_with("#[");
        // A line inside an attribute that is longer than one goes on; anything else ends the search.
        if !attribute && (line.is_empty() || line.ends_with(['}', '{', ';'])) {
            break;
        }
        if attribute && line.contains("ignore") {
            return false;
        }
        test |= ["#[test]", "#[tokio::test]", "#[tokio::test("]
            .iter()
            .any(|start| line.starts_with(start));
    }
    test
}

/// `P-01` or `T-1`.
fn id_of_row(cell: &str) -> Option<Id> {
    let (letter, number) = cell.split_once('-')?;
    let letter = letter
        .to_lowercase()
        .chars()
        .next()
        .filter(|_| letter.len() == 1)?;
    id(letter, number)
}

/// `p01_accepted_is_kept`.
fn id_of_test(name: &str) -> Option<Id> {
    let (id_text, sentence) = name.split_once('_')?;
    let letter = id_text.chars().next()?;
    (!sentence.is_empty()).then(|| id(letter, &id_text[letter.len_utf8()..]))?
}

fn id(letter: char, number: &str) -> Option<Id> {
    let digits =
        !number.is_empty() && number.len() <= 2 && number.bytes().all(|byte| byte.is_ascii_digit());
    (LETTERS.contains(letter) && digits)
        .then(|| number.parse().ok().map(|number| (letter, number)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(table: &str, code: &str) -> Vec<String> {
        let file = |path: &str, text: &str| File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let files = [file(TABLE, table), file("gateway/tests/kept.rs", code)];
        look(&files)
            .into_iter()
            .map(|finding| finding.what)
            .collect()
    }

    const TEST: &str = "#[test]\nfn p01_accepted_is_kept() {}\n";

    #[test]
    fn a_proven_row_with_its_test_is_right() {
        assert!(
            found(
                "## Proven\n| P-01 | kept | `p01_accepted_is_kept` |\n",
                TEST
            )
            .is_empty()
        );
    }

    #[test]
    fn a_proven_row_without_its_test_is_found() {
        assert_eq!(found("## Proven\n| P-01 | kept | |\n", TEST).len(), 1);
        let other = "## Proven\n| P-01 | kept | `p01_accepted_is_lost` |\n";
        assert_eq!(found(other, TEST).len(), 1);
    }

    #[test]
    fn a_test_without_its_row_is_found() {
        assert_eq!(found("## Not yet\n| P-01 | kept | |\n", TEST).len(), 1);
        assert_eq!(
            found(
                "## Proven\n| P-01 | kept | `p01_accepted_is_kept` |\n",
                "#[test]\nfn b03_x() {}"
            )
            .len(),
            2
        );
    }

    #[test]
    fn only_what_the_runner_runs_is_a_test() {
        let row = "## Proven\n| P-01 | kept | `p01_accepted_is_kept` |\n";
        for right in [
            "#[tokio::test]\n// Why; it must.\nasync fn p01_accepted_is_kept() {}\n",
            "/// Why.\n#[tokio::test(\n    flavor = \"multi_thread\",\n)]\nasync fn p01_accepted_is_kept() {}\n",
            "proptest! {\n    /// Why.\n    #[test]\n    fn p01_accepted_is_kept(a in b()) {}\n}\n",
        ] {
            assert_eq!(found(row, right), Vec::<String>::new(), "{right}");
        }
        for wrong in [
            "fn p01_accepted_is_kept() {}\n",
            "#[test]\nfn other() {}\n\nfn p01_accepted_is_kept() {}\n",
            "#[test]\nfn other() {}\nfn p01_accepted_is_kept() {}\n",
            "#[test]\n#[ignore = \"runs as a child\"]\nfn p01_accepted_is_kept() {}\n",
            "#[ignore]\n#[test]\nfn p01_accepted_is_kept() {}\n",
        ] {
            assert_eq!(found(row, wrong).len(), 1, "{wrong}");
        }
    }

    #[test]
    fn a_child_process_needs_no_row() {
        let child = "#[test]\n#[ignore = \"a child\"]\nfn p01_child() {}\n";
        assert!(found("## Not yet\n| P-01 | kept | |\n", child).is_empty());
    }

    #[test]
    fn a_row_names_tests_of_its_own_only() {
        let code = "#[test]\nfn p01_a() {}\n#[test]\nfn p02_a() {}\n";
        let table = "## Proven\n| P-01 | kept | `p01_a`, `p02_a` |\n| P-02 | kept | `p02_a` |\n";
        assert_eq!(
            found(table, code),
            ["P-01 names p02_a, which is not its own test"]
        );
    }

    #[test]
    fn other_names_are_no_promises() {
        for name in ["p_01", "p1", "page_shows", "x01_a", "p001_a", "d05"] {
            assert_eq!(id_of_test(name), None, "{name}");
        }
        assert_eq!(id_of_test("t1_clock"), id_of_row("T-1"));
    }
}
