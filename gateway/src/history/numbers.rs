//! Numbers for people, counted from the journal when they are asked for: in slices, beside the
//! gate at work.

use std::collections::BTreeMap;

use gateway_core::decision::{Decision, FactState, Outcome, Verdict};
use gateway_core::event::{Body, End, Event, EventKind};
use gateway_core::moment::{ClockTrust, Moment};
use gateway_core::name::{Name, PassageId};
use gateway_core::order::{Role, Sender};
use gateway_store::{Reader, decode};
use gateway_wire::api::{
    AlertCount, AlertNumbers, AnswerCount, HourCount, HouseholdExits, Numbers, RoleAlerts,
    RuleNumbers, ShadowLane, VerdictCount, WordCount,
};

use super::fold::{Titles, serde_word};

/// Records looked through at a time.
const SLICE: u64 = 512;

/// Exits of so many households are told.
const HOUSEHOLDS: usize = 10_000;

const HOUR_MS: i64 = 3_600_000;

const KINDS: [EventKind; 8] = [
    EventKind::PassageBegun,
    EventKind::Decision,
    EventKind::Answer,
    EventKind::PassageEnded,
    EventKind::AlertRaised,
    EventKind::AlertAcknowledged,
    EventKind::AlertClosed,
    EventKind::ForeignMove,
];

/// Counts what happened from `from_ms` on and before `to_ms`, by the wall clock as it was then; what
/// has no trusted time is not counted. Reads the journal backwards until all is older.
pub fn count(
    reader: &Reader,
    (from_ms, to_ms): (i64, i64),
    offset_min: i16,
    titles: &Titles,
) -> Numbers {
    let mut counted = Counted::default();
    let mut to = reader.last();
    while to > 0 {
        let from = to.saturating_sub(SLICE - 1).max(1);
        let sifted = reader.sift(from, to, &KINDS);
        counted.unreadable += sifted.damaged;
        for stored in sifted.found.iter().rev() {
            let header = &stored.header;
            if header.clock == ClockTrust::Unknown || header.wall_ms < from_ms {
                continue;
            }
            match decode(stored) {
                Ok(event) => counted.take(&event, header.wall_ms < to_ms, offset_min),
                Err(_) => counted.unreadable += 1,
            }
        }
        if sifted.latest_ms.is_some_and(|latest| latest < from_ms) {
            break;
        }
        to = from - 1;
    }
    let mut numbers = counted.told(titles);
    (numbers.from_ms, numbers.to_ms) = (from_ms, to_ms);
    numbers.offset_min = offset_min;
    numbers
}

/// Everything is counted backwards: an alert's end is known when its beginning is met, a hold's
/// answer when its decision is.
#[derive(Default)]
struct Counted {
    passages: u64,
    verdicts: BTreeMap<Verdict, u64>,
    hours: BTreeMap<(i64, Name, Verdict), u64>,
    rules: BTreeMap<Name, Rule>,
    ends: BTreeMap<String, u64>,
    answers: BTreeMap<(String, Option<Verdict>), u64>,
    acknowledged: BTreeMap<u64, Moment>,
    closed: BTreeMap<u64, Moment>,
    alerts: Alerts,
    /// Passages that were let through, by what ended them.
    went: BTreeMap<PassageId, bool>,
    households: BTreeMap<String, u64>,
    shadow: BTreeMap<Name, [u64; 4]>,
    unreadable: u64,
}

struct Rule {
    verdict: Verdict,
    applied: u64,
    unknown: u64,
    decided: u64,
}

#[derive(Default)]
struct Alerts {
    raised: u64,
    to_acknowledge: Vec<u64>,
    to_close: Vec<u64>,
    codes: BTreeMap<Name, (gateway_core::alert::Severity, u64, u64)>,
    roles: BTreeMap<Role, (u64, u64)>,
}

impl Counted {
    /// `within`: it happened before the end of the while; what happened later only tells how
    /// something ended.
    fn take(&mut self, event: &Event, within: bool, offset_min: i16) {
        match event.kind {
            EventKind::AlertAcknowledged | EventKind::AlertClosed => self.alert_state(event),
            EventKind::PassageEnded => self.ended(event, within),
            _ if !within => {}
            EventKind::PassageBegun => self.passages += 1,
            EventKind::Decision => self.decision(event, offset_min),
            EventKind::Answer => self.answer(event),
            EventKind::AlertRaised => self.alert(event),
            EventKind::ForeignMove => {
                if let Some(lane) = &event.lane {
                    self.shadow.entry(lane.clone()).or_default()[3] += 1;
                }
            }
            _ => {}
        }
    }

    fn ended(&mut self, event: &Event, within: bool) {
        for part in &event.parts {
            let Body::PassageEnded { end, .. } = &part.body else {
                continue;
            };
            if let Some(passage) = &event.passage {
                let went = match end {
                    End::Admitted => true,
                    End::Answered { verdict } => *verdict == Verdict::Admit,
                    _ => false,
                };
                self.went.insert(passage.clone(), went);
            }
            if within {
                let word = gateway_wire::api::PassageEnd::new(end, None).end;
                *self.ends.entry(word).or_default() += 1;
            }
        }
    }

    fn decision(&mut self, event: &Event, offset_min: i16) {
        let decision = event.parts.iter().find_map(|part| match &part.body {
            Body::Decision(decision) => Some(decision),
            _ => None,
        });
        let (Some(decision), Some(lane)) = (decision, &event.lane) else {
            self.unreadable += 1;
            return;
        };
        if decision.shadow {
            let at = match decision.verdict {
                Verdict::Admit => 0,
                Verdict::Hold => 1,
                Verdict::Refuse => 2,
            };
            self.shadow.entry(lane.clone()).or_default()[at] += 1;
        }
        *self.verdicts.entry(decision.verdict).or_default() += 1;
        let offset_ms = i64::from(offset_min) * 60_000;
        let local = event.at.wall_ms + offset_ms;
        let hour = local.div_euclid(HOUR_MS) * HOUR_MS - offset_ms;
        let key = (hour, lane.clone(), decision.verdict);
        *self.hours.entry(key).or_default() += 1;
        self.rules(decision);
        self.household(event);
    }

    fn rules(&mut self, decision: &Decision) {
        for tried in &decision.rules {
            let rule = self.rules.entry(tried.rule.clone()).or_insert(Rule {
                verdict: tried.verdict,
                applied: 0,
                unknown: 0,
                decided: 0,
            });
            match tried.outcome {
                Outcome::True => {
                    rule.applied += 1;
                    rule.decided += u64::from(tried.verdict == decision.verdict);
                }
                Outcome::Unknown | Outcome::Fault => rule.unknown += 1,
                Outcome::False | Outcome::NotHere => {}
            }
        }
    }

    /// A way out that was taken counts for its household.
    fn household(&mut self, event: &Event) {
        let went = event.passage.as_ref().and_then(|id| self.went.get(id));
        if went != Some(&true) {
            return;
        }
        let text = |name: &str| {
            let facts = event.parts.iter().filter_map(|part| match &part.body {
                Body::Facts { facts } => Some(facts),
                _ => None,
            });
            facts.flatten().find_map(|fact| match &fact.state {
                FactState::Text(text) if fact.name.as_str() == name => Some(text.clone()),
                _ => None,
            })
        };
        if text("lane.direction").as_deref() != Some("exit") {
            return;
        }
        if let Some(household) = text("household.id").filter(|id| !id.is_empty()) {
            *self.households.entry(household).or_default() += 1;
        }
    }

    fn answer(&mut self, event: &Event) {
        for part in &event.parts {
            let Body::Answer {
                sender, verdict, ..
            } = &part.body
            else {
                continue;
            };
            let by = match sender {
                Sender::Person { role, .. } => serde_word(role),
                Sender::Upstream { .. } => "upstream".to_owned(),
            };
            *self.answers.entry((by, *verdict)).or_default() += 1;
        }
    }

    fn alert_state(&mut self, event: &Event) {
        for part in &event.parts {
            if let Body::AlertState { alert, .. } = &part.body {
                let at = match event.kind {
                    EventKind::AlertClosed => &mut self.closed,
                    _ => &mut self.acknowledged,
                };
                // Backwards, so that the first of several stays.
                at.insert(*alert, event.at);
            }
        }
    }

    fn alert(&mut self, event: &Event) {
        let raised = event.parts.iter().find_map(|part| match &part.body {
            Body::Alert(raised) => Some(raised),
            _ => None,
        });
        let Some(raised) = raised else {
            self.unreadable += 1;
            return;
        };
        let took = |at: Option<&Moment>| at.map(|at| between(&event.at, at));
        let acknowledged = took(self.acknowledged.get(&raised.alert));
        let closed = took(self.closed.get(&raised.alert));
        let alerts = &mut self.alerts;
        alerts.raised += 1;
        alerts.to_acknowledge.extend(acknowledged);
        alerts.to_close.extend(closed);
        let count = u64::from(closed.is_some());
        let code = alerts.codes.entry(raised.code.clone());
        let code = code.or_insert((raised.severity, 0, 0));
        (code.1, code.2) = (code.1 + 1, code.2 + count);
        for role in &raised.roles {
            let role = alerts.roles.entry(*role).or_default();
            (role.0, role.1) = (role.0 + 1, role.1 + count);
        }
    }

    fn told(self, titles: &Titles) -> Numbers {
        let verdicts = self.verdicts.into_iter();
        let hours = self.hours.into_iter();
        let answers = self.answers.into_iter();
        let mut households: Vec<HouseholdExits> = self
            .households
            .into_iter()
            .map(|(household, exits)| HouseholdExits { household, exits })
            .collect();
        households.sort_by_key(|household| std::cmp::Reverse(household.exits));
        households.truncate(HOUSEHOLDS);
        Numbers {
            passages: self.passages,
            verdicts: verdicts
                .map(|(verdict, count)| VerdictCount {
                    verdict: verdict.into(),
                    count,
                })
                .collect(),
            hours: hours
                .map(|((hour_ms, lane, verdict), count)| HourCount {
                    hour_ms,
                    lane: lane.to_string(),
                    verdict: verdict.into(),
                    count,
                })
                .collect(),
            rules: rules(self.rules, titles),
            ends: self
                .ends
                .into_iter()
                .map(|(word, count)| WordCount { word, count })
                .collect(),
            answers: answers
                .map(|((by, verdict), count)| AnswerCount {
                    by,
                    verdict: verdict.map(Into::into),
                    count,
                })
                .collect(),
            alerts: alerts(self.alerts),
            households,
            // A lane that is not in shadow mode has foreign movements too: those are alerts.
            shadow: self
                .shadow
                .into_iter()
                .filter(|(_, counts)| counts[..3].iter().any(|count| *count > 0))
                .map(|(lane, counts)| ShadowLane {
                    lane: lane.to_string(),
                    would_admit: counts[0],
                    would_hold: counts[1],
                    would_refuse: counts[2],
                    moved_by_others: counts[3],
                })
                .collect(),
            unreadable: self.unreadable,
            ..Numbers::default()
        }
    }
}

fn rules(counted: BTreeMap<Name, Rule>, titles: &Titles) -> Vec<RuleNumbers> {
    counted
        .into_iter()
        .map(|(rule, counts)| RuleNumbers {
            title: titles.get(rule.as_str()).cloned(),
            rule: rule.to_string(),
            verdict: counts.verdict.into(),
            applied: counts.applied,
            unknown: counts.unknown,
            decided: counts.decided,
        })
        .collect()
}

fn alerts(mut counted: Alerts) -> AlertNumbers {
    let closed = counted.to_close.len() as u64;
    AlertNumbers {
        raised: counted.raised,
        acknowledged: counted.to_acknowledge.len() as u64,
        closed,
        closed_permille: (closed * 1_000)
            .checked_div(counted.raised)
            .and_then(|permille| u16::try_from(permille).ok()),
        median_to_acknowledge_ms: share(&mut counted.to_acknowledge, 50),
        median_to_close_ms: share(&mut counted.to_close, 50),
        p90_to_close_ms: share(&mut counted.to_close, 90),
        codes: counted
            .codes
            .into_iter()
            .map(|(code, (severity, raised, closed))| AlertCount {
                code: code.to_string(),
                severity: severity.into(),
                raised,
                closed,
            })
            .collect(),
        roles: counted
            .roles
            .into_iter()
            .map(|(role, (raised, closed))| RoleAlerts {
                role: role.into(),
                raised,
                closed,
            })
            .collect(),
    }
}

/// The value that so many per cent do not exceed.
fn share(values: &mut [u64], percent: usize) -> Option<u64> {
    values.sort_unstable();
    let last = values.len().checked_sub(1)?;
    values.get(last * percent / 100).copied()
}

/// Milliseconds from one moment to a later one: by the monotonic clock within a boot, else by the
/// wall clock.
fn between(from: &Moment, to: &Moment) -> u64 {
    if from.boot == to.boot {
        return to.mono.since(from.mono) / 1_000;
    }
    u64::try_from(to.wall_ms - from.wall_ms).unwrap_or(0)
}
