//! A trial over the journal: recorded decisions, the newest first, in slices beside the gate.

use std::time::{Duration, Instant};

use gateway_core::event::{EventKind, PartKind};
use gateway_core::moment::{ClockTrust, Moment};
use gateway_core::rule::RuleSet;
use gateway_core::rule::trial::{Admitted, Change, Changed, Example, Recorded, Tally};
use gateway_core::site::Site;
use gateway_store::record::PartState;
use gateway_store::{Reader, Stored, decode};
use gateway_wire::api::{RuleCount, TrialAdmitted, TrialChange, TrialExample, TrialReport};

/// Records of one slice: some milliseconds of work.
const SLICE: u64 = 512;

/// Between two slices, while the gate has something to do.
const GIVES_WAY: Duration = Duration::from_millis(2);

const DAY_MS: i64 = 86_400_000;

/// What a trial goes over.
pub struct Over<'a> {
    pub reader: &'a Reader,
    pub site: &'a Site,
    pub busy: &'a (dyn Fn() -> bool + Send + Sync),
    pub now: Moment,
    pub days: u32,
}

/// Tries `draft` against what was recorded; `in_force` are the rules that it would replace.
pub fn run(over: &Over<'_>, draft: &RuleSet, in_force: &RuleSet) -> TrialReport {
    let begun = Instant::now();
    let mut tally = Tally::default();
    let (mut passages, mut damaged) = (0, 0);
    let since = since(over);
    let mut to = over.reader.last();
    while to > 0 {
        let from = to.saturating_sub(SLICE - 1).max(1);
        let sifted = over.reader.sift(from, to, &[EventKind::Decision]);
        damaged += sifted.damaged;
        for stored in sifted.found.iter().rev() {
            let header = &stored.header;
            if header.clock != ClockTrust::Unknown && header.wall_ms < since {
                continue;
            }
            passages += 1;
            let erased = erased(stored);
            let Ok(event) = decode(stored) else {
                damaged += 1;
                continue;
            };
            match Recorded::of(&event, &erased) {
                Some(recorded) => {
                    let lane = over.site.lane(&recorded.lane);
                    let place = (stored.number(), header.wall_ms);
                    tally.take((draft, in_force), lane, &recorded, place);
                }
                None if erased.is_empty() => damaged += 1,
                None => tally.erased += 1,
            }
        }
        if sifted.latest_ms.is_some_and(|latest| latest < since) {
            break;
        }
        to = from - 1;
        if (over.busy)() {
            std::thread::sleep(GIVES_WAY);
        }
    }
    let mut report = report(&tally);
    report.version = draft.version().to_owned();
    report.rules = draft.rules().len() as u64;
    report.days = over.days;
    report.passages = passages;
    report.damaged = damaged;
    report.took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    report
}

/// What is older is not tried. While nobody knows the time, nothing is too old.
fn since(over: &Over<'_>) -> i64 {
    match over.now.trust {
        ClockTrust::Unknown => i64::MIN,
        _ => over.now.wall_ms - i64::from(over.days) * DAY_MS,
    }
}

/// Kinds of the parts that retention took.
pub fn erased(stored: &Stored) -> Vec<PartKind> {
    stored
        .parts()
        .filter(|(_, _, state)| matches!(state, PartState::Erased))
        .map(|(kind, _, _)| kind)
        .collect()
}

fn report(tally: &Tally) -> TrialReport {
    TrialReport {
        tried: tally.tried(),
        unchanged: tally.unchanged,
        changed: tally.changed(),
        erased: tally.erased,
        not_recorded: tally.not_recorded,
        other_lanes: tally.other_lanes,
        changes: tally.changes.iter().map(change).collect(),
        watched_admitted: admitted(&tally.watched_admitted),
        admitted_if_watched: admitted(&tally.admitted_if_watched),
        ..TrialReport::default()
    }
}

fn change((change, changed): (&Change, &Changed)) -> TrialChange {
    let counts = |counts: &std::collections::BTreeMap<Option<gateway_core::name::Name>, u64>| {
        let mut counts: Vec<RuleCount> = counts
            .iter()
            .map(|(rule, count)| RuleCount {
                rule: rule.as_ref().map(ToString::to_string),
                count: *count,
            })
            .collect();
        counts.sort_by_key(|rule| std::cmp::Reverse(rule.count));
        counts
    };
    TrialChange {
        from: change.from.into(),
        to: change.to.into(),
        count: changed.count,
        now: counts(&changed.now),
        before: counts(&changed.before),
        examples: changed.examples.iter().map(example).collect(),
    }
}

fn admitted(admitted: &Admitted) -> TrialAdmitted {
    TrialAdmitted {
        count: admitted.count,
        examples: admitted.examples.iter().map(example).collect(),
    }
}

fn example(example: &Example) -> TrialExample {
    TrialExample {
        passage: example.passage.to_string(),
        lane: example.lane.to_string(),
        number: example.number,
        at_ms: example.at_ms,
        rules: example.rules.iter().map(ToString::to_string).collect(),
    }
}
