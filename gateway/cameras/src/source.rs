//! Where a camera's pictures come from.

use std::fmt;
use std::path::PathBuf;

use crate::error::CameraError;

/// Where a camera's pictures come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CameraSource {
    /// A network camera. H.264, H.265 and motion JPEG are understood; only its video is asked for, over TCP.
    Rtsp {
        /// `rtsp://host[:port]/path`, without user or password.
        url: String,
        /// The user, if the camera asks for one.
        user: Option<String>,
        /// Their password.
        password: Option<Secret>,
    },
    /// A video file, shown in its own time.
    File {
        /// Anything that GStreamer decodes.
        path: PathBuf,
        /// Begins again at the end.
        repeat: bool,
    },
    /// A video file, read as quickly as the sink takes it and then ended. The moments of its frames are the
    /// video's own, microseconds since its beginning.
    Video {
        /// Anything that GStreamer decodes.
        path: PathBuf,
    },
    /// A camera on this machine.
    V4l2 {
        /// For example `/dev/video0`.
        device: PathBuf,
    },
}

impl CameraSource {
    /// Says what is wrong with an address. A secret in it would appear in GStreamer's own messages.
    pub(crate) fn check(&self, camera: &str) -> Result<(), CameraError> {
        let refuse = |reason| {
            Err(CameraError::Address {
                camera: camera.to_owned(),
                reason,
            })
        };
        let CameraSource::Rtsp { url, .. } = self else {
            return Ok(());
        };
        let Some((scheme, rest)) = url.split_once("://") else {
            return refuse("it has no scheme; rtsp:// is expected");
        };
        if !matches!(scheme, "rtsp" | "rtsps") {
            return refuse("its scheme is neither rtsp nor rtsps");
        }
        let host = rest.split('/').next().unwrap_or_default();
        if host.contains('@') {
            return refuse("it holds a user or password; they are given apart");
        }
        if host.is_empty() {
            return refuse("it names no host");
        }
        Ok(())
    }
}

/// A password. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a password.
    pub fn new(secret: impl Into<String>) -> Secret {
        Secret(secret.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rtsp(url: &str) -> CameraSource {
        CameraSource::Rtsp {
            url: url.to_owned(),
            user: Some("gate".to_owned()),
            password: Some(Secret::new("geheim")),
        }
    }

    #[test]
    fn s09_a_password_is_neither_accepted_in_an_address_nor_printed() {
        let refusal = rtsp("rtsp://gate:geheim@10.0.0.2/1")
            .check("front")
            .unwrap_err();
        assert!(!format!("{refusal} {refusal:?}").contains("geheim"));
        assert!(!format!("{:?}", rtsp("rtsp://10.0.0.2/1")).contains("geheim"));
    }

    #[test]
    fn an_address_without_scheme_or_host_is_refused() {
        assert!(rtsp("10.0.0.2/1").check("front").is_err());
        assert!(rtsp("http://10.0.0.2/1").check("front").is_err());
        assert!(rtsp("rtsp:///1").check("front").is_err());
        assert!(
            rtsp("rtsp://10.0.0.2:554/Streaming/Channels/101?x=a@b")
                .check("front")
                .is_ok()
        );
    }
}
