//! Serves connections, over TCP and over the control socket: bounded in number, in the time that
//! a request's head may take, and ended when the daemon stops.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use gateway_core::event::{Body as EventBody, Class, Event, EventKind, PartKind};
use gateway_core::name::Name;
use gateway_core::order::Role;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::access::Caller;
use super::stream::Stopping;
use super::{Peer, WebState, page_routes, routes};

/// Connections at once; the next one waits in the kernel's queue.
const CONNECTIONS: usize = 256;

/// Connections of one address; the next one is closed at once, or one neighbour could keep the
/// page from everybody.
const CONNECTIONS_EACH: usize = 32;

/// A request's head must have come within this.
const HEAD: Duration = Duration::from_secs(10);

/// What the stop waits for requests that are under way.
const GRACE: Duration = Duration::from_secs(3);

/// How often the live stream tells the gateway's health.
const STATUS: Duration = Duration::from_secs(2);

/// After a failed accept (no file descriptor left), so that the loop does not spin.
const AFTER_FAILURE: Duration = Duration::from_millis(200);

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot {operation} the control socket {}", path.display())]
    Control {
        operation: &'static str,
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
}

/// Serves page and API until `shutdown` resolves, then ends streams and connections.
pub async fn serve(
    listener: TcpListener,
    state: WebState,
    shutdown: impl Future<Output = ()> + Send,
) {
    let app = page_routes(state.clone());
    let mut connections = Connections::new();
    let mut status = tokio::time::interval(STATUS);
    status.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            _ = status.tick() => state.publish_status(),
            accepted = connections.accept(listener.accept()) => match accepted {
                Ok(((stream, from), permit)) => {
                    let Some(place) = connections.place_of(from.ip()) else {
                        continue;
                    };
                    let permit = (permit, Some(place));
                    let _ = stream.set_nodelay(true);
                    let caller = From::Page(from.ip());
                    connections.add(stream, app.clone(), caller, state.clone(), permit);
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection to the page could not be accepted");
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            },
        }
    }
    connections.end().await;
}

/// Serves the API over a Unix socket that only its owner and group can open: whoever can is a
/// technician, known by uid. An old socket file is replaced.
pub async fn serve_control(
    path: PathBuf,
    state: WebState,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let listener = bind_control(&path)?;
    let app = routes(state.clone());
    let mut connections = Connections::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = connections.accept(listener.accept()) => match accepted {
                Ok(((stream, _), permit)) => match stream.peer_cred() {
                    Ok(peer) => {
                        let caller = From::Control(peer.uid());
                        let permit = (permit, None);
                        connections.add(stream, app.clone(), caller, state.clone(), permit);
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a control connection without a uid was refused");
                    }
                },
                Err(error) => {
                    tracing::warn!(%error, "a control connection could not be accepted");
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            },
        }
    }
    connections.end().await;
    let _ = std::fs::remove_file(&path);
    Ok(())
}

fn bind_control(path: &Path) -> Result<UnixListener, ServeError> {
    let failed = |operation| {
        move |cause| ServeError::Control {
            operation,
            path: path.to_owned(),
            cause,
        }
    };
    // Only a socket is replaced: nobody's file is lost to a wrong path.
    if std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        std::fs::remove_file(path).map_err(failed("replace"))?;
    }
    let listener = UnixListener::bind(path).map_err(failed("bind"))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))
        .map_err(failed("protect"))?;
    Ok(listener)
}

/// Which door a connection came in by.
#[derive(Clone, Copy)]
enum From {
    Page(IpAddr),
    Control(u32),
}

struct Connections {
    tasks: JoinSet<()>,
    places: Arc<Semaphore>,
    stopping: watch::Sender<bool>,
    addresses: Addresses,
}

/// Connections by address.
type Addresses = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// One connection of an address; dropped with it.
struct Place {
    address: IpAddr,
    addresses: Addresses,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.address);
            }
        }
    }
}

impl Connections {
    fn new() -> Connections {
        Connections {
            tasks: JoinSet::new(),
            places: Arc::new(Semaphore::new(CONNECTIONS)),
            stopping: watch::Sender::new(false),
            addresses: Addresses::default(),
        }
    }

    /// A place for one more connection of this address, if it has not too many.
    fn place_of(&self, address: IpAddr) -> Option<Place> {
        let mut held = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(address).or_default();
        if *count >= CONNECTIONS_EACH {
            return None;
        }
        *count += 1;
        Some(Place {
            address,
            addresses: self.addresses.clone(),
        })
    }

    /// Waits for a place, then for a connection.
    async fn accept<T>(
        &mut self,
        accept: impl Future<Output = io::Result<T>>,
    ) -> io::Result<(T, OwnedSemaphorePermit)> {
        // Reaps what has ended; a panic in one request ends its connection alone.
        while self.tasks.try_join_next().is_some() {}
        let permit = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(io::Error::other)?;
        Ok((accept.await?, permit))
    }

    fn add<S>(
        &mut self,
        stream: S,
        app: Router,
        from: From,
        state: WebState,
        permit: (OwnedSemaphorePermit, Option<Place>),
    ) where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let mut stopping = self.stopping.subscribe();
        self.tasks.spawn(async move {
            let _permit = permit;
            let streams = Stopping(stopping.clone());
            let service = service_fn(move |request: hyper::Request<Incoming>| {
                let request = announce(request.map(Body::new), from, &streams, &state);
                app.clone().oneshot(request)
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .max_buf_size(64 * 1024)
                .serve_connection(TokioIo::new(stream), service);
            tokio::pin!(connection);
            tokio::select! {
                // A broken connection is its peer's business.
                _ = connection.as_mut() => return,
                _ = stopping.wait_for(|stopping| *stopping) => {}
            }
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        });
    }

    async fn end(mut self) {
        self.stopping.send_replace(true);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, all).await.is_err() {
            self.tasks.shutdown().await;
        }
    }
}

/// Tells the routes where a request comes from.
fn announce(mut request: Request, from: From, streams: &Stopping, state: &WebState) -> Request {
    request.extensions_mut().insert(streams.clone());
    match from {
        From::Page(address) => {
            request.extensions_mut().insert(Peer(address));
        }
        From::Control(uid) => {
            let caller = Caller {
                account: Name::from(format!("uid:{uid}")),
                role: Role::Technician,
            };
            audit(&request, &caller, state);
            request.extensions_mut().insert(caller);
        }
    }
    request
}

/// Records what a uid asked for over the control socket; not the health, the outbox and the check,
/// which are asked for all day and name nobody.
fn audit(request: &Request, caller: &Caller, state: &WebState) {
    let path = request.uri().path();
    let names_nobody = matches!(
        path,
        "/api/status"
            | "/api/messages"
            | "/api/openapi.json"
            | "/api/outbox"
            | "/api/journal/check"
    );
    if names_nobody {
        return;
    }
    tracing::info!(account = %caller.account, method = %request.method(), path, "the control socket was used");
    let event = Event::new(state.clock.now(), EventKind::Audit).part(
        PartKind::Identity,
        Class::Audit,
        EventBody::Note {
            code: Name::from("control"),
            values: vec![
                (Name::from("by"), caller.account.to_string()),
                (Name::from("method"), request.method().to_string()),
                (Name::from("path"), path.chars().take(200).collect()),
            ],
        },
    );
    let state = state.clone();
    tokio::spawn(async move {
        if let Err(error) = state.recorder.record(event).await {
            tracing::warn!(%error, "a use of the control socket has no durable record");
        }
    });
}
