//! The one place where things go outward: append, durable, only then barrier, acknowledgement,
//! answer, page and upstream.
//!
//! The writer hands over what has become durable, in order. This thread releases the moves with
//! it, drops those whose window has passed, and tells everyone who waited.

use std::sync::Arc;

use crossbeam_channel::Receiver;
use gateway_core::event::{Barrier, Body, EventKind};
use gateway_core::gate::Move;
use gateway_core::name::Name;
use gateway_core::order::OrderOutcome;
use gateway_core::view::LaneView;
use gateway_store::{Durable, Kind, Outcome, StoreError, Stored};
use tokio::sync::watch;

use crate::barriers::Barriers;
use crate::clock::Clock;
use crate::handles::{OrderReply, Then};
use crate::health::Health;
use crate::live::Hub;

/// What waits for the durability of one submission.
pub struct Outward {
    pub moves: Vec<Move>,
    pub shows: Vec<LaneView>,
    pub asks: Vec<Name>,
    pub then: Then,
}

impl Outward {
    pub fn new(then: Then) -> Outward {
        Outward {
            moves: Vec::new(),
            shows: Vec::new(),
            asks: Vec::new(),
            then,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.moves.is_empty()
            && self.shows.is_empty()
            && self.asks.is_empty()
            && matches!(self.then, Then::Nothing)
    }
}

pub struct Dispatcher {
    pub outcomes: Receiver<Outcome<Outward>>,
    pub barriers: Barriers,
    pub clock: Clock,
    pub hub: Arc<Hub>,
    pub health: Arc<Health>,
    /// The number of the last durable event: the deliverers follow it.
    pub appended: watch::Sender<u64>,
}

impl Dispatcher {
    /// Runs until the writer has gone; true when it has failed.
    pub fn run(&self) -> bool {
        for outcome in &self.outcomes {
            match outcome {
                Outcome::Durable(durable) => self.outward(durable),
                Outcome::Failed(cause) => {
                    self.health.store_failed(store_code(&cause));
                    return true;
                }
            }
        }
        false
    }

    fn outward(&self, durable: Durable<Outward>) {
        let Outward {
            moves,
            shows,
            asks,
            then,
        } = durable.then;
        for wanted in moves {
            self.release(wanted);
        }
        answer(then, &durable.stored);
        for device in asks {
            // No shipped declaration can ask a device yet.
            tracing::info!(%device, "a measurement is wanted once more");
        }
        if !durable.stored.is_empty() {
            self.appended.send_replace(durable.last);
            self.health.durable_through(durable.last);
        }
        self.hub.durable(&durable.stored, &shows);
    }

    fn release(&self, wanted: Move) {
        // Ending a hold is no opening: it has no window.
        let lapses = wanted.command != Barrier::Release;
        if lapses && self.clock.mono() > wanted.until {
            self.barriers.drop_move(wanted, "window_passed");
        } else {
            self.barriers.send(wanted);
        }
    }
}

fn answer(then: Then, stored: &[Arc<Stored>]) {
    match then {
        Then::Nothing => {}
        Then::Acknowledge(acknowledge) => acknowledge(),
        // The asker may have given up: then nobody is told, and the journal has it.
        Then::Answer(asker) => {
            if let Some(reply) = order_reply(stored) {
                let _ = asker.send(reply);
            }
        }
        Then::Recorded(asker) => {
            if let Some(event) = stored.last() {
                let _ = asker.send(event.number());
            }
        }
    }
}

/// The order's own event says what became of it.
fn order_reply(stored: &[Arc<Stored>]) -> Option<OrderReply> {
    stored.iter().find_map(|stored| {
        let event = gateway_store::decode(stored).ok()?;
        if event.kind != EventKind::Order {
            return None;
        }
        let outcome = event.parts.into_iter().find_map(|part| match part.body {
            Body::Order { outcome, .. } => Some(outcome),
            _ => None,
        });
        Some(OrderReply {
            outcome: outcome.unwrap_or(OrderOutcome::Done),
            number: stored.number(),
        })
    })
}

/// Why nothing can be written, for people and machines.
fn store_code(cause: &StoreError) -> &'static str {
    if cause.is_disk_full() {
        return "disk_full";
    }
    match cause.kind() {
        Kind::Corrupt => "journal_damaged",
        _ => "disk_failed",
    }
}
