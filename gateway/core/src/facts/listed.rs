//! Facts that rest on the lists and on what is remembered: vehicles, cards, households, passes.

use std::borrow::Borrow;

use crate::decision::{Cause, FactState};
use crate::facts::gather::{Gathered, Got, Origin, word};
use crate::facts::{Fact, Facts};
use crate::gate::Seen;
use crate::lists::{Consent, Holder, List, ListName, Pass, PassKey, Validity, WhenTooOld};
use crate::moment::ClockTrust;
use crate::name::Name;
use crate::plate::{Card, Plate};
use crate::site::Direction;

/// Uses and exits left where there is no limit.
pub const WITHOUT_LIMIT: i64 = 1_000_000;
/// Minutes since the last passage of what never passed.
pub const NEVER: i64 = 1_000_000;

fn truth(truth: bool) -> FactState {
    FactState::Truth(truth)
}

impl Gathered<'_> {
    /// An entry of a list, unless the list is too old to be believed.
    fn find<'l, K: Ord + Borrow<Q>, V, Q: Ord + ?Sized>(
        &self,
        list: &'l List<K, V>,
        key: &Q,
    ) -> Result<Option<&'l V>, Cause> {
        self.believed(list).map(|()| list.get(key))
    }

    fn believed<K: Ord, V>(&self, list: &List<K, V>) -> Result<(), Cause> {
        let rule = list.too_old;
        if rule.after_hours == 0 || rule.then == WhenTooOld::GoOn {
            return Ok(());
        }
        if self.at.trust == ClockTrust::Unknown {
            return Err(Cause::ClockUntrusted);
        }
        match list.age_hours(self.at.wall_ms) {
            Some(age) if age < i64::from(rule.after_hours) => Ok(()),
            _ => Err(Cause::ListStale),
        }
    }

    /// The holder, where there is one and today is one of its days.
    fn holder<'l>(
        &self,
        found: Result<Option<&'l Holder>, Cause>,
    ) -> Result<Option<&'l Holder>, Cause> {
        let Some(holder) = found? else {
            return Ok(None);
        };
        let resident = match &holder.resident {
            Some(id) => self.find(&self.lists.residents, id)?,
            None => None,
        };
        let holds = |valid: &Validity| valid.holds(&self.at).ok_or(Cause::ClockUntrusted);
        let resident = resident.map_or(Ok(true), |resident| holds(&resident.valid));
        Ok((holds(&holder.valid)? && resident?).then_some(holder))
    }

    /// The household that a holder names, or its resident.
    fn household_of<'l>(&'l self, holder: &'l Holder) -> Option<&'l Name> {
        let resident = || {
            let id = holder.resident.as_ref()?;
            self.lists.residents.get(id)?.household.as_ref()
        };
        holder.household.as_ref().or_else(resident)
    }

    pub(super) fn vehicle_facts(&self, facts: &mut Facts, plate: &Plate, from: Origin<'_>) {
        let lists = self.lists;
        let at = |list: ListName| Origin {
            source: list.name(),
            ..from
        };
        let listed = self.holder(self.find(&lists.vehicles, plate));
        let watched = self.find(&lists.watched_plates, plate);
        let exact = matches!(listed, Ok(Some(_))) || matches!(watched, Ok(Some(_)));
        let on = at(ListName::Vehicles);
        self.holder_facts(
            facts,
            listed,
            [
                Fact::VehicleListed,
                Fact::VehicleHolder,
                Fact::VehicleHousehold,
            ],
            on,
        );
        let like = !exact && self.lookalikes.resemble(plate);
        let like_watched = !exact && like && self.lookalikes.resemble_watched(plate);
        facts.got_from(Fact::VehicleLookalike, truth(like), on);
        facts.got_from(
            Fact::VehicleWatchedLookalike,
            truth(like_watched),
            at(ListName::WatchedPlates),
        );
        let state = known(watched.map(|watch| truth(watch.is_some())));
        facts.got_from(Fact::VehicleWatched, state, at(ListName::WatchedPlates));
        let area = self.believed(&lists.watched_areas);
        let state = known(area.map(|()| truth(area_watched(&lists.watched_areas, plate.reveal()))));
        facts.got_from(Fact::VehicleAreaWatched, state, at(ListName::WatchedAreas));
        let emergency = self.holder(self.find(&lists.emergency_vehicles, plate));
        let state = known(emergency.map(|holder| truth(holder.is_some())));
        facts.got_from(
            Fact::VehicleEmergency,
            state,
            at(ListName::EmergencyVehicles),
        );
        facts.set(
            Fact::VehicleInside,
            truth(self.went.is_inside(plate.reveal())),
        );
        self.last_facts(
            facts,
            self.went.last(plate.reveal()),
            [Fact::VehicleLastMinutes, Fact::VehicleLastLane],
        );
    }

    pub(super) fn card_facts(&self, facts: &mut Facts, got: &Got<Card>) {
        let from = Origin {
            at: got.received,
            source: &got.device,
            trust: got.trust,
        };
        let card = got.value.reveal();
        facts.got_from(Fact::CardId, word(card), from);
        let on = Origin {
            source: ListName::Cards.name(),
            ..from
        };
        let holder = self.holder(self.find(&self.lists.cards, &got.value));
        let names = [Fact::CardListed, Fact::CardHolder, Fact::CardHousehold];
        self.holder_facts(facts, holder, names, on);
        facts.set(Fact::CardInside, truth(self.went.is_inside(card)));
        let last = self.went.last(card);
        self.last_facts(facts, last, [Fact::CardLastMinutes, Fact::CardLastLane]);
        facts.set(Fact::CardTooSoon, self.too_soon(last));
    }

    /// Listed, holder and household of a plate or card.
    fn holder_facts(
        &self,
        facts: &mut Facts,
        holder: Result<Option<&Holder>, Cause>,
        [listed, name, household]: [Fact; 3],
        on: Origin<'_>,
    ) {
        match holder {
            Ok(holder) => {
                let home = holder.and_then(|holder| self.household_of(holder));
                facts.got_from(listed, truth(holder.is_some()), on);
                facts.got_from(name, word(holder.map_or("", |holder| &holder.holder)), on);
                facts.got_from(household, word(home.map_or("", Name::as_str)), on);
            }
            Err(cause) => {
                for fact in [listed, name, household] {
                    facts.set(fact, FactState::Missing(cause));
                }
            }
        }
    }

    fn last_facts(&self, facts: &mut Facts, last: Option<&Seen>, [minutes, lane]: [Fact; 2]) {
        let since = match last.map(|seen| seen.ago_ms(&self.at)) {
            None => FactState::Number(NEVER),
            Some(Some(ms)) => FactState::Number((ms / 60_000).min(NEVER)),
            Some(None) => FactState::Missing(Cause::ClockUntrusted),
        };
        facts.set(minutes, since);
        facts.set(lane, word(last.map_or("", |seen| seen.lane.as_str())));
    }

    /// Seen at another lane of the same direction in less time than it takes to walk there.
    fn too_soon(&self, last: Option<&Seen>) -> FactState {
        let entry = self.lane.direction == Direction::Entry;
        let Some(last) = last.filter(|last| last.lane != self.lane.id && last.entry == entry)
        else {
            return truth(false);
        };
        match last.ago_ms(&self.at) {
            Some(ms) => truth(ms < i64::from(self.walk_ms)),
            None => FactState::Missing(Cause::ClockUntrusted),
        }
    }

    /// The household of the card, else of the vehicle, else the host of the pass.
    pub(super) fn household_facts(&self, facts: &mut Facts) {
        const ALL: [Fact; 4] = [
            Fact::HouseholdId,
            Fact::HouseholdListed,
            Fact::HouseholdExitsToday,
            Fact::HouseholdExitsLeft,
        ];
        let pass = self.pass_key().ok().flatten();
        let pass = pass.and_then(|key| self.pass(&key).ok().flatten());
        let rests = [Fact::CardHousehold, Fact::VehicleHousehold];
        if rests
            .iter()
            .any(|fact| matches!(facts.state(*fact), FactState::Missing(_)))
        {
            for fact in ALL {
                facts.set(fact, FactState::Missing(Cause::RestsOnMissing));
            }
            return;
        }
        let named = rests.iter().find_map(|fact| match facts.state(*fact) {
            FactState::Text(id) if !id.is_empty() => Some(Name::new(id)),
            _ => None,
        });
        let id = named.or_else(|| pass.and_then(|(_, pass)| pass.household.clone()));
        let nobody = rests
            .iter()
            .all(|fact| *facts.state(*fact) == FactState::Absent);
        if nobody && id.is_none() {
            return;
        }
        match id {
            Some(id) => self.household(facts, &id),
            None => {
                facts.set(Fact::HouseholdId, word(""));
                facts.set(Fact::HouseholdListed, truth(false));
                facts.set(Fact::HouseholdExitsToday, FactState::Number(0));
                facts.set(Fact::HouseholdExitsLeft, FactState::Number(0));
            }
        }
    }

    fn household(&self, facts: &mut Facts, id: &Name) {
        facts.set(Fact::HouseholdId, word(id.as_str()));
        let entry = self.find(&self.lists.households, id);
        let listed = known(entry.map(|entry| truth(entry.is_some())));
        facts.set(Fact::HouseholdListed, listed);
        let day = self.at.day();
        let today = day.map(|day| i64::from(self.went.exits(id, day, 1)));
        let clock = FactState::Missing(Cause::ClockUntrusted);
        facts.set(
            Fact::HouseholdExitsToday,
            today.map_or(clock.clone(), FactState::Number),
        );
        let left = match (entry, day) {
            (Err(cause), _) => FactState::Missing(cause),
            (Ok(entry), Some(day)) => match entry.and_then(|entry| entry.exits) {
                Some(allowed) => {
                    let used = self.went.exits(id, day, allowed.days);
                    FactState::Number(i64::from(allowed.times.saturating_sub(used)))
                }
                None => FactState::Number(WITHOUT_LIMIT),
            },
            (Ok(entry), None) if entry.is_none_or(|entry| entry.exits.is_none()) => {
                FactState::Number(WITHOUT_LIMIT)
            }
            (Ok(_), None) => clock,
        };
        facts.set(Fact::HouseholdExitsLeft, left);
    }

    /// The pass of a plate or card, and which list it stands on.
    fn pass(&self, key: &PassKey) -> Result<Option<(ListName, &Pass)>, Cause> {
        let lists = [
            (ListName::Visitors, &self.lists.visitors),
            (ListName::Deliveries, &self.lists.deliveries),
            (ListName::Passes, &self.lists.passes),
        ];
        let mut failed = None;
        for (name, list) in lists {
            match self.find(list, key) {
                Ok(Some(pass)) => return Ok(Some((name, pass))),
                Ok(None) => {}
                Err(cause) => failed = Some(cause),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    pub(super) fn pass_facts(&self, facts: &mut Facts, key: &PassKey) {
        let (list, pass) = match self.pass(key) {
            Ok(Some(found)) => found,
            Ok(None) => {
                for fact in [Fact::PassId, Fact::PassKind, Fact::PassHolder] {
                    facts.set(fact, word(""));
                }
                for fact in [Fact::PassValid, Fact::PassConsent, Fact::PassTooSoon] {
                    facts.set(fact, truth(false));
                }
                for fact in [Fact::PassUsesLeft, Fact::PassUsesLeftToday] {
                    facts.set(fact, FactState::Number(0));
                }
                return;
            }
            Err(cause) => return facts.miss(&["pass"], cause),
        };
        let kind = match list {
            ListName::Visitors => "visitor",
            ListName::Deliveries => "delivery",
            _ => "pass",
        };
        let consent = pass.consent != Consent::Asked;
        let left = self.uses_left(pass);
        let today = self.uses_left_today(pass, left);
        facts.set(Fact::PassId, word(pass.id.as_str()));
        facts.set(Fact::PassKind, word(kind));
        facts.set(Fact::PassHolder, word(&pass.holder));
        facts.set(Fact::PassConsent, truth(consent));
        facts.set(Fact::PassUsesLeft, known(left.map(FactState::Number)));
        facts.set(Fact::PassUsesLeftToday, known(today.map(FactState::Number)));
        facts.set(
            Fact::PassTooSoon,
            self.too_soon(self.went.last_use(&pass.id)),
        );
        let dates = Validity {
            from_ms: pass.valid_from_ms,
            to_ms: pass.valid_to_ms,
            week: pass.week,
        };
        let dates = match dates.is_always() {
            true => Ok(true),
            false => dates.holds(&self.at).ok_or(Cause::ClockUntrusted),
        };
        let valid = match (dates, left, today) {
            (Err(cause), ..) | (_, Err(cause), _) | (.., Err(cause)) => FactState::Missing(cause),
            (Ok(dates), Ok(left), Ok(today)) => truth(dates && consent && left > 0 && today > 0),
        };
        facts.set(Fact::PassValid, valid);
    }

    fn uses_left(&self, pass: &Pass) -> Result<i64, Cause> {
        match pass.uses {
            None => Ok(WITHOUT_LIMIT),
            // A use of it could not be remembered, and it would never end.
            Some(_) if self.went.is_full_for(&pass.id) => Err(Cause::RestsOnMissing),
            Some(limit) => {
                let used = self.went.uses(&pass.id);
                Ok(i64::from(limit.saturating_sub(used)))
            }
        }
    }

    fn uses_left_today(&self, pass: &Pass, left: Result<i64, Cause>) -> Result<i64, Cause> {
        let left = left?;
        let Some(limit) = pass.uses_per_day else {
            return Ok(left);
        };
        let day = self.at.day().ok_or(Cause::ClockUntrusted)?;
        if self.went.is_full_for(&pass.id) {
            return Err(Cause::RestsOnMissing);
        }
        let used = self.went.uses_on(&pass.id, day);
        Ok(left.min(i64::from(limit.saturating_sub(used))))
    }
}

fn known(state: Result<FactState, Cause>) -> FactState {
    state.unwrap_or_else(FactState::Missing)
}

/// Whether some watched area is a prefix of the plate.
fn area_watched<V>(areas: &List<String, V>, plate: &str) -> bool {
    let mut ends = plate.char_indices().map(|(at, c)| at + c.len_utf8());
    !areas.is_empty() && ends.any(|end| areas.contains(&plate[..end]))
}
