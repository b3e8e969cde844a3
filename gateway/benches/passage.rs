//! A card to the barrier's command: the whole daemon at a real broker, beside a process that decides
//! nothing and only writes.
//!
//! `passage [PASSAGES]` prints one row as JSON. A person is measured, then presents a listed card; the
//! time runs from the card's PUBLISH to the command at the barrier. The bare way is what no gateway
//! can leave out: the same broker twice and one fdatasync of 4 KiB in between.

#[path = "../tests/harness/mod.rs"]
mod harness;

use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use harness::{Device, Gate, SOON, Walk, listed_card, must};
use rumqttc::{Client, Connection, Event, Incoming, MqttOptions, NetworkOptions, QoS};

/// Passages before those that count.
const WARM_UP: u32 = 5;
/// A person is measured so long before the card.
const BEFORE_CARD: Duration = Duration::from_millis(150);
/// So long after an opening the gate has nothing left to do with it …
const QUIET: Duration = Duration::from_millis(500);
/// … and so long after it a temperature is the next person's.
const NEXT_PERSON: Duration = Duration::from_millis(1_150);

/// The platform's user may use everything below `gateways/`, and the platform hears none of this.
const USER: &str = "grid";
const CARD: &str = "gateways/bench/card";
const COMMAND: &str = "gateways/bench/command";

fn main() {
    let number = std::env::args().skip(1).find_map(|text| text.parse().ok());
    let passages: u32 = number.unwrap_or(200);
    let gate = quick_gate();
    let mut ours = Ours::at(&gate);
    let mut bare = Bare::at(&gate);
    let (mut times, mut bare_times) = (Vec::new(), Vec::new());
    for number in 0..WARM_UP + passages {
        let opened = Instant::now();
        let time = ours.passage(number);
        pause(opened + QUIET);
        let bare_time = bare.passage();
        if number >= WARM_UP {
            times.push(time);
            bare_times.push(bare_time);
        }
        pause(opened + NEXT_PERSON + BEFORE_CARD);
    }
    let syncs = bare.end();
    let row = serde_json::json!({
        "row": "passage: card to command",
        "unit": "ms",
        "n": passages,
        "ours": spread(times),
        "bare": spread(bare_times),
        "note": format!(
            "one person every 1.3 s; the bare way's fdatasync alone: p50 {:.2} ms, p99 {:.2} ms",
            quantile(&syncs, 0.5), quantile(&syncs, 0.99)
        ),
    });
    println!("{row}");
}

/// A gate where a person is out of the way after a second, for until then a temperature is theirs.
fn quick_gate() -> Gate {
    let mut gate = Gate::start();
    gate.stop_daemon();
    let path = gate.site.path("gateway.toml");
    let written = std::fs::read_to_string(&path).expect("a configuration");
    let quick = written.replace("leave_s = 3", "leave_s = 1");
    assert_ne!(
        written, quick,
        "the site says how long a person takes to leave"
    );
    std::fs::write(&path, quick).expect("written");
    gate.start_daemon();
    gate
}

/// The gate's devices.
struct Ours {
    walk: Walk,
    barrier: Device,
}

impl Ours {
    fn at(gate: &Gate) -> Ours {
        Ours {
            walk: Walk::of(gate),
            barrier: gate.barrier("walk-1"),
        }
    }

    fn passage(&mut self, number: u32) -> f64 {
        self.walk.temperature(365);
        pause(Instant::now() + BEFORE_CARD);
        let sent = Instant::now();
        self.walk.card(&listed_card(number));
        let heard = self.barrier.hears(number as usize + 1, SOON);
        milliseconds(heard[number as usize].at - sent)
    }
}

/// A reader, a barrier, and between them a process that writes and commands.
struct Bare {
    reader: Device,
    barrier: Device,
    passages: usize,
    client: Client,
    syncs: Arc<Mutex<Vec<f64>>>,
    thread: JoinHandle<()>,
}

impl Bare {
    fn at(gate: &Gate) -> Bare {
        let password =
            std::fs::read_to_string(gate.site.path("grid/password")).expect("a password");
        let device = |topic| Device::connect(gate.site.broker_port, USER, &password, topic);
        let (client, connection) = connect(gate.site.broker_port, &password);
        let (syncs, ready) = (Arc::default(), Arc::default());
        let thread = std::thread::spawn({
            let (client, file) = (client.clone(), plain(&gate.site.path("bare")));
            let (syncs, ready) = (Arc::clone(&syncs), Arc::clone(&ready));
            move || write_and_command(connection, &client, file, (&syncs, &ready))
        });
        let bare = Bare {
            reader: device(None),
            barrier: device(Some(COMMAND)),
            passages: 0,
            client,
            syncs,
            thread,
        };
        must("the broker takes the bare way in", SOON, || {
            *ready.lock().expect("not poisoned")
        });
        bare
    }

    fn passage(&mut self) -> f64 {
        let sent = Instant::now();
        self.reader.publish(CARD, r#"{"RC522":{"UID":"BA830000"}}"#);
        self.passages += 1;
        let heard = self.barrier.hears(self.passages, SOON);
        milliseconds(heard[self.passages - 1].at - sent)
    }

    /// The times of its fdatasync alone, sorted.
    fn end(self) -> Vec<f64> {
        let _ = self.client.disconnect();
        let _ = self.thread.join();
        let mut syncs = self.syncs.lock().expect("not poisoned").clone();
        syncs.sort_by(f64::total_cmp);
        syncs
    }
}

fn connect(port: u16, password: &str) -> (Client, Connection) {
    let mut options = MqttOptions::new("bare", "127.0.0.1", port);
    options
        .set_credentials(USER, password)
        .set_keep_alive(Duration::from_secs(30));
    let (client, mut connection) = Client::new(options, 64);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    connection.eventloop.set_network_options(network);
    (client, connection)
}

/// Has its size already, so that no sync writes the file's length too.
fn plain(path: &Path) -> File {
    let mut file = File::create(path).expect("a file");
    file.write_all(&vec![0; 4_096 * 2_048]).expect("written");
    file.sync_all().expect("synced");
    file.rewind().expect("at its begin");
    file
}

fn write_and_command(
    mut connection: Connection,
    client: &Client,
    mut file: File,
    (syncs, ready): (&Mutex<Vec<f64>>, &Mutex<bool>),
) {
    for event in connection.iter() {
        match event {
            Ok(Event::Incoming(Incoming::ConnAck(_))) => client
                .try_subscribe(CARD, QoS::AtLeastOnce)
                .expect("room for a request"),
            Ok(Event::Incoming(Incoming::SubAck(_))) => *ready.lock().expect("not poisoned") = true,
            Ok(Event::Incoming(Incoming::Publish(_))) => {
                let begun = Instant::now();
                file.write_all(&[b'x'; 4_096]).expect("written");
                file.sync_data().expect("synced");
                let took = milliseconds(begun.elapsed());
                client
                    .try_publish(COMMAND, QoS::AtLeastOnce, false, "ON")
                    .expect("room for a request");
                syncs.lock().expect("not poisoned").push(took);
            }
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

fn pause(until: Instant) {
    std::thread::sleep(until.saturating_duration_since(Instant::now()));
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn spread(mut values: Vec<f64>) -> serde_json::Value {
    values.sort_by(f64::total_cmp);
    serde_json::json!({ "median": quantile(&values, 0.5), "p99": quantile(&values, 0.99) })
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted
        .get((last as f64 * share).round() as usize)
        .copied()
        .unwrap_or(f64::NAN)
}
