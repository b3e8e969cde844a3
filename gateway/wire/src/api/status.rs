//! The gateway's health: what a technician asks for at three in the morning.

use std::collections::BTreeMap;

use gateway_core::reading::DeviceState;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Clock;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    pub gateway: String,
    /// The administrative grid code that stands on each record.
    pub grid: String,
    pub version: String,
    /// Starts of the gateway on this journal.
    pub boot: u32,
    pub started_ms: i64,
    pub now_ms: i64,
    pub clock: Clock,
    /// The journal's id, hex.
    pub journal: String,
    pub last_number: u64,
    pub durable_through: u64,
    /// Ids.
    pub lanes: Vec<String>,
    pub cameras: Vec<CameraStatus>,
    pub devices: Vec<DeviceStatus>,
    pub destinations: Vec<DestinationStatus>,
    pub recogniser: RecogniserStatus,
    pub queues: Vec<QueueStatus>,
    /// Messages of devices that were refused, by cause.
    pub refused: BTreeMap<String, u64>,
    pub disk: DiskStatus,
    pub store: StoreStatus,
    /// Repeated failure at start: page, check and export only.
    pub safe_mode: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    /// Nothing was heard of it since start.
    Starting,
    Live,
    Silent,
    Failed,
}

impl PartState {
    /// The state and, when it failed, the code that names the cause.
    pub fn of(state: &DeviceState) -> (PartState, Option<String>) {
        match state {
            DeviceState::Live => (PartState::Live, None),
            DeviceState::Silent => (PartState::Silent, None),
            DeviceState::Failed { code } => (PartState::Failed, Some(code.to_string())),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CameraStatus {
    pub id: String,
    pub lane: String,
    pub state: PartState,
    pub code: Option<String>,
    /// Since start.
    pub frames: u64,
    /// Thousandths of a frame a second.
    pub fps_permille: u32,
    /// Frames that were worth reading, and frames that were read: thousandths of a frame a second
    /// over the latest five seconds.
    pub wanted_permille: u32,
    pub read_permille: u32,
    /// 0 until the first frame.
    pub width: u32,
    pub height: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeviceStatus {
    pub id: String,
    pub lane: Option<String>,
    pub state: PartState,
    pub code: Option<String>,
    /// When it was last heard; null: not since start.
    pub last_ms: Option<i64>,
    pub received: u64,
    pub refused: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DestinationStatus {
    pub id: String,
    pub connected: bool,
    /// Every event up to this number has its receipt.
    pub confirmed_through: u64,
    pub waiting: u64,
    /// Age of the oldest unconfirmed event; null: none waits.
    pub oldest_waiting_ms: Option<u64>,
    pub mode: Mode,
}

/// How the deliverer works just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Offline,
    Draining,
    Live,
    Throttled,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RecogniserStatus {
    pub state: PartState,
    /// `model_missing`, `library_missing` …
    pub code: Option<String>,
    pub reads: u64,
    /// Readers that read, and that should.
    pub workers: u32,
    pub workers_wanted: u32,
    /// Less is read than the cameras want; the rate of all falls evenly.
    pub overloaded: bool,
    /// Of the latest reads; null: none yet.
    pub median_us: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueueStatus {
    pub name: String,
    pub length: u64,
    pub limit: u64,
    pub dropped: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DiskStatus {
    pub free_bytes: u64,
    pub journal_bytes: u64,
    pub evidence_bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StoreStatus {
    pub state: PartState,
    /// Why nothing can be written.
    pub code: Option<String>,
}

/// What `journal check` found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JournalCheck {
    pub events: u64,
    /// The highest number that was verified.
    pub through: u64,
    pub ok: bool,
    pub problems: Vec<JournalProblem>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JournalProblem {
    /// Null: it concerns no single event.
    pub number: Option<u64>,
    pub what: String,
}

/// What one destination has not confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DestinationOutbox {
    pub destination: String,
    pub confirmed_through: u64,
    pub last_number: u64,
    pub waiting: u64,
    /// Confirmed beyond `confirmed_through`.
    pub ranges: Vec<NumberRange>,
}

/// Both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NumberRange {
    pub from: u64,
    pub to: u64,
}
