//! A barrier on the wire: commands become moves of its arm, the arm's contacts become messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rumqttc::Publish;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::arm::{Arm, Command, Position, Timing};
use crate::device::{Device, Door};
use crate::moves::Moves;

/// A lane's barrier; cheap to clone.
#[derive(Clone)]
pub struct Barrier {
    pub device: Device,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// The loop under the arm, which is wired to the controller itself.
    occupied: AtomicBool,
    passable: AtomicBool,
}

/// Contacts of the node.
const UP: u8 = 1;
const DOWN: u8 = 2;

impl Barrier {
    pub fn start(door: &Door, lane: &str, persons: bool, moves: &Arc<Moves>) -> Barrier {
        let (sender, commands) = mpsc::unbounded_channel();
        let barrier = Barrier {
            device: Device::relay(door, &format!("{lane}-barrier"), sender),
            shared: Arc::default(),
        };
        let timing = if persons {
            Timing::PERSONS
        } else {
            Timing::VEHICLES
        };
        let controller = Controller {
            lane: lane.to_owned(),
            barrier: barrier.clone(),
            arm: Arm::closed(timing),
            moves: Arc::clone(moves),
            began: Instant::now(),
        };
        tokio::spawn(controller.run(commands));
        barrier
    }

    pub fn set_occupied(&self, occupied: bool) {
        self.shared.occupied.store(occupied, Ordering::Relaxed);
    }

    /// The arm is up, or on its way up.
    pub fn is_passable(&self) -> bool {
        self.shared.passable.load(Ordering::Relaxed)
    }
}

struct Controller {
    lane: String,
    barrier: Barrier,
    arm: Arm,
    moves: Arc<Moves>,
    began: Instant,
}

impl Controller {
    async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Publish>) {
        loop {
            let deadline = self.arm.deadline_ms().unwrap_or(u64::MAX >> 24);
            let deadline = self.began + Duration::from_millis(deadline);
            let changed = tokio::select! {
                command = commands.recv() => match command {
                    Some(publish) => self.command(&publish),
                    None => return,
                },
                () = sleep_until(deadline) => {
                    let occupied = self.is_occupied();
                    self.arm.tick(self.now_ms(), occupied)
                }
            };
            if changed {
                self.tell();
            }
        }
    }

    fn command(&mut self, publish: &Publish) -> bool {
        let relay = publish.topic.rsplit('/').next().unwrap_or("").to_owned();
        let payload = String::from_utf8_lossy(&publish.payload).into_owned();
        let command = match (relay.as_str(), payload.as_str()) {
            ("POWER1", "ON") => Some(Command::Open),
            ("POWER2", "ON") => Some(Command::HoldOpen),
            ("POWER2", "OFF") => Some(Command::Release),
            ("POWER3", "ON") => Some(Command::Close),
            _ => None,
        };
        self.moves.record(&self.lane, command, publish, &payload);
        self.barrier.device.relay_result(&relay, &payload);
        let Some(command) = command else {
            return false;
        };
        let occupied = self.is_occupied();
        self.arm.command(self.now_ms(), command, occupied)
    }

    fn tell(&self) {
        let device = &self.barrier.device;
        match self.arm.position {
            Position::Opening => device.contact(DOWN, false),
            Position::Open => device.contact(UP, true),
            Position::Closing => device.contact(UP, false),
            Position::Closed => device.contact(DOWN, true),
        }
        let passable = matches!(self.arm.position, Position::Opening | Position::Open);
        self.barrier
            .shared
            .passable
            .store(passable, Ordering::Relaxed);
    }

    fn is_occupied(&self) -> bool {
        self.barrier.shared.occupied.load(Ordering::Relaxed)
    }

    fn now_ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }
}
