//! How a lane's passages go on with time: who stands first, who is decided, who has left.

use crate::decision::Verdict;
use crate::event::{Body, Class, End, Event, EventKind, PartKind};
use crate::gate::memory::FALLBACK;
use crate::gate::passage::{Passage, Stage};
use crate::gate::{Gate, Outputs, WINDOW_MS};
use crate::moment::{Moment, Mono};
use crate::name::Name;
use crate::reading::ArmPosition;
use crate::site::{Direction, FallbackVerdict, LaneKind};

/// A loop or a track that ends may come back so soon: until then nobody has left.
const GRACE_MS: u64 = 800;
/// One that left the loop before the arm and not came under it in this time has turned back.
const TURNS_BACK_MS: u64 = 5_000;
/// While a camera follows it, a vehicle that waits is believed to be there without news for so long.
const FOLLOWED_MS: u64 = 120_000;
/// A person who is held stays answerable for so long: time for a guard to come and look.
const HELD_MS: u64 = 60_000;
/// Steps of one lane at one moment; each ends or decides a passage, so this is never reached.
const MOST_STEPS: usize = 256;

impl Gate {
    /// Does what is due in a lane, until nothing is.
    pub(super) fn advance(&mut self, lane: usize, at: Moment, out: &mut Outputs) {
        for _ in 0..MOST_STEPS {
            let step = self.end_one(lane, at, out)
                || self.fall_back(lane, at, out)
                || self.decide_one(lane, at, out);
            if !step {
                break;
            }
        }
        self.warn_early(at, lane, out);
    }

    /// The passage that stands first: nobody behind it is decided before it has gone.
    ///
    /// Those at the arm come before those on their way; an opening would let the first one in.
    pub(super) fn head(&self, lane: usize) -> Option<usize> {
        let passages = self.lanes[lane].passages.iter().enumerate();
        passages
            .min_by_key(|(index, p)| (p.arrived.is_none(), p.arrived, *index))
            .map(|(index, _)| index)
    }

    /// Whether its turn to be decided has come.
    fn its_turn(&self, lane: usize, index: usize) -> bool {
        let first =
            self.config(lane).kind == LaneKind::Pedestrian || self.head(lane) == Some(index);
        first && !self.lanes[lane].passages[index].tailgates && !self.interlocked(lane)
    }

    /// Whether another lane of its interlock is in use: somebody was let through there and has not
    /// gone, or its arm is up.
    pub(super) fn interlocked(&self, lane: usize) -> bool {
        let Some(lock) = &self.config(lane).interlock else {
            return false;
        };
        let others = self.site.lanes.iter().zip(&self.lanes).enumerate();
        let mut others = others.filter(|(other, (config, _))| {
            *other != lane && config.interlock.as_ref() == Some(lock)
        });
        others.any(|(_, (_, state))| {
            let up = matches!(state.arm, Some(ArmPosition::Open | ArmPosition::Moving));
            up || state.passages.iter().any(Passage::cleared)
        })
    }

    /// A vehicle came to the arm.
    pub(super) fn arrive(&mut self, at: Moment, lane: usize, index: usize, out: &mut Outputs) {
        let passage = &mut self.lanes[lane].passages[index];
        if passage.arrived.is_some() {
            return;
        }
        passage.arrived = Some(at.mono);
        if passage.gathering() {
            passage.wait_from = Some(at.mono);
        }
        let id = passage.id.clone();
        // Whoever was let through before it has made room.
        while let Some(gone) = self.lanes[lane]
            .passages
            .iter()
            .take_while(|p| p.id != id)
            .position(Passage::cleared)
        {
            let end = self.lanes[lane].passages[gone].end_on_leaving(true);
            self.end(at, lane, gone, end, out);
        }
    }

    /// When a need that is not there becomes missing.
    fn wait_until(&self, lane: usize, passage: &Passage) -> Option<Mono> {
        let wait = u64::from(self.config(lane).wait_ms);
        let from = passage.wait_from?.max(passage.first_since?);
        Some(from.plus_ms(wait))
    }

    /// When a passage counts as left, if nothing more comes.
    fn leaves_at(&self, lane: usize, index: usize) -> Option<Mono> {
        let passage = &self.lanes[lane].passages[index];
        match self.config(lane).kind {
            LaneKind::Vehicle => self.vehicle_leaves_at(lane, passage),
            LaneKind::Pedestrian => Some(self.person_leaves_at(lane, passage)),
        }
    }

    fn vehicle_leaves_at(&self, lane: usize, passage: &Passage) -> Option<Mono> {
        let config = self.config(lane);
        let state = &self.lanes[lane];
        if let Some(through) = passage.freed.filter(|_| passage.tailgates) {
            return Some(through.plus_ms(GRACE_MS));
        }
        let mut others = state.passages.iter().filter(|p| p.id != passage.id);
        // Another one that comes up explains an occupied loop.
        let explained = if passage.cleared() {
            others.next().is_some()
        } else {
            others.any(|p| p.arrived.is_some())
        };
        let stands = config.has_approach_loop
            && state.approach.live == Some(true)
            && passage.stood
            && passage.freed.is_none()
            && !explained;
        if stands {
            return None;
        }
        let followed = passage.followed();
        let silent = match (followed, passage.cleared()) {
            (true, false) => FOLLOWED_MS.max(u64::from(config.leave_ms)),
            _ => u64::from(config.leave_ms),
        };
        let silent = passage.last_part.plus_ms(silent);
        let silent = outlasts_fallback(passage, silent);
        let gone = if passage.cleared() {
            // Either sign is enough for one that may go.
            passage.freed.into_iter().chain(passage.tracks_closed).min()
        } else if followed {
            None
        } else if passage.stood && config.has_approach_loop {
            let freed = passage.freed.or(explained.then_some(passage.last_part));
            freed.map(|freed| freed.max(passage.tracks_closed.unwrap_or(freed)))
        } else {
            passage.tracks_closed
        };
        let grace = match self.may_turn_back(lane, passage) {
            true => TURNS_BACK_MS,
            false => GRACE_MS,
        };
        Some(gone.map_or(silent, |gone| gone.plus_ms(grace).min(silent)))
    }

    /// Whether a loop under the arm would have told that it went through, and did not.
    fn may_turn_back(&self, lane: usize, passage: &Passage) -> bool {
        let tells = self.lanes[lane].under.live.is_some();
        tells && passage.cleared() && !passage.went_under
    }

    fn person_leaves_at(&self, lane: usize, passage: &Passage) -> Mono {
        let silent = passage
            .last_part
            .plus_ms(u64::from(self.config(lane).leave_ms));
        if let Some(through) = passage
            .freed
            .filter(|_| passage.cleared() || passage.tailgates)
        {
            return through;
        }
        if passage.held() {
            let since = passage
                .decided_at
                .map_or(passage.last_part, |at| at.max(passage.last_part));
            return outlasts_fallback(passage, silent.max(since.plus_ms(HELD_MS)));
        }
        // Nobody is sent away before the wait is over.
        match self.wait_until(lane, passage) {
            Some(wait) if passage.gathering() => silent.max(wait.plus_ms(1)),
            _ => silent,
        }
    }

    fn end_one(&mut self, lane: usize, at: Moment, out: &mut Outputs) -> bool {
        let left = (0..self.lanes[lane].passages.len()).find(|index| {
            let passage = &self.lanes[lane].passages[*index];
            let Some(leaves) = self.leaves_at(lane, *index) else {
                return false;
            };
            // After a pause both may be due: what came first is done first.
            let decides = passage.gathering() && self.its_turn(lane, *index);
            let wait = self.wait_until(lane, passage).filter(|_| decides);
            let fallback = passage.fallback_at.filter(|_| passage.held());
            let before = |due: Option<Mono>| due.is_none_or(|due| leaves < due);
            leaves <= at.mono && before(wait) && before(fallback)
        });
        let Some(index) = left else { return false };
        let vehicle = self.config(lane).kind == LaneKind::Vehicle;
        let passage = &self.lanes[lane].passages[index];
        let end = match vehicle && passage.freed.is_some() && self.may_turn_back(lane, passage) {
            true => End::Withdrawn {
                cause: Name::new(End::TURNED_BACK),
            },
            false => passage.end_on_leaving(vehicle),
        };
        self.end(at, lane, index, end, out);
        true
    }

    /// A hold that nobody answered.
    fn fall_back(&mut self, lane: usize, at: Moment, out: &mut Outputs) -> bool {
        let due = self.lanes[lane]
            .passages
            .iter()
            .position(|p| p.held() && p.fallback_at.is_some_and(|due| due <= at.mono));
        let Some(index) = due else { return false };
        let config = self.config(lane);
        let verdict = match (config.fallback.then, config.direction) {
            (FallbackVerdict::Refuse, _) => Verdict::Refuse,
            (FallbackVerdict::Admit, Direction::Exit) => Verdict::Admit,
            (FallbackVerdict::Admit | FallbackVerdict::GoOnHolding, _) => Verdict::Hold,
        };
        let passage = &mut self.lanes[lane].passages[index];
        passage.fallback_at = None;
        if verdict == Verdict::Hold {
            return true;
        }
        let word = if verdict == Verdict::Admit {
            "admit"
        } else {
            "refuse"
        };
        let body = Body::Note {
            code: Name::new(FALLBACK),
            values: vec![(Name::new("verdict"), word.to_owned())],
        };
        self.answered(at, lane, index, verdict, body, out);
        true
    }

    /// Records the answer to a hold, opens if it says so, and ends the passage of a person.
    pub(super) fn answered(
        &mut self,
        at: Moment,
        lane: usize,
        index: usize,
        verdict: Verdict,
        body: Body,
        out: &mut Outputs,
    ) {
        let passage = &mut self.lanes[lane].passages[index];
        passage.stage = Stage::Answered(verdict);
        passage.not_opened = false;
        passage.fallback_at = None;
        passage.last_part = at.mono;
        let id = passage.id.clone();
        self.lanes[lane].dirty = true;
        let event = Event::new(at, EventKind::Answer)
            .lane(&self.site.lanes[lane].id)
            .passage(&id)
            .part(PartKind::Detail, Class::Passage, body);
        self.record(event, out);
        if verdict == Verdict::Admit {
            self.open(at, lane, Some(id), at.mono.plus_ms(WINDOW_MS), out);
        }
        if self.config(lane).kind == LaneKind::Pedestrian {
            self.end(at, lane, index, End::Answered { verdict }, out);
        }
    }

    fn decide_one(&mut self, lane: usize, at: Moment, out: &mut Outputs) -> bool {
        for index in 0..self.lanes[lane].passages.len() {
            if !self.lanes[lane].passages[index].gathering() || !self.its_turn(lane, index) {
                continue;
            }
            let state = &mut self.lanes[lane];
            let passage = &mut state.passages[index];
            // The one before it was felt by the same loop, which never became free.
            let moved_up = passage.wait_from.is_none()
                && passage.arrived.is_none()
                && state.approach.live == Some(true);
            if moved_up {
                passage.stood = true;
                passage.arrived = Some(at.mono);
                passage.wait_from = Some(at.mono);
            }
            passage.first_since = passage.first_since.or(Some(at.mono));
            let passage = &self.lanes[lane].passages[index];
            let waited = passage.hurried
                || self
                    .wait_until(lane, passage)
                    .is_some_and(|until| until <= at.mono);
            if self.try_to_decide(at, lane, index, waited, out) {
                return true;
            }
        }
        false
    }

    /// The next moment at which something in this lane comes due by itself.
    pub(super) fn lane_deadline(&self, lane: usize) -> Option<Mono> {
        let passages = self.lanes[lane].passages.iter().enumerate();
        passages
            .flat_map(|(index, passage)| {
                let wait = if passage.gathering() && self.its_turn(lane, index) {
                    self.wait_until(lane, passage)
                } else {
                    None
                };
                let fallback = passage.fallback_at.filter(|_| passage.held());
                [wait, fallback, self.leaves_at(lane, index)]
            })
            .flatten()
            .min()
    }
}

/// Silence alone does not end a hold before its fallback has come.
fn outlasts_fallback(passage: &Passage, silent: Mono) -> Mono {
    let fallback = passage.fallback_at.filter(|_| passage.held());
    fallback.map_or(silent, |due| silent.max(due.plus_ms(1)))
}
