//! One look at the brightness plane: a coarse grid of means, edges and bit patterns.

use crate::frame::Frame;

/// Cells across and down.
pub(super) const ACROSS: usize = 64;
pub(super) const DOWN: usize = 36;
/// Pixels looked at in each cell, across and down, and how far a coarse difference reaches.
const BLOCK: usize = 8;
const REACH: usize = 4;
/// A cell stands out from its neighbour by so much brightness, of 255.
const STEP: f32 = 5.0;
/// White begins here, for cameras that keep to the limited range too.
const WHITE: u8 = 232;

/// What one look saw. Taking another allocates nothing.
#[derive(Default)]
pub(super) struct Look {
    /// Mean brightness, of 255.
    pub(super) mean: f32,
    /// For each cell and its right, then its lower neighbour: brighter (1), darker (-1) or neither (0).
    pub(super) structure: Vec<i8>,
    /// Fine over coarse differences where there are edges, without the noise.
    pub(super) sharpness: f32,
    /// The share of white.
    pub(super) white: f32,
    /// The share of cells that are the same, bit by bit, as at the look before.
    pub(super) same: f32,
    means: Vec<f32>,
    prints: Vec<u64>,
    /// Squared differences of each cell to the next pixel and to the fourth.
    edges: Vec<(u32, u32)>,
    sorted: Vec<u32>,
}

impl Look {
    /// Looks at a picture; false when it is too small to be judged.
    pub(super) fn take(&mut self, frame: &Frame) -> bool {
        let [luma, _, _] = frame.planes();
        let (width, height) = (frame.width as usize, frame.height as usize);
        if width < ACROSS + BLOCK + REACH || height < DOWN + BLOCK {
            return false;
        }
        let cells = ACROSS * DOWN;
        self.means.resize(cells, 0.0);
        self.prints.resize(cells, 0);
        self.edges.resize(cells, (0, 0));
        self.structure.resize(cells * 2, 0);
        let (mut white, mut same) = (0usize, 0usize);
        for cell in 0..cells {
            let x = cell % ACROSS * (width - BLOCK - REACH) / (ACROSS - 1);
            let y = cell / ACROSS * (height - BLOCK) / (DOWN - 1);
            let (mut sum, mut print, mut fine, mut coarse) = (0u32, PRINT, 0u32, 0u32);
            for row in y..y + BLOCK {
                let start = row * luma.stride + x;
                let Some(row) = luma.bytes.get(start..start + BLOCK + REACH) else {
                    return false;
                };
                for at in 0..BLOCK {
                    sum += u32::from(row[at]);
                    white += usize::from(row[at] >= WHITE);
                    let square = |far: usize| u32::from(row[at].abs_diff(row[at + far])).pow(2);
                    fine += square(1);
                    coarse += square(REACH);
                    print = (print ^ u64::from(row[at])).wrapping_mul(PRINT);
                }
            }
            self.means[cell] = sum as f32 / (BLOCK * BLOCK) as f32;
            self.edges[cell] = (fine, coarse);
            same += usize::from(std::mem::replace(&mut self.prints[cell], print) == print);
        }
        self.same = same as f32 / cells as f32;
        self.white = white as f32 / (cells * BLOCK * BLOCK) as f32;
        self.mean = self.means.iter().sum::<f32>() / cells as f32;
        self.compare();
        self.sharpen();
        true
    }

    /// The share of neighbours that stand out from each other.
    pub(super) fn stands_out(&self) -> f32 {
        let out = self.structure.iter().filter(|step| **step != 0).count();
        out as f32 / self.structure.len().max(1) as f32
    }

    fn compare(&mut self) {
        let step = |difference: f32| i8::from(difference > STEP) - i8::from(difference < -STEP);
        for cell in 0..ACROSS * DOWN {
            let mean = self.means[cell];
            let right = (cell % ACROSS + 1 < ACROSS).then(|| self.means[cell + 1]);
            let below = self.means.get(cell + ACROSS);
            self.structure[cell * 2] = right.map_or(0, |other| step(mean - other));
            self.structure[cell * 2 + 1] = below.map_or(0, |other| step(mean - other));
        }
    }

    fn sharpen(&mut self) {
        // The flattest fifth of the cells holds nothing but noise.
        self.sorted.clear();
        self.sorted.extend(self.edges.iter().map(|(fine, _)| *fine));
        self.sorted.sort_unstable();
        let noise = self.sorted[self.sorted.len() / 5];
        let (mut fine_sum, mut coarse_sum) = (0.0f32, 0.0f32);
        for (fine, coarse) in &self.edges {
            let (fine, coarse) = (fine.saturating_sub(noise), coarse.saturating_sub(noise));
            if coarse > EDGE {
                fine_sum += fine as f32;
                coarse_sum += coarse as f32;
            }
        }
        self.sharpness = if coarse_sum > 0.0 {
            fine_sum / coarse_sum
        } else {
            0.0
        };
    }
}

/// A cell has an edge when its coarse differences, squared and summed, come to so much: a step of eight
/// through all of its rows.
const EDGE: u32 = 64 * (BLOCK * REACH) as u32;
/// The multiplier of the prints (FNV).
const PRINT: u64 = 0x0000_0100_0000_01b3;
