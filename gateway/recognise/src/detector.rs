//! Where plates are: the detector's boxes with their four corners.

use ort::environment::Environment;

use crate::error::Result;
use crate::models::{Models, Thresholds};
use crate::picture::{Area, Picture};
use crate::scale::Scaler;
use crate::session::{Model, Watch, output};
use crate::warp::Quad;

const ROLE: &str = "detector";

/// One box that may hold a plate.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// The detector's score, 0 to 1. It is high on car badges too: the reader decides.
    pub score: f32,
    /// In pixels of the whole picture.
    pub area: Area,
    /// In pixels of the whole picture.
    pub quad: Quad,
}

pub struct Detector {
    model: Model,
    scaler: Scaler,
    input: Vec<f32>,
    thresholds: Thresholds,
    found: Vec<Found>,
}

impl Detector {
    pub fn load(environment: &Environment, models: &Models) -> Result<Detector> {
        Ok(Detector {
            model: Model::load(environment, ROLE, &models.detector)?,
            scaler: Scaler::default(),
            input: Vec::new(),
            thresholds: models.thresholds,
            found: Vec::new(),
        })
    }

    /// The boxes in `area` of the picture looked at in `size` (width, height), best first.
    pub fn find(
        &mut self,
        watch: &Watch,
        picture: &Picture<'_>,
        area: &Area,
        size: (u32, u32),
    ) -> Result<&[Found]> {
        self.scaler
            .detector_input(picture, area, size, &mut self.input)?;
        let (found, thresholds) = (&mut self.found, self.thresholds);
        let shape = [1, 3, size.1 as usize, size.0 as usize];
        self.model.run(watch, shape, &self.input, |outputs| {
            let priors = Priors::new(size.0 as usize, size.1 as usize);
            let boxes = output(outputs, ROLE, "loc", priors.count * 4)?;
            let scores = output(outputs, ROLE, "conf", priors.count * 2)?;
            let corners = output(outputs, ROLE, "landms", priors.count * 8)?;
            found.clear();
            for (i, score) in scores.chunks_exact(2).map(|c| c[1]).enumerate() {
                if score >= thresholds.score {
                    let prior = priors.at(i);
                    found.push(Found {
                        score,
                        area: prior.area(&boxes[i * 4..][..4], area),
                        quad: prior.quad(&corners[i * 8..][..8], area),
                    });
                }
            }
            Ok(())
        })?;
        keep_best(&mut self.found, self.thresholds.overlap);
        Ok(&self.found)
    }

    /// The bare model call on the last input cut or grown to `size`, for comparison with `find`.
    pub fn bare(&mut self, watch: &Watch, size: (u32, u32)) -> Result<()> {
        let shape = [1, 3, size.1 as usize, size.0 as usize];
        self.input.resize(shape.iter().product(), 0.0);
        self.model.run(watch, shape, &self.input, |_| Ok(()))
    }
}

/// The size (width, height) at which `area` is looked at when its long side becomes `long`
/// pixels. Nothing is ever enlarged.
pub fn looked_at(area: &Area, long: u32) -> (u32, u32) {
    let ratio = (long as f32 / area.width().max(area.height())).min(1.0);
    let side = |length: f32| (length * ratio).round().max(8.0) as u32;
    (side(area.width()), side(area.height()))
}

/// Greedy: the best box stays, those that overlap it go.
fn keep_best(found: &mut Vec<Found>, overlap: f32) {
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept = 0;
    for i in 0..found.len() {
        let candidate = found[i];
        let covered = found[..kept]
            .iter()
            .any(|better| better.area.overlap(&candidate.area) > overlap);
        if !covered {
            found[kept] = candidate;
            kept += 1;
        }
    }
    found.truncate(kept);
}

/// The grid of boxes that the model's outputs are relative to.
struct Priors {
    width: usize,
    height: usize,
    count: usize,
}

/// Stride of each level and its two box sizes, all in pixels of the input.
const LEVELS: [(usize, [f32; 2]); 3] =
    [(8, [24.0, 48.0]), (16, [96.0, 192.0]), (32, [384.0, 768.0])];

/// The model's scales of position and size.
const VARIANCE: [f32; 2] = [0.1, 0.2];

impl Priors {
    fn new(width: usize, height: usize) -> Priors {
        let count = LEVELS
            .iter()
            .map(|(stride, _)| width.div_ceil(*stride) * height.div_ceil(*stride) * 2)
            .sum();
        Priors {
            width,
            height,
            count,
        }
    }

    /// The prior with this place in the outputs: by level, row, column, size.
    fn at(&self, mut index: usize) -> Prior {
        let (mut stride, mut sizes) = LEVELS[0];
        for level in LEVELS {
            (stride, sizes) = level;
            let here = self.width.div_ceil(stride) * self.height.div_ceil(stride) * 2;
            if index < here {
                break;
            }
            index -= here;
        }
        let columns = self.width.div_ceil(stride);
        let cell = index / 2;
        let place = |i: usize, side: usize| (i as f32 + 0.5) * stride as f32 / side as f32;
        let size = sizes[index % 2];
        Prior {
            centre: [
                place(cell % columns, self.width),
                place(cell / columns, self.height),
            ],
            size: [size / self.width as f32, size / self.height as f32],
        }
    }
}

/// One prior in fractions of the input's width and height.
#[derive(Debug, PartialEq)]
struct Prior {
    centre: [f32; 2],
    size: [f32; 2],
}

impl Prior {
    fn area(&self, loc: &[f32], within: &Area) -> Area {
        let half = [0, 1].map(|d| self.size[d] * (VARIANCE[1] * loc[2 + d]).exp() / 2.0);
        let centre = [0, 1].map(|d| self.centre[d] + loc[d] * VARIANCE[0] * self.size[d]);
        let [x0, y0] = placed([centre[0] - half[0], centre[1] - half[1]], within);
        let [x1, y1] = placed([centre[0] + half[0], centre[1] + half[1]], within);
        Area { x0, y0, x1, y1 }
    }

    /// The model gives bottom right, bottom left, top left, top right; that order is kept as it
    /// is, for sorting by geometry would turn tilted plates.
    fn quad(&self, landmarks: &[f32], within: &Area) -> Quad {
        let corner = |k: usize| {
            placed(
                [0, 1].map(|d| self.centre[d] + landmarks[2 * k + d] * VARIANCE[0] * self.size[d]),
                within,
            )
        };
        Quad([corner(2), corner(3), corner(0), corner(1)])
    }
}

/// From fractions of the area looked at to pixels of the picture.
fn placed(fraction: [f32; 2], within: &Area) -> [f32; 2] {
    [
        within.x0 + fraction[0] * within.width(),
        within.y0 + fraction[1] * within.height(),
    ]
}

impl Found {
    /// That the corners span something the reader can look at.
    pub fn legible(&self) -> bool {
        let [width, height] = self.quad.sides();
        width.is_finite() && height.is_finite() && width >= 8.0 && height >= 4.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(score: f32, x0: f32) -> Found {
        let area = Area {
            x0,
            y0: 0.0,
            x1: x0 + 100.0,
            y1: 30.0,
        };
        Found {
            score,
            area,
            quad: Quad::around(&area),
        }
    }

    #[test]
    fn priors_run_by_level_row_column_and_size() {
        // 20x12: level 8 has 3x2 cells, level 16 2x1, level 32 1x1.
        let priors = Priors::new(20, 12);
        assert_eq!(priors.count, (6 + 2 + 1) * 2);
        let last_of_first_level = priors.at(11);
        assert_eq!(
            last_of_first_level.centre,
            [2.5 * 8.0 / 20.0, 1.5 * 8.0 / 12.0]
        );
        assert_eq!(last_of_first_level.size, [48.0 / 20.0, 48.0 / 12.0]);
        let last = priors.at(17);
        assert_eq!(last.centre, [16.0 / 20.0, 16.0 / 12.0]);
        assert_eq!(last.size, [768.0 / 20.0, 768.0 / 12.0]);
    }

    #[test]
    fn corners_keep_the_models_order() {
        let prior = Prior {
            centre: [0.5, 0.5],
            size: [1.0, 1.0],
        };
        let whole = Area {
            x0: 100.0,
            y0: 0.0,
            x1: 200.0,
            y1: 100.0,
        };
        // Bottom right, bottom left, top left, top right of a plate turned upside down.
        let quad = prior.quad(&[-2.0, -1.0, 2.0, -1.0, 2.0, 1.0, -2.0, 1.0], &whole);
        let expected = [[170.0, 60.0], [130.0, 60.0], [130.0, 40.0], [170.0, 40.0]];
        for (corner, wanted) in quad.0.iter().zip(expected) {
            assert!((corner[0] - wanted[0]).abs() < 1e-3 && (corner[1] - wanted[1]).abs() < 1e-3);
        }
    }

    #[test]
    fn of_two_boxes_on_one_plate_the_better_stays() {
        let mut boxes = vec![found(0.5, 10.0), found(0.9, 0.0), found(0.6, 300.0)];
        keep_best(&mut boxes, 0.4);
        assert_eq!(
            boxes.iter().map(|f| f.score).collect::<Vec<_>>(),
            [0.9, 0.6]
        );
    }

    #[test]
    fn a_small_picture_is_never_enlarged() {
        let area = found(1.0, 0.0).area;
        assert_eq!(looked_at(&area, 960), (100, 30));
        assert_eq!(looked_at(&area, 50), (50, 15));
    }
}
