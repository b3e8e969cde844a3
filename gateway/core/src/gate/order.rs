//! Orders: each acts at most once and is answered by exactly one event.

use crate::alert::{AlertState, Severity, code};
use crate::decision::Verdict;
use crate::event::{Barrier, Body, Class, End, Event, EventKind, PartKind};
use crate::gate::alarm::Alarm;
use crate::gate::passage::Stage;
use crate::gate::{Gate, Move, Output, Outputs, WINDOW_MS};
use crate::moment::{Moment, Mono};
use crate::name::{Name, PassageId};
use crate::order::{Act, Order, OrderOutcome, Role, Sender};
use crate::site::{Direction, LaneKind};

/// A close needs a reading of the loop under the arm that is no older.
const LOOP_FRESH_MS: u64 = 500;

/// Where an order finds its passage, or the code that refuses it.
type Found = Result<(usize, usize), &'static str>;

impl Gate {
    pub(super) fn order(&mut self, at: Moment, order: Order, out: &mut Outputs) {
        if self.memory.seen(&order.id, &order.from) {
            self.answer(at, &order, OrderOutcome::Repeated, out);
            return;
        }
        match self.check(at, &order) {
            Err(code) => {
                let code = Name::new(code);
                self.answer(at, &order, OrderOutcome::Refused { code }, out);
            }
            Ok(place) => {
                self.answer(at, &order, OrderOutcome::Done, out);
                self.act(at, order, place, out);
            }
        }
    }

    /// An order that comes too late to move an arm; what moves none is done all the same.
    pub(super) fn lapsed(&mut self, at: Moment, order: Order, out: &mut Outputs) {
        match &order.act {
            Act::Open { .. }
            | Act::Escort { .. }
            | Act::OpenLane { .. }
            | Act::CloseLane { .. } => {
                let code = Name::new("lapsed");
                self.answer(at, &order, OrderOutcome::Refused { code }, out);
            }
            _ => self.order(at, order, out),
        }
    }

    fn answer(&mut self, at: Moment, order: &Order, outcome: OrderOutcome, out: &mut Outputs) {
        let (lane, passage) = match &order.act {
            Act::Open { passage, .. }
            | Act::Refuse { passage, .. }
            | Act::Hold { passage }
            | Act::Escort { passage, .. }
            | Act::MeasureAgain { passage } => {
                let place = self.find_passage(passage).ok();
                let lane = place.map(|(lane, _)| self.config(lane).id.clone());
                (lane, Some(passage.clone()))
            }
            Act::OpenLane { lane, .. } | Act::CloseLane { lane } => (Some(lane.clone()), None),
            _ => (None, None),
        };
        let mut event = Event::new(at, EventKind::Order);
        event.lane = lane;
        event.passage = passage;
        let body = Body::Order {
            id: order.id.clone(),
            sender: order.from.clone(),
            act: order.act.clone(),
            outcome,
        };
        self.record(event.part(PartKind::Detail, Class::Audit, body), out);
    }

    /// Whether the order may act now. For acts on passages and lanes: where.
    fn check(&self, at: Moment, order: &Order) -> Found {
        let person = match &order.from {
            Sender::Person { role, .. } if *role == Role::Auditor => {
                return Err("role_not_allowed");
            }
            Sender::Person { .. } => true,
            Sender::Upstream { .. } => false,
        };
        match &order.act {
            Act::Open { passage, .. } | Act::Escort { passage, .. } => {
                let (lane, index) = self.find_passage(passage)?;
                let passage = &self.lanes[lane].passages[index];
                // One that was admitted while its opening did not go out may be helped too.
                let stuck = passage.not_opened && passage.cleared();
                if !passage.held() && !stuck {
                    return Err("not_held");
                }
                // Whoever must get in all the same gets in with a person beside them.
                let escorted = matches!(order.act, Act::Escort { .. });
                if self.locked_down(lane) && !escorted {
                    return Err("locked_down");
                }
                self.may_open(lane).map(|()| (lane, index))
            }
            Act::Refuse { passage, .. } | Act::Hold { passage } => {
                let (lane, index) = self.find_passage(passage)?;
                let held = self.lanes[lane].passages[index].held();
                held.then_some((lane, index)).ok_or("not_held")
            }
            Act::MeasureAgain { passage } => {
                let (lane, index) = self.find_passage(passage)?;
                let passage = &self.lanes[lane].passages[index];
                (passage.held() || passage.gathering())
                    .then_some((lane, index))
                    .ok_or("not_held")
            }
            Act::OpenLane { lane, .. } => {
                if !person {
                    return Err("person_only");
                }
                let lane = self.find_arm(lane)?;
                if self.locked_down(lane) {
                    return Err("locked_down");
                }
                self.may_open(lane).map(|()| (lane, 0))
            }
            Act::CloseLane { lane } => self.may_close(at, lane).map(|lane| (lane, 0)),
            Act::AcknowledgeAlert { alert } => match self.memory.alerts.get(alert) {
                None => Err("unknown_alert"),
                Some(known) if known.state != AlertState::Open => Err("already_acknowledged"),
                Some(_) => Ok((0, 0)),
            },
            Act::CloseAlert { alert, .. } => match self.memory.alerts.get(alert) {
                None => Err("unknown_alert"),
                Some(_) => Ok((0, 0)),
            },
            Act::Emergency | Act::EndEmergency if !person => Err("person_only"),
            Act::EndEmergency if !self.emergency_active() => Err("no_emergency"),
            Act::Emergency | Act::EndEmergency => Ok((0, 0)),
            Act::LockDown { .. } if !self.memory.lockdown.is_empty() => Err("locked_down"),
            Act::EndLockDown if self.memory.lockdown.is_empty() => Err("no_lock_down"),
            Act::LockDown { .. } | Act::EndLockDown => Ok((0, 0)),
        }
    }

    /// An order names its passage and lapses with it.
    fn find_passage(&self, id: &PassageId) -> Found {
        let mut lanes = self.lanes.iter().enumerate();
        lanes
            .find_map(|(lane, state)| state.find(id).map(|index| (lane, index)))
            .ok_or("passage_ended")
    }

    fn find_arm(&self, lane: &Name) -> Result<usize, &'static str> {
        let lane = self.lane_index(lane).ok_or("unknown_lane")?;
        if !self.config(lane).has_barrier {
            return Err("no_barrier");
        }
        Ok(lane)
    }

    /// Not while another lane of its interlock is in use, unless arms are held open anyway.
    fn may_open(&self, lane: usize) -> Result<(), &'static str> {
        let free = self.emergency_active() || !self.interlocked(lane);
        free.then_some(()).ok_or("interlocked")
    }

    /// Never on a loop that is occupied, unknown or stale, and never while fire holds arms open.
    fn may_close(&self, at: Moment, lane: &Name) -> Result<usize, &'static str> {
        let lane = self.find_arm(lane)?;
        if self.emergency_active() {
            return Err("emergency");
        }
        if self.config(lane).shadow {
            return Err("shadow");
        }
        let under = &self.lanes[lane].under;
        match (under.occupied, under.read) {
            (Some(true), _) => Err("loop_occupied"),
            (None, _) | (_, None) => Err("loop_unknown"),
            (Some(false), Some(read)) if at.mono.since(read) > LOOP_FRESH_MS * 1_000 => {
                Err("loop_stale")
            }
            (Some(false), Some(_)) => Ok(lane),
        }
    }

    fn act(&mut self, at: Moment, order: Order, place: (usize, usize), out: &mut Outputs) {
        let (lane, index) = place;
        let body = Body::Answer {
            act: order.act.clone(),
            sender: order.from.clone(),
            verdict: None,
        };
        match order.act {
            Act::Open { .. } | Act::Escort { .. } => {
                let body = with_verdict(body, Verdict::Admit);
                self.answered(at, lane, index, Verdict::Admit, body, out);
            }
            Act::Refuse { .. } => {
                let body = with_verdict(body, Verdict::Refuse);
                self.answered(at, lane, index, Verdict::Refuse, body, out);
            }
            Act::Hold { passage } => {
                let held = &mut self.lanes[lane].passages[index];
                held.fallback_at = None;
                held.last_part = at.mono;
                self.lanes[lane].dirty = true;
                let body = with_verdict(body, Verdict::Hold);
                self.record_answer(at, lane, &passage, body, out);
            }
            Act::MeasureAgain { passage } => {
                self.record_answer(at, lane, &passage, body, out);
                self.measure_again(at, lane, index, out);
            }
            Act::OpenLane { .. } => {
                self.open(at, lane, None, at.mono.plus_ms(WINDOW_MS), out);
                let alarm = Alarm::new(code::MANUAL_OPENING, Severity::Notice);
                self.raise(at, Some(lane), None, alarm, Vec::new(), out);
            }
            Act::CloseLane { .. } => self.close(at, lane, out),
            Act::AcknowledgeAlert { alert } => {
                let body = alert_state(alert, &order.from, None, None);
                self.record_alert_state(at, EventKind::AlertAcknowledged, alert, body, out);
            }
            Act::CloseAlert {
                alert,
                reason,
                comment,
            } => {
                let comment = (!comment.is_empty()).then_some(comment);
                let body = alert_state(alert, &order.from, Some(reason), comment);
                self.record_alert_state(at, EventKind::AlertClosed, alert, body, out);
            }
            Act::Emergency => self.emergency(at, sender_name(&order.from), out),
            Act::EndEmergency => self.end_emergency(at, &order.from, out),
            Act::LockDown { reason } => self.lock_down(at, &order.from, Some(reason), out),
            Act::EndLockDown => self.lock_down(at, &order.from, None, out),
        }
    }

    fn record_answer(
        &mut self,
        at: Moment,
        lane: usize,
        passage: &PassageId,
        body: Body,
        out: &mut Outputs,
    ) {
        let event = Event::new(at, EventKind::Answer)
            .lane(&self.site.lanes[lane].id)
            .passage(passage)
            .part(PartKind::Detail, Class::Passage, body);
        self.record(event, out);
    }

    /// Ends a passage and begins one that refers to it. Who it is stays known: the card of a
    /// person, the tracks of a vehicle; what is to be measured is asked for anew.
    fn measure_again(&mut self, at: Moment, lane: usize, index: usize, out: &mut Outputs) {
        let next = PassageId::new(
            &self.site.lanes[lane].id,
            self.boot,
            self.lanes[lane].count + 1,
        );
        let old = self.lanes[lane].passages[index].clone();
        self.end(at, lane, index, End::MeasuredAgain { next }, out);
        let index = self.begin(at, lane, Some(&old.id), out);
        let new = &mut self.lanes[lane].passages[index];
        new.wait_from = Some(at.mono);
        new.tracks = old.tracks;
        new.tracks_closed = old.tracks_closed.map(|_| at.mono);
        new.stood = old.stood;
        new.freed = old.freed.map(|_| at.mono);
        new.arrived = old.arrived;
        if self.site.lanes[lane].kind == LaneKind::Pedestrian {
            new.card = old.card;
        }
        debug_assert_eq!(new.stage, Stage::Gathering);
        let asked = old
            .temperature
            .map(|got| got.device)
            .into_iter()
            .chain(old.sighting.map(|sighting| sighting.camera));
        out.list.extend(asked.map(|device| Output::Ask { device }));
        // Its place in the queue stays its own.
        let passage = self.lanes[lane].passages.remove(index);
        let place = self.lanes[lane]
            .passages
            .iter()
            .position(|p| p.begun.mono > old.begun.mono)
            .unwrap_or(self.lanes[lane].passages.len());
        self.lanes[lane].passages.insert(place, passage);
    }

    /// Begins a lock-down, or ends it where there is no reason any more. No arm moves: those that
    /// are up close by themselves.
    fn lock_down(&mut self, at: Moment, by: &Sender, reason: Option<Name>, out: &mut Outputs) {
        let begins = reason.is_some();
        let kind = match begins {
            true => EventKind::LockDown,
            false => EventKind::LockDownEnded,
        };
        let body = Body::LockDown {
            source: sender_name(by),
            reason,
        };
        let event = Event::new(at, kind).part(PartKind::Detail, Class::Alarm, body);
        self.record(event, out);
        for lane in &mut self.lanes {
            lane.dirty = true;
        }
        if begins {
            let roles = [Role::Guard, Role::Property, Role::Police];
            let alarm = Alarm::new(code::LOCK_DOWN, Severity::Critical).roles(&roles);
            self.raise(at, None, None, alarm, Vec::new(), out);
        }
    }

    /// Whether a lock-down is on.
    pub fn lock_down_active(&self) -> bool {
        !self.memory.lockdown.is_empty()
    }

    /// Whether a lock-down keeps this lane closed: never a way out.
    pub(super) fn locked_down(&self, lane: usize) -> bool {
        !self.memory.lockdown.is_empty() && self.config(lane).direction == Direction::Entry
    }

    fn close(&mut self, at: Moment, lane: usize, out: &mut Outputs) {
        let read = self.lanes[lane].under.read.unwrap_or(at.mono);
        self.moves += 1;
        let id = self.moves;
        self.lanes[lane].remember_move(id, None);
        out.list.push(Output::Move(Move {
            id,
            lane: self.site.lanes[lane].id.clone(),
            command: Barrier::Close,
            // The reading that allows it must still be fresh when it goes out.
            until: read.plus_ms(LOOP_FRESH_MS),
            urgent: false,
        }));
    }

    fn end_emergency(&mut self, at: Moment, by: &Sender, out: &mut Outputs) {
        let event = Event::new(at, EventKind::EmergencyEnded);
        let body = Body::Emergency {
            source: sender_name(by),
        };
        self.record(event.part(PartKind::Detail, Class::Alarm, body), out);
        let until: Mono = at.mono.plus_ms(WINDOW_MS);
        self.move_all(at, Barrier::Release, until, false, out);
    }
}

fn with_verdict(mut body: Body, given: Verdict) -> Body {
    if let Body::Answer { verdict, .. } = &mut body {
        *verdict = Some(given);
    }
    body
}

fn alert_state(alert: u64, by: &Sender, reason: Option<Name>, comment: Option<String>) -> Body {
    Body::AlertState {
        alert,
        by: Some(sender_name(by)),
        reason,
        comment,
    }
}

fn sender_name(sender: &Sender) -> Name {
    match sender {
        Sender::Person { account, .. } => account.clone(),
        Sender::Upstream { destination } => destination.clone(),
    }
}
