//! The traffic acted out: what each arrival does to the devices of its lane, and when.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{sleep, sleep_until};
use traffic::{Arrival, Kind, Lane, LaneKind};

use crate::Start;
use crate::barrier::Barrier;
use crate::device::{Device, Door};

/// All lanes and their devices.
#[derive(Default)]
pub struct Lanes {
    lanes: Vec<(Lane, Posts)>,
    devices: BTreeMap<String, Device>,
}

/// The devices of one lane.
#[derive(Clone)]
enum Posts {
    Vehicle {
        approach: Device,
        under: Device,
        barrier: Barrier,
    },
    Walk {
        reader: Device,
        thermometer: Device,
    },
}

/// From starting to go until the loop before the arm is free, milliseconds.
const OFF_APPROACH_MS: u64 = 500;
/// From starting to go until the loop under the arm is occupied, and for how long, milliseconds.
const UNDER_MS: u64 = 300;
const UNDER_FOR_MS: u64 = 800;
/// An occupied loop says so again, since an old state counts as unknown.
const AGAIN_MS: u64 = 250;
/// An arrival that should have come longer ago has been missed, milliseconds.
const TOO_LATE_MS: u128 = 1_000;

impl Lanes {
    pub fn add(&mut self, door: &Door, lane: Lane, barrier: Barrier) {
        let name = &lane.name;
        self.add_device(barrier.device.clone());
        let posts = match lane.kind {
            LaneKind::Entry | LaneKind::Exit => Posts::Vehicle {
                approach: Device::induction_loop(door, &format!("{name}-approach"), "approach"),
                under: Device::induction_loop(door, &format!("{name}-under"), "under"),
                barrier,
            },
            LaneKind::Walk => Posts::Walk {
                reader: Device::reader(door, &format!("{name}-reader")),
                thermometer: Device::thermometer(door, &format!("{name}-thermometer")),
            },
        };
        match &posts {
            Posts::Vehicle {
                approach, under, ..
            } => {
                self.add_device(approach.clone());
                self.add_device(under.clone());
            }
            Posts::Walk {
                reader,
                thermometer,
            } => {
                self.add_device(reader.clone());
                self.add_device(thermometer.clone());
            }
        }
        self.lanes.push((lane, posts));
    }

    pub fn add_device(&mut self, device: Device) {
        self.devices.insert(device.id.clone(), device);
    }

    /// All devices by id.
    pub fn devices(&self) -> BTreeMap<String, Device> {
        self.devices.clone()
    }

    /// Acts every lane to its end.
    pub async fn act(&self, start: Start) {
        let mut acting = tokio::task::JoinSet::new();
        for (lane, posts) in &self.lanes {
            acting.spawn(lane_act(lane.arrivals.clone(), posts.clone(), start));
        }
        while acting.join_next().await.is_some() {}
    }
}

/// Arrivals of one lane may overlap, so each is acted by a task of its own.
async fn lane_act(arrivals: Vec<Arrival>, posts: Posts, start: Start) {
    let mut acting = tokio::task::JoinSet::new();
    for arrival in arrivals {
        let at = start.at + Duration::from_millis(arrival.at_ms);
        if at.elapsed().as_millis() > TOO_LATE_MS {
            continue;
        }
        sleep_until(at).await;
        acting.spawn(act(arrival, posts.clone(), start));
        while acting.try_join_next().is_some() {}
    }
    while acting.join_next().await.is_some() {}
}

async fn act(arrival: Arrival, posts: Posts, start: Start) {
    match (&arrival.kind, posts) {
        (
            Kind::Vehicle { .. },
            Posts::Vehicle {
                approach,
                under,
                barrier,
            },
        ) => {
            approach.switch(true);
            sleep_until(start.at + Duration::from_millis(arrival.leave_ms)).await;
            tokio::join!(free(&approach), pass(&under, &barrier));
        }
        (
            Kind::Person {
                card,
                celsius_milli,
                temperature_after_ms,
            },
            Posts::Walk {
                reader,
                thermometer,
            },
        ) => {
            if let Some(card) = card {
                reader.card(card);
            }
            sleep(Duration::from_millis(*temperature_after_ms)).await;
            thermometer.temperature(*celsius_milli);
        }
        _ => {}
    }
}

async fn free(approach: &Device) {
    sleep(Duration::from_millis(OFF_APPROACH_MS)).await;
    approach.switch(false);
}

/// Who may go drives through; before a closed arm one turns back and never comes under it.
async fn pass(under: &Device, barrier: &Barrier) {
    sleep(Duration::from_millis(UNDER_MS)).await;
    if !barrier.is_passable() {
        return;
    }
    barrier.set_occupied(true);
    for _ in 0..UNDER_FOR_MS / AGAIN_MS {
        under.switch(true);
        sleep(Duration::from_millis(AGAIN_MS)).await;
    }
    barrier.set_occupied(false);
    under.switch(false);
}
