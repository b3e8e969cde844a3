//! Draws the front of a vehicle with its plate, seen straight on: the sprite that the scene moves.

use traffic::{Plate, PlateKind};

use crate::canvas::{Canvas, Rect, Rgb, mix};
use crate::plate::Lettering;

/// Pixels per metre of the sprite.
pub const SPRITE_SCALE: f32 = 800.0;

/// A drawn vehicle: the sprite at full size and halved again and again.
pub struct Car {
    /// The wheels stand on the lower edge; each level is half the one before.
    pub levels: Vec<Canvas>,
    /// Where the plate is, or would be, on the first level.
    pub plate: Rect,
}

/// What a vehicle has where its plate belongs.
#[derive(Clone, Copy)]
pub enum Front<'a> {
    Plate(&'a Plate),
    /// A dealer's board with these words.
    Saying(&'a str),
    /// An empty holder.
    Bare,
}

/// How a vehicle is built, in metres.
struct Build {
    width: f32,
    height: f32,
    /// Share of the height where the bonnet begins.
    bonnet: f32,
    /// How far the cabin's top is narrower than its foot, on each side.
    taper: f32,
}

const SALOON: Build = Build {
    width: 1.8,
    height: 1.44,
    bonnet: 0.46,
    taper: 0.26,
};
const VAN: Build = Build {
    width: 1.9,
    height: 1.85,
    bonnet: 0.52,
    taper: 0.14,
};
const LORRY: Build = Build {
    width: 2.1,
    height: 2.3,
    bonnet: 0.55,
    taper: 0.06,
};

const PAINTS: [Rgb; 9] = [
    [214, 216, 218],
    [32, 34, 38],
    [128, 132, 138],
    [150, 28, 32],
    [34, 58, 96],
    [92, 74, 58],
    [178, 170, 150],
    [62, 84, 70],
    [236, 236, 232],
];

impl Car {
    /// The vehicle wearing the plate; `body` picks its paint.
    pub fn draw(lettering: &Lettering, plate: &Plate, body: u32) -> Car {
        Car::wearing(lettering, Front::Plate(plate), body)
    }

    /// The vehicle with a plate or with something else in its place.
    pub fn wearing(lettering: &Lettering, front: Front<'_>, body: u32) -> Car {
        let kind = match front {
            Front::Plate(plate) => plate.kind,
            Front::Saying(_) | Front::Bare => PlateKind::Blue,
        };
        let build = match kind {
            PlateKind::YellowOneRow | PlateKind::YellowTwoRow => LORRY,
            PlateKind::GreenLarge => VAN,
            _ if body % 5 == 4 => VAN,
            _ => SALOON,
        };
        let paint = PAINTS[body as usize % PAINTS.len()];
        let pixels = |metres: f32| (metres * SPRITE_SCALE) as usize;
        let mut sprite = Canvas::new(pixels(build.width), pixels(build.height));
        let brush = Brush {
            width: sprite.width as f32,
            height: sprite.height as f32,
            build,
            paint,
        };
        brush.wheels(&mut sprite);
        brush.cabin(&mut sprite);
        brush.front(&mut sprite);
        brush.lamps(&mut sprite);
        let (width_mm, height_mm) = kind.size_mm();
        let scale = SPRITE_SCALE / 1000.0;
        let left = (brush.width - width_mm as f32 * scale) / 2.0;
        let top = brush.height - 0.46 * SPRITE_SCALE - height_mm as f32 * scale / 2.0;
        let frame = 14.0 * scale;
        let holder = (
            left - frame,
            top - frame,
            left + width_mm as f32 * scale + frame,
            top + height_mm as f32 * scale + frame,
        );
        sprite.rounded(holder, frame, |_, _| [26, 27, 29]);
        match front {
            Front::Plate(plate) => lettering.draw(&mut sprite, plate, (left, top), scale),
            Front::Saying(words) => lettering.saying(&mut sprite, words, (left, top), scale),
            Front::Bare => {}
        }
        let mut levels = vec![sprite];
        for level in 0..3 {
            let half = levels[level].halved();
            levels.push(half);
        }
        let plate = (
            left,
            top,
            left + width_mm as f32 * scale,
            top + height_mm as f32 * scale,
        );
        Car { levels, plate }
    }

    /// Width and height in metres.
    pub fn size(&self) -> (f32, f32) {
        (
            self.levels[0].width as f32 / SPRITE_SCALE,
            self.levels[0].height as f32 / SPRITE_SCALE,
        )
    }
}

struct Brush {
    width: f32,
    height: f32,
    build: Build,
    paint: Rgb,
}

impl Brush {
    fn wheels(&self, sprite: &mut Canvas) {
        let (width, height) = (self.width, self.height);
        for left in [0.05, 0.79] {
            let rect = (
                left * width,
                height - 0.34 * SPRITE_SCALE,
                (left + 0.16) * width,
                height,
            );
            sprite.rounded(rect, 30.0, |_, _| [16, 16, 17]);
        }
    }

    fn cabin(&self, sprite: &mut Canvas) {
        let foot = self.build.bonnet * self.height;
        let taper = self.build.taper * SPRITE_SCALE;
        let shape = |inset: f32, top: f32| {
            let share = top / foot;
            let narrow = taper * (1.0 - share) + inset;
            [
                (narrow, top),
                (self.width - narrow, top),
                (self.width - inset - 0.03 * self.width, foot + 6.0),
                (inset + 0.03 * self.width, foot + 6.0),
            ]
        };
        let paint = self.paint;
        sprite.polygon(&shape(0.0, 4.0), |_, y| {
            mix(mix(paint, [255; 3], 0.18), paint, y / foot)
        });
        sprite.polygon(&shape(0.07 * self.width, 0.09 * foot), |x, y| {
            let sky = mix([120, 138, 152], [30, 36, 42], y / foot);
            // A bright band across the glass, as the sky gives it.
            if (x + y * 0.8) % (self.width * 0.62) < self.width * 0.09 {
                mix(sky, [210, 220, 228], 0.22)
            } else {
                sky
            }
        });
        let mirror = 0.42 * self.height;
        for left in [0.0, self.width - 0.075 * self.width] {
            let rect = (
                left,
                mirror,
                left + 0.075 * self.width,
                mirror + 0.07 * self.height,
            );
            sprite.rounded(rect, 16.0, |_, _| mix(paint, [0; 3], 0.3));
        }
    }

    fn front(&self, sprite: &mut Canvas) {
        let (width, height, paint) = (self.width, self.height, self.paint);
        let top = self.build.bonnet * height;
        let bottom = height - 0.16 * SPRITE_SCALE;
        let body = (0.02 * width, top, 0.98 * width, bottom);
        sprite.rounded(body, 60.0, |_, y| {
            let down = (y - top) / (bottom - top);
            mix(
                mix(paint, [255; 3], 0.12 * (1.0 - down)),
                [0; 3],
                0.35 * down,
            )
        });
        let grille = (
            0.27 * width,
            top + 0.12 * (bottom - top),
            0.73 * width,
            top + 0.36 * (bottom - top),
        );
        sprite.rounded(grille, 26.0, |_, y| {
            if (y as i32 / 9) % 2 == 0 {
                [24, 25, 27]
            } else {
                [52, 54, 58]
            }
        });
        sprite.disc(
            (width / 2.0, (grille.1 + grille.3) / 2.0),
            30.0,
            [180, 184, 190],
        );
        let skirt = (
            0.05 * width,
            height - 0.26 * SPRITE_SCALE,
            0.95 * width,
            bottom + 10.0,
        );
        sprite.rounded(skirt, 24.0, |_, _| [34, 35, 38]);
    }

    fn lamps(&self, sprite: &mut Canvas) {
        let top = self.build.bonnet * self.height;
        for (left, right) in [(0.06, 0.23), (0.77, 0.94)] {
            let rect = (
                left * self.width,
                top + 40.0,
                right * self.width,
                top + 0.16 * SPRITE_SCALE,
            );
            sprite.rounded(rect, 34.0, |_, _| [196, 204, 212]);
            let centre = ((rect.0 + rect.2) / 2.0, (rect.1 + rect.3) / 2.0);
            sprite.disc(centre, 30.0, [244, 246, 240]);
        }
    }
}
