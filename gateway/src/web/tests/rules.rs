//! Rules over the API: tested, tried on what was recorded, activated or refused, and a decision
//! made once more.

use gateway_core::decision::Verdict;

use super::*;

fn file(text: &str) -> Value {
    json!([{ "name": "draft.toml", "text": text }])
}

fn rule(id: &str, when: &str, verdict: &str) -> String {
    format!(
        "[[rule]]\nid = \"{id}\"\ntitle = {{ zh = \"一\", en = \"one\" }}\nverdict = \"{verdict}\"\nwhen = '''{when}'''\n"
    )
}

/// A vehicle that was held, its plate watched or not.
fn held(bench: &Bench, count: u64, watched: bool) -> Event {
    use gateway_core::decision::{Decision, FactRecord, FactState};
    use gateway_core::event::{Body as EventBody, Class, EventKind, PartKind};
    use gateway_core::name::PassageId;

    let lane = Name::from("in-1");
    let fact = |name: &str, state| FactRecord {
        name: Name::from(name),
        state,
        at: None,
        source: None,
        trust: None,
        part: PartKind::Detail,
    };
    let rules_version = bench.state.rules.show().version;
    let decision = Decision {
        verdict: Verdict::Hold,
        rules: Vec::new(),
        would_admit: Vec::new(),
        missing: Vec::new(),
        rules_version,
        lists: Vec::new(),
        shadow: false,
        took_us: 1_000,
    };
    let facts = vec![
        fact("vehicle.watched", FactState::Truth(watched)),
        fact("lane.kind", FactState::Text("vehicle".to_string())),
    ];
    Event::new(bench.state.clock.now(), EventKind::Decision)
        .lane(&lane)
        .passage(&PassageId::new(&lane, 3, count))
        .part(
            PartKind::Detail,
            Class::Passage,
            EventBody::Decision(decision),
        )
        .part(PartKind::Detail, Class::Passage, EventBody::Facts { facts })
}

#[tokio::test]
async fn a_draft_is_tried_on_what_was_recorded_and_changes_nothing() {
    let bench = Bench::new();
    let events = (1..=7).map(|n| held(&bench, n, false)).collect();
    bench.durable(events, &[]);
    let technician = bench.session(Role::Technician);
    let before = bench.journal.events.lock().unwrap().len();

    let draft = rule("all", "lane.kind == 'vehicle' && !vehicle.watched", "admit");
    let body = json!({ "files": file(&draft), "days": 3 });
    let (status, report) = bench.post("/api/rules/try", &technician, body).await;

    assert_eq!(status, StatusCode::OK, "{report}");
    assert_eq!(
        (&report["passages"], &report["tried"]),
        (&json!(7), &json!(7))
    );
    let change = &report["changes"][0];
    assert_eq!(
        (&change["from"], &change["to"], &change["count"]),
        (&json!("hold"), &json!("admit"), &json!(7))
    );
    assert_eq!(change["now"], json!([{ "rule": "all", "count": 7 }]));
    assert_eq!(change["before"], json!([{ "rule": null, "count": 7 }]));
    assert_eq!(change["examples"].as_array().unwrap().len(), 5);
    assert_eq!(change["examples"][0]["passage"], "in-1-3-7");
    assert_eq!(report["watched_admitted"]["count"], 0);
    assert_eq!(bench.journal.events.lock().unwrap().len(), before);
    assert_eq!(bench.state.rules.show().rules.len(), 0);
}

#[tokio::test]
async fn mistakes_of_a_draft_are_all_named() {
    let bench = Bench::new();
    let technician = bench.session(Role::Technician);
    let draft = rule("a", "plate.txt == 'x'", "admit") + &rule("b", "true", "perhaps");
    for path in ["/api/rules/try", "/api/rules/activate"] {
        let body = json!({ "files": file(&draft) });
        let (status, problem) = bench.post(path, &technician, body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["code"], "rules_wrong");
        let mistakes = problem["values"]["mistakes"].as_array().unwrap();
        assert_eq!(mistakes.len(), 2, "{mistakes:?}");
        assert!(mistakes[0].as_str().unwrap().starts_with("draft.toml:"));
    }
    let body = json!({ "files": file(&draft) });
    let (status, tested) = bench.post("/api/rules/test", &technician, body).await;
    assert_eq!((status, &tested["version"]), (StatusCode::OK, &Value::Null));
    assert_eq!(tested["mistakes"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_admits_a_watched_plate_is_activated_on_purpose_only() {
    let bench = Bench::new();
    let events = vec![held(&bench, 1, true), held(&bench, 2, false)];
    bench.durable(events, &[]);
    let technician = bench.session(Role::Technician);
    let files = file(&rule("all", "lane.kind == 'vehicle'", "admit"));

    let body = json!({ "files": files });
    let (status, problem) = bench.post("/api/rules/activate", &technician, body).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["code"], "rules_watched");
    assert_eq!(problem["values"]["admitted"], 1);
    assert_eq!(bench.state.rules.show().rules.len(), 0);

    let body = json!({ "files": files, "admit_watched": "drill of the third of March" });
    let (status, done) = bench.post("/api/rules/activate", &technician, body).await;
    assert_eq!(status, StatusCode::OK, "{done}");
    let shown = bench.state.rules.show();
    assert_eq!(shown.source, api::RulesSource::Trying);
    assert_eq!(done["version"], shown.version);
    assert_eq!(shown.admit_watched.unwrap(), "drill of the third of March");
    let recorded = format!("{:?}", bench.journal.events.lock().unwrap().last());
    assert!(recorded.contains("rules_activated"), "{recorded}");
    assert!(recorded.contains("drill of the third"), "{recorded}");

    let body = json!({ "files": files });
    let (status, problem) = bench.post("/api/rules/activate", &technician, body).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["code"], "rules_in_force");
}

#[tokio::test]
async fn a_decision_is_explained_and_made_once_more_with_the_rules_of_its_day() {
    let bench = Bench::new();
    bench.durable(vec![held(&bench, 1, false)], &[]);
    let technician = bench.session(Role::Technician);
    let body = json!({ "files": file(&rule("all", "lane.kind == 'vehicle' && !vehicle.watched", "admit")) });
    let (status, _) = bench.post("/api/rules/activate", &technician, body).await;
    assert_eq!(status, StatusCode::OK);

    let guard = bench.session(Role::Guard);
    let path = "/api/passages/in-1-3-1/explanation";
    let (status, told) = bench.get(path, &guard).await;

    assert_eq!(status, StatusCode::OK, "{told}");
    let again = &told["recomputed"];
    assert_eq!(
        again["at_hand"], true,
        "the texts of the day are kept: {again}"
    );
    assert_eq!(
        (&again["told"], &again["same"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(again["verdict"], "hold");
    let zh = told["sentence"]["zh"].as_str().unwrap();
    assert!(zh.contains("待处理"), "{zh}");
    assert!(told["sentence"]["en"].as_str().unwrap().contains("Hold"));
    let (status, _) = bench
        .get("/api/passages/in-1-3-99/explanation", &guard)
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
