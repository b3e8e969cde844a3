//! The first step of the way of the data: streams become frames.
//!
//! A [`Camera`] owns one thread, and that thread owns one GStreamer pipeline. It hands every decoded
//! picture as an I420 [`Frame`] to its sink, newest first come, and tells its [`CameraHealth`] whenever
//! that changes. A stream that ends, fails or falls silent is rebuilt from nothing after a pause
//! (promise P-23). [`Motion`] says whether a frame is worth more work, [`jpeg::Encoder`] turns one into
//! evidence.
//!
//! What comes after a frame is not known here.

#![forbid(unsafe_code)]

mod backoff;
mod camera;
mod error;
mod frame;
mod health;
pub mod jpeg;
mod motion;
mod pipeline;
mod source;

pub use backoff::Backoff;
pub use camera::{Camera, CameraSpec, Clock};
pub use error::{CameraError, ErrorKind};
pub use frame::{Frame, Plane};
pub use health::{CameraHealth, Failure};
pub use motion::Motion;
pub use source::{CameraSource, Secret};
