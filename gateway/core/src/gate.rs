//! The gate: one sans-I/O state machine, called by one thread, given time and input from outside.

use crate::event::{Barrier, Event};
use crate::lists::Lists;
use crate::moment::Mono;
use crate::name::Name;
use crate::order::Order;
use crate::reading::{DeviceHealth, Reading};
use crate::sighting::Sighting;
use crate::view::LaneView;

/// Everything that can happen to the gate.
#[derive(Clone, Debug)]
pub enum Input {
    Sighting(Sighting),
    Reading(Reading),
    DeviceHealth(DeviceHealth),
    Order(Order),
    /// The lists after a change of the one named.
    ListChange {
        list: Name,
        lists: std::sync::Arc<Lists>,
    },
    /// The wall clock jumped by this much; no timer moves.
    ClockStep {
        step_ms: i64,
    },
    /// The emergency contact or button; the edges have opened all lanes already.
    Emergency {
        source: Name,
    },
    /// What became of a move that the gate asked for.
    Moved {
        id: u64,
        lane: Name,
        command: Barrier,
        outcome: crate::event::MoveOutcome,
    },
    /// `next_deadline` has come.
    Deadline,
}

/// Everything the gate can want.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    Record(Event),
    Move(Move),
    Show(LaneView),
    /// Ask a device to measure or report once more.
    Ask {
        device: Name,
    },
}

/// Travels with the event recorded just before it and is sent only when that is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    pub id: u64,
    pub lane: Name,
    pub command: Barrier,
    /// After this moment it is dropped, and the drop recorded.
    pub until: Mono,
    /// Goes out before rules and journal: an emergency opening.
    pub urgent: bool,
}

/// Reused between calls, so that a quiet gate allocates nothing.
#[derive(Debug, Default)]
pub struct Outputs {
    pub list: Vec<Output>,
}
