//! Trying rules on recorded decisions: the same rules say the same, others are counted by how and
//! by which rule, what cannot be known is counted apart, and what is watched for is never let in
//! by the way.

mod support;

use gateway_core::decision::Verdict;
use gateway_core::event::{Class, Event, EventKind};
use gateway_core::rule::RuleSet;
use gateway_core::rule::trial::{Change, Recorded, Tally};
use support::{Driver, gate, load, site};

const DAY: &str = "1.0 in-1 plate 闽E11111
     20.0 in-1 plate 闽E99999
     40.0 in-1 refuse in-1-1-2
     60.0 in-1 plate 闽E66666
     80.0 walk-1 card AA01
     80.5 walk-1 temp 36.5
     100.0 walk-1 card AA02
     100.5 walk-1 temp 38.2
     160.0 end";

fn decisions() -> Vec<Event> {
    let mut driver = Driver::new(gate());
    support::drive(&mut driver, DAY);
    let decisions = driver
        .events()
        .filter(|event| event.kind == EventKind::Decision);
    decisions.cloned().collect()
}

fn recorded(event: &Event) -> Recorded {
    Recorded::of(event, &[]).expect("a decision")
}

fn tally(draft: &RuleSet, events: &[Event]) -> Tally {
    let site = site();
    let in_force = support::rules(&site);
    let mut tally = Tally::default();
    for (number, event) in (1..).zip(events) {
        let recorded = recorded(event);
        let lane = site.lane(&recorded.lane);
        tally.take(
            (draft, &in_force),
            lane,
            &recorded,
            (number, event.at.wall_ms),
        );
    }
    tally
}

fn change(from: Verdict, to: Verdict) -> Change {
    Change { from, to }
}

#[test]
fn the_rules_of_the_day_decide_each_recorded_passage_as_it_was_decided() {
    let (site, events) = (site(), decisions());
    let rules = support::rules(&site);
    assert!(events.len() >= 4, "{}", events.len());
    for event in &events {
        let recorded = recorded(event);
        let lane = site.lane(&recorded.lane).expect("a lane");
        let again = rules
            .redecide(lane, &recorded)
            .expect("all facts are there");
        assert!(again.is(&recorded.decision), "{:?}", recorded.passage);
    }
    let tally = tally(&rules, &events);
    assert_eq!(tally.unchanged, events.len() as u64);
    assert_eq!((tally.changed(), tally.admits_watched()), (0, false));
}

#[test]
fn changes_are_counted_by_how_and_by_rule_with_examples() {
    let draft =
        support::ORDINARY.replace("temperature.celsius > 37.3", "temperature.celsius > 39.0");
    let draft = draft.replace("<= 37.3", "<= 39.0");
    let draft: String = strip_cases(&draft);
    let draft = load(&site(), &draft).expect("loads");
    let tally = tally(&draft, &decisions());
    let admitted = &tally.changes[&change(Verdict::Hold, Verdict::Admit)];
    assert_eq!(admitted.count, 1, "{tally:#?}");
    let now: Vec<_> = admitted
        .now
        .keys()
        .flatten()
        .map(|rule| rule.as_str())
        .collect();
    let before: Vec<_> = admitted
        .before
        .keys()
        .flatten()
        .map(|rule| rule.as_str())
        .collect();
    assert_eq!(now.len(), 1, "{now:?}");
    assert!(!before.is_empty() && before != now, "{before:?}");
    assert_eq!(admitted.examples.len(), 1);
    assert_eq!(admitted.examples[0].lane.as_str(), "walk-1");
    assert!(!tally.admits_watched());
}

/// Cases belong to the numbers that these tests change.
fn strip_cases(text: &str) -> String {
    let mut kept = String::new();
    let mut in_case = false;
    for line in text.lines() {
        if line.starts_with("[[") || line.starts_with("[rule.") {
            in_case = line == "[[rule.cases]]";
        }
        if !in_case {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

fn rule(id: &str, when: &str, verdict: &str) -> String {
    format!(
        "[[rule]]\nid = \"{id}\"\ntitle = {{ zh = \"一\", en = \"one\" }}\nverdict = \"{verdict}\"\nwhen = '''{when}'''\n"
    )
}

#[test]
fn a_draft_that_lets_a_watched_plate_in_says_so() {
    let draft = load(&site(), &rule("all", "plate.confidence > 0", "admit")).expect("loads");
    let tally = tally(&draft, &decisions());
    assert!(tally.admits_watched());
    assert_eq!(tally.watched_admitted.count, 1);
    assert_eq!(tally.watched_admitted.examples[0].rules.len(), 1);
    assert!(
        tally
            .changes
            .contains_key(&change(Verdict::Hold, Verdict::Admit))
    );
}

#[test]
fn a_draft_that_forgets_the_watched_plates_is_found_out_without_one_having_come() {
    let events: Vec<Event> = decisions().into_iter().take(1).collect();
    let draft = load(&site(), &rule("listed", "vehicle.listed", "admit")).expect("loads");
    let tally = tally(&draft, &events);
    assert_eq!((tally.unchanged, tally.watched_admitted.count), (1, 0));
    assert_eq!(tally.admitted_if_watched.count, 1);
    assert!(tally.admits_watched());
}

#[test]
fn erased_facts_are_counted_apart_and_only_where_a_rule_asks_for_them() {
    let (site, events) = (site(), decisions());
    let rules = support::rules(&site);
    let plates_only = load(&site, &rule("listed", "vehicle.listed", "admit")).expect("loads");
    let mut tally = [Tally::default(), Tally::default()];
    for event in &events {
        let mut event = event.clone();
        let health = event.parts.iter();
        let health = health.filter(|part| part.class == Class::Temperature);
        let erased: Vec<_> = health.map(|part| part.kind).collect();
        event.parts.retain(|part| part.class != Class::Temperature);
        let recorded = Recorded::of(&event, &erased).expect("a decision");
        let lane = site.lane(&recorded.lane);
        for (set, tally) in [&rules, &plates_only].into_iter().zip(&mut tally) {
            tally.take((set, &rules), lane, &recorded, (1, 0));
        }
    }
    assert_eq!(tally[0].erased, 2, "{:#?}", tally[0]);
    assert_eq!(tally[0].tried(), events.len() as u64 - 2);
    assert_eq!(tally[1].erased, 0);
    assert_eq!(tally[1].tried(), events.len() as u64);
}

#[test]
fn a_missing_need_still_holds_whatever_the_draft_says() {
    let mut driver = Driver::new(gate());
    support::drive(&mut driver, "1.0 in-1 loop on\n30.0 end");
    let event = driver
        .events()
        .find(|event| event.kind == EventKind::Decision);
    let draft = load(&site(), &rule("all", "lane.kind == 'vehicle'", "admit")).expect("loads");
    let tally = tally(&draft, &[event.expect("a decision").clone()]);
    assert_eq!((tally.unchanged, tally.changed()), (1, 0));
}

#[test]
fn a_lane_that_is_gone_is_counted_apart() {
    let events = decisions();
    let rules = support::rules(&site());
    let mut tally = Tally::default();
    tally.take((&rules, &rules), None, &recorded(&events[0]), (1, 0));
    assert_eq!((tally.other_lanes, tally.tried()), (1, 0));
}
