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
/// What a pure core has no use for: clocks, threads, files, sockets, chance, and maps without an order.
const OUTSIDE: &[&str] = &[
    "std::time::Instant",
    "SystemTime",
    "std::thread",
    "std::fs",
    "std::net",
    "std::env",
    "tokio",
    "rand::",
    "HashMap",
    "HashSet",
];

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
            findings.extend(search(
                file,
                OUTSIDE,
                "is no business of a pure core",
                "pass it in from an edge",
            ));
        }
    }
    findings
}

fn is_test(path: &str) -> bool {
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

/// The lines that are neither comment nor test, with their numbers. A test module is the last thing in
/// a file, as everywhere in this tree.
fn product_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
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
}
