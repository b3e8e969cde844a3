//! Pictures with drawn plates: no real plate is needed to test that plates are read.

use std::path::PathBuf;

use ab_glyph::{Font, FontVec, PxScale, ScaleFont};
use gateway_recognise::{I420, Picture, Plane, Still};

/// The folder that ./tools/models fills.
pub fn models() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models"))
}

pub const BLUE: Ground = Ground([160, 60, 10], [255, 255, 255]);
pub const YELLOW: Ground = Ground([20, 170, 235], [20, 20, 20]);
pub const GREEN: Ground = Ground([130, 200, 110], [20, 20, 20]);
pub const WHITE: Ground = Ground([235, 235, 235], [20, 20, 20]);

/// The colours of a plate and of its characters, as BGR.
#[derive(Clone, Copy)]
pub struct Ground(pub [u8; 3], pub [u8; 3]);

/// A scene of one drawn vehicle.
pub struct Scene {
    pub width: u32,
    pub height: u32,
    pub pixels: Vec<u8>,
    font: FontVec,
}

impl Scene {
    /// A grey road with a car's body, no plate yet.
    pub fn new(width: u32, height: u32) -> Scene {
        let path = "/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc";
        let file = std::fs::read(path).expect("fonts-noto-cjk is installed");
        // The third face of the collection is the one for simplified Chinese.
        let font = FontVec::try_from_vec_and_index(file, 2).expect("the font can be read");
        let mut scene = Scene {
            width,
            height,
            pixels: Vec::new(),
            font,
        };
        for y in 0..height {
            for x in 0..width {
                let grain = ((x * 7 + y * 13) ^ (x * y)) % 9;
                let tone = (90 + y * 60 / height + grain) as u8;
                scene.pixels.extend([tone, tone, tone.saturating_add(4)]);
            }
        }
        let (w, h) = (width as f32, height as f32);
        scene.fill([w * 0.2, h * 0.25, w * 0.8, h * 0.9], [60, 50, 45]);
        scene.fill([w * 0.27, h * 0.3, w * 0.73, h * 0.5], [110, 100, 90]);
        scene
    }

    /// A plate with its middle at (x, y); its width in pixels, its height by the standard.
    pub fn plate(mut self, text: &str, ground: Ground, [x, y]: [f32; 2], width: f32) -> Scene {
        let height = width * 140.0 / 440.0;
        let [x0, y0] = [x - width / 2.0, y - height / 2.0];
        self.fill([x0, y0, x0 + width, y0 + height], ground.0);
        let count = text.chars().count() as f32;
        let margin = width * 0.035;
        // A gap as wide as a third of a character follows the second one.
        let step = (width - 2.0 * margin) / (count + 0.33);
        for (i, character) in text.chars().enumerate() {
            let gap = if i >= 2 { step * 0.33 } else { 0.0 };
            let left = x0 + margin + step * i as f32 + gap;
            let within = [left, y0 + height * 0.16, step * 0.88, height * 0.68];
            self.character(character, within, ground.1);
        }
        self
    }

    pub fn still(&self) -> Still {
        Still::from_bgr(self.width, self.height, self.pixels.clone()).expect("the size is right")
    }

    /// The same scene as a decoded video frame (BT.601 or BT.709 by its height).
    pub fn frame(&self) -> Frame {
        let (width, height) = (self.width as usize, self.height as usize);
        let (stride, half) = (width.next_multiple_of(32), width.div_ceil(2));
        let mut y = vec![16; stride * height];
        let mut chroma = [
            vec![0; half * height.div_ceil(2)],
            vec![0; half * height.div_ceil(2)],
        ];
        let kr_kb = if height >= 720 {
            (0.2126, 0.0722)
        } else {
            (0.299, 0.114)
        };
        for row in 0..height {
            for column in 0..width {
                let i = (row * width + column) * 3;
                let [b, g, r] = [0, 1, 2].map(|c| f32::from(self.pixels[i + c]) / 255.0);
                let luma = kr_kb.0 * r + (1.0 - kr_kb.0 - kr_kb.1) * g + kr_kb.1 * b;
                y[row * stride + column] = (16.0 + 219.0 * luma).round() as u8;
                let at = row / 2 * half + column / 2;
                let difference = |c: f32, k: f32| (128.0 + 112.0 * (c - luma) / (1.0 - k)) as u8;
                chroma[0][at] = difference(b, kr_kb.1);
                chroma[1][at] = difference(r, kr_kb.0);
            }
        }
        let [u, v] = chroma;
        Frame {
            width: self.width,
            height: self.height,
            planes: [(y, stride), (u, half), (v, half)],
        }
    }

    fn fill(&mut self, [x0, y0, x1, y1]: [f32; 4], colour: [u8; 3]) {
        for y in y0.max(0.0) as u32..(y1 as u32).min(self.height) {
            for x in x0.max(0.0) as u32..(x1 as u32).min(self.width) {
                self.mix(x, y, colour, 1.0);
            }
        }
    }

    /// The character's ink stretched over the box (left, top, width, height).
    fn character(&mut self, character: char, [x, y, width, height]: [f32; 4], colour: [u8; 3]) {
        let unit = self.font.as_scaled(PxScale::from(height));
        let id = unit.glyph_id(character);
        let plain = self
            .font
            .outline_glyph(id.with_scale(height))
            .expect("the font has it");
        let ink = plain.px_bounds();
        let scale = PxScale {
            x: height * width / ink.width(),
            y: height * height / ink.height(),
        };
        let glyph = self
            .font
            .outline_glyph(id.with_scale(scale))
            .expect("the font has it");
        let mut dots = Vec::new();
        glyph.draw(|dx, dy, share| dots.push((dx, dy, share)));
        for (dx, dy, share) in dots {
            self.mix(x as u32 + dx, y as u32 + dy, colour, share);
        }
    }

    fn mix(&mut self, x: u32, y: u32, colour: [u8; 3], share: f32) {
        if x >= self.width || y >= self.height {
            return;
        }
        let at = (y as usize * self.width as usize + x as usize) * 3;
        for (pixel, wanted) in self.pixels[at..at + 3].iter_mut().zip(colour) {
            let mixed =
                f32::from(*pixel) + (f32::from(wanted) - f32::from(*pixel)) * share.min(1.0);
            *pixel = mixed.round() as u8;
        }
    }
}

/// An owned I420 frame with rows padded as decoders do.
pub struct Frame {
    width: u32,
    height: u32,
    planes: [(Vec<u8>, usize); 3],
}

impl Frame {
    pub fn picture(&self) -> Picture<'_> {
        let plane = |i: usize| Plane {
            bytes: &self.planes[i].0,
            stride: self.planes[i].1,
        };
        Picture::I420(I420 {
            width: self.width,
            height: self.height,
            planes: [plane(0), plane(1), plane(2)],
        })
    }
}
