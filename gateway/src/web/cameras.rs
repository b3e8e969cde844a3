//! What a technician sets a camera up by.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use gateway_wire::api::CameraMeasure;

use super::WebState;
use super::problem::Fail;

/// How good the camera's plates are over its latest vehicles, and what to change.
#[utoipa::path(
    get, path = "/api/cameras/{id}/measure",
    params(("id" = String, Path, description = "The camera's id")),
    responses((status = 200, body = CameraMeasure), (status = 404))
)]
pub async fn measure(
    State(state): State<WebState>,
    Path(id): Path<String>,
) -> Result<Json<CameraMeasure>, Fail> {
    let measured = (state.measure)(&id);
    let unknown = || Fail::new(StatusCode::NOT_FOUND, "not_found");
    measured.map(Json).ok_or_else(unknown)
}
