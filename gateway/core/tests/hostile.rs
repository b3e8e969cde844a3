//! D-4: a thousand hostile rules by a generator, half of them within every limit.
//!
//! Those outside are refused with their place and the old set stays; those within are tried, and
//! what cannot be tried holds. None crashes or hangs. What one costs is printed by the bench.

mod support;

use std::sync::Arc;

use gateway_core::decision::{FactState, Outcome, Verdict};
use gateway_core::facts::{Fact, FactType, Facts};
use gateway_core::gate::Gate;
use support::{hostile, lists, load, rules, site};

/// The stack of the gate's thread.
const STACK: usize = 64 * 1024 * 1024;

fn some_facts() -> Facts {
    let mut facts = Facts::absent();
    for fact in Fact::ALL {
        let state = match fact.fact_type() {
            FactType::Text => FactState::Text("闽E12345".repeat(4)),
            FactType::Truth => FactState::Truth(true),
            FactType::Number => FactState::Number(i64::MAX),
            FactType::Celsius => FactState::Millidegrees(i32::MIN),
        };
        facts.set(*fact, state);
    }
    facts
}

fn rule(when: &str) -> String {
    let quoted = when.replace('\\', "\\\\").replace('"', "\\\"");
    format!(
        "[[rule]]\nid = \"hostile\"\ntitle = {{ zh = \"一\", en = \"one\" }}\nverdict = \"admit\"\nwhen = \"{quoted}\"\n"
    )
}

#[test]
fn d04_of_a_thousand_hostile_rules_those_outside_the_limits_are_refused_with_their_place() {
    let tried = std::thread::Builder::new().stack_size(STACK).spawn(try_all);
    let (outside, within, loaded) = tried.expect("a thread").join().expect("no panic");
    assert_eq!((outside, within), (500, 500));
    assert!(
        loaded > 400,
        "only {loaded} of those within the limits mean something"
    );
}

fn try_all() -> (usize, usize, usize) {
    let site = Arc::new(site());
    let facts = some_facts();
    let mut gate = Gate::new(Arc::clone(&site), rules(&site), Arc::new(lists()), 1);
    let version = gate.rules().version().to_owned();
    let (mut outside, mut within, mut loaded) = (0, 0, 0);
    for (number, hostile) in hostile::rules(4).take(1_000).enumerate() {
        let read = load(&site, &rule(&hostile.when));
        if !hostile.within {
            outside += 1;
            let errors = read
                .err()
                .unwrap_or_else(|| panic!("{number}: {}", hostile.when));
            let first = &errors[0];
            assert_eq!(first.line, 5, "{number}: {first}");
            assert!(
                first.column > 8 && !first.allowed.is_empty(),
                "{number}: {first}"
            );
            assert_eq!(gate.rules().version(), version);
            continue;
        }
        within += 1;
        let Ok(set) = read else { continue };
        loaded += 1;
        let evaluation = set.evaluate(&site.lanes[0], &facts);
        if evaluation.outcomes[0].outcome == Outcome::Fault {
            assert_eq!(
                evaluation.verdict,
                Verdict::Hold,
                "{number}: {}",
                hostile.when
            );
        }
        let old = gate.swap_rules(set);
        gate.swap_rules(old);
    }
    (outside, within, loaded)
}
