//! A recorded journal as a scenario: the inputs that its events imply go through a gate once more,
//! and what is decided is compared with what was.
//!
//! Not everything that a gate was told was recorded: a loop that said the same again, an old
//! revision of a sighting, the lists' own changes. Where such a thing mattered a decision differs;
//! each difference is told with its passage, for a person to judge.

use std::collections::BTreeMap;
use std::sync::Arc;

use gateway_core::decision::Verdict;
use gateway_core::event::{Body, Event, EventKind, MoveOutcome};
use gateway_core::gate::{Gate, Input, Output, Outputs};
use gateway_core::lists::Lists;
use gateway_core::moment::{Moment, Mono};
use gateway_core::name::Name;
use gateway_core::order::{Order, OrderOutcome};
use gateway_core::reading::{
    ArmPosition, DeviceHealth, Freshness, Loop, LoopPlace, Reading, Trust, Value,
};
use gateway_core::rule::RuleSet;
use gateway_core::site::Site;

use crate::SimError;

/// Differences that are told one by one; more are only counted.
const TOLD: usize = 50;
/// An arm that leaves its rest so soon after an opening was sent was opened by it.
const ARM_ANSWERS_US: u64 = 5_000_000;

/// What a replay came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    pub events: u64,
    pub inputs: u64,
    /// Recorded decisions.
    pub decisions: u64,
    pub same: u64,
    pub differ: u64,
    /// Decided again for passages that were not decided then.
    pub more: u64,
    /// The first of those that differ: the passage, then, and now (`None`: not decided).
    pub told: Vec<(String, Verdict, Option<Verdict>)>,
}

/// Replays recorded events, in their order, on a site with its rules and lists.
pub fn replay(
    site: Arc<Site>,
    rules: RuleSet,
    lists: Arc<Lists>,
    events: &[Event],
) -> Result<Replay, SimError> {
    let mut player = Player {
        gate: Gate::new(site.clone(), rules, lists.clone(), 1),
        site,
        lists,
        out: Outputs::default(),
        decided: BTreeMap::new(),
        said: BTreeMap::new(),
        sent: BTreeMap::new(),
    };
    let mut found = Replay::default();
    let mut then = BTreeMap::new();
    let mut before: Option<&Event> = None;
    for event in events {
        found.events += 1;
        if let (Some(verdict), Some(passage)) = (verdict(event), &event.passage) {
            then.insert(passage.to_string(), verdict);
        }
        if event.kind == EventKind::Started {
            player.boot(event.at)?;
        } else if let Some(input) = implied(event, before) {
            for input in player.unrecorded(&input).into_iter().chain([input]) {
                found.inputs += 1;
                player.apply(event.at, input);
            }
        }
        before = Some(event);
    }
    if let Some(last) = events.last() {
        player.run_to(last.at);
    }
    for (passage, verdict) in &then {
        found.decisions += 1;
        let now = player.decided.get(passage).copied();
        if now == Some(*verdict) {
            found.same += 1;
            continue;
        }
        found.differ += 1;
        if found.told.len() < TOLD {
            found.told.push((passage.clone(), *verdict, now));
        }
    }
    let new = player.decided.keys().filter(|id| !then.contains_key(*id));
    found.more = new.count() as u64;
    Ok(found)
}

struct Player {
    site: Arc<Site>,
    lists: Arc<Lists>,
    gate: Gate,
    out: Outputs,
    decided: BTreeMap<String, Verdict>,
    /// The last word of each loop and arm.
    said: BTreeMap<(Name, &'static str), Value>,
    /// When an opening was last sent to each lane.
    sent: BTreeMap<Name, Mono>,
}

impl Player {
    /// What must have been said before this and changed nothing that is recorded: a loop that feels
    /// somebody was free, and an arm that rises was down.
    fn unrecorded(&mut self, input: &Input) -> Option<Input> {
        let Input::Reading(reading) = input else {
            return None;
        };
        let (word, first) = match &reading.value {
            Value::Loop(state) => {
                let free = Loop {
                    occupied: false,
                    ..*state
                };
                let word = match state.place {
                    LoopPlace::Approach => "approach",
                    LoopPlace::UnderArm => "under_arm",
                };
                (word, state.occupied.then_some(Value::Loop(free)))
            }
            Value::Arm(position) => {
                let asked = self
                    .sent
                    .get(&reading.lane)
                    .is_some_and(|sent| reading.received.since(*sent) <= ARM_ANSWERS_US);
                let rises = *position == ArmPosition::Moving && asked;
                ("arm", rises.then_some(Value::Arm(ArmPosition::Closed)))
            }
            _ => return None,
        };
        let key = (reading.lane.clone(), word);
        let known = self.said.insert(key, reading.value.clone());
        let first = first.filter(|first| known.as_ref() != Some(first))?;
        let mut before = reading.clone();
        before.value = first;
        Some(Input::Reading(before))
    }

    /// A start: what is durable stays, the rest of the gate begins anew.
    fn boot(&mut self, at: Moment) -> Result<(), SimError> {
        let state = self.gate.snapshot();
        let rules = self.gate.swap_rules(RuleSet::empty());
        let (site, lists) = (self.site.clone(), self.lists.clone());
        self.gate = Gate::from_snapshot(site, rules, lists, at.boot, &state)?;
        self.gate.start(at, &mut self.out);
        self.keep();
        self.said.clear();
        self.sent.clear();
        // Loops speak every second: by the time anybody comes they have said that they are free.
        for lane in self
            .site
            .clone()
            .lanes
            .iter()
            .filter(|lane| lane.has_approach_loop)
        {
            for (word, place) in [
                ("approach", LoopPlace::Approach),
                ("under", LoopPlace::UnderArm),
            ] {
                let occupied = false;
                let reading = Reading {
                    lane: lane.id.clone(),
                    device: Name::new(&format!("{}-{word}", lane.id)),
                    received: at.mono,
                    value: Value::Loop(Loop { place, occupied }),
                    freshness: Freshness::Live,
                    trust: Trust::Tls,
                    counter: None,
                };
                self.apply(at, Input::Reading(reading));
            }
        }
        Ok(())
    }

    fn apply(&mut self, at: Moment, input: Input) {
        self.run_to(at);
        if let Input::Moved {
            lane,
            outcome: MoveOutcome::Sent,
            ..
        } = &input
        {
            self.sent.insert(lane.clone(), at.mono);
        }
        self.gate.apply(at, input, &mut self.out);
        self.keep();
    }

    /// Deadlines that come before `at`, in whole milliseconds as the daemon sleeps them.
    fn run_to(&mut self, at: Moment) {
        while let Some(due) = self.gate.next_deadline() {
            let due = Mono(due.0.div_ceil(1_000) * 1_000);
            if due >= at.mono {
                return;
            }
            let mut then = at;
            then.mono = due;
            then.wall_ms -= (at.mono.since(due) / 1_000) as i64;
            self.gate.apply(then, Input::Deadline, &mut self.out);
            self.keep();
        }
    }

    fn keep(&mut self) {
        for output in self.out.list.drain(..) {
            if let Output::Record(event) = output
                && let (Some(verdict), Some(passage)) = (verdict(&event), &event.passage)
            {
                self.decided.insert(passage.to_string(), verdict);
            }
        }
    }
}

fn verdict(event: &Event) -> Option<Verdict> {
    event.parts.iter().find_map(|part| match &part.body {
        Body::Decision(decision) => Some(decision.verdict),
        _ => None,
    })
}

/// What the gate was told when it recorded this.
fn implied(event: &Event, before: Option<&Event>) -> Option<Input> {
    match event.kind {
        EventKind::SightingJoined | EventKind::Stray | EventKind::ReadingJoined => event
            .parts
            .iter()
            .find_map(|part| sensed(event, &part.body)),
        EventKind::ForeignMove => event
            .parts
            .iter()
            .find_map(|part| sensed(event, &part.body)),
        _ => event
            .parts
            .iter()
            .find_map(|part| told(event, &part.body, before)),
    }
}

fn sensed(event: &Event, body: &Body) -> Option<Input> {
    let (device, value, freshness, trust, counter) = match body {
        Body::Sighting(sighting) => return Some(Input::Sighting(sighting.clone())),
        Body::Card {
            device,
            card,
            freshness,
            trust,
            counter,
        } => (
            device,
            Value::Card(card.clone()),
            *freshness,
            *trust,
            *counter,
        ),
        Body::Temperature {
            device,
            temperature,
            freshness,
            trust,
            counter,
        } => {
            let value = Value::Temperature(temperature.clone());
            (device, value, *freshness, *trust, *counter)
        }
        Body::Loop { device, state } => (
            device,
            Value::Loop(*state),
            Freshness::Live,
            Trust::Tls,
            None,
        ),
        Body::Arm { device, position } => (
            device,
            Value::Arm(*position),
            Freshness::Live,
            Trust::Tls,
            None,
        ),
        _ => return None,
    };
    Some(Input::Reading(Reading {
        lane: event.lane.clone()?,
        device: device.clone(),
        received: event.at.mono,
        value,
        freshness,
        trust,
        counter,
    }))
}

fn told(event: &Event, body: &Body, before: Option<&Event>) -> Option<Input> {
    match body {
        Body::Order {
            id,
            sender,
            act,
            outcome,
        } => {
            let order = Order {
                id: id.clone(),
                from: sender.clone(),
                act: act.clone(),
            };
            let lapsed =
                matches!(outcome, OrderOutcome::Refused { code } if code.as_str() == "lapsed");
            Some(if lapsed {
                Input::Lapsed(order)
            } else {
                Input::Order(order)
            })
        }
        Body::DeviceState { device, state } if event.kind == EventKind::DeviceState => {
            Some(Input::DeviceHealth(DeviceHealth {
                device: device.clone(),
                lane: event.lane.clone(),
                state: state.clone(),
            }))
        }
        Body::Clock { step_ms } => Some(Input::ClockStep { step_ms: *step_ms }),
        // One that an order asked for comes with the order.
        Body::Emergency { source } if event.kind == EventKind::Emergency => {
            let ordered = before.is_some_and(|before| {
                before.kind == EventKind::Order && before.at.mono == event.at.mono
            });
            (!ordered).then(|| Input::Emergency {
                source: source.clone(),
            })
        }
        Body::Move {
            id,
            command,
            outcome,
        } => {
            // What the gate dropped itself follows what asked for it at once.
            let own = matches!(outcome, MoveOutcome::Dropped { .. })
                && before.is_some_and(|before| {
                    matches!(
                        before.kind,
                        EventKind::Decision | EventKind::Answer | EventKind::Order
                    ) && before.at.mono == event.at.mono
                });
            (!own).then(|| {
                Some(Input::Moved {
                    id: *id,
                    lane: event.lane.clone()?,
                    command: *command,
                    outcome: outcome.clone(),
                })
            })?
        }
        _ => None,
    }
}
