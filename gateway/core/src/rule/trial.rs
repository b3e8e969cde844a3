//! Trying rules before they bite: recorded decisions decided once more, from the facts that were
//! recorded with them. Pure, like the gate itself: the same journal and the same draft give the
//! same report.
//!
//! What a trial cannot know it counts apart: facts that have been erased, and facts that an older
//! version of the gateway did not record.

use std::collections::BTreeMap;

use crate::decision::{Decision, FactState, RuleOutcome, Verdict};
use crate::event::{Body, Event, EventKind, PartKind};
use crate::facts::{Fact, Facts};
use crate::name::{Name, PassageId};
use crate::rule::{RuleSet, effect};
use crate::site::Lane;

/// Examples that are kept of each change, the first that come.
pub const EXAMPLES: usize = 5;

/// Passages that are tried once more as if their plate were watched; more tell nothing new.
const AS_IF_WATCHED: u64 = 5_000;

/// A decision as the journal has it.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub lane: Name,
    pub passage: PassageId,
    pub decision: Decision,
    pub facts: Facts,
    /// Kinds of its parts that are no longer there.
    erased: Vec<PartKind>,
}

impl Recorded {
    /// Takes a recorded decision in; `erased` are the kinds of its parts that retention took.
    /// `None`: it is no decision, or the decision itself has been erased.
    pub fn of(event: &Event, erased: &[PartKind]) -> Option<Recorded> {
        if event.kind != EventKind::Decision {
            return None;
        }
        let mut decided = None;
        let mut facts = Facts::absent();
        for part in &event.parts {
            match &part.body {
                Body::Decision(decision) => decided = Some(decision.clone()),
                Body::Facts { facts: records } => {
                    for record in records {
                        // A fact that this version no longer has decides nothing any more.
                        if let Some(fact) = Fact::named(record.name.as_str()) {
                            *facts.record(fact) = record.clone();
                        }
                    }
                }
                _ => {}
            }
        }
        Some(Recorded {
            lane: event.lane.clone()?,
            passage: event.passage.clone()?,
            decision: decided?,
            facts,
            erased: erased.to_vec(),
        })
    }

    /// Whatever the rules say, no admit: a need was missing, or the lane was locked down.
    fn holds(&self) -> bool {
        !self.decision.missing.is_empty()
            || *self.facts.state(Fact::LaneLockedDown) == FactState::Truth(true)
    }
}

/// Why a recorded passage cannot be decided once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untold {
    /// A rule for its lane names facts whose part has been erased.
    Erased,
    /// A rule for its lane names a fact that was not recorded then.
    NotRecorded,
}

/// What other rules make of a recorded passage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redecided {
    pub verdict: Verdict,
    pub rules: Vec<RuleOutcome>,
}

impl Redecided {
    /// Whether it says in every rule what was recorded.
    pub fn is(&self, decision: &Decision) -> bool {
        self.verdict == decision.verdict && self.rules == decision.rules
    }
}

impl RuleSet {
    /// Decides a recorded passage once more, as the gate would: a need that was missing holds, and so
    /// does a lock-down.
    ///
    /// Like [`RuleSet::evaluate`], call it on a large stack.
    pub fn redecide(&self, lane: &Lane, recorded: &Recorded) -> Result<Redecided, Untold> {
        self.told(lane, recorded)?;
        Ok(self.decide_again(lane, &recorded.facts, recorded.holds()))
    }

    fn told(&self, lane: &Lane, recorded: &Recorded) -> Result<(), Untold> {
        let here = self.rules().iter().filter(|rule| rule.lanes.has(lane));
        for fact in here.flat_map(RuleSet::facts_of) {
            if *recorded.facts.state(fact) != FactState::Absent {
                continue;
            }
            if recorded.erased.contains(&fact.part()) {
                return Err(Untold::Erased);
            }
            if is_never_absent(fact) {
                return Err(Untold::NotRecorded);
            }
        }
        Ok(())
    }

    fn decide_again(&self, lane: &Lane, facts: &Facts, holds: bool) -> Redecided {
        let evaluation = self.evaluate(lane, facts);
        let verdict = match holds {
            true => evaluation.verdict.max(Verdict::Hold),
            false => evaluation.verdict,
        };
        Redecided {
            verdict,
            rules: evaluation.outcomes,
        }
    }
}

/// The gateway's own facts are always recorded by a version that has them.
fn is_never_absent(fact: Fact) -> bool {
    matches!(fact.group(), "time" | "lane" | "lists")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Change {
    pub from: Verdict,
    pub to: Verdict,
}

/// All passages that change in one way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    pub count: u64,
    /// Rules of the draft that lead to the new verdict; `None`: no rule does (the hold that
    /// stands when nothing admits, or a missing need).
    pub now: BTreeMap<Option<Name>, u64>,
    /// Rules that led to the recorded one.
    pub before: BTreeMap<Option<Name>, u64>,
    pub examples: Vec<Example>,
}

/// One passage that comes out otherwise. It names nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    pub passage: PassageId,
    pub lane: Name,
    /// The event of the decision.
    pub number: u64,
    /// Milliseconds since 1970, as the wall clock said.
    pub at_ms: i64,
    /// Rules of the draft that lead to the new verdict.
    pub rules: Vec<Name>,
}

/// What a draft does to the passages that it was shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub unchanged: u64,
    pub changes: BTreeMap<Change, Changed>,
    pub erased: u64,
    pub not_recorded: u64,
    /// Of lanes that the site no longer has.
    pub other_lanes: u64,
    /// Passages of a watched plate or area that would now be admitted and were not.
    pub watched_admitted: Admitted,
    /// Passages that would be admitted even if their plate were watched, which the rules in force
    /// would not.
    pub admitted_if_watched: Admitted,
    as_if_watched: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    pub count: u64,
    pub examples: Vec<Example>,
}

impl Admitted {
    fn add(&mut self, example: Example) {
        self.count += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(example);
        }
    }
}

impl Tally {
    /// Passages that could be decided once more.
    pub fn tried(&self) -> u64 {
        self.unchanged + self.changed()
    }

    pub fn changed(&self) -> u64 {
        self.changes.values().map(|changed| changed.count).sum()
    }

    /// Whether this draft lets in what is watched for: to be said on purpose.
    pub fn admits_watched(&self) -> bool {
        self.watched_admitted.count > 0 || self.admitted_if_watched.count > 0
    }

    /// Tries `draft` on one recorded decision, event `number` at `at_ms`. `in_force` are the rules
    /// that the draft would replace. `lane` is `None` when the site no longer has it.
    pub fn take(
        &mut self,
        (draft, in_force): (&RuleSet, &RuleSet),
        lane: Option<&Lane>,
        recorded: &Recorded,
        (number, at_ms): (u64, i64),
    ) {
        let Some(lane) = lane else {
            self.other_lanes += 1;
            return;
        };
        let again = match draft.redecide(lane, recorded) {
            Ok(again) => again,
            Err(Untold::Erased) => {
                self.erased += 1;
                return;
            }
            Err(Untold::NotRecorded) => {
                self.not_recorded += 1;
                return;
            }
        };
        let change = Change {
            from: recorded.decision.verdict,
            to: again.verdict,
        };
        let example = || Example {
            passage: recorded.passage.clone(),
            lane: recorded.lane.clone(),
            number,
            at_ms,
            rules: leading(again.verdict, &again.rules),
        };
        if change.from == change.to {
            self.unchanged += 1;
        } else {
            let changed = self.changes.entry(change).or_default();
            changed.count += 1;
            count(&mut changed.now, leading(change.to, &again.rules));
            let before = leading(change.from, &recorded.decision.rules);
            count(&mut changed.before, before);
            if changed.examples.len() < EXAMPLES {
                changed.examples.push(example());
            }
        }
        if again.verdict != Verdict::Admit {
            return;
        }
        if is_watched(&recorded.facts) {
            if change.from != Verdict::Admit {
                self.watched_admitted.add(example());
            }
        } else if self.admits_if_watched((draft, in_force), lane, recorded) {
            self.admitted_if_watched.add(example());
        }
    }

    fn admits_if_watched(
        &mut self,
        (draft, in_force): (&RuleSet, &RuleSet),
        lane: &Lane,
        recorded: &Recorded,
    ) -> bool {
        let known = matches!(
            recorded.facts.state(Fact::VehicleWatched),
            FactState::Truth(false)
        );
        if !known || self.as_if_watched >= AS_IF_WATCHED {
            return false;
        }
        self.as_if_watched += 1;
        let mut facts = recorded.facts.clone();
        facts.set(Fact::VehicleWatched, FactState::Truth(true));
        let admits = |set: &RuleSet| {
            set.decide_again(lane, &facts, recorded.holds()).verdict == Verdict::Admit
        };
        admits(draft) && !admits(in_force)
    }
}

fn is_watched(facts: &Facts) -> bool {
    let is = |fact| *facts.state(fact) == FactState::Truth(true);
    is(Fact::VehicleWatched) || is(Fact::VehicleAreaWatched)
}

/// The rules that ask for this verdict.
fn leading(verdict: Verdict, tried: &[RuleOutcome]) -> Vec<Name> {
    tried
        .iter()
        .filter(|tried| effect(tried.verdict, tried.outcome) == Some(verdict))
        .map(|tried| tried.rule.clone())
        .collect()
}

fn count(into: &mut BTreeMap<Option<Name>, u64>, rules: Vec<Name>) {
    if rules.is_empty() {
        *into.entry(None).or_default() += 1;
    }
    for rule in rules {
        *into.entry(Some(rule)).or_default() += 1;
    }
}
