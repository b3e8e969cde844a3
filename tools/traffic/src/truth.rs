//! The ground truth as JSON lines: what a run is compared with afterwards.

use std::io::{self, Write};

use serde::Serialize;

use crate::scenario::{Arrival, Scenario};

#[derive(Serialize)]
struct Line<'a> {
    lane: &'a str,
    #[serde(flatten)]
    arrival: &'a Arrival,
}

/// Writes one JSON line for each arrival of the named lanes (of all, when none is named), by time.
/// A line holds `lane` and the fields of [`Arrival`]; times are milliseconds from the start.
pub fn write_truth(scenario: &Scenario, lanes: &[String], out: &mut impl Write) -> io::Result<()> {
    for (lane, arrival) in scenario.timeline() {
        if lanes.is_empty() || lanes.iter().any(|name| name == lane) {
            serde_json::to_writer(&mut *out, &Line { lane, arrival })?;
            out.write_all(b"\n")?;
        }
    }
    Ok(())
}
