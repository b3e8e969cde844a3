//! Rule files: what is refused at load and where, three values, cases, and rules that measure again.

mod support;

use std::sync::Arc;

use gateway_core::decision::{Cause, FactState, Outcome, Verdict};
use gateway_core::facts::{Fact, Facts};
use gateway_core::gate::{Gate, Input, Output};
use gateway_core::name::Name;
use gateway_core::plate::Card;
use gateway_core::reading::{Freshness, Reading, Trust, Value};
use gateway_core::rule::RuleSet;
use proptest::prelude::*;
use support::{Driver, at, lists, load, site};

fn rule(when: &str, verdict: &str) -> String {
    format!(
        "[[rule]]\nid = \"r\"\ntitle = {{ zh = \"一\", en = \"one\" }}\nverdict = \"{verdict}\"\nwhen = '''{when}'''\n"
    )
}

fn set(when: &str, verdict: &str) -> RuleSet {
    load(&site(), &rule(when, verdict)).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// Loads a rule and compares its first mistake: the offset in its text, and what it says.
fn compare(when: &str, offset: usize, what: &str) -> Option<String> {
    let errors = load(&site(), &rule(when, "hold")).unwrap_err();
    let told = errors[0].to_string();
    let fits = told.contains(what) && (errors[0].line, errors[0].column) == (5, 11 + offset);
    (!fits).then(|| format!("{when}: offset {}: {told}", errors[0].column - 11))
}

fn outcome(when: &str, given: &[(Fact, FactState)]) -> Outcome {
    let set = set(when, "hold");
    let mut facts = Facts::absent();
    for (fact, state) in given {
        facts.set(*fact, state.clone());
    }
    set.evaluate(&site().lanes[0], &facts).outcomes[0].outcome
}

fn text(text: &str) -> FactState {
    FactState::Text(text.to_owned())
}

const MISSING: FactState = FactState::Missing(Cause::NotPresented);

#[test]
fn the_ordinary_rules_load_and_their_version_is_stable() {
    let site = site();
    let set = support::rules(&site);
    assert_eq!(set.rules().len(), 10);
    assert_eq!(set.version().len(), 16);
    assert_eq!(set.version(), support::rules(&site).version());
    assert_ne!(set.version(), RuleSet::empty().version());
}

#[test]
fn every_mistake_of_a_file_is_told_with_its_place_and_a_suggestion() {
    let file = r#"
[[rule]]
id = "one"
titel = { zh = "一", en = "one" }
when = "plate.txt == 'A' && has(plate.text)"
verdict = "admitt"
lanes = ["in-2", "vehicle"]

[[rule]]
id = "one two"
title = { zh = "二" }
when = "true"
verdict = "hold"
alert = { severity = "loud", roles = ["gard"], message = { zh = "一", en = "one" } }
"#;
    let errors = load(&site(), file).unwrap_err();
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let all = told.join("\n");
    for wanted in [
        "r.toml:2:1: `title` is not there",
        "r.toml:4:1: key `titel` is not known",
        "did you mean `title`?",
        "r.toml:5:",
        "fact `plate.txt` is not known",
        "did you mean `plate.text`?",
        "has()",
        "r.toml:6:11: verdict `admitt` is not known",
        "did you mean `admit`?",
        "r.toml:7:10: lane `in-2` is not known",
        "r.toml:10:6: not a name",
        "`en` is not there",
        "severity `loud` is not known",
        "role `gard` is not known",
        "did you mean `guard`?",
    ] {
        assert!(all.contains(wanted), "missing {wanted:?} in\n{all}");
    }
    let places: Vec<(usize, usize)> = errors.iter().map(|e| (e.line, e.column)).collect();
    assert!(places.is_sorted(), "{all}");
}

#[test]
fn broken_toml_and_ids_used_twice_are_told() {
    assert!(load(&site(), "[[rule]\nid = ").is_err());
    let twice = rule("true", "hold").repeat(2);
    let errors = load(&site(), &twice).unwrap_err();
    assert!(
        errors[0]
            .to_string()
            .contains("r.toml:6:1: rule id `r` was used before"),
        "{}",
        errors[0]
    );
}

#[test]
fn a_case_that_does_not_hold_is_refused_at_its_line() {
    let file = rule("vehicle.listed", "admit")
        + "[[rule.cases]]\ngiven = { \"vehicle.listed\" = false }\nexpect = \"true\"\nverdict = \"admit\"\n";
    let errors = load(&site(), &file).unwrap_err();
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "r.toml:6:1: rule `r` is false here; allowed: true, as the case expects",
            "r.toml:6:1: the rules together say hold here; allowed: admit, as the case expects",
        ]
    );
}

#[test]
fn d04_expressions_that_could_hurt_are_refused_at_load_with_their_place() {
    let long = format!("lane.id == '{}'", "x".repeat(2_048));
    let many = format!("1{} > 0", "+1".repeat(64));
    let deep = format!("{}true{}", "(".repeat(17), ")".repeat(17));
    let wrong: Vec<String> = [
        (long.as_str(), 2_048, "too long"),
        (&"!".repeat(65), 64, "too many operators"),
        (&many, 130, "too many operators"),
        (&deep, 16, "brackets too deep"),
        ("lane.id == 'a", 11, "without its end"),
        ("lane.id == r'\\' || true", 11, "with a prefix"),
        ("lane.id == null", 11, "null"),
        ("has(lane.id)", 3, "has()"),
        ("[1].all(x, [2].all(y, x < y))", 18, "loop within a loop"),
        ("lane.id.all(x, true)", 11, "loop over a value"),
        ("lane.id == lane.name", 15, "fact `lane.name` is not known"),
        (
            "lane.id.matches('a')",
            15,
            "function `matches` is not known",
        ),
        ("lane.id", 4, "neither true nor false"),
        (
            "temperature.celsius > 'warm'",
            20,
            "celsius is degrees Celsius",
        ),
        ("lane.id ==", 10, ""),
        ("lane.id == )", 11, ""),
    ]
    .into_iter()
    .filter_map(|(when, offset, what)| compare(when, offset, what))
    .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn d04_no_text_makes_loading_or_trying_panic(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "plate.text", "card.listed", "temperature.celsius", "time.hour", "(", ")", "[", "]",
                "{", "}", "&&", "||", "!", "?", ":", "==", "<", " in ", "'", "\"", "\\", "1", "0",
                "37.3", "-", "/", "%", "+", ".", ",", "all", "exists", "map", "x", "has", "null",
                "size", "true", "警", "\n", " ", "9223372036854775807", "`", "//",
            ]),
            0..40,
        )
    ) {
        let when = pieces.concat();
        if let Ok(set) = load(&site(), &rule(&when, "hold")) {
            let _ = set.evaluate(&site().lanes[0], &Facts::absent());
        }
    }
}

#[test]
fn a_missing_fact_makes_a_rule_unknown_unless_the_rest_decides() {
    let listed = |truth| (Fact::VehicleListed, FactState::Truth(truth));
    let card = (Fact::CardListed, MISSING);
    let both = "vehicle.listed && card.listed";
    assert_eq!(
        outcome(both, &[listed(true), card.clone()]),
        Outcome::Unknown
    );
    assert_eq!(
        outcome(both, &[listed(false), card.clone()]),
        Outcome::False
    );
    let either = "card.listed || vehicle.listed";
    assert_eq!(
        outcome(either, &[listed(true), card.clone()]),
        Outcome::True
    );
    assert_eq!(
        outcome(either, &[listed(false), card.clone()]),
        Outcome::Unknown
    );
    assert_eq!(
        outcome("!(card.listed)", std::slice::from_ref(&card)),
        Outcome::Unknown
    );
    let choice = "card.listed ? vehicle.listed : true";
    assert_eq!(
        outcome(choice, &[listed(true), card.clone()]),
        Outcome::True
    );
    assert_eq!(outcome(choice, &[listed(false), card]), Outcome::Unknown);
}

#[test]
fn an_absent_fact_makes_its_atom_false_also_under_a_negation() {
    assert_eq!(outcome("card.listed", &[]), Outcome::False);
    assert_eq!(outcome("!card.listed", &[]), Outcome::False);
    assert_eq!(
        outcome("!(card.listed || !vehicle.listed)", &[]),
        Outcome::False
    );
    assert_eq!(outcome("card.id != 'AA'", &[]), Outcome::False);
}

#[test]
fn values_compare_as_a_person_expects() {
    let celsius = |m| [(Fact::TemperatureCelsius, FactState::Millidegrees(m))];
    assert_eq!(
        outcome("temperature.celsius > 37.3", &celsius(37_300)),
        Outcome::False
    );
    assert_eq!(
        outcome("temperature.celsius <= 37.3", &celsius(37_300)),
        Outcome::True
    );
    assert_eq!(
        outcome("temperature.celsius > 37", &celsius(37_100)),
        Outcome::True
    );
    let plate = [(Fact::PlateText, text("闽E12345"))];
    assert_eq!(
        outcome("plate.text.startsWith('闽E')", &plate),
        Outcome::True
    );
    assert_eq!(
        outcome("plate.text in ['闽E12345', '闽E1']", &plate),
        Outcome::True
    );
    let one_of = "['闽', '粤'].exists(p, plate.text.startsWith(p))";
    assert_eq!(outcome(one_of, &plate), Outcome::True);
    let hour = [(Fact::TimeHour, FactState::Number(0))];
    assert_eq!(outcome("24 / time.hour > 1", &hour), Outcome::Fault);
}

#[test]
fn a_fault_holds_and_nothing_admits_by_default() {
    let mut facts = Facts::absent();
    facts.set(Fact::TimeHour, FactState::Number(0));
    let lane = &site().lanes[0];
    let faulty = set("24 / time.hour > 1", "admit").evaluate(lane, &facts);
    assert_eq!((faulty.verdict, faulty.no_rule), (Verdict::Hold, false));
    let empty = RuleSet::empty().evaluate(lane, &facts);
    assert_eq!((empty.verdict, empty.no_rule), (Verdict::Hold, true));
    let refuse = rule("true", "refuse") + &rule("true", "admit").replace("\"r\"", "\"s\"");
    let both = load(&site(), &refuse).unwrap().evaluate(lane, &facts);
    assert_eq!(both.verdict, Verdict::Refuse);
}

#[test]
fn a_rule_that_asks_again_lets_the_wait_start_anew_at_most_twice() {
    let file = rule("temperature.celsius > 37.3", "hold")
        + "again = \"temperature\"\n"
        + &rule("card.listed && temperature.celsius <= 37.3", "admit").replace("\"r\"", "\"s\"");
    let walk = |temperatures: &[u64]| {
        let site = site();
        let set = load(&site, &file).unwrap();
        let mut driver = Driver::new(Gate::new(Arc::new(site), set, Arc::new(lists()), 1));
        let reading = |ms, value| {
            Input::Reading(Reading {
                lane: Name::new("walk-1"),
                device: Name::new("thermo-1"),
                received: at(ms).mono,
                value,
                freshness: Freshness::Live,
                trust: Trust::Tls,
                counter: None,
            })
        };
        driver.apply(1_000, reading(1_000, Value::Card(Card::new("AA01"))));
        let mut ms = 1_000;
        for celsius in temperatures {
            ms += 500;
            let value = Value::Temperature(support::temperature(*celsius));
            driver.apply(ms, reading(ms, value));
        }
        driver.run_to(6_000);
        let asked = driver
            .log
            .iter()
            .filter(|(_, o)| matches!(o, Output::Ask { .. }))
            .count();
        let view = driver
            .gate
            .views()
            .into_iter()
            .find(|v| v.lane.as_str() == "walk-1");
        let verdict = view
            .and_then(|v| v.passage)
            .and_then(|p| p.decision)
            .map(|d| d.verdict);
        (asked, verdict)
    };
    assert_eq!(walk(&[37_500, 36_800]), (1, Some(Verdict::Admit)));
    assert_eq!(walk(&[37_500, 37_600, 37_700]), (2, Some(Verdict::Hold)));
    assert_eq!(walk(&[37_500]), (1, Some(Verdict::Hold)));
}

#[test]
fn what_a_rule_file_cannot_mean_is_refused() {
    let refused = |text: &str| {
        let errors = load(&site(), text).err().unwrap_or_default();
        errors.iter().map(ToString::to_string).collect::<String>()
    };
    let hold = rule("card.listed", "hold");
    let none = refused(&(hold.clone() + "lanes = []\n"));
    assert!(none.contains("`lanes` is empty"), "{none}");
    let again = rule("card.listed", "admit") + "again = \"card\"\n";
    assert!(refused(&again).contains("`again` on a rule that admits"));
    let case = |given: &str| {
        let given = format!("given = {{ \"card.listed\" = {given} }}");
        refused(&format!(
            "{hold}[[rule.cases]]\n{given}\nverdict = \"hold\"\n"
        ))
    };
    assert!(case("{ missing = \"unreadable\", age = 3 }").contains("key `age` is not known"));
    assert!(case("{ }").contains("missing"));
    let list = vec!["1"; 70].join(",");
    let long = refused(&rule(&format!("time.hour in [{list}]"), "hold"));
    assert!(long.contains("too many commas"), "{long}");
}
