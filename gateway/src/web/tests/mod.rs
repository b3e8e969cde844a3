//! The web side with fakes behind its handles: a journal in memory, a gate that says *done*.

mod access;
mod doors;
mod lists;
mod login;
mod numbers;
mod orders;
mod rules;
mod sight;
mod stream;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use gateway_core::event::Event;
use gateway_core::gate::Input;
use gateway_core::name::Name;
use gateway_core::order::{Act, OrderOutcome, Role};
use gateway_core::site::{Direction, Fallback, FallbackVerdict, Lane, LaneKind, Needs, Rest, Site};
use gateway_core::view::LaneView;
use gateway_store::header::JournalId;
use gateway_store::journal::{Batch, Journal};
use gateway_store::memory::MemoryJournal;
use gateway_store::seal::{End, Origin, Sealer};
use gateway_store::{Reader, Stored, record};
use gateway_wire::api;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::access::cookie;
use super::accounts::Accounts;
use super::*;
use crate::handles::{OrderReply, Post, Then};
use crate::lists::Keeper;
use crate::live::Setup;
use crate::rules::shelf::Shelf;
use crate::rules::{Rules, Swap};

/// A password for every account of these tests.
pub const PASSWORD: &str = "correct horse";

pub struct Bench {
    pub state: WebState,
    pub app: Router,
    pub journal: Arc<Log>,
    /// What the fake gate was asked.
    pub orders: Arc<Mutex<Vec<Input>>>,
    pub dir: tempfile::TempDir,
}

/// A journal in memory and what was written into it.
pub struct Log {
    journal: Arc<MemoryJournal>,
    sealer: Mutex<Sealer>,
    pub events: Mutex<Vec<Event>>,
}

impl Log {
    fn new() -> Log {
        let id = JournalId([7; 16]);
        let origin = Origin {
            gateway: Name::from("gate-1"),
            grid: Name::from("350603"),
            journal: id,
        };
        Log {
            journal: Arc::new(MemoryJournal::new(id)),
            sealer: Mutex::new(Sealer::new(origin, End::EMPTY, Box::new(rand::rngs::OsRng))),
            events: Mutex::default(),
        }
    }

    pub fn write(&self, event: Event) -> Arc<Stored> {
        let stored = self.sealer.lock().unwrap().seal(&event).unwrap();
        self.journal
            .append(&Batch {
                first: stored.number(),
                records: vec![record::encode(&stored)],
                snapshot: None,
            })
            .unwrap();
        self.events.lock().unwrap().push(event);
        Arc::new(stored)
    }
}

impl Bench {
    pub fn new() -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let journal = Arc::new(Log::new());
        let clock = Clock::start(3, 480);
        let hub = Arc::new(Hub::new(Setup {
            boot: 3,
            site: Arc::new(site()),
            lane_titles: Default::default(),
            rule_titles: Default::default(),
            cameras: vec![(Name::from("cam-1"), Name::from("in-1"))],
            reader: Reader::new(journal.journal.clone()),
        }));
        let orders = Arc::new(Mutex::new(Vec::new()));
        let state = WebState::new(Parts {
            hub: hub.clone(),
            gate: fake_gate(&orders),
            recorder: recorder(&journal),
            clock,
            accounts: Arc::new(Accounts::open(dir.path()).unwrap()),
            evidence: Evidence::open(&dir.path().join("evidence")).unwrap(),
            status: Arc::new(status),
            measure: Arc::new(measure),
            check: Arc::new(|| api::JournalCheck {
                events: 0,
                through: 0,
                ok: true,
                problems: Vec::new(),
            }),
            outbox: Arc::new(Vec::new),
            rules: rules(&journal, dir.path(), clock, &hub),
            lists: lists(&journal, dir.path(), clock, &orders),
            language: Language::Zh,
            listen: "127.0.0.1".parse().unwrap(),
            names: Vec::new(),
        });
        Bench {
            app: page_routes(state.clone()),
            state,
            journal,
            orders,
            dir,
        }
    }

    /// A session's cookie, without the cost of a password.
    pub fn session(&self, role: Role) -> String {
        let account = Name::from("wei");
        let now = self.state.clock.mono();
        let token = self.state.sessions().begin(&account, role, now);
        let cookie = cookie(&token, Duration::from_secs(60));
        cookie.split(';').next().unwrap().to_string()
    }

    /// Makes events durable, as the dispatcher would.
    pub fn durable(&self, events: Vec<Event>, views: &[LaneView]) -> Vec<Arc<Stored>> {
        let stored: Vec<_> = events
            .into_iter()
            .map(|event| self.journal.write(event))
            .collect();
        self.state.hub.durable(&stored, views);
        stored
    }

    pub async fn send(&self, request: Request<Body>) -> Response {
        self.app.clone().oneshot(request).await.unwrap()
    }

    pub async fn get(&self, path: &str, cookie: &str) -> (StatusCode, Value) {
        let request = ask(Method::GET, path, cookie).body(Body::empty()).unwrap();
        split(self.send(request).await).await
    }

    pub async fn post(&self, path: &str, cookie: &str, body: Value) -> (StatusCode, Value) {
        let request = ask(Method::POST, path, cookie)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        split(self.send(request).await).await
    }

    /// Goes through the first login.
    pub async fn set_up(&self) {
        let code = self.state.accounts.first_login_code().unwrap();
        let body = json!({"code": code, "account": "wei", "password": PASSWORD});
        let (status, _) = self.post("/api/first-login", "", body).await;
        assert_eq!(status, StatusCode::OK);
    }
}

/// A request as the page makes it.
pub fn ask(method: Method, path: &str, cookie: &str) -> axum::http::request::Builder {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "127.0.0.1:8480")
        .header("x-gateway-csrf", "1");
    match cookie {
        "" => request,
        cookie => request.header(header::COOKIE, cookie),
    }
}

pub async fn split(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    (status, value)
}

fn recorder(journal: &Arc<Log>) -> Recorder {
    let journal = journal.clone();
    Recorder(Arc::new(move |event, asker| {
        let stored = journal.write(event);
        let _ = asker.send(stored.number());
        Ok(())
    }))
}

/// Empty lists, and a gate that takes every change.
fn lists(
    journal: &Arc<Log>,
    dir: &std::path::Path,
    clock: Clock,
    orders: &Arc<Mutex<Vec<Input>>>,
) -> Arc<Keeper> {
    let reader = Reader::new(journal.journal.clone());
    let files = Default::default();
    let lists = (Default::default(), &[][..]);
    let gate = fake_gate(orders);
    Arc::new(Keeper::new(dir, files, lists, gate, reader, clock).unwrap())
}

/// The rules' edge with no rules, and nobody to swap them.
fn rules(journal: &Arc<Log>, dir: &std::path::Path, clock: Clock, hub: &Arc<Hub>) -> Arc<Rules> {
    let shelf = Shelf::open(dir).unwrap();
    let site = Arc::new(site());
    let none = crate::rules::compile(&site.lanes, &[]).unwrap().unwrap();
    let chosen = crate::rules::choose(&shelf, &site.lanes, (none, Vec::new()));
    let (swaps, asked) = crossbeam_channel::bounded::<Swap>(1);
    std::thread::spawn(move || {
        for swap in asked {
            let _ = swap.done.send(());
        }
    });
    let parts = crate::rules::Parts {
        shelf,
        site,
        reader: Reader::new(journal.journal.clone()),
        clock,
        recorder: recorder(journal),
        hub: hub.clone(),
        swaps,
        busy: Arc::new(|| false),
        configured: chosen.configured,
    };
    Arc::new(Rules::new(parts, chosen.in_force))
}

/// Says *done* to every order but those about alert 404, and keeps what it was asked.
fn fake_gate(orders: &Arc<Mutex<Vec<Input>>>) -> GateHandle {
    let (inbox, asked) = crossbeam_channel::bounded::<Post>(8);
    let (emergency, emergencies) = crossbeam_channel::bounded::<Post>(8);
    let (kept, kept_too) = (orders.clone(), orders.clone());
    std::thread::spawn(move || {
        for post in emergencies {
            kept_too.lock().unwrap().push(post.input);
        }
    });
    std::thread::spawn(move || {
        for post in asked {
            let unknown = matches!(
                &post.input,
                Input::Order(order) if order.act == (Act::AcknowledgeAlert { alert: 404 })
            );
            kept.lock().unwrap().push(post.input);
            let outcome = match unknown {
                true => OrderOutcome::Refused {
                    code: Name::from("unknown_alert"),
                },
                false => OrderOutcome::Done,
            };
            if let Then::Recorded(asker) = post.then {
                let _ = asker.send(43);
            } else if let Then::Answer(asker) = post.then {
                let _ = asker.send(OrderReply {
                    outcome,
                    number: 42,
                });
            }
        }
    });
    GateHandle { inbox, emergency }
}

fn site() -> Site {
    Site {
        gateway: Name::from("gate-1"),
        grid: Name::from("350603"),
        walk_ms: gateway_core::site::WALK_MS,
        lanes: vec![Lane {
            id: Name::from("in-1"),
            kind: LaneKind::Vehicle,
            direction: Direction::Entry,
            needs: Needs {
                plate: true,
                ..Needs::default()
            },
            wait_ms: 3_000,
            shadow: false,
            attended: true,
            fallback: Fallback {
                after_ms: 60_000,
                then: FallbackVerdict::GoOnHolding,
            },
            password_opens: false,
            plate_sure_permille: 900,
            leave_ms: 5_000,
            has_approach_loop: true,
            has_barrier: true,
            interlock: None,
            on_power_loss: Rest::AsItWas,
            on_gateway_loss: Rest::AsItWas,
        }],
    }
}

pub fn status() -> api::Status {
    api::Status {
        gateway: "gate-1".to_string(),
        grid: "350603".to_string(),
        version: "0.1.0".to_string(),
        boot: 3,
        started_ms: 0,
        now_ms: 0,
        clock: api::Clock::Unknown,
        journal: "07".repeat(16),
        last_number: 0,
        durable_through: 0,
        lanes: vec!["in-1".to_string()],
        cameras: Vec::new(),
        devices: Vec::new(),
        destinations: Vec::new(),
        recogniser: api::RecogniserStatus {
            state: api::PartState::Live,
            code: None,
            reads: 0,
            workers: 2,
            workers_wanted: 2,
            overloaded: false,
            median_us: None,
        },
        queues: Vec::new(),
        refused: Default::default(),
        disk: api::DiskStatus {
            free_bytes: 0,
            journal_bytes: 0,
            evidence_bytes: 0,
        },
        store: api::StoreStatus {
            state: api::PartState::Live,
            code: None,
        },
        safe_mode: false,
    }
}

/// Of the only camera.
pub fn measure(id: &str) -> Option<api::CameraMeasure> {
    (id == "in-1-camera").then(|| api::CameraMeasure {
        camera: id.to_owned(),
        vehicles: 12,
        read_permille: Some(1_000),
        width_px: Some(160.0),
        narrowest_px: Some(120.0),
        tilt_degrees: Some(1.5),
        sharpness: Some(20.0),
        brightness: Some(120.0),
        go: true,
        advice: Vec::new(),
    })
}
