//! A barrier's own controller: it moves the arm and closes by itself, never on an occupied loop.

/// Milliseconds that it takes and stays.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    pub travel_ms: u64,
    pub open_ms: u64,
}

impl Timing {
    pub const VEHICLES: Timing = Timing {
        travel_ms: 800,
        open_ms: 3_000,
    };
    pub const PERSONS: Timing = Timing {
        travel_ms: 300,
        open_ms: 1_000,
    };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    Closed,
    Opening,
    Open,
    Closing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Open,
    HoldOpen,
    Release,
    Close,
}

/// The arm and what its controller will do next. Times are milliseconds of any one clock.
pub struct Arm {
    timing: Timing,
    pub position: Position,
    held: bool,
    /// When the travel ends, or when an open arm may close.
    next_ms: Option<u64>,
}

impl Arm {
    pub fn closed(timing: Timing) -> Arm {
        Arm {
            timing,
            position: Position::Closed,
            held: false,
            next_ms: None,
        }
    }

    pub fn deadline_ms(&self) -> Option<u64> {
        self.next_ms
    }

    /// Takes a command; says whether the position changed.
    pub fn command(&mut self, now_ms: u64, command: Command, occupied: bool) -> bool {
        match command {
            Command::Open => self.open(now_ms),
            Command::HoldOpen => {
                self.held = true;
                self.open(now_ms)
            }
            Command::Release => {
                self.held = false;
                false
            }
            Command::Close => {
                let may = self.position == Position::Open && !occupied && !self.held;
                may && self.close(now_ms)
            }
        }
    }

    /// Time has passed; says whether the position changed.
    pub fn tick(&mut self, now_ms: u64, occupied: bool) -> bool {
        if self.next_ms.is_none_or(|next| now_ms < next) {
            return false;
        }
        match self.position {
            Position::Opening => self.reach(Position::Open, Some(now_ms + self.timing.open_ms)),
            // An obstacle under a closing arm opens it again.
            Position::Closing if occupied => self.open(now_ms),
            Position::Closing => self.reach(Position::Closed, None),
            Position::Open if occupied || self.held => {
                self.next_ms = Some(now_ms + 200);
                false
            }
            Position::Open => self.close(now_ms),
            Position::Closed => {
                self.next_ms = None;
                false
            }
        }
    }

    fn open(&mut self, now_ms: u64) -> bool {
        match self.position {
            Position::Open => {
                self.next_ms = Some(now_ms + self.timing.open_ms);
                false
            }
            Position::Opening => false,
            Position::Closed | Position::Closing => {
                self.reach(Position::Opening, Some(now_ms + self.timing.travel_ms))
            }
        }
    }

    fn close(&mut self, now_ms: u64) -> bool {
        self.reach(Position::Closing, Some(now_ms + self.timing.travel_ms))
    }

    fn reach(&mut self, position: Position, next_ms: Option<u64>) -> bool {
        self.position = position;
        self.next_ms = next_ms;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{Arm, Command, Position, Timing};

    fn opened() -> Arm {
        let mut arm = Arm::closed(Timing::VEHICLES);
        assert!(arm.command(0, Command::Open, false));
        assert_eq!(arm.position, Position::Opening);
        assert!(arm.tick(800, false));
        assert_eq!(arm.position, Position::Open);
        arm
    }

    #[test]
    fn an_opened_arm_closes_by_itself() {
        let mut arm = opened();
        assert!(!arm.tick(3_000, false));
        assert!(arm.tick(3_800, false));
        assert_eq!(arm.position, Position::Closing);
        assert!(arm.tick(4_600, false));
        assert_eq!(arm.position, Position::Closed);
        assert_eq!(arm.deadline_ms(), None);
    }

    #[test]
    fn an_occupied_loop_keeps_it_open() {
        let mut arm = opened();
        assert!(!arm.tick(3_800, true));
        assert!(!arm.command(3_900, Command::Close, true));
        assert_eq!(arm.position, Position::Open);
        assert!(arm.tick(4_000, false));
        assert_eq!(arm.position, Position::Closing);
        assert!(arm.tick(4_800, true));
        assert_eq!(arm.position, Position::Opening);
    }

    #[test]
    fn a_held_arm_stays_open_until_it_is_released() {
        let mut arm = Arm::closed(Timing::VEHICLES);
        arm.command(0, Command::HoldOpen, false);
        assert!(arm.tick(800, false));
        assert!(!arm.tick(60_000, false));
        assert!(!arm.command(60_000, Command::Close, false));
        assert!(!arm.command(60_100, Command::Release, false));
        assert!(arm.tick(60_200, false));
        assert_eq!(arm.position, Position::Closing);
    }

    #[test]
    fn a_second_open_lets_it_stay_open_longer() {
        let mut arm = opened();
        assert!(!arm.command(3_700, Command::Open, false));
        assert!(!arm.tick(3_800, false));
        assert!(arm.tick(6_700, false));
    }
}
