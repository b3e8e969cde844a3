//! What the tests ask the platform, on loopback.
//!
//! `GET /summary`, whose `subscribed` says that the broker is there · `GET /events?kind=decision&gateway=gate-1` · `POST /orders` with
//! `{"gateway", "act", …}` → `{"number"}` · `POST /lie?lie=late`, without a name: the truth.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use rumqttc::AsyncClient;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::ledger::{Shown, Summary};
use crate::lie::Lie;
use crate::link;
use crate::platform::Platform;

#[derive(Clone)]
struct Shared {
    platform: Arc<Platform>,
    client: AsyncClient,
}

pub fn router(platform: Arc<Platform>, client: AsyncClient) -> Router {
    Router::new()
        .route("/summary", get(summary))
        .route("/events", get(events))
        .route("/orders", post(orders))
        .route("/lie", post(lie))
        .with_state(Shared { platform, client })
}

#[derive(Serialize)]
struct Told {
    subscribed: bool,
    #[serde(flatten)]
    summary: Summary,
}

async fn summary(State(shared): State<Shared>) -> Json<Told> {
    Json(Told {
        subscribed: shared.platform.is_subscribed(),
        summary: shared.platform.ledger(|ledger| ledger.summary()),
    })
}

#[derive(Deserialize)]
struct Which {
    kind: Option<String>,
    gateway: Option<String>,
}

async fn events(State(shared): State<Shared>, Query(which): Query<Which>) -> Json<Vec<Shown>> {
    Json(
        shared
            .platform
            .ledger(|ledger| ledger.shown(which.kind.as_deref(), which.gateway.as_deref())),
    )
}

/// How long an order waits for the broker.
const PATIENCE: Duration = Duration::from_secs(10);

async fn orders(
    State(shared): State<Shared>,
    Json(fields): Json<Map<String, Value>>,
) -> Result<Json<Value>, (StatusCode, String)> {
    let (number, message) = shared
        .platform
        .order(fields)
        .map_err(|cause| (StatusCode::BAD_REQUEST, cause.to_string()))?;
    tokio::time::timeout(PATIENCE, shared.platform.until_subscribed())
        .await
        .map_err(|_| (StatusCode::SERVICE_UNAVAILABLE, "no broker".to_owned()))?;
    link::send(&shared.client, message).await;
    Ok(Json(json!({ "number": number })))
}

#[derive(Deserialize)]
struct Asked {
    lie: Option<String>,
}

async fn lie(
    State(shared): State<Shared>,
    Query(asked): Query<Asked>,
) -> Result<StatusCode, (StatusCode, String)> {
    let lie = asked
        .lie
        .map(|text| text.parse::<Lie>())
        .transpose()
        .map_err(|cause| (StatusCode::BAD_REQUEST, cause))?;
    shared.platform.set_lie(lie);
    Ok(StatusCode::NO_CONTENT)
}
