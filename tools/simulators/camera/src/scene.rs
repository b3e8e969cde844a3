//! The synthetic lane: road, kerb, wall, arm and the vehicle in perspective, as I420 frames.

use crate::canvas::{Canvas, Rgb, mix};
use crate::car::{Car, SPRITE_SCALE};

/// Size and speed of the pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Format {
    /// Pixels across, even.
    pub width: usize,
    /// Pixels down, even.
    pub height: usize,
    /// Frames per second.
    pub fps: u32,
}

impl Format {
    /// Bytes of one I420 frame.
    pub fn bytes(&self) -> usize {
        self.width * self.height * 3 / 2
    }
}

/// Where a vehicle is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Place {
    /// On its way to the arm, 0 (far) to 1 (at the arm).
    Coming(f32),
    /// At the arm.
    Standing,
    /// On its way out of the picture, 0 (at the arm) to 1 (gone).
    Leaving(f32),
}

/// A lane without vehicles, ready to put one on it.
pub struct Scene {
    format: Format,
    background: Canvas,
    raised: Canvas,
    noise: Vec<i8>,
}

/// The camera stands this high over the road, metres.
const CAMERA_HEIGHT: f32 = 1.35;
/// Height of the horizon, share of the picture.
const HORIZON: f32 = 0.29;
/// Pixels per metre at the arm, share of the picture's width: a plate is there 12 % of the picture wide.
const AT_ARM: f32 = 0.275;
/// How much further away a vehicle is when it appears.
const FAR: f32 = 2.7;
/// Where a vehicle drives, metres to the right of the camera.
const TRACK: f32 = -0.45;

impl Scene {
    /// The lane of a seed: light, wall and road differ.
    pub fn new(format: Format, seed: u64) -> Scene {
        let noise = (0..NOISE)
            .map(|at| (scatter(seed, at as u64) % 3) as i8 - 1)
            .collect();
        let open = backdrop(format, seed);
        let (mut background, mut raised) = (open.clone(), open);
        arm(&mut background, false);
        arm(&mut raised, true);
        Scene {
            format,
            background,
            raised,
            noise,
        }
    }

    /// The pictures' size and speed.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Draws the lane, and the vehicle if there is one, into an I420 frame of the format's size, without
    /// noise.
    pub fn draw(&self, vehicle: Option<(&Car, Place)>, frame: &mut [u8]) {
        let lifted = matches!(vehicle, Some((_, Place::Leaving(_))));
        let base = if lifted {
            &self.raised
        } else {
            &self.background
        };
        match vehicle {
            None => to_i420(base, frame),
            Some((car, place)) => {
                let mut picture = base.clone();
                put(&mut picture, car, place);
                if !lifted {
                    arm(&mut picture, false);
                }
                to_i420(&picture, frame);
            }
        }
    }

    /// The lane without a vehicle, the arm down or, while one leaves, up.
    pub fn backdrop(&self, place: Place) -> &Canvas {
        match place {
            Place::Leaving(_) => &self.raised,
            Place::Coming(_) | Place::Standing => &self.background,
        }
    }

    /// A little sensor noise on the brightness. It follows from the seed and the frame's number, so that a
    /// clip is the same in every run.
    pub fn grain(&self, number: usize, frame: &mut [u8]) {
        let luma = &mut frame[..self.format.width * self.format.height];
        let mut offset = (number * 7919) % NOISE;
        for row in luma.chunks_exact_mut(self.format.width) {
            offset = (offset + 4099) % (NOISE - self.format.width);
            for (pixel, noise) in row.iter_mut().zip(&self.noise[offset..]) {
                *pixel = pixel.saturating_add_signed(*noise);
            }
        }
    }
}

const NOISE: usize = 1 << 16;

fn put(picture: &mut Canvas, car: &Car, place: Place) {
    let at_arm = AT_ARM * picture.width as f32;
    let (scale, track) = match place {
        // It brakes: fast at first, slow at the arm.
        Place::Coming(share) => (at_arm / (1.0 + (FAR - 1.0) * (1.0 - share).powi(2)), TRACK),
        Place::Standing => (at_arm, TRACK),
        Place::Leaving(share) => (
            at_arm * (1.0 + 1.8 * share * share),
            TRACK - 1.9 * share * share,
        ),
    };
    let (width, height) = car.size();
    let centre = picture.width as f32 / 2.0 + track * scale;
    let ground = HORIZON * picture.height as f32 + CAMERA_HEIGHT * scale;
    let (left, top) = (centre - width * scale / 2.0, ground - height * scale);
    shadow(picture, centre, ground, width * scale);
    let ratio = SPRITE_SCALE / scale;
    let level = (ratio.log2().floor().max(0.0) as usize).min(car.levels.len() - 1);
    let (sprite, ratio) = (&car.levels[level], ratio / (1 << level) as f32);
    let clamp = |value: f32, limit: usize| value.clamp(0.0, limit as f32) as usize;
    for row in clamp(top.floor(), picture.height)..clamp(ground.ceil(), picture.height) {
        for column in
            clamp(left.floor(), picture.width)..clamp((left + width * scale).ceil(), picture.width)
        {
            let (x, y) = (
                (column as f32 + 0.5 - left) * ratio,
                (row as f32 + 0.5 - top) * ratio,
            );
            match sprite.sample(x, y) {
                [_, _, _, 0] => {}
                solid @ [_, _, _, 250..=255] => {
                    picture.pixels[row * picture.width + column] = solid
                }
                [red, green, blue, alpha] => {
                    picture.blend(column, row, [red, green, blue], f32::from(alpha) / 255.0);
                }
            }
        }
    }
}

fn shadow(picture: &mut Canvas, centre: f32, ground: f32, width: f32) {
    let (across, down) = (width * 0.56, width * 0.06);
    let bounds = (
        centre - across,
        ground - down,
        centre + across,
        ground + down,
    );
    let coverage = |x: f32, y: f32| {
        let distance = ((x - centre) / across).powi(2) + ((y - ground) / down).powi(2);
        (1.0 - distance).max(0.0) * 0.7
    };
    picture.paint(bounds, coverage, |_, _| [14, 14, 16]);
}

fn backdrop(format: Format, seed: u64) -> Canvas {
    let mut picture = Canvas::new(format.width, format.height);
    let (width, height) = (format.width as f32, format.height as f32);
    let horizon = HORIZON * height;
    let light = 0.82 + (scatter(seed, 1) % 19) as f32 / 100.0;
    let lit = move |colour: Rgb| colour.map(|value| (f32::from(value) * light) as u8);
    let wall_tone: Rgb =
        [[172, 160, 142], [150, 152, 150], [168, 140, 120]][(scatter(seed, 2) % 3) as usize];
    let wall_top = horizon * 0.42;
    picture.rounded((0.0, 0.0, width, wall_top), 0.0, |_, y| {
        lit(mix([150, 178, 206], [206, 214, 220], y / wall_top))
    });
    picture.rounded((0.0, wall_top, width, horizon + 6.0), 0.0, |x, y| {
        let seam = (y - wall_top) % 14.0 < 1.6
            || (x + if ((y - wall_top) / 14.0) as i32 % 2 == 0 {
                17.0
            } else {
                0.0
            }) % 34.0
                < 1.6;
        lit(if seam {
            mix(wall_tone, [0; 3], 0.18)
        } else {
            wall_tone
        })
    });
    picture.rounded((0.0, horizon, width, height), 0.0, |x, y| {
        let speck = (scatter(seed, x as u64 * 8191 + y as u64) % 9) as f32 / 100.0;
        lit(mix(
            [112, 114, 112],
            [84, 86, 88],
            (y - horizon) / (height - horizon) + speck,
        ))
    });
    // Kerbs and lines run along the track: they meet at the horizon.
    let lower = (height - horizon) / CAMERA_HEIGHT;
    for (from, to, colour) in [
        (-1.85, -1.74, [210, 208, 196]),
        (0.84, 0.95, [210, 208, 196]),
        (1.15, 1.5, [140, 140, 136]),
    ] {
        let at = |metres: f32, scale: f32| width / 2.0 + metres * scale;
        let corners = [
            (at(from, 20.0), horizon + 20.0 * CAMERA_HEIGHT),
            (at(to, 20.0), horizon + 20.0 * CAMERA_HEIGHT),
            (at(to, lower), height),
            (at(from, lower), height),
        ];
        picture.polygon(&corners, |_, _| lit(colour));
    }
    let hut = (
        width * 0.84,
        horizon * 0.3,
        width * 0.99,
        horizon + 0.34 * height,
    );
    picture.rounded(hut, 8.0, |_, _| lit([196, 198, 196]));
    picture.rounded(
        (
            hut.0 + 18.0,
            hut.1 + 24.0,
            hut.2 - 18.0,
            hut.1 + 0.2 * height,
        ),
        4.0,
        |x, y| {
            lit(mix(
                [70, 92, 108],
                [120, 140, 150],
                (x - hut.0 + y - hut.1) / (0.3 * width),
            ))
        },
    );
    picture
}

/// The barrier's arm: across the lane below the vehicle's plate, or upright beside it.
fn arm(picture: &mut Canvas, raised: bool) {
    let (width, height) = (picture.width as f32, picture.height as f32);
    let post = (0.86 * width, 0.62 * height, 0.905 * width, 0.99 * height);
    let thick = 0.022 * height;
    let stripe = |along: f32| {
        if (along / (0.055 * width)) as i32 % 2 == 0 {
            [196, 40, 36]
        } else {
            [232, 232, 228]
        }
    };
    if raised {
        picture.rounded(
            (post.0 + 8.0, 0.0, post.0 + 8.0 + thick, 0.7 * height),
            3.0,
            |_, y| stripe(y),
        );
    } else {
        picture.rounded(
            (
                0.02 * width,
                0.93 * height,
                0.88 * width,
                0.93 * height + thick,
            ),
            3.0,
            |x, _| stripe(x),
        );
    }
    picture.rounded(post, 8.0, |_, y| {
        mix(
            [226, 150, 40],
            [180, 110, 24],
            (y - post.1) / (post.3 - post.1),
        )
    });
}

/// BT.601, limited range.
pub fn to_i420(picture: &Canvas, frame: &mut [u8]) {
    planes(
        picture,
        frame,
        [[66, 129, 25], [-38, -74, 112], [112, -94, -18]],
    );
}

/// As decoders give it by the height: BT.709 from 720 rows on, else BT.601; limited range.
pub fn to_i420_of(picture: &Canvas, frame: &mut [u8]) {
    if picture.height < 720 {
        return to_i420(picture, frame);
    }
    planes(
        picture,
        frame,
        [[47, 157, 16], [-26, -86, 112], [112, -102, -10]],
    );
}

/// The planes by the weights, in 256ths, of red, green and blue in brightness and in both colours.
fn planes(picture: &Canvas, frame: &mut [u8], [of_luma, of_blue, of_red]: [[i32; 3]; 3]) {
    let (width, height) = (picture.width, picture.height);
    let (luma, chroma) = frame.split_at_mut(width * height);
    let (blue_plane, red_plane) = chroma.split_at_mut(width * height / 4);
    let weigh = |weights: [i32; 3], pixel: [i32; 3]| {
        let sum = weights[0].wrapping_mul(pixel[0]);
        let sum = sum.wrapping_add(weights[1].wrapping_mul(pixel[1]));
        (sum.wrapping_add(weights[2].wrapping_mul(pixel[2]))
            .wrapping_add(128))
            >> 8
    };
    for (value, pixel) in luma.iter_mut().zip(&picture.pixels) {
        let pixel = [
            i32::from(pixel[0]),
            i32::from(pixel[1]),
            i32::from(pixel[2]),
        ];
        *value = weigh(of_luma, pixel).wrapping_add(16) as u8;
    }
    let rows = picture.pixels.chunks_exact(width * 2);
    let planes = blue_plane
        .chunks_exact_mut(width / 2)
        .zip(red_plane.chunks_exact_mut(width / 2));
    for (pair, (blues, reds)) in rows.zip(planes) {
        let (upper, lower) = pair.split_at(width);
        let cells = upper
            .as_chunks::<2>()
            .0
            .iter()
            .zip(lower.as_chunks::<2>().0);
        for ((above, below), (blue, red)) in cells.zip(blues.iter_mut().zip(reds)) {
            let mean = |channel: usize| {
                let upper = u16::from(above[0][channel]).wrapping_add(u16::from(above[1][channel]));
                let lower = u16::from(below[0][channel]).wrapping_add(u16::from(below[1][channel]));
                i32::from(upper.wrapping_add(lower) / 4)
            };
            let pixel = [mean(0), mean(1), mean(2)];
            *blue = weigh(of_blue, pixel).wrapping_add(128) as u8;
            *red = weigh(of_red, pixel).wrapping_add(128) as u8;
        }
    }
}

/// A number that looks random but belongs to its place.
pub fn scatter(seed: u64, at: u64) -> u64 {
    let mut value = seed
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add(at.wrapping_mul(0xBF58_476D_1CE4_E5B9));
    value = (value ^ (value >> 30)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}
