//! A vehicle seen at an angle: its flat front in perspective, and where that puts its plate.

use crate::canvas::Canvas;
use crate::car::{Car, SPRITE_SCALE};

/// Left upper, right upper, right lower, left lower corner, in pixels of the picture.
pub type Corners = [[f32; 2]; 4];

/// Where the plate is in the picture and how it is turned.
#[derive(Debug, Clone, Copy)]
pub struct Pose {
    /// The length of the plate's upper edge would be this many pixels without perspective.
    pub plate_px: f32,
    /// The plate's middle in pixels.
    pub centre: [f32; 2],
    /// Turned about the vertical, degrees.
    pub yaw: f32,
    /// Seen from above, degrees.
    pub pitch: f32,
    /// Turned in the picture, degrees.
    pub roll: f32,
}

/// The focal length, in widths of the picture: a camera that sees 45 degrees.
const FOCAL: f32 = 1.2;

type Matrix = [[f32; 3]; 3];

/// Puts the vehicle into the picture and tells where its plate is.
pub fn put(picture: &mut Canvas, car: &Car, pose: &Pose) -> Corners {
    let onto = projection(picture, car, pose);
    let sprite = &car.levels[0];
    let size = (sprite.width as f32, sprite.height as f32);
    let outline = corners(&onto, (0.0, 0.0, size.0, size.1));
    fill(picture, car, &onto, &outline);
    corners(&onto, car.plate)
}

/// From pixels of the sprite to pixels of the picture.
fn projection(picture: &Canvas, car: &Car, pose: &Pose) -> Matrix {
    let focal = FOCAL * picture.width as f32;
    let middle = [picture.width as f32 / 2.0, picture.height as f32 / 2.0];
    let (left, top, right, bottom) = car.plate;
    let [yaw, pitch, roll] = [pose.yaw, pose.pitch, pose.roll].map(f32::to_radians);
    let across = turned([yaw.cos(), 0.0, yaw.sin()], pitch, roll);
    let down = turned([0.0, 1.0, 0.0], pitch, roll);
    let metres = (right - left) / SPRITE_SCALE;
    let distance = focal * metres * yaw.cos() / pose.plate_px;
    let at = [
        (pose.centre[0] - middle[0]) / focal * distance,
        (pose.centre[1] - middle[1]) / focal * distance,
        distance,
    ];
    let (u, v) = ((left + right) / 2.0, (top + bottom) / 2.0);
    let origin = [0, 1, 2].map(|d| at[d] - (across[d] * u + down[d] * v) / SPRITE_SCALE);
    let seen = |p: [f32; 3]| {
        [
            focal * p[0] + middle[0] * p[2],
            focal * p[1] + middle[1] * p[2],
            p[2],
        ]
    };
    let columns = [
        seen(across.map(|c| c / SPRITE_SCALE)),
        seen(down.map(|c| c / SPRITE_SCALE)),
        seen(origin),
    ];
    [0, 1, 2].map(|row| [columns[0][row], columns[1][row], columns[2][row]])
}

/// First tilted about the horizontal, then turned in the picture.
fn turned([x, y, z]: [f32; 3], pitch: f32, roll: f32) -> [f32; 3] {
    let (y, z) = (
        y * pitch.cos() - z * pitch.sin(),
        y * pitch.sin() + z * pitch.cos(),
    );
    [
        x * roll.cos() - y * roll.sin(),
        x * roll.sin() + y * roll.cos(),
        z,
    ]
}

fn mapped(m: &Matrix, x: f32, y: f32) -> [f32; 2] {
    let row = |r: usize| m[r][0] * x + m[r][1] * y + m[r][2];
    let nearness = 1.0 / row(2);
    [row(0) * nearness, row(1) * nearness]
}

fn corners(onto: &Matrix, (left, top, right, bottom): (f32, f32, f32, f32)) -> Corners {
    [(left, top), (right, top), (right, bottom), (left, bottom)].map(|(x, y)| mapped(onto, x, y))
}

fn fill(picture: &mut Canvas, car: &Car, onto: &Matrix, outline: &Corners) {
    let from = inverse(onto);
    let bound = |d: usize, pick: fn(f32, f32) -> f32, limit: usize| {
        let edge = outline.iter().map(|c| c[d]).reduce(pick).unwrap_or(0.0);
        edge.clamp(0.0, limit as f32)
    };
    let (width, height) = (picture.width, picture.height);
    let (left, right) = (bound(0, f32::min, width), bound(0, f32::max, width));
    let (top, bottom) = (bound(1, f32::min, height), bound(1, f32::max, height));
    // A vehicle's front is nearly as far away everywhere: one level serves all of it.
    let [x0, y0] = mapped(&from, (left + right) / 2.0, (top + bottom) / 2.0);
    let [x1, y1] = mapped(&from, (left + right) / 2.0 + 1.0, (top + bottom) / 2.0);
    let step = (x1 - x0).hypot(y1 - y0).max(1.0);
    let level = (step.log2() as usize).min(car.levels.len() - 1);
    let ratio = 1.0 / (1 << level) as f32;
    for row in top as usize..bottom.ceil() as usize {
        for column in left as usize..right.ceil() as usize {
            let [x, y] = mapped(&from, column as f32 + 0.5, row as f32 + 0.5);
            match car.levels[level].sample(x * ratio, y * ratio) {
                [_, _, _, 0] => {}
                solid @ [_, _, _, 250..=255] => picture.pixels[row * width + column] = solid,
                [red, green, blue, alpha] => {
                    picture.blend(column, row, [red, green, blue], f32::from(alpha) / 255.0);
                }
            }
        }
    }
}

/// Up to a factor, which a projection does not see.
fn inverse(m: &Matrix) -> Matrix {
    let minor = |r: usize, c: usize| {
        let (r1, r2) = ((r + 1) % 3, (r + 2) % 3);
        let (c1, c2) = ((c + 1) % 3, (c + 2) % 3);
        m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]
    };
    [0, 1, 2].map(|row| [0, 1, 2].map(|column| minor(column, row)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_there_comes_back() {
        let m = [[2.0, 0.1, 30.0], [0.2, 1.5, 40.0], [0.001, 0.002, 1.0]];
        let [x, y] = mapped(&m, 17.0, 23.0);
        let [u, v] = mapped(&inverse(&m), x, y);
        assert!((u - 17.0).abs() < 1e-3 && (v - 23.0).abs() < 1e-3);
    }
}
