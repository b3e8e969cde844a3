//! The files of `config/` are right: the annotated one equals the defaults, the examples load.

use std::fs;
use std::path::{Path, PathBuf};

use gateway_config::{Configuration, Mistakes, Source};
use gateway_core::rule::{RuleFile, RuleSet};

fn config(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../config")
        .join(path)
}

#[test]
fn the_annotated_file_equals_the_defaults() {
    let path = config("gateway.toml");
    let annotated = gateway_config::load(&path).expect("the annotated file is right");
    let bare = "[gateway]\nid = \"gate-1\"\ngrid = \"000000000000\"\n[[lane]]\nid = \"in-1\"\n\
                kind = \"vehicle\"\ndirection = \"entry\"\nneeds = [\"plate\"]\n";
    let defaults = gateway_config::read(&path, bare).expect("the bare file is right");
    let without_lines = |mut configuration: Configuration| {
        configuration.warnings.iter_mut().for_each(|w| w.line = 0);
        configuration
    };
    assert_eq!(without_lines(annotated), without_lines(defaults));
}

/// Every line that begins with `# key =` or `# [table]`, uncommented, with its files present.
#[test]
fn the_commented_examples_are_right_too() {
    let text = fs::read_to_string(config("gateway.toml")).expect("readable");
    let folder = tempfile::tempdir().expect("a folder");
    let key = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw";
    let mut whole = String::new();
    for line in text.lines() {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        let word = bare.split(['=', ' ']).next().unwrap_or("");
        let example = bare.starts_with('[') || (bare.contains(" = ") && is_key(word));
        whole.push_str(if example { bare } else { line });
        whole.push('\n');
    }
    let public = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let whole = whole.replace("public_key = \"…\"", &format!("public_key = \"{public}\""));
    for file in ["broker-ca.pem", "town-ca.pem", "broker.pem", "broker.key"] {
        fs::write(folder.path().join(file), key).expect("written");
    }
    for link in ["devices", "lists"] {
        let target = fs::canonicalize(config(link)).expect("there");
        std::os::unix::fs::symlink(target, folder.path().join(link)).expect("linked");
    }
    let path = folder.path().join("gateway.toml");
    let configuration = gateway_config::read(&path, &whole).unwrap_or_else(|m| panic!("{m}"));
    assert_eq!(configuration.upstreams.len(), 1);
    assert_eq!(configuration.broker.listeners.len(), 1);
    assert_eq!(configuration.broker.guests.len(), 1);
    assert_eq!(configuration.cameras.len(), 1);
    assert_eq!(configuration.sensors.len(), 1);
    assert_eq!(configuration.barriers.len(), 1);
    let lists = gateway_config::lists::load(&configuration.lists, configuration.time_offset_min);
    assert_eq!(lists.map(|lists| lists.vehicles.version), Ok(1));
}

fn is_key(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'4')
}

/// As `gatectl check` looks at it: configuration, lists, and the shipped rules with their cases.
#[test]
fn the_example_site_is_right_with_the_shipped_rules() {
    let path = config("sites/compound.toml");
    let site = gateway_config::load(&path).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    gateway_config::lists::load(&site.lists, site.time_offset_min).expect("the lists are right");
    assert_eq!((site.site.lanes.len(), site.cameras.len()), (2, 1));
    assert_eq!((site.sensors.len(), site.barriers.len()), (5, 2));
    let texts: Vec<(String, String)> = site
        .rules
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).expect("readable");
            (path.display().to_string(), text)
        })
        .collect();
    let files: Vec<RuleFile> = texts
        .iter()
        .map(|(name, text)| RuleFile { name, text })
        .collect();
    let rules = RuleSet::load(&site.site.lanes, &files).expect("the shipped rules fit the lanes");
    assert!(!rules.rules().is_empty());
}

/// The demo as tools/start fills it; its rules stand beside it.
fn demo() -> Result<Configuration, Mistakes> {
    let text = fs::read_to_string(config("sites/demo.toml")).expect("readable");
    let folder = fs::canonicalize(config("")).expect("there");
    let lists = tempfile::tempdir().expect("a folder");
    for file in ["vehicles.csv", "cards.csv", "watched.csv"] {
        fs::write(lists.path().join(file), "plate,holder\n").expect("written");
    }
    let text = text
        .replace("@CONFIG_DIR@", &folder.display().to_string())
        .replace("@MODELS_DIR@", "/models")
        .replace("@STATE_DIR@", "/state")
        .replace("@LISTS_DIR@", &lists.path().display().to_string())
        .replace("@PAGE_PORT@", "8480")
        .replace("@BROKER_PORT@", "1883")
        .replace("@RTSP_PORT@", "8554")
        .replace("@GRID_KEY@", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let comment = |line: &&str| !line.trim_start().starts_with('#');
    assert!(text.lines().filter(comment).all(|line| !line.contains('@')));
    gateway_config::read(Path::new("/run/gateway.toml"), &text)
}

#[test]
fn the_demo_site_has_two_vehicle_lanes_and_one_for_persons() {
    let demo = demo().unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let lanes: Vec<&str> = demo
        .site
        .lanes
        .iter()
        .map(|lane| lane.id.as_str())
        .collect();
    assert_eq!(lanes, ["in-1", "out-1", "walk-1"]);
    assert!(demo.site.lanes.iter().all(|lane| lane.has_barrier));
    assert_eq!(
        demo.site.lanes[0].needs.plate,
        demo.site.lanes[0].has_approach_loop
    );
    assert_eq!(demo.cameras.len(), 2);
    assert!(matches!(&demo.cameras[0].source,
        Source::Rtsp { url, .. } if url == "rtsp://127.0.0.1:8554/in-1"));
    assert_eq!(demo.sensors.len(), 7);
    assert_eq!(demo.time_offset_min, 480);
}
