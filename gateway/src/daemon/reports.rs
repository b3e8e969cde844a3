//! Reports that are asked for: the journal's check and the outbox.

use std::sync::Arc;

use gateway_core::name::Name;
use gateway_store::Reader;
use gateway_store::check::Fault;
use gateway_store::evidence::Evidence;
use gateway_wire::api;

use crate::health::Health;

/// Verifies the whole journal each time it is called; reads everything once.
pub fn check(
    reader: Reader,
    evidence: Evidence,
) -> Arc<dyn Fn() -> api::JournalCheck + Send + Sync> {
    Arc::new(
        move || match gateway_store::check::check(&reader, Some(&evidence)) {
            Ok(report) => api::JournalCheck {
                events: report.events,
                through: report.last,
                ok: report.is_good(),
                problems: report
                    .findings
                    .iter()
                    .map(|finding| api::JournalProblem {
                        number: Some(finding.number),
                        what: fault(finding.fault).to_owned(),
                    })
                    .collect(),
            },
            Err(error) => api::JournalCheck {
                events: 0,
                through: 0,
                ok: false,
                problems: vec![api::JournalProblem {
                    number: None,
                    what: error.to_string(),
                }],
            },
        },
    )
}

/// What each destination has not confirmed, as its deliverer last said.
pub fn outbox(
    reader: Reader,
    destinations: Vec<Name>,
    health: Arc<Health>,
) -> Arc<dyn Fn() -> Vec<api::DestinationOutbox> + Send + Sync> {
    Arc::new(move || {
        let status = health.status();
        destinations
            .iter()
            .map(|id| {
                let known = status
                    .destinations
                    .iter()
                    .find(|known| known.id == id.as_str());
                let last_number = reader.last();
                api::DestinationOutbox {
                    destination: id.to_string(),
                    confirmed_through: known.map_or(0, |known| known.confirmed_through),
                    last_number,
                    waiting: known.map_or(last_number, |known| known.waiting),
                    ranges: Vec::new(),
                }
            })
            .collect()
    })
}

/// What is wrong with an event, for a technician.
fn fault(fault: Fault) -> &'static str {
    match fault {
        Fault::Unreadable => "it is damaged or missing",
        Fault::OtherJournal => "it belongs to another journal",
        Fault::ChainBroken => "it does not follow from the event before",
        Fault::CommitmentBroken => "a part of it was altered",
        Fault::PictureMissing => "its picture is missing",
        Fault::PictureDamaged => "its picture was altered",
    }
}
