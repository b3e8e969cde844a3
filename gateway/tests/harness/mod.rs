//! A whole gate for black-box tests: the real daemon, a real mosquitto with the generated
//! configuration, the reference platform, all on free ports in a folder of their own.
//!
//! Whatever a test starts ends with it. Nothing here sleeps to wait for something: [`eventually`] asks
//! again until its deadline.

// Each test binary uses its own part of this.
#![allow(dead_code, unused_imports)]

mod device;
mod gate;
mod grid;
mod http;
mod page;
mod person;
mod process;
mod proxy;
mod site;

use std::time::{Duration, Instant};

pub use device::{Device, Message};
pub use gate::{Gate, binary, commands};
pub use grid::{number, part, verdict};
pub use page::Page;
pub use person::Walk;
pub use process::Process;
pub use proxy::Proxy;
pub use site::{Wishes, free_port, listed_card, stranger_card};

/// Asks until `condition` holds or the time is over; says which.
pub fn eventually(within: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + within;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= until {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// Fails the test with a sentence when the condition does not come true in time.
#[track_caller]
pub fn must(what: &str, within: Duration, condition: impl FnMut() -> bool) {
    assert!(
        eventually(within, condition),
        "not within {within:?}: {what}"
    );
}

/// Ten seconds: long for two busy cores, short for a test that hangs.
pub const SOON: Duration = Duration::from_secs(10);
