//! A small raster: shapes with smooth edges on an RGBA picture.

/// Red, green, blue.
pub type Rgb = [u8; 3];

/// An RGBA picture, straight alpha, row by row.
#[derive(Clone)]
pub struct Canvas {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// `width × height` pixels.
    pub pixels: Vec<[u8; 4]>,
}

/// A rectangle in pixels: left, top, right, bottom.
pub type Rect = (f32, f32, f32, f32);

impl Canvas {
    /// A wholly transparent picture.
    pub fn new(width: usize, height: usize) -> Canvas {
        Canvas {
            width,
            height,
            pixels: vec![[0; 4]; width * height],
        }
    }

    /// Paints where `coverage` (0 to 1 at a pixel's centre) says so, within the bounds.
    pub fn paint(
        &mut self,
        bounds: Rect,
        coverage: impl Fn(f32, f32) -> f32,
        colour: impl Fn(f32, f32) -> Rgb,
    ) {
        let clamp = |value: f32, limit: usize| value.clamp(0.0, limit as f32) as usize;
        let (left, right) = (
            clamp(bounds.0 - 1.0, self.width),
            clamp(bounds.2 + 2.0, self.width),
        );
        let (top, bottom) = (
            clamp(bounds.1 - 1.0, self.height),
            clamp(bounds.3 + 2.0, self.height),
        );
        for row in top..bottom {
            for column in left..right {
                let (x, y) = (column as f32 + 0.5, row as f32 + 0.5);
                let cover = coverage(x, y).clamp(0.0, 1.0);
                if cover > 0.0 {
                    self.blend(column, row, colour(x, y), cover);
                }
            }
        }
    }

    /// A rectangle with round corners, filled with what `colour` says at each point.
    pub fn rounded(&mut self, rect: Rect, radius: f32, colour: impl Fn(f32, f32) -> Rgb) {
        self.paint(rect, |x, y| 0.5 - outside(rect, radius, x, y), colour);
    }

    /// The outline of a rectangle with round corners; the line lies inside the rectangle.
    pub fn outline(&mut self, rect: Rect, radius: f32, line: f32, colour: Rgb) {
        let coverage = |x, y| {
            let distance = outside(rect, radius, x, y);
            (0.5 - distance).min(0.5 + distance + line)
        };
        self.paint(rect, coverage, |_, _| colour);
    }

    /// A convex polygon, its corners given clockwise on the screen.
    pub fn polygon(&mut self, corners: &[(f32, f32)], colour: impl Fn(f32, f32) -> Rgb) {
        let fold = |pick: fn(&(f32, f32)) -> f32, by: fn(f32, f32) -> f32| {
            corners.iter().map(pick).reduce(by).unwrap_or(0.0)
        };
        let bounds = (
            fold(|corner| corner.0, f32::min),
            fold(|corner| corner.1, f32::min),
            fold(|corner| corner.0, f32::max),
            fold(|corner| corner.1, f32::max),
        );
        let coverage = |x: f32, y: f32| {
            let mut inside = f32::MAX;
            for (at, from) in corners.iter().enumerate() {
                let to = corners[(at + 1) % corners.len()];
                let (dx, dy) = (to.0 - from.0, to.1 - from.1);
                let distance =
                    (dx * (y - from.1) - dy * (x - from.0)) / (dx * dx + dy * dy).sqrt().max(1e-6);
                inside = inside.min(distance);
            }
            inside + 0.5
        };
        self.paint(bounds, coverage, colour);
    }

    /// A disc.
    pub fn disc(&mut self, centre: (f32, f32), radius: f32, colour: Rgb) {
        let rect = (
            centre.0 - radius,
            centre.1 - radius,
            centre.0 + radius,
            centre.1 + radius,
        );
        self.rounded(rect, radius, |_, _| colour);
    }

    /// Puts a colour over a pixel; `cover` is its opacity, 0 to 1.
    pub fn blend(&mut self, column: usize, row: usize, colour: Rgb, cover: f32) {
        let pixel = &mut self.pixels[row * self.width + column];
        let below = f32::from(pixel[3]) / 255.0;
        let alpha = cover + below * (1.0 - cover);
        for (channel, value) in colour.into_iter().enumerate() {
            let mixed =
                f32::from(value) * cover + f32::from(pixel[channel]) * below * (1.0 - cover);
            pixel[channel] = (mixed / alpha.max(1e-6)).round() as u8;
        }
        pixel[3] = (alpha * 255.0).round() as u8;
    }

    /// Half the size, each pixel the mean of four, for drawing it small without aliasing.
    pub fn halved(&self) -> Canvas {
        let mut small = Canvas::new(self.width / 2, self.height / 2);
        for row in 0..small.height {
            for column in 0..small.width {
                let at = row * 2 * self.width + column * 2;
                let four =
                    [at, at + 1, at + self.width, at + self.width + 1].map(|at| self.pixels[at]);
                let alpha: u32 = four.iter().map(|pixel| u32::from(pixel[3])).sum();
                let mean = |channel: usize| {
                    let sum: u32 = four
                        .iter()
                        .map(|pixel| u32::from(pixel[channel]) * u32::from(pixel[3]))
                        .sum();
                    (sum / alpha.max(1)) as u8
                };
                small.pixels[row * small.width + column] =
                    [mean(0), mean(1), mean(2), (alpha / 4) as u8];
            }
        }
        small
    }

    /// The pixel between pixels at a point, wholly transparent outside the picture: colour and opacity.
    pub fn sample(&self, x: f32, y: f32) -> [u8; 4] {
        // 24.8 fixed point: every pixel of every vehicle in every frame comes through here.
        let (x, y) = ((x * 256.0) as i32 - 128, (y * 256.0) as i32 - 128);
        let (left, top) = (x >> 8, y >> 8);
        let (right, lower) = ((x & 255) as u32, (y & 255) as u32);
        let four = self.four(left, top);
        let weights = [
            (256 - right) * (256 - lower),
            right * (256 - lower),
            (256 - right) * lower,
            right * lower,
        ];
        let mut sum = [0u32; 4];
        for (pixel, weight) in four.iter().zip(weights) {
            // Straight alpha: what cannot be seen must not tint what can.
            let seen = weight.wrapping_mul(u32::from(pixel[3])) >> 8;
            for channel in 0..3 {
                sum[channel] =
                    sum[channel].wrapping_add(u32::from(pixel[channel]).wrapping_mul(seen));
            }
            sum[3] = sum[3].wrapping_add(seen);
        }
        let total = sum[3].max(1);
        let alpha = ((sum[3] + 128) >> 8).min(255) as u8;
        [
            (sum[0] / total) as u8,
            (sum[1] / total) as u8,
            (sum[2] / total) as u8,
            alpha,
        ]
    }

    /// A pixel, its right neighbour, and the two below.
    fn four(&self, left: i32, top: i32) -> [[u8; 4]; 4] {
        let inside = left >= 0
            && top >= 0
            && (left as usize) + 1 < self.width
            && (top as usize) + 1 < self.height;
        if inside {
            let at = top as usize * self.width + left as usize;
            let (upper, lower) = (
                &self.pixels[at..at + 2],
                &self.pixels[at + self.width..at + self.width + 2],
            );
            return [upper[0], upper[1], lower[0], lower[1]];
        }
        [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(right, down)| {
            let (column, row) = (left + right, top + down);
            let inside =
                (0..self.width as i32).contains(&column) && (0..self.height as i32).contains(&row);
            if inside {
                self.pixels[row as usize * self.width + column as usize]
            } else {
                [0; 4]
            }
        })
    }
}

/// How far a point lies outside a rectangle with round corners; negative inside.
fn outside(rect: Rect, radius: f32, x: f32, y: f32) -> f32 {
    let (centre_x, centre_y) = ((rect.0 + rect.2) / 2.0, (rect.1 + rect.3) / 2.0);
    let dx = (x - centre_x).abs() - (rect.2 - rect.0) / 2.0 + radius;
    let dy = (y - centre_y).abs() - (rect.3 - rect.1) / 2.0 + radius;
    (dx.max(0.0).powi(2) + dy.max(0.0).powi(2)).sqrt() + dx.max(dy).min(0.0) - radius
}

/// A colour between two, `share` of the way.
pub fn mix(from: Rgb, to: Rgb, share: f32) -> Rgb {
    let share = share.clamp(0.0, 1.0);
    [0, 1, 2].map(|channel| {
        (f32::from(from[channel]) * (1.0 - share) + f32::from(to[channel]) * share).round() as u8
    })
}
