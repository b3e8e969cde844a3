//! Health, the journal's check and the outbox: a technician's questions.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use gateway_wire::api::{DestinationOutbox, JournalCheck, Status};

use super::WebState;
use super::problem::{Fail, off_thread};

/// The gateway's health right now.
#[utoipa::path(get, path = "/api/status", responses((status = 200, body = Status)))]
pub async fn show(State(state): State<WebState>) -> Json<Status> {
    Json((state.status)())
}

/// Verifies numbers, chain, commitments and pictures of the whole journal. One at a time.
#[utoipa::path(
    get, path = "/api/journal/check",
    responses((status = 200, body = JournalCheck), (status = 503))
)]
pub async fn check(State(state): State<WebState>) -> Result<Json<JournalCheck>, Fail> {
    let Ok(_alone) = state.checking.try_acquire() else {
        return Err(Fail::new(StatusCode::SERVICE_UNAVAILABLE, "busy"));
    };
    let check = state.check.clone();
    off_thread(move || check()).await.map(Json)
}

/// What each destination has not confirmed.
#[utoipa::path(get, path = "/api/outbox", responses((status = 200, body = [DestinationOutbox])))]
pub async fn outbox(State(state): State<WebState>) -> Result<Json<Vec<DestinationOutbox>>, Fail> {
    let outbox = state.outbox.clone();
    off_thread(move || outbox()).await.map(Json)
}
