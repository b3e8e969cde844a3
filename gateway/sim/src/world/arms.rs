//! The arms and their controllers: open on a pulse, close by themselves, never on what stands below.

use gateway_core::event::Barrier;
use gateway_core::reading::{ArmPosition, Value};

use super::{Happening, World};
use crate::lane::Device;

/// From the command to the arm leaving its rest, and to its being up.
const LEAVES_REST_MS: u64 = 150;
const UP_MS: u64 = 1_200;
/// An arm that nobody goes through comes down after so long.
const STAYS_MS: u64 = 10_000;
/// Behind a vehicle it comes down after so long.
const BEHIND_MS: u64 = 2_000;

#[derive(Clone, Copy, Debug)]
pub enum Step {
    LeavesRest,
    Up,
    Shuts,
    Down,
}

impl World {
    pub(super) fn arm_command(&mut self, lane: usize, command: Barrier) {
        match command {
            Barrier::Open | Barrier::HoldOpen => {
                self.roads[lane].arm.held |= command == Barrier::HoldOpen;
                let up = self.roads[lane].arm.position == ArmPosition::Open;
                let turn = self.turn(lane);
                if up {
                    self.after(100, Happening::Arm(lane, turn, Step::Up));
                } else {
                    self.after(LEAVES_REST_MS, Happening::Arm(lane, turn, Step::LeavesRest));
                    self.after(UP_MS, Happening::Arm(lane, turn, Step::Up));
                }
            }
            Barrier::Release => {
                self.roads[lane].arm.held = false;
                let turn = self.turn(lane);
                self.after(BEHIND_MS, Happening::Arm(lane, turn, Step::Shuts));
            }
            Barrier::Close if !self.roads[lane].arm.held => {
                let turn = self.turn(lane);
                self.arm(lane, turn, Step::Shuts);
            }
            Barrier::Close => {}
        }
    }

    /// Whoever went through has gone.
    pub(super) fn arm_passed(&mut self, lane: usize) {
        let turn = self.turn(lane);
        self.after(BEHIND_MS, Happening::Arm(lane, turn, Step::Shuts));
    }

    /// Somebody pushes the arm aside.
    pub(super) fn arm_forced(&mut self, lane: usize) {
        let turn = self.turn(lane);
        self.arm_is(lane, ArmPosition::Moving);
        self.after(4_000, Happening::Arm(lane, turn, Step::Shuts));
    }

    fn turn(&mut self, lane: usize) -> u64 {
        self.roads[lane].arm.turn += 1;
        self.roads[lane].arm.turn
    }

    pub(super) fn arm(&mut self, lane: usize, turn: u64, step: Step) {
        let road = &self.roads[lane];
        if road.arm.turn != turn {
            return;
        }
        match step {
            Step::LeavesRest => self.arm_is(lane, ArmPosition::Moving),
            Step::Up => {
                self.arm_is(lane, ArmPosition::Open);
                self.arm_is_up(lane);
                if !self.roads[lane].arm.held {
                    let turn = self.roads[lane].arm.turn;
                    self.after(STAYS_MS, Happening::Arm(lane, turn, Step::Shuts));
                }
            }
            Step::Shuts if road.arm.held || road.arm.position == ArmPosition::Closed => {}
            // Its own closing loop and photocell.
            Step::Shuts if road.under || road.walkers.iter().any(|walker| walker.going) => {
                self.after(1_000, Happening::Arm(lane, turn, Step::Shuts));
            }
            Step::Shuts => {
                self.arm_is(lane, ArmPosition::Moving);
                self.after(UP_MS, Happening::Arm(lane, turn, Step::Down));
            }
            Step::Down => self.arm_is(lane, ArmPosition::Closed),
        }
    }

    fn arm_is(&mut self, lane: usize, position: ArmPosition) {
        if self.roads[lane].arm.position != position {
            self.roads[lane].arm.position = position;
            self.say(lane, Device::Arm, Value::Arm(position));
        }
    }

    fn arm_is_up(&mut self, lane: usize) {
        if self.roads[lane].pedestrian {
            self.walker_may_go(lane);
        } else {
            self.car_may_go(lane);
        }
    }
}
