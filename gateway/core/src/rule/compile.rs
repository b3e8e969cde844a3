//! From the text of `when` to a tree whose inner nodes are ours and whose leaves are CEL.
//!
//! `&&`, `||`, `!` and `?:` are walked by us, because three values and absent facts need more than
//! CEL's own; everything below is one leaf, evaluated by CEL with the facts that it names.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators};
use cel::parser::{Expression, Parser};

use crate::facts::{Fact, FactType, Facts};
use crate::rule::error::nearest;
use crate::rule::evaluate;
use crate::rule::guard;

/// One node of a compiled condition.
#[derive(Debug)]
pub(super) enum Node {
    Const(bool),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    If(Box<Node>, Box<Node>, Box<Node>),
    Leaf(Leaf),
}

#[derive(Debug)]
pub(super) struct Leaf {
    pub expression: Expression,
    /// The facts that it names, in order of [`Fact`], each once.
    pub facts: Vec<Fact>,
    /// The leaf is nothing but this fact, which is true or false.
    pub plain: Option<Fact>,
}

impl Node {
    pub fn facts(&self, into: &mut Vec<Fact>) {
        match self {
            Node::Const(_) => {}
            Node::Not(node) => node.facts(into),
            Node::And(a, b) | Node::Or(a, b) => {
                a.facts(into);
                b.facts(into);
            }
            Node::If(a, b, c) => {
                a.facts(into);
                b.facts(into);
                c.facts(into);
            }
            Node::Leaf(leaf) => into.extend_from_slice(&leaf.facts),
        }
    }
}

/// A mistake in an expression: the byte offset in it, what, what is allowed, what was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub offset: usize,
    pub what: String,
    pub allowed: String,
    pub suggestion: Option<String>,
}

impl Mistake {
    fn new(offset: usize, what: impl Into<String>, allowed: impl Into<String>) -> Mistake {
        Mistake {
            offset,
            what: what.into(),
            allowed: allowed.into(),
            suggestion: None,
        }
    }
}

/// Functions of CEL that end soon on any input that passed the guard.
const FUNCTIONS: [&str; 7] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "int",
    "double",
    "string",
];

/// Elements of a loop times what is done for each: more could take a millisecond.
const MOST_STEPS: usize = 1_200;

/// CEL's environment, built once for the process; it is never changed.
pub(super) fn environment() -> Arc<cel::Env> {
    static ENVIRONMENT: LazyLock<Arc<cel::Env>> = LazyLock::new(|| Arc::new(cel::Env::stdlib()));
    Arc::clone(&ENVIRONMENT)
}

/// Compiles a condition. Never panics; all mistakes that can be told together are.
pub(super) fn compile(source: &str) -> Result<Node, Vec<Mistake>> {
    if let Err(refusal) = guard::check(source) {
        return Err(vec![Mistake::new(
            refusal.offset,
            refusal.what,
            refusal.allowed,
        )]);
    }
    let parsed = catch_unwind(AssertUnwindSafe(|| {
        Parser::new().parse_with_source_info(source)
    }));
    let (expression, info) = match parsed {
        Ok(Ok(parsed)) => parsed,
        Ok(Err(errors)) => {
            let mistakes = errors.errors.iter().map(|error| {
                let offset = if error.msg.contains("<EOF>") {
                    source.len()
                } else {
                    offset_of(source, error.pos.0, error.pos.1)
                };
                let first = error.msg.lines().next().unwrap_or_default();
                Mistake::new(offset, first, "a CEL expression over the facts")
            });
            return Err(mistakes.collect());
        }
        Err(_) => {
            let what = "the expression cannot be parsed";
            return Err(vec![Mistake::new(0, what, "a CEL expression")]);
        }
    };
    let mut compiler = Compiler {
        offset: &|id| {
            let at = info.offset_for(id).map_or(0, |(start, _)| start as usize);
            // The parser counts characters.
            source.char_indices().nth(at).map_or(0, |(byte, _)| byte)
        },
        mistakes: Vec::new(),
    };
    let node = compiler.node(expression);
    if compiler.mistakes.is_empty() {
        Ok(node)
    } else {
        Err(compiler.mistakes)
    }
}

/// `line` from 1 and `column` from 1 in characters, as the parser tells them.
fn offset_of(source: &str, line: isize, column: isize) -> usize {
    let before: usize = source
        .split_inclusive('\n')
        .take(usize::try_from(line - 1).unwrap_or(0))
        .map(str::len)
        .sum();
    let rest = &source[before.min(source.len())..];
    let column = usize::try_from(column - 1).unwrap_or(0);
    before + rest.char_indices().nth(column).map_or(0, |(byte, _)| byte)
}

struct Compiler<'a> {
    offset: &'a dyn Fn(u64) -> usize,
    mistakes: Vec<Mistake>,
}

impl Compiler<'_> {
    fn node(&mut self, expression: Expression) -> Node {
        let Expr::Call(call) = &expression.expr else {
            return match expression.expr {
                Expr::Literal(LiteralValue::Boolean(truth)) => Node::Const(*truth.inner()),
                _ => self.leaf(expression),
            };
        };
        match (call.func_name.as_str(), call.args.len()) {
            (operators::LOGICAL_AND, 2) => {
                let [a, b] = self.children(expression);
                Node::And(a, b)
            }
            (operators::LOGICAL_OR, 2) => {
                let [a, b] = self.children(expression);
                Node::Or(a, b)
            }
            (operators::LOGICAL_NOT, 1) => {
                let [a] = self.children(expression);
                Node::Not(a)
            }
            (operators::CONDITIONAL, 3) => {
                let [a, b, c] = self.children(expression);
                Node::If(a, b, c)
            }
            _ => self.leaf(expression),
        }
    }

    fn children<const N: usize>(&mut self, expression: Expression) -> [Box<Node>; N] {
        let mut args = match expression.expr {
            Expr::Call(call) => call.args.into_iter(),
            _ => Vec::new().into_iter(),
        };
        std::array::from_fn(|_| Box::new(self.node(args.next().unwrap_or_default())))
    }

    fn leaf(&mut self, expression: Expression) -> Node {
        let before = self.mistakes.len();
        let mut names = Names::default();
        self.look(&expression, &mut names);
        let facts: Vec<Fact> = names.facts.into_iter().collect();
        let plain = path(&expression).and_then(|path| Fact::named(&path));
        let plain = plain.filter(|fact| fact.fact_type() == FactType::Truth);
        let leaf = Leaf {
            expression,
            facts,
            plain,
        };
        if self.mistakes.len() == before {
            self.try_types(&leaf);
        }
        Node::Leaf(leaf)
    }

    /// Runs the leaf once on sample values, so that wrong types are told at load.
    fn try_types(&mut self, leaf: &Leaf) {
        let sample = sample();
        let env = environment();
        let known = evaluate::Known::new(&leaf.facts, &sample);
        let context = known.context(&env);
        if let Err(what) = evaluate::leaf(leaf, &context) {
            let offset = (self.offset)(leaf.expression.id);
            let types = leaf.facts.iter().map(|fact| {
                let word = fact.fact_type().word();
                format!("{} is {word}", fact.name())
            });
            let types: Vec<String> = types.collect();
            let allowed = if types.is_empty() {
                "a condition that is true or false".to_owned()
            } else {
                types.join(", ")
            };
            self.mistakes.push(Mistake::new(offset, what, allowed));
        }
    }

    /// Checks names and shapes below a leaf, and gathers its facts.
    fn look(&mut self, expression: &Expression, names: &mut Names) {
        let id = expression.id;
        match &expression.expr {
            Expr::Literal(LiteralValue::Null) => {
                let allowed = "no presence test: a rule on a missing fact is unknown by itself";
                self.mistake(id, "a comparison with null", allowed);
            }
            Expr::Literal(_) | Expr::Unspecified => {}
            Expr::Ident(name) => self.name(id, name, names),
            Expr::Select(select) if select.test => {
                let allowed = "no presence test: a rule on a missing fact is unknown by itself";
                self.mistake(id, "has()", allowed);
            }
            Expr::Select(_) => match path(expression) {
                Some(path) => self.name(id, &path, names),
                None => self.mistake(id, "a member of a value", "facts, such as plate.text"),
            },
            Expr::Call(call) => self.call(id, call, names),
            Expr::List(list) => {
                for element in &list.elements {
                    self.look(element, names);
                }
            }
            Expr::Comprehension(loop_) => {
                if names.in_loop {
                    self.mistake(id, "a loop within a loop", "one loop over a written list");
                    return;
                }
                if !matches!(loop_.iter_range.expr, Expr::List(_)) {
                    self.mistake(id, "a loop over a value", "a loop over a written list");
                }
                let elements = match &loop_.iter_range.expr {
                    Expr::List(list) => list.elements.len(),
                    _ => 0,
                };
                if elements * size(&loop_.loop_step) > MOST_STEPS {
                    let allowed = "a shorter list, or less to do for each of it";
                    self.mistake(id, "a loop with too much to do", allowed);
                    return;
                }
                self.look(&loop_.iter_range, names);
                names.in_loop = true;
                names.bound = vec![loop_.iter_var.clone(), loop_.accu_var.clone()];
                names.bound.extend(loop_.iter_var2.clone());
                for part in [
                    &loop_.accu_init,
                    &loop_.loop_cond,
                    &loop_.loop_step,
                    &loop_.result,
                ] {
                    self.look(part, names);
                }
                names.in_loop = false;
                names.bound.clear();
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.look(&entry.key, names);
                        self.look(&entry.value, names);
                    }
                }
            }
            Expr::Struct(_) => self.mistake(id, "a structure", "facts, text, numbers, lists"),
        }
    }

    fn call(&mut self, id: u64, call: &CallExpr, names: &mut Names) {
        let function = call.func_name.as_str();
        // Operators have names that nobody can write.
        let operator = function.contains(['_', '@']);
        if !operator && !FUNCTIONS.contains(&function) {
            let mut mistake = Mistake::new(
                (self.offset)(id),
                format!("function `{function}` is not known"),
                FUNCTIONS.join(", "),
            );
            mistake.suggestion = nearest(function, &FUNCTIONS).map(|word| format!("`{word}`"));
            self.mistakes.push(mistake);
        }
        if let Some(target) = &call.target {
            self.look(target, names);
        }
        for argument in &call.args {
            self.look(argument, names);
        }
    }

    fn name(&mut self, id: u64, name: &str, names: &mut Names) {
        if names.bound.iter().any(|bound| bound == name) {
            return;
        }
        if let Some(fact) = Fact::named(name) {
            names.facts.insert(fact);
            return;
        }
        let known: Vec<&str> = Fact::ALL.iter().map(|fact| fact.name()).collect();
        let group = name.split('.').next().unwrap_or_default();
        let near: Vec<&str> = Fact::ALL
            .iter()
            .filter(|fact| fact.group() == group)
            .map(|fact| fact.name())
            .collect();
        let allowed = if near.is_empty() {
            known.join(", ")
        } else {
            near.join(", ")
        };
        let offset = (self.offset)(id);
        let mut mistake = Mistake::new(offset, format!("fact `{name}` is not known"), allowed);
        mistake.suggestion = nearest(name, &known).map(|word| format!("`{word}`"));
        self.mistakes.push(mistake);
    }

    fn mistake(&mut self, id: u64, what: &str, allowed: &str) {
        let offset = (self.offset)(id);
        self.mistakes.push(Mistake::new(offset, what, allowed));
    }
}

#[derive(Default)]
struct Names {
    facts: BTreeSet<Fact>,
    /// Variables of the loop around.
    bound: Vec<String>,
    in_loop: bool,
}

/// Nodes of an expression.
fn size(expression: &Expression) -> usize {
    1 + match &expression.expr {
        Expr::Call(call) => {
            let target = call.target.as_ref().map_or(0, |target| size(target));
            target + call.args.iter().map(size).sum::<usize>()
        }
        Expr::List(list) => list.elements.iter().map(size).sum(),
        Expr::Select(select) => size(&select.operand),
        Expr::Comprehension(loop_) => size(&loop_.iter_range) + size(&loop_.loop_step),
        _ => 0,
    }
}

/// `a.b.c` as text, or `None` when it is not made of names alone.
fn path(expression: &Expression) -> Option<String> {
    match &expression.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => {
            let operand = path(&select.operand)?;
            Some(format!("{operand}.{}", select.field))
        }
        _ => None,
    }
}

/// One value of the right type for every fact.
fn sample() -> Facts {
    use crate::decision::FactState;
    let mut facts = Facts::absent();
    for fact in Fact::ALL {
        let state = match fact.fact_type() {
            FactType::Text => FactState::Text("A".to_owned()),
            FactType::Truth => FactState::Truth(true),
            FactType::Number => FactState::Number(1),
            FactType::Celsius => FactState::Millidegrees(36_500),
        };
        facts.set(*fact, state);
    }
    facts
}
