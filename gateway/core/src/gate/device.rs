//! Arms, the health of devices, moves and emergencies.

use std::collections::BTreeSet;

use crate::alert::{Severity, code};
use crate::event::{Barrier, Body, Class, Event, EventKind, MoveOutcome, Part, PartKind};
use crate::gate::alarm::Alarm;
use crate::gate::lane::LoopState;
use crate::gate::{Gate, Move, Output, Outputs};
use crate::moment::{Moment, Mono};
use crate::name::Name;
use crate::order::Role;
use crate::reading::{ArmPosition, DeviceHealth, DeviceState, Freshness, Reading, Value};
use crate::site::Need;

/// Devices whose state is remembered; of more, only events are made.
pub const DEVICES_KNOWN: usize = 256;
/// An arm that leaves its rest within this time after an opening was asked was opened by it.
const ARM_ANSWERS_MS: u64 = 5_000;

/// What the gate knows of a device.
#[derive(Debug, Default)]
pub(super) struct Device {
    state: Option<DeviceState>,
    lane: Option<Name>,
    /// What it has given so far; empty: not known.
    gives: BTreeSet<Need>,
    /// It has given something that no lane needs: loop, arm, contact.
    other: bool,
    contact: bool,
    /// What its contact was when it was last told late.
    old_contact: bool,
}

/// A counter that is lower by so many records, and less than a tenth of the last one, began anew.
const COUNTER_RESTARTS: u64 = 1_000;

/// A source that goes on telling of an emergency has the arms told again so often.
const ASK_AGAIN_US: u64 = 3_000_000;

/// The code of the alert for a device in this state.
fn trouble(state: &DeviceState) -> &'static str {
    match state {
        DeviceState::Failed { code } => code::USELESS
            .into_iter()
            .find(|useless| *useless == code.as_str())
            .unwrap_or(code::DEVICE_DOWN),
        DeviceState::Live | DeviceState::Silent => code::DEVICE_DOWN,
    }
}

impl Gate {
    fn device(&mut self, name: &Name) -> Option<&mut Device> {
        if !self.devices.contains_key(name) && self.devices.len() >= DEVICES_KNOWN {
            return None;
        }
        Some(self.devices.entry(name.clone()).or_default())
    }

    /// Remembers what a device gives, so that its silence explains what is missing.
    pub(super) fn learn(&mut self, lane: usize, reading: &Reading) {
        match reading.value {
            Value::Card(_) => self.learn_need(lane, &reading.device, Need::Card),
            Value::Temperature(_) => self.learn_need(lane, &reading.device, Need::Temperature),
            Value::Loop(_) | Value::Arm(_) | Value::Emergency(_) => {
                if let Some(device) = self.device(&reading.device) {
                    device.other = true;
                }
            }
            Value::Online(_) => {}
        }
    }

    /// Terminals push records again that they think were lost: one whose counter is not above the
    /// last one of its device is an old record, whatever it says of itself.
    ///
    /// What is recorded of the reading moves the counter, so it outlives a restart.
    ///
    /// A device that came back with a lower counter is not believed until it passes the last one,
    /// unless it is so much lower that the device must have been cleared.
    pub(super) fn counted(&self, mut reading: Reading) -> Reading {
        let Some(counter) = reading.counter else {
            return reading;
        };
        let known = self.memory.counters.get(&reading.device);
        let last = match reading.value {
            Value::Card(_) => known.and_then(|known| known.card),
            Value::Temperature(_) => known.and_then(|known| known.temperature),
            _ => return reading,
        };
        let old = last.is_some_and(|last| {
            let cleared = last.saturating_sub(counter) >= COUNTER_RESTARTS && counter < last / 10;
            counter <= last && !cleared
        });
        if reading.freshness == Freshness::Live && old {
            reading.freshness = Freshness::Replayed;
        }
        reading
    }

    pub(super) fn learn_need(&mut self, lane: usize, device: &Name, need: Need) {
        let lane = self.site.lanes[lane].id.clone();
        if let Some(device) = self.device(device) {
            device.gives.insert(need);
            device.lane = Some(lane);
        }
    }

    /// Whether a device of the lane that gives the need, or may give it, is down.
    pub(super) fn source_down(&self, lane: usize, need: Need) -> bool {
        let lane = &self.config(lane).id;
        self.devices.values().any(|device| {
            device.lane.as_ref() == Some(lane)
                && !matches!(device.state, None | Some(DeviceState::Live))
                && (device.gives.contains(&need) || (device.gives.is_empty() && !device.other))
        })
    }

    /// Devices of the lane that are known to be down.
    pub(super) fn devices_down(&self, lane: usize) -> i64 {
        let lane = &self.config(lane).id;
        let down = self.devices.values().filter(|device| {
            device.lane.as_ref() == Some(lane)
                && !matches!(device.state, None | Some(DeviceState::Live))
        });
        i64::try_from(down.count()).unwrap_or(i64::MAX)
    }

    pub(super) fn online(
        &mut self,
        at: Moment,
        reading: &Reading,
        online: bool,
        out: &mut Outputs,
    ) {
        let state = if online {
            DeviceState::Live
        } else {
            DeviceState::Failed {
                code: Name::new("offline"),
            }
        };
        let health = DeviceHealth {
            device: reading.device.clone(),
            lane: Some(reading.lane.clone()),
            state,
        };
        self.device_health(at, health, out);
    }

    pub(super) fn device_health(&mut self, at: Moment, health: DeviceHealth, out: &mut Outputs) {
        let Some(device) = self.device(&health.device) else {
            return;
        };
        if device.state.as_ref() == Some(&health.state) {
            return;
        }
        device.state = Some(health.state.clone());
        if health.lane.is_some() {
            device.lane = health.lane.clone();
        }
        let lane = health.lane.as_ref().and_then(|id| self.lane_index(id));
        let body = Body::DeviceState {
            device: health.device.clone(),
            state: health.state.clone(),
        };
        let mut event = Event::new(at, EventKind::DeviceState);
        event.lane = health.lane.clone();
        let event = event.part(PartKind::Detail, Class::Audit, body.clone());
        self.record(event, out);
        let alert = self.device_alert(&health.device);
        if health.state == DeviceState::Live {
            if let Some((alert, _)) = alert {
                self.close_by_itself(at, alert, "recovered", out);
            }
            return;
        }
        // A loop that is gone tells nothing; a camera that is gone follows nobody.
        for state in &mut self.lanes {
            for known in [&mut state.approach, &mut state.under] {
                if known.device.as_ref() == Some(&health.device) {
                    *known = LoopState::default();
                }
            }
            for passage in &mut state.passages {
                passage.close_tracks(&health.device, at.mono);
            }
        }
        let trouble = trouble(&health.state);
        // Another trouble is another alert: the one before is over.
        let same = alert.as_ref().map(|(_, code)| code.as_str() == trouble);
        if let Some((alert, _)) = alert.filter(|_| same == Some(false)) {
            self.close_by_itself(at, alert, "recovered", out);
        }
        if same != Some(true) {
            let part = Part {
                kind: PartKind::Detail,
                class: Class::Alarm,
                body,
            };
            let roles = [Role::Technician, Role::Guard];
            let alarm = Alarm::new(trouble, Severity::Warning).roles(&roles);
            self.raise(at, lane, None, alarm, vec![part], out);
        }
    }

    pub(super) fn arm(
        &mut self,
        at: Moment,
        lane: usize,
        reading: &Reading,
        position: ArmPosition,
        out: &mut Outputs,
    ) {
        let state = &mut self.lanes[lane];
        let before = state.arm;
        if before == Some(position) {
            return;
        }
        state.arm = Some(position);
        state.dirty = true;
        if reading.freshness != Freshness::Live {
            return;
        }
        let opening = before == Some(ArmPosition::Closed);
        let closed = position == ArmPosition::Closed;
        let asked = state
            .opening
            .is_some_and(|asked| at.mono.since(asked) <= ARM_ANSWERS_MS * 1_000);
        if opening && !asked && !self.emergency_active() {
            self.foreign_move(at, lane, reading, position, out);
            return;
        }
        let state = &mut self.lanes[lane];
        let cleared = state.passages.iter().position(|p| p.cleared());
        let Some(index) = cleared else { return };
        let passage = &mut state.passages[index];
        if opening {
            passage.going_through = true;
        } else if closed && passage.going_through {
            passage.freed = Some(at.mono);
        }
        self.joined(at, lane, index, reading, out);
    }

    fn foreign_move(
        &mut self,
        at: Moment,
        lane: usize,
        reading: &Reading,
        position: ArmPosition,
        out: &mut Outputs,
    ) {
        let body = Body::Arm {
            device: reading.device.clone(),
            position,
        };
        let event = Event::new(at, EventKind::ForeignMove)
            .lane(&reading.lane)
            .part(PartKind::Detail, Class::Passage, body);
        self.record(event, out);
        // In shadow somebody else moves the arm: that is what is being compared.
        if !self.config(lane).shadow {
            let alarm = Alarm::new(code::FOREIGN_MOVE, Severity::Warning);
            self.raise(at, Some(lane), None, alarm, Vec::new(), out);
        }
    }

    pub(super) fn moved(
        &mut self,
        at: Moment,
        id: u64,
        lane: &Name,
        command: Barrier,
        outcome: MoveOutcome,
        out: &mut Outputs,
    ) {
        let Some(lane) = self.lane_index(lane) else {
            return;
        };
        let opens = matches!(command, Barrier::Open | Barrier::HoldOpen);
        match outcome {
            MoveOutcome::Asked => return,
            MoveOutcome::Sent if opens => {
                self.lanes[lane].opening = Some(at.mono);
                if let Some((index, _)) = self.move_of(lane, id) {
                    self.lanes[lane].passages[index].not_opened = false;
                }
            }
            MoveOutcome::Dropped { .. } if opens => self.lanes[lane].opening = None,
            MoveOutcome::Sent | MoveOutcome::Dropped { .. } => {}
        }
        self.record_move(at, lane, id, command, outcome, out);
    }

    /// The open passage that a move belongs to, and whether it is the newest move of it.
    fn move_of(&self, lane: usize, id: u64) -> Option<(usize, bool)> {
        let state = &self.lanes[lane];
        let known = state.moves.iter().find(|(known, _)| *known == id);
        let passage = known.and_then(|(_, passage)| passage.as_ref())?;
        let mut newer = state.moves.iter().skip_while(|(known, _)| *known != id);
        newer.next();
        let newest = !newer.any(|(_, of)| of.as_ref() == Some(passage));
        Some((state.find(passage)?, newest))
    }

    /// Records what became of a move; an opening that did not go out needs a person.
    pub(super) fn record_move(
        &mut self,
        at: Moment,
        lane: usize,
        id: u64,
        command: Barrier,
        outcome: MoveOutcome,
        out: &mut Outputs,
    ) {
        let moves = &self.lanes[lane].moves;
        let known = moves.iter().find(|(known, _)| *known == id);
        let passage = known.and_then(|(_, passage)| passage.clone());
        let stuck = match &outcome {
            MoveOutcome::Dropped { cause } => !matches!(cause.as_str(), "shadow" | "emergency"),
            MoveOutcome::Sent | MoveOutcome::Asked => false,
        };
        let body = Body::Move {
            id,
            command,
            outcome,
        };
        let mut event = Event::new(at, EventKind::Move).lane(&self.site.lanes[lane].id);
        event.passage = passage.clone();
        self.record(event.part(PartKind::Detail, Class::Passage, body), out);
        let severity = match command {
            Barrier::Open => Severity::Warning,
            Barrier::HoldOpen => Severity::Critical,
            Barrier::Release | Barrier::Close => return,
        };
        if stuck {
            let place = self.move_of(lane, id);
            if let Some((index, true)) = place {
                self.lanes[lane].passages[index].not_opened = true;
            }
            let index = place.map(|(index, _)| index);
            let alarm = Alarm::new(code::NOT_OPENED, severity);
            self.raise(at, Some(lane), index, alarm, Vec::new(), out);
        }
    }

    /// A contact wired as a sensor: its rising edge counts, and only live and proven.
    pub(super) fn contact(
        &mut self,
        at: Moment,
        reading: &Reading,
        active: bool,
        out: &mut Outputs,
    ) {
        if reading.freshness != Freshness::Live {
            // It may be burning still, or may have burnt a week ago: a person must look, once.
            let known = self
                .device(&reading.device)
                .is_none_or(|device| std::mem::replace(&mut device.old_contact, active) || !active);
            if !known && self.memory.emergency.is_empty() {
                self.untrusted_contact(at, reading, out);
            }
            return;
        }
        let Some(device) = self.device(&reading.device) else {
            return;
        };
        let rises = active && !device.contact;
        device.contact = active;
        if !rises {
            return;
        }
        let lane = self.lane_index(&reading.lane);
        let password_opens = lane.is_some_and(|lane| self.config(lane).password_opens);
        if reading.trust.opens(password_opens) {
            self.emergency(at, reading.device.clone(), out);
        } else {
            self.untrusted_contact(at, reading, out);
        }
    }

    /// An active contact that must not move an arm: it is recorded and told.
    fn untrusted_contact(&mut self, at: Moment, reading: &Reading, out: &mut Outputs) {
        let lane = self.lane_index(&reading.lane);
        self.stray_reading(at, reading, None, out);
        let roles = [Role::Guard, Role::Technician];
        let alarm = Alarm::new(code::EMERGENCY_UNTRUSTED, Severity::Critical).roles(&roles);
        self.raise(at, lane, None, alarm, Vec::new(), out);
    }

    /// Opens and holds every arm, in shadow too. Asked again by the same source, the arms are told
    /// again, for one of them may not have heard; nothing more is recorded of it.
    pub(super) fn emergency(&mut self, at: Moment, source: Name, out: &mut Outputs) {
        if self.memory.emergency.contains(&source) {
            let asked = self.emergency_asked.replace(at.mono);
            if asked.is_none_or(|asked| at.mono.since(asked) >= ASK_AGAIN_US) {
                self.move_all(at, Barrier::HoldOpen, Mono(u64::MAX), true, out);
            } else {
                self.emergency_asked = asked;
            }
            return;
        }
        self.emergency_asked = Some(at.mono);
        let first = self.memory.emergency.is_empty();
        let event = Event::new(at, EventKind::Emergency);
        let body = Body::Emergency { source };
        self.record(event.part(PartKind::Detail, Class::Alarm, body), out);
        // Fire does not lapse: this one command has no window.
        self.move_all(at, Barrier::HoldOpen, Mono(u64::MAX), true, out);
        if first {
            let roles = [Role::Guard, Role::Property, Role::Police];
            let alarm = Alarm::new(code::EMERGENCY, Severity::Critical).roles(&roles);
            self.raise(at, None, None, alarm, Vec::new(), out);
        }
    }

    /// Moves every arm of the site; these belong to the event recorded just before.
    pub(super) fn move_all(
        &mut self,
        at: Moment,
        command: Barrier,
        until: Mono,
        urgent: bool,
        out: &mut Outputs,
    ) {
        for lane in 0..self.lanes.len() {
            self.lanes[lane].dirty = true;
            let config = &self.site.lanes[lane];
            if !config.has_barrier {
                continue;
            }
            self.moves += 1;
            let asked = Move {
                id: self.moves,
                lane: config.id.clone(),
                command,
                until,
                urgent,
            };
            self.lanes[lane].remember_move(asked.id, None);
            if command == Barrier::HoldOpen {
                self.lanes[lane].opening = Some(at.mono);
            }
            out.list.push(Output::Move(asked));
        }
    }
}
