//! The colour of a plate, from the pixels of its strip.

use gateway_core::plate::PlateColour;

use crate::picture::Picture;
use crate::reader::STRIP;

/// Infra-red pictures have no colour: nothing may be concluded from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Light {
    Colour,
    Infrared,
}

/// Whether the picture has any colour, from a grid of its pixels.
pub fn light(picture: &Picture<'_>) -> Light {
    const GRID: u32 = 24;
    let mut chroma = 0.0;
    for row in 0..GRID {
        for column in 0..GRID {
            let x = (picture.width() * (2 * column + 1)) / (2 * GRID);
            let y = (picture.height() * (2 * row + 1)) / (2 * GRID);
            chroma += spread(picture, x, y);
        }
    }
    // A grey picture that went through JPEG or a video codec has up to 2 here.
    if chroma / ((GRID * GRID) as f32) < 4.0 {
        Light::Infrared
    } else {
        Light::Colour
    }
}

/// The colour of a strip of BGR bytes, `STRIP` wide and high.
pub fn of_strip(strip: &[u8], light: Light) -> PlateColour {
    if light == Light::Infrared {
        return PlateColour::Unknown;
    }
    let mut left = Counts::default();
    let mut right = Counts::default();
    let width = STRIP.0 as usize;
    let rows = strip.chunks_exact(width * 3);
    // The rim shows the margin around the plate.
    let inner = rows.skip(6).take(STRIP.1 as usize - 12);
    for row in inner {
        for (x, pixel) in row.chunks_exact(3).enumerate().skip(8).take(width - 16) {
            let side = if x < width / 4 { &mut left } else { &mut right };
            side.count(pixel);
        }
    }
    decide(&left, &right)
}

/// Pixels by what they look like.
#[derive(Default)]
struct Counts {
    all: f32,
    blue: f32,
    yellow: f32,
    green: f32,
    light: f32,
    dark: f32,
}

/// A part of a strip's pixels that makes its colour: characters and glare cover the rest.
const ENOUGH: f32 = 0.25;

fn decide(left: &Counts, right: &Counts) -> PlateColour {
    let share = |of: fn(&Counts) -> f32| (of(left) + of(right)) / (left.all + right.all).max(1.0);
    let (blue, yellow, green) = (share(|c| c.blue), share(|c| c.yellow), share(|c| c.green));
    let yellow_left = left.yellow / left.all.max(1.0);
    let green_right = right.green / right.all.max(1.0);
    if yellow_left > 0.4 && green_right > ENOUGH {
        return PlateColour::YellowGreen;
    }
    let most = blue.max(yellow).max(green);
    if most >= ENOUGH {
        return match most {
            _ if most == blue => PlateColour::Blue,
            _ if most == yellow => PlateColour::Yellow,
            _ => PlateColour::Green,
        };
    }
    let (light, dark) = (share(|c| c.light), share(|c| c.dark));
    if light + dark < 0.6 {
        PlateColour::Unknown
    } else if light > 1.3 * dark {
        PlateColour::White
    } else if dark > 1.3 * light {
        PlateColour::Black
    } else {
        PlateColour::Unknown
    }
}

impl Counts {
    fn count(&mut self, bgr: &[u8]) {
        let [b, g, r] = [bgr[0], bgr[1], bgr[2]].map(f32::from);
        let (most, least) = (b.max(g).max(r), b.min(g).min(r));
        let chroma = most - least;
        self.all += 1.0;
        // A tint of the light or the night must not make a white or a black plate.
        if chroma < 0.12 * most || most < 12.0 {
            if most > 120.0 {
                self.light += 1.0;
            } else {
                self.dark += 1.0;
            }
            return;
        }
        if chroma < 0.22 * most {
            return;
        }
        match hue(b, g, r, most, chroma) {
            25.0..=68.0 => self.yellow += 1.0,
            75.0..=182.0 => self.green += 1.0,
            190.0..=262.0 => self.blue += 1.0,
            _ => {}
        }
    }
}

/// Degrees, 0 red, 120 green, 240 blue.
fn hue(b: f32, g: f32, r: f32, most: f32, chroma: f32) -> f32 {
    let sixth = if most == r {
        ((g - b) / chroma).rem_euclid(6.0)
    } else if most == g {
        (b - r) / chroma + 2.0
    } else {
        (r - g) / chroma + 4.0
    };
    sixth * 60.0
}

/// How far a pixel is from grey, 0 to 255.
fn spread(picture: &Picture<'_>, x: u32, y: u32) -> f32 {
    match picture {
        Picture::Bgr(p) => {
            let [b, g, r] = p.at(x as i32, y as i32);
            f32::from(b.max(g).max(r) - b.min(g).min(r))
        }
        Picture::I420(p) => {
            let chroma = |i: usize| {
                let plane = &p.planes[i];
                let at = (y / 2) as usize * plane.stride + (x / 2) as usize;
                f32::from(plane.bytes[at].abs_diff(128))
            };
            chroma(1) + chroma(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::STRIP_BYTES;

    /// A strip with this ground and a third of it covered by characters.
    fn strip(ground: impl Fn(usize) -> [u8; 3], ink: [u8; 3]) -> Vec<u8> {
        let mut strip = Vec::with_capacity(STRIP_BYTES);
        for _ in 0..STRIP.1 {
            for x in 0..STRIP.0 as usize {
                strip.extend(if x % 9 < 3 { ink } else { ground(x) });
            }
        }
        strip
    }

    const WHITE: [u8; 3] = [235, 235, 235];
    const BLACK: [u8; 3] = [25, 25, 25];

    #[test]
    fn each_ground_has_its_colour() {
        let cases = [
            ([170, 80, 20], WHITE, PlateColour::Blue),
            ([20, 180, 230], BLACK, PlateColour::Yellow),
            ([120, 190, 90], BLACK, PlateColour::Green),
            (WHITE, BLACK, PlateColour::White),
            (BLACK, WHITE, PlateColour::Black),
        ];
        for (ground, ink, wanted) in cases {
            assert_eq!(of_strip(&strip(|_| ground, ink), Light::Colour), wanted);
        }
    }

    #[test]
    fn a_plate_in_the_dusk_keeps_its_colour_or_has_none() {
        let dim = |bgr: [u8; 3]| bgr.map(|c| c / 5);
        let blue = of_strip(&strip(|_| dim([170, 80, 20]), dim(WHITE)), Light::Colour);
        assert_eq!(blue, PlateColour::Blue);
        // Hardly any blue is left in it: nothing can be said.
        let washed = of_strip(&strip(|_| [60, 52, 50], [110, 98, 95]), Light::Colour);
        assert_eq!(washed, PlateColour::Unknown);
    }

    #[test]
    fn yellow_before_green_is_a_large_new_energy_plate() {
        let ground = |x| {
            if x < 40 {
                [20, 180, 230]
            } else {
                [90, 190, 70]
            }
        };
        let colour = of_strip(&strip(ground, BLACK), Light::Colour);
        assert_eq!(colour, PlateColour::YellowGreen);
    }

    #[test]
    fn infra_red_light_has_no_colour() {
        let colour = of_strip(&strip(|_| WHITE, BLACK), Light::Infrared);
        assert_eq!(colour, PlateColour::Unknown);
    }
}
