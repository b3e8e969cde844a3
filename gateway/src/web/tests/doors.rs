//! The two doors: TCP with its limits, and the control socket whose permissions are its login.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use gateway_core::event::{Body as EventBody, EventKind};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;

/// Longer than any step of these tests may take.
const DEADLINE: Duration = Duration::from_secs(30);

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, what)
        .await
        .expect("it took too long")
}

struct Door {
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

async fn open_page(bench: &Bench) -> Door {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let served = tokio::spawn(serve(listener, bench.state.clone(), async {
        let _ = stopped.await;
    }));
    Door {
        address,
        stop,
        served,
    }
}

fn get(path: &str, cookie: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n")
}

/// Everything up to the end of the connection.
async fn answer(mut stream: impl AsyncReadExt + AsyncWrite + Unpin, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    within(stream.read_to_string(&mut text)).await.unwrap();
    text
}

#[tokio::test]
async fn the_page_is_served_over_tcp_and_a_stop_ends_open_streams() {
    let bench = Bench::new();
    let door = open_page(&bench).await;
    let stream = TcpStream::connect(door.address).await.unwrap();
    let request = get("/", "") + "Connection: close\r\n\r\n";
    let text = answer(stream, &request).await;
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(text.contains("<html"), "{text}");

    let mut live = TcpStream::connect(door.address).await.unwrap();
    let request = get("/api/live", &bench.session(Role::Guard)) + "\r\n";
    live.write_all(request.as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains("event: resync") {
        let mut some = [0; 1_024];
        let count = within(live.read(&mut some)).await.unwrap();
        assert_ne!(count, 0, "{}", String::from_utf8_lossy(&heard));
        heard.extend_from_slice(&some[..count]);
    }
    door.stop.send(()).unwrap();
    within(door.served).await.unwrap();
    within(live.read_to_end(&mut heard)).await.unwrap();
    assert!(TcpStream::connect(door.address).await.is_err());
}

#[tokio::test]
async fn s02_broken_and_unfinished_requests_do_not_keep_the_page_from_others() {
    let bench = Bench::new();
    let door = open_page(&bench).await;
    let mut unfinished = Vec::new();
    for _ in 0..20 {
        let mut slow = TcpStream::connect(door.address).await.unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\nHost: ").await.unwrap();
        unfinished.push(slow);
    }
    let broken = TcpStream::connect(door.address).await.unwrap();
    let text = answer(broken, "\u{1}\u{2} nonsense\r\n\r\n").await;
    assert!(text.starts_with("HTTP/1.1 400"), "{text}");
    let huge = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(70_000));
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    // The answer may come before all of it is taken.
    let _ = stream.write_all(huge.as_bytes()).await;
    let good = TcpStream::connect(door.address).await.unwrap();
    let request = get("/api/session", "") + "Connection: close\r\n\r\n";
    assert!(answer(good, &request).await.starts_with("HTTP/1.1 200"));
    door.stop.send(()).unwrap();
    within(door.served).await.unwrap();
}

async fn connect_when_bound(path: &Path) -> UnixStream {
    within(async {
        loop {
            match UnixStream::connect(path).await {
                Ok(stream) => return stream,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await
}

#[tokio::test]
async fn the_control_socket_knows_its_caller_by_uid_and_records_what_was_asked() {
    let bench = Bench::new();
    let path = bench.dir.path().join("control.sock");
    // One that a crash left behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(serve_control(path.clone(), bench.state.clone(), async {
        let _ = stopped.await;
    }));
    let stream = connect_when_bound(&path).await;
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let request = "GET /api/accounts HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n";
    let text = answer(stream, request).await;
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");

    // SAFETY: takes nothing and returns a plain integer.
    let uid = format!("uid:{}", unsafe { libc::getuid() });
    within(async {
        while !audited(&bench, &uid, "/api/accounts") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    stop.send(()).unwrap();
    within(served).await.unwrap().unwrap();
    assert!(!path.exists());
}

fn audited(bench: &Bench, uid: &str, path: &str) -> bool {
    let events = bench.journal.events.lock().unwrap();
    events
        .iter()
        .filter(|event| event.kind == EventKind::Audit)
        .flat_map(|event| &event.parts)
        .any(|part| match &part.body {
            EventBody::Note { values, .. } => {
                let has = |wanted: &str| values.iter().any(|(_, value)| value == wanted);
                has(uid) && has(path)
            }
            _ => false,
        })
}

#[tokio::test]
async fn the_control_socket_never_replaces_a_file() {
    let bench = Bench::new();
    let path = bench.dir.path().join("control.sock");
    std::fs::write(&path, "somebody's").unwrap();
    let served = serve_control(path.clone(), bench.state.clone(), std::future::pending());
    let refused = within(served).await;
    assert!(matches!(
        refused,
        Err(ServeError::Control {
            operation: "bind",
            ..
        })
    ));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody's");
}
