//! Who may use which route: one table, denied by default (S-01). What stands not in it needs a
//! session at least, and the handlers never look at roles themselves.

use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gateway_core::name::Name;
use gateway_core::order::Role;

use super::WebState;
use super::problem::Fail;
use super::sessions::TokenHash;

/// Who asks: a person with a session, or the control socket's caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub account: Name,
    pub role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Without a login.
    Open,
    /// Any role.
    Session,
    Roles(&'static [Role]),
}

/// Everyone but the auditor, who only reads.
const ACTING: Access = Access::Roles(&[
    Role::Guard,
    Role::GridWorker,
    Role::Police,
    Role::Property,
    Role::Technician,
]);
const TECHNICIAN: Access = Access::Roles(&[Role::Technician]);
/// Who keeps the lists; they hold names, so others do not take them away.
const LISTS: Access = Access::Roles(&[Role::GridWorker, Role::Property, Role::Technician]);
const CHECKING: Access = Access::Roles(&[Role::Technician, Role::Auditor]);

/// Method, path as the router spells it, access.
#[rustfmt::skip]
pub const TABLE: &[(&str, &str, Access)] = &[
    ("GET",  "/api/session",                      Access::Open),
    ("POST", "/api/login",                        Access::Open),
    ("POST", "/api/first-login",                  Access::Open),
    ("GET",  "/api/messages",                     Access::Open),
    ("GET",  "/api/openapi.json",                 Access::Open),
    ("POST", "/api/logout",                       Access::Session),
    ("GET",  "/api/accounts",                     TECHNICIAN),
    ("POST", "/api/accounts",                     TECHNICIAN),
    ("GET",  "/api/lanes",                        Access::Session),
    ("GET",  "/api/passages",                     Access::Session),
    ("GET",  "/api/passages/{id}",                Access::Session),
    ("GET",  "/api/passages/{id}/explanation",    Access::Session),
    ("POST", "/api/passages/{id}/answer",         ACTING),
    ("GET",  "/api/pictures/{sha256}",            Access::Session),
    ("GET",  "/api/alerts",                       Access::Session),
    ("POST", "/api/alerts/{alert}/acknowledge",   ACTING),
    ("POST", "/api/alerts/{alert}/close",         ACTING),
    ("POST", "/api/lanes/{id}/open",              ACTING),
    ("POST", "/api/lanes/{id}/close",             ACTING),
    ("POST", "/api/emergency",                    ACTING),
    ("GET",  "/api/cameras/{id}/measure",         TECHNICIAN),
    ("POST", "/api/lock-down",                    ACTING),
    ("GET",  "/api/status",                       Access::Session),
    ("GET",  "/api/journal/check",                CHECKING),
    ("GET",  "/api/outbox",                       TECHNICIAN),
    ("GET",  "/api/rules",                        CHECKING),
    ("POST", "/api/rules/test",                   TECHNICIAN),
    ("POST", "/api/rules/try",                    TECHNICIAN),
    ("POST", "/api/rules/activate",               TECHNICIAN),
    ("GET",  "/api/lists",                        Access::Session),
    ("GET",  "/api/lists/{list}",                 LISTS),
    ("POST", "/api/lists/{list}",                 LISTS),
    ("POST", "/api/lists/{list}/entries",         ACTING),
    ("POST", "/api/lists/{list}/confirm",         LISTS),
    ("GET",  "/api/numbers",                      Access::Session),
    ("GET",  "/api/handover",                     Access::Session),
    ("GET",  "/api/live",                         Access::Session),
];

/// The access of a route; `None` for what is no route.
pub fn needed(method: &Method, path: &str) -> Option<Access> {
    let method = if *method == Method::HEAD {
        "GET"
    } else {
        method.as_str()
    };
    TABLE
        .iter()
        .find(|row| row.0 == method && row.1 == path)
        .map(|row| row.2)
}

/// Lets a request through to its route, its [`Caller`] in the extensions, or answers 401 or 403.
pub async fn check(State(state): State<WebState>, mut request: Request, next: Next) -> Response {
    let api = request.uri().path().starts_with("/api");
    let access = match request.extensions().get::<MatchedPath>() {
        Some(path) => needed(request.method(), path.as_str()).unwrap_or(Access::Session),
        // The page itself and its files are for everyone, unknown API routes for nobody.
        None if api => Access::Session,
        None => Access::Open,
    };
    let caller = match request.extensions().get::<Caller>() {
        Some(caller) => Some(caller.clone()),
        None => by_cookie(&state, request.headers()),
    };
    match (access, &caller) {
        (Access::Open, _) | (Access::Session, Some(_)) => {}
        (Access::Roles(roles), Some(caller)) if roles.contains(&caller.role) => {}
        (_, Some(_)) => return Fail::new(StatusCode::FORBIDDEN, "role").into_response(),
        (_, None) => return Fail::new(StatusCode::UNAUTHORIZED, "no_session").into_response(),
    }
    if let Some(caller) = caller {
        request.extensions_mut().insert(caller);
    }
    next.run(request).await
}

fn by_cookie(state: &WebState, headers: &HeaderMap) -> Option<Caller> {
    let token = TokenHash::of(&token(headers)?);
    let (account, role) = state.sessions().who(token, state.clock.mono())?;
    Some(Caller { account, role })
}

const COOKIE: &str = "gateway_session";

/// The session's token, as the request's cookie carries it.
pub fn token(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == COOKIE).then(|| value.to_string())
        })
}

/// `Set-Cookie` for a session's token; without a life it removes the cookie.
pub fn cookie(token: &str, life: Duration) -> String {
    format!(
        "{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={}",
        life.as_secs()
    )
}
