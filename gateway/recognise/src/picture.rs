//! Pictures as the recogniser takes them: BGR bytes of a still, or the I420 planes of a stream.

use crate::error::{Error, Result};

/// A decoded still that owns its pixels: BGR, rows without padding.
#[derive(Clone)]
pub struct Still {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

/// A view of one decoded picture.
#[derive(Clone, Copy)]
pub enum Picture<'a> {
    Bgr(Bgr<'a>),
    I420(I420<'a>),
}

/// Blue, green, red bytes, rows without padding.
#[derive(Clone, Copy)]
pub struct Bgr<'a> {
    pub width: u32,
    pub height: u32,
    pub pixels: &'a [u8],
}

/// The planes of a decoded video frame. Each plane holds at least `stride` times its rows.
#[derive(Clone, Copy)]
pub struct I420<'a> {
    pub width: u32,
    pub height: u32,
    pub planes: [Plane<'a>; 3],
}

#[derive(Clone, Copy)]
pub struct Plane<'a> {
    pub bytes: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// An upright rectangle in pixels: left, top, right, bottom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    pub x0: f32,
    pub y0: f32,
    pub x1: f32,
    pub y1: f32,
}

impl Still {
    /// Decodes JPEG, PNG, BMP or WebP and turns it upright as its EXIF says.
    pub fn decode(content: &[u8]) -> Result<Still> {
        use image::ImageDecoder;
        let wrong = |e: &dyn std::fmt::Display| Error::Decode {
            cause: e.to_string(),
        };
        let mut decoder = image::ImageReader::new(std::io::Cursor::new(content))
            .with_guessed_format()
            .map_err(|e| wrong(&e))?
            .into_decoder()
            .map_err(|e| wrong(&e))?;
        let orientation = decoder
            .orientation()
            .unwrap_or(image::metadata::Orientation::NoTransforms);
        let mut picture = image::DynamicImage::from_decoder(decoder).map_err(|e| wrong(&e))?;
        picture.apply_orientation(orientation);
        let rgb = picture.into_rgb8();
        let (width, height) = rgb.dimensions();
        let mut pixels = rgb.into_raw();
        for pixel in pixels.chunks_exact_mut(3) {
            pixel.swap(0, 2);
        }
        Still::from_bgr(width, height, pixels)
    }

    pub fn from_bgr(width: u32, height: u32, pixels: Vec<u8>) -> Result<Still> {
        Bgr {
            width,
            height,
            pixels: &pixels,
        }
        .check()?;
        Ok(Still {
            width,
            height,
            pixels,
        })
    }

    pub fn view(&self) -> Picture<'_> {
        Picture::Bgr(Bgr {
            width: self.width,
            height: self.height,
            pixels: &self.pixels,
        })
    }
}

impl Picture<'_> {
    pub fn width(&self) -> u32 {
        match self {
            Picture::Bgr(p) => p.width,
            Picture::I420(p) => p.width,
        }
    }

    pub fn height(&self) -> u32 {
        match self {
            Picture::Bgr(p) => p.height,
            Picture::I420(p) => p.height,
        }
    }

    /// The whole picture.
    pub fn area(&self) -> Area {
        Area {
            x0: 0.0,
            y0: 0.0,
            x1: self.width() as f32,
            y1: self.height() as f32,
        }
    }

    /// That the buffers hold what the sizes say; everything after relies on it.
    pub fn check(&self) -> Result<()> {
        match self {
            Picture::Bgr(p) => p.check(),
            Picture::I420(p) => p.check(),
        }
    }
}

impl Bgr<'_> {
    fn check(&self) -> Result<()> {
        check_size(self.width, self.height)?;
        if self.pixels.len() < self.width as usize * self.height as usize * 3 {
            return Err(Error::Picture {
                cause: "its buffer is shorter than its size says".to_owned(),
            });
        }
        Ok(())
    }

    /// The pixel, the nearest one at the edge for what lies outside.
    #[inline(always)]
    pub(crate) fn at(&self, x: i32, y: i32) -> [u8; 3] {
        let x = x.clamp(0, self.width as i32 - 1) as usize;
        let y = y.clamp(0, self.height as i32 - 1) as usize;
        let i = (y * self.width as usize + x) * 3;
        [self.pixels[i], self.pixels[i + 1], self.pixels[i + 2]]
    }
}

impl I420<'_> {
    /// Width and height of the plane: 0 luma, 1 and 2 chroma.
    pub fn plane_size(&self, plane: usize) -> (u32, u32) {
        if plane == 0 {
            (self.width, self.height)
        } else {
            (self.width.div_ceil(2), self.height.div_ceil(2))
        }
    }

    fn check(&self) -> Result<()> {
        check_size(self.width, self.height)?;
        for (i, plane) in self.planes.iter().enumerate() {
            let (width, height) = self.plane_size(i);
            if plane.stride < width as usize || plane.bytes.len() < plane.stride * height as usize {
                return Err(Error::Picture {
                    cause: format!("its plane {i} is shorter than its size says"),
                });
            }
        }
        Ok(())
    }

    /// The colours that this size is encoded in when the stream says nothing: BT.709 from 720
    /// rows on, else BT.601.
    pub(crate) fn colours(&self) -> Colours {
        if self.height >= 720 {
            Colours::BT709
        } else {
            Colours::BT601
        }
    }
}

/// The factors from studio-range YCbCr to full-range BGR.
#[derive(Clone, Copy)]
pub(crate) struct Colours {
    pub red_v: f32,
    pub green_u: f32,
    pub green_v: f32,
    pub blue_u: f32,
}

impl Colours {
    const BT601: Colours = Colours {
        red_v: 1.596,
        green_u: 0.392,
        green_v: 0.813,
        blue_u: 2.017,
    };
    const BT709: Colours = Colours {
        red_v: 1.793,
        green_u: 0.213,
        green_v: 0.533,
        blue_u: 2.112,
    };

    /// Blue, green, red, 0 to 255.
    #[inline(always)]
    pub fn bgr(&self, y: f32, u: f32, v: f32) -> [f32; 3] {
        let y = 1.164 * (y - 16.0);
        let (u, v) = (u - 128.0, v - 128.0);
        [
            (y + self.blue_u * u).clamp(0.0, 255.0),
            (y - self.green_u * u - self.green_v * v).clamp(0.0, 255.0),
            (y + self.red_v * v).clamp(0.0, 255.0),
        ]
    }
}

impl Area {
    pub fn width(&self) -> f32 {
        self.x1 - self.x0
    }

    pub fn height(&self) -> f32 {
        self.y1 - self.y0
    }

    pub fn centre(&self) -> [f32; 2] {
        [(self.x0 + self.x1) / 2.0, (self.y0 + self.y1) / 2.0]
    }

    /// The same rectangle elsewhere.
    pub(crate) fn moved(&self, by: [f32; 2]) -> Area {
        Area {
            x0: self.x0 + by[0],
            y0: self.y0 + by[1],
            x1: self.x1 + by[0],
            y1: self.y1 + by[1],
        }
    }

    /// Intersection over union, 0 to 1.
    pub fn overlap(&self, other: &Area) -> f32 {
        let width = (self.x1.min(other.x1) - self.x0.max(other.x0)).max(0.0);
        let height = (self.y1.min(other.y1) - self.y0.max(other.y0)).max(0.0);
        let both = width * height;
        let either = self.width() * self.height() + other.width() * other.height() - both;
        if either > 0.0 { both / either } else { 0.0 }
    }

    /// The part of it that lies within `other`, in whole pixels; `None` when less than 8 by 8
    /// remain.
    pub(crate) fn within(&self, other: &Area) -> Option<Area> {
        let area = Area {
            x0: self.x0.max(other.x0).floor(),
            y0: self.y0.max(other.y0).floor(),
            x1: self.x1.min(other.x1).ceil(),
            y1: self.y1.min(other.y1).ceil(),
        };
        (area.width() >= 8.0 && area.height() >= 8.0).then_some(area)
    }
}

/// Larger than any camera of a gate, small enough for all sums in 32 bits.
const MAX_SIDE: u32 = 16_384;

fn check_size(width: u32, height: u32) -> Result<()> {
    if width < 8 || height < 8 || width > MAX_SIDE || height > MAX_SIDE {
        return Err(Error::Picture {
            cause: format!("{width}x{height} is not between 8 and {MAX_SIDE} pixels a side"),
        });
    }
    Ok(())
}
