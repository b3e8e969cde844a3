//! Every queue of the gateway is bounded: none of its channels may grow without end.

use super::panics::{is_test, product_lines};
use super::{File, Finding};

pub fn look(files: &[File]) -> Vec<Finding> {
    files
        .iter()
        .filter(|file| file.extension() == "rs" && is_product(&file.path) && !is_test(&file.path))
        .flat_map(|file| {
            product_lines(&file.text)
                .filter(|(_, line)| is_unbounded(line))
                .map(|(number, _)| {
                    Finding::new(
                        file.at(number),
                        "a channel without a bound",
                        "give it a length, and say beside it what happens when it is full",
                    )
                })
        })
        .collect()
}

/// `gateway/src/…` and `gateway/MEMBER/src/…`.
fn is_product(path: &str) -> bool {
    let mut parts = path.split('/');
    parts.next() == Some("gateway") && parts.take(2).any(|part| part == "src")
}

/// By its name, or by the standard library's `channel()`, which takes no length; a oneshot takes none
/// either, and holds one.
fn is_unbounded(line: &str) -> bool {
    line.to_lowercase().contains("unbounded")
        || (!line.contains("oneshot")
            && line
                .split("mpsc::channel")
                .skip(1)
                .any(|after| after.starts_with("()") || after.contains(">()")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, line: &str) -> usize {
        look(&[File {
            path: path.to_owned(),
            text: format!("//! A.\n{line}\n"),
        }])
        .len()
    }

    #[test]
    fn a_channel_without_a_bound_is_found() {
        for line in [
            "let (a, b) = mpsc::unbounded_channel();",
            "fn acks(acks: &mpsc::UnboundedSender<Publish>) {}",
            "let (a, b) = crossbeam_channel::unbounded::<u8>();",
            "let (a, b) = std::sync::mpsc::channel();",
            "let (a, b) = mpsc::channel::<Vec<u8>>();",
        ] {
            assert_eq!(found("gateway/src/sensors/mod.rs", line), 1, "{line}");
            assert_eq!(found("gateway/store/src/writer.rs", line), 1, "{line}");
        }
    }

    #[test]
    fn bounded_ones_tests_and_tools_are_left_alone() {
        for line in [
            "let (a, b) = mpsc::channel(1_024);",
            "let (a, b) = mpsc::sync_channel(1);",
            "let (a, b) = oneshot::channel();",
            "let (a, b) = watch::channel(false);",
            "// nothing is unbounded here",
        ] {
            assert_eq!(found("gateway/src/sensors/mod.rs", line), 0, "{line}");
        }
        let line = "let (a, b) = mpsc::channel();";
        for path in [
            "gateway/store/tests/a.rs",
            "gateway/src/web/tests/a.rs",
            "tools/traffic/src/a.rs",
        ] {
            assert_eq!(found(path, line), 0, "{path}");
        }
    }
}
