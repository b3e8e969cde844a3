//! The configuration: as written (spans kept, every mistake named at once) → as meant (wrong states
//! cannot be built).
//!
//! [`load`] reads `gateway.toml` and the files that it names. Either everything is right and a whole
//! [`Configuration`] comes out, or all [`Mistakes`] do, each with its file, line and column; nothing is ever
//! half applied. (C-1)

mod broker;
mod camera;
mod devices;
mod gateway;
mod lane;
pub mod lists;
mod meant;
mod mistake;
pub mod mosquitto;
mod nearest;
mod retention;
pub mod secrets;
mod written;

use std::path::Path;

pub use devices::declarations;
pub use lists::{ListFile, ListFiles};
pub use meant::{
    BarrierConfig, Broker, Camera, Configuration, Guest, Language, Listener, ListenerTls, Page,
    Retention, Sensor, Source, Title, Upstream, Warning,
};
pub use mistake::{Mistake, Mistakes};
pub use secrets::{Secret, SecretName, Secrets};

/// Reads the configuration file and all that it names.
///
/// Paths in it are relative to its own folder; those in the result are ready to open.
pub fn load(path: &Path) -> Result<Configuration, Mistakes> {
    match std::fs::read_to_string(path) {
        Ok(text) => read(path, &text),
        Err(error) => Err(Mistake::unreadable(path, &error).into()),
    }
}

/// Like [`load`], of a text that would stand at `path`.
pub fn read(path: &Path, text: &str) -> Result<Configuration, Mistakes> {
    gateway::read(path, text)
}
