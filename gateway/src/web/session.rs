//! Logging in and out, and the accounts.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, http::HeaderName};
use gateway_core::event::{Body as EventBody, Class, Event, EventKind, PartKind};
use gateway_core::name::Name;
use gateway_core::order::Role;
use gateway_wire::api::{Account, FirstLoginRequest, LoginRequest, NewAccount, Session};

use super::access::{Caller, cookie, token};
use super::accounts::{AccountsError, PASSWORD_LEAST, PASSWORD_MOST};
use super::problem::{Body, Fail, off_thread};
use super::sessions::{LIFE, TokenHash};
use super::{Peer, WebState};

/// How long a login waits for the ones before it.
const HASHING_PATIENCE: Duration = Duration::from_secs(10);

/// The caller's session, or that there is none.
#[utoipa::path(get, path = "/api/session", responses((status = 200, body = Session)))]
pub async fn show(
    State(state): State<WebState>,
    caller: Option<Extension<Caller>>,
) -> Json<Session> {
    Json(session_of(&state, caller.as_ref().map(|caller| &caller.0)))
}

/// Begins a session.
#[utoipa::path(
    post, path = "/api/login", request_body = LoginRequest,
    responses((status = 200, body = Session), (status = 401), (status = 429))
)]
pub async fn login(
    State(state): State<WebState>,
    peer: Option<Extension<Peer>>,
    Body(request): Body<LoginRequest>,
) -> Result<Response, Fail> {
    let account_key = format!("account:{}", short(&request.account).to_ascii_lowercase());
    let keys = [account_key.clone(), address_key(peer)];
    if let Err(wait) = begin_guess(&state, &keys) {
        let tells = state.guesses().tells_refusal(state.clock.mono());
        if tells {
            record_login(&state, &request.account, None, "too_many_guesses").await;
        }
        return Err(wait);
    }
    let found = verify(&state, &request).await?;
    let Some((account, role)) = found else {
        record_login(&state, &request.account, None, "wrong").await;
        return Err(Fail::new(StatusCode::UNAUTHORIZED, "wrong_login"));
    };
    right_guess(&state, &keys);
    record_login(&state, account.as_str(), Some(role), "done").await;
    Ok(begin_session(&state, account, role))
}

/// Makes the first account with the one-time code and begins its session.
#[utoipa::path(
    post, path = "/api/first-login", request_body = FirstLoginRequest,
    responses((status = 200, body = Session), (status = 401), (status = 409), (status = 422),
              (status = 429))
)]
pub async fn first_login(
    State(state): State<WebState>,
    peer: Option<Extension<Peer>>,
    Body(request): Body<FirstLoginRequest>,
) -> Result<Response, Fail> {
    if !state.accounts.is_empty() {
        return Err(AccountsError::AlreadySetUp.into());
    }
    let keys = ["first-login".to_string(), address_key(peer)];
    begin_guess(&state, &keys)?;
    state.accounts.check_code(&request.code)?;
    right_guess(&state, &keys);
    let account = account_name(&request.account)?;
    check_password(&request.password)?;
    let made = {
        let (state, account, now_ms) = (state.clone(), account.clone(), state.clock.now().wall_ms);
        hashing(&state.clone(), move || {
            state
                .accounts
                .make_first(&request.code, &account, &request.password, now_ms)
        })
        .await?
    };
    made?;
    record_login(
        &state,
        account.as_str(),
        Some(Role::Technician),
        "first_login",
    )
    .await;
    Ok(begin_session(&state, account, Role::Technician))
}

/// Ends the session.
#[utoipa::path(post, path = "/api/logout", responses((status = 204)))]
pub async fn logout(State(state): State<WebState>, headers: HeaderMap) -> impl IntoResponse {
    if let Some(token) = token(&headers) {
        state.sessions().end(TokenHash::of(&token));
    }
    (StatusCode::NO_CONTENT, set_cookie("", Duration::ZERO))
}

/// All accounts.
#[utoipa::path(get, path = "/api/accounts", responses((status = 200, body = [Account])))]
pub async fn accounts(State(state): State<WebState>) -> Json<Vec<Account>> {
    Json(state.accounts.list())
}

/// Adds an account.
#[utoipa::path(
    post, path = "/api/accounts", request_body = NewAccount,
    responses((status = 201, body = Account), (status = 409), (status = 422))
)]
pub async fn add_account(
    State(state): State<WebState>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<NewAccount>,
) -> Result<(StatusCode, Json<Account>), Fail> {
    let account = account_name(&request.account)?;
    check_password(&request.password)?;
    let created_ms = state.clock.now().wall_ms;
    let added = {
        let (state, account) = (state.clone(), account.clone());
        let role: Role = request.role.into();
        hashing(&state.clone(), move || {
            state
                .accounts
                .add(&account, &request.password, role, created_ms)
        })
        .await?
    };
    added?;
    let event = Event::new(state.clock.now(), EventKind::Audit).part(
        PartKind::Identity,
        Class::Audit,
        EventBody::Note {
            code: Name::from("account_added"),
            values: vec![
                (Name::from("by"), caller.account.to_string()),
                (Name::from("account"), account.to_string()),
            ],
        },
    );
    if let Err(error) = state.recorder.record(event).await {
        tracing::warn!(%error, "an account was added but its record is not durable");
    }
    Ok((
        StatusCode::CREATED,
        Json(Account {
            account: account.to_string(),
            role: request.role,
            created_ms,
        }),
    ))
}

fn session_of(state: &WebState, caller: Option<&Caller>) -> Session {
    Session {
        account: caller.map(|caller| caller.account.to_string()),
        role: caller.map(|caller| caller.role.into()),
        language: state.language.tag().to_string(),
        first_login: state.accounts.is_empty(),
    }
}

fn begin_session(state: &WebState, account: Name, role: Role) -> Response {
    let token = state.sessions().begin(&account, role, state.clock.mono());
    let caller = Caller { account, role };
    let session = session_of(state, Some(&caller));
    (set_cookie(&token, LIFE), Json(session)).into_response()
}

fn set_cookie(token: &str, life: Duration) -> [(HeaderName, HeaderValue); 1] {
    // Hex and fixed words: always a header's value.
    let value =
        HeaderValue::try_from(cookie(token, life)).unwrap_or_else(|_| HeaderValue::from_static(""));
    [(header::SET_COOKIE, value)]
}

fn address_key(peer: Option<Extension<Peer>>) -> String {
    let address = peer.map_or(Peer::LOOPBACK, |peer| peer.0).0;
    // One household has a whole /64 of IPv6 addresses.
    match address {
        IpAddr::V4(address) => format!("address:{address}"),
        IpAddr::V6(address) => format!("address:{:x?}", &address.segments()[..4]),
    }
}

fn begin_guess(state: &WebState, keys: &[String; 2]) -> Result<(), Fail> {
    let begun = state.guesses().begin(keys, state.clock.mono());
    begun.map_err(|wait| {
        Fail::new(StatusCode::TOO_MANY_REQUESTS, "too_many_guesses")
            .with("retry_s", wait.as_secs() + 1)
    })
}

/// The account's key starts anew, the address only gets back what this guess had cost.
fn right_guess(state: &WebState, [account, address]: &[String; 2]) {
    let mut guesses = state.guesses();
    guesses.right(account);
    guesses.refund(address);
}

async fn verify(state: &WebState, request: &LoginRequest) -> Result<Option<(Name, Role)>, Fail> {
    if request.password.len() > PASSWORD_MOST {
        return Ok(None);
    }
    let (inner, request) = (state.clone(), request.clone());
    hashing(state, move || {
        inner.accounts.verify(&request.account, &request.password)
    })
    .await
}

/// Runs one computation over a password, alone.
async fn hashing<T, F>(state: &WebState, work: F) -> Result<T, Fail>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let busy = || Fail::new(StatusCode::SERVICE_UNAVAILABLE, "busy");
    let _alone = tokio::time::timeout(HASHING_PATIENCE, state.hashing.acquire())
        .await
        .map_err(|_| busy())?
        .map_err(|_| busy())?;
    off_thread(work).await
}

/// Every login is an event. When the store has stopped, people must still get in to see why:
/// the login goes on, and the log says that its record is missing.
async fn record_login(state: &WebState, account: &str, role: Option<Role>, outcome: &str) {
    // What was typed for an account that does not exist may well be a password.
    let account = match state.accounts.knows(account) {
        true => account,
        false => "unknown",
    };
    let event = Event::new(state.clock.now(), EventKind::Login).part(
        PartKind::Identity,
        Class::Audit,
        EventBody::Login {
            account: Name::from(account),
            role,
            outcome: Name::from(outcome),
        },
    );
    if let Err(error) = state.recorder.record(event).await {
        tracing::warn!(%error, outcome, "a login's record is not durable");
    }
}

fn account_name(text: &str) -> Result<Name, Fail> {
    let fits = (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    match fits {
        true => Ok(Name::from(text)),
        false => Err(Fail::new(StatusCode::UNPROCESSABLE_ENTITY, "account_name")),
    }
}

fn check_password(password: &str) -> Result<(), Fail> {
    if password.chars().count() < PASSWORD_LEAST {
        return Err(
            Fail::new(StatusCode::UNPROCESSABLE_ENTITY, "password_too_short")
                .with("least", PASSWORD_LEAST),
        );
    }
    if password.len() > PASSWORD_MOST {
        return Err(
            Fail::new(StatusCode::UNPROCESSABLE_ENTITY, "password_too_long")
                .with("most", PASSWORD_MOST),
        );
    }
    Ok(())
}

/// As much of an account's name as is kept to count guesses by.
fn short(account: &str) -> String {
    account.chars().take(64).collect()
}

impl From<AccountsError> for Fail {
    fn from(error: AccountsError) -> Fail {
        match error {
            AccountsError::AlreadySetUp => Fail::new(StatusCode::CONFLICT, "already_set_up"),
            AccountsError::WrongCode => Fail::new(StatusCode::UNAUTHORIZED, "wrong_code"),
            AccountsError::Exists => Fail::new(StatusCode::CONFLICT, "account_exists"),
            AccountsError::TooMany => Fail::new(StatusCode::CONFLICT, "too_many_accounts"),
            AccountsError::File { .. } | AccountsError::Damaged { .. } | AccountsError::Hash(_) => {
                tracing::error!(%error, "the accounts could not be written");
                Fail::new(StatusCode::INTERNAL_SERVER_ERROR, "accounts")
            }
        }
    }
}
