//! Every download is pinned: each model and runtime by version and SHA-256, crates and npm packages by
//! their lock files.

use serde_json::Value as Json;
use toml::{Table, Value};

use super::{File, Finding};

const MODELS: &str = "models/models.toml";
const NPM_LOCK: &str = "gateway/web/package-lock.json";
const TEXTS: &[&str] = &["package", "version", "wheel", "member", "file", "licence"];
const DIGESTS: &[&str] = &["wheel_sha256", "sha256"];

pub fn look(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    match files.iter().find(|file| file.path == MODELS) {
        Some(file) => findings.extend(models(file)),
        None => findings.push(missing(MODELS)),
    }
    if !files.iter().any(|file| file.path == "Cargo.lock") {
        findings.push(missing("Cargo.lock"));
    }
    match files.iter().find(|file| file.path == NPM_LOCK) {
        Some(file) => findings.extend(npm(file)),
        None => findings.push(missing(NPM_LOCK)),
    }
    findings
}

fn missing(path: &str) -> Finding {
    Finding::new(
        path,
        "is missing, so nothing is pinned",
        "restore or write it",
    )
}

fn models(file: &File) -> Vec<Finding> {
    let table: Table = match toml::from_str(&file.text) {
        Ok(table) => table,
        Err(error) => return vec![Finding::new(MODELS, error.message(), "mend the TOML")],
    };
    let runtimes = table.get("runtime").and_then(Value::as_table);
    let roles = ["detector", "reader"].map(|role| (role.to_owned(), table.get(role)));
    let machines = runtimes
        .into_iter()
        .flatten()
        .map(|(machine, entry)| (format!("runtime.{machine}"), Some(entry)));
    let mut findings = Vec::new();
    for (role, entry) in roles.into_iter().chain(machines) {
        let Some(entry) = entry.and_then(Value::as_table) else {
            findings.push(Finding::new(
                MODELS,
                format!("no table [{role}]"),
                "pin what it is",
            ));
            continue;
        };
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or("");
        let mut object = |key: &str, what: &str| {
            findings.push(Finding::new(
                MODELS,
                format!("[{role}] {key} {what}"),
                "pin it",
            ));
        };
        for key in TEXTS.iter().filter(|key| text(key).is_empty()) {
            object(key, "is missing");
        }
        for key in DIGESTS.iter().filter(|key| !is_sha256(text(key))) {
            object(key, "is no SHA-256 in lower-case hex");
        }
    }
    findings
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn npm(file: &File) -> Vec<Finding> {
    let mut findings = hosts(file);
    match serde_json::from_str::<Json>(&file.text) {
        Ok(lock) => findings.extend(without_integrity(&lock)),
        Err(error) => findings.push(Finding::new(NPM_LOCK, error.to_string(), "mend the JSON")),
    }
    findings
}

/// The entry without a name is the page itself, and a link leads to a folder of the tree.
fn without_integrity(lock: &Json) -> Vec<Finding> {
    let packages = lock.get("packages").and_then(Json::as_object);
    let Some(packages) = packages else {
        return vec![missing(&format!("{NPM_LOCK}: packages"))];
    };
    packages
        .iter()
        .filter(|(name, entry)| !name.is_empty() && entry.get("link") != Some(&Json::Bool(true)))
        .filter(|(_, entry)| {
            entry
                .get("integrity")
                .and_then(Json::as_str)
                .is_none_or(str::is_empty)
        })
        .map(|(name, _)| {
            Finding::new(
                NPM_LOCK,
                format!("{name} has no integrity"),
                "remove its node_modules and its entry, then npm install --package-lock-only",
            )
        })
        .collect()
}

fn hosts(file: &File) -> Vec<Finding> {
    let hosts = file
        .text
        .lines()
        .enumerate()
        .filter(|(_, line)| line.contains("\"resolved\": \"http"));
    hosts
        .take(1)
        .map(|(at, _)| {
            Finding::new(
                file.at(at + 1),
                "names a registry's host",
                "npm config set omit-lockfile-registry-resolved true, then npm install --package-lock-only",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_npm_entry_without_integrity_is_named() {
        let text = r#"{ "packages": {
            "": { "name": "page" },
            "node_modules/a": { "version": "1.0.0", "integrity": "sha512-a" },
            "node_modules/b": { "version": "1.0.0" },
            "node_modules/c": { "link": true }
        } }"#;
        let file = |text: &str| File {
            path: NPM_LOCK.to_owned(),
            text: text.to_owned(),
        };
        let found = npm(&file(text));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].what, "node_modules/b has no integrity");
        assert_eq!(npm(&file("{}")).len(), 1);
        assert_eq!(npm(&file("{")).len(), 1);
    }

    #[test]
    fn an_entry_without_its_digest_is_named() {
        let file = File {
            path: MODELS.to_owned(),
            text:
                "[detector]\npackage = \"a\"\nversion = \"1\"\nwheel = \"a.whl\"\nmember = \"m\"\n\
                   file = \"m\"\nlicence = \"MIT\"\nwheel_sha256 = \"short\"\n"
                    .to_owned(),
        };
        let what: Vec<String> = models(&file)
            .into_iter()
            .map(|finding| finding.what)
            .collect();
        assert_eq!(
            what,
            [
                "[detector] wheel_sha256 is no SHA-256 in lower-case hex",
                "[detector] sha256 is no SHA-256 in lower-case hex",
                "no table [reader]"
            ]
        );
    }
}
