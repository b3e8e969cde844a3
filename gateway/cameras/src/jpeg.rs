//! Frames become JPEG: whole as evidence, cropped and small for a page.

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSrc};

use crate::error::CameraError;
use crate::frame::{Frame, Plane};

/// What part of a frame to encode, and how large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct View {
    /// Left, top, width, height in pixels of the frame; the whole frame when none. It is moved to even
    /// pixels and cut to the frame.
    pub crop: Option<(u32, u32, u32, u32)>,
    /// The width of the JPEG at most; the height follows. Pictures are never enlarged.
    pub max_width: Option<u32>,
}

/// Keeps encoders open, one for each size that was asked for lately. For one thread.
pub struct Encoder {
    quality: u8,
    kept: Vec<Kept>,
}

/// So many sizes are kept open: evidence, page and plate.
const KEPT: usize = 3;
/// An encoder that gives nothing for so long is broken.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(2);

struct Kept {
    size: (u32, u32),
    pipeline: gst::Pipeline,
    source: AppSrc,
    sink: AppSink,
}

impl Encoder {
    /// An encoder of the given quality, 1 to 100.
    ///
    /// # Errors
    /// GStreamer cannot start.
    pub fn new(quality: u8) -> Result<Encoder, CameraError> {
        gst::init().map_err(CameraError::Start)?;
        Ok(Encoder {
            quality: quality.clamp(1, 100),
            kept: Vec::new(),
        })
    }

    /// The frame, or a view of it, as JPEG.
    ///
    /// # Errors
    /// An element is missing, or the encoder gives nothing. The next call opens a new one.
    pub fn encode(&mut self, frame: &Frame, view: &View) -> Result<Vec<u8>, CameraError> {
        let (buffer, size) = picture(frame, view)?;
        let mut kept = self.take(size)?;
        let bytes = kept.encode(buffer)?;
        self.kept.push(kept);
        Ok(bytes)
    }

    /// The encoder of that size, or a new one in place of the one that was not used for the longest time.
    fn take(&mut self, size: (u32, u32)) -> Result<Kept, CameraError> {
        if let Some(at) = self.kept.iter().position(|kept| kept.size == size) {
            return Ok(self.kept.remove(at));
        }
        if self.kept.len() >= KEPT {
            self.kept.remove(0);
        }
        Kept::open(size, self.quality)
    }
}

impl Kept {
    fn open(size: (u32, u32), quality: u8) -> Result<Kept, CameraError> {
        let (width, height) = size;
        let line = format!(
            "appsrc name=source format=time caps=video/x-raw,format=I420,width={width},height={height},framerate=0/1 \
             ! jpegenc quality={quality} ! appsink name=sink sync=false max-buffers=2"
        );
        let missing = || CameraError::Element {
            what: "appsrc ! jpegenc ! appsink".to_owned(),
        };
        let pipeline = gst::parse::launch(&line)
            .ok()
            .and_then(|element| element.downcast::<gst::Pipeline>().ok());
        let pipeline = pipeline.ok_or_else(missing)?;
        let source = pipeline
            .by_name("source")
            .and_then(|element| element.downcast().ok())
            .ok_or_else(missing)?;
        let sink = pipeline
            .by_name("sink")
            .and_then(|element| element.downcast().ok())
            .ok_or_else(missing)?;
        let kept = Kept {
            size,
            pipeline,
            source,
            sink,
        };
        kept.pipeline
            .set_state(gst::State::Playing)
            .map_err(|cause| failed(&cause))?;
        Ok(kept)
    }

    fn encode(&mut self, buffer: gst::Buffer) -> Result<Vec<u8>, CameraError> {
        self.source
            .push_buffer(buffer)
            .map_err(|cause| failed(&cause))?;
        let sample = self
            .sink
            .try_pull_sample(PATIENCE)
            .ok_or_else(|| failed(&"it gave nothing"))?;
        let encoded = sample
            .buffer()
            .ok_or_else(|| failed(&"it gave no picture"))?;
        Ok(encoded
            .map_readable()
            .map_err(|cause| failed(&cause))?
            .to_vec())
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn failed(reason: &impl ToString) -> CameraError {
    CameraError::Encode {
        reason: reason.to_string(),
    }
}

/// The part of the frame in its size, packed as GStreamer expects I420 by default: rows of a multiple of
/// four bytes, an even number of rows.
fn picture(frame: &Frame, view: &View) -> Result<(gst::Buffer, (u32, u32)), CameraError> {
    let (left, top, width, height) = cut(frame, view.crop);
    let across = view
        .max_width
        .unwrap_or(width)
        .clamp(4, width.max(4))
        .min(width)
        & !3;
    let across = if view.max_width.is_none_or(|most| most >= width) {
        width
    } else {
        across
    };
    let down = (u64::from(height) * u64::from(across) / u64::from(width)).max(2) as u32 & !1;
    let down = if across == width { height } else { down };
    let layout =
        gstreamer_video::VideoInfo::builder(gstreamer_video::VideoFormat::I420, across, down)
            .build()
            .map_err(|cause| failed(&cause))?;
    let mut bytes = vec![0u8; layout.size()];
    let half = |value: u32| value.div_ceil(2);
    for (index, plane) in frame.planes().iter().enumerate() {
        let area = if index == 0 {
            (left, top, width, height)
        } else {
            (left / 2, top / 2, half(width), half(height))
        };
        let size = if index == 0 {
            (across, down)
        } else {
            (half(across), half(down))
        };
        let stride = layout.stride()[index] as usize;
        scale(
            plane,
            area,
            &mut bytes[layout.offset()[index]..],
            stride,
            size,
        );
    }
    Ok((gst::Buffer::from_mut_slice(bytes), (across, down)))
}

/// The crop on even pixels, inside the frame and at least 16 pixels wide and high where the frame is.
fn cut(frame: &Frame, crop: Option<(u32, u32, u32, u32)>) -> (u32, u32, u32, u32) {
    let Some((left, top, width, height)) = crop else {
        return (0, 0, frame.width, frame.height);
    };
    let fit = |from: u32, size: u32, limit: u32| {
        let size = size.clamp(16.min(limit), limit);
        let from = from.min(limit - size) & !1;
        (from, ((size + 1) & !1).min(limit - from))
    };
    let (left, width) = fit(left, width, frame.width);
    let (top, height) = fit(top, height, frame.height);
    (left, top, width, height)
}

/// Copies an area of a plane, each pixel of a smaller picture being the mean of the pixels it covers.
fn scale(
    plane: &Plane<'_>,
    area: (u32, u32, u32, u32),
    into: &mut [u8],
    stride: usize,
    size: (u32, u32),
) {
    let [left, top, width, height] = [area.0, area.1, area.2, area.3].map(|value| value as usize);
    let (across, down) = (size.0 as usize, size.1 as usize);
    let row = |at: usize| {
        plane
            .bytes
            .get((top + at) * plane.stride + left..)
            .map(|row| &row[..width.min(row.len())])
    };
    for (y, target) in into.chunks_mut(stride).take(down).enumerate() {
        if across == width && down == height {
            if let Some(row) = row(y) {
                target[..row.len()].copy_from_slice(row);
            }
            continue;
        }
        let (from_y, to_y) = (
            y * height / down,
            ((y + 1) * height / down).max(y * height / down + 1),
        );
        for (x, pixel) in target[..across].iter_mut().enumerate() {
            let (from_x, to_x) = (
                x * width / across,
                ((x + 1) * width / across).max(x * width / across + 1),
            );
            let mut sum = 0usize;
            for row in (from_y..to_y).filter_map(row) {
                sum += row
                    .get(from_x..to_x)
                    .unwrap_or_default()
                    .iter()
                    .map(|value| *value as usize)
                    .sum::<usize>();
            }
            *pixel = (sum / ((to_x - from_x) * (to_y - from_y))) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::frame::plane_bytes;

    fn bars(width: u32, height: u32) -> Frame {
        let [luma, chroma, _] = plane_bytes(width, height);
        let mut bytes = vec![128u8; luma + 2 * chroma];
        for (at, pixel) in bytes[..luma].iter_mut().enumerate() {
            *pixel = if at % width as usize * 2 < width as usize {
                40
            } else {
                200
            };
        }
        Frame::packed("front".into(), 0, (width, height), bytes).unwrap()
    }

    fn decoded(bytes: &[u8]) -> image::GrayImage {
        image::load_from_memory_with_format(bytes, image::ImageFormat::Jpeg)
            .unwrap()
            .to_luma8()
    }

    #[test]
    fn a_whole_frame_keeps_its_size_and_its_pixels() {
        let mut encoder = Encoder::new(90).unwrap();
        for (width, height) in [(640, 360), (641, 359), (1920, 1080), (640, 360)] {
            let picture = decoded(
                &encoder
                    .encode(&bars(width, height), &View::default())
                    .unwrap(),
            );
            assert_eq!(picture.dimensions(), (width, height));
            assert!(
                picture.get_pixel(10, 10).0[0] < 70 && picture.get_pixel(width - 10, 10).0[0] > 180
            );
        }
    }

    #[test]
    fn a_view_is_cut_and_made_smaller_but_never_larger() {
        let mut encoder = Encoder::new(90).unwrap();
        let frame = bars(1280, 720);
        let small = View {
            crop: None,
            max_width: Some(640),
        };
        assert_eq!(
            decoded(&encoder.encode(&frame, &small).unwrap()).dimensions(),
            (640, 360)
        );
        let right = View {
            crop: Some((701, 100, 300, 100)),
            max_width: Some(4000),
        };
        let picture = decoded(&encoder.encode(&frame, &right).unwrap());
        assert_eq!(picture.dimensions(), (300, 100));
        assert!(picture.pixels().all(|pixel| pixel.0[0] > 180));
        let outside = View {
            crop: Some((1270, 719, 5000, 0)),
            max_width: None,
        };
        assert_eq!(
            decoded(&encoder.encode(&frame, &outside).unwrap()).dimensions(),
            (1280, 16)
        );
    }

    #[test]
    fn encoders_of_many_sizes_are_closed_again() {
        let mut encoder = Encoder::new(80).unwrap();
        for step in 0..12 {
            encoder
                .encode(&bars(320 + step * 16, 240), &View::default())
                .unwrap();
        }
        assert_eq!(encoder.kept.len(), KEPT);
    }
}
