//! Raising and closing alerts: each copies what it needs into parts of its own, and none is lost.

use crate::alert::{Message, Raised, Severity, code};
use crate::event::{Body, Class, Event, EventKind, Part, PartKind};
use crate::gate::{Gate, Outputs};
use crate::moment::Moment;
use crate::name::Name;
use crate::order::Role;

/// Alerts open or acknowledged at once. One more closes the oldest of the least severity, by
/// nobody, with the reason `overflow`.
pub const ALERTS_KEPT: usize = 1_000;

pub(super) struct Alarm {
    pub code: Name,
    pub severity: Severity,
    /// Empty: those who watch over the lane.
    pub roles: Vec<Role>,
    pub rule: Option<Name>,
    pub message: Option<Message>,
}

impl Alarm {
    pub fn new(code: &str, severity: Severity) -> Alarm {
        Alarm {
            code: Name::new(code),
            severity,
            roles: Vec::new(),
            rule: None,
            message: None,
        }
    }

    pub fn rule(mut self, rule: &Name) -> Alarm {
        self.rule = Some(rule.clone());
        self
    }

    pub fn roles(mut self, roles: &[Role]) -> Alarm {
        self.roles = roles.to_vec();
        self
    }
}

impl Gate {
    /// Raises an alert, of a passage where an index is given. `more` are parts to add.
    pub(super) fn raise(
        &mut self,
        at: Moment,
        lane: Option<usize>,
        passage: Option<usize>,
        alarm: Alarm,
        more: Vec<Part>,
        out: &mut Outputs,
    ) {
        self.make_room(at, out);
        let mut event = Event::new(at, EventKind::AlertRaised);
        let mut roles = alarm.roles;
        if let Some(lane) = lane {
            let config = self.config(lane);
            event = event.lane(&config.id);
            if roles.is_empty() {
                roles = if config.attended {
                    vec![Role::Guard]
                } else {
                    vec![Role::GridWorker, Role::Property]
                };
            }
        }
        let raised = Raised {
            alert: self.memory.alerts_raised + 1,
            code: alarm.code,
            severity: alarm.severity,
            roles,
            rule: alarm.rule,
            message: alarm.message,
        };
        event = event.part(PartKind::Detail, Class::Alarm, Body::Alert(raised));
        if let (Some(lane), Some(index)) = (lane, passage) {
            event = self.with_copies(event, lane, index);
        }
        event.parts.extend(more);
        self.record(event, out);
    }

    /// What the alert is about, living as long as the alert does.
    fn with_copies(&self, event: Event, lane: usize, index: usize) -> Event {
        let passage = &self.lanes[lane].passages[index];
        let mut event = event.passage(&passage.id);
        if let Some(sighting) = &passage.sighting {
            let body = Body::Sighting(sighting.clone());
            event = event.part(PartKind::Identity, Class::Alarm, body);
        }
        if let Some(got) = &passage.card {
            let body = Body::Card {
                device: got.device.clone(),
                card: got.value.clone(),
                freshness: got.freshness,
                trust: got.trust,
                counter: None,
            };
            event = event.part(PartKind::Identity, Class::Alarm, body);
        }
        if let Some(got) = &passage.temperature {
            let body = Body::Temperature {
                device: got.device.clone(),
                temperature: got.value.clone(),
                freshness: got.freshness,
                trust: got.trust,
                counter: None,
            };
            event = event.part(PartKind::Health, Class::Alarm, body);
        }
        event
    }

    fn make_room(&mut self, at: Moment, out: &mut Outputs) {
        if self.memory.alerts.len() < ALERTS_KEPT {
            return;
        }
        let least = self
            .memory
            .alerts
            .values()
            .map(|alert| (alert.raised.severity, alert.raised.alert))
            .min();
        if let Some((_, alert)) = least {
            self.close_by_itself(at, alert, "overflow", out);
        }
    }

    /// Closes an alert that needs no person any more.
    pub(super) fn close_by_itself(
        &mut self,
        at: Moment,
        alert: u64,
        reason: &str,
        out: &mut Outputs,
    ) {
        let body = Body::AlertState {
            alert,
            by: None,
            reason: Some(Name::new(reason)),
            comment: None,
        };
        self.record_alert_state(at, EventKind::AlertClosed, alert, body, out);
    }

    pub(super) fn record_alert_state(
        &mut self,
        at: Moment,
        kind: EventKind,
        alert: u64,
        body: Body,
        out: &mut Outputs,
    ) {
        let mut event = Event::new(at, kind);
        if let Some(known) = self.memory.alerts.get(&alert) {
            event.lane = known.lane.clone();
            event.passage = known.passage.clone();
        }
        self.record(event.part(PartKind::Detail, Class::Alarm, body), out);
    }

    /// The open alert which says that a device is down or shows nothing of use, and its code.
    pub(super) fn device_alert(&self, device: &Name) -> Option<(u64, Name)> {
        let alert = self.memory.device_alerts.get(device).copied()?;
        let code = &self.memory.alerts.get(&alert)?.raised.code;
        let is_device =
            code.as_str() == code::DEVICE_DOWN || code::USELESS.contains(&code.as_str());
        is_device.then(|| (alert, code.clone()))
    }
}
