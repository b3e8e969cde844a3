//! A drawn gate by day and by night, and everything that can happen to its camera.

use super::*;

const WIDTH: usize = 640;
const HEIGHT: usize = 360;

/// Draws pictures; the same seed gives the same place.
struct Place {
    seed: u64,
    random: u64,
    /// Noise between -1 and 1.
    grains: Vec<f32>,
}

const GRAINS: usize = 1 << 16;

fn scatter(seed: u64, at: u64) -> u64 {
    let mut value =
        (seed ^ at.wrapping_mul(0xBF58_476D_1CE4_E5B9)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    value = (value ^ (value >> 29)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 32)
}

impl Place {
    fn new(seed: u64) -> Place {
        let even = |at: u64| scatter(seed, at) as f32 / u64::MAX as f32;
        Place {
            seed,
            random: seed | 1,
            grains: (0..GRAINS as u64)
                .map(|at| even(at * 2) + even(at * 2 + 1) - 1.0)
                .collect(),
        }
    }

    /// Road, wall, hut and forty things that stand around, 0 to 255.
    fn scene(&self) -> Vec<f32> {
        let shift = scatter(self.seed, 77) as usize % 46;
        let mut picture: Vec<f32> = (0..WIDTH * HEIGHT)
            .map(|at| {
                let (x, y) = (at % WIDTH, at / WIDTH);
                let speck = (scatter(self.seed, at as u64) % 17) as f32;
                if y < HEIGHT / 3 {
                    150.0 + ((x + shift) / 23 + (y + shift) / 11) as f32 % 2.0 * 18.0 + speck / 3.0
                } else {
                    95.0 + y as f32 * 0.06 + speck
                }
            })
            .collect();
        for thing in 0..40 {
            let value =
                |part: u64, limit: usize| scatter(self.seed, thing * 8 + part) as usize % limit;
            let (left, top) = (value(1, WIDTH - 60), value(2, HEIGHT - 60));
            let shade = value(3, 200) as f32 + 30.0;
            for y in top..top + 15 + value(4, 45) {
                for x in left..left + 15 + value(5, 45) {
                    picture[y * WIDTH + x] = shade;
                }
            }
        }
        picture
    }

    /// The picture as a camera gives it, with the noise of its sensor.
    fn frame(&mut self, at_us: u64, picture: &[f32], noise: f32) -> Frame {
        let mut bytes = vec![128u8; WIDTH * HEIGHT * 3 / 2];
        for (row, values) in bytes.chunks_mut(WIDTH).zip(picture.chunks(WIDTH)) {
            self.random = scatter(self.random, 1);
            let from = self.random as usize % (GRAINS - WIDTH);
            let grains = &self.grains[from..from + WIDTH];
            for ((pixel, value), grain) in row.iter_mut().zip(values).zip(grains) {
                *pixel = (value + grain * noise).clamp(16.0, 235.0) as u8;
            }
        }
        Frame::packed("front".into(), at_us, (WIDTH as u32, HEIGHT as u32), bytes).unwrap()
    }
}

/// A judge and the pictures that it is shown, one a second.
struct Watch {
    judge: Judge,
    place: Place,
    at_us: u64,
}

impl Watch {
    fn new(seed: u64) -> Watch {
        Watch {
            judge: Judge::new(),
            place: Place::new(seed),
            at_us: 1_000_000,
        }
    }

    fn see(&mut self, picture: &[f32], noise: f32) -> Option<Useless> {
        let frame = self.place.frame(self.at_us, picture, noise);
        self.at_us += 1_000_000;
        self.judge.update(&frame)
    }

    /// After a quiet minute, shows something and then the scene again: both must be told within 15 s.
    fn tells(&mut self, shown: &[f32], noise: f32, useless: Useless) {
        let scene = self.place.scene();
        for second in 0..60 {
            assert_eq!(self.see(&scene, 4.0), None, "second {second}");
        }
        let told = (0..15).position(|_| self.see(shown, noise) == Some(useless));
        let conditions = self.judge.conditions;
        assert!(told.is_some(), "{useless:?} was not told: {conditions:?}");
        assert!(
            (0..60).all(|_| self.see(shown, noise) == Some(useless)),
            "{useless:?} did not last"
        );
        let cleared = (0..15).position(|_| self.see(&scene, 4.0).is_none());
        assert!(cleared.is_some(), "{useless:?} was not cleared");
    }
}

fn blurred(picture: &[f32], reach: i64) -> Vec<f32> {
    let pass = |picture: &[f32], along: i64, across: usize| -> Vec<f32> {
        (0..picture.len())
            .map(|at| {
                let line = at / across % if across == 1 { WIDTH } else { HEIGHT };
                let limit = if across == 1 { WIDTH } else { HEIGHT } as i64;
                let mut sum = 0.0;
                for step in -reach..=reach {
                    let moved = (line as i64 + step).clamp(0, limit - 1) - line as i64;
                    sum += picture[(at as i64 + moved * along) as usize];
                }
                sum / (2 * reach + 1) as f32
            })
            .collect()
    };
    let across = pass(picture, 1, 1);
    pass(&across, WIDTH as i64, WIDTH)
}

#[test]
fn p25_a_black_picture_is_told_and_cleared() {
    Watch::new(3).tells(&vec![16.0; WIDTH * HEIGHT], 2.0, Useless::Black);
}

#[test]
fn p25_a_frozen_picture_is_told_and_cleared() {
    let mut watch = Watch::new(4);
    let scene = watch.place.scene();
    watch.tells(&scene, 0.0, Useless::Frozen);
}

#[test]
fn p25_a_frozen_picture_that_changes_again_may_be_read_at_once() {
    let mut watch = Watch::new(4);
    let scene = watch.place.scene();
    assert!((0..60).all(|_| watch.see(&scene, 4.0).is_none()));
    assert!((0..15).any(|_| watch.see(&scene, 0.0) == Some(Useless::Frozen)));
    assert_eq!(watch.see(&scene, 4.0), None);
}

#[test]
fn p25_a_camera_without_noise_is_not_taken_for_frozen() {
    let mut watch = Watch::new(4);
    let scene = watch.place.scene();
    assert!((0..120).all(|_| watch.see(&scene, 0.0).is_none()));
}

#[test]
fn p25_a_blurred_picture_is_told_and_cleared() {
    let mut watch = Watch::new(5);
    let blurred = blurred(&watch.place.scene(), 7);
    watch.tells(&blurred, 4.0, Useless::Blurred);
}

#[test]
fn p25_a_covered_camera_is_told_and_cleared() {
    let cover: Vec<f32> = (0..WIDTH * HEIGHT)
        .map(|at| 80.0 + (at / WIDTH) as f32 * 0.1)
        .collect();
    Watch::new(6).tells(&cover, 4.0, Useless::Covered);
}

#[test]
fn p25_a_camera_that_was_covered_before_it_started_is_told() {
    let mut watch = Watch::new(6);
    let cover = vec![90.0; WIDTH * HEIGHT];
    assert!((0..15).any(|_| watch.see(&cover, 4.0) == Some(Useless::Covered)));
}

#[test]
fn p25_a_camera_that_was_turned_away_is_told_and_cleared() {
    for seed in 7..17 {
        Watch::new(seed).tells(&Place::new(seed + 100).scene(), 4.0, Useless::Turned);
    }
}

#[test]
fn p25_a_light_into_the_lens_at_night_is_told_and_cleared() {
    let mut watch = Watch::new(8);
    let glare: Vec<f32> = (0..WIDTH * HEIGHT)
        .map(|at| {
            let (x, y) = ((at % WIDTH) as f32 - 300.0, (at / WIDTH) as f32 - 200.0);
            (330.0 - (x * x + y * y).sqrt() * 0.7).clamp(60.0, 235.0)
        })
        .collect();
    watch.tells(&glare, 4.0, Useless::Glare);
}

/// The scene at night: dark, with two lamps, and what the second brings.
fn night(scene: &[f32], second: usize, place: &Place) -> Vec<f32> {
    // A vehicle comes every forty seconds and shines at the gate for fifteen.
    let beam = match second % 40 {
        phase @ 0..=5 => phase as f32 / 5.0,
        6..=14 => 1.0,
        _ => 0.0,
    };
    let rain = second / 150 % 2 == 1;
    let mut picture: Vec<f32> = scene
        .iter()
        .enumerate()
        .map(|(at, value)| {
            let (x, y) = ((at % WIDTH) as f32, (at / WIDTH) as f32);
            let far = |lamp: f32| ((x - lamp).powi(2) + (y - 90.0).powi(2)).sqrt();
            let light = 0.16 + 0.5 / (1.0 + far(120.0) / 60.0) + 0.4 / (1.0 + far(520.0) / 60.0);
            let spot = |left: f32| {
                let away = ((x - left).powi(2) + (y - 220.0).powi(2)).sqrt();
                beam * (300.0 * (1.0 - away / (40.0 + 50.0 * beam))).max(0.0)
            };
            let veil = beam * 25.0;
            16.0 + value * light + spot(240.0) + spot(380.0) + veil
        })
        .collect();
    if rain {
        for streak in 0..500 {
            let at = scatter(place.seed + second as u64, streak) as usize;
            let (x, top) = (at % WIDTH, at / WIDTH % (HEIGHT - 24));
            (top..top + 24).for_each(|y| picture[y * WIDTH + x] += 30.0);
        }
    }
    picture
}

#[test]
fn p25_ten_minutes_of_night_rain_and_headlights_raise_nothing() {
    let mut watch = Watch::new(9);
    let scene = watch.place.scene();
    for second in 0..600 {
        let picture = night(&scene, second, &watch.place);
        let told = watch.see(&picture, 9.0);
        assert_eq!(told, None, "second {second}: {:?}", watch.judge.conditions);
    }
}

#[test]
fn p25_dusk_dawn_and_a_lorry_before_the_camera_raise_nothing() {
    let mut watch = Watch::new(10);
    let scene = watch.place.scene();
    for second in 0..900usize {
        let dusk = 1.0 - 0.75 * ((second as f32 / 450.0 * std::f32::consts::PI).sin()).max(0.0);
        let lorry = second % 120 > 60;
        let picture: Vec<f32> = scene
            .iter()
            .enumerate()
            .map(|(at, value)| {
                let (x, y) = (at % WIDTH, at / WIDTH);
                let stands = lorry && (130..490).contains(&x) && y > 30;
                16.0 + dusk
                    * if stands {
                        70.0 + (y / 40) as f32
                    } else {
                        *value
                    }
            })
            .collect();
        let told = watch.see(&picture, 5.0);
        assert_eq!(told, None, "second {second}: {:?}", watch.judge.conditions);
    }
}
