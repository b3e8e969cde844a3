//! Alerts as people see them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Text;
use super::passage::Picture;
use super::session::Role;

super::mirror! {
    Severity = gateway_core::alert::Severity { Notice, Warning, Critical }
}

super::mirror! {
    AlertState = gateway_core::alert::AlertState { Open, Acknowledged, Closed }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Alert {
    /// Counts the alerts of this journal, from 1.
    pub alert: u64,
    /// Its text stands under `alert.`.
    pub code: String,
    pub severity: Severity,
    pub state: AlertState,
    /// Whom it is for.
    pub roles: Vec<Role>,
    pub raised_ms: i64,
    pub clock: super::Clock,
    pub lane: Option<String>,
    pub passage: Option<String>,
    pub rule: Option<String>,
    /// Which device or camera it is about.
    pub device: Option<String>,
    /// Why that failed; its text stands under `failure.`.
    pub device_code: Option<String>,
    /// The rule's own message.
    pub text: Option<Text>,
    pub plate: Option<String>,
    pub card: Option<String>,
    pub picture: Option<Picture>,
    pub acknowledged_by: Option<String>,
    pub acknowledged_ms: Option<i64>,
    pub closed_by: Option<String>,
    pub closed_ms: Option<i64>,
    pub reason: Option<String>,
    pub comment: Option<String>,
}
