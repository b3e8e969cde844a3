//! The folder of one test's gate: configuration, secrets, lists, broker.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// So many cards are on the list.
const LISTED: u32 = 2_000;

/// A card on the list, `n` below 2,000.
pub fn listed_card(n: u32) -> String {
    assert!(n < LISTED, "only {LISTED} cards are listed");
    format!("BA83{n:04X}")
}

/// A card on no list.
pub fn stranger_card(n: u32) -> String {
    format!("C0FE{n:04X}")
}

const USERS: &[&str] = &[
    "walk-1-reader",
    "walk-1-thermometer",
    "walk-1-barrier",
    "emergency",
    "in-1-approach",
    "in-1-barrier",
];
/// 32 bytes in base64: stands where the platform's key will stand.
const NO_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// What a test wants to be different.
#[derive(Default)]
pub struct Wishes {
    pub vehicle_lane: bool,
    /// Nobody is at the lane for persons: after so many seconds its holds are refused.
    pub unattended_s: Option<u32>,
    /// The recogniser's folder; by default the tree's own.
    pub models: Option<PathBuf>,
    /// Where the vehicle lane's camera is; by default nobody listens there.
    pub rtsp_port: Option<u16>,
    /// A fault proxy lies between the daemon and the platform's broker.
    pub through_proxy: bool,
}

pub struct Site {
    folder: TempDir,
    pub wishes: Wishes,
    /// Where the daemon finds the platform's broker.
    pub upstream_port: u16,
    pub broker_port: u16,
    pub grid_port: u16,
}

impl Site {
    pub fn new(wishes: Wishes) -> Site {
        let folder = tempfile::Builder::new()
            .prefix("gate-test-")
            .tempdir()
            .expect("a folder");
        // mosquitto gives up root and must still find its files.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
        let broker_port = free_port();
        let site = Site {
            folder,
            wishes,
            upstream_port: broker_port,
            broker_port,
            grid_port: free_port(),
        };
        for name in ["state", "grid", "broker", "logs"] {
            fs::create_dir(site.path(name)).expect("a folder");
        }
        let cards = (0..LISTED).map(|n| format!("{},3栋2单元501\n", listed_card(n)));
        fs::write(
            site.path("cards.csv"),
            format!("card,holder\n{}", cards.collect::<String>()),
        )
        .expect("written");
        site.write_secrets();
        site.write_configuration(NO_KEY);
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn log(&self, name: &str) -> PathBuf {
        self.path("logs").join(format!("{name}.log"))
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// The configuration with the platform's key in it.
    pub fn write_configuration(&self, grid_key: &str) {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.parent().expect("the workspace");
        let fixtures = here.join("tests/fixtures");
        let read = |name: &str| fs::read_to_string(fixtures.join(name)).expect("a fixture");
        let mut text = read("site.toml");
        if self.wishes.vehicle_lane {
            text.push_str(&read("vehicle_lane.toml"));
        }
        if let Some(seconds) = self.wishes.unattended_s {
            let fallback = format!(
                "attended = false\nfallback = {{ after_s = {seconds}, then = \"refuse\" }}\n"
            );
            text = text.replace("leave_s = 3\n", &format!("leave_s = 3\n{fallback}"));
        }
        let models = self
            .wishes
            .models
            .clone()
            .unwrap_or_else(|| root.join("models"));
        for (name, value) in [
            ("STATE_DIR", self.text("state")),
            ("SITE_DIR", self.folder.path().display().to_string()),
            ("MODELS_DIR", models.display().to_string()),
            ("CONFIG_DIR", root.join("config").display().to_string()),
            ("FIXTURES", fixtures.display().to_string()),
            ("BROKER_PORT", self.broker_port.to_string()),
            ("UPSTREAM_PORT", self.upstream_port.to_string()),
            // Nobody listens at 9: the camera is not to be had.
            ("RTSP_PORT", self.wishes.rtsp_port.unwrap_or(9).to_string()),
            ("GRID_KEY", grid_key.to_owned()),
        ] {
            text = text.replace(&format!("@{name}@"), &value);
        }
        fs::write(self.path("gateway.toml"), text).expect("written");
    }

    fn write_secrets(&self) {
        let names = ["broker-gateway", "upstream-grid", "guest-grid"].map(str::to_owned);
        let devices = USERS.iter().map(|user| format!("device-{user}"));
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.path("secrets.toml"))
            .expect("a file");
        for name in names.into_iter().chain(devices) {
            writeln!(file, "\"{name}\" = \"{}\"", password(&name)).expect("written");
        }
        fs::write(self.path("grid/password"), password("guest-grid")).expect("written");
    }

    /// mosquitto's files belong to the user that it becomes when it is started by root.
    pub fn give_broker_its_files(&self) {
        // SAFETY: returns a number.
        if unsafe { libc::geteuid() } == 0 {
            let done = Command::new("chown")
                .args(["-R", "mosquitto"])
                .arg(self.path("broker"))
                .status();
            assert!(
                done.is_ok_and(|status| status.success()),
                "the broker's files change hands"
            );
        }
    }
}

/// The password of a device's user.
pub fn device_password(user: &str) -> String {
    password(&format!("device-{user}"))
}

fn password(secret: &str) -> String {
    format!("only-for-tests-{secret}")
}

pub fn free_port() -> u16 {
    let probe = TcpListener::bind("127.0.0.1:0").expect("a free port");
    probe.local_addr().expect("its address").port()
}
