//! The API's own document and the table of texts.

use axum::Json;
use gateway_wire::api::{self, TextTables};
use gateway_wire::messages;
use utoipa::OpenApi;

use super::{alerts, cameras, lanes, lists, numbers, passages, rules, session, status, stream};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Checkpoint gateway, local API",
        description = "A session is the cookie `gateway_session`. Requests other than GET carry \
            `x-gateway-csrf: 1`. Errors are application/problem+json with a code and values."
    ),
    components(schemas(api::Problem)),
    paths(
        session::show,
        session::login,
        session::first_login,
        session::logout,
        session::accounts,
        session::add_account,
        messages,
        document,
        lanes::list,
        lanes::open,
        lanes::close,
        lanes::emergency,
        lanes::lock_down,
        passages::list,
        passages::one,
        passages::explanation,
        passages::answer,
        passages::picture,
        alerts::list,
        alerts::acknowledge,
        alerts::close,
        cameras::measure,
        status::show,
        status::check,
        status::outbox,
        rules::show,
        rules::test,
        rules::try_out,
        rules::activate,
        lists::show,
        lists::export,
        lists::import,
        lists::enter,
        lists::confirm,
        numbers::show,
        numbers::handover,
        stream::live,
    )
)]
pub struct Document;

/// This document.
#[utoipa::path(get, path = "/api/openapi.json", responses((status = 200)))]
pub async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Document::openapi())
}

/// Every code's text in both languages.
#[utoipa::path(get, path = "/api/messages", responses((status = 200, body = TextTables)))]
pub async fn messages() -> Json<TextTables> {
    Json(messages::tables())
}
