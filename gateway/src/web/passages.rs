//! Passages, their pictures, and the answer to a hold.

use axum::Json;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use gateway_core::name::{Name, PassageId};
use gateway_core::order::Act;
use gateway_wire::api::{AnswerAct, AnswerRequest, Explanation, OrderAnswer, Passage};
use gateway_wire::explain;
use serde::Deserialize;
use utoipa::IntoParams;

use super::WebState;
use super::access::Caller;
use super::lanes::ordered;
use super::problem::{Body, Fail, off_thread};
use crate::history::Before;

/// Why a person answered as they did.
const REASONS: &[&str] = &[
    "known_person",
    "host_consents",
    "delivery",
    "emergency_vehicle",
    "paper_permit",
    "no_permit",
    "not_cooperative",
    "other",
];

/// Passages in one answer.
const LIST_MOST: usize = 200;

#[derive(Deserialize, IntoParams)]
pub struct PassagesQuery {
    /// At most 200; 50 unless told.
    limit: Option<usize>,
    /// The `number` or the `id` of the last passage that was shown: older ones follow.
    before: Option<String>,
}

/// Passages, newest first.
#[utoipa::path(
    get, path = "/api/passages", params(PassagesQuery),
    responses((status = 200, body = [Passage]))
)]
pub async fn list(
    State(state): State<WebState>,
    Query(query): Query<PassagesQuery>,
) -> Result<Json<Vec<Passage>>, Fail> {
    let limit = query.limit.unwrap_or(50).clamp(1, LIST_MOST);
    let before = match query.before.as_deref() {
        None | Some("") => Before::Newest,
        Some(text) => match text.parse() {
            Ok(number) => Before::Number(number),
            Err(_) => Before::Passage(PassageId::parse(text)),
        },
    };
    let hub = state.hub.clone();
    let found = off_thread(move || hub.passages(&before, limit)).await??;
    Ok(Json(found))
}

/// One passage with everything that belongs to it.
#[utoipa::path(
    get, path = "/api/passages/{id}", params(("id" = String, Path)),
    responses((status = 200, body = Passage), (status = 404))
)]
pub async fn one(
    State(state): State<WebState>,
    Path(id): Path<String>,
) -> Result<Json<Passage>, Fail> {
    let hub = state.hub.clone();
    let found = off_thread(move || hub.passage(&PassageId::parse(&id))).await??;
    found.map(Json).ok_or(Fail::not_found())
}

/// One passage explained: everything that its decision rested on, one sentence that names nobody,
/// and whether the decision can be made once more.
#[utoipa::path(
    get, path = "/api/passages/{id}/explanation", params(("id" = String, Path)),
    responses((status = 200, body = Explanation), (status = 404))
)]
pub async fn explanation(
    State(state): State<WebState>,
    Path(id): Path<String>,
) -> Result<Json<Explanation>, Fail> {
    let told = off_thread(move || {
        let found = state.hub.passage_and_decision(&PassageId::parse(&id))?;
        let Some((mut passage, decision)) = found else {
            return Err(Fail::not_found());
        };
        let recomputed = match decision {
            Some(stored) => state.rules.recompute(&stored)?,
            None => None,
        };
        let recomputed = recomputed.map(|(recomputed, titles)| {
            explain::entitle(&mut passage, &titles);
            recomputed
        });
        let title = state.hub.lane_title(&passage.lane);
        let offset_min = state.clock.now().offset_min;
        Ok(explain::explanation(passage, title, offset_min, recomputed))
    });
    told.await?.map(Json)
}

/// The picture of that SHA-256, while an event names it.
#[utoipa::path(
    get, path = "/api/pictures/{sha256}", params(("sha256" = String, Path)),
    responses((status = 200, content_type = "image/jpeg"), (status = 404))
)]
pub async fn picture(
    State(state): State<WebState>,
    Path(sha256): Path<String>,
) -> Result<Response, Fail> {
    let inner = state.clone();
    let bytes = off_thread(move || {
        if !inner.hub.names_picture(&sha256)? {
            return Ok(None);
        }
        inner.evidence.get(&sha256)
    })
    .await??;
    match bytes {
        Some(bytes) => Ok(([(header::CONTENT_TYPE, "image/jpeg")], bytes).into_response()),
        None => Err(Fail::new(StatusCode::NOT_FOUND, "picture_gone")),
    }
}

/// Answers a hold.
#[utoipa::path(
    post, path = "/api/passages/{id}/answer", params(("id" = String, Path)),
    request_body = AnswerRequest, responses((status = 200, body = OrderAnswer), (status = 422))
)]
pub async fn answer(
    State(state): State<WebState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Body(request): Body<AnswerRequest>,
) -> Result<Json<OrderAnswer>, Fail> {
    if id.len() > 160 {
        return Err(Fail::not_found());
    }
    let passage = PassageId::parse(&id);
    let reason = || answer_reason(request.reason.as_deref().unwrap_or(""));
    let act = match request.answer {
        AnswerAct::Open => Act::Open {
            passage,
            reason: reason()?,
        },
        AnswerAct::Refuse => Act::Refuse {
            passage,
            reason: reason()?,
        },
        AnswerAct::Escort => Act::Escort {
            passage,
            reason: reason()?,
        },
        AnswerAct::MeasureAgain => Act::MeasureAgain { passage },
        AnswerAct::Hold => Act::Hold { passage },
    };
    ordered(&state, &caller, act).await
}

/// A reason that the table of texts knows.
pub fn answer_reason(text: &str) -> Result<Name, Fail> {
    match REASONS.contains(&text) {
        true => Ok(Name::from(text)),
        false => Err(Fail::new(StatusCode::UNPROCESSABLE_ENTITY, "reason")),
    }
}
