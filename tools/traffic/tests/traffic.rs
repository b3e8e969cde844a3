//! What every simulator relies on: the plan is deterministic, complete and correct in grammar.

use std::collections::{BTreeSet, HashSet};

use traffic::{Kind, LaneKind, PROVINCES, PlateKind, Scenario, Spec, Verdict, Why, write_truth};

fn minute(seed: u64) -> Scenario {
    Scenario::generate(&Spec::seconds(seed, 60))
}

#[test]
fn the_same_seed_gives_the_same_day_and_another_seed_another() {
    assert_eq!(minute(7), minute(7));
    assert_ne!(minute(7), minute(8));
}

#[test]
fn a_longer_day_begins_like_a_shorter_one() {
    let (short, long) = (minute(3), Scenario::generate(&Spec::seconds(3, 3600)));
    for (short, long) in short.lanes.iter().zip(&long.lanes) {
        assert_eq!(short.arrivals[..], long.arrivals[..short.arrivals.len()]);
    }
    assert_eq!(short.lists(), long.lists());
}

#[test]
fn a_minute_has_eight_vehicles_a_lane_and_twenty_four_persons() {
    for seed in 0..200 {
        for lane in &minute(seed).lanes {
            let done = lane
                .arrivals
                .iter()
                .filter(|arrival| arrival.gone_ms <= 60_000)
                .count();
            let least = if lane.kind == LaneKind::Walk { 24 } else { 8 };
            assert!(done >= least, "seed {seed}, lane {}: {done}", lane.name);
        }
    }
}

#[test]
fn nobody_comes_before_the_one_ahead_is_gone() {
    for lane in Scenario::generate(&Spec::seconds(11, 3600)).lanes {
        for pair in lane.arrivals.windows(2) {
            assert!(
                pair[1].appear_ms > pair[0].gone_ms,
                "{} and {}",
                pair[0].id,
                pair[1].id
            );
        }
    }
}

#[test]
fn a_minute_shows_every_kind_of_plate_and_every_reason() {
    for seed in 0..50 {
        let scenario = Scenario::generate(&Spec::seconds(seed, 180));
        let whys: HashSet<Why> = scenario
            .timeline()
            .iter()
            .map(|(_, arrival)| arrival.why)
            .collect();
        assert_eq!(whys.len(), 10, "seed {seed}: {whys:?}");
        let kinds: HashSet<PlateKind> = plates(&scenario)
            .into_iter()
            .map(|(_, kind)| kind)
            .collect();
        assert_eq!(kinds.len(), PlateKind::ALL.len(), "seed {seed}: {kinds:?}");
    }
}

#[test]
fn expected_verdicts_follow_from_lists_and_values() {
    let scenario = Scenario::generate(&Spec::seconds(5, 1200));
    let keys = |rows: &[traffic::Row]| {
        rows.iter()
            .map(|row| row.key.clone())
            .collect::<HashSet<_>>()
    };
    let (vehicles, cards) = (
        keys(&scenario.lists().vehicles),
        keys(&scenario.lists().cards),
    );
    let watched = keys(&scenario.lists().watched);
    for (lane, arrival) in scenario.timeline() {
        let verdict = match &arrival.kind {
            Kind::Vehicle {
                plate,
                listed,
                watched: is_watched,
                ..
            } => {
                assert_eq!(*listed, vehicles.contains(&plate.text));
                assert_eq!(*is_watched, watched.contains(&plate.text));
                if *is_watched || (lane == "in-1" && !listed) {
                    Verdict::Hold
                } else {
                    Verdict::Admit
                }
            }
            Kind::Person {
                card: Some(card), ..
            } if !cards.contains(card) => Verdict::Refuse,
            Kind::Person {
                card: Some(_),
                celsius_milli: Some(35_000..=37_300),
                ..
            } => Verdict::Admit,
            Kind::Person { .. } => Verdict::Hold,
        };
        assert_eq!(arrival.expected, verdict, "{}", arrival.id);
    }
}

#[test]
fn plates_obey_the_grammar_and_come_from_every_province() {
    let mut provinces = BTreeSet::new();
    for seed in 0..20 {
        for (text, kind) in plates(&Scenario::generate(&Spec::seconds(seed, 1800))) {
            let chars: Vec<char> = text.chars().collect();
            let green = matches!(kind, PlateKind::GreenSmall | PlateKind::GreenLarge);
            assert_eq!(chars.len(), if green { 8 } else { 7 }, "{text}");
            assert!(
                PROVINCES.iter().any(|(name, _)| *name == chars[0]),
                "{text}"
            );
            assert!(!chars.contains(&'I') && !chars.contains(&'O'), "{text}");
            let last = *chars.last().unwrap();
            match kind {
                PlateKind::GreenSmall => {
                    assert!("ABCDEFGHJK".contains(chars[2]), "{text}");
                    assert!(chars[4..].iter().all(char::is_ascii_digit), "{text}");
                }
                PlateKind::GreenLarge => {
                    assert!("ABCDEFGHJK".contains(last), "{text}");
                    assert!(chars[2..7].iter().all(char::is_ascii_digit), "{text}");
                }
                PlateKind::Police => assert_eq!(last, '警'),
                PlateKind::Learner => assert_eq!(last, '学'),
                PlateKind::HkMacau => assert!(text.starts_with("粤Z") && "港澳".contains(last)),
                PlateKind::YellowTwoRow => assert!(last == '挂' || last.is_ascii_alphanumeric()),
                PlateKind::Blue | PlateKind::YellowOneRow => {
                    assert!(chars[1..].iter().all(char::is_ascii_alphanumeric), "{text}");
                }
            }
            provinces.insert(chars[0]);
        }
    }
    assert_eq!(provinces.len(), 31);
}

#[test]
fn lists_are_written_as_csv_and_truth_as_json_lines() {
    let scenario = minute(1);
    let folder = std::env::temp_dir().join(format!("traffic-lists-{}", std::process::id()));
    scenario.lists().write_csv(&folder).unwrap();
    let vehicles = std::fs::read_to_string(folder.join("vehicles.csv")).unwrap();
    assert!(vehicles.starts_with("plate,holder\n"));
    assert_eq!(
        vehicles.lines().count(),
        scenario.lists().vehicles.len() + 1
    );
    assert!(vehicles.lines().all(|line| line.matches(',').count() == 1));
    std::fs::remove_dir_all(&folder).unwrap();

    let mut truth = Vec::new();
    write_truth(&scenario, &["in-1".to_owned()], &mut truth).unwrap();
    let first: serde_json::Value =
        serde_json::from_str(String::from_utf8(truth).unwrap().lines().next().unwrap()).unwrap();
    assert_eq!(first["lane"], "in-1");
    assert_eq!(first["who"], "vehicle");
    assert!(first["plate"]["text"].is_string() && first["at_ms"].is_u64());
}

fn plates(scenario: &Scenario) -> Vec<(String, PlateKind)> {
    let vehicle = |kind: &Kind| match kind {
        Kind::Vehicle { plate, .. } => Some((plate.text.clone(), plate.kind)),
        Kind::Person { .. } => None,
    };
    scenario
        .timeline()
        .iter()
        .filter_map(|(_, arrival)| vehicle(&arrival.kind))
        .collect()
}
