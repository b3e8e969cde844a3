//! The configuration as meant: what the daemon starts from.

use std::fmt;
use std::path::PathBuf;

use gateway_core::event::PartKind;
use gateway_core::name::Name;
use gateway_core::reading::Trust;
use gateway_core::site::Site;
use gateway_wire::sensor::{Commands, Declaration};

use crate::lists::ListFiles;
use crate::secrets::SecretName;

/// Everything of `gateway.toml` and of the device declarations; rules and lists are still files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    pub site: Site,
    /// One for each lane, in the order of `site.lanes`.
    pub titles: Vec<Title>,
    /// Minutes that local time is ahead of UTC.
    pub time_offset_min: i16,
    pub language: Language,
    pub state_dir: PathBuf,
    pub models_dir: PathBuf,
    /// Recognisers that read at once, each on a thread of its own; from 1.
    pub recognisers: usize,
    /// The 0600 file of secrets; `None`: a systemd credential, or none at all.
    pub secrets_file: Option<PathBuf>,
    pub page: Page,
    pub broker: Broker,
    pub upstreams: Vec<Upstream>,
    pub cameras: Vec<Camera>,
    pub sensors: Vec<Sensor>,
    pub barriers: Vec<BarrierConfig>,
    /// Rule files that exist, in the order in which they are written.
    pub rules: Vec<PathBuf>,
    pub lists: ListFiles,
    pub retention: Retention,
    pub warnings: Vec<Warning>,
}

/// What people read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title {
    pub zh: String,
    pub en: String,
}

/// How long what is kept, in hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Sightings that joined no passage.
    pub sighting_h: u32,
    /// Exact temperatures; their band lives on.
    pub temperature_h: u32,
    pub passage_h: u32,
    pub band_h: u32,
    pub picture_h: u32,
    /// From the closing of an alert.
    pub alert_h: u32,
    pub audit_h: u32,
    /// The most that pictures may take on the disk, gigabytes (10⁹ bytes); the oldest go first.
    pub pictures_gb: u32,
    /// Why the defaults are departed from.
    pub reason: Option<String>,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention {
            sighting_h: 24,
            temperature_h: 24,
            passage_h: 90 * 24,
            band_h: 90 * 24,
            picture_h: 30 * 24,
            alert_h: 180 * 24,
            audit_h: 180 * 24,
            pictures_gb: 8,
            reason: None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `zh-CN`
    Chinese,
    /// `en`
    English,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// `address:port`; loopback unless someone sets it otherwise.
    pub listen: std::net::SocketAddr,
}

/// The broker of the devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: SecretName,
    /// PEM file of the authority that signed its certificate; `None`: no TLS, on loopback only.
    pub ca: Option<PathBuf>,
    /// Where devices beyond this machine connect; only the generated broker configuration uses it.
    pub listeners: Vec<Listener>,
    /// Others who use the generated broker, such as a platform under test.
    pub guests: Vec<Guest>,
}

/// Someone who shares the generated broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    pub user: String,
    pub password: SecretName,
    /// Topic filters that it may read and write; `+` and `#` are allowed.
    pub topics: Vec<String>,
}

/// A door of the generated broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    pub address: std::net::SocketAddr,
    /// `None`: plain, for devices that know no TLS.
    pub tls: Option<ListenerTls>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerTls {
    /// PEM files.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// A platform that events go to and orders come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    pub id: Name,
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: SecretName,
    /// PEM file; `None`: no TLS, on loopback only.
    pub ca: Option<PathBuf>,
    /// Its Ed25519 key for receipts and orders: 32 bytes in base64.
    pub public_key: String,
    /// Kinds of parts that it may not see.
    pub withhold: Vec<PartKind>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Camera {
    pub id: Name,
    pub lane: Name,
    pub source: Source,
    /// The part of the picture that is the lane: at least three corners, per mille of width and height.
    pub polygon: Vec<[u16; 2]>,
    /// A plate whose centre is below this stands at the arm; per mille of the height.
    pub stop_line_permille: Option<u16>,
    /// Pixels of the longer side that the detector is shown; a multiple of 32.
    pub detector_long_side: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Rtsp {
        /// Holds no user and no password.
        url: String,
        user: Option<String>,
        password: Option<SecretName>,
    },
    File {
        path: PathBuf,
        /// Begin again at its end.
        repeat: bool,
    },
    V4l2 {
        device: PathBuf,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sensor {
    pub id: Name,
    pub lane: Name,
    /// Its user at the broker: its id unless several share one device.
    pub user: String,
    /// The secret with that user's password, for the generated broker.
    pub password: SecretName,
    /// How it proves itself to the broker.
    pub trust: Trust,
    pub declaration: Declaration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BarrierConfig {
    pub id: Name,
    pub lane: Name,
    pub user: String,
    pub password: SecretName,
    pub trust: Trust,
    /// Where it tells the position of its arm and whether it is there; may hold no value.
    pub state: Declaration,
    pub commands: Commands,
}

/// Allowed, but someone should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Of the configuration file, from 1.
    pub line: usize,
    pub code: &'static str,
    /// A sentence for the technician.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.text)
    }
}

impl Configuration {
    /// The names of all secrets that it refers to, each once.
    pub fn secret_names(&self) -> Vec<&SecretName> {
        let cameras = self
            .cameras
            .iter()
            .filter_map(|camera| match &camera.source {
                Source::Rtsp { password, .. } => password.as_ref(),
                Source::File { .. } | Source::V4l2 { .. } => None,
            });
        let mut names: Vec<&SecretName> = std::iter::once(&self.broker.password)
            .chain(self.upstreams.iter().map(|upstream| &upstream.password))
            .chain(cameras)
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What people call the lane; its id when there is no such lane.
    pub fn title(&self, lane: &Name) -> Title {
        let at = self.site.lanes.iter().position(|l| l.id == *lane);
        at.and_then(|at| self.titles.get(at).cloned())
            .unwrap_or_else(|| Title {
                zh: lane.to_string(),
                en: lane.to_string(),
            })
    }
}
