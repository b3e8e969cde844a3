//! Alerts folded from events: all that are open or acknowledged, and the latest closed ones.

use std::collections::{BTreeMap, VecDeque};

use gateway_core::event::{Body, Event, EventKind};
use gateway_wire::api::{Alert, AlertState, PartState, Picture};

/// Closed alerts that stay in memory; older ones are in the journal only.
const CLOSED: usize = 5_000;

/// The core bounds the open ones; this bound only guards the memory against its failing.
const ALL: usize = 20_000;

#[derive(Default)]
pub struct Alerts {
    /// By alert number.
    all: BTreeMap<u64, Alert>,
    /// In the order of closing.
    closed: VecDeque<u64>,
}

/// Which alerts are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    All,
    One(AlertState),
}

impl Alerts {
    /// Folds one event; the alert that it changed.
    pub fn fold(&mut self, event: &Event) -> Option<Alert> {
        match event.kind {
            EventKind::AlertRaised => self.raise(event),
            EventKind::AlertAcknowledged => self.change(event, AlertState::Acknowledged),
            EventKind::AlertClosed => self.change(event, AlertState::Closed),
            _ => None,
        }
    }

    /// Takes in an alert that the gate remembers from before the events that were read.
    pub fn remember(&mut self, alert: &gateway_core::alert::Alert) {
        self.all.entry(alert.raised.alert).or_insert_with(|| {
            let mut known = from_raised(&alert.raised);
            known.raised_ms = alert.at.wall_ms;
            known.clock = alert.at.trust.into();
            known.lane = alert.lane.as_ref().map(ToString::to_string);
            known.passage = alert.passage.as_ref().map(ToString::to_string);
            known.state = alert.state.into();
            known.acknowledged_by = alert.acknowledged_by.as_ref().map(ToString::to_string);
            known
        });
    }

    /// Newest first.
    pub fn list(&self, wanted: Wanted, limit: usize) -> Vec<Alert> {
        self.all
            .values()
            .rev()
            .filter(|alert| match wanted {
                Wanted::All => true,
                Wanted::One(state) => alert.state == state,
            })
            .take(limit)
            .cloned()
            .collect()
    }

    fn raise(&mut self, event: &Event) -> Option<Alert> {
        let raised = event.parts.iter().find_map(|part| match &part.body {
            Body::Alert(raised) => Some(raised),
            _ => None,
        })?;
        let mut alert = from_raised(raised);
        alert.raised_ms = event.at.wall_ms;
        alert.clock = event.at.trust.into();
        alert.lane = event.lane.as_ref().map(ToString::to_string);
        alert.passage = event.passage.as_ref().map(ToString::to_string);
        for part in &event.parts {
            match &part.body {
                Body::Sighting(sighting) => {
                    alert.plate = Some(sighting.plate.reveal().to_string());
                    alert.picture = sighting.evidence.as_ref().map(Picture::from);
                }
                Body::Card { card, .. } => alert.card = Some(card.reveal().to_string()),
                Body::DeviceState { device, state } => {
                    alert.device = Some(device.to_string());
                    alert.device_code = PartState::of(state).1;
                }
                _ => {}
            }
        }
        self.all.insert(alert.alert, alert.clone());
        if self.all.len() > ALL {
            self.all.pop_first();
        }
        Some(alert)
    }

    fn change(&mut self, event: &Event, state: AlertState) -> Option<Alert> {
        let (number, by, reason, comment) =
            event.parts.iter().find_map(|part| match &part.body {
                Body::AlertState {
                    alert,
                    by,
                    reason,
                    comment,
                } => Some((*alert, by, reason, comment)),
                _ => None,
            })?;
        let alert = self.all.get_mut(&number)?;
        let by = by.as_ref().map(ToString::to_string);
        let newly_closed = state == AlertState::Closed && alert.state != AlertState::Closed;
        alert.state = state;
        if state == AlertState::Closed {
            alert.closed_by = by;
            alert.closed_ms = Some(event.at.wall_ms);
            alert.reason = reason.as_ref().map(ToString::to_string);
            alert.comment = comment.clone().filter(|text| !text.is_empty());
        } else {
            alert.acknowledged_by = by;
            alert.acknowledged_ms = Some(event.at.wall_ms);
        }
        let changed = alert.clone();
        if newly_closed {
            self.closed.push_back(number);
            if self.closed.len() > CLOSED
                && let Some(oldest) = self.closed.pop_front()
            {
                self.all.remove(&oldest);
            }
        }
        Some(changed)
    }
}

fn from_raised(raised: &gateway_core::alert::Raised) -> Alert {
    Alert {
        alert: raised.alert,
        code: raised.code.to_string(),
        severity: raised.severity.into(),
        state: AlertState::Open,
        roles: raised.roles.iter().map(|role| (*role).into()).collect(),
        raised_ms: 0,
        clock: gateway_wire::api::Clock::Unknown,
        lane: None,
        passage: None,
        rule: raised.rule.as_ref().map(ToString::to_string),
        device: None,
        device_code: None,
        text: raised.message.as_ref().map(Into::into),
        plate: None,
        card: None,
        picture: None,
        acknowledged_by: None,
        acknowledged_ms: None,
        closed_by: None,
        closed_ms: None,
        reason: None,
        comment: None,
    }
}
