//! What light, rain, movement and the sensor make of a picture: applied to its I420 planes.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// The light and what falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weather {
    /// Sun or cloud; on some vehicles the edge of a shadow.
    Day,
    /// The camera's lamp and the vehicle's own; half of the cameras see infra-red only.
    Night,
    /// Grey light, haze, streaks and drops.
    Rain,
}

/// What happens to a picture between the scene and the recogniser.
#[derive(Debug, Clone)]
pub struct Conditions {
    pub weather: Weather,
    /// Where a moving vehicle is smeared to, degrees; 90 is downwards.
    pub towards: f32,
    /// Standard deviation of the lens's blur, pixels.
    pub sigma: f32,
    /// Standard deviation of the sensor's noise, grey levels.
    pub noise: f32,
    /// Brightness of the whole, 1 as it was drawn.
    light: f32,
    /// No colour, as cameras give it under infra-red light.
    infrared: bool,
    /// Where the shadow's edge lies, in plate widths from the plate's middle, and its slope.
    shadow: Option<(f32, f32)>,
}

/// A plane of bytes with its width and height.
struct Plane<'a> {
    bytes: &'a mut [u8],
    width: usize,
    height: usize,
}

impl Conditions {
    /// All but these is drawn by chance.
    pub fn draw(weather: Weather, sigma: f32, rng: &mut ChaCha8Rng) -> Conditions {
        let (noise, light) = match weather {
            Weather::Day => (rng.gen_range(1.0..3.0), rng.gen_range(0.7..1.12)),
            Weather::Night => (rng.gen_range(2.0..6.0), rng.gen_range(0.18..0.4)),
            Weather::Rain => (rng.gen_range(2.0..4.0), rng.gen_range(0.5..0.8)),
        };
        let shadowed = weather == Weather::Day && rng.gen_bool(0.25);
        Conditions {
            weather,
            towards: rng.gen_range(60.0..120.0),
            sigma,
            noise,
            light,
            infrared: weather == Weather::Night && rng.gen_bool(0.5),
            shadow: shadowed.then(|| (rng.gen_range(-0.4..0.4), rng.gen_range(-0.8..0.8))),
        }
    }

    /// Changes an I420 frame of `width` by `height`; the plate's middle and width, and how far it
    /// is smeared, are in pixels.
    pub fn apply(
        &self,
        frame: &mut [u8],
        (width, height): (usize, usize),
        (([x, y], plate), smear_px): (([f32; 2], f32), f32),
        rng: &mut ChaCha8Rng,
    ) {
        let (luma, chroma) = frame.split_at_mut(width * height);
        let mut luma = Plane {
            bytes: luma,
            width,
            height,
        };
        self.light_up(&mut luma, [x, y], plate);
        if self.weather == Weather::Rain {
            rain(&mut luma, [x, y], plate, rng);
        }
        let reach = [
            x - 1.1 * plate,
            y - 0.9 * plate,
            x + 1.1 * plate,
            y + 0.9 * plate,
        ];
        self.blur(&mut luma, reach, (smear_px, self.sigma));
        let (blue, red) = chroma.split_at_mut(width * height / 4);
        for bytes in [blue, red] {
            let mut plane = Plane {
                bytes,
                width: width / 2,
                height: height / 2,
            };
            self.tint(&mut plane);
            self.blur(
                &mut plane,
                reach.map(|v| v / 2.0),
                (smear_px / 2.0, self.sigma / 2.0),
            );
        }
        grain(&mut luma, self.noise, rng);
    }

    fn light_up(&self, luma: &mut Plane<'_>, [x, y]: [f32; 2], plate: f32) {
        let haze = if self.weather == Weather::Rain {
            0.18
        } else {
            0.0
        };
        let across: Vec<f32> = (0..luma.width)
            .map(|column| (column as f32 - x) / plate)
            .collect();
        // Night, where plates throw back the light of the lamp beside the camera.
        let lamp = if self.weather == Weather::Night {
            0.6
        } else {
            0.0
        };
        let (edge, slope) = self.shadow.unwrap_or((f32::INFINITY, 0.0));
        for (row, line) in luma.bytes.chunks_exact_mut(luma.width).enumerate() {
            let down = (row as f32 - y) / plate;
            for (value, across) in line.iter_mut().zip(&across) {
                let near = 1.0 / (1.0 + 0.5 * (across * across + down * down));
                let shaded = if down + slope * across > edge {
                    0.5
                } else {
                    1.0
                };
                let gain = (self.light + lamp * near * near) * shaded;
                let lit = (f32::from(*value) - 16.0) * gain;
                *value = (16.0 + lit + haze * (150.0 - lit)).clamp(16.0, 235.0) as u8;
            }
        }
        if self.weather == Weather::Night {
            for side in [-1.35, 1.35] {
                glow(luma, [x + side * plate, y - 0.75 * plate], 0.28 * plate);
            }
        }
    }

    fn tint(&self, plane: &mut Plane<'_>) {
        let strength = match self.weather {
            _ if self.infrared => 0.0,
            Weather::Night => 0.6,
            Weather::Rain => 0.8,
            Weather::Day => self.light.min(1.0),
        };
        for value in plane.bytes.iter_mut() {
            *value = (128.0 + (f32::from(*value) - 128.0) * strength) as u8;
        }
    }

    /// The smear and the lens, around the plate: nothing else of the picture is measured.
    fn blur(&self, plane: &mut Plane<'_>, reach: [f32; 4], (smear, sigma): (f32, f32)) {
        let towards = self.towards.to_radians();
        if smear > 0.3 {
            let taps = (smear * 2.0).ceil().max(2.0) as usize;
            let taps: Vec<_> = (0..taps)
                .map(|i| {
                    let at = ((i as f32 + 0.5) / taps as f32 - 0.5) * smear;
                    ([at * towards.cos(), at * towards.sin()], 1.0)
                })
                .collect();
            filter(plane, reach, &taps);
        }
        if sigma > 0.3 {
            let radius = (sigma * 2.5).ceil() as i32;
            let weight = |i: i32| (-((i * i) as f32) / (2.0 * sigma * sigma)).exp();
            for axis in [[1.0, 0.0], [0.0, 1.0]] {
                let taps: Vec<_> = (-radius..=radius)
                    .map(|i| (axis.map(|a: f32| a * i as f32), weight(i)))
                    .collect();
                filter(plane, reach, &taps);
            }
        }
    }
}

/// Weighted means of the pixels at the taps' offsets, within the rectangle.
fn filter(plane: &mut Plane<'_>, [x0, y0, x1, y1]: [f32; 4], taps: &[([f32; 2], f32)]) {
    let clamp = |value: f32, limit: usize| value.clamp(0.0, limit as f32) as usize;
    let (left, right) = (clamp(x0, plane.width), clamp(x1, plane.width));
    let (top, bottom) = (clamp(y0, plane.height), clamp(y1, plane.height));
    if left >= right || top >= bottom {
        return;
    }
    let sum: f32 = taps.iter().map(|tap| tap.1).sum();
    let mut out = vec![0.0_f32; right - left];
    let mut made = Vec::with_capacity((right - left) * (bottom - top));
    for row in top..bottom {
        out.fill(0.0);
        for ([dx, dy], weight) in taps {
            let (x, y) = (dx.floor(), dy.floor());
            let (fx, fy) = (dx - x, dy - y);
            let corners = [
                (0, 0, (1.0 - fx) * (1.0 - fy)),
                (1, 0, fx * (1.0 - fy)),
                (0, 1, (1.0 - fx) * fy),
                (1, 1, fx * fy),
            ];
            for (right_by, down_by, part) in corners {
                let part = part * weight / sum;
                if part < 1e-6 {
                    continue;
                }
                let from = (row as i32 + y as i32 + down_by).clamp(0, plane.height as i32 - 1);
                let line = &plane.bytes[from as usize * plane.width..][..plane.width];
                let shift = x as i32 + right_by;
                for (i, value) in out.iter_mut().enumerate() {
                    let at = (left as i32 + i as i32 + shift).clamp(0, plane.width as i32 - 1);
                    *value += part * f32::from(line[at as usize]);
                }
            }
        }
        made.extend(out.iter().map(|value| (value + 0.5) as u8));
    }
    for (row, line) in made.chunks_exact(right - left).enumerate() {
        let at = (top + row) * plane.width + left;
        plane.bytes[at..at + line.len()].copy_from_slice(line);
    }
}

/// A lamp and what shines around it.
fn glow(luma: &mut Plane<'_>, [x, y]: [f32; 2], radius: f32) {
    let reach = radius * 4.0;
    let rows = (y - reach).max(0.0) as usize..((y + reach).max(0.0) as usize).min(luma.height);
    for row in rows {
        let columns =
            (x - reach).max(0.0) as usize..((x + reach).max(0.0) as usize).min(luma.width);
        for column in columns {
            let far = ((column as f32 - x).powi(2) + (row as f32 - y).powi(2)) / (radius * radius);
            let added = 220.0 / (1.0 + far * far) - 0.8;
            let value = &mut luma.bytes[row * luma.width + column];
            *value = (f32::from(*value) + added.max(0.0)).min(235.0) as u8;
        }
    }
}

/// Streaks over the whole picture and drops on the plate.
fn rain(luma: &mut Plane<'_>, [x, y]: [f32; 2], plate: f32, rng: &mut ChaCha8Rng) {
    let (width, height) = (luma.width as f32, luma.height as f32);
    for _ in 0..260 {
        let (mut sx, sy) = (rng.gen_range(0.0..width), rng.gen_range(0.0..height));
        let (length, bright) = (rng.gen_range(12..46), rng.gen_range(14.0..44.0));
        for step in 0..length {
            sx += 0.15;
            let row = sy as usize + step;
            let column = sx as usize;
            if row < luma.height && column < luma.width {
                let value = &mut luma.bytes[row * luma.width + column];
                *value = (f32::from(*value) + bright).min(235.0) as u8;
            }
        }
    }
    for _ in 0..rng.gen_range(3..12) {
        let (dx, dy) = (
            x + rng.gen_range(-0.5..0.5) * plate,
            y + rng.gen_range(-0.16..0.16) * plate,
        );
        let radius = plate * rng.gen_range(0.006..0.018);
        let rows = (dy - radius).max(0.0) as usize..=((dy + radius).max(0.0) as usize);
        for row in rows.filter(|row| *row < luma.height) {
            let columns = (dx - radius).max(0.0) as usize..=((dx + radius).max(0.0) as usize);
            for column in columns.filter(|column| *column < luma.width) {
                let value = &mut luma.bytes[row * luma.width + column];
                *value = (f32::from(*value) * 0.6 + 60.0).min(235.0) as u8;
            }
        }
    }
}

/// Sums of four bytes are near enough to what a sensor does.
fn grain(luma: &mut Plane<'_>, noise: f32, rng: &mut ChaCha8Rng) {
    const TABLE: usize = 1 << 15;
    // Four uniform bytes added have a standard deviation of 147.8.
    let factor = noise / 147.8;
    let table: Vec<f32> = (0..TABLE)
        .map(|_| {
            let bytes: [u8; 4] = rng.r#gen();
            (bytes.iter().map(|b| f32::from(*b)).sum::<f32>() - 510.0) * factor
        })
        .collect();
    for row in luma.bytes.chunks_exact_mut(luma.width) {
        let from = rng.gen_range(0..TABLE - luma.width);
        for (value, noise) in row.iter_mut().zip(&table[from..]) {
            *value = (f32::from(*value) + noise).clamp(0.0, 255.0) as u8;
        }
    }
}
