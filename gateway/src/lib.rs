//! The daemon: edges and wiring. What is decided stands in gateway-core.
//!
//! `start` finds everything that can be wrong, `daemon` starts and stops the parts in order. In
//! the order of the flow: `sight` and `sensors` → `gate_loop` → the store's writer → `dispatch` →
//! `barriers`, `live`, `upstream`.

pub mod barriers;
pub mod clock;
pub mod daemon;
pub mod dispatch;
pub mod gate_loop;
pub mod handles;
pub mod health;
pub mod history;
mod keeper;
pub mod lists;
pub mod live;
pub mod mqtt;
pub mod privilege;
pub mod rules;
pub mod sensors;
pub mod sight;
pub mod start;
pub mod supervise;
pub mod upstream;
pub mod web;
mod whole;
