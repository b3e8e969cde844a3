//! First login, login, logout, accounts and the limits on guessing.

use gateway_core::event::{Body as EventBody, EventKind};

use super::*;

/// Outcomes of the recorded logins.
fn logins(bench: &Bench) -> Vec<(String, String)> {
    let events = bench.journal.events.lock().unwrap();
    events
        .iter()
        .filter(|event| event.kind == EventKind::Login)
        .flat_map(|event| &event.parts)
        .filter_map(|part| match &part.body {
            EventBody::Login {
                account, outcome, ..
            } => Some((account.to_string(), outcome.to_string())),
            _ => None,
        })
        .collect()
}

async fn log_in(bench: &Bench, account: &str, password: &str) -> (StatusCode, Value) {
    let body = json!({"account": account, "password": password});
    bench.post("/api/login", "", body).await
}

#[tokio::test]
async fn the_first_login_makes_a_technician_and_its_session() {
    let bench = Bench::new();
    let (_, session) = bench.get("/api/session", "").await;
    assert_eq!(session["account"], Value::Null);
    assert_eq!(session["first_login"], true);
    let code = bench.state.accounts.first_login_code().unwrap();
    let body = json!({"code": code, "account": "wei", "password": PASSWORD});
    let request = ask(Method::POST, "/api/first-login", "")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = bench.send(request).await;
    let set = response.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict") && set.contains("Path=/"));
    let cookie = set.split(';').next().unwrap().to_string();
    let (_, session) = bench.get("/api/session", &cookie).await;
    assert_eq!(session["account"], "wei");
    assert_eq!(session["role"], "technician");
    assert_eq!(session["language"], "zh");
    assert_eq!(session["first_login"], false);
    let (status, problem) = bench.post("/api/first-login", "", body).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!("already_set_up"))
    );
    assert_eq!(
        logins(&bench),
        [("wei".to_string(), "first_login".to_string())]
    );
}

#[tokio::test]
async fn a_short_password_and_a_strange_name_are_refused_with_what_is_allowed() {
    let bench = Bench::new();
    let code = bench.state.accounts.first_login_code().unwrap();
    let body = json!({"code": code, "account": "wei", "password": "short"});
    let (status, problem) = bench.post("/api/first-login", "", body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["code"], "password_too_short");
    assert_eq!(problem["values"]["least"], 10);
    let body = json!({"code": code, "account": "<b>", "password": PASSWORD});
    let (_, problem) = bench.post("/api/first-login", "", body).await;
    assert_eq!(problem["code"], "account_name");
    assert!(bench.state.accounts.is_empty());
}

#[tokio::test]
async fn every_login_is_an_event_and_a_mistyped_name_is_not_kept() {
    let bench = Bench::new();
    bench.set_up().await;
    assert_eq!(
        log_in(&bench, "wei", "wrong password").await.0,
        StatusCode::UNAUTHORIZED
    );
    let (status, problem) = log_in(&bench, PASSWORD, "wei").await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::UNAUTHORIZED, &json!("wrong_login"))
    );
    assert_eq!(log_in(&bench, "wei", PASSWORD).await.0, StatusCode::OK);
    let expected = [
        ("wei", "first_login"),
        ("wei", "wrong"),
        ("unknown", "wrong"),
        ("wei", "done"),
    ];
    let found = logins(&bench);
    let found: Vec<_> = found
        .iter()
        .map(|(a, o)| (a.as_str(), o.as_str()))
        .collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn s02_the_sixth_wrong_guess_has_to_wait_and_so_does_the_right_one_after_it() {
    let bench = Bench::new();
    bench.set_up().await;
    for _ in 0..5 {
        assert_eq!(
            log_in(&bench, "wei", "wrong").await.0,
            StatusCode::UNAUTHORIZED
        );
    }
    let (status, problem) = log_in(&bench, "wei", PASSWORD).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(problem["code"], "too_many_guesses");
    assert!(problem["values"]["retry_s"].as_u64().unwrap() >= 1);
}

#[tokio::test]
async fn s02_guesses_side_by_side_are_counted_one_by_one() {
    let bench = Bench::new();
    bench.set_up().await;
    let body = json!({"account": "wei", "password": "wrong"});
    let guesses = (0..12).map(|_| bench.post("/api/login", "", body.clone()));
    let answers = futures_util::future::join_all(guesses).await;
    let tried = answers
        .iter()
        .filter(|(status, _)| *status == StatusCode::UNAUTHORIZED)
        .count();
    assert_eq!(tried, 5);
}

#[tokio::test]
async fn s02_the_one_time_code_is_limited_too() {
    let bench = Bench::new();
    let body = json!({"code": "AAAA-AAAA", "account": "eve", "password": PASSWORD});
    for _ in 0..5 {
        let (status, _) = bench.post("/api/first-login", "", body.clone()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    let (status, _) = bench.post("/api/first-login", "", body).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_technician_adds_accounts_of_every_role() {
    let bench = Bench::new();
    bench.set_up().await;
    let technician = bench.session(Role::Technician);
    let body = json!({"account": "li", "password": PASSWORD, "role": "guard"});
    let (status, account) = bench.post("/api/accounts", &technician, body.clone()).await;
    assert_eq!(
        (status, &account["role"]),
        (StatusCode::CREATED, &json!("guard"))
    );
    let (status, problem) = bench.post("/api/accounts", &technician, body).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!("account_exists"))
    );
    let (_, session) = log_in(&bench, "li", PASSWORD).await;
    assert_eq!(session["role"], "guard");
    let (_, accounts) = bench.get("/api/accounts", &technician).await;
    assert_eq!(accounts.as_array().unwrap().len(), 2);
    assert!(!accounts.to_string().contains("argon2"));
}
