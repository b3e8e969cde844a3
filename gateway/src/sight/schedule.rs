//! Whose frame is read next: a fair share of the recognisers for each lane, by urgency.
//!
//! Values only: no thread, no clock, no model. A camera has one place for its newest frame and a
//! few for frames that come late, decoded from before it woke; nothing else waits. When there is
//! more to read than time, each lane is read more seldom, in proportion to its weight.

use std::collections::VecDeque;

use gateway_core::moment::Mono;

/// Late frames of one camera that wait at once; more are thinned out evenly over their capture.
pub const LATE: usize = 6;

/// How much a camera's frame matters just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// What stands there was surely read.
    Settled,
    /// Something moves or is followed.
    Moving,
    /// A vehicle waits before the arm and is not surely read.
    AtArm,
}

/// Frames of all cameras that wait to be read.
pub struct Schedule<F> {
    cameras: Vec<Camera<F>>,
    /// By lane: the time that it was given, microseconds over its weight.
    given: Vec<u64>,
    /// What the lane served last had been given: a lane that wakes begins there, and cannot make
    /// up for what it did not want before.
    floor: u64,
    turn: u64,
}

/// What one camera wanted and got since start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub wanted: u64,
    pub read: u64,
    /// Never looked at: a newer frame came, or late frames were thinned out.
    pub dropped: u64,
}

struct Camera<F> {
    lane: usize,
    newest: Option<F>,
    late: Late<F>,
    urgency: Urgency,
    /// A frame of it is being read: the next has to wait, for frames are followed in order.
    reading: bool,
    served: u64,
    counts: Counts,
}

/// Frames decoded from before the camera woke, in the order of their capture.
struct Late<F> {
    frames: VecDeque<(Mono, F)>,
    /// Frames that follow the last one sooner than this are left out, microseconds.
    gap_us: u64,
    last: Option<Mono>,
}

impl<F> Schedule<F> {
    /// For cameras of these lanes; equal numbers share one budget.
    pub fn new(lanes: &[usize]) -> Schedule<F> {
        let cameras = lanes.iter().map(|lane| Camera {
            lane: *lane,
            newest: None,
            late: Late::new(),
            urgency: Urgency::Settled,
            reading: false,
            served: 0,
            counts: Counts::default(),
        });
        Schedule {
            cameras: cameras.collect(),
            given: vec![0; lanes.iter().max().map_or(0, |last| last + 1)],
            floor: 0,
            turn: 0,
        }
    }

    /// A live frame takes its camera's one place; the frame that waited there was never looked at.
    pub fn offer(&mut self, camera: usize, frame: F, urgency: Urgency) {
        let Some(slot) = self.woken(camera, urgency) else {
            return;
        };
        slot.counts.dropped += u64::from(slot.newest.replace(frame).is_some());
        if slot.late.frames.is_empty() {
            slot.late.gap_us = 0;
        }
    }

    /// A frame captured before the camera woke, coming quicker than real time.
    pub fn offer_late(&mut self, camera: usize, at: Mono, frame: F, urgency: Urgency) {
        if let Some(slot) = self.woken(camera, urgency) {
            slot.counts.dropped += slot.late.push(at, frame);
        }
    }

    /// The camera whose turn it is and its frame: the oldest late one, or the newest.
    pub fn next(&mut self) -> Option<(usize, F)> {
        let camera = (0..self.cameras.len())
            .filter(|camera| self.cameras[*camera].waits())
            .min_by_key(|camera| {
                let slot = &self.cameras[*camera];
                (self.given[slot.lane], slot.served)
            })?;
        self.turn += 1;
        let slot = &mut self.cameras[camera];
        self.floor = self.floor.max(self.given[slot.lane]);
        (slot.reading, slot.served) = (true, self.turn);
        let frame = match slot.late.frames.pop_front() {
            Some((_, frame)) => frame,
            None => slot.newest.take()?,
        };
        Some((camera, frame))
    }

    /// A camera's frame was read, which took so long, or given up with its worker.
    pub fn done(&mut self, camera: usize, took_us: u64) {
        let Some(slot) = self.cameras.get_mut(camera) else {
            return;
        };
        slot.reading = false;
        slot.counts.read += 1;
        let weight = match slot.urgency {
            Urgency::Settled => 1,
            Urgency::Moving => 2,
            Urgency::AtArm => 8,
        };
        // Nothing is free: a reader that fails at once must not give its camera every turn.
        self.given[slot.lane] += took_us.max(1_000) * 8 / weight;
    }

    /// Throws away what waits of a camera that is gone.
    pub fn forget(&mut self, camera: usize) {
        if let Some(slot) = self.cameras.get_mut(camera) {
            slot.newest = None;
            slot.late = Late::new();
        }
    }

    pub fn counts(&self, camera: usize) -> Counts {
        self.cameras
            .get(camera)
            .map(|slot| slot.counts)
            .unwrap_or_default()
    }

    /// Frames that wait.
    pub fn waiting(&self) -> usize {
        self.cameras.iter().map(Camera::waiting).sum()
    }

    /// Counts a frame of the camera; its lane begins at the floor when it had nothing to do.
    fn woken(&mut self, camera: usize, urgency: Urgency) -> Option<&mut Camera<F>> {
        let lane = self.cameras.get(camera)?.lane;
        let idle = |slot: &Camera<F>| !slot.reading && slot.waiting() == 0;
        let slots = self.cameras.iter();
        if slots.filter(|slot| slot.lane == lane).all(idle) {
            self.given[lane] = self.given[lane].max(self.floor);
        }
        let slot = &mut self.cameras[camera];
        slot.urgency = urgency;
        slot.counts.wanted += 1;
        Some(slot)
    }
}

impl<F> Camera<F> {
    fn waiting(&self) -> usize {
        usize::from(self.newest.is_some()) + self.late.frames.len()
    }

    fn waits(&self) -> bool {
        !self.reading && self.waiting() > 0
    }
}

impl<F> Late<F> {
    fn new() -> Late<F> {
        Late {
            frames: VecDeque::new(),
            gap_us: 0,
            last: None,
        }
    }

    /// Takes a frame, or thins out; how many frames were left out.
    fn push(&mut self, at: Mono, frame: F) -> u64 {
        if self.frames.is_empty() {
            self.gap_us /= 2;
        }
        let before = self.frames.len();
        if self.last.is_some_and(|last| at.since(last) < self.gap_us) {
            return 1;
        }
        if before == LATE {
            self.thin();
        }
        let left_out = (before - self.frames.len()) as u64;
        self.last = Some(at);
        self.frames.push_back((at, frame));
        left_out
    }

    /// Keeps the first and about every second of the others.
    fn thin(&mut self) {
        let (Some((first, _)), Some((last, _))) = (self.frames.front(), self.frames.back()) else {
            return;
        };
        let mean_us = last.since(*first) / (self.frames.len() as u64 - 1).max(1);
        self.gap_us = (mean_us * 2).max(1);
        // A little less than the gap, for captures jitter.
        let apart_us = mean_us * 3 / 2;
        let mut kept: Option<Mono> = None;
        self.frames.retain(|(at, _)| {
            let keep = kept.is_none_or(|kept| at.since(kept) >= apart_us);
            if keep {
                kept = Some(*at);
            }
            keep
        });
        // Frames without times of their own cannot be told apart: the older half goes.
        if self.frames.len() >= LATE {
            self.frames.drain(..LATE / 2);
        }
    }
}

#[cfg(test)]
mod tests;
