//! Orders of people reach the gate as they were meant, with who gave them.

use gateway_core::name::PassageId;
use gateway_core::order::{Order, Sender};

use super::*;

fn only_order(bench: &Bench) -> Order {
    let mut orders = bench.orders.lock().unwrap();
    assert_eq!(orders.len(), 1);
    match orders.remove(0) {
        Input::Order(order) => order,
        other => panic!("not an order: {other:?}"),
    }
}

#[tokio::test]
async fn each_answer_reaches_the_gate_as_it_was_meant() {
    let bench = Bench::new();
    let cookie = bench.session(Role::Guard);
    let passage = || PassageId::parse("in-1-3-7");
    let reason = || Name::from("host_consents");
    let cases = [
        (
            "open",
            Act::Open {
                passage: passage(),
                reason: reason(),
            },
        ),
        (
            "refuse",
            Act::Refuse {
                passage: passage(),
                reason: reason(),
            },
        ),
        (
            "escort",
            Act::Escort {
                passage: passage(),
                reason: reason(),
            },
        ),
        ("measure_again", Act::MeasureAgain { passage: passage() }),
        ("hold", Act::Hold { passage: passage() }),
    ];
    for (answer, act) in cases {
        let body = json!({"answer": answer, "reason": "host_consents"});
        let (status, told) = bench
            .post("/api/passages/in-1-3-7/answer", &cookie, body)
            .await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(told, json!({"outcome": "done", "code": null, "number": 42}));
        let order = only_order(&bench);
        assert_eq!(order.act, act);
        let guard = Sender::Person {
            account: Name::from("wei"),
            role: Role::Guard,
        };
        assert_eq!(order.from, guard);
    }
}

#[tokio::test]
async fn no_two_orders_have_the_same_id() {
    let bench = Bench::new();
    let cookie = bench.session(Role::Guard);
    for _ in 0..3 {
        bench
            .post("/api/lanes/in-1/close", &cookie, json!({}))
            .await;
    }
    let orders = bench.orders.lock().unwrap();
    let ids: std::collections::BTreeSet<_> = orders
        .iter()
        .map(|input| match input {
            Input::Order(order) => order.id.clone(),
            other => panic!("not an order: {other:?}"),
        })
        .collect();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn what_the_gate_refuses_is_told_with_its_code() {
    let bench = Bench::new();
    let cookie = bench.session(Role::Guard);
    let (status, told) = bench
        .post("/api/alerts/404/acknowledge", &cookie, json!({}))
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&told["outcome"], &told["code"]),
        (&json!("refused"), &json!("unknown_alert"))
    );
}

#[tokio::test]
async fn an_unknown_reason_lane_or_number_never_reaches_the_gate() {
    let bench = Bench::new();
    let cookie = bench.session(Role::Guard);
    let cases = [
        (
            "/api/passages/in-1-3-7/answer",
            json!({"answer": "open", "reason": "bribe"}),
            422,
        ),
        (
            "/api/passages/in-1-3-7/answer",
            json!({"answer": "open"}),
            422,
        ),
        (
            "/api/passages/in-1-3-7/answer",
            json!({"answer": "shoot", "reason": "other"}),
            400,
        ),
        ("/api/lanes/in-9/open", json!({"reason": "delivery"}), 404),
        ("/api/lanes/in-1/open", json!({"reason": ""}), 422),
        (
            "/api/alerts/minus/close",
            json!({"reason": "resolved"}),
            404,
        ),
        ("/api/alerts/1/close", json!({"reason": "tired"}), 422),
        (
            "/api/alerts/1/close",
            json!({"reason": "resolved", "comment": "x".repeat(2_001)}),
            422,
        ),
    ];
    for (path, body, expected) in cases {
        let (status, problem) = bench.post(path, &cookie, body.clone()).await;
        assert_eq!(status.as_u16(), expected, "{path} {body}: {problem}");
    }
    assert!(bench.orders.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_emergency_goes_its_own_way_and_only_an_order_ends_it() {
    let bench = Bench::new();
    let cookie = bench.session(Role::Guard);
    let (_, told) = bench
        .post("/api/emergency", &cookie, json!({"active": true}))
        .await;
    assert_eq!(
        told,
        json!({"outcome": "done", "code": null, "number": null})
    );
    let deadline = std::time::Instant::now() + Duration::from_secs(5);
    loop {
        let seen = bench.orders.lock().unwrap().pop();
        if let Some(seen) = seen {
            assert!(matches!(seen, Input::Emergency { source } if source.as_str() == "wei"));
            break;
        }
        assert!(
            std::time::Instant::now() < deadline,
            "the gate was not told"
        );
        tokio::task::yield_now().await;
    }
    bench
        .post("/api/emergency", &cookie, json!({"active": false}))
        .await;
    assert_eq!(only_order(&bench).act, Act::EndEmergency);
}

#[tokio::test]
async fn a_lock_down_begins_with_a_reason_that_the_texts_know_and_ends_without_one() {
    let bench = Bench::new();
    let cookie = bench.session(Role::Police);
    for body in [
        json!({"active": true}),
        json!({"active": true, "reason": "bad mood"}),
        json!({"active": true, "reason": "known_person"}),
    ] {
        let (status, problem) = bench.post("/api/lock-down", &cookie, body.clone()).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("reason")),
            "{body}"
        );
    }
    assert!(bench.orders.lock().unwrap().is_empty());
    let begins = json!({"active": true, "reason": "person_sought"});
    let (status, told) = bench.post("/api/lock-down", &cookie, begins).await;
    assert_eq!((status, &told["outcome"]), (StatusCode::OK, &json!("done")));
    let order = only_order(&bench);
    let reason = Name::from("person_sought");
    assert_eq!(order.act, Act::LockDown { reason });
    let police = Sender::Person {
        account: Name::from("wei"),
        role: Role::Police,
    };
    assert_eq!(order.from, police);
    bench
        .post("/api/lock-down", &cookie, json!({"active": false}))
        .await;
    assert_eq!(only_order(&bench).act, Act::EndLockDown);
}
