//! Nothing without a login (S-01), and what another site may not do (S-02). The cases come from
//! the API's own document, so that a new route cannot be forgotten.

use std::collections::BTreeSet;

use super::*;
use crate::web::access::{self, Access};

const ROLES: [Role; 6] = [
    Role::Guard,
    Role::GridWorker,
    Role::Police,
    Role::Property,
    Role::Technician,
    Role::Auditor,
];

/// Method and path of every operation, from the served document.
async fn operations(bench: &Bench) -> Vec<(Method, String)> {
    let (status, document) = bench.get("/api/openapi.json", "").await;
    assert_eq!(status, StatusCode::OK);
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let method = method.to_uppercase().parse().unwrap();
            found.push((method, path.clone()));
        }
    }
    found
}

/// A path that the router takes, with something in each placeholder.
fn filled(path: &str) -> String {
    path.replace("{id}", "in-1")
        .replace("{alert}", "1")
        .replace("{list}", "vehicles")
        .replace("{sha256}", &"ab".repeat(32))
}

async fn status_of(bench: &Bench, method: &Method, path: &str, cookie: &str) -> StatusCode {
    let request = ask(method.clone(), &filled(path), cookie)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from("{}"))
        .unwrap();
    bench.send(request).await.status()
}

#[tokio::test]
async fn s01_document_access_table_and_router_list_the_same_routes() {
    let bench = Bench::new();
    let documented: BTreeSet<_> = operations(&bench)
        .await
        .into_iter()
        .map(|(method, path)| format!("{method} {path}"))
        .collect();
    let guarded: BTreeSet<_> = access::TABLE
        .iter()
        .map(|(method, path, _)| format!("{method} {path}"))
        .collect();
    assert_eq!(documented, guarded);
    let technician = bench.session(Role::Technician);
    for (method, path) in operations(&bench).await {
        let status = status_of(&bench, &method, &path, &technician).await;
        assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
    }
}

#[tokio::test]
async fn s01_without_a_session_only_the_allow_list_answers() {
    let bench = Bench::new();
    let open = [
        "GET /api/session",
        "POST /api/login",
        "POST /api/first-login",
        "GET /api/messages",
        "GET /api/openapi.json",
    ];
    for (method, path) in operations(&bench).await {
        let allowed = open.contains(&format!("{method} {path}").as_str());
        for cookie in ["", "gateway_session=", "gateway_session=0123", "other=1"] {
            let status = status_of(&bench, &method, &path, cookie).await;
            assert_eq!(
                status == StatusCode::UNAUTHORIZED,
                !allowed,
                "{method} {path} with {cookie:?}: {status}"
            );
        }
    }
}

#[tokio::test]
async fn s01_an_ended_session_opens_nothing() {
    let bench = Bench::new();
    let cookie = bench.session(Role::Technician);
    let (status, _) = bench.post("/api/logout", &cookie, json!({})).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    for (method, path, access) in access::TABLE {
        if *access != Access::Open {
            let method = method.parse().unwrap();
            let status = status_of(&bench, &method, path, &cookie).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn s01_each_role_reaches_its_own_routes_and_no_other() {
    let bench = Bench::new();
    for role in ROLES {
        let cookie = bench.session(role);
        for (method, path, access) in access::TABLE {
            // Ends the session that the loop goes on with.
            if *path == "/api/logout" {
                continue;
            }
            let allowed = match access {
                Access::Open | Access::Session => true,
                Access::Roles(roles) => roles.contains(&role),
            };
            let method = method.parse().unwrap();
            let status = status_of(&bench, &method, path, &cookie).await;
            assert_eq!(
                status == StatusCode::FORBIDDEN,
                !allowed,
                "{role:?} {method} {path}: {status}"
            );
        }
    }
}

#[tokio::test]
async fn s01_the_auditor_changes_nothing() {
    let bench = Bench::new();
    let cookie = bench.session(Role::Auditor);
    for (method, path, access) in access::TABLE {
        let reads = *method == "GET" || *access == Access::Open || *path == "/api/logout";
        if !reads {
            let method = method.parse().unwrap();
            let status = status_of(&bench, &method, path, &cookie).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path}");
        }
    }
    assert!(bench.orders.lock().unwrap().is_empty());
}

#[tokio::test]
async fn s01_an_unknown_route_tells_nothing_without_a_session() {
    let bench = Bench::new();
    let (status, _) = bench.get("/api/secrets", "").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (status, problem) = bench.get("/api/secrets", &bench.session(Role::Guard)).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::NOT_FOUND, &json!("not_found"))
    );
}

#[tokio::test]
async fn s02_a_change_needs_the_pages_header_and_the_pages_origin() {
    let bench = Bench::new();
    let cookie = bench.session(Role::Guard);
    let cases = [
        (&[][..], "csrf"),
        (&[("x-gateway-csrf", "0")][..], "csrf"),
        (
            &[("x-gateway-csrf", "1"), ("origin", "http://evil.example")][..],
            "origin",
        ),
        (&[("x-gateway-csrf", "1"), ("origin", "null")][..], "origin"),
        (
            &[("x-gateway-csrf", "1"), ("sec-fetch-site", "cross-site")][..],
            "origin",
        ),
    ];
    for (headers, code) in cases {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri("/api/emergency")
            .header(header::HOST, "127.0.0.1:8480")
            .header(header::COOKIE, &cookie)
            .header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(r#"{"active":true}"#)).unwrap();
        let (status, problem) = split(bench.send(request).await).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::FORBIDDEN, &json!(code))
        );
    }
    assert!(bench.orders.lock().unwrap().is_empty());
}

#[tokio::test]
async fn s02_another_name_for_this_address_is_not_served() {
    let bench = Bench::new();
    for host in ["evil.example", "evil.example:8480", "10.1.2.3", ""] {
        let request = Request::builder()
            .uri("/api/session")
            .header(header::HOST, host)
            .body(Body::empty())
            .unwrap();
        let status = bench.send(request).await.status();
        assert_eq!(status, StatusCode::MISDIRECTED_REQUEST, "{host}");
    }
}

#[tokio::test]
async fn s02_paths_do_not_climb_and_bodies_are_bounded() {
    let bench = Bench::new();
    let cookie = bench.session(Role::Guard);
    std::fs::write(bench.dir.path().join("evidence/secret.jpg"), "x").unwrap();
    for path in [
        "/api/pictures/..%2Faccounts.json",
        "/api/pictures/secret.jpg",
        "/..%2f..%2fetc/passwd.txt",
        "/assets/../../Cargo.toml",
    ] {
        let (status, _) = bench.get(path, &cookie).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    let huge = json!({"reason": "resolved", "comment": "x".repeat(BODY)});
    let (status, problem) = bench.post("/api/alerts/1/close", &cookie, huge).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::PAYLOAD_TOO_LARGE, &json!("too_large"))
    );
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let bench = Bench::new();
    for path in ["/", "/api/session", "/api/lanes", "/nothing.js"] {
        let request = ask(Method::GET, path, "").body(Body::empty()).unwrap();
        let response = bench.send(request).await;
        let headers = response.headers();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'self'"), "{path}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
    }
}
