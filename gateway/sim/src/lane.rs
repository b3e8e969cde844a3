//! What truly stands and moves in a lane: vehicles, persons, loops and the arm with its controller.

use std::collections::VecDeque;

use gateway_core::name::Name;
use gateway_core::reading::ArmPosition;

/// What a lane has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Device {
    Camera,
    Approach,
    Under,
    Arm,
    Reader,
    Thermometer,
}

impl Device {
    pub const ALL: [Device; 6] = [
        Device::Camera,
        Device::Approach,
        Device::Under,
        Device::Arm,
        Device::Reader,
        Device::Thermometer,
    ];

    const fn word(self) -> &'static str {
        match self {
            Device::Camera => "camera",
            Device::Approach => "approach",
            Device::Under => "under",
            Device::Arm => "arm",
            Device::Reader => "reader",
            Device::Thermometer => "thermometer",
        }
    }
}

/// The arm and its controller, which closes by itself and never on a vehicle.
#[derive(Clone, Copy, Debug)]
pub struct Arm {
    pub position: ArmPosition,
    /// Told to stay open.
    pub held: bool,
    /// Counts commands: what an earlier one planned is void.
    pub turn: u64,
}

/// How far a vehicle has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Coming,
    /// Close behind one that stands.
    Behind,
    AtArm,
    Going,
}

#[derive(Clone, Debug)]
pub struct Car {
    pub number: u64,
    pub visit: usize,
    pub track: u64,
    pub revision: u32,
    pub place: Place,
    /// The camera makes these two of its plate: on the way, and at the arm; the second is per mille.
    pub read: [Option<(String, u16)>; 2],
}

#[derive(Clone, Debug)]
pub struct Walker {
    pub number: u64,
    pub visit: usize,
    pub going: bool,
}

/// One lane as it truly is.
pub struct Road {
    pub name: Name,
    /// Device names, in the order of [`Device::ALL`].
    devices: Vec<Name>,
    pub pedestrian: bool,
    /// Visits that have come and have no room yet.
    pub waiting: VecDeque<usize>,
    pub cars: VecDeque<Car>,
    pub walkers: VecDeque<Walker>,
    pub arm: Arm,
    pub approach: bool,
    pub under: bool,
    /// Nobody walks up before this.
    pub free_from: u64,
}

impl Road {
    pub fn new(name: &str, pedestrian: bool) -> Road {
        Road {
            name: Name::new(name),
            devices: Device::ALL
                .iter()
                .map(|device| Name::new(&format!("{name}-{}", device.word())))
                .collect(),
            pedestrian,
            waiting: VecDeque::new(),
            cars: VecDeque::new(),
            walkers: VecDeque::new(),
            arm: Arm {
                position: ArmPosition::Closed,
                held: false,
                turn: 0,
            },
            approach: false,
            under: false,
            free_from: 0,
        }
    }

    pub fn device(&self, device: Device) -> &Name {
        &self.devices[device as usize]
    }

    pub fn car(&mut self, number: u64) -> Option<&mut Car> {
        self.cars.iter_mut().find(|car| car.number == number)
    }

    pub fn at_arm(&self) -> Option<&Car> {
        self.cars.iter().find(|car| car.place == Place::AtArm)
    }

    pub fn walker(&mut self, number: u64) -> Option<&mut Walker> {
        self.walkers
            .iter_mut()
            .find(|walker| walker.number == number)
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.cars.is_empty() && self.walkers.is_empty()
    }
}
