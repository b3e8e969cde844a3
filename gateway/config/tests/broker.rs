//! The generated broker: a real mosquitto takes it, knows everybody's password, and nobody else's.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gateway_config::{Configuration, Secrets, mosquitto};

const PATIENCE: Duration = Duration::from_secs(10);

struct Broker {
    process: Child,
    port: u16,
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn configuration(port: u16) -> Configuration {
    let text = format!(
        r#"
[gateway]
id = "gate-1"
grid = "1"
[broker]
address = "127.0.0.1:{port}"
[[broker.guest]]
user = "grid"
password_secret = "grid"
topics = ["gateways/#"]
[[upstream]]
id = "town"
address = "127.0.0.1:{port}"
user = "town-gate-1"
password_secret = "upstream-town"
public_key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
[[lane]]
id = "walk-1"
kind = "pedestrian"
direction = "entry"
needs = ["card"]
[[lane.sensor]]
id = "reader"
declaration = "tasmota-rc522"
vars = {{ device = "north-reader" }}
[lane.barrier]
declaration = "tasmota-relay"
vars = {{ device = "arm" }}
"#
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/gateway.toml");
    gateway_config::read(&path, &text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn secrets() -> Secrets {
    let mut secrets = Secrets::default();
    for name in [
        "broker-gateway",
        "grid",
        "upstream-town",
        "device-reader",
        "device-walk-1-barrier",
    ] {
        secrets.insert(name, &format!("password of {name}"));
    }
    secrets
}

/// Another process may take the port between asking and using it: then the next one is tried.
fn start(folder: &Path) -> Broker {
    for _ in 0..5 {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|probe| probe.local_addr())
            .expect("a free port")
            .port();
        mosquitto::write(&configuration(port), &secrets(), folder).expect("written");
        let conf = folder.join("mosquitto.conf");
        // Run by root it would drop to a user that may not read this folder.
        let text = fs::read_to_string(&conf).expect("readable");
        fs::write(&conf, format!("{text}\nuser root\n")).expect("written");
        let process = Command::new("mosquitto")
            .arg("-c")
            .arg(&conf)
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto is installed");
        let mut broker = Broker { process, port };
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return broker;
            }
            if broker.process.try_wait().expect("asked").is_some() {
                break;
            }
            std::thread::yield_now();
        }
    }
    panic!("mosquitto does not start with the generated configuration");
}

/// MQTT's answer to a login: 0 is welcome, 5 not authorised.
fn login(port: u16, user: Option<(&str, &str)>) -> u8 {
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60];
    let mut put = |text: &str| {
        body.extend(u16::try_from(text.len()).expect("short").to_be_bytes());
        body.extend(text.as_bytes());
    };
    put("test");
    if let Some((user, password)) = user {
        put(user);
        put(password);
        body[7] |= 0xc0;
    }
    let mut packet = vec![0x10, u8::try_from(body.len()).expect("short")];
    packet.extend(body);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    stream.write_all(&packet).expect("sent");
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).expect("an answer");
    assert_eq!(answer[0], 0x20);
    answer[3]
}

#[test]
fn a_real_mosquitto_knows_everybody_and_nobody_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = start(folder.path());
    for (user, secret) in [
        ("gateway", "broker-gateway"),
        ("grid", "grid"),
        ("town-gate-1", "upstream-town"),
        ("reader", "device-reader"),
        ("walk-1-barrier", "device-walk-1-barrier"),
    ] {
        let password = format!("password of {secret}");
        assert_eq!(login(broker.port, Some((user, &password))), 0, "{user}");
        assert_eq!(login(broker.port, Some((user, "guess"))), 5, "{user}");
    }
    assert_eq!(login(broker.port, None), 5);
    assert_eq!(login(broker.port, Some(("north-reader", ""))), 5);
}

#[test]
fn a_device_writes_its_own_topics_and_reads_its_own_commands() {
    let acl = mosquitto::acl(&configuration(1883));
    let block = |user: &str| -> Vec<String> {
        let lines = acl
            .lines()
            .skip_while(|line| *line != format!("user {user}"));
        let lines = lines.skip(1).take_while(|line| !line.is_empty());
        lines.map(str::to_owned).collect()
    };
    assert_eq!(
        block("reader"),
        [
            "topic write tele/north-reader/LWT",
            "topic write tele/north-reader/SENSOR"
        ]
    );
    assert_eq!(
        block("walk-1-barrier"),
        [
            "topic read cmnd/arm/POWER1",
            "topic read cmnd/arm/POWER2",
            "topic read cmnd/arm/POWER3",
            "topic write stat/arm/RESULT",
            "topic write tele/arm/LWT",
        ]
    );
    assert_eq!(block("town-gate-1"), ["topic readwrite gateways/gate-1/#"]);
    assert_eq!(block("grid"), ["topic readwrite gateways/#"]);
    assert!(block("gateway").contains(&"topic write cmnd/arm/POWER1".to_owned()));
    assert!(!acl.contains("topic readwrite #"));
}

#[test]
fn a_missing_password_is_named() {
    let mut few = Secrets::default();
    few.insert("broker-gateway", "x");
    let error = mosquitto::passwd(&configuration(1883), &few).expect_err("refused");
    assert!(error.to_string().contains("device-reader"), "{error}");
}
