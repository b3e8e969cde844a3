//! What people see: passages and alerts folded from durable events, live or read back.

use gateway_core::alert::Raised;
use gateway_core::decision::{
    Cause, Decision, FactRecord, FactState, Missing, Outcome, RuleOutcome, Verdict,
};
use gateway_core::event::{Body as EventBody, Class, End, EventKind, PartKind};
use gateway_core::name::PassageId;
use gateway_core::plate::{Plate, PlateColour, PlateKind};
use gateway_core::reading::{Freshness, Trust};
use gateway_core::sighting::{Candidate, Evidence as Named, Sighting};

use super::*;
use crate::history::Before;

fn event(bench: &Bench, kind: EventKind, passage: &str) -> Event {
    Event::new(bench.state.clock.now(), kind)
        .lane(&Name::from("in-1"))
        .passage(&PassageId::parse(passage))
}

pub fn begun(bench: &Bench, passage: &str) -> Event {
    event(bench, EventKind::PassageBegun, passage)
}

fn sighting(plate: &str, sha256: &str) -> Sighting {
    Sighting {
        lane: Name::from("in-1"),
        camera: Name::from("cam-1"),
        track: 1,
        revision: 1,
        closed: false,
        plate: Plate::new(plate),
        kind: PlateKind::Ordinary,
        colour: PlateColour::Blue,
        agrees: true,
        confidence_permille: 970,
        candidates: vec![Candidate {
            plate: Plate::new(plate),
            confidence_permille: 970,
        }],
        at_arm: true,
        plate_box: [10, 20, 110, 50],
        frames: 9,
        first_seen: Default::default(),
        last_seen: Default::default(),
        evidence: Some(Named {
            sha256: sha256.to_string(),
            width: 1280,
            height: 720,
        }),
        freshness: Freshness::Live,
        trust: Trust::Tls,
    }
}

fn seen(bench: &Bench, passage: &str, plate: &str, sha256: &str) -> Event {
    event(bench, EventKind::SightingJoined, passage).part(
        PartKind::Identity,
        Class::Passage,
        EventBody::Sighting(sighting(plate, sha256)),
    )
}

pub fn decided(bench: &Bench, passage: &str, verdict: Verdict) -> Event {
    let decision = Decision {
        verdict,
        rules: vec![
            RuleOutcome {
                rule: Name::from("resident"),
                verdict: Verdict::Admit,
                outcome: Outcome::False,
            },
            RuleOutcome {
                rule: Name::from("unlisted"),
                verdict,
                outcome: Outcome::True,
            },
        ],
        would_admit: vec![Name::from("resident")],
        missing: vec![Missing {
            fact: Name::from("card"),
            cause: Cause::NotPresented,
        }],
        rules_version: "1".to_string(),
        lists: Vec::new(),
        shadow: false,
        took_us: 1_200,
    };
    let fact = FactRecord {
        name: Name::from("plate.text"),
        state: FactState::Text("闽E12345".to_string()),
        at: Some(bench.state.clock.mono()),
        source: None,
        trust: None,
        part: PartKind::Identity,
    };
    event(bench, EventKind::Decision, passage)
        .part(
            PartKind::Detail,
            Class::Passage,
            EventBody::Decision(decision),
        )
        .part(
            PartKind::Identity,
            Class::Passage,
            EventBody::Facts { facts: vec![fact] },
        )
}

pub fn ended(bench: &Bench, passage: &str) -> Event {
    let end = End::Answered {
        verdict: Verdict::Refuse,
    };
    event(bench, EventKind::PassageEnded, passage).part(
        PartKind::Detail,
        Class::Passage,
        EventBody::PassageEnded { end, decided: true },
    )
}

pub fn raised(bench: &Bench, alert: u64) -> Event {
    event(bench, EventKind::AlertRaised, "in-1-3-1")
        .part(
            PartKind::Detail,
            Class::Alarm,
            EventBody::Alert(Raised {
                alert,
                code: Name::from("hold"),
                severity: gateway_core::alert::Severity::Warning,
                roles: vec![Role::Guard],
                rule: None,
                message: None,
            }),
        )
        .part(
            PartKind::Identity,
            Class::Alarm,
            EventBody::Sighting(sighting("闽E12345", &"cd".repeat(32))),
        )
}

fn changed(bench: &Bench, kind: EventKind, alert: u64, reason: Option<&str>) -> Event {
    Event::new(bench.state.clock.now(), kind).part(
        PartKind::Detail,
        Class::Alarm,
        EventBody::AlertState {
            alert,
            by: Some(Name::from("wei")),
            reason: reason.map(Name::from),
            comment: Some(String::new()),
        },
    )
}

#[tokio::test]
async fn a_passage_is_told_with_plate_picture_verdict_and_reasons() {
    let bench = Bench::new();
    let sha256 = "ab".repeat(32);
    bench.durable(
        vec![
            begun(&bench, "in-1-3-1"),
            seen(&bench, "in-1-3-1", "闽E12345", &sha256),
            decided(&bench, "in-1-3-1", Verdict::Hold),
            ended(&bench, "in-1-3-1"),
        ],
        &[],
    );
    let cookie = bench.session(Role::Guard);
    let (status, passage) = bench.get("/api/passages/in-1-3-1", &cookie).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(passage["number"], 3);
    assert_eq!(passage["plate"]["text"], "闽E12345");
    assert_eq!(passage["plate"]["kind"], "ordinary");
    assert_eq!(passage["plate"]["box"], json!([10, 20, 110, 50]));
    assert_eq!(passage["picture"]["url"], format!("/api/pictures/{sha256}"));
    assert_eq!(passage["verdict"], "hold");
    assert_eq!(passage["took_ms"], 2);
    assert_eq!(passage["end"]["end"], "answered");
    assert_eq!(passage["end"]["verdict"], "refuse");
    assert_eq!(passage["facts"][0]["state"], json!({"text": "闽E12345"}));
    let codes: Vec<_> = passage["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reason| reason["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["rule", "missing"]);
    assert_eq!(passage["missing"][0]["cause"], "not_presented");
}

#[tokio::test]
async fn what_is_read_back_from_the_journal_is_what_was_folded_live() {
    let bench = Bench::new();
    // More than are kept folded, so that the first ones come from the journal.
    for count in 1..=300 {
        let id = format!("in-1-3-{count}");
        bench.durable(
            vec![
                begun(&bench, &id),
                seen(&bench, &id, "闽E12345", &"ab".repeat(32)),
                decided(&bench, &id, Verdict::Admit),
            ],
            &[],
        );
    }
    let hub = &bench.state.hub;
    let all = hub.passages(&Before::Newest, 300).unwrap();
    assert_eq!(all.len(), 300);
    assert_eq!(all[0].id, "in-1-3-300");
    let strip = |passage: &api::Passage| {
        let mut passage = passage.clone();
        passage.id.clear();
        passage.number = None;
        passage.begun_ms = 0;
        passage.decided_ms = None;
        for fact in &mut passage.facts {
            fact.at_ms = None;
        }
        passage
    };
    assert_eq!(strip(&all[0]), strip(&all[299]));
}

#[tokio::test]
async fn a_list_goes_on_after_the_last_passage_shown_without_gap_or_repeat() {
    let bench = Bench::new();
    for count in 1..=9 {
        let id = format!("in-1-3-{count}");
        bench.durable(vec![begun(&bench, &id)], &[]);
    }
    // Decided in another order than begun.
    for count in [3, 1, 2, 6, 5, 4, 9, 8, 7] {
        let id = format!("in-1-3-{count}");
        bench.durable(vec![decided(&bench, &id, Verdict::Admit)], &[]);
    }
    let cookie = bench.session(Role::Guard);
    for key in ["number", "id"] {
        let mut ids = Vec::new();
        let mut before = String::new();
        loop {
            let path = format!("/api/passages?limit=2&before={before}");
            let (_, page) = bench.get(&path, &cookie).await;
            let Some(last) = page.as_array().unwrap().last() else {
                break;
            };
            before = last[key].to_string().replace('"', "");
            for passage in page.as_array().unwrap() {
                ids.push(passage["id"].as_str().unwrap().to_string());
            }
            assert!(ids.len() <= 9, "it goes round: {ids:?}");
        }
        let expected: Vec<_> = (1..=9)
            .rev()
            .map(|count| format!("in-1-3-{count}"))
            .collect();
        assert_eq!(ids, expected, "by {key}");
    }
}

#[tokio::test]
async fn a_restart_finds_passages_and_alerts_again() {
    let bench = Bench::new();
    bench.durable(
        vec![
            begun(&bench, "in-1-3-1"),
            decided(&bench, "in-1-3-1", Verdict::Hold),
            raised(&bench, 1),
            raised(&bench, 2),
            changed(&bench, EventKind::AlertClosed, 1, Some("resolved")),
        ],
        &[],
    );
    let again = Hub::new(Setup {
        boot: 4,
        site: Arc::new(site()),
        lane_titles: Default::default(),
        rule_titles: Default::default(),
        cameras: Vec::new(),
        reader: Reader::new(bench.journal.journal.clone()),
    });
    again.load();
    let hub = &bench.state.hub;
    let all = crate::history::alerts::Wanted::All;
    assert_eq!(again.alerts(all, 10), hub.alerts(all, 10));
    assert_eq!(
        again.passages(&Before::Newest, 10).unwrap(),
        hub.passages(&Before::Newest, 10).unwrap()
    );
}

#[tokio::test]
async fn an_alert_goes_from_open_to_acknowledged_to_closed() {
    let bench = Bench::new();
    let cookie = bench.session(Role::Guard);
    bench.durable(vec![raised(&bench, 1), raised(&bench, 2)], &[]);
    let (_, open) = bench.get("/api/alerts?state=open", &cookie).await;
    assert_eq!(open[0]["alert"], 2);
    assert_eq!(open[1]["plate"], "闽E12345");
    let acknowledged = changed(&bench, EventKind::AlertAcknowledged, 1, None);
    bench.durable(vec![acknowledged], &[]);
    let (_, one) = bench.get("/api/alerts?state=acknowledged", &cookie).await;
    assert_eq!(one[0]["acknowledged_by"], "wei");
    let closed = changed(&bench, EventKind::AlertClosed, 1, Some("false_alarm"));
    bench.durable(vec![closed], &[]);
    let (_, closed) = bench.get("/api/alerts?state=closed", &cookie).await;
    assert_eq!(closed[0]["reason"], "false_alarm");
    assert_eq!(closed[0]["comment"], Value::Null);
    let (_, open) = bench.get("/api/alerts?state=open", &cookie).await;
    assert_eq!(open.as_array().unwrap().len(), 1);
    let (status, _) = bench.get("/api/alerts?state=odd", &cookie).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_picture_is_shown_only_while_an_event_names_it() {
    let bench = Bench::new();
    let cookie = bench.session(Role::Guard);
    let named = bench.state.evidence.put(b"a picture").unwrap();
    let nameless = bench.state.evidence.put(b"another").unwrap();
    bench.durable(vec![seen(&bench, "in-1-3-1", "闽E12345", &named)], &[]);
    let request = ask(Method::GET, &format!("/api/pictures/{named}"), &cookie)
        .body(Body::empty())
        .unwrap();
    let response = bench.send(request).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "image/jpeg");
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    assert_eq!(&bytes[..], b"a picture");
    for sha256 in [nameless.as_str(), "zz", &named.to_uppercase()] {
        let (status, _) = bench.get(&format!("/api/pictures/{sha256}"), &cookie).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{sha256}");
    }
}

#[tokio::test]
async fn a_lane_shows_its_passage_and_its_cameras() {
    let bench = Bench::new();
    let view = stream::view("in-1-3-1", &bench);
    bench.durable(
        vec![
            begun(&bench, "in-1-3-1"),
            seen(&bench, "in-1-3-1", "闽E12345", &"ab".repeat(32)),
        ],
        &[view],
    );
    let mut health = status();
    health.cameras.push(api::CameraStatus {
        id: "cam-1".to_string(),
        lane: "in-1".to_string(),
        state: api::PartState::Failed,
        code: Some("refused".to_string()),
        frames: 0,
        fps_permille: 0,
        wanted_permille: 0,
        read_permille: 0,
        width: 0,
        height: 0,
    });
    bench.state.hub.status(&health);
    let (_, lanes) = bench.get("/api/lanes", &bench.session(Role::Guard)).await;
    let lane = &lanes[0];
    assert_eq!(lane["id"], "in-1");
    assert_eq!(lane["needs"], json!(["plate"]));
    assert_eq!(lane["arm"], "closed");
    assert_eq!(lane["open_passages"], 1);
    assert_eq!(lane["passage"]["plate"]["text"], "闽E12345");
    assert_eq!(
        lane["cameras"],
        json!([{"id": "cam-1", "state": "failed", "code": "refused"}])
    );
}

#[tokio::test]
async fn an_alert_about_a_device_names_it_and_why_it_failed() {
    let bench = Bench::new();
    let raised = raised(&bench, 1).part(
        PartKind::Detail,
        Class::Alarm,
        EventBody::DeviceState {
            device: Name::from("cam-1"),
            state: gateway_core::reading::DeviceState::Failed {
                code: Name::from("unreachable"),
            },
        },
    );
    bench.durable(vec![raised], &[]);
    let (_, alerts) = bench.get("/api/alerts", &bench.session(Role::Guard)).await;
    assert_eq!(alerts[0]["device"], "cam-1");
    assert_eq!(alerts[0]["device_code"], "unreachable");
}
