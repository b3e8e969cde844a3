//! Rules: conditions over facts and the verdict each leads to, loaded from TOML, tried all.
//!
//! Nothing admits by default. *refuse* beats *hold* beats *admit*. A missing fact makes a rule
//! *unknown*: no admit, but a hold for hold and refuse rules (invariant 8).
//!
//! CEL has no step limit and recurses: load and evaluate on a thread with a large stack (the
//! gate's has 64 MiB), although [`guard`] keeps every accepted expression small.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::alert::{Message, Severity};
use crate::decision::{Outcome, RuleOutcome, Verdict};
use crate::facts::{Fact, Facts};
use crate::name::Name;
use crate::order::Role;
use crate::site::{Direction, Lane, LaneKind, Need};

mod cases;
mod compile;
mod error;
mod evaluate;
mod file;
pub mod guard;
pub mod trial;

pub use error::RuleError;
pub use file::RuleFile;

use compile::Node;

/// At most this many rules in a set; more are refused at load.
pub const MOST_RULES: usize = 200;

/// One rule, ready to be tried.
#[derive(Debug)]
pub struct Rule {
    pub id: Name,
    pub title: Message,
    pub lanes: Lanes,
    /// As written.
    pub when: String,
    pub verdict: Verdict,
    /// A need to be given once more before the verdict stands.
    pub again: Option<Need>,
    /// Milliseconds that a person rests before that; vehicles do not rest.
    pub rest_ms: u32,
    pub alert: Option<RuleAlert>,
    node: Node,
}

/// What a rule raises when it is true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleAlert {
    pub severity: Severity,
    pub roles: Vec<Role>,
    pub message: Message,
}

/// For which lanes a rule is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lanes {
    All,
    Some(Vec<LanePattern>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LanePattern {
    Id(Name),
    Kind(Option<LaneKind>, Option<Direction>),
}

impl Lanes {
    pub fn has(&self, lane: &Lane) -> bool {
        match self {
            Lanes::All => true,
            Lanes::Some(patterns) => patterns.iter().any(|pattern| match pattern {
                LanePattern::Id(id) => *id == lane.id,
                LanePattern::Kind(kind, direction) => {
                    kind.is_none_or(|kind| kind == lane.kind)
                        && direction.is_none_or(|direction| direction == lane.direction)
                }
            }),
        }
    }
}

/// All rules of a site at one version.
pub struct RuleSet {
    rules: Vec<Rule>,
    version: String,
    env: Arc<cel::Env>,
    /// The facts that some rule names: only these are given to CEL.
    used: Vec<Fact>,
    /// Some rule raises a critical alert.
    critical: bool,
}

/// What trying all rules came to, before needs and answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    pub verdict: Verdict,
    /// In the rules' own order.
    pub outcomes: Vec<RuleOutcome>,
    /// No rule was true, unknown or at fault: the hold has no rule behind it.
    pub no_rule: bool,
}

impl fmt::Debug for RuleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuleSet")
            .field("version", &self.version)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

impl RuleSet {
    /// No rules: every passage holds with `no_rule`.
    pub fn empty() -> RuleSet {
        RuleSet::assemble(Vec::new(), file::version(&[]))
    }

    /// Loads rule files for a site and runs their cases. All mistakes at once, by position.
    ///
    /// Cases run on the site's own lanes. Takes milliseconds; run it on a large stack.
    pub fn load(lanes: &[Lane], files: &[RuleFile<'_>]) -> Result<RuleSet, Vec<RuleError>> {
        let mut errors = Vec::new();
        let mut rules = Vec::new();
        let mut cases = Vec::new();
        let mut ids = BTreeMap::new();
        for file in files {
            let read = file::read(file, lanes, &mut errors);
            for (rule, its_cases, position) in read {
                if let Some(first) = ids.insert(rule.id.clone(), position.clone()) {
                    errors.push(error::twice(&position, &rule.id, &first));
                }
                cases.push(its_cases);
                rules.push(rule);
            }
        }
        if rules.len() > MOST_RULES {
            errors.push(error::too_many(files, rules.len()));
        }
        let set = RuleSet::assemble(rules, file::version(files));
        if errors.is_empty() {
            cases::run(&set, lanes, &cases, &mut errors);
        }
        if errors.is_empty() {
            Ok(set)
        } else {
            errors.sort_by(|a, b| a.place().cmp(&b.place()));
            Err(errors)
        }
    }

    fn assemble(rules: Vec<Rule>, version: String) -> RuleSet {
        let mut used = Vec::new();
        for rule in &rules {
            rule.node.facts(&mut used);
        }
        used.sort();
        used.dedup();
        let critical = |rule: &Rule| {
            let alert = rule.alert.as_ref();
            alert.is_some_and(|alert| alert.severity == Severity::Critical)
        };
        RuleSet {
            critical: rules.iter().any(critical),
            rules,
            version,
            env: compile::environment(),
            used,
        }
    }

    /// 16 hex digits over the text of all files; the same text has the same version everywhere.
    pub fn version(&self) -> &str {
        &self.version
    }

    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The facts that a rule names, in fixed order: `gatectl check` compares them with the needs.
    pub fn facts_of(rule: &Rule) -> Vec<Fact> {
        let mut facts = Vec::new();
        rule.node.facts(&mut facts);
        facts.sort();
        facts.dedup();
        facts
    }

    pub(crate) fn has_critical(&self) -> bool {
        self.critical
    }

    /// The rules with a critical alert that are true of these facts.
    pub(crate) fn critical(&self, lane: &Lane, facts: &Facts) -> Vec<&Rule> {
        let known = evaluate::Known::new(&self.used, facts);
        let context = known.context(&self.env);
        let rules = self.rules.iter().filter(|rule| {
            let alert = rule.alert.as_ref();
            alert.is_some_and(|alert| alert.severity == Severity::Critical)
                && rule.lanes.has(lane)
                && evaluate::outcome(&rule.node, facts, &context) == Outcome::True
        });
        rules.collect()
    }

    /// Tries every rule on the facts of a passage in this lane.
    pub fn evaluate(&self, lane: &Lane, facts: &Facts) -> Evaluation {
        let known = evaluate::Known::new(&self.used, facts);
        let context = known.context(&self.env);
        let mut verdict = None;
        let mut outcomes = Vec::with_capacity(self.rules.len());
        for rule in &self.rules {
            let outcome = if rule.lanes.has(lane) {
                evaluate::outcome(&rule.node, facts, &context)
            } else {
                Outcome::NotHere
            };
            verdict = verdict.max(effect(rule.verdict, outcome));
            outcomes.push(RuleOutcome {
                rule: rule.id.clone(),
                verdict: rule.verdict,
                outcome,
            });
        }
        Evaluation {
            verdict: verdict.unwrap_or(Verdict::Hold),
            outcomes,
            no_rule: verdict.is_none(),
        }
    }
}

/// What one rule's outcome asks for. `Verdict` orders admit < hold < refuse.
fn effect(verdict: Verdict, outcome: Outcome) -> Option<Verdict> {
    match (outcome, verdict) {
        (Outcome::True, verdict) => Some(verdict),
        (Outcome::Unknown, Verdict::Hold | Verdict::Refuse) | (Outcome::Fault, _) => {
            Some(Verdict::Hold)
        }
        (Outcome::Unknown | Outcome::False | Outcome::NotHere, _) => None,
    }
}
