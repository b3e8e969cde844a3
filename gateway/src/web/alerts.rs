//! Alerts: the list, and what people do about them.

use axum::Json;
use axum::extract::{Extension, Path, Query, State};
use axum::http::StatusCode;
use gateway_core::name::Name;
use gateway_core::order::Act;
use gateway_wire::api::{Alert, AlertState, CloseRequest, OrderAnswer};
use serde::Deserialize;
use utoipa::IntoParams;

use super::WebState;
use super::access::Caller;
use super::lanes::ordered;
use super::problem::{Body, Fail};
use crate::history::alerts::Wanted;

const REASONS: &[&str] = &["resolved", "false_alarm", "passed_on", "recovered"];

/// Characters of the longest comment.
const COMMENT: usize = 2_000;

/// Alerts in one answer.
const LIST_MOST: usize = 1_000;

#[derive(Deserialize, IntoParams)]
pub struct AlertsQuery {
    /// `open`, `acknowledged`, `closed` or `all`; `all` unless told.
    state: Option<String>,
    /// At most 1,000; 100 unless told.
    limit: Option<usize>,
}

/// Alerts, newest first.
#[utoipa::path(
    get, path = "/api/alerts", params(AlertsQuery), responses((status = 200, body = [Alert]))
)]
pub async fn list(
    State(state): State<WebState>,
    Query(query): Query<AlertsQuery>,
) -> Result<Json<Vec<Alert>>, Fail> {
    let wanted = match query.state.as_deref() {
        None | Some("all") => Wanted::All,
        Some("open") => Wanted::One(AlertState::Open),
        Some("acknowledged") => Wanted::One(AlertState::Acknowledged),
        Some("closed") => Wanted::One(AlertState::Closed),
        Some(_) => return Err(Fail::bad_request()),
    };
    let limit = query.limit.unwrap_or(100).clamp(1, LIST_MOST);
    Ok(Json(state.hub.alerts(wanted, limit)))
}

/// Says that a person takes care of it.
#[utoipa::path(
    post, path = "/api/alerts/{alert}/acknowledge", params(("alert" = u64, Path)),
    responses((status = 200, body = OrderAnswer))
)]
pub async fn acknowledge(
    State(state): State<WebState>,
    Extension(caller): Extension<Caller>,
    Path(alert): Path<String>,
) -> Result<Json<OrderAnswer>, Fail> {
    let alert = number(&alert)?;
    ordered(&state, &caller, Act::AcknowledgeAlert { alert }).await
}

/// Closes it with a reason.
#[utoipa::path(
    post, path = "/api/alerts/{alert}/close", params(("alert" = u64, Path)),
    request_body = CloseRequest, responses((status = 200, body = OrderAnswer), (status = 422))
)]
pub async fn close(
    State(state): State<WebState>,
    Extension(caller): Extension<Caller>,
    Path(alert): Path<String>,
    Body(request): Body<CloseRequest>,
) -> Result<Json<OrderAnswer>, Fail> {
    let alert = number(&alert)?;
    if !REASONS.contains(&request.reason.as_str()) {
        return Err(Fail::new(StatusCode::UNPROCESSABLE_ENTITY, "reason"));
    }
    if request.comment.chars().count() > COMMENT {
        return Err(
            Fail::new(StatusCode::UNPROCESSABLE_ENTITY, "comment_too_long").with("most", COMMENT),
        );
    }
    let act = Act::CloseAlert {
        alert,
        reason: Name::from(request.reason),
        comment: request.comment,
    };
    ordered(&state, &caller, act).await
}

fn number(text: &str) -> Result<u64, Fail> {
    text.parse().map_err(|_| Fail::not_found())
}
