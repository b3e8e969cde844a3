//! Trying a rule: three values, absent facts, and CEL at the leaves.
//!
//! Kleene's logic over true, false and unknown; negation is carried down to the leaves, so that a
//! leaf over an absent fact is false with or without one. Taking a known fact away turns a leaf
//! to unknown and nothing else, and Kleene's connectives keep that order: so no admit can appear
//! (D-3).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cel::common::types::{CelBool, CelDouble, CelInt, CelString};
use cel::common::value::CowVal;
use cel::context::VariableResolver;
use cel::{Context, Env, Value};

use crate::decision::{FactState, Outcome};
use crate::facts::{Fact, Facts};
use crate::rule::compile::{Leaf, Node};

/// The facts that are known, as CEL's variables under their full names; made when asked for.
pub(super) struct Known<'a> {
    facts: &'a Facts,
    /// Those that may be asked for.
    used: &'a [Fact],
}

impl<'a> Known<'a> {
    pub fn new(used: &'a [Fact], facts: &'a Facts) -> Known<'a> {
        Known { facts, used }
    }

    pub fn context(&'a self, env: &Arc<Env>) -> Context<'a, 'a> {
        let mut context = Context::with_env(Arc::clone(env));
        context.set_variable_resolver(self);
        context
    }
}

impl VariableResolver for Known<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let fact = self.used.iter().find(|fact| fact.name() == variable)?;
        match self.facts.state(*fact) {
            FactState::Text(text) => Some(CowVal::owned(CelString::from(text.as_str()))),
            FactState::Truth(truth) => Some(CowVal::owned(CelBool::from(*truth))),
            FactState::Number(number) => Some(CowVal::owned(CelInt::from(*number))),
            FactState::Millidegrees(thousandths) => {
                // Rounded once: 37300 becomes the very double that `37.3` is.
                let celsius = f64::from(*thousandths) / 1_000.0;
                Some(CowVal::owned(CelDouble::from(celsius)))
            }
            FactState::Missing(_) | FactState::Absent => None,
        }
    }
}

/// Tries one condition. Never panics: what CEL cannot do is a fault.
pub(super) fn outcome(node: &Node, facts: &Facts, context: &Context) -> Outcome {
    match walk(node, false, facts, context) {
        Ok(Tri::True) => Outcome::True,
        Ok(Tri::False) => Outcome::False,
        Ok(Tri::Unknown) => Outcome::Unknown,
        Err(Fault) => Outcome::Fault,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tri {
    False,
    Unknown,
    True,
}

struct Fault;

impl Tri {
    fn of(truth: bool) -> Tri {
        if truth { Tri::True } else { Tri::False }
    }
}

/// `negated`: an odd number of negations stands above this node.
fn walk(node: &Node, negated: bool, facts: &Facts, context: &Context) -> Result<Tri, Fault> {
    let below = |node: &Node| walk(node, negated, facts, context);
    match node {
        Node::Const(truth) => Ok(Tri::of(*truth != negated)),
        Node::Not(node) => walk(node, !negated, facts, context),
        Node::And(a, b) if !negated => both(below(a), below(b)),
        Node::Or(a, b) if negated => both(below(a), below(b)),
        Node::And(a, b) | Node::Or(a, b) => either(below(a), below(b)),
        Node::If(condition, yes, no) => match walk(condition, false, facts, context)? {
            Tri::True => below(yes),
            Tri::False => below(no),
            Tri::Unknown => {
                let (yes, no) = (below(yes)?, below(no)?);
                Ok(if yes == no { yes } else { Tri::Unknown })
            }
        },
        Node::Leaf(node) => {
            let mut missing = false;
            for fact in &node.facts {
                match facts.state(*fact) {
                    FactState::Absent => return Ok(Tri::False),
                    FactState::Missing(_) => missing = true,
                    _ => {}
                }
            }
            if missing {
                return Ok(Tri::Unknown);
            }
            // What is true or false by itself needs no CEL.
            if let Some(fact) = node.plain
                && let FactState::Truth(truth) = facts.state(fact)
            {
                return Ok(Tri::of(*truth != negated));
            }
            match leaf(node, context) {
                Ok(truth) => Ok(Tri::of(truth != negated)),
                Err(_) => Err(Fault),
            }
        }
    }
}

/// A fault anywhere is a fault, in either order: a broken half must not hide behind the other.
fn both(a: Result<Tri, Fault>, b: Result<Tri, Fault>) -> Result<Tri, Fault> {
    Ok(a?.min(b?))
}

fn either(a: Result<Tri, Fault>, b: Result<Tri, Fault>) -> Result<Tri, Fault> {
    Ok(a?.max(b?))
}

/// Evaluates one leaf whose facts are all known. The error says what does not fit, without values.
pub(super) fn leaf(leaf: &Leaf, context: &Context) -> Result<bool, String> {
    let evaluated = catch_unwind(AssertUnwindSafe(|| {
        Value::resolve(&leaf.expression, context)
    }));
    match evaluated {
        Ok(Ok(Value::Bool(truth))) => Ok(truth),
        Ok(Ok(value)) => Err(format!(
            "the condition is {}, neither true nor false",
            value.type_of()
        )),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the condition cannot be evaluated".to_owned()),
    }
}
