//! Faults begin and end; the process dies and comes back.

use gateway_core::gate::Input;
use gateway_core::name::Name;
use gateway_core::order::Act;
use gateway_core::reading::{DeviceState, Freshness, Value};
use rand::Rng;

use super::{Edge, Happening, Message, World, delivery};
use crate::clock::ClockFault;
use crate::faults::{Blow, DeviceFault, Fault};
use crate::lane::Device;
use crate::plant::Plant;
use crate::process::Process;
use crate::site;

/// A device that beats every second is silent after so long.
const SILENT_MS: u64 = 10_000;

impl World {
    pub(super) fn begins(&mut self, index: usize) {
        let planned = self.faults[index];
        if self.healed {
            return;
        }
        let lasts = planned.to_ms - planned.from_ms;
        match planned.fault {
            Fault::Crash { blow, down_ms } => {
                if self.process.is_none() {
                    return;
                }
                match blow {
                    Blow::AtOnce => self.crash(down_ms),
                    later => self.blow = Some((later, down_ms)),
                }
                return;
            }
            Fault::Device {
                lane,
                device,
                fault,
            } => self.device_fails(lane, device, fault),
            Fault::Impostor => self.impostor = true,
            Fault::Clock(fault) => self.clock_is(Some(fault)),
            Fault::UpstreamAway => {
                self.link.away = true;
                self.break_link();
            }
            Fault::UpstreamFlaps => self.flap(planned.to_ms),
            Fault::ReceiptsLost => self.link.receipts_lost = true,
            Fault::UpstreamLies(lie) => self.link.lie = Some(lie),
            Fault::DiskStalls => self.disk_stalls = true,
            Fault::BarrierLinkDown => self.barrier_down = true,
            Fault::Emergency => {
                let source = Name::new("fire-contact");
                self.tell(Input::Emergency { source }, None);
            }
            Fault::LockDown => {
                let reason = Name::new("epidemic");
                let order = self.ordered(Act::LockDown { reason }, false);
                self.order(order);
            }
        }
        self.after(lasts, Happening::Ends(index));
    }

    pub(super) fn ends(&mut self, index: usize) {
        match self.faults[index].fault {
            Fault::Crash { .. } | Fault::UpstreamFlaps => {}
            Fault::Device {
                lane,
                device,
                fault,
            } => self.device_recovers(lane, device, fault),
            Fault::Impostor => self.impostor = false,
            Fault::Clock(_) => self.clock_is(None),
            Fault::UpstreamAway => self.link.away = false,
            Fault::ReceiptsLost => self.link.receipts_lost = false,
            Fault::UpstreamLies(_) => self.link.lie = None,
            Fault::DiskStalls => self.disk_stalls = false,
            Fault::BarrierLinkDown => {
                self.barrier_down = false;
                self.tell_standing();
            }
            Fault::LockDown => {
                let order = self.ordered(Act::EndLockDown, false);
                self.order(order);
                if self.process.is_none() {
                    self.after(30_000, Happening::Ends(index));
                }
            }
            Fault::Emergency => {
                let order = self.ordered(Act::EndEmergency, false);
                self.order(order);
                // A guard who sees no arm come down presses again.
                self.after(30_000, Happening::Ends(index));
                if self.emergency_is_over() {
                    self.queue.retain(|_, happening| {
                        !matches!(happening, Happening::Ends(again) if *again == index)
                    });
                }
            }
        }
    }

    fn emergency_is_over(&mut self) -> bool {
        let over = self
            .process
            .as_ref()
            .is_some_and(|process| !process.gate.emergency_active());
        if over {
            self.lower_by_hand();
        }
        over
    }

    /// An arm that a lost command left up is lowered by a person.
    fn lower_by_hand(&mut self) {
        for lane in 0..self.roads.len() {
            if self.roads[lane].arm.held {
                self.arm_command(lane, gateway_core::event::Barrier::Release);
            }
        }
    }

    /// Nothing is wrong any more.
    pub fn heal(&mut self) {
        for index in 0..self.faults.len() {
            if self.faults[index].to_ms > self.now && self.faults[index].from_ms <= self.now {
                self.ends(index);
            }
        }
        self.blow = None;
        self.healed = true;
    }

    fn flap(&mut self, until: u64) {
        let mut at = self.now;
        while at < until.min(self.now + 1_200_000) {
            let connection = self.link.connection;
            self.at(at, Happening::Link(delivery::Step::Breaks(connection)));
            at += self.way.gen_range(2_000..30_000);
        }
    }

    fn clock_is(&mut self, fault: Option<ClockFault>) {
        let step_ms = self.clock.set(self.now, fault);
        if step_ms.abs() < 1_000 {
            return;
        }
        let before = self.next_deadline();
        let count = self.decisions.len();
        self.tell(Input::ClockStep { step_ms }, None);
        let due = before.is_some_and(|due| due <= self.now);
        if !due && (before != self.next_deadline() || count != self.decisions.len()) {
            self.oracle
                .broken("T-1", format!("a clock step of {step_ms} ms moved a timer"));
        }
    }

    fn next_deadline(&self) -> Option<u64> {
        self.due(|process| process.gate.next_deadline())
    }

    fn device_fails(&mut self, lane: usize, device: Device, fault: DeviceFault) {
        let road = &self.roads[lane];
        let feels = match device {
            Device::Approach => road.approach,
            _ => road.under,
        };
        self.device_faults.insert((lane, device), fault);
        match fault {
            DeviceFault::Down => self.says_it_is(lane, device, false),
            // A fault of the same device may follow at once: what it is found to be is told then.
            DeviceFault::Silent => {
                let state = DeviceState::Silent;
                self.after(SILENT_MS, Happening::Health(lane, device, state));
            }
            DeviceFault::Stuck => {
                self.stuck.insert((lane, device), feels);
            }
            DeviceFault::Replays => self.replays(lane, device),
            DeviceFault::Late | DeviceFault::Duplicated | DeviceFault::Retained => {}
        }
    }

    fn device_recovers(&mut self, lane: usize, device: Device, fault: DeviceFault) {
        self.device_faults.remove(&(lane, device));
        self.stuck.remove(&(lane, device));
        match fault {
            DeviceFault::Down => self.says_it_is(lane, device, true),
            DeviceFault::Silent => {
                // Found out at the latest when it speaks again.
                self.health(lane, device, DeviceState::Silent);
                self.health(lane, device, DeviceState::Live);
            }
            _ => {}
        }
        let anew = matches!(fault, DeviceFault::Down | DeviceFault::Silent);
        if device == Device::Camera && anew {
            self.follow_anew(lane);
        }
    }

    /// The last will of a device, or its first word.
    fn says_it_is(&mut self, lane: usize, device: Device, online: bool) {
        if device == Device::Camera {
            let state = if online {
                DeviceState::Live
            } else {
                DeviceState::Failed {
                    code: Name::new("offline"),
                }
            };
            return self.health(lane, device, state);
        }
        let message = self.old(lane, device, Value::Online(online), Freshness::Live);
        self.arrives(message);
    }

    fn old(&self, lane: usize, device: Device, value: Value, freshness: Freshness) -> Message {
        Message {
            lane,
            device,
            value,
            freshness,
            truly_live: false,
            trust: gateway_core::reading::Trust::Tls,
            counter: None,
            kept: None,
        }
    }

    /// A terminal that thinks that its records were lost sends them again: those with a counter say
    /// only every other time that they are old.
    fn replays(&mut self, lane: usize, device: Device) {
        let records = self.records.get(&(lane, device)).cloned();
        for (index, mut message) in records.unwrap_or_default().into_iter().enumerate() {
            message.truly_live = false;
            message.kept = None;
            if index.is_multiple_of(2) || message.counter.is_none() {
                message.freshness = Freshness::Replayed;
            }
            self.after(100 * index as u64, Happening::Message(message));
        }
    }

    /// The power is cut. What was on its way to the disk is there whole or not at all; nothing of
    /// it has been acknowledged.
    pub(super) fn crash(&mut self, down_ms: u64) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        self.crashes += 1;
        self.blow = None;
        if let Some(committing) = process.committing.take()
            && self.chance(2) == 0
        {
            self.append(&committing);
        }
        self.rules = Some(process.into_rules());
        self.edge = Edge::default();
        self.link.up = false;
        self.link.connection += 1;
        self.oracle.crashed();
        self.after(down_ms, Happening::Boot);
    }

    pub(super) fn boot(&mut self) {
        let Some((rules, twin)) = self.rules.take() else {
            return;
        };
        self.kept_what_was_accepted();
        self.began_wall = self.clock.wall_ms(self.now);
        let mut process = match Process::boot(&self.ground, self.now, rules, twin) {
            Ok(process) => process,
            Err(error) => return self.fail(error),
        };
        self.state_is_whole(&process);
        let at = self.moment(process.boot, process.began);
        let turn = process.start(self.now, at, self.run.plant);
        self.process = Some(process);
        if turn.moves > 0 {
            self.oracle.broken("B-3", "a start asked for a move");
        }
        self.turned(turn);
        if self.plant(Plant::RestartMovesArms) {
            for asked in std::mem::take(&mut self.left_behind) {
                self.command(asked);
            }
        }
        self.the_broker_gives();
        for lane in 0..self.roads.len() {
            self.follow_anew(lane);
        }
    }

    fn kept_what_was_accepted(&mut self) {
        let (number, hash) = self.oracle.accepted;
        if number == 0 {
            return;
        }
        match self.reader().get(number) {
            Ok(Some(stored)) if stored.hash == hash => {}
            Ok(_) => {
                let last = self.last();
                self.oracle.broken(
                    "P-01",
                    format!(
                        "event {number} was acknowledged and is gone; the journal ends at {last}"
                    ),
                );
                self.oracle.accepted = (0, gateway_store::header::Hash::ZERO);
            }
            Err(error) => self.fail(error),
        }
    }

    /// What the snapshot and the fold came to is what the whole journal says.
    fn state_is_whole(&mut self, process: &Process) {
        if !self.run.twin {
            return;
        }
        let site = self.ground.site.clone();
        let whole = site::rules(&site, self.run.rules)
            .and_then(|rules| process.is_whole(&self.ground, &self.reader(), rules));
        match whole {
            Ok(true) => {}
            Ok(false) => self.oracle.broken(
                "D-2",
                "a snapshot and its fold differ from the whole journal",
            ),
            Err(error) => self.fail(error),
        }
    }

    /// What the broker kept while nobody was there, and what it keeps for whoever comes.
    fn the_broker_gives(&mut self) {
        let mut messages: Vec<Message> = self.retained.values().cloned().collect();
        for message in &mut messages {
            message.freshness = Freshness::Retained;
            message.kept = None;
        }
        for message in self.unacknowledged.values() {
            let mut message = message.clone();
            message.freshness = Freshness::Redelivered;
            messages.push(message);
        }
        for ((lane, device), fault) in &self.device_faults {
            if *fault == DeviceFault::Down && *device != Device::Camera {
                let value = Value::Online(false);
                messages.push(self.old(*lane, *device, value, Freshness::Retained));
            }
        }
        for (index, mut message) in messages.into_iter().enumerate() {
            message.truly_live = false;
            self.after(40 + 5 * index as u64, Happening::Message(message));
        }
    }

    /// Every alert that is still open, for whoever closes the day.
    pub fn close_all_alerts(&mut self) {
        let Some(process) = &self.process else { return };
        let open: Vec<u64> = process.gate.alerts().map(|a| a.raised.alert).collect();
        for alert in open {
            self.close_alert(alert);
        }
    }

    /// What is owed and has not come.
    pub fn owed(&mut self) {
        let last = self.last();
        let through = self.platform.numbers.through();
        if through != last {
            self.oracle.broken(
                "P-10",
                format!("{last} events, and the platform has 1 to {through}"),
            );
        }
        if self.waiting_upstream() != Some(0) {
            self.oracle.broken("P-10", "the outbox is not empty");
        }
        let open: Vec<String> = self
            .oracle
            .open_passages()
            .map(ToString::to_string)
            .collect();
        if let Some(id) = open.first() {
            self.oracle.broken(
                "D-2",
                format!("{} passages never ended, {id} the first", open.len()),
            );
        }
        let alerts = self.process.as_ref().map(|p| p.gate.alerts().count());
        if alerts != Some(0) {
            self.oracle
                .broken("alerts", format!("{alerts:?} alerts cannot be closed"));
        }
        if !self.unacknowledged.is_empty() {
            let left = self.unacknowledged.len();
            self.oracle
                .broken("P-01", format!("{left} messages were never acknowledged"));
        }
        let standing = self.roads.iter().filter(|road| !road.is_empty()).count();
        if standing > 0 {
            self.oracle.broken(
                "lanes",
                format!("{standing} lanes are not empty after an hour"),
            );
        }
    }
}
