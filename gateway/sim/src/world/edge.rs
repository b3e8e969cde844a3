//! From a device to the gate: what is lost, late, sent twice or kept on the way, and how fresh the
//! edge finds what arrives.

use gateway_core::gate::Input;
use gateway_core::plate::{Card, Plate, PlateColour, PlateKind};
use gateway_core::reading::{
    BodySite, DeviceHealth, DeviceState, Freshness, Loop, LoopPlace, Millidegrees, Reading,
    Temperature, Trust, Value,
};
use gateway_core::sighting::Sighting;
use rand::Rng;
use traffic::day::{BACK, WALK_OUT};

use super::{Happening, World};
use crate::faults::DeviceFault;
use crate::lane::Device;
use crate::plant::Plant;

/// Old records that a device can send again.
const RECORDS_KEPT: usize = 20;

/// One message on its way through the broker.
#[derive(Clone, Debug)]
pub struct Message {
    pub lane: usize,
    pub device: Device,
    pub value: Value,
    /// As the edge finds it.
    pub freshness: Freshness,
    /// As it is.
    pub truly_live: bool,
    pub trust: Trust,
    pub counter: Option<u64>,
    /// Under this number the broker keeps it until it is acknowledged.
    pub kept: Option<u64>,
}

impl World {
    /// A device says something, if it can.
    pub(super) fn say(&mut self, lane: usize, device: Device, value: Value) {
        let fault = self.device_faults.get(&(lane, device)).copied();
        let by_number = matches!(device, Device::Reader | Device::Thermometer);
        // The reader at the way out knows no counter.
        let counts = by_number && self.roads[lane].name.as_str() != WALK_OUT;
        let counter = counts.then(|| {
            let counter = self.counters.entry((lane, device)).or_insert(0);
            *counter += 1;
            *counter
        });
        let mut message = Message {
            lane,
            device,
            value,
            freshness: Freshness::Live,
            truly_live: true,
            trust: self.trust(lane),
            counter,
            kept: None,
        };
        if by_number {
            let records = self.records.entry((lane, device)).or_default();
            if records.len() == RECORDS_KEPT {
                records.remove(0);
            }
            records.push(message.clone());
        }
        if matches!(
            fault,
            Some(DeviceFault::Down | DeviceFault::Silent | DeviceFault::Stuck)
        ) {
            return;
        }
        if by_number {
            self.messages += 1;
            message.kept = Some(self.messages);
            self.unacknowledged.insert(self.messages, message.clone());
        }
        let latency = self.noise.gen_range(5..30);
        if fault == Some(DeviceFault::Retained) {
            self.retained.insert((lane, device), message.clone());
        }
        if fault == Some(DeviceFault::Duplicated) {
            let mut copy = message.clone();
            // With a counter the copy says that it is live, and the counter knows better; else the
            // broker says that it sent it before.
            copy.truly_live = !by_number;
            if by_number && !counts {
                copy.freshness = Freshness::Redelivered;
            }
            copy.kept = None;
            self.after(latency + 50, Happening::Message(copy));
        }
        if fault == Some(DeviceFault::Late) {
            // Behind no young marker the edge finds it redelivered.
            message.freshness = Freshness::Redelivered;
            message.truly_live = false;
            let late = self.noise.gen_range(3_000..20_000);
            return self.after(late, Happening::Message(message));
        }
        self.after(latency, Happening::Message(message));
    }

    fn trust(&self, lane: usize) -> Trust {
        if self.roads[lane].name.as_str() == BACK {
            Trust::Password
        } else {
            Trust::Tls
        }
    }

    /// A message is there. While the process is down the broker keeps what it must.
    pub(super) fn arrives(&mut self, message: Message) {
        if self.process.is_none() {
            return;
        }
        if message
            .kept
            .is_some_and(|id| !self.unacknowledged.contains_key(&id))
        {
            return;
        }
        let mut freshness = message.freshness;
        if self.plant(Plant::RetainedIsLive) && freshness == Freshness::Retained {
            freshness = Freshness::Live;
        }
        let proven = message.trust != Trust::None;
        if message.truly_live && proven {
            match &message.value {
                Value::Card(card) => self.oracle.came_live(message.lane, card.reveal()),
                Value::Loop(state) if state.place == LoopPlace::UnderArm => {
                    self.oracle
                        .under_arm_read(message.lane, state.occupied, true);
                }
                _ => {}
            }
        }
        if let Value::Loop(state) = &message.value
            && state.place == LoopPlace::UnderArm
            && freshness == Freshness::Live
        {
            self.edge
                .loops
                .insert(message.lane, (self.now, state.occupied));
        }
        self.readings += 1;
        let input = self.reading(&message, freshness);
        self.tell(input, message.kept);
    }

    fn reading(&self, message: &Message, freshness: Freshness) -> Input {
        let road = &self.roads[message.lane];
        let began = self.process.as_ref().map_or(0, |process| process.began);
        Input::Reading(Reading {
            lane: road.name.clone(),
            device: road.device(message.device).clone(),
            received: gateway_core::moment::Mono::from_ms(self.now - began),
            value: message.value.clone(),
            freshness,
            trust: message.trust,
            counter: message.counter,
        })
    }

    /// Every second each loop says what it feels.
    pub(super) fn second(&mut self) {
        self.after(1_000, Happening::Second);
        if self.process.is_none() {
            return;
        }
        for lane in 0..self.roads.len() {
            if self.roads[lane].pedestrian {
                continue;
            }
            for (device, place) in [
                (Device::Approach, LoopPlace::Approach),
                (Device::Under, LoopPlace::UnderArm),
            ] {
                let road = &self.roads[lane];
                let feels = match place {
                    LoopPlace::Approach => road.approach,
                    LoopPlace::UnderArm => road.under,
                };
                let occupied = match self.device_faults.get(&(lane, device)) {
                    Some(DeviceFault::Down | DeviceFault::Silent | DeviceFault::Late) => continue,
                    Some(DeviceFault::Stuck) => {
                        self.stuck.get(&(lane, device)).copied().unwrap_or(feels)
                    }
                    _ => feels,
                };
                let message = Message {
                    lane,
                    device,
                    value: Value::Loop(Loop { place, occupied }),
                    freshness: Freshness::Live,
                    truly_live: true,
                    trust: self.trust(lane),
                    counter: None,
                    kept: None,
                };
                self.arrives(message);
            }
        }
        if self.impostor && self.noise.gen_bool(0.05) {
            self.impostor_says();
        }
    }

    /// Whoever is on the network and proves nothing says that a listed card is there.
    fn impostor_says(&mut self) {
        let cards: Vec<&Card> = self.ground.lists.cards.entries.keys().collect();
        let card = cards[self.noise.gen_range(0..cards.len())].clone();
        let lane = self.noise.gen_range(2..4);
        self.arrives(Message {
            lane,
            device: Device::Reader,
            value: Value::Card(card),
            freshness: Freshness::Live,
            truly_live: false,
            trust: Trust::None,
            counter: None,
            kept: None,
        });
    }

    pub(super) fn health(&mut self, lane: usize, device: Device, state: DeviceState) {
        let road = &self.roads[lane];
        let health = DeviceHealth {
            device: road.device(device).clone(),
            lane: Some(road.name.clone()),
            state,
        };
        self.tell(Input::DeviceHealth(health), None);
    }

    /// The camera of a lane tells of a vehicle: `look` is which of its two readings.
    pub(super) fn sight(&mut self, lane: usize, car: u64, look: usize, closed: bool) {
        let late = match self.device_faults.get(&(lane, Device::Camera)) {
            Some(DeviceFault::Down) => return,
            // That nothing more is seen of a vehicle ends its track all the same.
            Some(DeviceFault::Silent) if !closed => return,
            Some(DeviceFault::Late) => true,
            _ => false,
        };
        let trust = self.trust(lane);
        let Some(process) = &self.process else { return };
        let now = process.mono(self.now);
        let road = &mut self.roads[lane];
        let (name, camera) = (road.name.clone(), road.device(Device::Camera).clone());
        let Some(car) = road.car(car) else { return };
        let Some((text, confidence)) = car.read[look].clone().or_else(|| car.read[0].clone())
        else {
            return;
        };
        car.revision += 1;
        let (track, revision) = (car.track, car.revision);
        let seen = if self.plant(Plant::LookalikeAdmits) {
            self.twins.get(&text).cloned().unwrap_or(text)
        } else {
            text
        };
        if !late {
            self.oracle.came_live(lane, &seen);
        }
        let sighting = Sighting {
            lane: name,
            camera,
            track,
            revision,
            closed,
            plate: Plate::new(&seen),
            kind: PlateKind::Ordinary,
            colour: PlateColour::Blue,
            agrees: true,
            confidence_permille: confidence,
            candidates: Vec::new(),
            at_arm: look == 1 && !closed,
            plate_box: [0, 0, 120, 40],
            frames: 8 * revision,
            first_seen: now,
            last_seen: now,
            evidence: None,
            freshness: if late {
                Freshness::Redelivered
            } else {
                Freshness::Live
            },
            trust,
        };
        self.tell(Input::Sighting(sighting), None);
    }
}

pub(super) fn celsius(milli: i32) -> Value {
    Value::Temperature(Temperature {
        body: Millidegrees(milli),
        ambient: None,
        site: BodySite::Forehead,
    })
}
