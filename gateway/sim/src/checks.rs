//! What must hold of a journal when the traffic is over.

use std::collections::BTreeMap;

use gateway_core::decision::{FactState, Verdict};
use gateway_core::event::{Body, Event, EventKind, MoveOutcome};
use gateway_store::{Reader, StoreError, check as store_check};
use traffic::{Kind, Scenario, Why};

use crate::{DOWN_MS, Report, WALL_MS, events};

/// Around a crash so long before and after it, what people did may have been cut in two.
const CUT_MS: u64 = 10_000;
/// From coming into the picture to the decision, the wait included.
const DECIDED_WITHIN_MS: u64 = 6_000;

pub fn check(
    reader: &Reader,
    scenario: &Scenario,
    crashes: &[u64],
    report: &mut Report,
) -> Result<(), StoreError> {
    let checked = store_check::check(reader, None)?;
    report.events = checked.last;
    if !checked.is_good() {
        let found = format!("journal: {} errors {:?}", checked.errors, checked.findings);
        report.violations.push(found);
    }
    let events: Vec<Event> = events(reader, 1)?
        .into_iter()
        .map(|(_, event)| event)
        .collect();
    lives(&events, report);
    moves(&events, report);
    expected(&events, scenario, crashes, report);
    report.alerts = count(&events, EventKind::AlertRaised);
    Ok(())
}

fn count(events: &[Event], kind: EventKind) -> u64 {
    events.iter().filter(|event| event.kind == kind).count() as u64
}

fn verdict(event: &Event) -> Option<Verdict> {
    event.parts.iter().find_map(|part| match &part.body {
        Body::Decision(decision) => Some(decision.verdict),
        _ => None,
    })
}

/// Every passage ends exactly once, with at most one decision, and nothing after its end.
fn lives(events: &[Event], report: &mut Report) {
    #[derive(Default)]
    struct Life {
        decisions: u32,
        ended: bool,
    }
    let mut lives: BTreeMap<&str, Life> = BTreeMap::new();
    for event in events {
        let Some(id) = event.passage.as_ref().map(|id| id.as_str()) else {
            continue;
        };
        let acts = matches!(
            event.kind,
            EventKind::Decision | EventKind::Answer | EventKind::PassageEnded
        );
        if event.kind == EventKind::PassageBegun {
            if lives.insert(id, Life::default()).is_some() {
                report.violations.push(format!("{id} begun twice"));
            }
        } else if acts {
            match lives.get_mut(id) {
                Some(life) if !life.ended => {
                    life.decisions += u32::from(event.kind == EventKind::Decision);
                    life.ended = event.kind == EventKind::PassageEnded;
                }
                _ => report
                    .violations
                    .push(format!("{id}: {:?} without life", event.kind)),
            }
        }
    }
    for (id, life) in &lives {
        if !life.ended {
            report.violations.push(format!("{id} never ended"));
        }
        if life.decisions > 1 {
            report
                .violations
                .push(format!("{id} decided {} times", life.decisions));
        }
    }
    report.passages = lives.len() as u64;
}

/// No arm moved for a passage that was not admitted.
fn moves(events: &[Event], report: &mut Report) {
    let mut admitted: BTreeMap<&str, bool> = BTreeMap::new();
    for event in events {
        let Some(id) = event.passage.as_ref().map(|id| id.as_str()) else {
            continue;
        };
        if let Some(verdict) = verdict(event) {
            admitted.insert(id, verdict == Verdict::Admit);
        }
        let sent = event.parts.iter().any(|part| {
            matches!(
                &part.body,
                Body::Move {
                    outcome: MoveOutcome::Sent,
                    ..
                }
            )
        });
        if sent && admitted.get(id) != Some(&true) {
            report
                .violations
                .push(format!("{id} opened without an admit"));
        }
    }
}

/// Everybody who came was decided once, as the traffic expects.
fn expected(events: &[Event], scenario: &Scenario, crashes: &[u64], report: &mut Report) {
    let decided = decisions(events, report);
    for lane in &scenario.lanes {
        let nobody = Vec::new();
        let decisions = decided.get(&lane.name).unwrap_or(&nobody);
        for arrival in &lane.arrivals {
            report.arrivals += 1;
            let from = arrival.appear_ms;
            let to = from + DECIDED_WITHIN_MS;
            let cut = crashes.iter().any(|crash| {
                crash + DOWN_MS + CUT_MS >= from && crash.saturating_sub(CUT_MS) <= to
            });
            let wanted = match arrival.expected {
                traffic::Verdict::Admit => Verdict::Admit,
                traffic::Verdict::Hold => Verdict::Hold,
                traffic::Verdict::Refuse => Verdict::Refuse,
            };
            let who = match &arrival.kind {
                Kind::Vehicle { plate, .. } => Some(plate.text.as_str()),
                Kind::Person { card, .. } => card.as_deref(),
            };
            let start = decisions.partition_point(|(ms, ..)| *ms < from);
            let got: Vec<Verdict> = decisions[start..]
                .iter()
                .take_while(|(ms, ..)| *ms < to)
                .filter(|(_, whose, _)| whose.as_deref() == who)
                .map(|(.., verdict)| *verdict)
                .collect();
            let fits = if cut {
                // Cut in two by a crash: perhaps not admitted, or measured by half of the one
                // before; never admitted without being on a list.
                may_be_let_in(arrival.why) || !got.contains(&Verdict::Admit)
            } else {
                got == [wanted]
            };
            if !fits {
                let found = format!(
                    "{}: {got:?}, expected {wanted:?} ({:?})",
                    arrival.id, arrival.why
                );
                report.violations.push(found);
            }
        }
    }
}

fn may_be_let_in(why: Why) -> bool {
    match why {
        Why::UnlistedVehicle | Why::WatchedPlate | Why::UnknownCard => false,
        Why::ListedVehicle
        | Why::Leaving
        | Why::CardAndTemperature
        | Why::Fever
        | Why::TooCold
        | Why::MissingCard
        | Why::MissingTemperature => true,
    }
}

type Decided = (u64, Option<String>, Verdict);

/// By lane and in order: when, whose plate or card, and the verdict.
fn decisions(events: &[Event], report: &mut Report) -> BTreeMap<String, Vec<Decided>> {
    let mut decided: BTreeMap<String, Vec<Decided>> = BTreeMap::new();
    for event in events {
        let (Some(verdict), Some(lane)) = (verdict(event), &event.lane) else {
            continue;
        };
        let ms = u64::try_from(event.at.wall_ms - WALL_MS).unwrap_or(0);
        let of_lane = decided.entry(lane.to_string()).or_default();
        of_lane.push((ms, whose(event), verdict));
        report.decisions += 1;
        match verdict {
            Verdict::Admit => report.admits += 1,
            Verdict::Hold => report.holds += 1,
            Verdict::Refuse => report.refuses += 1,
        }
    }
    decided
}

fn whose(event: &Event) -> Option<String> {
    let facts = event.parts.iter().filter_map(|part| match &part.body {
        Body::Facts { facts } => Some(facts),
        _ => None,
    });
    facts.flatten().find_map(|fact| match &fact.state {
        FactState::Text(text) if matches!(fact.name.as_str(), "plate.text" | "card.id") => {
            Some(text.clone())
        }
        _ => None,
    })
}
