//! Who went in and out, and what is used up by that: passes, households' exits, anti-passback.
//!
//! What is remembered is bounded: [`SEEN_REMEMBERED`], [`USES_REMEMBERED`], [`HOUSEHOLDS`]. A pass
//! that could not be remembered is none (`is_full_for`), so that it is never used twice unseen.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::decision::FactState;
use crate::event::{Body, Event};
use crate::lists::Allowance;
use crate::moment::{ClockTrust, Moment, Mono};
use crate::name::Name;

/// Plates and cards whose last passage is remembered; beyond that the newest are not.
pub const SEEN_REMEMBERED: usize = 65_536;
/// Passes whose uses are remembered; beyond that no limited pass is valid that was not used before.
pub const USES_REMEMBERED: usize = 65_536;
/// Households whose exits are remembered; beyond that the newest have none.
const HOUSEHOLDS: usize = 16_384;
/// Below so many nothing is forgotten before its time.
const WORTH_PRUNING: usize = 4_096;
/// Whoever was outside for so long is forgotten, and a pass that ended so long ago.
const DAYS_KEPT: i64 = 31;
const DAY_MS: i64 = 86_400_000;

/// The code of the note in a decision that used a pass; its values are `pass` and `until`.
pub(in crate::gate) const PASS_USED: &str = "pass_used";
/// The same in a decision that has not used it: an answer that lets through will.
pub(in crate::gate) const PASS_SHOWN: &str = "pass_shown";

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Went {
    uses: BTreeMap<Name, Used>,
    /// By plate or card.
    seen: BTreeMap<String, Seen>,
    /// Of each household, how many went out on which day.
    exits: BTreeMap<Name, BTreeMap<i64, u32>>,
    /// The last day that a trusted clock told, since 1970 at the site.
    day: i64,
}

/// What is known of a pass that was used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Used {
    total: u32,
    /// Uses on `day`.
    today: u32,
    day: i64,
    /// When the pass ends.
    until_ms: i64,
    last: Seen,
}

/// When and where something went through last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Seen {
    boot: u32,
    mono: Mono,
    wall_ms: i64,
    trusted: bool,
    pub lane: Name,
    pub entry: bool,
    /// Anti-passback: whoever is listed is inside behind an entry and outside behind an exit.
    inside: bool,
}

impl Seen {
    fn of(event: &Event, entry: bool, inside: bool) -> Option<Seen> {
        Some(Seen {
            boot: event.at.boot,
            mono: event.at.mono,
            wall_ms: event.at.wall_ms,
            trusted: event.at.trust != ClockTrust::Unknown,
            lane: event.lane.clone()?,
            entry,
            inside,
        })
    }

    /// Milliseconds since then; `None`: that would take a clock that is not to be trusted.
    pub fn ago_ms(&self, at: &Moment) -> Option<i64> {
        if self.boot == at.boot {
            return i64::try_from(at.mono.since(self.mono) / 1_000).ok();
        }
        let trusted = self.trusted && at.trust != ClockTrust::Unknown;
        trusted.then(|| at.wall_ms.saturating_sub(self.wall_ms).max(0))
    }
}

/// Who a passage is, as its decision recorded it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::gate) struct Who {
    entry: bool,
    plate: Option<String>,
    vehicle_listed: bool,
    card: Option<String>,
    card_listed: bool,
    household: Option<Name>,
    pass: Option<Name>,
    pass_until_ms: i64,
    /// What was remembered of plate and card before it went through.
    before: Vec<(String, Option<Seen>)>,
    /// The day on which its exit was counted.
    exit_day: Option<i64>,
}

impl Who {
    pub fn of(event: &Event) -> Who {
        let mut who = Who::default();
        for part in &event.parts {
            match &part.body {
                Body::Facts { facts } => {
                    for fact in facts {
                        who.note(fact.name.as_str(), &fact.state);
                    }
                }
                Body::Note { code, values } if matches!(code.as_str(), PASS_USED | PASS_SHOWN) => {
                    for (name, value) in values {
                        match name.as_str() {
                            "until" => who.pass_until_ms = value.parse().unwrap_or(i64::MAX),
                            _ => who.pass = Some(Name::new(value)),
                        }
                    }
                }
                _ => {}
            }
        }
        who
    }

    fn note(&mut self, fact: &str, state: &FactState) {
        match (fact, state) {
            ("lane.direction", FactState::Text(direction)) => self.entry = direction == "entry",
            ("plate.text", FactState::Text(plate)) => self.plate = Some(plate.clone()),
            ("card.id", FactState::Text(card)) => self.card = Some(card.clone()),
            ("vehicle.listed", FactState::Truth(listed)) => self.vehicle_listed = *listed,
            ("card.listed", FactState::Truth(listed)) => self.card_listed = *listed,
            ("household.id", FactState::Text(id)) if !id.is_empty() => {
                self.household = Some(Name::new(id));
            }
            _ => {}
        }
    }
}

impl Went {
    pub fn is_inside(&self, key: &str) -> bool {
        self.seen.get(key).is_some_and(|seen| seen.inside)
    }

    pub fn last(&self, key: &str) -> Option<&Seen> {
        self.seen.get(key)
    }

    pub fn uses(&self, pass: &Name) -> u32 {
        self.uses.get(pass).map_or(0, |used| used.total)
    }

    pub fn uses_on(&self, pass: &Name, day: i64) -> u32 {
        let used = self.uses.get(pass).filter(|used| used.day == day);
        used.map_or(0, |used| used.today)
    }

    pub fn last_use(&self, pass: &Name) -> Option<&Seen> {
        self.uses.get(pass).map(|used| &used.last)
    }

    /// A use of this pass could not be remembered.
    pub fn is_full_for(&self, pass: &Name) -> bool {
        self.uses.len() >= USES_REMEMBERED && !self.uses.contains_key(pass)
    }

    /// Exits of a household in so many days up to `day`, that one included.
    pub fn exits(&self, household: &Name, day: i64, days: u32) -> u32 {
        let Some(exits) = self.exits.get(household) else {
            return 0;
        };
        let days = days.clamp(1, Allowance::MOST_DAYS);
        let from = day - i64::from(days) + 1;
        exits.range(from..=day).map(|(_, count)| *count).sum()
    }

    /// Somebody goes through: by a decision or by an answer.
    pub(super) fn through(&mut self, who: &mut Who, event: &Event) {
        self.new_day(&event.at);
        if let Some(pass) = &who.pass {
            self.use_up(pass, who, event);
        }
        let keys = [
            (who.plate.clone(), who.vehicle_listed),
            (who.card.clone(), who.card_listed),
        ];
        for (key, listed) in keys {
            let Some(key) = key else { continue };
            let before = self.seen.get(&key).cloned();
            let inside = listed && who.entry;
            if (before.is_some() || self.seen.len() < SEEN_REMEMBERED)
                && let Some(seen) = Seen::of(event, who.entry, inside)
            {
                self.seen.insert(key.clone(), seen);
            }
            who.before.push((key, before));
        }
        if let Some(household) = who.household.as_ref().filter(|_| !who.entry)
            && (self.exits.contains_key(household) || self.exits.len() < HOUSEHOLDS)
        {
            let day = event.at.day().unwrap_or(self.day);
            let exits = self.exits.entry(household.clone()).or_default();
            *exits.entry(day).or_insert(0) += 1;
            who.exit_day = Some(day);
        }
    }

    fn use_up(&mut self, pass: &Name, who: &Who, event: &Event) {
        let Some(last) = Seen::of(event, who.entry, false) else {
            return;
        };
        if self.is_full_for(pass) {
            return;
        }
        let day = event.at.day().unwrap_or(self.day);
        let used = self.uses.entry(pass.clone()).or_insert_with(|| Used {
            total: 0,
            today: 0,
            day,
            until_ms: who.pass_until_ms,
            last: last.clone(),
        });
        if used.day != day {
            used.day = day;
            used.today = 0;
        }
        used.total = used.total.saturating_add(1);
        used.today = used.today.saturating_add(1);
        used.until_ms = who.pass_until_ms;
        used.last = last;
    }

    /// It turned back before it was through: nothing of it counts.
    pub(super) fn came_back(&mut self, who: &Who) {
        if let Some(used) = who.pass.as_ref().and_then(|pass| self.uses.get_mut(pass)) {
            used.total = used.total.saturating_sub(1);
            used.today = used.today.saturating_sub(1);
        }
        for (key, before) in &who.before {
            match before {
                Some(seen) => self.seen.insert(key.clone(), seen.clone()),
                None => self.seen.remove(key),
            };
        }
        if let (Some(household), Some(day)) = (&who.household, who.exit_day)
            && let Some(count) = self
                .exits
                .get_mut(household)
                .and_then(|exits| exits.get_mut(&day))
        {
            *count = count.saturating_sub(1);
        }
    }

    /// Forgets what has ended long ago, once a day and by a synchronised clock alone: one that
    /// jumps must not make a used pass new.
    fn new_day(&mut self, at: &Moment) {
        let Some(day) = at.day().filter(|day| *day > self.day) else {
            return;
        };
        self.day = day;
        if at.trust != ClockTrust::Synchronised {
            return;
        }
        let long_ago = at.wall_ms.saturating_sub(DAYS_KEPT * DAY_MS);
        if self.uses.len() > WORTH_PRUNING {
            self.uses.retain(|_, used| used.until_ms > long_ago);
        }
        if self.seen.len() > WORTH_PRUNING {
            self.seen
                .retain(|_, seen| seen.inside || seen.wall_ms > long_ago);
        }
        let from = day - i64::from(Allowance::MOST_DAYS);
        self.exits.retain(|_, exits| {
            exits.retain(|day, _| *day > from);
            !exits.is_empty()
        });
    }
}
