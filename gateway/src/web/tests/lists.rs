//! Lists over the API: a file in, a file out, mistakes by row, whose they are and how old.

use super::*;

async fn send(bench: &Bench, path: &str, role: Role, bytes: &[u8]) -> (StatusCode, Value) {
    let request = ask(Method::POST, path, &bench.session(role))
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .body(Body::from(bytes.to_vec()))
        .unwrap();
    split(bench.send(request).await).await
}

fn shown(lists: &Value, name: &str) -> Value {
    let lists = lists.as_array().unwrap();
    let found = lists.iter().find(|list| list["list"] == name);
    found.unwrap().clone()
}

#[tokio::test]
async fn a_file_becomes_the_list_and_survives_a_restart() {
    let bench = Bench::new();
    let text = "车牌,车主\n闽E·72K18,张三\n闽E·72K19,=1+1\n";
    let path = "/api/lists/vehicles?name=cars.csv";
    let (status, done) = send(&bench, path, Role::Property, text.as_bytes()).await;
    assert_eq!(status, StatusCode::OK, "{done}");
    assert_eq!((&done["version"], &done["entries"]), (&json!(1), &json!(2)));
    let asked = bench.orders.lock().unwrap().len();
    assert_eq!(asked, 1, "the gate was asked once");

    let guard = bench.session(Role::Guard);
    let (_, lists) = bench.get("/api/lists", &guard).await;
    let vehicles = shown(&lists, "vehicles");
    assert_eq!(
        (&vehicles["version"], &vehicles["entries"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(
        (&vehicles["age_hours"], &vehicles["too_old"]),
        (&json!(0), &json!(false))
    );
    assert_eq!(shown(&lists, "cards")["version"], 0);
    let (status, _) = bench.get("/api/lists/vehicles", &guard).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "a guard takes no list away");

    let request = ask(
        Method::GET,
        "/api/lists/vehicles?language=zh",
        &bench.session(Role::Property),
    );
    let answer = bench.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(
        answer.headers()[header::CONTENT_DISPOSITION],
        "attachment; filename=\"vehicles.csv\""
    );
    let bytes = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(
        text.starts_with("\u{feff}车牌,持有人,") && text.contains("'=1+1"),
        "{text}"
    );
    let audit = format!("{:?}", bench.journal.events.lock().unwrap().last());
    assert!(audit.contains("list_exported"), "{audit}");

    let again = crate::lists::remembered(bench.dir.path(), &Default::default(), Default::default());
    assert_eq!(
        (again.vehicles.version, again.vehicles.entries.len()),
        (1, 2)
    );
}

#[tokio::test]
async fn a_file_with_a_mistake_changes_nothing() {
    let bench = Bench::new();
    let path = "/api/lists/cards?name=cards.csv";
    let (status, _) = send(&bench, path, Role::Technician, b"card\nAABBCCDD\n").await;
    assert_eq!(status, StatusCode::OK);
    let (status, problem) = send(
        &bench,
        path,
        Role::Technician,
        b"card\nEE\x01\nAABB\nAABB\n",
    )
    .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["code"], "list_wrong");
    let mistakes = problem["values"]["mistakes"].as_array().unwrap();
    assert_eq!(mistakes.len(), 2, "{mistakes:?}");
    assert!(
        mistakes[0].as_str().unwrap().starts_with("cards.csv:2:1:"),
        "{mistakes:?}"
    );
    let checked = "/api/lists/cards?check=true";
    let (status, told) = send(&bench, checked, Role::Technician, b"card\nAABB\nCCDD\n").await;
    assert_eq!(
        (status, &told["checked_only"]),
        (StatusCode::OK, &json!(true))
    );
    let (_, lists) = bench.get("/api/lists", &bench.session(Role::Guard)).await;
    let cards = shown(&lists, "cards");
    assert_eq!(
        (&cards["version"], &cards["entries"]),
        (&json!(1), &json!(1))
    );
    let (status, _) = send(&bench, "/api/lists/nobody", Role::Technician, b"x").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_list_is_confirmed_as_it_is() {
    let bench = Bench::new();
    let (status, _) = send(
        &bench,
        "/api/lists/cards",
        Role::Technician,
        b"card\nAABB\n",
    )
    .await;
    assert_eq!(status, StatusCode::OK);
    let technician = bench.session(Role::Technician);
    let (status, done) = bench
        .post("/api/lists/cards/confirm", &technician, json!({}))
        .await;
    assert_eq!((status, &done["number"]), (StatusCode::OK, &json!(43)));
    let (_, lists) = bench.get("/api/lists", &technician).await;
    assert_eq!(shown(&lists, "cards")["version"], 1);
}

#[tokio::test]
async fn a_visitor_is_entered_at_the_gate_by_a_guard_and_taken_back() {
    let bench = Bench::new();
    let guard = bench.session(Role::Guard);
    let path = "/api/lists/visitors/entries";
    let fields = json!({
        "编号": "v1", "车牌": "闽E72K18", "开始": "2026-03-04", "结束": "2026-03-05",
    });
    let (status, done) = bench.post(path, &guard, json!({ "fields": fields })).await;
    assert_eq!(status, StatusCode::OK, "{done}");
    let (_, lists) = bench.get("/api/lists", &guard).await;
    let visitors = shown(&lists, "visitors");
    assert_eq!(
        (&visitors["version"], &visitors["local"]),
        (&json!(0), &json!(1))
    );
    let body = json!({ "fields": fields, "remove": true });
    let (status, _) = bench.post(path, &guard, body).await;
    assert_eq!(status, StatusCode::OK);
    let (_, lists) = bench.get("/api/lists", &guard).await;
    assert_eq!(shown(&lists, "visitors")["local"], 0);
    let (status, problem) = bench
        .post(path, &guard, json!({ "fields": { "id": "v2" } }))
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
}

#[test]
fn the_configurations_file_has_the_word_when_it_was_changed_after_an_import() {
    use gateway_config::ListFiles;
    use gateway_core::lists::ListName;

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cards.csv");
    let files = ListFiles::of([(ListName::Cards, file.clone())]);
    let load = |files: &ListFiles| gateway_config::lists::load(files, 480).unwrap();
    std::fs::write(&file, "card\nAABB\n").unwrap();
    let hash = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(b"card\nAABB\n"));
    let kept = json!({
        "list": "cards", "version": 7, "confirmed_ms": 5, "configured": hash,
        "entries": [
            { "card": ["CCDD", { "holder": "a" }] }, { "card": ["EEFF", { "holder": "b" }] },
        ],
    });
    std::fs::create_dir(dir.path().join("lists")).unwrap();
    std::fs::write(dir.path().join("lists/cards.json"), kept.to_string()).unwrap();
    let cards = crate::lists::remembered(dir.path(), &files, load(&files)).cards;
    assert_eq!(
        (cards.version, cards.confirmed_ms, cards.entries.len()),
        (7, 5, 2)
    );
    std::fs::write(&file, "card\nAABB\nAACC\nAADD\n").unwrap();
    for _ in 0..2 {
        let cards = crate::lists::remembered(dir.path(), &files, load(&files)).cards;
        assert_eq!((cards.version, cards.entries.len()), (8, 3));
    }
}
