//! From what a passage gathered to facts: known, missing with the cause, or absent.

use crate::decision::{Cause, FactState, Missing};
use crate::facts::{Fact, Facts};
use crate::gate::Went;
use crate::lists::{Lists, PassKey};
use crate::lookalike::Lookalikes;
use crate::moment::{Moment, Mono};
use crate::name::Name;
use crate::plate::{Card, PlateColour, PlateKind};
use crate::reading::{BodySite, Freshness, Temperature, Trust};
use crate::sighting::Sighting;
use crate::site::{Lane, Need};

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
    /// Another camera of the lane is as sure of another plate.
    pub disagree: bool,
    pub card: Option<&'a Got<Card>>,
    pub temperature: Option<&'a Got<Temperature>>,
    /// A vehicle stands or stood at the arm: no plate means that it could not be read.
    pub stood: bool,
    /// Whether a device that could have given the need is down.
    pub down: &'a dyn Fn(Need) -> bool,
    pub devices_down: i64,
    pub emergency: bool,
    pub locked_down: bool,
    pub lists: &'a Lists,
    pub lookalikes: &'a Lookalikes,
    /// Who went in and out, and what that used up.
    pub went: &'a Went,
    pub walk_ms: u32,
}

/// Where a fact that was got comes from.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    pub at: Mono,
    pub source: &'a Name,
    pub trust: Trust,
}

impl Gathered<'_> {
    /// The plate, or why there is none. `Ok(None)`: neither needed nor got.
    pub(super) fn plate(&self) -> Result<Option<&Sighting>, Cause> {
        match self.sighting {
            None => self.not_got(Need::Plate).map(|()| None),
            Some(s) if s.confidence_permille < self.lane.plate_sure_permille => {
                Err(Cause::Unreadable)
            }
            Some(_) if self.disagree => Err(Cause::SourcesDisagree),
            Some(s) => self.may_open(s.freshness, s.trust).map(|()| Some(s)),
        }
    }

    pub(super) fn card(&self) -> Result<Option<&Got<Card>>, Cause> {
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
            Some(got) if !got.value.tells() => Err(Cause::ImplausibleReading),
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
    pub(super) fn pass_key(&self) -> Result<Option<PassKey>, Cause> {
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
        self.household_facts(&mut facts);
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
        let origin = Origin {
            at: sighting.last_seen,
            source: &sighting.camera,
            trust: sighting.trust,
        };
        for (fact, state) in got {
            facts.got_from(fact, state, origin);
        }
        self.vehicle_facts(facts, plate, origin);
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
    let origin = Origin {
        at: got.received,
        source: &got.device,
        trust: got.trust,
    };
    for (fact, state) in states {
        facts.got_from(fact, state, origin);
    }
}

pub(super) fn word(text: &str) -> FactState {
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
