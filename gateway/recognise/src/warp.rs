//! The plate made upright: its four corners become a rectangle of BGR pixels.

use crate::picture::{Area, Bgr, I420, Picture, Plane};

/// Top left, top right, bottom right, bottom left, as the plate's reader would say it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quad(pub [[f32; 2]; 4]);

/// The upright plate: BGR, rows without padding.
#[derive(Default)]
pub struct Strip {
    pub width: u32,
    pub height: u32,
    pub pixels: Vec<u8>,
}

/// What is added around the corners, of the plate's width and height: the detector cuts close.
const GROW: [f32; 2] = [0.03, 0.08];

/// A plate that fills the picture needs no more pixels than this to be read.
const MAX_STRIP: [f32; 2] = [400.0, 200.0];

impl Quad {
    pub fn around(area: &Area) -> Quad {
        Quad([
            [area.x0, area.y0],
            [area.x1, area.y0],
            [area.x1, area.y1],
            [area.x0, area.y1],
        ])
    }

    /// The longer of the two sides across, and of the two sides down, in pixels.
    pub fn sides(&self) -> [f32; 2] {
        let [tl, tr, br, bl] = self.0;
        let length = |a: [f32; 2], b: [f32; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
        [
            length(tl, tr).max(length(bl, br)),
            length(tl, bl).max(length(tr, br)),
        ]
    }

    /// Grown along its own sides, so that a tilted plate stays tilted.
    fn grown(&self) -> Quad {
        let [tl, tr, br, bl] = self.0;
        let moved = |at: [f32; 2], across: [f32; 2], down: [f32; 2]| {
            [0, 1].map(|d| at[d] - GROW[0] * (across[d] - at[d]) - GROW[1] * (down[d] - at[d]))
        };
        Quad([
            moved(tl, tr, bl),
            moved(tr, tl, br),
            moved(br, bl, tr),
            moved(bl, br, tl),
        ])
    }
}

impl Strip {
    /// Takes the plate out of the picture, with a margin; bilinear, edges replicated.
    pub fn take(&mut self, picture: &Picture<'_>, quad: &Quad) {
        let quad = quad.grown();
        let [width, height] = quad.sides();
        self.width = width.round().clamp(16.0, MAX_STRIP[0]) as u32;
        self.height = height.round().clamp(8.0, MAX_STRIP[1]) as u32;
        self.pixels
            .resize(self.width as usize * self.height as usize * 3, 0);
        let view = Projection::onto(&quad);
        match picture {
            Picture::Bgr(bgr) => self.fill(&view, |x, y| bgr_at(bgr, x, y)),
            Picture::I420(i420) => self.fill(&view, |x, y| i420_at(i420, x, y)),
        }
    }

    /// The whole picture, or an upright part of it, without a margin.
    pub fn take_upright(&mut self, picture: &Picture<'_>, area: &Area) {
        self.width = area.width() as u32;
        self.height = area.height() as u32;
        self.pixels
            .resize(self.width as usize * self.height as usize * 3, 0);
        let view = Projection::onto(&Quad::around(area));
        match picture {
            Picture::Bgr(bgr) => self.fill(&view, |x, y| bgr_at(bgr, x, y)),
            Picture::I420(i420) => self.fill(&view, |x, y| i420_at(i420, x, y)),
        }
    }

    pub fn view(&self) -> Bgr<'_> {
        Bgr {
            width: self.width,
            height: self.height,
            pixels: &self.pixels,
        }
    }

    fn fill(&mut self, view: &Projection, sample: impl Fn(f32, f32) -> [u8; 3]) {
        let (width, height) = (self.width as f32, self.height as f32);
        let row_bytes = self.width as usize * 3;
        for (row, line) in self.pixels.chunks_exact_mut(row_bytes).enumerate() {
            let v = (row as f32 + 0.5) / height;
            for (column, pixel) in line.chunks_exact_mut(3).enumerate() {
                let [x, y] = view.at((column as f32 + 0.5) / width, v);
                // A pixel's value stands at its middle.
                pixel.copy_from_slice(&sample(x - 0.5, y - 0.5));
            }
        }
    }
}

/// The perspective map from the unit square onto a quad.
struct Projection {
    x: [f32; 3],
    y: [f32; 3],
    w: [f32; 2],
}

impl Projection {
    fn onto(quad: &Quad) -> Projection {
        let [p0, p1, p2, p3] = quad.0;
        let sum = [0, 1].map(|d| p0[d] - p1[d] + p2[d] - p3[d]);
        let d1 = [0, 1].map(|d| p1[d] - p2[d]);
        let d2 = [0, 1].map(|d| p3[d] - p2[d]);
        let area = d1[0] * d2[1] - d2[0] * d1[1];
        // Corners on one line have no perspective; the plain parallelogram then does no harm.
        let (g, h) = if area.abs() > 1e-6 {
            (
                (sum[0] * d2[1] - d2[0] * sum[1]) / area,
                (d1[0] * sum[1] - sum[0] * d1[1]) / area,
            )
        } else {
            (0.0, 0.0)
        };
        let row = |d: usize| [p1[d] - p0[d] + g * p1[d], p3[d] - p0[d] + h * p3[d], p0[d]];
        Projection {
            x: row(0),
            y: row(1),
            w: [g, h],
        }
    }

    #[inline(always)]
    fn at(&self, u: f32, v: f32) -> [f32; 2] {
        let w = 1.0 / (self.w[0] * u + self.w[1] * v + 1.0);
        [
            (self.x[0] * u + self.x[1] * v + self.x[2]) * w,
            (self.y[0] * u + self.y[1] * v + self.y[2]) * w,
        ]
    }
}

#[inline(always)]
fn bgr_at(picture: &Bgr<'_>, x: f32, y: f32) -> [u8; 3] {
    let (x0, y0, fx, fy) = split(x, y);
    let (a, b) = (picture.at(x0, y0), picture.at(x0 + 1, y0));
    let (c, d) = (picture.at(x0, y0 + 1), picture.at(x0 + 1, y0 + 1));
    [0, 1, 2].map(|i| rounded(mixed([a[i], b[i], c[i], d[i]], fx, fy)))
}

#[inline(always)]
fn i420_at(picture: &I420<'_>, x: f32, y: f32) -> [u8; 3] {
    let luma = plane_at(&picture.planes[0], picture.plane_size(0), x, y);
    // A chroma sample stands between two columns and two rows of luma.
    let (cx, cy) = (x / 2.0 - 0.25, y / 2.0 - 0.25);
    let u = plane_at(&picture.planes[1], picture.plane_size(1), cx, cy);
    let v = plane_at(&picture.planes[2], picture.plane_size(2), cx, cy);
    picture.colours().bgr(luma, u, v).map(rounded)
}

#[inline(always)]
fn plane_at(plane: &Plane<'_>, (width, height): (u32, u32), x: f32, y: f32) -> f32 {
    let (x0, y0, fx, fy) = split(x, y);
    let within = x0 >= 0 && y0 >= 0 && x0 + 1 < width as i32 && y0 + 1 < height as i32;
    if within {
        let upper = &plane.bytes[y0 as usize * plane.stride + x0 as usize..];
        let lower = &upper[plane.stride..];
        return mixed([upper[0], upper[1], lower[0], lower[1]], fx, fy);
    }
    let at = |x: i32, y: i32| {
        let x = x.clamp(0, width as i32 - 1) as usize;
        let y = y.clamp(0, height as i32 - 1) as usize;
        plane.bytes[y * plane.stride + x]
    };
    let corners = [
        at(x0, y0),
        at(x0 + 1, y0),
        at(x0, y0 + 1),
        at(x0 + 1, y0 + 1),
    ];
    mixed(corners, fx, fy)
}

/// Whole part and fraction. Far outside, where the edge is replicated anyway, the whole part is
/// bounded; the plain `floor` would be a call on machines without SSE 4.1.
#[inline(always)]
fn split(x: f32, y: f32) -> (i32, i32, f32, f32) {
    let whole = |v: f32| {
        let cut = v.clamp(-1e6, 1e6) as i32;
        cut - i32::from(cut as f32 > v)
    };
    let (x0, y0) = (whole(x), whole(y));
    (
        x0,
        y0,
        (x - x0 as f32).clamp(0.0, 1.0),
        (y - y0 as f32).clamp(0.0, 1.0),
    )
}

#[inline(always)]
fn mixed([a, b, c, d]: [u8; 4], fx: f32, fy: f32) -> f32 {
    let top = f32::from(a) + (f32::from(b) - f32::from(a)) * fx;
    let bottom = f32::from(c) + (f32::from(d) - f32::from(c)) * fx;
    top + (bottom - top) * fy
}

fn rounded(value: f32) -> u8 {
    (value + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture whose blue tells the column and whose green tells the row.
    fn ramp(width: u32, height: u32) -> Vec<u8> {
        let mut pixels = Vec::new();
        for y in 0..height {
            for x in 0..width {
                pixels.extend([x as u8, y as u8, 0]);
            }
        }
        pixels
    }

    #[test]
    fn an_upright_part_comes_out_pixel_for_pixel() {
        let pixels = ramp(100, 60);
        let picture = Picture::Bgr(Bgr {
            width: 100,
            height: 60,
            pixels: &pixels,
        });
        let mut strip = Strip::default();
        let area = Area {
            x0: 10.0,
            y0: 20.0,
            x1: 50.0,
            y1: 36.0,
        };
        strip.take_upright(&picture, &area);
        assert_eq!((strip.width, strip.height), (40, 16));
        assert_eq!(&strip.pixels[..3], [10, 20, 0]);
        assert_eq!(&strip.pixels[strip.pixels.len() - 3..], [49, 35, 0]);
    }

    #[test]
    fn an_upside_down_plate_is_turned_upright() {
        let pixels = ramp(200, 200);
        let picture = Picture::Bgr(Bgr {
            width: 200,
            height: 200,
            pixels: &pixels,
        });
        let mut strip = Strip::default();
        let corners = Quad([[150.0, 80.0], [50.0, 80.0], [50.0, 50.0], [150.0, 50.0]]);
        strip.take(&picture, &corners);
        let first = &strip.pixels[..3];
        // 3 % of 100 and 8 % of 30 beyond the corner that the plate calls its top left.
        assert!(first[0].abs_diff(152) <= 1 && first[1].abs_diff(82) <= 1);
    }

    #[test]
    fn what_lies_outside_repeats_the_edge() {
        let pixels = ramp(40, 40);
        let picture = Picture::Bgr(Bgr {
            width: 40,
            height: 40,
            pixels: &pixels,
        });
        let mut strip = Strip::default();
        strip.take(
            &picture,
            &Quad([[-90.0, 5.0], [30.0, 5.0], [30.0, 35.0], [-90.0, 35.0]]),
        );
        assert_eq!(strip.pixels[0], 0);
    }
}
