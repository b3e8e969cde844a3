//! The live stream: what is durable, in order, going on where it broke off.

use axum::body::BodyDataStream;
use futures_util::StreamExt;
use gateway_core::decision::Verdict;
use gateway_core::name::PassageId;
use gateway_core::reading::ArmPosition;
use gateway_core::view::PassageView;

use super::sight::{begun, decided, ended, raised};
use super::*;

pub fn view(passage: &str, bench: &Bench) -> LaneView {
    LaneView {
        lane: Name::from("in-1"),
        passage: Some(PassageView {
            id: PassageId::parse(passage),
            begun: bench.state.clock.now(),
            sighting: None,
            plate: None,
            card: None,
            temperature: None,
            band: None,
            decision: None,
            facts: Vec::new(),
            fallback_at: None,
            rests_until: None,
            ended: None,
        }),
        open_passages: 1,
        held: Vec::new(),
        arm: Some(ArmPosition::Closed),
        under_arm_occupied: None,
        emergency: false,
        resting: 0,
        locked_down: false,
    }
}

/// A stream as a browser reads it.
struct Page {
    body: BodyDataStream,
    text: String,
}

#[derive(Debug, PartialEq)]
struct Heard {
    id: String,
    event: String,
    data: Value,
}

impl Page {
    async fn open(bench: &Bench, cookie: &str, last: Option<&str>) -> Page {
        let mut request = ask(Method::GET, "/api/live", cookie);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = bench.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "text/event-stream"
        );
        Page {
            body: response.into_body().into_data_stream(),
            text: String::new(),
        }
    }

    /// The next message, or `None` when the stream has ended.
    async fn next(&mut self) -> Option<Heard> {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    message
                        .lines()
                        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                        .unwrap_or("")
                        .to_string()
                };
                let heard = Heard {
                    id: field("id"),
                    event: field("event"),
                    data: serde_json::from_str(&field("data")).unwrap_or(Value::Null),
                };
                self.text = rest.to_string();
                if !heard.event.is_empty() {
                    return Some(heard);
                }
                continue;
            }
            let bytes = tokio::time::timeout(Duration::from_secs(5), self.body.next())
                .await
                .expect("the stream says nothing")?
                .unwrap();
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    async fn hear(&mut self) -> Heard {
        self.next().await.expect("the stream has ended")
    }
}

#[tokio::test]
async fn a_new_stream_begins_with_a_resync_and_then_tells_what_becomes_durable() {
    let bench = Bench::new();
    let mut page = Page::open(&bench, &bench.session(Role::Guard), None).await;
    assert_eq!(page.hear().await.event, "resync");
    bench.durable(
        vec![
            begun(&bench, "in-1-3-1"),
            decided(&bench, "in-1-3-1", Verdict::Hold),
            raised(&bench, 1),
        ],
        &[view("in-1-3-1", &bench)],
    );
    let lane = page.hear().await;
    assert_eq!((lane.event.as_str(), lane.id.as_str()), ("lane", "3-1"));
    assert_eq!(lane.data["passage"]["verdict"], "hold");
    let passage = page.hear().await;
    assert_eq!(passage.event, "passage");
    assert_eq!(passage.data["id"], "in-1-3-1");
    let alert = page.hear().await;
    assert_eq!((alert.event.as_str(), alert.id.as_str()), ("alert", "3-3"));
    bench.state.publish_status();
    let health = page.hear().await;
    assert_eq!((health.event.as_str(), health.id.as_str()), ("status", ""));
}

#[tokio::test]
async fn a_stream_goes_on_with_exactly_what_it_missed() {
    let bench = Bench::new();
    let cookie = bench.session(Role::Guard);
    for count in 1..=20 {
        bench.durable(vec![ended(&bench, &format!("in-1-3-{count}"))], &[]);
    }
    let mut page = Page::open(&bench, &cookie, Some("3-17")).await;
    for count in 18..=20 {
        let heard = page.hear().await;
        assert_eq!(heard.id, format!("3-{count}"));
        assert_eq!(heard.data["id"], format!("in-1-3-{count}"));
    }
    bench.durable(vec![ended(&bench, "in-1-3-21")], &[]);
    assert_eq!(page.hear().await.id, "3-21");
}

#[tokio::test]
async fn what_cannot_be_continued_is_told_to_load_anew() {
    let bench = Bench::new();
    let cookie = bench.session(Role::Guard);
    for count in 1..=1_100 {
        bench.durable(vec![ended(&bench, &format!("in-1-3-{count}"))], &[]);
    }
    for last in ["2-1100", "3-10", "3-5000", "nonsense", "3-"] {
        let mut page = Page::open(&bench, &cookie, Some(last)).await;
        let heard = page.hear().await;
        assert_eq!(
            (heard.event.as_str(), heard.id.as_str()),
            ("resync", "3-1100"),
            "{last}"
        );
        bench.durable(Vec::new(), &[]);
    }
    let mut page = Page::open(&bench, &cookie, Some("3-76")).await;
    assert_eq!(page.hear().await.id, "3-77");
}

#[tokio::test]
async fn a_stream_that_falls_behind_is_told_to_load_anew() {
    let bench = Bench::new();
    let mut page = Page::open(&bench, &bench.session(Role::Guard), None).await;
    assert_eq!(page.hear().await.event, "resync");
    for count in 1..=600 {
        bench.durable(vec![ended(&bench, &format!("in-1-3-{count}"))], &[]);
    }
    let heard = page.hear().await;
    assert_eq!(
        (heard.event.as_str(), heard.id.as_str()),
        ("resync", "3-600")
    );
    bench.durable(vec![ended(&bench, "in-1-3-601")], &[]);
    assert_eq!(page.hear().await.id, "3-601");
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let bench = Bench::new();
    let cookie = bench.session(Role::Guard);
    let mut page = Page::open(&bench, &cookie, None).await;
    assert_eq!(page.hear().await.event, "resync");
    bench.post("/api/logout", &cookie, json!({})).await;
    bench.durable(vec![ended(&bench, "in-1-3-1")], &[]);
    assert_eq!(page.next().await, None);
}

#[tokio::test]
async fn streams_are_bounded_and_an_ended_one_makes_room() {
    let bench = Bench::new();
    let cookie = bench.session(Role::Guard);
    let mut pages = Vec::new();
    for _ in 0..STREAMS {
        pages.push(Page::open(&bench, &cookie, None).await);
    }
    let (status, problem) = bench.get("/api/live", &cookie).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("too_many_streams"))
    );
    pages.pop();
    Page::open(&bench, &cookie, None).await;
}
