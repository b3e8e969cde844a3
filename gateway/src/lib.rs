//! The daemon: edges and wiring. What is decided stands in gateway-core.

pub mod clock;
pub mod handles;
