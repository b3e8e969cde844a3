//! One decoded picture of one camera and the moment it was captured.

use std::fmt;
use std::sync::Arc;

use gstreamer as gst;
use gstreamer_video::prelude::*;
use gstreamer_video::video_frame::Readable;
use gstreamer_video::{VideoFrame, VideoInfo};

use crate::error::CameraError;
use crate::health::Useless;

/// One decoded picture. Cloning shares the pixels. A frame that is kept keeps a buffer of the decoder
/// busy, so keep few.
#[derive(Clone)]
pub struct Frame {
    /// The camera's name.
    pub camera: Arc<str>,
    /// Counts this camera's frames since it was started, over all rebuilds.
    pub number: u64,
    /// When it was captured, microseconds of the clock that the camera was given: the moment at which
    /// the picture's first packet arrived here, for cameras do not tell theirs.
    pub captured_mono_us: u64,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// It was kept encoded while the camera slept and is older than what the camera shows now; such frames
    /// come quicker than real time until the live ones are reached.
    pub catching_up: bool,
    /// Something moves or stands in the lane, or did so a second ago ([`Motion`](crate::Motion) over
    /// [`CameraSpec::lane`](crate::CameraSpec::lane)).
    pub moving: bool,
    /// Why the picture is no use. Nothing may be read in a frozen one.
    pub useless: Option<Useless>,
    pixels: Arc<Pixels>,
}

enum Pixels {
    /// The decoder's own buffer, without a copy.
    Mapped(Box<VideoFrame<Readable>>),
    /// Three planes one after the other, without padding.
    Packed(Vec<u8>),
}

/// One plane of an I420 picture.
#[derive(Clone, Copy)]
pub struct Plane<'a> {
    /// At least `stride` times the rows, but for the padding of the last row.
    pub bytes: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

impl Frame {
    /// A frame of packed I420 bytes: Y, then U and V at half the size (rounded up).
    pub fn packed(
        camera: Arc<str>,
        captured_mono_us: u64,
        size: (u32, u32),
        bytes: Vec<u8>,
    ) -> Result<Frame, CameraError> {
        let (width, height) = size;
        let fits = width > 0
            && height > 0
            && plane_bytes(width, height).iter().sum::<usize>() == bytes.len();
        if !fits {
            return Err(CameraError::Planes {
                width,
                height,
                bytes: bytes.len(),
            });
        }
        Ok(Frame {
            camera,
            number: 0,
            captured_mono_us,
            width,
            height,
            catching_up: false,
            moving: false,
            useless: None,
            pixels: Arc::new(Pixels::Packed(bytes)),
        })
    }

    /// A frame over the decoder's buffer; none when the buffer does not hold what its caps promise.
    pub(crate) fn mapped(
        camera: Arc<str>,
        captured_mono_us: u64,
        buffer: gst::Buffer,
        info: &VideoInfo,
    ) -> Option<Frame> {
        let (width, height) = (info.width(), info.height());
        let pixels = VideoFrame::from_buffer_readable(buffer, info).ok()?;
        let whole = (0..3).all(|plane| {
            pixels
                .plane_data(plane)
                .is_ok_and(|bytes| !bytes.is_empty())
        });
        whole.then(|| Frame {
            camera,
            number: 0,
            captured_mono_us,
            width,
            height,
            catching_up: false,
            moving: false,
            useless: None,
            pixels: Arc::new(Pixels::Mapped(Box::new(pixels))),
        })
    }

    /// Y, U and V.
    pub fn planes(&self) -> [Plane<'_>; 3] {
        match &*self.pixels {
            Pixels::Mapped(picture) => [0, 1, 2].map(|plane| Plane {
                bytes: picture.plane_data(plane).unwrap_or_default(),
                stride: picture.plane_stride()[plane as usize].unsigned_abs() as usize,
            }),
            Pixels::Packed(bytes) => {
                let [luma, chroma, _] = plane_bytes(self.width, self.height);
                let (y, rest) = bytes.split_at(luma);
                let (u, v) = rest.split_at(chroma);
                let half = self.width.div_ceil(2) as usize;
                let plane = |bytes, stride| Plane { bytes, stride };
                [
                    plane(y, self.width as usize),
                    plane(u, half),
                    plane(v, half),
                ]
            }
        }
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "frame {} of {} ({} × {})",
            self.number, self.camera, self.width, self.height
        )
    }
}

/// Bytes of each packed plane.
pub(crate) fn plane_bytes(width: u32, height: u32) -> [usize; 3] {
    let chroma = width.div_ceil(2) as usize * height.div_ceil(2) as usize;
    [width as usize * height as usize, chroma, chroma]
}
