//! Deciding a passage: facts, every rule, the verdict, the record of it, the move and the alerts.

use crate::decision::{Cause, Decision, FactState, Missing, Outcome, Verdict};
use crate::event::{Barrier, Body, Class, Event, EventKind, MoveOutcome, PartKind};
use crate::facts::{Fact, Facts, Gathered};
use crate::gate::memory::{PASS_SHOWN, PASS_USED};
use crate::gate::passage::{Again, Stage};
use crate::gate::{Gate, Move, Output, Outputs, WINDOW_MS};
use crate::lists::{List, ListName, ListVersion, Lists, PassKey};
use crate::moment::{Moment, Mono};
use crate::name::{Name, PassageId};
use crate::plate::{Card, Plate};
use crate::rule::{Evaluation, Rule};
use crate::site::{LaneKind, Need};

/// A rule may ask for a need once more so often.
const MOST_AGAINS: u8 = 2;

impl Gate {
    /// Decides the passage if all needs are known or the wait is over. False: not yet.
    pub(super) fn try_to_decide(
        &mut self,
        at: Moment,
        lane: usize,
        index: usize,
        waited: bool,
        out: &mut Outputs,
    ) -> bool {
        let missing = self.gathered(at, lane, index, |gathered| gathered.missing());
        let passage = &self.lanes[lane].passages[index];
        let again_open = passage.again.is_some_and(|again| {
            let since = match again.need {
                Need::Plate => passage.sighting.as_ref().map(|s| s.last_seen),
                Need::Card => passage.card.as_ref().map(|got| got.received),
                Need::Temperature => passage.temperature.as_ref().map(|got| got.received),
                Need::Pass => None,
            };
            since.is_none_or(|got| got <= again.since)
        });
        if !waited && !again_open && self.measures_again(at, lane, index, &missing, out) {
            return true;
        }
        if !waited && (again_open || missing.iter().any(worth_waiting)) {
            return false;
        }
        let facts = self.gathered(at, lane, index, |gathered| gathered.facts());
        let evaluation = self.rules.evaluate(self.config(lane), &facts);
        if missing.is_empty()
            && !(waited && again_open)
            && self.asks_again(at, lane, index, &evaluation, out)
        {
            return true;
        }
        let locked = self.locked_down(lane);
        let admits = evaluation.verdict == Verdict::Admit && missing.is_empty() && !locked;
        if admits && !waited && self.window_of(lane, index) < at.mono {
            // Known, but not from now: its next live part decides, or the end of the wait.
            return false;
        }
        self.decide(at, lane, index, missing, facts, evaluation, out);
        true
    }

    /// Until when an admit of the passage may open: its newest live part, or the live input being
    /// applied, and the window behind it. In the past when nothing live supports it.
    fn window_of(&self, lane: usize, index: usize) -> Mono {
        let passage = &self.lanes[lane].passages[index];
        let trigger = self
            .trigger
            .filter(|(of, _)| *of == lane)
            .map(|(_, got)| got);
        match passage.newest_live {
            Some(newest) => newest.max(trigger.unwrap_or(newest)).plus_ms(WINDOW_MS),
            None => Mono(0),
        }
    }

    /// Asks what a passage has gathered.
    pub(super) fn gathered<R>(
        &self,
        at: Moment,
        lane: usize,
        index: usize,
        ask: impl FnOnce(&Gathered<'_>) -> R,
    ) -> R {
        let passage = &self.lanes[lane].passages[index];
        let down = |need| self.source_down(lane, need);
        ask(&Gathered {
            at,
            lane: self.config(lane),
            sighting: passage.sighting.as_ref(),
            disagree: passage.cameras_disagree(self.config(lane).plate_sure_permille),
            card: passage.card.as_ref(),
            temperature: passage.temperature.as_ref(),
            stood: passage.stood || passage.arrived.is_some(),
            down: &down,
            devices_down: self.devices_down(lane),
            emergency: self.emergency_active(),
            locked_down: self.locked_down(lane),
            lists: &self.lists,
            lookalikes: &self.lookalikes,
            went: &self.memory.went,
            walk_ms: self.site.walk_ms,
        })
    }

    /// Lets the wait start anew when every rule that stands against an admit asks for it.
    fn asks_again(
        &mut self,
        at: Moment,
        lane: usize,
        index: usize,
        evaluation: &Evaluation,
        out: &mut Outputs,
    ) -> bool {
        if evaluation.verdict == Verdict::Admit
            || self.lanes[lane].passages[index].rearms >= MOST_AGAINS
        {
            return false;
        }
        let mut wanted: Option<(Need, u32)> = None;
        for (rule, tried) in self.rules.rules().iter().zip(&evaluation.outcomes) {
            if tried.verdict == Verdict::Admit && tried.outcome != Outcome::Fault {
                continue;
            }
            match (tried.outcome, rule.again) {
                (Outcome::False | Outcome::NotHere, _) => {}
                (Outcome::True, Some(need)) => wanted = wanted.or(Some((need, rule.rest_ms))),
                _ => return false,
            }
        }
        let Some((need, rest_ms)) = wanted else {
            return false;
        };
        self.wait_again(at, lane, index, need, rest_ms, out);
        true
    }

    /// A driver's temperature that tells nothing is taken again at once: only who stands first
    /// reaches the instrument. On foot the next one measured may be somebody else, so a person is
    /// held, asked to measure again, and does so with a new touch of the reader.
    fn measures_again(
        &mut self,
        at: Moment,
        lane: usize,
        index: usize,
        missing: &[Missing],
        out: &mut Outputs,
    ) -> bool {
        let [only] = missing else { return false };
        let passage = &self.lanes[lane].passages[index];
        let on_foot = self.config(lane).kind == LaneKind::Pedestrian;
        if on_foot || only.cause != Cause::ImplausibleReading || passage.rearms >= MOST_AGAINS {
            return false;
        }
        self.wait_again(at, lane, index, Need::Temperature, 0, out);
        true
    }

    /// Lets the wait start anew for a need, after a rest where one was asked for.
    fn wait_again(
        &mut self,
        at: Moment,
        lane: usize,
        index: usize,
        need: Need,
        rest_ms: u32,
        out: &mut Outputs,
    ) {
        // A vehicle cannot rest aside.
        let rests = rest_ms > 0 && self.config(lane).kind == LaneKind::Pedestrian;
        let since = match rests {
            true => at.mono.plus_ms(u64::from(rest_ms)),
            false => at.mono,
        };
        let passage = &mut self.lanes[lane].passages[index];
        passage.rearms += 1;
        passage.again = Some(Again { need, since, rests });
        passage.wait_from = Some(since);
        let device = match need {
            Need::Plate => passage.sighting.as_ref().map(|s| s.camera.clone()),
            Need::Card => passage.card.as_ref().map(|got| got.device.clone()),
            Need::Temperature => passage.temperature.as_ref().map(|got| got.device.clone()),
            Need::Pass => None,
        };
        self.lanes[lane].dirty = true;
        let device = device.filter(|_| !rests);
        out.list.extend(device.map(|device| Output::Ask { device }));
    }

    #[allow(clippy::too_many_arguments)]
    fn decide(
        &mut self,
        at: Moment,
        lane: usize,
        index: usize,
        missing: Vec<Missing>,
        facts: Facts,
        evaluation: Evaluation,
        out: &mut Outputs,
    ) {
        let mut verdict = evaluation.verdict;
        if !missing.is_empty() || self.locked_down(lane) {
            verdict = verdict.max(Verdict::Hold);
        }
        let config = self.site.lanes[lane].clone();
        let until = self.window_of(lane, index);
        let passage = &mut self.lanes[lane].passages[index];
        let decision = Decision {
            verdict,
            would_admit: would_admit(verdict, &evaluation),
            rules: evaluation.outcomes,
            missing,
            rules_version: self.rules.version().to_owned(),
            lists: list_versions(&self.lists),
            shadow: config.shadow,
            took_us: at.mono.since(passage.begun.mono),
        };
        passage.stage = Stage::Decided(verdict);
        passage.again = None;
        passage.decided_at = Some(at.mono);
        passage.decision = Some(decision.clone());
        passage.facts = facts.got();
        if verdict == Verdict::Hold && config.fallback.after_ms > 0 {
            passage.fallback_at = Some(at.mono.plus_ms(u64::from(config.fallback.after_ms)));
        }
        let id = passage.id.clone();
        self.lanes[lane].dirty = true;
        let pass = self.pass_note(lane, &facts, &decision);
        let event = Event::new(at, EventKind::Decision)
            .lane(&config.id)
            .passage(&id);
        let event = with_decision(event, decision.clone(), facts, pass);
        self.record(event, out);
        if verdict == Verdict::Admit {
            self.open(at, lane, Some(id), until, out);
        }
        let useless = |missing: &Missing| missing.cause == Cause::ImplausibleReading;
        if decision.missing.iter().any(useless) {
            let temperature = self.lanes[lane].passages[index].temperature.as_ref();
            let device = temperature.map(|got| got.device.clone());
            out.list.extend(device.map(|device| Output::Ask { device }));
        }
        self.alert_of_decision(at, lane, index, &decision, evaluation.no_rule, out);
    }

    /// Asks for an opening that belongs to the event recorded just before, or records why not.
    pub(super) fn open(
        &mut self,
        at: Moment,
        lane: usize,
        passage: Option<PassageId>,
        until: Mono,
        out: &mut Outputs,
    ) {
        let config = &self.site.lanes[lane];
        if !config.has_barrier {
            return;
        }
        self.moves += 1;
        let id = self.moves;
        let cause = if config.shadow {
            "shadow"
        } else if self.emergency_active() {
            // The arm is held open; a pulse could make its controller close it.
            "emergency"
        } else if until < at.mono {
            "window_passed"
        } else {
            let command = Barrier::Open;
            let lane_id = config.id.clone();
            self.lanes[lane].remember_move(id, passage);
            self.lanes[lane].opening = Some(at.mono);
            self.lanes[lane].passed = None;
            out.list.push(Output::Move(Move {
                id,
                lane: lane_id,
                command,
                until,
                urgent: false,
            }));
            return;
        };
        let outcome = MoveOutcome::Dropped {
            cause: Name::new(cause),
        };
        self.lanes[lane].remember_move(id, passage);
        self.record_move(at, lane, id, Barrier::Open, outcome, out);
    }

    /// The note of a valid pass: used, where the admit needs or names it; shown, where an answer
    /// may let it through.
    fn pass_note(&self, lane: usize, facts: &Facts, decision: &Decision) -> Option<Body> {
        let FactState::Text(pass) = facts.state(Fact::PassId) else {
            return None;
        };
        let valid = *facts.state(Fact::PassValid) == FactState::Truth(true);
        if !valid || pass.is_empty() {
            return None;
        }
        let used = decision.verdict == Verdict::Admit;
        let mut tried = self.rules.rules().iter().zip(&decision.rules);
        let names_it = tried.any(|(rule, tried)| {
            tried.outcome == Outcome::True
                && tried.verdict == Verdict::Admit
                && rule_names_pass(rule)
        });
        if used && !names_it && !self.config(lane).needs.pass {
            return None;
        }
        Some(Body::Note {
            code: Name::new(if used { PASS_USED } else { PASS_SHOWN }),
            values: vec![
                (Name::new("pass"), pass.clone()),
                (Name::new("until"), self.pass_until_ms(facts).to_string()),
            ],
        })
    }

    /// When the pass that the facts name ends, in milliseconds since 1970.
    fn pass_until_ms(&self, facts: &Facts) -> i64 {
        let key = match (facts.state(Fact::PlateText), facts.state(Fact::CardId)) {
            (FactState::Text(plate), _) => PassKey::Plate(Plate::new(plate)),
            (_, FactState::Text(card)) => PassKey::Card(Card::new(card)),
            _ => return i64::MAX,
        };
        let lists = [
            &self.lists.visitors,
            &self.lists.deliveries,
            &self.lists.passes,
        ];
        let mut found = lists.iter().filter_map(|list| list.get(&key));
        found.next().map_or(i64::MAX, |pass| pass.valid_to_ms)
    }
}

/// Whether more may come for what is missing. An implausible temperature has been taken: whoever
/// is measured next may be the next person, so a second one is for a person to order or for a new
/// touch of the reader.
fn worth_waiting(missing: &Missing) -> bool {
    missing.cause != Cause::ImplausibleReading
}

fn rule_names_pass(rule: &Rule) -> bool {
    crate::rule::RuleSet::facts_of(rule)
        .iter()
        .any(|fact| fact.group() == "pass")
}

/// The rules that would have had to come out otherwise.
fn would_admit(verdict: Verdict, evaluation: &Evaluation) -> Vec<Name> {
    if verdict == Verdict::Admit {
        return Vec::new();
    }
    let against = |outcome| matches!(outcome, Outcome::True | Outcome::Unknown | Outcome::Fault);
    let tried = evaluation.outcomes.iter();
    let kept = tried.filter(|tried| match tried.verdict {
        Verdict::Admit => matches!(tried.outcome, Outcome::Unknown | Outcome::Fault),
        Verdict::Hold | Verdict::Refuse => against(tried.outcome),
    });
    let kept: Vec<Name> = kept.map(|tried| tried.rule.clone()).collect();
    if !kept.is_empty() {
        return kept;
    }
    // Nothing stood against it: any of the admits that are for this lane would have done.
    let admits = evaluation
        .outcomes
        .iter()
        .filter(|tried| tried.verdict == Verdict::Admit && tried.outcome == Outcome::False);
    admits.map(|tried| tried.rule.clone()).collect()
}

/// Decision, then the facts by who may see them, then the pass.
fn with_decision(event: Event, decision: Decision, facts: Facts, pass: Option<Body>) -> Event {
    let mut event = event.part(PartKind::Detail, Class::Passage, Body::Decision(decision));
    for (kind, class) in [
        (PartKind::Identity, Class::Passage),
        (PartKind::Health, Class::Temperature),
        (PartKind::Detail, Class::Passage),
    ] {
        let facts = facts.of_part(kind);
        if !facts.is_empty() {
            event = event.part(kind, class, Body::Facts { facts });
        }
    }
    if let Some(pass) = pass {
        event = event.part(PartKind::Detail, Class::Passage, pass);
    }
    event
}

/// Which lists at which versions, in fixed order.
pub(super) fn list_versions(lists: &Lists) -> Vec<ListVersion> {
    fn version<K: Ord, V>(name: ListName, list: &List<K, V>) -> ListVersion {
        ListVersion {
            list: name.name().clone(),
            version: list.version,
            confirmed_ms: list.confirmed_ms,
        }
    }
    let versions = ListName::ALL.map(|name| match name {
        ListName::Residents => version(name, &lists.residents),
        ListName::Households => version(name, &lists.households),
        ListName::Vehicles => version(name, &lists.vehicles),
        ListName::Cards => version(name, &lists.cards),
        ListName::Visitors => version(name, &lists.visitors),
        ListName::Deliveries => version(name, &lists.deliveries),
        ListName::Passes => version(name, &lists.passes),
        ListName::WatchedPlates => version(name, &lists.watched_plates),
        ListName::WatchedAreas => version(name, &lists.watched_areas),
        ListName::EmergencyVehicles => version(name, &lists.emergency_vehicles),
    });
    versions.into()
}
