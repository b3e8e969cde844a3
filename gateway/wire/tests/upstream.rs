//! The contract with upstream: exact texts, signatures, and that nothing malformed panics (P-12).

use ed25519_dalek::SigningKey;
use gateway_core::event::{Class, EventKind, PartKind};
use gateway_core::name::{Name, PassageId};
use gateway_core::order::{Act, Sender};
use gateway_wire::upstream::event::{EventMessage, PartMessage};
use gateway_wire::upstream::order::{OrderAct, OrderMessage};
use gateway_wire::upstream::receipt::{ReceiptMessage, ReceiptRange};
use gateway_wire::upstream::signed::{Keys, Signed, public_key_text, signing_key};
use gateway_wire::upstream::{MESSAGE_MAX, UpstreamError, topic};
use proptest::prelude::*;

const HEADER: &str = concat!(
    r#"{"schema":1,"gateway":"gate-1","grid":"350603","#,
    r#""journal":"000102030405060708090a0b0c0d0e0f","number":7,"boot":2,"mono_us":5,"#,
    r#""wall_ms":1700000000123,"offset_min":480,"clock":"synchronised","kind":"decision","#,
    r#""lane":"east-in","passage":"east-in-2-1","#,
    r#""prev":"0000000000000000000000000000000000000000000000000000000000000000","#,
    r#""parts":[{"kind":"detail","class":"passage","#,
    r#""commitment":"1111111111111111111111111111111111111111111111111111111111111111"}]}"#,
);

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn keys(key: &SigningKey) -> Keys {
    let mut keys = Keys::new();
    keys.add(&public_key_text(&key.verifying_key()))
        .expect("a key");
    keys
}

fn gateway() -> Name {
    Name::new("gate-1")
}

fn receipt() -> ReceiptMessage {
    ReceiptMessage::new(
        &gateway(),
        [7; 16],
        &Name::new("grid"),
        vec![ReceiptRange {
            from: 1,
            to: 9,
            hash: [3; 32],
        }],
    )
}

fn signed<T: serde::Serialize>(body: &T, key: &SigningKey) -> Vec<u8> {
    let body = serde_json::to_string(body).expect("text");
    Signed::sign(body, key).encode().expect("a payload")
}

#[test]
fn an_event_is_a_cloudevent_around_the_headers_exact_text() {
    let message = EventMessage::new(
        HEADER,
        "ab".repeat(32),
        vec![
            PartMessage::Present {
                kind: PartKind::Detail,
                class: Class::Passage,
                salt: [1; 16],
                body: r#"{"type":"emergency","source":"x"}"#.to_owned(),
            },
            PartMessage::Withheld {
                kind: PartKind::Health,
                class: Class::Temperature,
            },
            PartMessage::Erased {
                kind: PartKind::Identity,
                class: Class::Sighting,
            },
        ],
    )
    .expect("a message");
    let payload = message.encode().expect("a payload");
    let json: serde_json::Value = serde_json::from_slice(&payload).expect("JSON");
    assert_eq!(json["specversion"], "1.0");
    assert_eq!(json["id"], "7");
    assert_eq!(
        json["source"],
        "/gateways/gate-1/journals/000102030405060708090a0b0c0d0e0f"
    );
    assert_eq!(json["type"], "gate.decision");
    assert_eq!(json["time"], "2023-11-14T22:13:20.123Z");
    assert_eq!(json["subject"], "east-in-2-1");
    assert_eq!(json["sequence"], "00000000000000000007");
    assert_eq!(json["chain"], "ab".repeat(32));
    assert_eq!(json["clock"], "synchronised");
    assert_eq!(json["data"]["header"], HEADER);
    assert_eq!(json["data"]["parts"][0]["state"], "present");
    assert_eq!(json["data"]["parts"][0]["salt"], "01".repeat(16));
    assert_eq!(
        json["data"]["parts"][1],
        serde_json::json!({"state": "withheld", "kind": "health", "class": "temperature"})
    );
    assert_eq!(json["data"]["parts"][2]["state"], "erased");
    assert_eq!(EventMessage::decode(&payload).expect("decoded"), message);
}

#[test]
fn a_wall_clock_beyond_all_calendars_leaves_the_time_out() {
    let header = HEADER.replace("1700000000123", "9000000000000000000");
    let message = EventMessage::new(&header, String::new(), Vec::new()).expect("a message");
    assert_eq!(message.time, None);
}

#[test]
fn topics_name_gateway_and_kind() {
    assert_eq!(
        topic::events(&gateway(), EventKind::AlertRaised),
        "gateways/gate-1/events/alert_raised"
    );
    assert_eq!(topic::receipts(&gateway()), "gateways/gate-1/receipts");
}

#[test]
fn a_kind_is_written_in_topics_as_in_headers() {
    for kind in [
        EventKind::Started,
        EventKind::EmergencyEnded,
        EventKind::Move,
        EventKind::Stray,
    ] {
        assert_eq!(
            serde_json::to_value(kind).expect("text"),
            topic::kind_name(kind)
        );
    }
}

#[test]
fn a_signed_receipt_opens_with_its_key_only() {
    let payload = signed(&receipt(), &key(1));
    let opened = ReceiptMessage::open(&payload, &keys(&key(1)), &gateway()).expect("opened");
    assert_eq!(opened, receipt());
    let code = |result: Result<ReceiptMessage, UpstreamError>| result.expect_err("refused").code();
    assert_eq!(
        code(ReceiptMessage::open(&payload, &keys(&key(2)), &gateway())),
        "unknown_key"
    );
    assert_eq!(
        code(ReceiptMessage::open(&payload, &Keys::new(), &gateway())),
        "unknown_key"
    );
    assert_eq!(
        code(ReceiptMessage::open(
            &payload,
            &keys(&key(1)),
            &Name::new("gate-2")
        )),
        "other_gateway"
    );
    let altered = String::from_utf8(payload)
        .expect("text")
        .replace("to\\\":9", "to\\\":8");
    assert_eq!(
        code(ReceiptMessage::open(
            altered.as_bytes(),
            &keys(&key(1)),
            &gateway()
        )),
        "wrong_signature"
    );
}

#[test]
fn a_key_file_gives_its_key_back() {
    let text = public_key_text(&key(1).verifying_key());
    assert!(Keys::new().add(&text).is_ok());
    for wrong in ["", "AAAA", "not base64 at all", &"A".repeat(44)] {
        assert!(Keys::new().add(wrong).is_err(), "{wrong}");
    }
    use base64::Engine as _;
    let secret = base64::engine::general_purpose::STANDARD.encode([1; 32]);
    assert_eq!(signing_key(&secret).expect("a key").to_bytes(), [1; 32]);
}

#[test]
fn an_order_becomes_the_cores_act_under_its_number() {
    let message = OrderMessage::new(
        &gateway(),
        41,
        OrderAct::Open {
            passage: "east-in-2-1".to_owned(),
            reason: "called".to_owned(),
        },
    );
    let payload = signed(&message, &key(1));
    let opened = OrderMessage::open(&payload, &keys(&key(1)), &gateway()).expect("opened");
    assert_eq!(opened, message);
    let order = opened.to_order(&Name::new("grid"));
    assert_eq!(order.id, Name::new("grid/41"));
    assert_eq!(
        order.from,
        Sender::Upstream {
            destination: Name::new("grid")
        }
    );
    assert_eq!(
        order.act,
        Act::Open {
            passage: PassageId::parse("east-in-2-1"),
            reason: Name::new("called"),
        }
    );
}

#[test]
fn a_lock_down_may_be_ordered_and_ended_from_upstream() {
    let ordered = |act: &str| {
        let body = format!(r#"{{"type":"order","gateway":"gate-1","number":1,{act}}}"#);
        let payload = Signed::sign(body, &key(1)).encode().expect("a payload");
        OrderMessage::open(&payload, &keys(&key(1)), &gateway())
            .map(|message| message.to_order(&Name::new("grid")).act)
    };
    let reason = Name::new("epidemic_control");
    assert_eq!(
        ordered(r#""act":"lock_down","reason":"epidemic_control""#).expect("opened"),
        Act::LockDown { reason }
    );
    assert_eq!(
        ordered(r#""act":"end_lock_down""#).expect("opened"),
        Act::EndLockDown
    );
    for refused in [
        r#""act":"lock_down""#,
        r#""act":"lock_down","reason":"""#,
        r#""act":"lock_down","reason":"r","lane":"out-1""#,
        r#""act":"end_lock_down","not_before":5"#,
    ] {
        assert!(ordered(refused).is_err(), "{refused}");
    }
}

#[test]
fn an_order_with_a_condition_nobody_knows_or_an_act_not_for_upstream_is_refused() {
    let base = r#"{"type":"order","gateway":"gate-1","number":1,"#;
    for (rest, code) in [
        (
            r#""act":"open","passage":"p-1-1","reason":"r","not_after":5}"#,
            "malformed_body",
        ),
        (
            r#""act":"open_lane","lane":"east-in","reason":"r"}"#,
            "malformed_body",
        ),
        (r#""act":"emergency"}"#, "malformed_body"),
        (
            r#""act":"open","passage":"p 1","reason":"r"}"#,
            "malformed_field",
        ),
        (
            r#""act":"open","passage":"p-1-1","reason":""}"#,
            "malformed_field",
        ),
        (r#""act":"open","passage":"p-1-1"}"#, "malformed_body"),
        (r#""passage":"p-1-1"}"#, "malformed_body"),
    ] {
        let body = format!("{base}{rest}");
        let payload = Signed::sign(body, &key(1)).encode().expect("a payload");
        let refused = OrderMessage::open(&payload, &keys(&key(1)), &gateway());
        assert_eq!(refused.expect_err(rest).code(), code, "{rest}");
    }
    // A receipt is no order, though the same key signed it.
    let payload = signed(&receipt(), &key(1));
    assert!(OrderMessage::open(&payload, &keys(&key(1)), &gateway()).is_err());
}

#[test]
fn a_message_that_is_too_long_is_not_looked_at() {
    let payload = vec![b'['; MESSAGE_MAX + 1];
    assert!(matches!(
        EventMessage::decode(&payload),
        Err(UpstreamError::TooLong { .. })
    ));
    assert!(matches!(
        Signed::open(&payload, &Keys::new()),
        Err(UpstreamError::TooLong { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]
    #[test]
    fn p12_a_malformed_payload_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let keys = keys(&key(1));
        let _ = EventMessage::decode(&bytes);
        let _ = ReceiptMessage::open(&bytes, &keys, &gateway());
        let _ = OrderMessage::open(&bytes, &keys, &gateway());
        let _ = Keys::new().add(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn p12_a_damaged_envelope_is_refused(at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let mut payload = signed(&receipt(), &key(1));
        let at = at.index(payload.len());
        payload[at] ^= 1 << bit;
        match ReceiptMessage::open(&payload, &keys(&key(1)), &gateway()) {
            Ok(opened) => prop_assert_eq!(opened, receipt()),
            Err(cause) => prop_assert!(!cause.code().is_empty()),
        }
    }

    #[test]
    fn p12_a_signed_body_of_any_text_never_panics(body in ".{0,200}") {
        let payload = Signed::sign(body, &key(1)).encode().expect("a payload");
        prop_assert!(ReceiptMessage::open(&payload, &keys(&key(1)), &gateway()).is_err());
        prop_assert!(OrderMessage::open(&payload, &keys(&key(1)), &gateway()).is_err());
    }

    #[test]
    fn p12_any_text_as_a_header_never_panics(text in ".{0,200}", cut in 0..400usize) {
        prop_assert!(EventMessage::new(&text, String::new(), Vec::new()).is_err());
        let cut = (0..=cut.min(HEADER.len())).rev().find(|at| HEADER.is_char_boundary(*at));
        let _ = EventMessage::new(&HEADER[..cut.unwrap_or(0)], String::new(), Vec::new());
    }
}
