//! What a lane's camera shows at each frame: the clip of the vehicle that is there, or the empty lane.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use anyhow::{Context, Result, bail};
use traffic::{APPROACH_MS, Arrival, Kind, LEAVING_MS, Lane, Plate, STANDING_MS};

use crate::car::Car;
use crate::clip::{Cache, Clip, Encoding, Unit};
use crate::plate::Lettering;
use crate::scene::{Format, Place, Scene};

/// The empty lane repeats after so many seconds.
const IDLE_SECONDS: usize = 4;

/// Something that can be served: the encoded picture of each frame number, from 0 without a gap.
pub trait Feed: Send {
    /// Size and speed.
    fn format(&self) -> Format;
    /// How its pictures are encoded.
    fn encoding(&self) -> Encoding {
        Encoding::usual(self.format())
    }
    /// The picture of that frame; numbers are asked for in order.
    fn unit(&mut self, number: u64) -> Result<Unit>;
}

/// A clip shown again and again.
pub struct Repeated(pub Clip);

impl Feed for Repeated {
    fn format(&self) -> Format {
        self.0.format
    }

    fn encoding(&self) -> Encoding {
        self.0.encoding
    }

    fn unit(&mut self, number: u64) -> Result<Unit> {
        let units = &self.0.units;
        Ok(units[(number % units.len() as u64) as usize].clone())
    }
}

/// Draws and encodes what a lane shows.
pub struct Studio {
    lettering: Lettering,
    scene: Scene,
    scene_name: String,
    cache: Arc<Cache>,
}

impl Studio {
    /// The studio of a lane; lane and seed decide how the place looks.
    pub fn open(lane: &str, seed: u64, format: Format, cache: Arc<Cache>) -> Result<Studio> {
        let place = lane.bytes().fold(seed, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        Ok(Studio {
            lettering: Lettering::load()?,
            scene: Scene::new(format, place),
            scene_name: format!("scene {place}"),
            cache,
        })
    }

    /// The empty lane.
    pub fn idle(&mut self) -> Result<Clip> {
        let format = self.scene.format();
        let name = format!("{} idle", self.scene_name);
        let cache = Arc::clone(&self.cache);
        Clip::cached(&cache, &name, format, || {
            let mut empty = vec![0; format.bytes()];
            self.scene.draw(None, &mut empty);
            Clip::encode(
                format,
                IDLE_SECONDS * format.fps as usize,
                |number, frame| {
                    frame.copy_from_slice(&empty);
                    self.scene.grain(number, frame);
                },
            )
        })
    }

    /// A vehicle's whole visit: coming, standing, leaving.
    pub fn visit(&mut self, plate: &Plate, body: u32) -> Result<Clip> {
        let format = self.scene.format();
        let name = format!("{} {} {:?} {body}", self.scene_name, plate.text, plate.kind);
        let cache = Arc::clone(&self.cache);
        Clip::cached(&cache, &name, format, || {
            let car = Car::draw(&self.lettering, plate, body);
            let count = frames(APPROACH_MS + STANDING_MS + LEAVING_MS, format);
            let mut standing = vec![0; format.bytes()];
            self.scene
                .draw(Some((&car, Place::Standing)), &mut standing);
            Clip::encode(format, count, |number, frame| {
                match place(number as f32 * 1000.0 / format.fps as f32) {
                    Place::Standing => frame.copy_from_slice(&standing),
                    moving => self.scene.draw(Some((&car, moving)), frame),
                }
                self.scene.grain(number, frame);
            })
        })
    }

    fn arrival(&mut self, arrival: &Arrival) -> Result<Clip> {
        match &arrival.kind {
            Kind::Vehicle { plate, body, .. } => self.visit(plate, *body),
            Kind::Person { .. } => bail!(
                "{} is no vehicle: only vehicle lanes have a camera here",
                arrival.id
            ),
        }
    }

    /// One picture of a vehicle standing at the arm, as an I420 frame.
    pub fn still(&mut self, plate: &Plate, body: u32) -> Vec<u8> {
        let car = Car::draw(&self.lettering, plate, body);
        let mut frame = vec![0; self.scene.format().bytes()];
        self.scene.draw(Some((&car, Place::Standing)), &mut frame);
        self.scene.grain(0, &mut frame);
        frame
    }
}

fn place(at_ms: f32) -> Place {
    let (approach, standing, leaving) = (APPROACH_MS as f32, STANDING_MS as f32, LEAVING_MS as f32);
    if at_ms < approach {
        Place::Coming(at_ms / approach)
    } else if at_ms < approach + standing {
        Place::Standing
    } else {
        Place::Leaving((at_ms - approach - standing) / leaving)
    }
}

fn frames(milliseconds: u64, format: Format) -> usize {
    (milliseconds * u64::from(format.fps) / 1000) as usize
}

/// So many visits are encoded before they are needed, while the lane is shown: a lane that drew its next
/// vehicle only when it is due would stand still for a second.
const AHEAD: usize = 4;

/// A vehicle's visit and the frame at which it begins.
struct Visit {
    first: u64,
    clip: Clip,
}

/// A lane acting out its arrivals.
pub struct LaneFeed {
    idle: Clip,
    /// Bounded by [`AHEAD`]: the drawing thread waits.
    drawn: Receiver<Result<Visit>>,
    waiting: VecDeque<Visit>,
    /// The frame at which the empty lane began to be shown.
    idle_since: u64,
}

impl LaneFeed {
    /// Encodes the empty lane and the visits that begin before `ready_ms`. A thread goes on with the later
    /// ones, a few ahead of time; it ends with the feed.
    pub fn prepare(mut studio: Studio, lane: &Lane, ready_ms: u64) -> Result<LaneFeed> {
        let idle = studio.idle()?;
        let format = idle.format;
        let arrivals = lane.arrivals.clone();
        let (draw, drawn) = sync_channel(AHEAD);
        std::thread::Builder::new()
            .name(format!("draw-{}", lane.name))
            .spawn(move || {
                for arrival in &arrivals {
                    let first = frames(arrival.appear_ms, format) as u64;
                    let visit = studio.arrival(arrival).map(|clip| Visit { first, clip });
                    if draw.send(visit).is_err() {
                        return;
                    }
                }
            })?;
        let mut feed = LaneFeed {
            idle,
            drawn,
            waiting: VecDeque::new(),
            idle_since: 0,
        };
        for _ in lane
            .arrivals
            .iter()
            .filter(|arrival| arrival.appear_ms < ready_ms)
        {
            let visit = feed
                .drawn
                .recv()
                .context("the drawing thread ended early")??;
            feed.waiting.push_back(visit);
        }
        Ok(feed)
    }

    /// The visit that is shown or comes next; none when nobody comes any more.
    fn next(&mut self) -> Result<Option<&Visit>> {
        if self.waiting.is_empty() {
            match self.drawn.recv() {
                Ok(visit) => self.waiting.push_back(visit?),
                Err(_) => return Ok(None),
            }
        }
        Ok(self.waiting.front())
    }
}

impl Feed for LaneFeed {
    fn format(&self) -> Format {
        self.idle.format
    }

    fn unit(&mut self, number: u64) -> Result<Unit> {
        while let Some(visit) = self.next()? {
            if number < visit.first {
                break;
            }
            if let Some(unit) = visit.clip.units.get((number - visit.first) as usize) {
                return Ok(unit.clone());
            }
            self.waiting.pop_front();
            self.idle_since = number;
        }
        let units = &self.idle.units;
        let at = number.saturating_sub(self.idle_since) % units.len() as u64;
        units
            .get(at as usize)
            .cloned()
            .context("the empty lane has no pictures")
    }
}
