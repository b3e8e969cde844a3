//! What rules may rest on: a fact taken away, an hour nobody knows, a pass already used.

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use gateway_core::decision::{Cause, FactState, Verdict};
use gateway_core::facts::{Fact, FactType, Facts};
use gateway_core::gate::{Gate, Input};
use gateway_core::moment::{ClockTrust, Moment, Mono};
use gateway_core::name::Name;
use gateway_core::reading::{Freshness, Reading, Trust, Value};
use proptest::prelude::*;
use support::random::counts;
use support::{Driver, decisions, lists, load, rules, site};

#[test]
fn t01_a_rule_that_asks_for_the_hour_holds_while_the_clock_is_not_trusted() {
    let file = "[[rule]]\nid = \"day\"\ntitle = { zh = \"白天\", en = \"day\" }\nverdict = \"admit\"\nwhen = \"time.hour >= 6 && card.listed\"\n\
        [[rule]]\nid = \"night\"\ntitle = { zh = \"夜间\", en = \"night\" }\nverdict = \"hold\"\nwhen = \"time.hour < 6\"\n";
    for (trust, wanted) in [
        (ClockTrust::Synchronised, Verdict::Admit),
        (ClockTrust::Unknown, Verdict::Hold),
    ] {
        let site = site();
        let set = load(&site, file).unwrap();
        let mut driver = Driver::new(Gate::new(Arc::new(site), set, Arc::new(lists()), 1));
        driver.clock = Box::new(move |mut moment: Moment| {
            moment.trust = trust;
            moment
        });
        for (ms, value) in [
            (1_000, Value::Card(gateway_core::plate::Card::new("AA01"))),
            (1_500, Value::Temperature(support::temperature(36_500))),
        ] {
            let reading = Reading {
                lane: Name::new("walk-1"),
                device: Name::new("device"),
                received: Mono::from_ms(ms),
                value,
                freshness: Freshness::Live,
                trust: Trust::Tls,
                counter: None,
            };
            driver.apply(ms, Input::Reading(reading));
        }
        let verdicts: BTreeSet<Verdict> = decisions(&driver).into_iter().map(|d| d.2).collect();
        assert_eq!(verdicts, BTreeSet::from([wanted]), "{trust:?}");
    }
}

/// Rules with every connective over facts of every need.
const TANGLED: &str = r#"
[[rule]]
id = "a"
title = { zh = "一", en = "a" }
verdict = "admit"
when = "(vehicle.listed || !card.listed) && (temperature.celsius < 37.3 ? !vehicle.watched : card.listed)"
[[rule]]
id = "b"
title = { zh = "二", en = "b" }
verdict = "admit"
when = "!(pass.valid && plate.confidence > 500) || plate.text in ['A', 'B']"
[[rule]]
id = "c"
title = { zh = "三", en = "c" }
verdict = "hold"
when = "!(temperature.celsius <= 37.3) && !plate.agrees || card.id.startsWith('A')"
[[rule]]
id = "d"
title = { zh = "四", en = "d" }
verdict = "refuse"
when = "!card.listed && !vehicle.listed && !(pass.uses_left > 0)"
"#;

fn fact_state(fact: Fact, dice: u64) -> FactState {
    match fact.fact_type() {
        FactType::Text => FactState::Text(["A", "B", "C"][(dice % 3) as usize].to_owned()),
        FactType::Truth => FactState::Truth(dice.is_multiple_of(2)),
        FactType::Number => FactState::Number((dice % 1_000) as i64),
        FactType::Celsius => FactState::Millidegrees(36_000 + (dice % 30) as i32 * 100),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: counts(10_000) as u32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn d03_taking_a_fact_away_never_turns_a_non_admit_into_an_admit(
        dice in prop::collection::vec(any::<u64>(), Fact::ALL.len()),
        absent in 0_u8..16,
        away in 0_usize..4,
        tangled in any::<bool>(),
    ) {
        thread_local! {
            static SETS: [gateway_core::rule::RuleSet; 2] =
                [rules(&site()), load(&site(), TANGLED).unwrap()];
            static LANES: Vec<gateway_core::site::Lane> = site().lanes;
        }
        let groups: [&[&str]; 4] = [&["plate", "vehicle"], &["card"], &["temperature"], &["pass"]];
        let mut facts = Facts::absent();
        for (fact, dice) in Fact::ALL.iter().zip(&dice) {
            let group = groups.iter().position(|group| group.contains(&fact.group()));
            let is_absent = group.is_some_and(|group| absent & (1 << group) != 0 && group != away);
            if !is_absent {
                facts.set(*fact, fact_state(*fact, *dice));
            }
        }
        let mut fewer = facts.clone();
        fewer.miss(groups[away], Cause::NotPresented);
        SETS.with(|sets| LANES.with(|lanes| {
            let set = &sets[usize::from(tangled)];
            for lane in lanes {
                let whole = set.evaluate(lane, &facts).verdict;
                let less = set.evaluate(lane, &fewer).verdict;
                prop_assert!(whole == Verdict::Admit || less != Verdict::Admit, "{} {whole:?} {less:?}", lane.id);
            }
            Ok(())
        }))?;
    }
}

#[test]
fn a_pass_is_used_once_even_across_a_crash() {
    let file = "[[rule]]\nid = \"pass\"\ntitle = { zh = \"访客\", en = \"visitor\" }\nverdict = \"admit\"\nwhen = \"pass.valid\"\n";
    let enter = |driver: &mut Driver, ms: u64| {
        for (after, value) in [
            (0, Value::Card(gateway_core::plate::Card::new("BB01"))),
            (500, Value::Temperature(support::temperature(36_500))),
        ] {
            let reading = Reading {
                lane: Name::new("walk-1"),
                device: Name::new("device"),
                received: Mono::from_ms(ms + after),
                value,
                freshness: Freshness::Live,
                trust: Trust::Tls,
                counter: None,
            };
            driver.apply(ms + after, Input::Reading(reading));
        }
    };
    let new_gate = || {
        let site = site();
        let set = load(&site, file).unwrap();
        Gate::new(Arc::new(site), set, Arc::new(lists()), 1)
    };
    let mut driver = Driver::new(new_gate());
    enter(&mut driver, 1_000);
    assert_eq!(decisions(&driver).last().unwrap().2, Verdict::Admit);
    let mut gate = new_gate();
    for (index, event) in driver.events().enumerate() {
        gate.recover(index as u64 + 1, event);
    }
    let mut again = Driver::new(gate);
    enter(&mut again, 5_000);
    assert_eq!(decisions(&again).last().unwrap().2, Verdict::Hold);
}
