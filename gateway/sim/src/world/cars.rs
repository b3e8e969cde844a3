//! Vehicles: they drive up, stand on the loop, go when the arm lets them, and some go without.

use gateway_core::reading::{ArmPosition, Loop, LoopPlace, Value};
use rand::Rng;
use traffic::day::Manner;
use traffic::lookalike;

use super::{Happening, World};
use crate::lane::{Car, Device, Place};

/// From coming into the picture to a sure plate, and to the arm.
const SURE_MS: u64 = 700;
const REACHES_MS: u64 = 2_000;
/// From starting to the loop under the arm, off the first loop, off the second, out of the picture.
const UNDER_MS: u64 = 500;
const LEAVES_LOOP_MS: u64 = 700;
const OFF_MS: u64 = 1_800;
const GONE_MS: u64 = 2_400;
/// Vehicles in the picture at once that have not started.
const IN_PICTURE: usize = 2;

#[derive(Clone, Copy, Debug)]
pub enum Step {
    Sure,
    Reaches,
    /// The camera looks at it at the arm.
    Looked,
    /// It has waited for long enough.
    Tires,
    LeavesLoop,
    Under,
    Off,
    Gone,
}

impl World {
    /// The next vehicle comes into the picture when there is room.
    pub(super) fn drive_up(&mut self, lane: usize) {
        let going = |car: &&Car| car.place != Place::Going;
        while self.roads[lane].cars.iter().filter(going).count() < IN_PICTURE {
            let Some(visit) = self.roads[lane].waiting.pop_front() else {
                return;
            };
            self.numbers += 1;
            self.tracks += 1;
            let (number, track) = (self.numbers, self.tracks);
            let read = self.reads(visit);
            let plate = self.visits[visit].plate.clone().unwrap_or_default();
            let texts = read.iter().flatten().map(|(text, _)| text.clone());
            for text in texts.chain([plate]) {
                self.present.entry((lane, text)).or_default().push(visit);
            }
            self.roads[lane].cars.push_back(Car {
                number,
                visit,
                track,
                revision: 0,
                place: Place::Coming,
                read,
            });
            self.after(SURE_MS, Happening::Car(lane, number, Step::Sure));
            self.after(REACHES_MS, Happening::Car(lane, number, Step::Reaches));
        }
    }

    /// What the camera will make of its plate: mostly right, now and then a look-alike, sometimes
    /// nothing. A misread that would be another's listed plate is never a sure one: the gate cannot
    /// know better, and the recogniser's own tests show how seldom that is.
    fn reads(&mut self, visit: usize) -> [Option<(String, u16)>; 2] {
        let visit = &self.visits[visit];
        let plate = visit.plate.clone().unwrap_or_default();
        let wrong = lookalike::misread(&plate, &mut self.noise).unwrap_or_else(|| plate.clone());
        let sure = self.noise.gen_range(930..996);
        let mut unsure = self.noise.gen_range(850..960);
        if self.listed.contains(&wrong) && wrong != plate {
            unsure = unsure.min(880);
        }
        if visit.manner == Manner::Unreadable {
            if self.noise.gen_bool(0.5) {
                return [None, None];
            }
            let poor = self.noise.gen_range(400..890);
            return [None, Some((wrong, poor))];
        }
        match self.noise.gen_range(0..200) {
            0..=5 => [Some((wrong, unsure)), Some((plate, sure))],
            6..=8 => [Some((wrong.clone(), unsure)), Some((wrong, unsure))],
            9..=12 => [None, Some((plate, sure))],
            _ => [Some((plate.clone(), sure)), Some((plate, sure))],
        }
    }

    pub(super) fn car(&mut self, lane: usize, number: u64, step: Step) {
        let Some(car) = self.roads[lane].car(number) else {
            return;
        };
        let (place, visit) = (car.place, car.visit);
        match step {
            Step::Sure => self.sight(lane, number, 0, false),
            Step::Reaches => self.reaches(lane, number),
            Step::Looked if place == Place::AtArm => self.sight(lane, number, 1, false),
            Step::Looked => {}
            Step::Tires if place == Place::AtArm => self.tires(lane, number, visit),
            Step::Tires => {}
            Step::LeavesLoop => {
                self.feel(lane, LoopPlace::Approach, false);
                let next = self.roads[lane]
                    .cars
                    .iter()
                    .find(|car| car.place == Place::Behind)
                    .map(|car| car.number);
                if let Some(next) = next {
                    self.after(800, Happening::Car(lane, next, Step::Reaches));
                }
            }
            Step::Under => self.feel(lane, LoopPlace::UnderArm, true),
            Step::Off => {
                self.feel(lane, LoopPlace::UnderArm, false);
                self.arm_passed(lane);
            }
            Step::Gone => self.gone(lane, number, visit),
        }
    }

    /// A loop feels something else than before, and says so at once.
    fn feel(&mut self, lane: usize, place: LoopPlace, occupied: bool) {
        let road = &mut self.roads[lane];
        let (felt, device) = match place {
            LoopPlace::Approach => (&mut road.approach, Device::Approach),
            LoopPlace::UnderArm => (&mut road.under, Device::Under),
        };
        if *felt != occupied {
            *felt = occupied;
            self.say(lane, device, Value::Loop(Loop { place, occupied }));
        }
    }

    fn reaches(&mut self, lane: usize, number: u64) {
        let occupied = self.roads[lane].approach;
        let Some(car) = self.roads[lane].car(number) else {
            return;
        };
        if !matches!(car.place, Place::Coming | Place::Behind) {
            return;
        }
        if occupied {
            car.place = Place::Behind;
            return;
        }
        car.place = Place::AtArm;
        let manner = self.visits[car.visit].manner;
        self.feel(lane, LoopPlace::Approach, true);
        let patience = match manner {
            Manner::TurnsBack => self.dice.gen_range(1_500..2_900),
            Manner::Forces => self.dice.gen_range(8_000..20_000),
            _ => self.dice.gen_range(45_000..110_000),
        };
        let arm = self.roads[lane].arm;
        let up = arm.position == ArmPosition::Open;
        if up && (arm.held || manner == Manner::Tailgates) {
            return self.goes(lane, number);
        }
        self.after(100, Happening::Car(lane, number, Step::Looked));
        self.after(patience, Happening::Car(lane, number, Step::Tires));
    }

    /// The arm is up: whoever stands there goes.
    pub(super) fn car_may_go(&mut self, lane: usize) {
        if let Some(number) = self.roads[lane].at_arm().map(|car| car.number) {
            self.goes(lane, number);
        }
    }

    fn goes(&mut self, lane: usize, number: u64) {
        if let Some(car) = self.roads[lane].car(number) {
            car.place = Place::Going;
            if !self.visits[car.visit].may_enter() {
                self.slipped += 1;
            }
        }
        self.after(UNDER_MS, Happening::Car(lane, number, Step::Under));
        self.after(
            LEAVES_LOOP_MS,
            Happening::Car(lane, number, Step::LeavesLoop),
        );
        self.after(OFF_MS, Happening::Car(lane, number, Step::Off));
        self.after(GONE_MS, Happening::Car(lane, number, Step::Gone));
    }

    fn tires(&mut self, lane: usize, number: u64, visit: usize) {
        if self.visits[visit].manner == Manner::Forces {
            self.arm_forced(lane);
            return self.goes(lane, number);
        }
        if let Some(car) = self.roads[lane].car(number) {
            car.place = Place::Going;
        }
        self.after(300, Happening::Car(lane, number, Step::LeavesLoop));
        self.after(1_500, Happening::Car(lane, number, Step::Gone));
    }

    fn gone(&mut self, lane: usize, number: u64, visit: usize) {
        self.sight(lane, number, 1, true);
        let road = &mut self.roads[lane];
        let Some(index) = road.cars.iter().position(|car| car.number == number) else {
            return;
        };
        let car = road.cars.remove(index);
        let read = car.map(|car| car.read).unwrap_or_default();
        let plate = self.visits[visit].plate.clone().unwrap_or_default();
        let texts = read.into_iter().flatten().map(|(text, _)| text);
        for text in texts.chain([plate]) {
            self.leaves_sight(lane, text, visit);
        }
        self.drive_up(lane);
    }

    /// Messages on their way may still speak of whoever has left.
    pub(super) fn leaves_sight(&mut self, lane: usize, key: String, visit: usize) {
        self.after(1_500, Happening::Away(lane, key, visit));
    }

    /// The recogniser starts anew: every vehicle in the picture is a new track.
    pub(super) fn follow_anew(&mut self, lane: usize) {
        let mut seen = Vec::new();
        for car in &mut self.roads[lane].cars {
            self.tracks += 1;
            car.track = self.tracks;
            car.revision = 0;
            seen.push((car.number, car.place));
        }
        for (number, place) in seen {
            let step = match place {
                Place::AtArm => Step::Looked,
                Place::Coming | Place::Behind => Step::Sure,
                Place::Going => continue,
            };
            self.after(SURE_MS, Happening::Car(lane, number, step));
        }
    }
}
