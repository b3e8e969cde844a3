//! P-21: whatever a device sends is read or refused by cause, and never harms.

use std::fs;
use std::path::Path;

use gateway_core::name::Name;
use gateway_core::reading::{BodySite, LoopPlace};
use gateway_wire::sensor::{
    Declaration, Kind, MAX_BYTES, MAX_DEPTH, Match, Payload, Refusal, Spelling, Unit, ValueRule,
    Words,
};
use proptest::prelude::*;

const TOPIC: &str = "gate/device";

fn words() -> Words {
    Words {
        on: vec!["ON".into(), "1".into(), "true".into()],
        off: vec!["OFF".into(), "0".into(), "false".into()],
    }
}

fn rule(kind: Kind, pointer: Option<&str>) -> ValueRule {
    ValueRule {
        topic: TOPIC.into(),
        payload: if pointer.is_some() {
            Payload::Json
        } else {
            Payload::Text
        },
        matches: Vec::new(),
        kind,
        pointer: pointer.map(str::to_owned),
        absent: vec!["0".into()],
        replayed: vec![Match {
            pointer: "/old".into(),
            equals: Some("1".into()),
        }],
        counter: Some("/n".into()),
    }
}

fn temperature() -> Kind {
    Kind::Temperature {
        unit: Unit::Celsius,
        decimals: 0,
        site: BodySite::Forehead,
        ambient: Some("/a".into()),
    }
}

fn declaration(values: Vec<ValueRule>) -> Declaration {
    Declaration {
        name: Name::new("test"),
        values,
    }
}

/// A declaration of each kind, as JSON and as text.
fn every_kind() -> Vec<Declaration> {
    let kinds = [
        Kind::Card(Spelling::Hex),
        Kind::Card(Spelling::Text),
        temperature(),
        Kind::Loop {
            place: LoopPlace::UnderArm,
            words: words(),
        },
        Kind::Arm {
            words: words(),
            moving: vec!["MOVING".into()],
        },
        Kind::Emergency(words()),
        Kind::Online(Some(words())),
        Kind::Online(None),
    ];
    let both = |kind: &Kind| [rule(kind.clone(), Some("/v")), rule(kind.clone(), None)];
    let rules = kinds.iter().flat_map(both);
    rules.map(|rule| declaration(vec![rule])).collect()
}

/// The real messages of every family, to be mutated.
fn messages() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut messages = vec![
        br#"{"v":36.6,"a":"21.5","n":"907","old":0}"#.to_vec(),
        br#"{"v":"4C-1B-90-E2","n":1}"#.to_vec(),
    ];
    for entry in fs::read_dir(folder).expect("fixtures") {
        let text = fs::read_to_string(entry.expect("an entry").path()).expect("readable");
        let fixture: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        for message in fixture["messages"].as_array().expect("messages") {
            let payload = message["payload"].as_str().expect("a text");
            messages.push(payload.as_bytes().to_vec());
        }
    }
    messages.sort();
    messages
}

fn read_all(payload: &[u8]) {
    for declaration in every_kind() {
        for (retain, dup) in [(false, false), (true, false), (false, true)] {
            for refusal in declaration.read(TOPIC, payload, retain, dup).refusals {
                assert!(!refusal.code().is_empty());
                assert_ne!(refusal, Refusal::WrongTopic);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn p21_arbitrary_bytes_never_panic(payload in prop::collection::vec(any::<u8>(), 0..300)) {
        read_all(&payload);
    }

    #[test]
    fn p21_arbitrary_text_never_panics(payload in "\\PC{0,80}") {
        read_all(payload.as_bytes());
        read_all(format!("{{\"v\":\"{payload}\"}}").as_bytes());
        read_all(format!("{{\"v\":{payload}}}").as_bytes());
    }

    #[test]
    fn p21_mutated_messages_never_panic(
        which in any::<prop::sample::Index>(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
    ) {
        let messages = messages();
        let mut payload = which.get(&messages).clone();
        for (at, byte, how) in cuts {
            if payload.is_empty() {
                break;
            }
            let at = at.index(payload.len());
            match how {
                0 => payload[at] = byte,
                1 => payload.insert(at, byte),
                _ => payload.truncate(at),
            }
        }
        read_all(&payload);
    }

    #[test]
    fn p21_numbers_are_read_exactly(milli in -59_999..150_000_i32) {
        let sign = if milli < 0 { "-" } else { "" };
        let text = format!("{sign}{}.{:03}", milli.abs() / 1000, milli.abs() % 1000);
        let device = declaration(vec![rule(temperature(), Some("/v"))]);
        for payload in [format!("{{\"v\":{text}}}"), format!("{{\"v\":\"{text}\"}}")] {
            let read = device.read(TOPIC, payload.as_bytes(), false, false);
            let told = match &read.values[0].value {
                Some(gateway_core::reading::Value::Temperature(t)) => t.body.0,
                _ => 0,
            };
            prop_assert_eq!(told, milli);
        }
    }
}

#[test]
fn p21_each_refusal_has_its_cause() {
    let device = declaration(vec![rule(temperature(), Some("/v"))]);
    let card = declaration(vec![rule(Kind::Card(Spelling::Hex), None)]);
    let contact = declaration(vec![rule(Kind::Emergency(words()), None)]);
    let code = |device: &Declaration, topic: &str, payload: &[u8]| {
        device
            .read(topic, payload, false, false)
            .refusals
            .first()
            .map(|refusal| refusal.code())
    };
    let large = vec![b' '; MAX_BYTES + 1];
    let huge = vec![b'['; 16 << 20];
    let deep = format!(
        "{}1{}",
        "[".repeat(MAX_DEPTH + 1),
        "]".repeat(MAX_DEPTH + 1)
    );
    for (payload, expect) in [
        (&b""[..], "empty"),
        (&large, "too_large"),
        (&huge, "too_large"),
        (b"{\"v\":\"\xff\"}", "not_utf8"),
        (deep.as_bytes(), "too_deep"),
        (b"{\"v\":36.6", "not_json"),
        (b"{\"v\":NaN}", "not_json"),
        (b"{\"v\":1e999}", "not_json"),
        (b"{\"w\":36.6}", "no_value"),
        (b"{\"v\":{}}", "not_a_value"),
        (b"{\"v\":\"NaN\"}", "not_a_number"),
        (b"{\"v\":\"36,6\"}", "not_a_number"),
        (b"{\"v\":9999}", "out_of_range"),
        (b"{\"v\":-274}", "out_of_range"),
    ] {
        assert_eq!(code(&device, TOPIC, payload), Some(expect));
    }
    assert_eq!(
        code(&device, "gate/other", b"{\"v\":36.6}"),
        Some("wrong_topic")
    );
    assert_eq!(code(&card, TOPIC, b"4C1B90E"), Some("not_a_card"));
    assert_eq!(code(&contact, TOPIC, b"maybe"), Some("unknown_word"));
}

#[test]
fn d05_retained_redelivered_and_replayed_messages_are_never_live() {
    use gateway_core::reading::Freshness;
    let device = declaration(vec![rule(temperature(), Some("/v"))]);
    let freshness = |payload: &str, retain, dup| {
        let read = device.read(TOPIC, payload.as_bytes(), retain, dup);
        read.values[0].freshness
    };
    let live = "{\"v\":36.6,\"old\":0}";
    let old = "{\"v\":36.6,\"old\":\"1\"}";
    assert_eq!(freshness(live, false, false), Freshness::Live);
    assert_eq!(freshness(live, true, false), Freshness::Retained);
    assert_eq!(freshness(live, false, true), Freshness::Redelivered);
    assert_eq!(freshness(old, false, false), Freshness::Replayed);
    assert_eq!(freshness(old, true, true), Freshness::Replayed);
}

#[test]
fn p21_a_bad_value_takes_nothing_from_the_others() {
    use gateway_core::reading::Value;
    let device = declaration(vec![
        rule(temperature(), Some("/v")),
        rule(Kind::Emergency(words()), Some("/fire")),
    ]);
    for bad in ["\"NaN\"", "9999", "{}"] {
        let payload = format!("{{\"v\":{bad},\"fire\":\"ON\"}}");
        let read = device.read(TOPIC, payload.as_bytes(), false, false);
        assert_eq!(read.values.len(), 1);
        assert_eq!(read.values[0].value, Some(Value::Emergency(true)));
        assert_eq!(read.refusals.len(), 1);
    }
}

#[test]
fn p21_the_largest_fahrenheit_is_out_of_range_and_overflows_nothing() {
    let mut of = rule(temperature(), None);
    if let Kind::Temperature { unit, .. } = &mut of.kind {
        *unit = Unit::Fahrenheit;
    }
    let device = declaration(vec![of]);
    for text in ["9223372036854775.807", "-9223372036854775.807"] {
        let read = device.read(TOPIC, text.as_bytes(), false, false);
        assert_eq!(read.refusals, [Refusal::OutOfRange], "{text}");
    }
}
