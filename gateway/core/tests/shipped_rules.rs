//! The shipped sets of rules and the documents' own rule: loaded, tried by their cases, and played.

mod support;

use std::sync::Arc;

use gateway_core::facts::Fact;
use gateway_core::gate::Gate;
use gateway_core::lists::{Allowance, Holder, Household, List};
use gateway_core::moment::Moment;
use gateway_core::name::Name;
use gateway_core::plate::Card;
use gateway_core::rule::{RuleFile, RuleSet};
use gateway_core::site::{Direction, LaneKind, Site};
use support::{Driver, decisions, drive, lane, lists, site};

const SETS: [(&str, &str); 4] = [
    ("ordinary.toml", support::ORDINARY),
    (
        "strict_epidemic.toml",
        include_str!("../../../config/rules/strict_epidemic.toml"),
    ),
    (
        "night_curfew.toml",
        include_str!("../../../config/rules/night_curfew.toml"),
    ),
    (
        "school_gate.toml",
        include_str!("../../../config/rules/school_gate.toml"),
    ),
];
const README: &str = include_str!("../../../config/rules/README.md");

/// With a way out on foot, so that no case is passed over for want of a lane.
fn whole_site() -> Site {
    let mut site = site();
    let mut out = lane("walk-out-1", LaneKind::Pedestrian, Direction::Exit);
    out.needs.temperature = false;
    site.lanes.push(out);
    site
}

fn set(name: &str, site: &Site) -> RuleSet {
    let text = SETS
        .iter()
        .find(|(file, _)| *file == name)
        .expect("shipped")
        .1;
    RuleSet::load(&site.lanes, &[RuleFile { name, text }]).unwrap_or_else(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    })
}

#[test]
fn every_shipped_set_loads_and_every_rule_has_cases_that_come_true() {
    let site = whole_site();
    for (name, text) in SETS {
        let rules = set(name, &site);
        let blocks: Vec<&str> = text.split("[[rule]]\n").skip(1).collect();
        assert_eq!(rules.rules().len(), blocks.len(), "{name}");
        for (rule, block) in rules.rules().iter().zip(blocks) {
            assert!(
                block.contains("[[rule.cases]]"),
                "{name}: {} has no case",
                rule.id
            );
        }
    }
}

#[test]
fn a_set_is_refused_when_one_of_its_cases_does_not_come_true() {
    let site = whole_site();
    for (name, text) in SETS {
        let wrong = text.replacen("expect = \"true\"", "expect = \"false\"", 1);
        let file = RuleFile { name, text: &wrong };
        assert!(RuleSet::load(&site.lanes, &[file]).is_err(), "{name}");
    }
}

fn trucks() -> &'static str {
    let begin = README.find("```toml\n").expect("a rule") + "```toml\n".len();
    let end = begin + README[begin..].find("```").expect("its end");
    &README[begin..end]
}

#[test]
fn a_strangers_rule_takes_ten_lines_and_stands_in_the_document() {
    let site = whole_site();
    let lines = trucks().lines().filter(|line| !line.trim().is_empty());
    assert!(lines.count() <= 10);
    let files = [
        RuleFile {
            name: "ordinary.toml",
            text: support::ORDINARY,
        },
        RuleFile {
            name: "trucks.toml",
            text: trucks(),
        },
    ];
    let both = RuleSet::load(&site.lanes, &files).unwrap_or_else(|errors| panic!("{errors:#?}"));
    assert_eq!(
        both.rules().last().expect("one").id.as_str(),
        "trucks-by-day"
    );
}

#[test]
fn the_document_names_every_fact() {
    for fact in Fact::ALL {
        assert!(
            README.contains(&format!("`{}`", fact.name())),
            "{} is not there",
            fact.name()
        );
    }
}

/// Plays a script with a set at an hour of Monday the 1st, local time.
fn play(name: &str, hour: u64, script: &str) -> Vec<(String, String)> {
    let mut site = whole_site();
    for lane in &mut site.lanes {
        lane.needs.temperature &= name != "night_curfew.toml";
    }
    let rules = set(name, &site);
    let mut known = lists();
    let home = Holder {
        household: Some(Name::new("h1")),
        ..Holder::default()
    };
    let cards = ["AA01", "AA02", "AA03"].map(|card| (Card::new(card), home.clone()));
    known.cards = List::of(1, support::WALL_MS, cards);
    let every_second_day = Household {
        title: "1栋1单元101".to_owned(),
        exits: Some(Allowance { times: 1, days: 2 }),
    };
    known.households = List::of(1, support::WALL_MS, [(Name::new("h1"), every_second_day)]);
    let mut driver = Driver::new(Gate::new(Arc::new(site), rules, Arc::new(known), 1));
    driver.clock = Box::new(move |mut moment: Moment| {
        // The plain one begins at 16:00 local time.
        moment.wall_ms += (i64::try_from(hour).unwrap() - 16) * 3_600_000;
        moment
    });
    drive(&mut driver, script);
    let decided = decisions(&driver).into_iter();
    decided
        .map(|(_, id, verdict)| (id, format!("{verdict:?}")))
        .collect()
}

fn told(name: &str, hour: u64, script: &str) -> Vec<String> {
    let decided = play(name, hour, script).into_iter();
    decided
        .map(|(id, verdict)| format!("{id} {verdict}"))
        .collect()
}

#[test]
fn in_a_strict_period_one_person_of_a_household_goes_out_every_two_days() {
    let script = "1.0 walk-out-1 card AA01
                  20.0 walk-out-1 card AA02
                  173000.0 walk-out-1 card AA03";
    let found = told("strict_epidemic.toml", 10, script);
    assert_eq!(
        found,
        [
            "walk-out-1-1-1 Admit",
            "walk-out-1-1-2 Hold",
            "walk-out-1-1-3 Admit"
        ]
    );
}

#[test]
fn in_a_strict_period_a_card_that_is_inside_already_is_looked_at() {
    let script = "1.0 walk-1 card AA01
                  1.5 walk-1 temp 36.5
                  60.0 tls-1 card AA01
                  60.5 tls-1 temp 36.5";
    let found = told("strict_epidemic.toml", 10, script);
    assert_eq!(found, ["walk-1-1-1 Admit", "tls-1-1-1 Hold"]);
}

#[test]
fn a_curfew_begins_at_ten_and_keeps_nobody_in() {
    let script = "1.0 cam-1 plate 闽E11111 track=1
                  1.1 out-1 plate 闽E11112 track=1
                  2.0 walk-1 card FFFF";
    let by_day = told("night_curfew.toml", 21, script);
    assert_eq!(
        by_day,
        ["cam-1-1-1 Admit", "out-1-1-1 Admit", "walk-1-1-1 Hold"]
    );
    let by_night = told("night_curfew.toml", 22, script);
    assert_eq!(
        by_night,
        ["cam-1-1-1 Hold", "out-1-1-1 Admit", "walk-1-1-1 Refuse"]
    );
}

#[test]
fn a_school_lets_pupils_in_and_asks_those_who_leave_during_lessons() {
    let script = "1.0 walk-1 card AA01
                  1.5 walk-1 temp 36.5
                  2.0 walk-out-1 card AA02";
    let lessons = told("school_gate.toml", 10, script);
    assert_eq!(lessons, ["walk-1-1-1 Admit", "walk-out-1-1-1 Hold"]);
    let evening = told("school_gate.toml", 17, script);
    assert_eq!(evening, ["walk-1-1-1 Admit", "walk-out-1-1-1 Admit"]);
}
