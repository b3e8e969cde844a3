//! Core, store and wire never panic by their own word outside tests, and the core touches no outside.

use super::{File, Finding};

const WITHOUT_PANICS: &[&str] = &[
    "gateway/core/src/",
    "gateway/store/src/",
    "gateway/wire/src/",
];
const PANICS: &[&str] = &[
    ".unwrap()",
    ".expect(",
    "panic!(",
    "unreachable!(",
    "unimplemented!(",
    "todo!(",
];

const PURE: &str = "gateway/core/src/";
/// What a pure core has no use for, wherever the word stands: clocks, tasks, chance, and maps without
/// an order.
const OUTSIDE: &[&str] = &[
    "Instant",
    "SystemTime",
    "tokio",
    "rand",
    "HashMap",
    "HashSet",
    "RandomState",
];
/// Modules of the standard library that reach outside: as the beginning of a path, or in a `use` of it.
const OUTSIDE_MODULES: &[&str] = &["thread", "fs", "net", "env", "process", "io"];

pub fn look(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.extension() == "rs" && !is_test(&file.path))
    {
        if WITHOUT_PANICS
            .iter()
            .any(|folder| file.path.starts_with(folder))
        {
            findings.extend(search(
                file,
                PANICS,
                "can panic",
                "return an error, or make the state impossible",
            ));
        }
        if file.path.starts_with(PURE) {
            findings.extend(impure(file));
        }
    }
    findings
}

pub(super) fn is_test(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    path.contains("/tests/") || file == "tests.rs" || file.ends_with("_tests.rs")
}

fn search(file: &File, words: &[&str], what: &str, mend: &str) -> Vec<Finding> {
    product_lines(&file.text)
        .filter_map(|(number, line)| {
            let word = words.iter().find(|word| line.contains(**word))?;
            Some(Finding::new(
                file.at(number),
                format!("{word} {what}"),
                mend,
            ))
        })
        .collect()
}

/// Whole words, so that a grouped import hides nothing and a longer name is left alone.
fn impure(file: &File) -> Vec<Finding> {
    let mut in_use_of_std = false;
    let mut findings = Vec::new();
    for (number, line) in product_lines(&file.text) {
        let words = words(line);
        in_use_of_std |= words.windows(2).any(|pair| pair == ["use", "std"]);
        let found = words.iter().enumerate().find(|(at, word)| {
            let leads = words.get(at + 1) == Some(&"::");
            OUTSIDE.contains(word) || (OUTSIDE_MODULES.contains(word) && (leads || in_use_of_std))
        });
        if let Some((_, word)) = found {
            findings.push(Finding::new(
                file.at(number),
                format!("{word} is no business of a pure core"),
                "pass it in from an edge",
            ));
        }
        in_use_of_std &= !line.contains(';');
    }
    findings
}

/// Names, and the `::` between them; everything else only separates.
fn words(line: &str) -> Vec<&str> {
    let name = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let length = if name(first) {
            rest.find(|c| !name(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            rest = &rest[first.len_utf8()..];
            continue;
        };
        words.push(&rest[..length]);
        rest = &rest[length..];
    }
    words
}

/// The lines that are neither comment nor test, with their numbers. A test module is the last thing in
/// a file, as everywhere in this tree.
pub(super) fn product_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| !line.trim_start().starts_with("#[cfg(test)]"))
        .map(|(at, line)| (at + 1, line.split("//").next().unwrap_or(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(path: &str, text: &str) -> Vec<String> {
        let file = File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        look(&[file])
            .into_iter()
            .map(|finding| finding.place)
            .collect()
    }

    #[test]
    fn a_panic_in_the_product_is_found_with_its_line() {
        let text = "//! A.\nfn a() {\n    b().unwrap();\n}\n";
        assert_eq!(
            places("gateway/store/src/a.rs", text),
            ["gateway/store/src/a.rs:3"]
        );
        assert!(places("gateway/src/a.rs", text).is_empty());
    }

    #[test]
    fn comments_and_tests_may_say_what_they_like() {
        let text =
            "//! No .unwrap() here.\n#[cfg(test)]\nmod tests {\n    fn a() { b().unwrap() }\n}\n";
        assert!(places("gateway/wire/src/a.rs", text).is_empty());
        assert!(
            places(
                "gateway/core/src/gate/tests.rs",
                "//! T.\nlet a = b.unwrap();"
            )
            .is_empty()
        );
    }

    #[test]
    fn a_clock_in_the_core_is_found() {
        let text = "//! A.\nuse std::time::Instant;\n";
        assert_eq!(places("gateway/core/src/a.rs", text).len(), 1);
    }

    #[test]
    fn a_grouped_import_hides_nothing() {
        let text = "//! A.\nuse std::{\n    fmt,\n    fs,\n    time::{Duration, Instant},\n};\nlet fs = 1;\n";
        assert_eq!(
            places("gateway/core/src/a.rs", text),
            ["gateway/core/src/a.rs:4", "gateway/core/src/a.rs:5"]
        );
        for line in [
            "use std::{collections::{BTreeMap, HashMap}, fmt};",
            "use std::{fmt, net};",
            "std::thread::sleep(wait);",
            "let text = fs::read(path);",
        ] {
            assert_eq!(places("gateway/core/src/a.rs", line).len(), 1, "{line}");
        }
    }

    #[test]
    fn a_word_that_only_looks_alike_is_left_alone() {
        for line in [
            "let env = environment(&env);",
            "use std::sync::Arc; let operand = threads;",
            "pub struct InstantOfArrival { net: u64 }",
            "env!(\"CARGO_PKG_VERSION\")",
        ] {
            assert!(places("gateway/core/src/a.rs", line).is_empty(), "{line}");
        }
    }
}
