//! Rules tried and activated at a real gate: persons who were held pass under the new rules, a
//! restart keeps them, and each decision says which rules made it.

mod harness;

use std::process::Command;

use harness::{Gate, SOON, Walk, listed_card, must, verdict};
use serde_json::Value;

const FEVER_PASSES: &str = "[[rule]]\nid = \"everybody-listed\"\ntitle = { zh = \"登记的人\", en = \"Listed\" }\nlanes = [\"pedestrian\"]\nwhen = \"card.listed && temperature.celsius <= 39.0\"\nverdict = \"admit\"\n";

/// The decisions' verdicts and the versions of the rules that made them.
fn decisions(gate: &Gate) -> Vec<(String, String)> {
    let events = gate.events("decision");
    let version = |event: &Value| {
        let decision = harness::part(event, "decision").expect("a decision");
        decision["rules_version"]
            .as_str()
            .expect("a version")
            .to_owned()
    };
    events
        .iter()
        .map(|event| (verdict(event).to_owned(), version(event)))
        .collect()
}

#[test]
fn slow_a_draft_is_tried_activated_and_kept_over_a_restart() {
    let mut gate = Gate::start();
    let mut walk = Walk::of(&gate);
    walk.person(&listed_card(1), 382);
    gate.events_at_least("decision", 1, SOON);
    assert_eq!(decisions(&gate)[0].0, "hold");
    gate.events_at_least("passage_ended", 1, SOON * 10);

    let draft = gate.site.path("draft.toml");
    std::fs::write(&draft, FEVER_PASSES).expect("written");
    let draft = draft.display().to_string();
    let report = gate.gatectl(&["rules", "try", &draft, "--json"]);
    assert_eq!(report["tried"], 1, "{report:#}");
    assert_eq!(report["changes"][0]["from"], "hold");
    assert_eq!(report["changes"][0]["to"], "admit");
    let activated = gate.gatectl(&["rules", "activate", &draft, "--json"]);
    let version = activated["version"].as_str().expect("a version").to_owned();
    assert_eq!(activated["before"], decisions(&gate)[0].1);

    walk.person(&listed_card(2), 382);
    gate.events_at_least("decision", 2, SOON);
    assert_eq!(decisions(&gate)[1], ("admit".to_owned(), version.clone()));

    gate.kill_daemon();
    gate.start_daemon();
    let rules = gate.gatectl(&["rules", "show", "--json"]);
    assert_eq!(rules["version"], version.as_str());
    let mut walk = Walk::of(&gate);
    must("a person passes after the restart", SOON * 3, || {
        walk.person(&listed_card(3), 382);
        decisions(&gate)
            .get(2)
            .is_some_and(|last| last.1 == version)
    });

    let list = gate.gatectl(&["passage", "list", "--json"]);
    let oldest = list
        .as_array()
        .and_then(|list| list.last())
        .expect("passages");
    let id = oldest["id"].as_str().expect("an id");
    let told = gate.gatectl(&["passage", "show", id, "--json"]);
    assert_eq!(told["recomputed"]["same"], true, "{told:#}");
    assert_ne!(told["recomputed"]["version"], version.as_str());
    let said = Command::new(harness::binary("gatectl"))
        .args([
            "passage",
            "show",
            id,
            "--state-dir",
            &gate.site.text("state"),
        ])
        .output()
        .expect("gatectl can be run");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(
        said.contains("体温") && said.contains("Raised temperature"),
        "{said}"
    );
    assert!(
        !said.contains(&listed_card(1)) && !said.contains("38.2"),
        "{said}"
    );
}
