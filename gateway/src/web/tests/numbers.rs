//! Numbers and the handover, counted from what was recorded.

use gateway_core::decision::Verdict;
use gateway_core::event::{Body as EventBody, Class, EventKind, PartKind};

use super::sight::{begun, decided, ended, raised};
use super::*;

fn closed(bench: &Bench, alert: u64) -> Event {
    Event::new(bench.state.clock.now(), EventKind::AlertClosed).part(
        PartKind::Detail,
        Class::Alarm,
        EventBody::AlertState {
            alert,
            by: Some(Name::from("wei")),
            reason: Some(Name::from("resolved")),
            comment: None,
        },
    )
}

/// The clock of these tests is trusted, whatever the machine says of its own.
fn dated(mut event: Event) -> Event {
    event.at.trust = gateway_core::moment::ClockTrust::Synchronised;
    event
}

fn day(bench: &Bench) {
    let mut events = Vec::new();
    for n in 1..=3 {
        let id = format!("in-1-3-{n}");
        events.push(begun(bench, &id));
        let verdict = if n == 1 {
            Verdict::Admit
        } else {
            Verdict::Hold
        };
        events.push(decided(bench, &id, verdict));
    }
    events.push(ended(bench, "in-1-3-2"));
    events.push(raised(bench, 1));
    events.push(raised(bench, 2));
    events.push(closed(bench, 1));
    bench.durable(events.into_iter().map(dated).collect(), &[]);
}

#[tokio::test]
async fn passages_are_counted_by_hour_verdict_rule_and_role() {
    let bench = Bench::new();
    day(&bench);
    let auditor = bench.session(Role::Auditor);
    let until = bench.state.clock.now().wall_ms + 1_000;
    let path = format!("/api/numbers?to_ms={until}");
    let (status, numbers) = bench.get(&path, &auditor).await;
    assert_eq!(status, StatusCode::OK, "{numbers}");
    assert_eq!(numbers["passages"], 3);
    assert_eq!(
        numbers["verdicts"],
        json!([{ "verdict": "admit", "count": 1 }, { "verdict": "hold", "count": 2 }])
    );
    let hours: u64 = numbers["hours"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hour| hour["count"].as_u64().unwrap())
        .sum();
    assert_eq!(hours, 3);
    let rules = numbers["rules"].as_array().unwrap();
    let unlisted = rules
        .iter()
        .find(|rule| rule["rule"] == "unlisted")
        .unwrap();
    assert_eq!(
        (&unlisted["applied"], &unlisted["decided"]),
        (&json!(3), &json!(3))
    );
    let alerts = &numbers["alerts"];
    assert_eq!(
        (
            &alerts["raised"],
            &alerts["closed"],
            &alerts["closed_permille"]
        ),
        (&json!(2), &json!(1), &json!(500))
    );
    assert!(alerts["median_to_close_ms"].is_u64(), "{alerts}");
    assert_eq!(alerts["roles"][0]["raised"], 2);
    assert_eq!(numbers["ends"][0]["word"], "answered");

    let before = until - 10 * 86_400_000;
    let (_, none) = bench
        .get(&format!("/api/numbers?to_ms={before}"), &auditor)
        .await;
    assert_eq!(none["passages"], 0);
    let (status, _) = bench.get("/api/numbers?from_ms=5&to_ms=5", &auditor).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_handover_tells_what_is_open_and_names_nobody() {
    let bench = Bench::new();
    day(&bench);
    let guard = bench.session(Role::Guard);
    let (status, sheet) = bench.get("/api/handover?hours=8", &guard).await;
    assert_eq!(status, StatusCode::OK, "{sheet}");
    assert_eq!(sheet["open_alerts"].as_array().unwrap().len(), 1);
    assert_eq!(sheet["open_alerts"][0]["alert"], 2);
    assert!(!sheet.to_string().contains("E12345"), "{sheet}");
    for (format, begins) in [("csv", "\u{feff}".as_bytes()), ("xlsx", b"PK")] {
        let path = format!("/api/handover?format={format}&language=zh");
        let request = ask(Method::GET, &path, &guard).body(Body::empty()).unwrap();
        let answer = bench.send(request).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let bytes = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        assert!(bytes.starts_with(begins), "{format}");
    }
    let (status, _) = bench.get("/api/handover?format=pdf", &guard).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}
