//! What the gateway decides: pure values and one state machine.
//!
//! No I/O, no clock, no random number, no thread, no async, no floating point outside CEL's own
//! comparison. The same inputs give the same outputs on every machine; replay, simulation and
//! what-if rest on it.

pub mod alert;
pub mod decision;
pub mod event;
pub mod facts;
pub mod gate;
pub mod lists;
pub mod lookalike;
pub mod moment;
pub mod name;
pub mod order;
pub mod plate;
pub mod reading;
pub mod rule;
pub mod sighting;
pub mod site;
pub mod view;
