//! A part of a picture, scaled to what a model takes; only that part is touched.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::error::{Error, Result};
use crate::picture::{Area, Bgr, Colours, I420, Picture};

/// What the detector's training subtracted from blue, green and red.
const MEANS: [f32; 3] = [104.0, 117.0, 123.0];

/// Scales with buffers that are kept from picture to picture.
#[derive(Default)]
pub struct Scaler {
    resizer: Resizer,
    /// One interleaved picture, or three planes, of the last target size.
    scaled: [Vec<u8>; 3],
}

impl Scaler {
    /// Writes `area` of the picture, scaled to `width` by `height`, into `out` as three planes
    /// (blue, green, red) with the detector's means taken off.
    pub fn detector_input(
        &mut self,
        picture: &Picture<'_>,
        area: &Area,
        (width, height): (u32, u32),
        out: &mut Vec<f32>,
    ) -> Result<()> {
        let pixels = width as usize * height as usize;
        // Only the growth is written twice; the rest is overwritten below.
        out.resize(pixels * 3, 0.0);
        match picture {
            Picture::Bgr(bgr) => {
                self.bgr(bgr, area, (width, height))?;
                planes_from_bgr(&self.scaled[0], out, pixels);
            }
            Picture::I420(i420) => {
                self.i420(i420, area, (width, height))?;
                let gain = gain(&self.scaled[0]);
                planes_from_i420(&self.scaled, (i420.colours(), gain), out, pixels);
            }
        }
        Ok(())
    }

    /// Scales BGR pixels into BGR pixels; `area` is in pixels of `from`.
    pub fn strip(
        &mut self,
        from: &Bgr<'_>,
        area: &Area,
        (width, height): (u32, u32),
        out: &mut [u8],
    ) -> Result<()> {
        let source = ImageRef::new(from.width, from.height, from.pixels, PixelType::U8x3)
            .map_err(unusable)?;
        let mut target =
            Image::from_slice_u8(width, height, out, PixelType::U8x3).map_err(unusable)?;
        self.resizer
            .resize(&source, &mut target, &options(area))
            .map_err(unusable)
    }

    fn bgr(&mut self, from: &Bgr<'_>, area: &Area, (width, height): (u32, u32)) -> Result<()> {
        let mut out = std::mem::take(&mut self.scaled[0]);
        out.resize(width as usize * height as usize * 3, 0);
        let done = self.strip(from, area, (width, height), &mut out);
        self.scaled[0] = out;
        done
    }

    fn i420(&mut self, from: &I420<'_>, area: &Area, (width, height): (u32, u32)) -> Result<()> {
        for (i, plane) in from.planes.iter().enumerate() {
            let rows = from.plane_size(i).1;
            let source = ImageRef::new(plane.stride as u32, rows, plane.bytes, PixelType::U8)
                .map_err(unusable)?;
            let part = if i == 0 { *area } else { halved(area, from) };
            self.scaled[i].resize(width as usize * height as usize, 0);
            let mut target =
                Image::from_slice_u8(width, height, &mut self.scaled[i], PixelType::U8)
                    .map_err(unusable)?;
            self.resizer
                .resize(&source, &mut target, &options(&part))
                .map_err(unusable)?;
        }
        Ok(())
    }
}

/// Bilinear, widened to all source pixels that fall on one of the target, so nothing aliases.
fn options(area: &Area) -> ResizeOptions {
    ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
        .crop(
            f64::from(area.x0),
            f64::from(area.y0),
            f64::from(area.width()),
            f64::from(area.height()),
        )
}

/// The same area on the chroma planes.
fn halved(area: &Area, picture: &I420<'_>) -> Area {
    let (width, height) = picture.plane_size(1);
    Area {
        x0: area.x0 / 2.0,
        y0: area.y0 / 2.0,
        x1: (area.x1 / 2.0).min(width as f32),
        y1: (area.y1 / 2.0).min(height as f32),
    }
}

/// One pixel in so many tells how dark a picture is.
const SAMPLED: usize = 7;
/// A picture darker than this on the mean, 0 to 255, is made brighter for the detector, ...
const DARK: f32 = 40.0;
/// ... up to this mean, ...
const LIT: f32 = 75.0;
/// ... but by no more than this factor: noise grows with it.
const MOST_GAIN: f32 = 2.5;

/// What the detector's input of a video frame is multiplied by: plates at night are missed without.
/// Chosen on drawn video; stills are left as they are.
fn gain(luma: &[u8]) -> f32 {
    let (mut sum, mut n) = (0_u64, 0_u64);
    for value in luma.iter().step_by(SAMPLED) {
        sum += u64::from(*value);
        n += 1;
    }
    let mean = (sum as f32 / n.max(1) as f32 - 16.0).max(1.0);
    if mean < DARK {
        (LIT / mean).min(MOST_GAIN)
    } else {
        1.0
    }
}

fn planes_from_bgr(bgr: &[u8], out: &mut [f32], pixels: usize) {
    let (blue, rest) = out.split_at_mut(pixels);
    let (green, red) = rest.split_at_mut(pixels);
    for (((pixel, b), g), r) in bgr.chunks_exact(3).zip(blue).zip(green).zip(red) {
        *b = f32::from(pixel[0]) - MEANS[0];
        *g = f32::from(pixel[1]) - MEANS[1];
        *r = f32::from(pixel[2]) - MEANS[2];
    }
}

fn planes_from_i420(
    from: &[Vec<u8>; 3],
    (colours, gain): (Colours, f32),
    out: &mut [f32],
    pixels: usize,
) {
    let (blue, rest) = out.split_at_mut(pixels);
    let (green, red) = rest.split_at_mut(pixels);
    let source = from[0].iter().zip(&from[1]).zip(&from[2]);
    for ((((y, u), v), b), (g, r)) in source.zip(blue).zip(green.iter_mut().zip(red)) {
        let bgr = colours.bgr(f32::from(*y), f32::from(*u), f32::from(*v));
        *b = (bgr[0] * gain).min(255.0) - MEANS[0];
        *g = (bgr[1] * gain).min(255.0) - MEANS[1];
        *r = (bgr[2] * gain).min(255.0) - MEANS[2];
    }
}

fn unusable(cause: impl std::fmt::Display) -> Error {
    Error::Picture {
        cause: cause.to_string(),
    }
}
