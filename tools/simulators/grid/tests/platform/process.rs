//! The whole process against a real broker: stores before it answers, goes on after a restart,
//! and says at its end what is missing.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use rumqttc::{Client, Event, MqttOptions, Packet, QoS};
use serde_json::Value;

use crate::gateway::{JOURNAL, Published, events};

const DEADLINE: Duration = Duration::from_secs(60);

struct Broker {
    process: Child,
    port: u16,
}

impl Broker {
    fn start(folder: &Path) -> Broker {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let configuration = folder.join("mosquitto.conf");
        std::fs::write(
            &configuration,
            format!("listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"),
        )
        .expect("written");
        let process = Command::new("mosquitto")
            .arg("-c")
            .arg(&configuration)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto runs");
        let broker = Broker { process, port };
        until("the broker listens", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        broker
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct Grid {
    process: Child,
    output: BufReader<ChildStdout>,
    http: u16,
}

impl Grid {
    fn start(folder: &Path, broker: &Broker, lie: Option<&str>) -> Grid {
        std::fs::write(folder.join("password"), "secret\n").expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_grid-sim"));
        command
            .args(["--broker", &format!("127.0.0.1:{}", broker.port)])
            .args(["--user", "grid", "--http", "0", "--password-file"])
            .arg(folder.join("password"))
            .arg("--store")
            .arg(folder.join("store"))
            .arg("--key")
            .arg(folder.join("key"))
            .arg("--public-key-file")
            .arg(folder.join("key.pub"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if let Some(lie) = lie {
            command.args(["--lie", lie]);
        }
        let mut process = command.spawn().expect("grid-sim runs");
        let mut output = BufReader::new(process.stdout.take().expect("its output"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        let http = line.trim().strip_prefix("http ").expect("its port");
        let grid = Grid {
            http: http.parse().expect("a port"),
            process,
            output,
        };
        until("the platform has subscribed", || {
            grid.ask("GET /summary", "")["subscribed"] == true
        });
        grid
    }

    fn ask(&self, request: &str, body: &str) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).expect("connected");
        write!(
            stream,
            "{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("asked");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        serde_json::from_str(body).unwrap_or(Value::String(body.to_owned()))
    }

    /// Its exit status and what it said at its end.
    fn stop(mut self) -> (Option<i32>, String) {
        let stopped = Command::new("kill")
            .arg(self.process.id().to_string())
            .status()
            .expect("kill runs");
        assert!(stopped.success());
        let mut said = String::new();
        self.output
            .read_to_string(&mut said)
            .expect("its last words");
        (self.process.wait().expect("ended").code(), said)
    }
}

impl Drop for Grid {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "in time: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A gateway's connection: publishes, and collects what comes down.
struct Gateway {
    client: Client,
    heard: std::sync::mpsc::Receiver<(String, Value)>,
}

impl Gateway {
    fn connect(broker: &Broker) -> Gateway {
        let mut options = MqttOptions::new("gate-1", "127.0.0.1", broker.port);
        options.set_max_packet_size(1 << 20, 1 << 20);
        let (client, mut connection) = Client::new(options, 1_000);
        client
            .subscribe("gateways/gate-1/#", QoS::AtLeastOnce)
            .expect("subscribed");
        let (said, heard) = std::sync::mpsc::channel();
        let (ready, subscribed) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for event in connection.iter() {
                match event {
                    Ok(Event::Incoming(Packet::SubAck(_))) => drop(ready.send(())),
                    Ok(Event::Incoming(Packet::Publish(message))) => {
                        let json = serde_json::from_slice(&message.payload).expect("JSON");
                        if said.send((message.topic, json)).is_err() {
                            return;
                        }
                    }
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        });
        subscribed.recv_timeout(DEADLINE).expect("subscribed");
        Gateway { client, heard }
    }

    fn publish(&self, event: &Published) {
        self.client
            .publish(&event.topic, QoS::AtLeastOnce, false, event.payload.clone())
            .expect("published");
    }

    /// The next message on `topic` whose signature is right, and how many were not.
    fn next_signed(&self, topic: &str, key: &VerifyingKey) -> (Value, u64) {
        let mut forged = 0;
        loop {
            let (on, envelope) = self.heard.recv_timeout(DEADLINE).expect("a message");
            if on != topic {
                continue;
            }
            let body = envelope["body"].as_str().expect("a body");
            let bytes = STANDARD
                .decode(envelope["signature"].as_str().expect("a signature"))
                .expect("base64");
            let signature = Signature::from_slice(&bytes).expect("64 bytes");
            match key.verify_strict(body.as_bytes(), &signature) {
                Ok(()) => return (serde_json::from_str(body).expect("JSON"), forged),
                Err(_) => forged += 1,
            }
        }
    }

    /// Waits until receipts have confirmed all of these numbers, with the right hashes.
    fn confirmed(&self, numbers: &[u64], all: &[Published], key: &VerifyingKey) {
        let mut left: BTreeSet<u64> = numbers.iter().copied().collect();
        while !left.is_empty() {
            let (receipt, _) = self.next_signed("gateways/gate-1/receipts", key);
            assert_eq!(receipt["type"], "receipt");
            assert_eq!(receipt["destination"], "grid");
            if receipt["journal"] != JOURNAL {
                continue;
            }
            for range in receipt["ranges"].as_array().expect("ranges") {
                let (from, to) = (range["from"].as_u64(), range["to"].as_u64());
                let (from, to) = (from.expect("a number"), to.expect("a number"));
                if to as usize <= all.len() {
                    assert_eq!(range["hash"], all[to as usize - 1].hash);
                    left.retain(|number| *number < from || *number > to);
                }
            }
        }
    }
}

fn public_key(folder: &Path) -> VerifyingKey {
    let text = std::fs::read_to_string(folder.join("key.pub")).expect("a key");
    let bytes = STANDARD.decode(text.trim()).expect("base64");
    VerifyingKey::from_bytes(&bytes.try_into().expect("32 bytes")).expect("a key")
}

#[test]
fn it_answers_what_it_stored_and_names_what_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker::start(folder.path());
    let grid = Grid::start(folder.path(), &broker, None);
    let key = public_key(folder.path());
    let gateway = Gateway::connect(&broker);
    let all = events(200);
    let sent: Vec<u64> = (1..=200).filter(|number| *number != 57).collect();
    for number in &sent {
        gateway.publish(&all[*number as usize - 1]);
    }
    // Twice: the first answer may have been lost.
    gateway.publish(&all[0]);
    gateway.confirmed(&sent, &all, &key);
    let summary = grid.ask("GET /summary", "");
    assert_eq!(
        summary["gateways"][0]["missing"],
        serde_json::json!([[57, 57]])
    );
    let decisions = grid.ask("GET /events?kind=decision", "");
    assert_eq!(decisions.as_array().map(Vec::len), Some(40));
    let (status, said) = grid.stop();
    assert_eq!(status, Some(1));
    assert!(said.contains("1 missing: 57"), "{said}");

    let grid = Grid::start(folder.path(), &broker, None);
    gateway.publish(&all[56]);
    gateway.confirmed(&[57], &all, &key);
    let (status, said) = grid.stop();
    assert_eq!(status, Some(0));
    assert!(said.contains("1…200 received, none missing"), "{said}");
}

#[test]
fn it_signs_orders_with_numbers_that_never_repeat() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker::start(folder.path());
    let grid = Grid::start(folder.path(), &broker, None);
    let key = public_key(folder.path());
    let gateway = Gateway::connect(&broker);
    let body = r#"{"gateway":"gate-1","act":"open","passage":"east-in-1-1","reason":"called"}"#;
    for number in 1..=2 {
        let answer = grid.ask("POST /orders", body);
        assert_eq!(answer["number"], number);
        let (order, _) = gateway.next_signed("gateways/gate-1/orders", &key);
        assert_eq!(
            (&order["type"], &order["act"]),
            (&"order".into(), &"open".into())
        );
        assert_eq!(
            (&order["number"], &order["passage"]),
            (&number.into(), &"east-in-1-1".into())
        );
    }
    drop(grid);
    let grid = Grid::start(folder.path(), &broker, None);
    assert_eq!(grid.ask("POST /orders", body)["number"], 3);
}

#[test]
fn its_lies_stand_beside_the_truth() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker::start(folder.path());
    let grid = Grid::start(folder.path(), &broker, Some("unsigned"));
    let key = public_key(folder.path());
    let gateway = Gateway::connect(&broker);
    let all = events(4);
    gateway.publish(&all[0]);
    let (receipt, forged) = gateway.next_signed("gateways/gate-1/receipts", &key);
    assert_eq!((receipt["ranges"][0]["to"].as_u64(), forged), (Some(1), 1));
    for (number, lie, journal, to) in [
        (2, "unknown", "f".repeat(32), 2),
        (3, "early", JOURNAL.to_owned(), 103),
        (4, "double", JOURNAL.to_owned(), 4),
    ] {
        grid.ask(&format!("POST /lie?lie={lie}"), "");
        gateway.publish(&all[number - 1]);
        let (lied, _) = gateway.next_signed("gateways/gate-1/receipts", &key);
        assert_eq!(
            (&lied["journal"], &lied["ranges"][0]["to"]),
            (&journal.into(), &to.into())
        );
        gateway.confirmed(&[number as u64], &all, &key);
    }
}
