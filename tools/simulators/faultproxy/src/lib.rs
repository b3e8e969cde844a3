//! A TCP proxy that misbehaves on request: the network's faults for the tests of delivery and of
//! devices, where no other means is at hand.

use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How the proxy treats all connections, those that stand and those to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Passes everything on.
    Pass,
    /// Takes everything and passes nothing on; connections stay open.
    BlackHole,
    /// Ends every connection with RST, and each new one at once.
    Reset,
    /// Accepts and never reads: buffers fill up.
    Stall,
    /// Bytes a second, each way, each connection.
    Rate(u64),
    /// Passes everything on so much later, each way.
    Delay(Duration),
    /// Sends FIN to the server and nothing more; what the server says still comes through.
    HalfClose,
}

impl FromStr for Mode {
    type Err = String;

    /// `pass`, `blackhole`, `reset`, `stall`, `rate BYTES`, `delay MS`, `halfclose`.
    fn from_str(line: &str) -> Result<Mode, String> {
        let mut words = line.split_whitespace();
        let word = words.next().unwrap_or_default();
        let mut number = || {
            words
                .next()
                .and_then(|text| text.parse::<u64>().ok())
                .filter(|number| *number > 0)
                .ok_or(format!("{word} takes a number over 0"))
        };
        match word {
            "pass" => Ok(Mode::Pass),
            "blackhole" => Ok(Mode::BlackHole),
            "reset" => Ok(Mode::Reset),
            "stall" => Ok(Mode::Stall),
            "rate" => Ok(Mode::Rate(number()?)),
            "delay" => Ok(Mode::Delay(Duration::from_millis(number()?))),
            "halfclose" => Ok(Mode::HalfClose),
            _ => Err(format!(
                "{word:?} is none of pass, blackhole, reset, stall, rate N, delay MS, halfclose"
            )),
        }
    }
}

/// A running proxy; it ends, and its connections with it, when this is dropped.
pub struct FaultProxy {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    counts: Arc<Counts>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicU64,
    up: AtomicU64,
    down: AtomicU64,
}

impl FaultProxy {
    /// Listens on `listen` (port 0: any) and connects each connection on to `to`.
    pub async fn start(listen: SocketAddr, to: SocketAddr) -> io::Result<FaultProxy> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let (mode, modes) = watch::channel(Mode::Pass);
        let counts = Arc::new(Counts::default());
        let accepting = tokio::spawn(accept(listener, to, modes, counts.clone()));
        Ok(FaultProxy {
            address,
            mode,
            counts,
            accepting,
        })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    pub fn mode(&self) -> Mode {
        *self.mode.borrow()
    }

    /// Connections accepted since the start.
    pub fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::SeqCst)
    }

    /// Bytes passed on to the server.
    pub fn bytes_up(&self) -> u64 {
        self.counts.up.load(Ordering::SeqCst)
    }

    /// Bytes passed on to clients.
    pub fn bytes_down(&self) -> u64 {
        self.counts.down.load(Ordering::SeqCst)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    to: SocketAddr,
    modes: watch::Receiver<Mode>,
    counts: Arc<Counts>,
) {
    // Its connections end with it.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else {
            // Out of descriptors, perhaps; the next one may do.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        counts.connections.fetch_add(1, Ordering::SeqCst);
        while connections.try_join_next().is_some() {}
        connections.spawn(connect_on(client, to, modes.clone(), counts.clone()));
    }
}

async fn connect_on(
    client: TcpStream,
    to: SocketAddr,
    modes: watch::Receiver<Mode>,
    counts: Arc<Counts>,
) {
    if *modes.borrow() == Mode::Reset {
        return reset(client);
    }
    // Without the server the client gets what it would get there: no connection.
    let Ok(server) = TcpStream::connect(to).await else {
        return reset(client);
    };
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    proxy(client, server, modes, counts).await;
}

async fn proxy(
    mut client: TcpStream,
    mut server: TcpStream,
    modes: watch::Receiver<Mode>,
    counts: Arc<Counts>,
) {
    let (client_reads, client_writes) = client.split();
    let (server_reads, server_writes) = server.split();
    let up = pump(
        Way::Up,
        client_reads,
        server_writes,
        modes.clone(),
        &counts.up,
    );
    let down = pump(Way::Down, server_reads, client_writes, modes, &counts.down);
    let ends = tokio::join!(up, down);
    if matches!(ends, (End::Cut, _) | (_, End::Cut)) {
        reset(client);
        reset(server);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Up,
    Down,
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    /// The source ended; its end was passed on.
    Closed,
    Cut,
}

/// Bytes that are on their way while they are delayed: 256 pieces of at most 16 KiB.
const DELAYED: usize = 256;
const PIECE: usize = 16 * 1024;

async fn pump(
    way: Way,
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut modes: watch::Receiver<Mode>,
    count: &AtomicU64,
) -> End {
    let (queue, mut due) = mpsc::channel::<(Instant, Vec<u8>)>(DELAYED);
    let reading = read(way, &mut from, &mut modes, queue);
    let writing = async {
        while let Some((at, bytes)) = due.recv().await {
            tokio::time::sleep_until(at).await;
            if to.write_all(&bytes).await.is_err() {
                return End::Cut;
            }
            count.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        }
        let _ = to.shutdown().await;
        End::Closed
    };
    tokio::pin!(reading, writing);
    tokio::select! {
        end = &mut reading => match end {
            End::Cut => End::Cut,
            // The queue's sender is gone: the rest is written, then the end is passed on.
            End::Closed => writing.await,
        },
        end = &mut writing => match end {
            End::Cut => End::Cut,
            End::Closed => reading.await,
        },
    }
}

async fn read(
    way: Way,
    from: &mut ReadHalf<'_>,
    modes: &mut watch::Receiver<Mode>,
    queue: mpsc::Sender<(Instant, Vec<u8>)>,
) -> End {
    let mut buffer = vec![0; PIECE];
    let mut queue = Some(queue);
    loop {
        let mode = *modes.borrow_and_update();
        let limit = match mode {
            Mode::Reset => return End::Cut,
            Mode::Stall => {
                if modes.changed().await.is_err() {
                    return End::Cut;
                }
                continue;
            }
            // A tenth of a second's worth at a time.
            Mode::Rate(rate) => (rate / 10).clamp(1, PIECE as u64) as usize,
            _ => PIECE,
        };
        if mode == Mode::HalfClose && way == Way::Up {
            queue = None;
        }
        let count = tokio::select! {
            changed = modes.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return End::Cut,
            },
            read = from.read(&mut buffer[..limit]) => match read {
                Ok(0) => return End::Closed,
                Ok(count) => count,
                Err(_) => return End::Cut,
            },
        };
        let Some(queue) = &queue else {
            continue;
        };
        let now = Instant::now();
        // Asked again: it may have changed while this waited for bytes.
        let at = match *modes.borrow() {
            Mode::BlackHole => continue,
            Mode::Delay(delay) => now + delay,
            _ => now,
        };
        let bytes = buffer[..count].to_vec();
        tokio::select! {
            changed = modes.changed() => if changed.is_err() || *modes.borrow() == Mode::Reset {
                return End::Cut;
            },
            sent = queue.send((at, bytes.clone())) => if sent.is_err() {
                return End::Cut;
            },
        }
        if let Mode::Rate(rate) = mode {
            let pause = Duration::from_secs_f64(count as f64 / rate as f64);
            tokio::select! {
                _ = modes.changed() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

/// Ends a connection with RST instead of FIN.
fn reset(stream: TcpStream) {
    let _ = stream.set_zero_linger();
    drop(stream);
}
