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
        /// How much of the stream is decoded while nothing happens, and why not less.
        decoding: Decoding,
        /// Why the picture is no use, although it arrives (P-25).
        useless: Option<Useless>,
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
    /// Frames arrive, of use or not.
    pub fn is_live(&self) -> bool {
        matches!(self, CameraHealth::Live { .. })
    }

    /// The code of the state, for events and pages.
    pub fn code(&self) -> &'static str {
        match self {
            CameraHealth::Starting => "starting",
            CameraHealth::Live {
                useless: Some(useless),
                ..
            } => useless.code(),
            CameraHealth::Live { .. } => "live",
            CameraHealth::Silent => "silent",
            CameraHealth::Failed(failure) => failure.code(),
            CameraHealth::Unauthorised => "unauthorised",
            CameraHealth::Ended => "ended",
        }
    }
}

/// How much of a stream is decoded while nothing happens in the lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoding {
    /// Key frames at a low rate; everything as soon as something moves.
    Sparing,
    /// Everything, always.
    Full(Cause),
}

/// Why a stream is always decoded in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The source gives raw pictures, or a codec whose pictures are not looked into.
    Raw,
    /// The camera refreshes its picture bit by bit and sends no key frames.
    IntraRefresh,
    /// Key frames are more than three seconds apart, or what stands between two is more than is kept (512
    /// pictures or 8 MiB): set the camera's key-frame interval (GOP) to two seconds.
    RareKeyFrames,
}

impl Decoding {
    /// The code, for health and pages.
    pub fn code(self) -> &'static str {
        match self {
            Decoding::Sparing => "sparing",
            Decoding::Full(Cause::Raw) => "raw",
            Decoding::Full(Cause::IntraRefresh) => "intra_refresh",
            Decoding::Full(Cause::RareKeyFrames) => "rare_key_frames",
        }
    }
}

/// Why a picture that arrives is no use (P-25).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Useless {
    /// Dark and without structure.
    Black,
    /// The same picture again and again: nothing that is read in it happens now. No sightings come of it.
    Frozen,
    /// Much less sharp than this camera was.
    Blurred,
    /// Something hangs or sticks before the lens.
    Covered,
    /// The camera looks elsewhere.
    Turned,
    /// A light shines into the lens.
    Glare,
}

impl Useless {
    /// The code, for events, alerts and pages.
    pub fn code(self) -> &'static str {
        match self {
            Useless::Black => "black",
            Useless::Frozen => "frozen",
            Useless::Blurred => "blurred",
            Useless::Covered => "covered",
            Useless::Turned => "turned",
            Useless::Glare => "glare",
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
