//! Broker, platform and daemon of one test, started in that order and ended in the other.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::grid::{self, Book};
use super::process::Process;
use super::proxy::Proxy;
use super::site::{self, Site, Wishes};
use super::{Device, Message, Page, SOON, eventually, must};

pub struct Gate {
    // Fields end in this order: the daemon first, the folder last.
    daemon: Option<Process>,
    grid: Option<Process>,
    broker: Option<Process>,
    proxy: Option<Proxy>,
    pub site: Site,
    authority: String,
    /// The one-time code, until it is used.
    code: RefCell<Option<String>>,
}

impl Gate {
    /// A running gate with one lane for persons.
    pub fn start() -> Gate {
        Gate::with(Wishes::default())
    }

    pub fn with(wishes: Wishes) -> Gate {
        let mut gate = Gate {
            daemon: None,
            grid: None,
            broker: None,
            proxy: None,
            site: Site::new(wishes),
            authority: String::new(),
            code: RefCell::new(None),
        };
        gate.write_broker();
        gate.start_broker();
        gate.start_grid();
        if gate.site.wishes.through_proxy {
            let proxy = Proxy::to(gate.site.broker_port);
            gate.site.upstream_port = proxy.port;
            gate.proxy = Some(proxy);
        }
        let key =
            std::fs::read_to_string(gate.site.path("grid/key.pub")).expect("the platform's key");
        gate.site.write_configuration(key.trim());
        gate.start_daemon();
        gate
    }

    fn write_broker(&self) {
        let done = Command::new(binary("gatewayd"))
            .args(["broker-config", "--config", &self.site.text("gateway.toml")])
            .args(["--secrets", &self.site.text("secrets.toml")])
            .args(["--out", &self.site.text("broker")])
            .output()
            .expect("gatewayd can be run");
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        self.site.give_broker_its_files();
    }

    pub fn start_broker(&mut self) {
        let conf = self.site.text("broker/mosquitto.conf");
        let program = Path::new("/usr/sbin/mosquitto");
        let broker = Process::start(
            "mosquitto",
            program,
            &["-c", &conf],
            &self.site.log("mosquitto"),
        );
        let port = self.site.broker_port;
        must(
            &format!("mosquitto listens; it said: {}", broker.said()),
            SOON,
            || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok(),
        );
        self.broker = Some(broker);
    }

    /// Stops the broker politely: it saves its queue.
    pub fn stop_broker(&mut self) {
        if let Some(broker) = self.broker.take() {
            broker.stop(SOON);
        }
    }

    pub fn restart_broker(&mut self) {
        self.stop_broker();
        self.start_broker();
    }

    pub fn start_grid(&mut self) {
        let (site, port) = (&self.site, self.site.grid_port.to_string());
        let broker = format!("127.0.0.1:{}", site.broker_port);
        let arguments = [
            "--broker",
            &broker,
            "--user",
            "grid",
            "--password-file",
            &site.text("grid/password"),
            "--store",
            &site.text("grid/store"),
            "--key",
            &site.text("grid/key"),
            "--public-key-file",
            &site.text("grid/key.pub"),
            "--http",
            &port,
        ];
        let grid = Process::start(
            "grid-sim",
            &binary("grid-sim"),
            &arguments,
            &site.log("grid-sim"),
        );
        let key = site.path("grid/key.pub");
        must("the platform writes its key", SOON, || {
            std::fs::read_to_string(&key).is_ok_and(|key| key.trim().len() == 44)
        });
        self.grid = Some(grid);
    }

    /// SIGTERM; the platform keeps what it has for its next start.
    pub fn stop_grid(&mut self) {
        self.grid.take().expect("a running platform").stop(SOON);
    }

    /// Starts the daemon and waits until it says that it is ready.
    pub fn start_daemon(&mut self) {
        let mut daemon = Process::start(
            "gatewayd",
            &binary("gatewayd"),
            &[
                "--config",
                &self.site.text("gateway.toml"),
                "--secrets",
                &self.site.text("secrets.toml"),
            ],
            &self.site.log("gatewayd"),
        );
        let line = daemon.says("ready page=", Duration::from_secs(30));
        let word = |key: &str| {
            line.split_whitespace()
                .find_map(|word| word.strip_prefix(key))
                .map(str::to_owned)
        };
        let page = word("page=").expect("the page's address");
        self.authority = page
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        self.code = RefCell::new(word("code="));
        self.daemon = Some(daemon);
    }

    /// The proxy that the test wished for, to be given its orders.
    pub fn proxy(&mut self) -> Proxy {
        self.proxy.take().expect("a gate with a proxy")
    }

    pub fn daemon(&mut self) -> &mut Process {
        self.daemon.as_mut().expect("a running daemon")
    }

    /// SIGKILL.
    pub fn kill_daemon(&mut self) {
        self.daemon.take().expect("a running daemon").kill();
    }

    /// SIGTERM; the daemon must end with success.
    pub fn stop_daemon(&mut self) {
        let status = self.daemon.take().expect("a running daemon").stop(SOON);
        assert!(status.success(), "the daemon ended with {status}");
    }

    /// A person who sets the gate up, or logs in when that was done.
    pub fn page(&self) -> Page {
        match self.code.take() {
            Some(code) => Page::first_login(&self.authority, &code),
            None => Page::login(&self.authority),
        }
    }

    /// The device of that name (its user), at the broker.
    pub fn device(&self, user: &str) -> Device {
        Device::connect(
            self.site.broker_port,
            user,
            &site::device_password(user),
            None,
        )
    }

    /// The controller of a barrier: it hears the commands.
    pub fn barrier(&self, lane: &str) -> Device {
        let user = format!("{lane}-barrier");
        let topic = format!("cmnd/{user}/+");
        Device::connect(
            self.site.broker_port,
            &user,
            &site::device_password(&user),
            Some(&topic),
        )
    }

    pub fn book(&self) -> Option<Book> {
        grid::book(self.site.grid_port)
    }

    pub fn events(&self, kind: &str) -> Vec<Value> {
        grid::events(self.site.grid_port, kind)
    }

    /// The platform signs and sends an order to this gate; its number.
    #[track_caller]
    pub fn platform_orders(&self, mut order: Value) -> u64 {
        order["gateway"] = "gate-test".into();
        grid::order(self.site.grid_port, &order)
    }

    /// Waits until the platform holds `count` events of a kind, and returns all.
    #[track_caller]
    pub fn events_at_least(&self, kind: &str, count: usize, within: Duration) -> Vec<Value> {
        let came = eventually(within, || self.events(kind).len() >= count);
        let events = self.events(kind);
        assert!(
            came,
            "{count} {kind} events expected within {within:?}, came: {events:#?}"
        );
        events
    }

    /// Waits until the platform has everything that the journal holds, whole; returns how many.
    #[track_caller]
    pub fn platform_complete(&self, within: Duration) -> u64 {
        let (mut last, mut book) = (0, None);
        let complete = eventually(within, || {
            last = self.checked_journal();
            book = self.book();
            book.as_ref().is_some_and(|book| {
                book.received >= last
                    && book.highest >= last
                    && book.missing == 0
                    && book.altered == 0
            })
        });
        assert!(
            complete,
            "the journal has {last} events, the platform: {book:#?}"
        );
        last
    }

    /// `gatectl journal check`: the number of events in a whole journal.
    #[track_caller]
    pub fn checked_journal(&self) -> u64 {
        let report = self.gatectl(&["journal", "check", "--json"]);
        assert_eq!(report["ok"], true, "the journal is damaged: {report:#}");
        report["through"].as_u64().expect("the last number")
    }

    #[track_caller]
    pub fn gatectl(&self, arguments: &[&str]) -> Value {
        let done = Command::new(binary("gatectl"))
            .args(arguments)
            .args(["--state-dir", &self.site.text("state")])
            .output()
            .expect("gatectl can be run");
        let said = String::from_utf8_lossy(&done.stdout);
        serde_json::from_str(&said).unwrap_or_else(|_| {
            panic!(
                "gatectl {arguments:?} said {said:?} {}",
                String::from_utf8_lossy(&done.stderr)
            )
        })
    }
}

/// Commands among what a barrier heard: topic's last level and payload, such as `POWER1 ON`.
pub fn commands(messages: &[Message]) -> Vec<String> {
    messages
        .iter()
        .map(|message| {
            format!(
                "{} {}",
                message.topic.rsplit('/').next().unwrap_or(""),
                message.payload
            )
        })
        .collect()
}

/// A binary of the workspace, beside the daemon's.
pub fn binary(name: &str) -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_gatewayd")).with_file_name(name)
}
