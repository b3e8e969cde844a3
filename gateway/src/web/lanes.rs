//! The lanes as they stand, and what a person may do to an arm.

use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use gateway_core::name::Name;
use gateway_core::order::{Act, OrderOutcome};
use gateway_wire::api::{EmergencyRequest, Lane, LockDownRequest, OpenRequest, OrderAnswer};

use super::WebState;
use super::access::Caller;
use super::passages::answer_reason;
use super::problem::{Body, Fail};

/// Why the ways in are closed.
const LOCK_DOWN_REASONS: &[&str] = &[
    "authority_order",
    "epidemic_control",
    "person_sought",
    "danger_inside",
    "other",
];

/// All lanes, in the configuration's order.
#[utoipa::path(get, path = "/api/lanes", responses((status = 200, body = [Lane])))]
pub async fn list(State(state): State<WebState>) -> Json<Vec<Lane>> {
    Json(state.hub.lanes())
}

/// Opens a lane by hand, without a passage.
#[utoipa::path(
    post, path = "/api/lanes/{id}/open", params(("id" = String, Path)),
    request_body = OpenRequest, responses((status = 200, body = OrderAnswer), (status = 404))
)]
pub async fn open(
    State(state): State<WebState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Body(request): Body<OpenRequest>,
) -> Result<Json<OrderAnswer>, Fail> {
    let lane = known_lane(&state, &id)?;
    let reason = answer_reason(&request.reason)?;
    ordered(&state, &caller, Act::OpenLane { lane, reason }).await
}

/// Closes the arm, if the loop under it says that nothing stands there.
#[utoipa::path(
    post, path = "/api/lanes/{id}/close", params(("id" = String, Path)),
    responses((status = 200, body = OrderAnswer), (status = 404))
)]
pub async fn close(
    State(state): State<WebState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<OrderAnswer>, Fail> {
    let lane = known_lane(&state, &id)?;
    ordered(&state, &caller, Act::CloseLane { lane }).await
}

/// Opens and holds all lanes, or ends that. The opening waits for neither rules nor journal, and
/// so does its answer; the record follows.
#[utoipa::path(
    post, path = "/api/emergency", request_body = EmergencyRequest,
    responses((status = 200, body = OrderAnswer))
)]
pub async fn emergency(
    State(state): State<WebState>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<EmergencyRequest>,
) -> Result<Json<OrderAnswer>, Fail> {
    if !request.active {
        return ordered(&state, &caller, Act::EndEmergency).await;
    }
    state.gate.emergency(caller.account.clone())?;
    Ok(Json(OrderAnswer::new(&OrderOutcome::Done, None)))
}

/// Closes every way in to all but an escort and an emergency, or ends that. No way out is closed,
/// and no arm moves by it.
#[utoipa::path(
    post, path = "/api/lock-down", request_body = LockDownRequest,
    responses((status = 200, body = OrderAnswer), (status = 422))
)]
pub async fn lock_down(
    State(state): State<WebState>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<LockDownRequest>,
) -> Result<Json<OrderAnswer>, Fail> {
    if !request.active {
        return ordered(&state, &caller, Act::EndLockDown).await;
    }
    let reason = request.reason.as_deref().unwrap_or("");
    if !LOCK_DOWN_REASONS.contains(&reason) {
        return Err(Fail::new(StatusCode::UNPROCESSABLE_ENTITY, "reason"));
    }
    let reason = Name::from(reason);
    ordered(&state, &caller, Act::LockDown { reason }).await
}

/// Gives the order and tells what became of it.
pub async fn ordered(
    state: &WebState,
    caller: &Caller,
    act: Act,
) -> Result<Json<OrderAnswer>, Fail> {
    let reply = state.order(caller, act).await?;
    Ok(Json(OrderAnswer::new(&reply.outcome, Some(reply.number))))
}

fn known_lane(state: &WebState, id: &str) -> Result<Name, Fail> {
    match state.hub.has_lane(id) {
        true => Ok(Name::from(id)),
        false => Err(Fail::not_found()),
    }
}
