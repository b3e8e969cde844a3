//! From what a passage gathered to facts: known, missing with the cause, or absent.

use std::collections::BTreeMap;

use crate::decision::{Cause, FactState, Missing};
use crate::facts::{Fact, Facts};
use crate::lists::{List, Lists, Pass, PassKey};
use crate::lookalike::Lookalikes;
use crate::moment::{ClockTrust, Moment, Mono};
use crate::name::Name;
use crate::plate::{Card, Plate, PlateColour, PlateKind};
use crate::reading::{BodySite, Freshness, Millidegrees, Temperature, Trust};
use crate::sighting::Sighting;
use crate::site::{Direction, Lane, LaneKind, Need};

/// `uses_left` of a pass without a limit.
const WITHOUT_LIMIT: i64 = 1_000_000;

/// One reading as a passage keeps it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Got<T> {
    pub value: T,
    pub device: Name,
    pub received: Mono,
    pub freshness: Freshness,
    pub trust: Trust,
}

/// All that the facts of one decision rest on.
pub(crate) struct Gathered<'a> {
    pub at: Moment,
    pub lane: &'a Lane,
    pub sighting: Option<&'a Sighting>,
    pub card: Option<&'a Got<Card>>,
    pub temperature: Option<&'a Got<Temperature>>,
    /// A vehicle stands or stood at the arm: no plate means that it could not be read.
    pub stood: bool,
    /// Whether a device that could have given the need is down.
    pub down: &'a dyn Fn(Need) -> bool,
    pub emergency: bool,
    pub lists: &'a Lists,
    pub lookalikes: &'a Lookalikes,
    /// Uses so far, by pass id.
    pub uses: &'a BTreeMap<Name, u32>,
    /// Who is inside, by plate or card.
    pub inside: &'a dyn Fn(&str) -> bool,
}

impl Gathered<'_> {
    /// The plate, or why there is none. `Ok(None)`: neither needed nor got.
    fn plate(&self) -> Result<Option<&Sighting>, Cause> {
        match self.sighting {
            None => self.not_got(Need::Plate).map(|()| None),
            Some(s) if s.confidence_permille < self.lane.plate_sure_permille => {
                Err(Cause::Unreadable)
            }
            Some(s) => self.may_open(s.freshness, s.trust).map(|()| Some(s)),
        }
    }

    fn card(&self) -> Result<Option<&Got<Card>>, Cause> {
        match self.card {
            None => self.not_got(Need::Card).map(|()| None),
            Some(got) => self.may_open(got.freshness, got.trust).map(|()| Some(got)),
        }
    }

    fn temperature(&self) -> Result<Option<&Got<Temperature>>, Cause> {
        match self.temperature {
            None => self.not_got(Need::Temperature).map(|()| None),
            // A surface temperature decides nothing: as if it had not been taken.
            Some(got) if got.value.site == BodySite::Surface => {
                self.not_got(Need::Temperature).map(|()| None)
            }
            Some(got) if got.value.body < Millidegrees::LEAST_PLAUSIBLE => {
                Err(Cause::ImplausibleReading)
            }
            Some(got) => self.may_open(got.freshness, got.trust).map(|()| Some(got)),
        }
    }

    /// A need that was not got is missing; what is not needed is absent.
    fn not_got(&self, need: Need) -> Result<(), Cause> {
        if !self.lane.needs.has(need) {
            Ok(())
        } else if (self.down)(need) {
            Err(Cause::DeviceDown)
        } else if need == Need::Plate && self.stood {
            Err(Cause::Unreadable)
        } else {
            Err(Cause::NotPresented)
        }
    }

    fn may_open(&self, freshness: Freshness, trust: Trust) -> Result<(), Cause> {
        if freshness != Freshness::Live {
            Err(Cause::NotLive)
        } else if !trust.opens(self.lane.password_opens) {
            Err(Cause::SourceUntrusted)
        } else {
            Ok(())
        }
    }

    /// The needs of the lane that are not known now, in fixed order.
    pub fn missing(&self) -> Vec<Missing> {
        let mut missing = Vec::new();
        for need in Need::ALL {
            if !self.lane.needs.has(need) {
                continue;
            }
            let cause = match need {
                Need::Plate => self.plate().err(),
                Need::Card => self.card().err(),
                Need::Temperature => self.temperature().err(),
                Need::Pass => self.pass_key().err(),
            };
            if let Some(cause) = cause {
                missing.push(Missing {
                    fact: Name::new(need.word()),
                    cause,
                });
            }
        }
        missing
    }

    /// What a pass is presented by: the plate, else the card.
    fn pass_key(&self) -> Result<Option<PassKey>, Cause> {
        if let Ok(Some(sighting)) = self.plate() {
            return Ok(Some(PassKey::Plate(sighting.plate.clone())));
        }
        if let Ok(Some(card)) = self.card() {
            return Ok(Some(PassKey::Card(card.value.clone())));
        }
        if self.plate().is_err() || self.card().is_err() {
            return Err(Cause::RestsOnMissing);
        }
        self.not_got(Need::Pass).map(|()| None)
    }

    pub fn facts(&self) -> Facts {
        let mut facts = Facts::absent();
        match self.plate() {
            Ok(Some(sighting)) => self.plate_facts(&mut facts, sighting),
            Ok(None) => {}
            Err(cause) => {
                facts.miss(&["plate"], cause);
                facts.miss(&["vehicle"], Cause::RestsOnMissing);
            }
        }
        match self.card() {
            Ok(Some(card)) => self.card_facts(&mut facts, card),
            Ok(None) => {}
            Err(cause) => {
                facts.miss(&["card"], Cause::RestsOnMissing);
                facts.set(Fact::CardId, FactState::Missing(cause));
            }
        }
        match self.temperature() {
            Ok(Some(got)) => temperature_facts(&mut facts, got),
            Ok(None) => {}
            Err(cause) => facts.miss(&["temperature"], cause),
        }
        match self.pass_key() {
            Ok(Some(key)) => self.pass_facts(&mut facts, &key),
            Ok(None) => {}
            Err(cause) => facts.miss(&["pass"], cause),
        }
        self.own_facts(&mut facts);
        facts
    }

    fn plate_facts(&self, facts: &mut Facts, sighting: &Sighting) {
        let plate = &sighting.plate;
        let text = plate.reveal();
        let region: String = text.chars().take(2).collect();
        let got = [
            (Fact::PlateText, FactState::Text(text.to_owned())),
            (Fact::PlateKind, word(plate_kind(sighting.kind))),
            (Fact::PlateColour, word(plate_colour(sighting.colour))),
            (
                Fact::PlateConfidence,
                FactState::Number(i64::from(sighting.confidence_permille)),
            ),
            (Fact::PlateAgrees, FactState::Truth(sighting.agrees)),
            (Fact::PlateRegion, FactState::Text(region)),
        ];
        for (fact, state) in got {
            let record = facts.record(fact);
            record.state = state;
            record.at = Some(sighting.last_seen);
            record.source = Some(sighting.camera.clone());
            record.trust = Some(sighting.trust);
        }
        self.vehicle_facts(facts, plate);
    }

    fn vehicle_facts(&self, facts: &mut Facts, plate: &Plate) {
        let lists = self.lists;
        let holder = lists.vehicles.entries.get(plate);
        let watched = lists.watched_plates.entries.contains_key(plate);
        let exact = holder.is_some() || watched;
        facts.set(Fact::VehicleListed, FactState::Truth(holder.is_some()));
        facts.set(
            Fact::VehicleHolder,
            FactState::Text(holder.map(|h| h.holder.clone()).unwrap_or_default()),
        );
        facts.set(Fact::VehicleWatched, FactState::Truth(watched));
        facts.set(
            Fact::VehicleAreaWatched,
            FactState::Truth(area_watched(lists, plate.reveal())),
        );
        facts.set(
            Fact::VehicleLookalike,
            FactState::Truth(!exact && self.lookalikes.resemble(plate)),
        );
        facts.set(
            Fact::VehicleInside,
            FactState::Truth((self.inside)(plate.reveal())),
        );
    }

    fn card_facts(&self, facts: &mut Facts, got: &Got<Card>) {
        let holder = self.lists.cards.entries.get(&got.value);
        let record = facts.record(Fact::CardId);
        record.state = FactState::Text(got.value.reveal().to_owned());
        record.at = Some(got.received);
        record.source = Some(got.device.clone());
        record.trust = Some(got.trust);
        facts.set(Fact::CardListed, FactState::Truth(holder.is_some()));
        facts.set(
            Fact::CardHolder,
            FactState::Text(holder.map(|h| h.holder.clone()).unwrap_or_default()),
        );
        facts.set(
            Fact::CardInside,
            FactState::Truth((self.inside)(got.value.reveal())),
        );
    }

    fn pass_facts(&self, facts: &mut Facts, key: &PassKey) {
        let Some(pass) = self.lists.passes.entries.get(key) else {
            facts.set(Fact::PassId, FactState::Text(String::new()));
            facts.set(Fact::PassValid, FactState::Truth(false));
            facts.set(Fact::PassUsesLeft, FactState::Number(0));
            return;
        };
        let left = self.uses_left(pass);
        facts.set(Fact::PassId, word(pass.id.as_str()));
        facts.set(Fact::PassUsesLeft, FactState::Number(left));
        let valid = if self.at.trust == ClockTrust::Unknown {
            FactState::Missing(Cause::ClockUntrusted)
        } else {
            let now = self.at.wall_ms;
            FactState::Truth(pass.valid_from_ms <= now && now < pass.valid_to_ms && left > 0)
        };
        facts.set(Fact::PassValid, valid);
    }

    fn uses_left(&self, pass: &Pass) -> i64 {
        let used = self.uses.get(&pass.id).copied().unwrap_or(0);
        pass.uses
            .map_or(WITHOUT_LIMIT, |limit| i64::from(limit.saturating_sub(used)))
    }

    /// The gateway's own facts are never absent.
    fn own_facts(&self, facts: &mut Facts) {
        let clock = |value: Option<u8>| match value {
            Some(value) => FactState::Number(i64::from(value)),
            None => FactState::Missing(Cause::ClockUntrusted),
        };
        facts.set(Fact::TimeHour, clock(self.at.hour()));
        facts.set(Fact::TimeWeekday, clock(self.at.weekday()));
        let lane = self.lane;
        facts.set(Fact::LaneId, word(lane.id.as_str()));
        facts.set(
            Fact::LaneKind,
            word(match lane.kind {
                LaneKind::Vehicle => "vehicle",
                LaneKind::Pedestrian => "pedestrian",
            }),
        );
        facts.set(
            Fact::LaneDirection,
            word(match lane.direction {
                Direction::Entry => "entry",
                Direction::Exit => "exit",
            }),
        );
        facts.set(Fact::LaneAttended, FactState::Truth(lane.attended));
        facts.set(Fact::LaneEmergency, FactState::Truth(self.emergency));
        let lists = self.lists;
        facts.set(Fact::VehiclesAge, self.age(&lists.vehicles));
        facts.set(Fact::CardsAge, self.age(&lists.cards));
        facts.set(Fact::WatchedPlatesAge, self.age(&lists.watched_plates));
        facts.set(Fact::WatchedAreasAge, self.age(&lists.watched_areas));
        facts.set(Fact::PassesAge, self.age(&lists.passes));
    }

    /// Whole hours since the owner of the list last confirmed it.
    fn age<K: Ord, V>(&self, list: &List<K, V>) -> FactState {
        if list.confirmed_ms == 0 {
            FactState::Missing(Cause::ListStale)
        } else if self.at.trust == ClockTrust::Unknown {
            FactState::Missing(Cause::ClockUntrusted)
        } else {
            let age = self.at.wall_ms.saturating_sub(list.confirmed_ms).max(0);
            FactState::Number(age / 3_600_000)
        }
    }
}

fn temperature_facts(facts: &mut Facts, got: &Got<Temperature>) {
    let site = match got.value.site {
        BodySite::Forehead => "forehead",
        BodySite::Wrist => "wrist",
        BodySite::Ear => "ear",
        BodySite::Surface => "surface",
    };
    // The thermometer was there and gave none: a rule that asks for it must not pass over that.
    let ambient = match got.value.ambient {
        Some(ambient) => FactState::Millidegrees(ambient.0),
        None => FactState::Missing(Cause::NotPresented),
    };
    let states = [
        (
            Fact::TemperatureCelsius,
            FactState::Millidegrees(got.value.body.0),
        ),
        (Fact::TemperatureAmbient, ambient),
        (Fact::TemperatureSite, word(site)),
    ];
    for (fact, state) in states {
        let record = facts.record(fact);
        record.state = state;
        record.at = Some(got.received);
        record.source = Some(got.device.clone());
        record.trust = Some(got.trust);
    }
}

/// Whether some watched area is a prefix of the plate.
fn area_watched(lists: &Lists, plate: &str) -> bool {
    let areas = &lists.watched_areas.entries;
    let ends = plate.char_indices().map(|(at, c)| at + c.len_utf8());
    !areas.is_empty()
        && ends
            .into_iter()
            .any(|end| areas.contains_key(&plate[..end]))
}

fn word(text: &str) -> FactState {
    FactState::Text(text.to_owned())
}

fn plate_kind(kind: PlateKind) -> &'static str {
    match kind {
        PlateKind::Ordinary => "ordinary",
        PlateKind::Police => "police",
        PlateKind::Learner => "learner",
        PlateKind::Trailer => "trailer",
        PlateKind::HongKongMacau => "hong_kong_macau",
        PlateKind::Consulate => "consulate",
        PlateKind::Embassy => "embassy",
        PlateKind::NewEnergySmall => "new_energy_small",
        PlateKind::NewEnergyLarge => "new_energy_large",
        PlateKind::ArmedPolice => "armed_police",
        PlateKind::Temporary => "temporary",
        PlateKind::Raw => "raw",
    }
}

fn plate_colour(colour: PlateColour) -> &'static str {
    match colour {
        PlateColour::Blue => "blue",
        PlateColour::Yellow => "yellow",
        PlateColour::Green => "green",
        PlateColour::YellowGreen => "yellow_green",
        PlateColour::White => "white",
        PlateColour::Black => "black",
        PlateColour::Unknown => "unknown",
    }
}
