//! Draws plates after GA 36: sizes, colours, cells of the characters, dot and border.

use std::path::Path;

use ab_glyph::{Font, FontVec, Glyph, PxScale, point};
use anyhow::{Context, Result};
use traffic::{Plate, PlateKind};

use crate::canvas::{Canvas, Rgb, mix};

const FOLDER: &str = "/usr/share/fonts/opentype/noto";
/// The simplified Chinese face in the collection.
const FACE: u32 = 2;

/// The characters' face, loaded once.
pub struct Lettering {
    font: FontVec,
    /// Strokes are made so much wider, millimetres on the plate.
    widened: f32,
}

impl Lettering {
    /// Loads the bold face from Debian's place.
    pub fn load() -> Result<Lettering> {
        Lettering::of("NotoSansCJK-Bold.ttc", 0.0)
    }

    /// As near to the standard's face as a text face comes: upright strokes of 6 mm in provinces and
    /// of 10 mm in letters and digits once they are squeezed into their cells, level ones as thick.
    pub fn standard() -> Result<Lettering> {
        Lettering::of("NotoSansCJK-Regular.ttc", 2.5)
    }

    fn of(file: &str, widened: f32) -> Result<Lettering> {
        let path = Path::new(FOLDER).join(file);
        let bytes = std::fs::read(&path).with_context(|| {
            format!(
                "{} cannot be read; install the package fonts-noto-cjk",
                path.display()
            )
        })?;
        let font = FontVec::try_from_vec_and_index(bytes, FACE)
            .context("the Noto CJK face is not readable")?;
        Ok(Lettering { font, widened })
    }

    /// Draws the plate with its left upper corner at a point; `scale` is pixels per millimetre.
    pub fn draw(&self, canvas: &mut Canvas, plate: &Plate, at: (f32, f32), scale: f32) {
        ground(canvas, plate.kind, at, scale);
        let (ink, last_ink) = inks(plate.kind);
        let count = plate.text.chars().count();
        for (index, (character, cell)) in plate.text.chars().zip(cells(plate.kind)).enumerate() {
            let cell = Cell {
                x: at.0 + cell.x * scale,
                y: at.1 + cell.y * scale,
                width: (cell.width - self.widened) * scale,
                height: cell.height * scale,
            };
            let ink = if index + 1 == count { last_ink } else { ink };
            let steps = (self.widened * scale).round() as usize;
            for step in 0..=steps {
                let x = cell.x + step as f32;
                self.character(canvas, character, &Cell { x, ..cell }, ink);
            }
        }
        if let Some((x, y)) = dot(plate.kind) {
            canvas.disc((at.0 + x * scale, at.1 + y * scale), 5.0 * scale, ink);
        }
    }

    /// A dealer's board of a plate's size with a few words on it.
    pub fn saying(&self, canvas: &mut Canvas, words: &str, at: (f32, f32), scale: f32) {
        let rect = (at.0, at.1, at.0 + 440.0 * scale, at.1 + 140.0 * scale);
        canvas.rounded(rect, 10.0 * scale, |_, _| RED);
        let each = 360.0 / words.chars().count().max(1) as f32;
        for (index, character) in words.chars().enumerate() {
            let cell = Cell {
                x: at.0 + (40.0 + each * index as f32) * scale,
                y: at.1 + 40.0 * scale,
                width: each * 0.8 * scale,
                height: 60.0 * scale,
            };
            self.character(canvas, character, &cell, WHITE);
        }
    }

    fn width_of(&self, character: char, em: f32) -> f32 {
        let glyph = Glyph {
            id: self.font.glyph_id(character),
            scale: PxScale::from(em),
            position: point(0.0, 0.0),
        };
        self.font
            .outline_glyph(glyph)
            .map_or(em / 2.0, |outline| outline.px_bounds().width())
    }

    /// Fits a character into its cell: the full height, and at most the full width.
    fn character(&self, canvas: &mut Canvas, character: char, cell: &Cell, ink: Rgb) {
        let id = self.font.glyph_id(character);
        let em = 1000.0;
        let unit = Glyph {
            id,
            scale: PxScale::from(em),
            position: point(0.0, 0.0),
        };
        let Some(outline) = self.font.outline_glyph(unit) else {
            return;
        };
        let natural = outline.px_bounds();
        // Latin characters keep their own width against an 8, so that a 1 stays narrow.
        let full = if character.is_ascii() {
            self.width_of('8', em)
        } else {
            natural.width()
        };
        let squeeze = cell.width / full.max(natural.width());
        let (across, down) = (em * squeeze, em * cell.height / natural.height());
        let scaled = PxScale { x: across, y: down };
        let Some(outline) = self.font.outline_glyph(Glyph {
            id,
            scale: scaled,
            position: point(0.0, 0.0),
        }) else {
            return;
        };
        let bounds = outline.px_bounds();
        let left = cell.x + (cell.width - bounds.width()) / 2.0;
        outline.draw(|x, y, cover| {
            let (column, row) = (left + x as f32, cell.y + y as f32);
            if column >= 0.0
                && row >= 0.0
                && (column as usize) < canvas.width
                && (row as usize) < canvas.height
            {
                canvas.blend(column as usize, row as usize, ink, cover.clamp(0.0, 1.0));
            }
        });
    }
}

/// Where a character stands: millimetres from the plate's corner, or pixels on the canvas.
struct Cell {
    x: f32,
    y: f32,
    width: f32,
    height: f32,
}

fn cells(kind: PlateKind) -> Vec<Cell> {
    match kind {
        PlateKind::YellowTwoRow => two_rows(),
        PlateKind::GreenSmall | PlateKind::GreenLarge => row(8, 43.0, 9.0, 49.0),
        _ => row(7, 45.0, 12.0, 34.0),
    }
}

/// One row: the first character is 45 mm wide, the others `width`; a wider gap follows the second.
fn row(count: usize, width: f32, gap: f32, wide_gap: f32) -> Vec<Cell> {
    let mut x = 15.5;
    let mut cells = Vec::with_capacity(count);
    for index in 0..count {
        let width = if index == 0 { 45.0 } else { width };
        cells.push(Cell {
            x,
            y: 25.0,
            width,
            height: 90.0,
        });
        x += width + if index == 1 { wide_gap } else { gap };
    }
    cells
}

/// Two rows: province and city above, 80 × 60 mm, the serial below, 65 × 110 mm.
fn two_rows() -> Vec<Cell> {
    let upper = [110.0, 250.0].map(|x| Cell {
        x,
        y: 15.0,
        width: 80.0,
        height: 60.0,
    });
    let lower = (0..5).map(|index| Cell {
        x: 27.5 + 80.0 * index as f32,
        y: 90.0,
        width: 65.0,
        height: 110.0,
    });
    upper.into_iter().chain(lower).collect()
}

fn dot(kind: PlateKind) -> Option<(f32, f32)> {
    match kind {
        PlateKind::GreenSmall | PlateKind::GreenLarge => None,
        PlateKind::YellowTwoRow => Some((220.0, 45.0)),
        _ => Some((134.5, 70.0)),
    }
}

const WHITE: Rgb = [236, 238, 240];
const BLACK: Rgb = [18, 18, 20];
const BLUE: Rgb = [16, 62, 168];
const YELLOW: Rgb = [238, 178, 20];
const RED: Rgb = [200, 24, 30];
const GREEN: Rgb = [52, 176, 96];
const PALE: Rgb = [222, 240, 226];

/// The characters' colour, and the last one's.
fn inks(kind: PlateKind) -> (Rgb, Rgb) {
    match kind {
        PlateKind::Blue | PlateKind::HkMacau => (WHITE, WHITE),
        PlateKind::Police => (BLACK, RED),
        _ => (BLACK, BLACK),
    }
}

fn ground(canvas: &mut Canvas, kind: PlateKind, at: (f32, f32), scale: f32) {
    let (width, height) = kind.size_mm();
    let (width, height) = (width as f32 * scale, height as f32 * scale);
    let rect = (at.0, at.1, at.0 + width, at.1 + height);
    let radius = 10.0 * scale;
    match kind {
        PlateKind::Blue => canvas.rounded(rect, radius, |_, _| BLUE),
        PlateKind::HkMacau => canvas.rounded(rect, radius, |_, _| BLACK),
        PlateKind::Police => canvas.rounded(rect, radius, |_, _| WHITE),
        PlateKind::GreenSmall => canvas.rounded(rect, radius, |_, y| {
            mix(PALE, GREEN, (y - at.1) / height * 1.2 - 0.1)
        }),
        PlateKind::GreenLarge => {
            canvas.rounded(rect, radius, |x, _| {
                if x - at.0 < 125.0 * scale {
                    YELLOW
                } else {
                    GREEN
                }
            });
        }
        _ => canvas.rounded(rect, radius, |_, _| YELLOW),
    }
    let inset = 4.0 * scale;
    let inner = (
        rect.0 + inset,
        rect.1 + inset,
        rect.2 - inset,
        rect.3 - inset,
    );
    canvas.outline(inner, radius - inset / 2.0, 1.8 * scale, inks(kind).0);
}
