//! Persons: a card to the reader, a forehead to the thermometer, and through when the arm lets them.

use gateway_core::plate::Card;
use gateway_core::reading::{ArmPosition, Value};
use rand::Rng;
use traffic::day::{Manner, Role};

use super::{Happening, World, edge};
use crate::lane::{Device, Walker};

/// Between two who keep their distance.
const APART_MS: u64 = 400;
/// Whoever brings no card comes so long after the last one has gone, and nobody pushes behind them:
/// nothing else tells whose temperature it is, for people at the gate either.
const ALONE_MS: u64 = 4_500;
/// Through the turnstile.
const THROUGH_MS: u64 = 1_500;

#[derive(Clone, Copy, Debug)]
pub enum Step {
    Comes,
    Measured,
    Tires,
    Gone,
}

impl World {
    /// The next person comes to the reader when there is room.
    pub(super) fn walk_up(&mut self, lane: usize) {
        let road = &self.roads[lane];
        let Some(visit) = road.waiting.front().copied() else {
            return;
        };
        let ahead = road.walkers.front().map(|walker| walker.visit);
        let tells = ahead.is_some_and(|ahead| self.visits[ahead].card.is_some());
        let pushes = self.visits[visit].pushes && road.walkers.len() == 1 && tells;
        if !road.walkers.is_empty() && !pushes {
            return;
        }
        self.roads[lane].waiting.pop_front();
        let alone = self.visits[visit].card.is_none();
        let apart = if alone { ALONE_MS } else { 0 };
        let from = self.roads[lane].free_from + apart;
        self.numbers += 1;
        let number = self.numbers;
        self.roads[lane].walkers.push_back(Walker {
            number,
            visit,
            going: false,
        });
        let when = from.max(self.now + if pushes { 600 } else { 0 });
        self.at(when, Happening::Walker(lane, number, Step::Comes));
    }

    pub(super) fn walker(&mut self, lane: usize, number: u64, step: Step) {
        let Some(walker) = self.roads[lane].walker(number) else {
            return;
        };
        let (visit, going) = (walker.visit, walker.going);
        match step {
            Step::Comes => self.comes(lane, number, visit),
            Step::Measured => {
                if let Some(milli) = self.visits[visit].celsius_milli {
                    self.say(lane, Device::Thermometer, edge::celsius(milli));
                }
            }
            Step::Tires if going => {}
            Step::Tires | Step::Gone => self.walks_off(lane, number, visit),
        }
    }

    fn comes(&mut self, lane: usize, number: u64, visit: usize) {
        let who = self.visits[visit].clone();
        if let Some(card) = &who.card {
            self.present
                .entry((lane, card.clone()))
                .or_default()
                .push(visit);
            self.say(lane, Device::Reader, Value::Card(Card::new(card)));
        }
        let mut patience = self.dice.gen_range(6_000..12_000);
        if self.dice.gen_bool(0.4) {
            patience += 40_000;
        }
        if who.celsius_milli.is_some() {
            let after = who.measured_after_ms;
            self.after(after, Happening::Walker(lane, number, Step::Measured));
            if who.manner == Manner::TurnsBack && who.role != Role::NoCard {
                patience = after + 100;
            }
        }
        self.after(patience, Happening::Walker(lane, number, Step::Tires));
        let arm = self.roads[lane].arm;
        if arm.held && arm.position == ArmPosition::Open {
            self.walker_may_go(lane);
        }
        // Who follows closely does not wait for this one to have gone.
        if self.roads[lane].walkers.len() == 1 {
            self.walk_up(lane);
        }
    }

    /// The arm is up: the first one goes through.
    pub(super) fn walker_may_go(&mut self, lane: usize) {
        let Some(walker) = self.roads[lane]
            .walkers
            .iter_mut()
            .find(|walker| !walker.going)
        else {
            return;
        };
        walker.going = true;
        let (number, visit) = (walker.number, walker.visit);
        if !self.visits[visit].may_enter() {
            self.slipped += 1;
        }
        self.after(THROUGH_MS, Happening::Walker(lane, number, Step::Gone));
    }

    fn walks_off(&mut self, lane: usize, number: u64, visit: usize) {
        let road = &mut self.roads[lane];
        let Some(index) = road
            .walkers
            .iter()
            .position(|walker| walker.number == number)
        else {
            return;
        };
        let went = road
            .walkers
            .remove(index)
            .is_some_and(|walker| walker.going);
        road.free_from = self.now + APART_MS;
        if let Some(card) = self.visits[visit].card.clone() {
            self.leaves_sight(lane, card, visit);
        }
        if went {
            self.arm_passed(lane);
        }
        self.walk_up(lane);
    }
}
