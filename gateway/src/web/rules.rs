//! The rules in force, and drafts: tested, tried on recorded passages, activated.

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use gateway_wire::api::{
    Rules, RulesActivateRequest, RulesActivated, RulesDraft, RulesTested, RulesTryRequest,
    TrialReport,
};

use super::WebState;
use super::access::Caller;
use super::problem::{Body, Fail, off_thread};
use crate::rules::RulesError;

/// Bytes of the largest draft: 200 rules with many cases.
pub const DRAFT: usize = 1024 * 1024;

/// The rules in force, with the texts of their files.
#[utoipa::path(get, path = "/api/rules", responses((status = 200, body = Rules)))]
pub async fn show(State(state): State<WebState>) -> Json<Rules> {
    Json(state.rules.show())
}

/// Compiles a draft and runs its cases; without files, those of the rules in force.
#[utoipa::path(
    post, path = "/api/rules/test", request_body = RulesDraft,
    responses((status = 200, body = RulesTested), (status = 503))
)]
pub async fn test(
    State(state): State<WebState>,
    Body(draft): Body<RulesDraft>,
) -> Result<Json<RulesTested>, Fail> {
    let _alone = alone(&state)?;
    let rules = state.rules.clone();
    let files = Some(draft.files).filter(|files| !files.is_empty());
    let tested = off_thread(move || rules.test(files.as_deref())).await??;
    Ok(Json(tested))
}

/// Tries a draft on the recorded passages of the last days, at the lowest priority. One at a time.
#[utoipa::path(
    post, path = "/api/rules/try", request_body = RulesTryRequest,
    responses((status = 200, body = TrialReport), (status = 422), (status = 503))
)]
pub async fn try_out(
    State(state): State<WebState>,
    Body(request): Body<RulesTryRequest>,
) -> Result<Json<TrialReport>, Fail> {
    let _alone = alone(&state)?;
    let rules = state.rules.clone();
    let report = off_thread(move || rules.trial(&request.files, request.days)).await??;
    Ok(Json(report))
}

/// Tries a draft and puts it in force. A draft that admits what is watched for is refused unless a
/// reason is given.
#[utoipa::path(
    post, path = "/api/rules/activate", request_body = RulesActivateRequest,
    responses((status = 200, body = RulesActivated), (status = 409), (status = 422), (status = 503))
)]
pub async fn activate(
    State(state): State<WebState>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<RulesActivateRequest>,
) -> Result<Json<RulesActivated>, Fail> {
    let _alone = alone(&state)?;
    Ok(Json(state.rules.activate(request, &caller.account).await?))
}

fn alone(state: &WebState) -> Result<tokio::sync::SemaphorePermit<'_>, Fail> {
    let permit = state.drafting.try_acquire();
    permit.map_err(|_| Fail::new(StatusCode::SERVICE_UNAVAILABLE, "busy"))
}

impl From<RulesError> for Fail {
    fn from(error: RulesError) -> Fail {
        match error {
            RulesError::Wrong { mistakes } => {
                Fail::new(StatusCode::UNPROCESSABLE_ENTITY, "rules_wrong")
                    .with("count", mistakes.len())
                    .with("mistakes", mistakes)
            }
            RulesError::InForce => Fail::new(StatusCode::CONFLICT, "rules_in_force"),
            RulesError::AdmitsWatched(report) => Fail::new(StatusCode::CONFLICT, "rules_watched")
                .with("admitted", report.watched_admitted.count)
                .with("if_watched", report.admitted_if_watched.count)
                .with("trial", serde_json::to_value(&report).unwrap_or_default()),
            RulesError::Gate(unavailable) => unavailable.into(),
            RulesError::Shelf(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "rules cannot be kept"
                );
                Fail::new(StatusCode::INTERNAL_SERVER_ERROR, "rules_disk")
            }
            RulesError::Thread(error) => {
                tracing::error!(%error, "rules cannot be compiled or tried");
                Fail::new(StatusCode::INTERNAL_SERVER_ERROR, "rules_thread")
            }
        }
    }
}
