//! The live stream: server-sent events that go on where a connection broke off.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};
use utoipa::IntoParams;

use super::WebState;
use super::access::token;
use super::problem::Fail;
use super::sessions::TokenHash;
use crate::live::{Hub, Message};

/// How often a quiet stream says that it is there.
const PING: Duration = Duration::from_secs(10);

#[derive(Deserialize, IntoParams)]
pub struct LiveQuery {
    /// `Last-Event-ID` for those who cannot set the header.
    last_event_id: Option<String>,
}

/// Tells the streams that the server stops.
#[derive(Clone)]
pub struct Stopping(pub watch::Receiver<bool>);

/// Changes as they become durable: `lane`, `passage`, `alert`, `status` every two seconds, and
/// `resync` at the beginning and whenever the page must load its lists anew. Ids are `BOOT-N`.
#[utoipa::path(
    get, path = "/api/live", params(LiveQuery),
    responses((status = 200, content_type = "text/event-stream"), (status = 503))
)]
pub async fn live(
    State(state): State<WebState>,
    stopping: Option<Extension<Stopping>>,
    Query(query): Query<LiveQuery>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Fail> {
    let permit = state
        .streams
        .clone()
        .try_acquire_owned()
        .map_err(|_| Fail::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams"))?;
    let last = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok())
        .map(str::to_string)
        .or(query.last_event_id);
    let subscription = state.hub.subscribe(last.as_deref());
    let follower = Follower {
        token: token(&headers).map(|token| TokenHash::of(&token)),
        waiting: subscription.missed.into(),
        follow: subscription.follow,
        stopping: stopping.map(|stopping| stopping.0.0),
        _permit: permit,
        state,
    };
    let stream = unfold(follower, |mut follower| async move {
        let message = follower.next().await?;
        Some((Ok(event(&follower.state.hub, &message)), follower))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(PING).text("ping")))
}

struct Follower {
    state: WebState,
    /// None over the control socket.
    token: Option<TokenHash>,
    waiting: VecDeque<Arc<Message>>,
    follow: broadcast::Receiver<Arc<Message>>,
    stopping: Option<watch::Receiver<bool>>,
    _permit: OwnedSemaphorePermit,
}

impl Follower {
    /// `None` ends the stream: the session has ended, or the server stops.
    async fn next(&mut self) -> Option<Arc<Message>> {
        let message = match self.waiting.pop_front() {
            Some(message) => message,
            None => tokio::select! {
                received = self.follow.recv() => match received {
                    Ok(message) => message,
                    Err(RecvError::Lagged(_)) => {
                        // Everything that is still on its way is covered by the loading anew.
                        self.follow = self.follow.resubscribe();
                        Arc::new(self.state.hub.resync())
                    }
                    Err(RecvError::Closed) => return None,
                },
                () = stopped(&mut self.stopping) => return None,
            },
        };
        self.session_lives().then_some(message)
    }

    /// A stream that is watched is a session that is used.
    fn session_lives(&self) -> bool {
        match self.token {
            Some(token) => {
                let now = self.state.clock.mono();
                self.state.sessions().who(token, now).is_some()
            }
            None => true,
        }
    }
}

async fn stopped(stopping: &mut Option<watch::Receiver<bool>>) {
    match stopping {
        Some(stopping) => {
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }
        None => std::future::pending().await,
    }
}

fn event(hub: &Hub, message: &Message) -> Event {
    let event = Event::default().event(message.event).data(&message.data);
    match message.id {
        Some(id) => event.id(hub.wire_id(id)),
        None => event,
    }
}
