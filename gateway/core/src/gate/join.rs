//! What belongs together: sightings, cards and temperatures join passages, begin them or stray.

use crate::event::{Band, Body, Class, Event, EventKind, PartKind};
use crate::facts::Got;
use crate::gate::passage::Passage;
use crate::gate::{Gate, Outputs};
use crate::moment::{Moment, Mono};
use crate::name::{Name, PassageId};
use crate::plate::Card;
use crate::reading::{BodySite, Freshness, Millidegrees, Reading, Temperature, Trust, Value};
use crate::sighting::Sighting;
use crate::site::{LaneKind, Need};

/// The same card again within this time is the same touch of the reader.
const SAME_TOUCH_MS: u64 = 2_000;
/// The same plate on a new track so soon after its passage went through is the same vehicle.
const SAME_VEHICLE_MS: u64 = 5_000;
/// Where no card tells persons apart, a temperature so soon after a decision is that person's.
const LATE_MS: u64 = 1_000;
/// A track that began so soon after a vehicle stood is the vehicle's own.
const SAME_VEHICLE_HEAD_MS: u64 = 1_000;

impl Gate {
    pub(super) fn sighting(&mut self, at: Moment, sighting: Sighting, out: &mut Outputs) {
        let Some(lane) = self.lane_index(&sighting.lane) else {
            self.stray_sighting(at, &sighting, None, out);
            return;
        };
        self.note_trigger(lane, sighting.freshness, sighting.trust, sighting.last_seen);
        self.learn_need(lane, &sighting.camera, Need::Plate);
        let found = self.passage_of(lane, &sighting);
        let late_part_of = match found {
            Some(_) => None,
            None => self.ended_passage_of(at, lane, &sighting),
        };
        let live = sighting.freshness == Freshness::Live;
        let index = match found {
            Some(index) => index,
            // A closed track whose passage has ended, or that nobody knew, begins nothing.
            None if late_part_of.is_some() || !live => {
                self.stray_sighting(at, &sighting, late_part_of.as_ref(), out);
                return;
            }
            None => self.begin(at, lane, None, out),
        };
        let window = self.window(lane, sighting.freshness, sighting.trust, sighting.last_seen);
        let state = &mut self.lanes[lane];
        let passage = &mut state.passages[index];
        if !passage.take_sighting(&sighting, at.mono) {
            return;
        }
        passage.touch(at.mono, window);
        state.dirty = true;
        let id = passage.id.clone();
        let at_arm = sighting.at_arm && live;
        let event = Event::new(at, EventKind::SightingJoined)
            .lane(&sighting.lane)
            .passage(&id)
            .part(PartKind::Identity, Class::Passage, Body::Sighting(sighting));
        self.record(event, out);
        // Where a loop tells arrival, standing still in the queue is not yet arrival.
        let loop_tells =
            self.config(lane).has_approach_loop && self.lanes[lane].approach.live.is_some();
        if at_arm && !loop_tells {
            self.arrive(at, lane, index, out);
        }
    }

    /// The open passage that a sighting belongs to: by track, else by plate, else the oldest that
    /// has no sighting yet.
    fn passage_of(&self, lane: usize, sighting: &Sighting) -> Option<usize> {
        let passages = &self.lanes[lane].passages;
        let position = |test: &dyn Fn(&Passage) -> bool| passages.iter().position(test);
        position(&|p| p.has_track(&sighting.camera, sighting.track))
            .or_else(|| position(&|p| p.has_plate(&sighting.plate)))
            .or_else(|| position(&|p| p.sighting.is_none() && may_be_its_plate(p, sighting)))
            .or_else(|| position(&|p| p.may_be_seen_by(sighting)))
    }

    /// The passage that ended a moment ago and that this sighting is late for.
    fn ended_passage_of(&self, at: Moment, lane: usize, sighting: &Sighting) -> Option<PassageId> {
        let leave = u64::from(self.config(lane).leave_ms) * 1_000;
        let recent = self.lanes[lane].recent.iter().rev();
        let mut found = recent.filter(|recent| {
            let since = at.mono.since(recent.ended);
            let same_track = recent
                .tracks
                .iter()
                .any(|t| t.number == sighting.track && t.camera == sighting.camera);
            let same_plate = recent.went && recent.plate.as_ref() == Some(&sighting.plate);
            (same_track && (sighting.closed || since <= leave))
                || (same_plate && since <= leave.min(SAME_VEHICLE_MS * 1_000))
        });
        found.next().map(|recent| recent.id.clone())
    }

    pub(super) fn card(
        &mut self,
        at: Moment,
        lane: usize,
        reading: &Reading,
        card: Card,
        out: &mut Outputs,
    ) {
        let live = reading.freshness == Freshness::Live;
        let pedestrian = self.config(lane).kind == LaneKind::Pedestrian;
        let found = if pedestrian {
            self.whose_card(at, lane, reading, &card)
        } else {
            // Only who stands first reaches the reader; nothing is left over for those behind.
            self.head(lane)
        };
        let index = match found {
            Some(index) => index,
            None if !live => {
                self.stray_reading(at, reading, None, out);
                return;
            }
            None => {
                if pedestrian {
                    self.next_person(at, lane, out);
                }
                self.begin(at, lane, None, out)
            }
        };
        self.join_card(at, lane, index, reading, card, out);
    }

    /// The person who touched the reader just now, else the first who lacks a card.
    fn whose_card(&self, at: Moment, lane: usize, reading: &Reading, card: &Card) -> Option<usize> {
        let passages = &self.lanes[lane].passages;
        let touched = passages.iter().rposition(|p| {
            p.card.as_ref().is_some_and(|got| {
                got.value == *card
                    && at.mono.since(got.received) <= SAME_TOUCH_MS * 1_000
                    && got.freshness == reading.freshness
            })
        });
        let live = reading.freshness == Freshness::Live;
        let rested = || {
            passages
                .iter()
                .rposition(|p| live && rested_again(p, card, at.mono))
        };
        touched
            .or_else(rested)
            .or_else(|| passages.iter().position(|p| lacks_card(p, live, at.mono)))
    }

    fn join_card(
        &mut self,
        at: Moment,
        lane: usize,
        index: usize,
        reading: &Reading,
        card: Card,
        out: &mut Outputs,
    ) {
        let window = self.window(lane, reading.freshness, reading.trust, reading.received);
        let passage = &mut self.lanes[lane].passages[index];
        if rested_again(passage, &card, at.mono) {
            // It is before the thermometer once more: the next temperature is its own.
            passage.temperature = None;
            passage.wait_from = Some(at.mono);
        }
        passage.touch(at.mono, window);
        let live = reading.freshness == Freshness::Live;
        let same = passage.card.as_ref().is_some_and(|got| got.value == card);
        let replaces = lacks_card(passage, live, at.mono) || (passage.gathering() && live && same);
        if replaces {
            passage.card = Some(got(reading, card));
        }
        self.joined(at, lane, index, reading, out);
    }

    pub(super) fn temperature(
        &mut self,
        at: Moment,
        lane: usize,
        reading: &Reading,
        temperature: Temperature,
        out: &mut Outputs,
    ) {
        let live = reading.freshness == Freshness::Live;
        let needed = self.config(lane).needs.temperature;
        let may_begin = live && needed && temperature.site != BodySite::Surface;
        let index = match self.whose_temperature(at, lane) {
            Whose::Of(index) => index,
            Whose::New if may_begin => self.begin(at, lane, None, out),
            Whose::New | Whose::Unclear => {
                self.stray_reading(at, reading, None, out);
                return;
            }
        };
        let window = self.window(lane, reading.freshness, reading.trust, reading.received);
        let passage = &mut self.lanes[lane].passages[index];
        passage.touch(at.mono, window);
        let replaces = match &passage.temperature {
            None => true,
            Some(kept) => {
                may_be_taken_again(passage, at.mono) && (live || kept.freshness != Freshness::Live)
            }
        };
        if replaces {
            passage.temperature = Some(got(reading, temperature));
        }
        self.joined(at, lane, index, reading, out);
    }

    fn whose_temperature(&self, at: Moment, lane: usize) -> Whose {
        let config = self.config(lane);
        if config.kind == LaneKind::Vehicle {
            return self.head(lane).map_or(Whose::New, Whose::Of);
        }
        let passages = &self.lanes[lane].passages;
        let lacks = |p: &Passage| p.gathering() && p.temperature.is_none();
        if let Some(index) = passages.iter().position(lacks) {
            // Of two who wait for one it may be either's, and a wrong one may let a fever in.
            let others = passages[index + 1..].iter().any(lacks);
            return if others {
                Whose::Unclear
            } else {
                Whose::Of(index)
            };
        }
        // Only of the one who came last: after that it is somebody else's.
        let Some(last) = passages.len().checked_sub(1) else {
            return Whose::New;
        };
        // Until a card tells of the next person, a decided one may still stand before the
        // thermometer. A hold that is kept open for an answer outlasts the person there.
        let late = match config.needs.card {
            true => LATE_MS.max(u64::from(config.leave_ms)),
            false => LATE_MS,
        };
        let late = passages[last]
            .decided_at
            .is_some_and(|decided| at.mono.since(decided) <= late * 1_000);
        if late || may_be_taken_again(&passages[last], at.mono) {
            Whose::Of(last)
        } else {
            Whose::New
        }
    }

    /// A person comes with a card: whoever was done before has gone on, and who had presented
    /// everything, useless as it was, gives nothing more.
    fn next_person(&mut self, at: Moment, lane: usize, out: &mut Outputs) {
        let needs = self.site.lanes[lane].needs;
        let mut index = 0;
        while index < self.lanes[lane].passages.len() {
            let passage = &mut self.lanes[lane].passages[index];
            if passage.gathering() || passage.held() {
                let rests = passage.again.is_some_and(|again| again.rests);
                passage.hurried |= !rests
                    && (!needs.card || passage.card.is_some())
                    && (!needs.temperature || passage.temperature.is_some());
                index += 1;
            } else {
                let end = passage.end_on_leaving(false);
                self.end(at, lane, index, end, out);
            }
        }
    }

    /// Records a reading as part of a passage.
    pub(super) fn joined(
        &mut self,
        at: Moment,
        lane: usize,
        index: usize,
        reading: &Reading,
        out: &mut Outputs,
    ) {
        let state = &mut self.lanes[lane];
        state.dirty = true;
        let event = Event::new(at, EventKind::ReadingJoined)
            .lane(&reading.lane)
            .passage(&state.passages[index].id);
        self.record(with_reading(event, reading), out);
    }

    pub(super) fn stray_reading(
        &mut self,
        at: Moment,
        reading: &Reading,
        passage: Option<&PassageId>,
        out: &mut Outputs,
    ) {
        let mut event = Event::new(at, EventKind::Stray).lane(&reading.lane);
        if let Some(passage) = passage {
            event = event.passage(passage);
        }
        self.record(with_reading(event, reading), out);
    }

    fn stray_sighting(
        &mut self,
        at: Moment,
        sighting: &Sighting,
        passage: Option<&PassageId>,
        out: &mut Outputs,
    ) {
        let mut event = Event::new(at, EventKind::Stray).lane(&sighting.lane);
        if let Some(passage) = passage {
            event = event.passage(passage);
        }
        let body = Body::Sighting(sighting.clone());
        self.record(event.part(PartKind::Identity, Class::Sighting, body), out);
    }

    /// When the window of an opening begins for this part; `None`: it cannot support one.
    fn window(&self, lane: usize, freshness: Freshness, trust: Trust, got: Mono) -> Option<Mono> {
        let opens = trust.opens(self.config(lane).password_opens);
        (freshness == Freshness::Live && opens).then_some(got)
    }
}

/// Whose a temperature is.
enum Whose {
    Of(usize),
    /// Of nobody who is known yet.
    New,
    /// It may be of several, and is given to none.
    Unclear,
}

/// A vehicle that gave no plate so far: on its way any new track may be its own; once it stands,
/// only one that began before, or that is at the arm too while it waits. Others are of those
/// behind it: a covered plate must not be given the next one's.
fn may_be_its_plate(passage: &Passage, sighting: &Sighting) -> bool {
    let stood = passage.arrived.unwrap_or(passage.begun.mono);
    let waits = passage.gathering() && (passage.arrived.is_none() || sighting.at_arm);
    waits || sighting.first_seen <= stood.plus_ms(SAME_VEHICLE_HEAD_MS)
}

/// Whoever rested and touches the reader again is to be measured now.
fn rested_again(passage: &Passage, card: &Card, now: Mono) -> bool {
    let same = passage.card.as_ref().is_some_and(|got| got.value == *card);
    let rested = passage
        .again
        .is_some_and(|again| again.rests && again.since <= now);
    passage.gathering() && same && rested
}

/// A live card is not turned away for a record from before.
fn lacks_card(passage: &Passage, live: bool, now: Mono) -> bool {
    let old = |got: &Got<Card>| live && got.freshness != Freshness::Live;
    passage.gathering()
        && (passage.card.as_ref().is_none_or(old) || wants_again(passage, Need::Card, now))
}

/// A temperature that decides nothing, or that a rule wants once more.
fn may_be_taken_again(passage: &Passage, now: Mono) -> bool {
    let useless = passage.temperature.as_ref().is_some_and(|got| {
        got.value.site == BodySite::Surface
            || got.value.body < Millidegrees::LEAST_PLAUSIBLE
            || got.freshness != Freshness::Live
    });
    passage.gathering() && (useless || wants_again(passage, Need::Temperature, now))
}

/// Whether a need is to be given once more, now. Whoever rests aside comes back with a touch of the
/// reader first: what comes before is somebody else's.
fn wants_again(passage: &Passage, need: Need, now: Mono) -> bool {
    let again = passage.again.filter(|again| again.need == need);
    again.is_some_and(|again| !again.rests && again.since <= now)
}

fn got<T>(reading: &Reading, value: T) -> Got<T> {
    Got {
        value,
        device: reading.device.clone(),
        received: reading.received,
        freshness: reading.freshness,
        trust: reading.trust,
    }
}

/// Adds the parts that a reading is recorded with.
fn with_reading(event: Event, reading: &Reading) -> Event {
    let device: Name = reading.device.clone();
    let (freshness, trust, counter) = (reading.freshness, reading.trust, reading.counter);
    match &reading.value {
        Value::Card(card) => event.part(
            PartKind::Identity,
            Class::Passage,
            Body::Card {
                device,
                card: card.clone(),
                freshness,
                trust,
                counter,
            },
        ),
        Value::Temperature(temperature) => event
            .part(
                PartKind::Health,
                Class::Temperature,
                Body::Temperature {
                    device,
                    temperature: temperature.clone(),
                    freshness,
                    trust,
                    counter,
                },
            )
            .part(
                PartKind::Detail,
                Class::Band,
                Body::Band {
                    band: Band::of(temperature.body),
                },
            ),
        Value::Loop(state) => event.part(
            PartKind::Detail,
            Class::Passage,
            Body::Loop {
                device,
                state: *state,
            },
        ),
        Value::Arm(position) => event.part(
            PartKind::Detail,
            Class::Passage,
            Body::Arm {
                device,
                position: *position,
            },
        ),
        Value::Emergency(_) | Value::Online(_) => {
            let code = if matches!(reading.value, Value::Emergency(true)) {
                "emergency_contact_active"
            } else {
                "state_of_a_device"
            };
            let body = Body::Note {
                code: Name::new(code),
                values: vec![(Name::new("device"), device.to_string())],
            };
            event.part(PartKind::Detail, Class::Passage, body)
        }
    }
}
