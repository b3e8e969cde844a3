//! Each shipped declaration reads the messages of its device family as they are meant.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use gateway_config::Configuration;
use gateway_core::reading::{Freshness, Value};
use gateway_wire::sensor::{Declaration, Parsed};
use serde_json::{Value as Json, json};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A site with one sensor or barrier of the declaration.
fn site(declaration: &str, vars: &BTreeMap<String, String>, place: Option<&str>) -> Configuration {
    let barrier = fs::read_to_string(here(&format!("../../config/devices/{declaration}.toml")))
        .expect("the declaration is shipped")
        .contains("[command]");
    let table = if barrier {
        "[lane.barrier]"
    } else {
        "[[lane.sensor]]"
    };
    let place = place.map_or_else(String::new, |place| format!("place = \"{place}\"\n"));
    let vars: Vec<String> = vars.iter().map(|(k, v)| format!("{k} = \"{v}\"")).collect();
    let text = format!(
        "[gateway]\nid = \"g\"\ngrid = \"1\"\n\
         [[lane]]\nid = \"l\"\nkind = \"vehicle\"\ndirection = \"entry\"\nneeds = [\"plate\"]\n\
         {table}\nid = \"d\"\ndeclaration = \"{declaration}\"\n{place}vars = {{ {} }}\n",
        vars.join(", ")
    );
    gateway_config::read(&here("../../config/gateway.toml"), &text)
        .unwrap_or_else(|mistakes| panic!("{declaration}: {mistakes}"))
}

fn declaration(fixture: &Json) -> Declaration {
    let name = fixture["declaration"].as_str().expect("a name");
    let vars = fixture["vars"].as_object().expect("vars");
    let vars = vars
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().expect("a text").to_owned()))
        .collect();
    let mut configuration = site(name, &vars, fixture["place"].as_str());
    match configuration.sensors.pop() {
        Some(sensor) => sensor.declaration,
        None => configuration.barriers.pop().expect("a barrier").state,
    }
}

fn as_json(parsed: &Parsed) -> Json {
    let mut json = match &parsed.value {
        None => json!({ "nothing": true }),
        Some(Value::Card(card)) => json!({ "card": card.reveal() }),
        Some(Value::Temperature(t)) => {
            let mut json = json!({ "millidegrees": t.body.0, "site": t.site });
            if let Some(ambient) = t.ambient {
                json["ambient"] = json!(ambient.0);
            }
            json
        }
        Some(Value::Loop(state)) => json!({ "loop": state.occupied }),
        Some(Value::Arm(position)) => json!({ "arm": position }),
        Some(Value::Emergency(active)) => json!({ "emergency": active }),
        Some(Value::Online(there)) => json!({ "online": there }),
    };
    if parsed.freshness != Freshness::Live {
        json["freshness"] = json!(parsed.freshness);
    }
    if let Some(counter) = parsed.counter {
        json["counter"] = json!(counter);
    }
    json
}

fn fixtures() -> Vec<Json> {
    let folder = fs::read_dir(here("../wire/tests/fixtures")).expect("fixtures");
    let mut paths: Vec<_> = folder
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let read = |path| fs::read_to_string(path).expect("readable");
    let parse = |text: String| serde_json::from_str(&text).expect("JSON");
    paths.into_iter().map(read).map(parse).collect()
}

#[test]
fn every_message_of_every_family_is_read_as_it_is_meant() {
    for fixture in fixtures() {
        let declaration = declaration(&fixture);
        for message in fixture["messages"].as_array().expect("messages") {
            let topic = message["topic"].as_str().expect("a topic");
            let payload = message["payload"].as_str().expect("a payload");
            let retain = message["retain"].as_bool().unwrap_or(false);
            let read = declaration.read(topic, payload.as_bytes(), retain, false);
            let told = match read.refusals.first() {
                None => json!(read.values.iter().map(as_json).collect::<Vec<_>>()),
                Some(refusal) => json!(refusal.code()),
            };
            let expect = message.get("refused").unwrap_or(&message["means"]);
            assert_eq!(&told, expect, "{}: {topic} {payload}", declaration.name);
        }
    }
}

#[test]
fn every_shipped_declaration_has_its_messages() {
    let shipped = gateway_config::declarations(&here("../../config/devices"));
    let tested: BTreeSet<String> = fixtures()
        .iter()
        .map(|fixture| fixture["declaration"].as_str().expect("a name").to_owned())
        .collect();
    assert_eq!(shipped.into_iter().collect::<BTreeSet<_>>(), tested);
}

#[test]
fn a_barrier_knows_its_commands_and_what_it_cannot_do() {
    use gateway_core::event::Barrier;
    let vars = BTreeMap::from([("device".to_owned(), "arm-7".to_owned())]);
    let relay = &site("tasmota-relay", &vars, None).barriers[0].commands;
    let told = |barrier| {
        relay
            .of(barrier)
            .map(|c| (c.topic.as_str(), c.payload.as_str()))
    };
    assert_eq!(told(Barrier::Open), Some(("cmnd/arm-7/POWER1", "ON")));
    assert_eq!(told(Barrier::HoldOpen), Some(("cmnd/arm-7/POWER2", "ON")));
    assert_eq!(told(Barrier::Release), Some(("cmnd/arm-7/POWER2", "OFF")));
    assert_eq!(told(Barrier::Close), Some(("cmnd/arm-7/POWER3", "ON")));
    let vars = BTreeMap::from([
        ("node".to_owned(), "n".to_owned()),
        ("cover".to_owned(), "arm".to_owned()),
    ]);
    let cover = &site("esphome-cover", &vars, None).barriers[0].commands;
    assert_eq!(cover.of(Barrier::HoldOpen), None);
    assert_eq!(
        cover.of(Barrier::Open).map(|c| c.topic.as_str()),
        Some("n/cover/arm/command")
    );
}
