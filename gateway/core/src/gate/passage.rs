//! One passage in progress: what belongs together, and how far it has come.

use crate::decision::{Decision, FactRecord, Verdict};
use crate::event::{Band, End};
use crate::facts::Got;
use crate::moment::{Moment, Mono};
use crate::name::{Name, PassageId};
use crate::plate::{Card, Plate};
use crate::reading::{Freshness, Temperature};
use crate::sighting::Sighting;
use crate::site::Need;
use crate::view::PassageView;

/// Tracks that a passage remembers; more are recorded, the oldest forgotten.
pub(super) const TRACKS_PER_PASSAGE: usize = 8;
/// Cameras of a lane whose sightings of one passage are compared; more are not.
const CAMERAS_PER_PASSAGE: usize = 4;
/// Two cameras that begin to see something within this time see the same.
const SEEN_TOGETHER_MS: u64 = 1_500;

/// How far a passage has come. It is decided at most once and answered at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Gathering,
    Decided(Verdict),
    Answered(Verdict),
}

#[derive(Clone, Debug)]
pub(super) struct Track {
    pub camera: Name,
    pub number: u64,
    pub revision: u32,
    pub closed: bool,
}

/// A need that a rule wants once more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Again {
    pub need: Need,
    /// Only what comes after this counts; in the future while one rests.
    pub since: Mono,
    /// A person rests until then, aside: the next one does not hurry them.
    pub rests: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Passage {
    pub id: PassageId,
    pub begun: Moment,
    pub stage: Stage,
    pub sighting: Option<Sighting>,
    /// The best live sighting of each camera but that of the one kept.
    pub others: Vec<Sighting>,
    pub tracks: Vec<Track>,
    /// When its last open track was closed.
    pub tracks_closed: Option<Mono>,
    pub card: Option<Got<Card>>,
    pub temperature: Option<Got<Temperature>>,
    /// When it came to the arm, as a loop or stop line told.
    pub arrived: Option<Mono>,
    /// A loop felt it.
    pub stood: bool,
    /// When the loop that felt it became free.
    pub freed: Option<Mono>,
    /// The arm opened, or the loop under it was occupied, since it was admitted.
    pub going_through: bool,
    /// From here the wait runs; `None` while it still has to arrive.
    pub wait_from: Option<Mono>,
    pub again: Option<Again>,
    pub rearms: u8,
    pub last_part: Mono,
    /// The newest live and trusted part: the window of an opening begins here.
    pub newest_live: Option<Mono>,
    pub decided_at: Option<Mono>,
    pub decision: Option<Decision>,
    pub facts: Vec<FactRecord>,
    pub fallback_at: Option<Mono>,
    /// Its opening did not go out.
    pub not_opened: bool,
    /// It went through although it was held or refused, and that was told.
    pub passed_against: bool,
    /// The next person has come: it waits no longer.
    pub hurried: bool,
    /// It stood under the arm since it was let through.
    pub went_under: bool,
    /// When the loop under the arm became free of it.
    pub under_freed: Option<Mono>,
    /// It goes through on the opening of the one before: it is decided no more.
    pub tailgates: bool,
    /// Something came since the rules were last looked through for what cannot wait.
    pub fresh: bool,
    /// Rules whose alert was raised before the decision.
    pub told: Vec<Name>,
    /// Since when it stands first; nothing waits for one behind.
    pub first_since: Option<Mono>,
}

impl Passage {
    pub fn new(id: PassageId, at: Moment) -> Passage {
        Passage {
            id,
            begun: at,
            stage: Stage::Gathering,
            sighting: None,
            others: Vec::new(),
            tracks: Vec::new(),
            tracks_closed: None,
            card: None,
            temperature: None,
            arrived: None,
            stood: false,
            freed: None,
            going_through: false,
            wait_from: None,
            again: None,
            rearms: 0,
            last_part: at.mono,
            newest_live: None,
            decided_at: None,
            decision: None,
            facts: Vec::new(),
            fallback_at: None,
            not_opened: false,
            passed_against: false,
            hurried: false,
            went_under: false,
            under_freed: None,
            tailgates: false,
            fresh: false,
            told: Vec::new(),
            first_since: None,
        }
    }

    pub fn gathering(&self) -> bool {
        self.stage == Stage::Gathering
    }

    /// A person or upstream can answer it.
    pub fn held(&self) -> bool {
        self.stage == Stage::Decided(Verdict::Hold)
    }

    /// It may go through, and is on its way.
    pub fn cleared(&self) -> bool {
        matches!(
            self.stage,
            Stage::Decided(Verdict::Admit) | Stage::Answered(Verdict::Admit)
        )
    }

    pub fn has_track(&self, camera: &Name, number: u64) -> bool {
        self.tracks
            .iter()
            .any(|track| track.number == number && track.camera == *camera)
    }

    pub fn has_plate(&self, plate: &Plate) -> bool {
        self.sighting.as_ref().is_some_and(|s| s.plate == *plate)
    }

    /// Whether another camera than that of the sighting kept is as sure of another plate.
    pub fn cameras_disagree(&self, sure_permille: u16) -> bool {
        let Some(kept) = &self.sighting else {
            return false;
        };
        let mut others = self.others.iter().filter(|s| s.camera != kept.camera);
        others.any(|s| s.confidence_permille >= sure_permille && s.plate != kept.plate)
    }

    /// Some camera still follows it.
    pub fn followed(&self) -> bool {
        self.tracks.iter().any(|track| !track.closed)
    }

    /// Takes a sighting in. False: an old revision of a track that is known, nothing new.
    pub fn take_sighting(&mut self, sighting: &Sighting, now: Mono) -> bool {
        let known = self
            .tracks
            .iter_mut()
            .find(|track| track.number == sighting.track && track.camera == sighting.camera);
        match known {
            Some(track) if sighting.revision <= track.revision => return false,
            Some(track) => {
                track.revision = sighting.revision;
                track.closed = track.closed || sighting.closed;
            }
            None => {
                if self.tracks.len() == TRACKS_PER_PASSAGE {
                    self.tracks.remove(0);
                }
                self.tracks.push(Track {
                    camera: sighting.camera.clone(),
                    number: sighting.track,
                    revision: sighting.revision,
                    closed: sighting.closed,
                });
            }
        }
        self.note_closed(now);
        let other_camera = |kept: &Sighting| kept.camera != sighting.camera;
        if !better(self.sighting.as_ref(), sighting) {
            self.take_other(sighting);
        } else if let Some(before) = self.sighting.replace(sighting.clone())
            && other_camera(&before)
        {
            self.take_other(&before);
        }
        true
    }

    /// What the other cameras of the lane say, to compare them.
    fn take_other(&mut self, sighting: &Sighting) {
        let kept = self.sighting.as_ref();
        if sighting.freshness != Freshness::Live
            || kept.is_none_or(|kept| kept.camera == sighting.camera)
        {
            return;
        }
        let known = self.others.iter().position(|s| s.camera == sighting.camera);
        match known {
            Some(index) if better(self.others.get(index), sighting) => {
                self.others[index] = sighting.clone();
            }
            None if self.others.len() < CAMERAS_PER_PASSAGE => self.others.push(sighting.clone()),
            _ => {}
        }
    }

    /// Whether a camera that has not seen it yet may be seeing it: another camera did, at the same
    /// time, or both see it at the arm.
    pub fn may_be_seen_by(&self, sighting: &Sighting) -> bool {
        let Some(kept) = &self.sighting else {
            return false;
        };
        let new = self
            .tracks
            .iter()
            .all(|track| track.camera != sighting.camera);
        let apart =
            kept.first_seen.since(sighting.first_seen) + sighting.first_seen.since(kept.first_seen);
        let together = apart <= SEEN_TOGETHER_MS * 1_000;
        let at_arm = kept.at_arm && sighting.at_arm;
        self.gathering() && new && (together || at_arm)
    }

    /// The camera is gone: nobody will tell that its tracks ended.
    pub fn close_tracks(&mut self, camera: &Name, now: Mono) {
        for track in self.tracks.iter_mut().filter(|t| t.camera == *camera) {
            track.closed = true;
        }
        // That is no sign of leaving to one who waits for an answer.
        if !self.held() {
            self.note_closed(now);
        }
    }

    fn note_closed(&mut self, now: Mono) {
        if self.tracks.is_empty() || self.followed() {
            self.tracks_closed = None;
        } else if self.tracks_closed.is_none() {
            self.tracks_closed = Some(now);
        }
    }

    /// Notes that a part came; only live and trusted ones move the window.
    pub fn touch(&mut self, now: Mono, live_since: Option<Mono>) {
        self.last_part = self.last_part.max(now);
        self.newest_live = self.newest_live.max(live_since);
        self.fresh = true;
    }

    /// How it ends when it leaves now.
    pub fn end_on_leaving(&self, vehicle: bool) -> End {
        match self.stage {
            Stage::Decided(Verdict::Admit) => End::Admitted,
            Stage::Decided(Verdict::Refuse) => End::Refused,
            Stage::Answered(verdict) => End::Answered { verdict },
            Stage::Gathering if self.going_through => End::PassedUndecided,
            Stage::Decided(Verdict::Hold) if self.passed_against => End::Withdrawn {
                cause: Name::new("passed_against"),
            },
            Stage::Decided(Verdict::Hold) | Stage::Gathering => {
                if vehicle && self.unread() {
                    End::Unread
                } else {
                    End::Withdrawn {
                        cause: Name::new("left"),
                    }
                }
            }
        }
    }

    fn unread(&self) -> bool {
        match &self.decision {
            Some(decision) => decision.missing.iter().any(|m| m.fact.as_str() == "plate"),
            None => self.sighting.is_none(),
        }
    }

    pub fn view(&self, ended: Option<End>) -> PassageView {
        PassageView {
            id: self.id.clone(),
            begun: self.begun,
            sighting: self.sighting.clone(),
            plate: self.sighting.as_ref().map(|s| s.plate.clone()),
            card: self.card.as_ref().map(|got| got.value.clone()),
            temperature: self.temperature.as_ref().map(|got| got.value.body),
            band: self
                .temperature
                .as_ref()
                .map(|got| Band::of(got.value.body)),
            decision: self.decision.clone(),
            facts: self.facts.clone(),
            fallback_at: self.fallback_at,
            rests_until: self.rests_until().filter(|_| ended.is_none()),
            ended,
        }
    }

    /// Until when a person rests before they are measured again; also when that is over and they
    /// have not come back yet.
    pub fn rests_until(&self) -> Option<Mono> {
        let again = self.again.filter(|again| again.rests);
        again.map(|again| again.since)
    }
}

/// Whether a newer sighting replaces the one kept: never a live one by one that is not, nor one
/// of the same track by an older revision; of different tracks the surer stays.
fn better(kept: Option<&Sighting>, new: &Sighting) -> bool {
    let Some(kept) = kept else { return true };
    if kept.freshness == Freshness::Live && new.freshness != Freshness::Live {
        return false;
    }
    if kept.camera == new.camera && kept.track == new.track {
        return new.revision > kept.revision;
    }
    new.confidence_permille >= kept.confidence_permille
}
