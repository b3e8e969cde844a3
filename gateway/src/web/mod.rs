//! The page and the local API: over TCP for people with a session, over a Unix socket of the
//! state directory for gatectl, whose file permissions are its login.

mod access;
pub mod accounts;
mod alerts;
mod assets;
mod cameras;
mod guard;
mod guesses;
mod lanes;
mod lists;
mod numbers;
mod openapi;
mod passages;
mod problem;
mod rules;
mod server;
mod session;
mod sessions;
mod status;
mod stream;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use gateway_core::name::Name;
use gateway_core::order::{Act, Order, Sender};
use gateway_store::evidence::Evidence;
use gateway_wire::api;
use gateway_wire::messages::Language;
use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::handles::{GateHandle, OrderReply, Recorder, Unavailable};
use crate::lists::Keeper;
use crate::live::Hub;
use crate::rules::Rules;
use access::Caller;
use accounts::Accounts;
use guesses::Guesses;
use problem::Fail;
use sessions::Sessions;

pub use server::{ServeError, serve, serve_control};

/// Bytes of the largest request body.
const BODY: usize = 64 * 1024;

/// Live streams at once; the next one is answered 503.
const STREAMS: usize = 64;

/// How good the plates of the camera of that id are; `None` for one that there is not.
pub type Measures = dyn Fn(&str) -> Option<api::CameraMeasure> + Send + Sync;

/// What the web side is given.
pub struct Parts {
    pub hub: Arc<Hub>,
    pub gate: GateHandle,
    pub recorder: Recorder,
    pub clock: Clock,
    pub accounts: Arc<Accounts>,
    pub evidence: Evidence,
    /// The gateway's health right now; must not block.
    pub status: Arc<dyn Fn() -> api::Status + Send + Sync>,
    /// How good a camera's plates are; must not block.
    pub measure: Arc<Measures>,
    /// Verifies the whole journal; called off the async threads.
    pub check: Arc<dyn Fn() -> api::JournalCheck + Send + Sync>,
    /// What each destination has not confirmed; called off the async threads.
    pub outbox: Arc<dyn Fn() -> Vec<api::DestinationOutbox> + Send + Sync>,
    pub rules: Arc<Rules>,
    pub lists: Arc<Keeper>,
    pub language: Language,
    /// Where the page listens.
    pub listen: IpAddr,
    /// Further names under which it is reached, beyond loopback and `listen`.
    pub names: Vec<String>,
}

/// Shared by all requests; cheap to clone.
#[derive(Clone)]
pub struct WebState(Arc<Inner>);

pub struct Inner {
    pub hub: Arc<Hub>,
    gate: GateHandle,
    recorder: Recorder,
    pub clock: Clock,
    accounts: Arc<Accounts>,
    evidence: Evidence,
    status: Arc<dyn Fn() -> api::Status + Send + Sync>,
    measure: Arc<Measures>,
    check: Arc<dyn Fn() -> api::JournalCheck + Send + Sync>,
    outbox: Arc<dyn Fn() -> Vec<api::DestinationOutbox> + Send + Sync>,
    pub rules: Arc<Rules>,
    pub lists: Arc<Keeper>,
    language: Language,
    listen: IpAddr,
    names: Vec<String>,
    sessions: Mutex<Sessions>,
    guesses: Mutex<Guesses>,
    /// One password at a time: each takes 19 MiB and tens of milliseconds of a small box.
    hashing: Semaphore,
    /// One check of the journal at a time.
    checking: Semaphore,
    /// One draft of the rules at a time.
    drafting: Semaphore,
    /// One count of numbers at a time.
    counting: Semaphore,
    streams: Arc<Semaphore>,
    orders: AtomicU64,
}

impl WebState {
    pub fn new(parts: Parts) -> WebState {
        WebState(Arc::new(Inner {
            hub: parts.hub,
            gate: parts.gate,
            recorder: parts.recorder,
            clock: parts.clock,
            accounts: parts.accounts,
            evidence: parts.evidence,
            status: parts.status,
            measure: parts.measure,
            check: parts.check,
            outbox: parts.outbox,
            rules: parts.rules,
            lists: parts.lists,
            language: parts.language,
            listen: parts.listen,
            names: parts.names,
            sessions: Mutex::default(),
            guesses: Mutex::default(),
            hashing: Semaphore::new(1),
            checking: Semaphore::new(1),
            drafting: Semaphore::new(1),
            counting: Semaphore::new(1),
            streams: Arc::new(Semaphore::new(STREAMS)),
            orders: AtomicU64::new(0),
        }))
    }

    /// Refreshes what the live stream says of the gateway's health.
    fn publish_status(&self) {
        self.hub.status(&(self.status)());
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn guesses(&self) -> MutexGuard<'_, Guesses> {
        self.guesses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serves_host(&self, host: &str) -> bool {
        guard::serves(self.listen, &self.names, host)
    }

    /// Gives the gate an order of `caller`'s and waits until what it caused is durable.
    async fn order(&self, caller: &Caller, act: Act) -> Result<OrderReply, Unavailable> {
        let count = self.orders.fetch_add(1, Ordering::Relaxed);
        let order = Order {
            id: Name::from(format!("page-{}-{count}", self.clock.now().boot)),
            from: Sender::Person {
                account: caller.account.clone(),
                role: caller.role,
            },
            act,
        };
        self.gate.order(order).await
    }
}

impl std::ops::Deref for WebState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// The routes with their access checked; `access::TABLE` and the API's document list the same.
fn routes(state: WebState) -> Router {
    Router::new()
        .route("/api/session", get(session::show))
        .route("/api/login", post(session::login))
        .route("/api/first-login", post(session::first_login))
        .route("/api/logout", post(session::logout))
        .route(
            "/api/accounts",
            get(session::accounts).post(session::add_account),
        )
        .route("/api/messages", get(openapi::messages))
        .route("/api/openapi.json", get(openapi::document))
        .route("/api/lanes", get(lanes::list))
        .route("/api/lanes/{id}/open", post(lanes::open))
        .route("/api/lanes/{id}/close", post(lanes::close))
        .route("/api/emergency", post(lanes::emergency))
        .route("/api/lock-down", post(lanes::lock_down))
        .route("/api/passages", get(passages::list))
        .route("/api/passages/{id}", get(passages::one))
        .route("/api/passages/{id}/explanation", get(passages::explanation))
        .route("/api/passages/{id}/answer", post(passages::answer))
        .route("/api/pictures/{sha256}", get(passages::picture))
        .route("/api/alerts", get(alerts::list))
        .route("/api/alerts/{alert}/acknowledge", post(alerts::acknowledge))
        .route("/api/alerts/{alert}/close", post(alerts::close))
        .route("/api/cameras/{id}/measure", get(cameras::measure))
        .route("/api/status", get(status::show))
        .route("/api/journal/check", get(status::check))
        .route("/api/outbox", get(status::outbox))
        .route("/api/rules", get(rules::show))
        .route("/api/rules/test", draft(rules::test))
        .route("/api/rules/try", draft(rules::try_out))
        .route("/api/rules/activate", draft(rules::activate))
        .route("/api/lists", get(lists::show))
        .route(
            "/api/lists/{list}",
            get(lists::export)
                .post(lists::import)
                .layer(DefaultBodyLimit::max(lists::FILE)),
        )
        .route("/api/lists/{list}/entries", post(lists::enter))
        .route("/api/lists/{list}/confirm", post(lists::confirm))
        .route("/api/numbers", get(numbers::show))
        .route("/api/handover", get(numbers::handover))
        .route("/api/live", get(stream::live))
        .method_not_allowed_fallback(wrong_method)
        .fallback(assets::serve)
        .layer(DefaultBodyLimit::max(BODY))
        .layer(from_fn_with_state(state.clone(), access::check))
        .layer(from_fn(guard::patience))
        .with_state(state)
}

/// A route that takes a draft of rules, larger than other bodies.
fn draft<H, T>(handler: H) -> axum::routing::MethodRouter<WebState>
where
    H: axum::handler::Handler<T, WebState>,
    T: 'static,
{
    post(handler).layer(DefaultBodyLimit::max(rules::DRAFT))
}

/// What people reach over TCP.
fn page_routes(state: WebState) -> Router {
    routes(state.clone())
        .layer(from_fn_with_state(state, guard::origin))
        .layer(from_fn(guard::headers))
}

async fn wrong_method() -> impl IntoResponse {
    Fail::new(StatusCode::METHOD_NOT_ALLOWED, "method")
}

/// Where a request comes from; for the limits on guessing.
#[derive(Clone, Copy, Debug)]
struct Peer(IpAddr);

impl Peer {
    const LOOPBACK: Peer = Peer(IpAddr::V4(Ipv4Addr::LOCALHOST));
}

#[cfg(test)]
mod tests;
