//! What can go wrong when a camera or an encoder is set up; what goes wrong later is health.

use thiserror::Error;

/// An operation of this crate that failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CameraError {
    /// GStreamer itself does not start.
    #[error("GStreamer cannot start")]
    Start(#[source] gstreamer::glib::Error),
    /// The address is not one that a camera can have.
    #[error("the address of camera {camera} is not usable: {reason}")]
    Address {
        /// The camera's name.
        camera: String,
        /// What is wrong with it; the address itself is not repeated, it may hold a secret.
        reason: &'static str,
    },
    /// The camera's thread cannot be started.
    #[error("the thread of camera {camera} cannot start")]
    Thread {
        /// The camera's name.
        camera: String,
        /// The operating system's word.
        #[source]
        source: std::io::Error,
    },
    /// An element of a pipeline is missing.
    #[error(
        "a GStreamer element is missing ({what}); install gstreamer1.0-plugins-good, -bad and -libav"
    )]
    Element {
        /// The pipeline's description or the element.
        what: String,
    },
    /// A frame's planes do not fit its size.
    #[error("{bytes} bytes are no I420 frame of {width} × {height}")]
    Planes {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// Bytes given.
        bytes: usize,
    },
    /// A picture could not be made into JPEG.
    #[error("the picture could not be encoded: {reason}")]
    Encode {
        /// The encoder's word.
        reason: String,
    },
}

/// What kind of trouble it is: it drives retry and alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Trying again may help.
    Transient,
    /// What was given is wrong.
    Input,
    /// The machine lacks something.
    Resource,
}

impl CameraError {
    /// The kind of trouble.
    pub fn kind(&self) -> ErrorKind {
        match self {
            CameraError::Address { .. } | CameraError::Planes { .. } => ErrorKind::Input,
            CameraError::Start(_) | CameraError::Thread { .. } | CameraError::Element { .. } => {
                ErrorKind::Resource
            }
            CameraError::Encode { .. } => ErrorKind::Transient,
        }
    }
}
