//! Numbers for people and the sheet that one shift hands to the next: as JSON, CSV or a workbook.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gateway_config::lists::export::{self, Format};
use gateway_core::plate::{Card, Plate};
use gateway_wire::api::{AlertState, Handover, Numbers, PartState};
use gateway_wire::messages::Language;
use gateway_wire::sheets;
use serde::Deserialize;
use utoipa::IntoParams;

use super::WebState;
use super::lists::file;
use super::problem::{Fail, off_thread};
use crate::history::alerts::Wanted;
use crate::history::numbers;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The longest while that is counted.
const MOST_MS: i64 = 366 * DAY_MS;

/// Open alerts on a sheet.
const ALERTS: usize = 200;

#[derive(Deserialize, IntoParams)]
pub struct NumbersQuery {
    /// Milliseconds since 1970; a day before `to_ms` unless told.
    from_ms: Option<i64>,
    /// Now unless told.
    to_ms: Option<i64>,
    /// `json`, `csv` (UTF-8 with a byte-order mark) or `xlsx`; `json` unless told.
    format: Option<String>,
    /// `zh` or `en` for files; the gateway's own unless told.
    language: Option<String>,
}

/// What came to the gate in a while, and what became of it: by hour, verdict, rule and role.
#[utoipa::path(
    get, path = "/api/numbers", params(NumbersQuery),
    responses((status = 200, body = Numbers), (status = 400), (status = 503))
)]
pub async fn show(
    State(state): State<WebState>,
    Query(query): Query<NumbersQuery>,
) -> Result<Response, Fail> {
    let to_ms = query.to_ms.unwrap_or_else(|| state.clock.now().wall_ms);
    let from_ms = query.from_ms.unwrap_or(to_ms.saturating_sub(DAY_MS));
    let counted = counted(&state, from_ms, to_ms).await?;
    let language = language(&state, query.language.as_deref());
    answer(query.format.as_deref(), &counted, "numbers", || {
        sheets::numbers(&counted, language)
    })
}

#[derive(Deserialize, IntoParams)]
pub struct HandoverQuery {
    /// Hours of the shift; 8 unless told.
    hours: Option<u32>,
    /// `json`, `csv` (UTF-8 with a byte-order mark) or `xlsx`; `json` unless told.
    format: Option<String>,
    /// `zh` or `en` for files; the gateway's own unless told.
    language: Option<String>,
}

/// What one shift hands to the next: its numbers, what is open, who waits, what is down, which lists
/// are too old. Plates and cards are masked.
#[utoipa::path(
    get, path = "/api/handover", params(HandoverQuery),
    responses((status = 200, body = Handover), (status = 400), (status = 503))
)]
pub async fn handover(
    State(state): State<WebState>,
    Query(query): Query<HandoverQuery>,
) -> Result<Response, Fail> {
    let now_ms = state.clock.now().wall_ms;
    let hours = i64::from(query.hours.unwrap_or(8).clamp(1, 168));
    let numbers = counted(&state, now_ms - hours * HOUR_MS, now_ms).await?;
    let sheet = sheet(&state, numbers, now_ms);
    let language = language(&state, query.language.as_deref());
    answer(query.format.as_deref(), &sheet, "handover", || {
        sheets::handover(&sheet, language)
    })
}

async fn counted(state: &WebState, from_ms: i64, to_ms: i64) -> Result<Numbers, Fail> {
    if from_ms >= to_ms || to_ms.saturating_sub(from_ms) > MOST_MS {
        return Err(Fail::bad_request());
    }
    let permit = state.counting.try_acquire();
    let _alone = permit.map_err(|_| Fail::new(StatusCode::SERVICE_UNAVAILABLE, "busy"))?;
    let (reader, titles) = state.hub.reader_and_titles();
    let offset_min = state.clock.now().offset_min;
    off_thread(move || {
        crate::rules::aside(|| numbers::count(&reader, (from_ms, to_ms), offset_min, &titles))
    })
    .await?
    .map_err(|error| {
        tracing::error!(%error, "the numbers cannot be counted");
        Fail::new(StatusCode::INTERNAL_SERVER_ERROR, "storage")
    })
}

fn sheet(state: &WebState, numbers: Numbers, now_ms: i64) -> Handover {
    let status = (state.status)();
    let bad = |state: PartState| matches!(state, PartState::Silent | PartState::Failed);
    let cameras = status.cameras.iter().filter(|camera| bad(camera.state));
    let devices = status.devices.iter().filter(|device| bad(device.state));
    let down = cameras
        .map(|camera| camera.id.clone())
        .chain(devices.map(|device| device.id.clone()));
    let mut open_alerts = state.hub.alerts(Wanted::One(AlertState::Open), ALERTS);
    let taken = Wanted::One(AlertState::Acknowledged);
    open_alerts.extend(state.hub.alerts(taken, ALERTS));
    for alert in &mut open_alerts {
        alert.plate = alert.plate.take().map(|text| Plate::new(&text).masked());
        alert.card = alert.card.take().map(|text| Card::new(&text).masked());
        alert.picture = None;
    }
    let waits = |lane: &gateway_wire::api::Lane| {
        let passage = lane.passage.as_ref();
        passage.is_some_and(|passage| {
            passage.verdict == Some(gateway_wire::api::Verdict::Hold) && passage.end.is_none()
        })
    };
    let lanes = state.hub.lanes();
    Handover {
        gateway: status.gateway.clone(),
        now_ms,
        numbers,
        open_alerts,
        waiting: lanes
            .iter()
            .filter(|lane| waits(lane))
            .map(|lane| lane.id.clone())
            .collect(),
        down: down.collect(),
        lists_too_old: state
            .lists
            .show()
            .into_iter()
            .filter(|list| list.too_old)
            .collect(),
        rules_version: state.rules.show().version,
    }
}

fn language(state: &WebState, asked: Option<&str>) -> Language {
    asked.map_or(state.language, Language::from_tag)
}

fn answer<T: serde::Serialize>(
    format: Option<&str>,
    value: &T,
    name: &str,
    sheets: impl FnOnce() -> Vec<sheets::Sheet>,
) -> Result<Response, Fail> {
    let format = match format {
        None | Some("json") => return Ok(Json(value).into_response()),
        Some(word) => Format::named(word).ok_or(Fail::bad_request())?,
    };
    let bytes = export::sheets(format, &sheets()).map_err(|error| {
        tracing::error!(%error, "a workbook cannot be made");
        Fail::new(StatusCode::INTERNAL_SERVER_ERROR, "export")
    })?;
    Ok(file(name, format, bytes))
}
