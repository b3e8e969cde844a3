//! Whether the gateway is there: retained, and the last will says *offline*.

use gateway_core::name::Name;
use serde::{Deserialize, Serialize};

use crate::upstream::UpstreamError;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusMessage {
    pub gateway: String,
    pub state: Presence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    Online,
    Offline,
}

impl StatusMessage {
    pub fn new(gateway: &Name, state: Presence) -> StatusMessage {
        StatusMessage {
            gateway: gateway.to_string(),
            state,
        }
    }

    pub fn encode(&self) -> Result<Vec<u8>, UpstreamError> {
        serde_json::to_vec(self).map_err(UpstreamError::Encode)
    }
}
