//! What a camera says about itself.

use std::fmt;

/// The state of a camera. It is told when it changes, not before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CameraHealth {
    /// No frame was seen yet.
    Starting,
    /// Frames of this size arrive.
    Live {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// Connected, but no frame for three seconds; being rebuilt.
    Silent,
    /// Not connected; being tried again.
    Failed(Failure),
    /// The camera does not accept the user or the password; tried again every 30 s, lest it locks us out.
    Unauthorised,
    /// A file that is not repeated was played to its end.
    Ended,
}

impl CameraHealth {
    /// Frames arrive.
    pub fn is_live(&self) -> bool {
        matches!(self, CameraHealth::Live { .. })
    }

    /// The code of the state, for events and pages.
    pub fn code(&self) -> &'static str {
        match self {
            CameraHealth::Starting => "starting",
            CameraHealth::Live { .. } => "live",
            CameraHealth::Silent => "silent",
            CameraHealth::Failed(failure) => failure.code(),
            CameraHealth::Unauthorised => "unauthorised",
            CameraHealth::Ended => "ended",
        }
    }
}

/// Why a camera is not connected. The texts are GStreamer's and hold no address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Nobody answers at the address, or the file or device cannot be opened.
    Unreachable(String),
    /// The camera ended the stream, as one does that reboots.
    StreamEnded,
    /// What it sends cannot be decoded.
    Undecodable(String),
    /// A GStreamer element is missing on this machine.
    Missing(String),
    /// Whoever got the frame panicked; the camera goes on.
    Panicked,
}

impl Failure {
    /// The code of the cause.
    pub fn code(&self) -> &'static str {
        match self {
            Failure::Unreachable(_) => "unreachable",
            Failure::StreamEnded => "stream_ended",
            Failure::Undecodable(_) => "undecodable",
            Failure::Missing(_) => "missing_element",
            Failure::Panicked => "panicked",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Unreachable(text) | Failure::Undecodable(text) | Failure::Missing(text) => {
                write!(f, "{}: {text}", self.code())
            }
            Failure::StreamEnded | Failure::Panicked => f.write_str(self.code()),
        }
    }
}
