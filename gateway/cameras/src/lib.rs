//! The first step of the way of the data: streams become frames.
//!
//! A [`Camera`] owns one thread, and that thread owns one GStreamer pipeline. It hands decoded pictures as
//! I420 [`Frame`]s to its sink, in the order in which they were captured, and tells its [`CameraHealth`]
//! whenever that changes. While nothing happens in the lane the camera sleeps: only key frames, about one
//! a second, are decoded and handed on, and the encoded pictures since the last one are kept. When
//! something moves, or somebody holds the camera's [`Attention`], it decodes what it kept (frames that are
//! `catching_up`, quicker than real time) and goes on with every live picture, until nothing has moved for
//! some seconds and nobody holds it. So no frame of a passage is lost, and the moment of each frame is the
//! one at which it arrived, kept or not. A stream that ends, fails or falls silent is rebuilt from nothing after a pause
//! (promise P-23). [`Motion`] says whether a frame is worth more work, [`jpeg::Encoder`] turns one into
//! evidence.
//!
//! What comes after a frame is not known here.

#![forbid(unsafe_code)]

mod attention;
mod backoff;
mod camera;
mod connection;
mod decoder;
mod error;
mod frame;
mod health;
pub mod jpeg;
mod judge;
mod motion;
mod pipeline;
mod ring;
mod sizes;
mod source;
mod unit;
#[doc(hidden)]
pub mod untrusted;
mod vigil;

pub use attention::Attention;
pub use backoff::Backoff;
pub use camera::{Camera, CameraSpec, Clock};
pub use error::{CameraError, ErrorKind};
pub use frame::{Frame, Plane};
pub use health::{CameraHealth, Cause, Decoding, Failure, Useless};
pub use judge::Judge;
pub use motion::Motion;
pub use source::{CameraSource, Secret};
