//! What goes wrong and when: a list of faults from the seed, made before the day begins, each family
//! from dice of its own, so that one family can be left out and the others stay.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::clock::ClockFault;
use crate::lane::Device;
use crate::upstream::Lie;

/// Which families of faults a run has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Families {
    pub crashes: bool,
    pub devices: bool,
    pub clock: bool,
    pub upstream: bool,
    pub disk: bool,
}

impl Families {
    pub const ALL: Families = Families {
        crashes: true,
        devices: true,
        clock: true,
        upstream: true,
        disk: true,
    };
    pub const NONE: Families = Families {
        crashes: false,
        devices: false,
        clock: false,
        upstream: false,
        disk: false,
    };
}

/// At which step of its work the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    /// Wherever it is.
    AtOnce,
    /// While the next batch is on its way to the disk: it is there whole, or not at all.
    InCommit,
    /// When the next batch is durable and nothing of it has gone outward.
    AfterAppend,
    /// When the next batch has gone outward and no answer has come back.
    AfterOutward,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceFault {
    /// Gone, and its last will says so.
    Down,
    /// Says nothing more.
    Silent,
    /// A loop that goes on saying what it said last.
    Stuck,
    /// What it says arrives seconds later.
    Late,
    /// What it says arrives twice.
    Duplicated,
    /// Sends its old records again.
    Replays,
    /// Publishes so that the broker keeps its last word.
    Retained,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Crash {
        blow: Blow,
        down_ms: u64,
    },
    Device {
        lane: usize,
        device: Device,
        fault: DeviceFault,
    },
    /// Somebody on the network says that listed cards are presented.
    Impostor,
    Clock(ClockFault),
    UpstreamAway,
    /// The connection breaks again and again.
    UpstreamFlaps,
    /// Receipts are lost.
    ReceiptsLost,
    UpstreamLies(Lie),
    /// Commits take seconds.
    DiskStalls,
    BarrierLinkDown,
    Emergency,
    /// Not a fault: the ways in are closed for a while.
    LockDown,
}

/// A fault with its time; a crash ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    pub from_ms: u64,
    pub to_ms: u64,
    pub fault: Fault,
}

/// Everything that goes wrong before `until_ms`, some of it twenty times a day.
pub fn plan(seed: u64, until_ms: u64, families: Families) -> Vec<Planned> {
    let mut plan = Vec::new();
    let mut of = |stream: u64, a_day: u64, make: &dyn Fn(&mut ChaCha8Rng) -> (Fault, u64)| {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        dice.set_stream(stream);
        let count = (a_day * until_ms).div_ceil(86_400_000);
        for _ in 0..count {
            let from_ms = dice.gen_range(60_000..until_ms.max(61_000));
            let (fault, lasts_ms) = make(&mut dice);
            plan.push(Planned {
                from_ms,
                to_ms: from_ms + lasts_ms,
                fault,
            });
        }
    };
    if families.crashes {
        of(101, 24, &crash);
    }
    if families.devices {
        of(102, 40, &device);
        of(103, 2, &|dice| {
            (Fault::Impostor, dice.gen_range(60_000..1_800_000))
        });
        of(104, 3, &|dice| {
            (Fault::BarrierLinkDown, dice.gen_range(1_000..600_000))
        });
    }
    if families.clock {
        of(105, 10, &clock);
    }
    if families.upstream {
        of(106, 8, &upstream);
    }
    if families.disk {
        of(107, 8, &|dice| {
            (Fault::DiskStalls, dice.gen_range(10_000..120_000))
        });
    }
    if families.devices && seed % 4 == 3 {
        of(108, 1, &|dice| {
            (Fault::Emergency, dice.gen_range(30_000..300_000))
        });
    }
    if families.devices && seed % 4 == 2 {
        of(109, 2, &|dice| {
            (Fault::LockDown, dice.gen_range(300_000..3_600_000))
        });
    }
    plan.retain(|planned| planned.from_ms < until_ms);
    plan.sort_by_key(|planned| planned.from_ms);
    plan
}

fn crash(dice: &mut ChaCha8Rng) -> (Fault, u64) {
    let blows = [
        Blow::AtOnce,
        Blow::AtOnce,
        Blow::InCommit,
        Blow::AfterAppend,
        Blow::AfterOutward,
    ];
    let blow = blows[dice.gen_range(0..blows.len())];
    let down_ms = match dice.gen_range(0..4) {
        0 => dice.gen_range(30_000..300_000),
        _ => dice.gen_range(500..4_000),
    };
    (Fault::Crash { blow, down_ms }, 0)
}

fn device(dice: &mut ChaCha8Rng) -> (Fault, u64) {
    let lane = dice.gen_range(0..5);
    let devices: &[Device] = match lane {
        2 => &[Device::Reader, Device::Thermometer, Device::Arm],
        3 => &[Device::Reader, Device::Arm],
        _ => &[Device::Camera, Device::Approach, Device::Under, Device::Arm],
    };
    let device = devices.choose(dice).copied().unwrap_or(Device::Arm);
    let faults: &[DeviceFault] = match device {
        Device::Camera => &[DeviceFault::Down, DeviceFault::Silent, DeviceFault::Late],
        Device::Approach | Device::Under => &[
            DeviceFault::Down,
            DeviceFault::Silent,
            DeviceFault::Stuck,
            DeviceFault::Late,
            DeviceFault::Duplicated,
        ],
        Device::Arm => &[
            DeviceFault::Down,
            DeviceFault::Late,
            DeviceFault::Duplicated,
        ],
        Device::Reader | Device::Thermometer => &[
            DeviceFault::Down,
            DeviceFault::Silent,
            DeviceFault::Late,
            DeviceFault::Duplicated,
            DeviceFault::Replays,
            DeviceFault::Retained,
        ],
    };
    let fault = faults.choose(dice).copied().unwrap_or(DeviceFault::Down);
    let lasts_ms = dice.gen_range(5_000..1_800_000);
    (
        Fault::Device {
            lane,
            device,
            fault,
        },
        lasts_ms,
    )
}

fn clock(dice: &mut ChaCha8Rng) -> (Fault, u64) {
    let faults = [
        ClockFault::Ahead,
        ClockFault::Behind,
        ClockFault::Epoch,
        ClockFault::Drift,
        ClockFault::ByHand,
        ClockFault::Held,
        ClockFault::Unknown,
    ];
    let fault = faults[dice.gen_range(0..faults.len())];
    (Fault::Clock(fault), dice.gen_range(1_000..3_600_000))
}

fn upstream(dice: &mut ChaCha8Rng) -> (Fault, u64) {
    let fault = match dice.gen_range(0..6) {
        0 | 1 => Fault::UpstreamAway,
        2 => Fault::UpstreamFlaps,
        3 => Fault::ReceiptsLost,
        _ => Fault::UpstreamLies(Lie::ALL[dice.gen_range(0..Lie::ALL.len())]),
    };
    (fault, dice.gen_range(10_000..7_200_000))
}
