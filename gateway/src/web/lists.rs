//! The lists: how old they are, their content as a file, and a file as their content.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use gateway_config::lists::export::{self, Format};
use gateway_core::event::{self, Class, Event, EventKind, PartKind};
use gateway_core::lists::ListName;
use gateway_core::name::Name;
use gateway_wire::api::{EntryRequest, ListConfirmed, ListImported, ListShown};
use serde::Deserialize;
use utoipa::IntoParams;

use super::WebState;
use super::access::Caller;
use super::problem::{Body, Fail, off_thread};
use crate::lists::ListsError;

/// Bytes of the largest file: 100,000 entries in a workbook have a quarter of that.
pub const FILE: usize = 32 * 1024 * 1024;

/// Every list: whose it is, at which version, how old.
#[utoipa::path(get, path = "/api/lists", responses((status = 200, body = [ListShown])))]
pub async fn show(State(state): State<WebState>) -> Json<Vec<ListShown>> {
    Json(state.lists.show())
}

#[derive(Deserialize, IntoParams)]
pub struct ExportQuery {
    /// `csv` (UTF-8 with a byte-order mark) or `xlsx`; `csv` unless told.
    format: Option<String>,
    /// `zh` for Chinese headers.
    language: Option<String>,
}

/// A list as a file that a spreadsheet opens and an import reads back. It is recorded who took it.
#[utoipa::path(
    get, path = "/api/lists/{list}", params(("list" = String, Path), ExportQuery),
    responses((status = 200, content_type = "text/csv"), (status = 404))
)]
pub async fn export(
    State(state): State<WebState>,
    Extension(caller): Extension<Caller>,
    Path(list): Path<String>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Fail> {
    let list = named(&list)?;
    let format = format(query.format.as_deref())?;
    let chinese = query.language.as_deref() == Some("zh");
    let offset_min = state.clock.now().offset_min;
    let lists = state.lists.clone();
    let made = off_thread(move || {
        let entries = lists.entries(list);
        let bytes = export::list(list, &entries, offset_min, chinese, format);
        bytes.map(|bytes| (entries.len(), bytes))
    });
    let (count, bytes) = made.await?.map_err(|error| {
        tracing::error!(%error, "a list cannot be exported");
        Fail::new(StatusCode::INTERNAL_SERVER_ERROR, "export")
    })?;
    let values = vec![
        (Name::from("by"), caller.account.to_string()),
        (Name::from("list"), list.word().to_owned()),
        (Name::from("entries"), count.to_string()),
    ];
    let body = event::Body::Note {
        code: Name::from("list_exported"),
        values,
    };
    let event = Event::new(state.clock.now(), EventKind::Audit);
    let event = event.part(PartKind::Identity, Class::Audit, body);
    state.recorder.record(event).await?;
    Ok(file(list.word(), format, bytes))
}

#[derive(Deserialize, IntoParams)]
pub struct ImportQuery {
    /// The file's name, for messages.
    name: Option<String>,
    /// Only read it and tell its mistakes.
    check: Option<bool>,
}

/// Puts a file in force as a list's whole content: CSV in UTF-8 or GBK, or XLSX. With one mistake
/// nothing of it is taken.
#[utoipa::path(
    post, path = "/api/lists/{list}", params(("list" = String, Path), ImportQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = ListImported), (status = 409), (status = 422))
)]
pub async fn import(
    State(state): State<WebState>,
    Path(list): Path<String>,
    Query(query): Query<ImportQuery>,
    bytes: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Json<ListImported>, Fail> {
    let list = named(&list)?;
    let bytes = bytes.map_err(|_| Fail::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large"))?;
    let name: String = query.name.unwrap_or_default().chars().take(120).collect();
    let check = query.check.unwrap_or(false);
    let imported = state
        .lists
        .import(list, name, bytes.to_vec(), check)
        .await?;
    Ok(Json(imported))
}

/// Enters one entry at the gate, or takes it back; it stands until the list's owner takes it over.
#[utoipa::path(
    post, path = "/api/lists/{list}/entries", params(("list" = String, Path)),
    request_body = EntryRequest,
    responses((status = 200, body = ListConfirmed), (status = 404), (status = 409), (status = 422))
)]
pub async fn enter(
    State(state): State<WebState>,
    Path(list): Path<String>,
    Body(request): Body<EntryRequest>,
) -> Result<Json<ListConfirmed>, Fail> {
    let list = named(&list)?;
    let number = state
        .lists
        .enter(list, &request.fields, request.remove)
        .await?;
    Ok(Json(ListConfirmed { number }))
}

/// Says that a list is right as it is: its age begins anew.
#[utoipa::path(
    post, path = "/api/lists/{list}/confirm", params(("list" = String, Path)),
    responses((status = 200, body = ListConfirmed), (status = 404), (status = 409))
)]
pub async fn confirm(
    State(state): State<WebState>,
    Path(list): Path<String>,
) -> Result<Json<ListConfirmed>, Fail> {
    let number = state.lists.confirm(named(&list)?).await?;
    Ok(Json(ListConfirmed { number }))
}

fn named(word: &str) -> Result<ListName, Fail> {
    ListName::named(word).ok_or(Fail::not_found())
}

/// The format that a query asks for.
pub fn format(word: Option<&str>) -> Result<Format, Fail> {
    Format::named(word.unwrap_or("csv")).ok_or(Fail::bad_request())
}

/// An answer that a browser saves.
pub fn file(name: &str, format: Format, bytes: Vec<u8>) -> Response {
    let (kind, end) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "csv"),
        Format::Xlsx => (
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "xlsx",
        ),
    };
    let saved = format!("attachment; filename=\"{name}.{end}\"");
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, saved),
    ];
    (headers, bytes).into_response()
}

impl From<ListsError> for Fail {
    fn from(error: ListsError) -> Fail {
        match error {
            ListsError::Wrong(mistakes) => {
                let told: Vec<String> = mistakes.list().iter().map(ToString::to_string).collect();
                Fail::new(StatusCode::UNPROCESSABLE_ENTITY, "list_wrong")
                    .with("count", told.len())
                    .with("mistakes", told)
            }
            ListsError::NotOwner { owner } => {
                Fail::new(StatusCode::CONFLICT, "list_owner").with("owner", owner)
            }
            ListsError::Refused { code } => {
                Fail::new(StatusCode::CONFLICT, "list_refused").with("cause", code)
            }
            ListsError::Gate(unavailable) => unavailable.into(),
            error @ (ListsError::File { .. } | ListsError::Aside) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a list cannot be kept"
                );
                Fail::new(StatusCode::INTERNAL_SERVER_ERROR, "list_disk")
            }
        }
    }
}
