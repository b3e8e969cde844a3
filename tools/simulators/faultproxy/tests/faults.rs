//! Each fault as both ends see it.

use std::net::SocketAddr;
use std::time::Duration;

use faultproxy::{FaultProxy, Mode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
const DEADLINE: Duration = Duration::from_secs(20);

struct Line {
    proxy: FaultProxy,
    listener: TcpListener,
    client: TcpStream,
    server: TcpStream,
}

async fn line() -> Line {
    let listener = TcpListener::bind(ANY).await.expect("a server");
    let to = listener.local_addr().expect("its address");
    let proxy = FaultProxy::start(ANY, to).await.expect("a proxy");
    let client = TcpStream::connect(proxy.address()).await.expect("a client");
    let (server, _) = listener.accept().await.expect("a connection");
    Line {
        proxy,
        listener,
        client,
        server,
    }
}

async fn reads(stream: &mut TcpStream, expected: &[u8]) {
    let mut found = vec![0; expected.len()];
    timeout(DEADLINE, stream.read_exact(&mut found))
        .await
        .expect("in time")
        .expect("read");
    assert_eq!(found, expected);
}

#[tokio::test]
async fn it_passes_both_ways_and_passes_the_end_on() {
    let mut line = line().await;
    line.client.write_all(b"up").await.expect("written");
    reads(&mut line.server, b"up").await;
    line.server.write_all(b"down").await.expect("written");
    reads(&mut line.client, b"down").await;
    line.client.shutdown().await.expect("closed");
    let end = timeout(DEADLINE, line.server.read(&mut [0; 8])).await;
    assert_eq!(end.expect("in time").expect("an end"), 0);
    // The other way is still open.
    line.server.write_all(b"rest").await.expect("written");
    reads(&mut line.client, b"rest").await;
}

#[tokio::test]
async fn a_reset_ends_what_stands_and_what_comes_until_it_passes_again() {
    let mut line = line().await;
    line.proxy.set(Mode::Reset);
    let end = timeout(DEADLINE, line.client.read(&mut [0; 8])).await;
    assert!(
        end.expect("in time").is_err(),
        "RST is an error, not an end"
    );
    let mut second = TcpStream::connect(line.proxy.address())
        .await
        .expect("accepted");
    let end = timeout(DEADLINE, second.read(&mut [0; 8])).await;
    assert!(!matches!(end.expect("in time"), Ok(count) if count > 0));
    line.proxy.set(Mode::Pass);
    let mut third = TcpStream::connect(line.proxy.address())
        .await
        .expect("a client");
    let (mut server, _) = line.listener.accept().await.expect("a connection");
    third.write_all(b"again").await.expect("written");
    reads(&mut server, b"again").await;
}

#[tokio::test]
async fn a_black_hole_takes_everything_and_lets_nothing_through() {
    let mut line = line().await;
    line.proxy.set(Mode::BlackHole);
    // More than all buffers hold: somebody does read it.
    let lost = vec![1; 8 * 1024 * 1024];
    timeout(DEADLINE, line.client.write_all(&lost))
        .await
        .expect("in time")
        .expect("written");
    assert_eq!(line.proxy.bytes_up(), 0);
    line.proxy.set(Mode::Pass);
    drop(line.client);
    let mut rest = Vec::new();
    timeout(DEADLINE, line.server.read_to_end(&mut rest))
        .await
        .expect("in time")
        .expect("an end");
    assert!(rest.len() < lost.len());
}

#[tokio::test]
async fn a_stall_never_reads_and_loses_nothing() {
    let mut line = line().await;
    line.proxy.set(Mode::Stall);
    let sent = vec![7; 16 * 1024 * 1024];
    let expected = sent.clone();
    let (mut client_reads, mut client_writes) = line.client.into_split();
    let writing = tokio::spawn(async move { client_writes.write_all(&sent).await });
    let some = timeout(Duration::from_millis(300), client_reads.read(&mut [0; 1])).await;
    assert!(
        some.is_err() && !writing.is_finished(),
        "the buffers are full"
    );
    line.proxy.set(Mode::Pass);
    reads(&mut line.server, &expected).await;
    timeout(DEADLINE, writing)
        .await
        .expect("in time")
        .expect("ran")
        .expect("written");
}

#[tokio::test]
async fn a_rate_and_a_delay_take_their_time_and_keep_the_order() {
    let mut line = line().await;
    let bytes: Vec<u8> = (0..2_000u32).map(|n| n as u8).collect();
    line.proxy.set(Mode::Rate(4_000));
    let begun = Instant::now();
    line.client.write_all(&bytes).await.expect("written");
    reads(&mut line.server, &bytes).await;
    assert!(begun.elapsed() >= Duration::from_millis(350));
    line.proxy.set(Mode::Delay(Duration::from_millis(200)));
    let begun = Instant::now();
    line.server.write_all(&bytes).await.expect("written");
    reads(&mut line.client, &bytes).await;
    assert!(begun.elapsed() >= Duration::from_millis(190));
}

#[tokio::test]
async fn a_half_closed_connection_still_hears_the_server() {
    let mut line = line().await;
    line.proxy.set(Mode::HalfClose);
    let end = timeout(DEADLINE, line.server.read(&mut [0; 8])).await;
    assert_eq!(end.expect("in time").expect("an end"), 0);
    line.client.write_all(b"lost").await.expect("written");
    line.server.write_all(b"still here").await.expect("written");
    reads(&mut line.client, b"still here").await;
}

#[test]
fn a_line_says_the_mode() {
    assert_eq!("rate 5".parse(), Ok(Mode::Rate(5)));
    assert_eq!(
        " delay 20 ".parse(),
        Ok(Mode::Delay(Duration::from_millis(20)))
    );
    for wrong in ["", "rate", "rate 0", "delay x", "explode"] {
        assert!(wrong.parse::<Mode>().is_err(), "{wrong}");
    }
}
