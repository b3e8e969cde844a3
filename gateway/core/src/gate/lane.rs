//! One lane's state: its passages in order, loops, arm, and what ended lately.

use std::collections::VecDeque;

use crate::event::{Body, Class, End, Event, EventKind, PartKind};
use crate::gate::passage::{Passage, Stage, Track};
use crate::gate::{Gate, Outputs};
use crate::moment::{Moment, Mono};
use crate::name::{Name, PassageId};
use crate::plate::Plate;
use crate::reading::ArmPosition;
use crate::site::LaneKind;
use crate::view::{LaneView, PassageView};

/// Passages open in a lane at once; one more ends the oldest with the cause `crowded`.
pub const PASSAGES_PER_LANE: usize = 32;
/// Ended passages whose late parts are still told from new ones.
const RECENT_PER_LANE: usize = 16;
/// Moves whose answer is still matched with their passage.
const MOVES_PER_LANE: usize = 32;

#[derive(Debug, Default)]
pub(super) struct LaneState {
    /// Passages begun in this boot.
    pub count: u64,
    /// Begun and not ended, the oldest first.
    pub passages: Vec<Passage>,
    pub recent: VecDeque<Recent>,
    pub last: Option<PassageView>,
    pub approach: LoopState,
    pub under: LoopState,
    pub arm: Option<ArmPosition>,
    /// An opening was asked or sent then; `None` after it was dropped.
    pub opening: Option<Mono>,
    /// When the one that the last opening was for had gone under the arm.
    pub passed: Option<Mono>,
    pub moves: VecDeque<(u64, Option<PassageId>)>,
    /// Shown to people at the end of the input.
    pub dirty: bool,
}

/// What a loop said last. Unknown until a reading came.
#[derive(Debug, Default)]
pub(super) struct LoopState {
    pub occupied: Option<bool>,
    /// The same by live and proven readings alone: arrivals and departures rest on it.
    pub live: Option<bool>,
    /// Which device told.
    pub device: Option<Name>,
    /// When the newest reading arrived that may be believed as of now.
    pub read: Option<Mono>,
}

/// A passage that ended, for its late parts.
#[derive(Debug)]
pub(super) struct Recent {
    pub id: PassageId,
    pub plate: Option<Plate>,
    pub tracks: Vec<Track>,
    /// It went through: the same plate seen at once again is the same vehicle.
    pub went: bool,
    pub ended: Mono,
}

impl LaneState {
    pub fn find(&self, id: &PassageId) -> Option<usize> {
        self.passages.iter().position(|passage| passage.id == *id)
    }

    pub fn remember_move(&mut self, id: u64, passage: Option<PassageId>) {
        if self.moves.len() == MOVES_PER_LANE {
            self.moves.pop_front();
        }
        self.moves.push_back((id, passage));
    }
}

impl Gate {
    /// Begins a passage and returns its index.
    pub(super) fn begin(
        &mut self,
        at: Moment,
        lane: usize,
        before: Option<&PassageId>,
        out: &mut Outputs,
    ) -> usize {
        if self.lanes[lane].passages.len() >= PASSAGES_PER_LANE {
            let oldest = &self.lanes[lane].passages[0];
            let end = match oldest.stage {
                Stage::Gathering => End::Withdrawn {
                    cause: Name::new("crowded"),
                },
                _ => oldest.end_on_leaving(false),
            };
            self.end(at, lane, 0, end, out);
        }
        let config = &self.site.lanes[lane];
        let state = &mut self.lanes[lane];
        state.count += 1;
        let id = PassageId::new(&config.id, self.boot, state.count);
        let mut passage = Passage::new(id.clone(), at);
        // Where a working loop tells arrival, the wait begins there; else with the first part.
        let loop_tells = config.has_approach_loop && state.approach.live.is_some();
        if !(config.kind == LaneKind::Vehicle && loop_tells) {
            passage.wait_from = Some(at.mono);
        }
        state.passages.push(passage);
        state.dirty = true;
        let index = state.passages.len() - 1;
        let mut event = Event::new(at, EventKind::PassageBegun)
            .lane(&self.site.lanes[lane].id)
            .passage(&id);
        if let Some(before) = before {
            let body = Body::Note {
                code: Name::new("measured_again"),
                values: vec![(Name::new("before"), before.as_str().to_owned())],
            };
            event = event.part(PartKind::Detail, Class::Passage, body);
        }
        self.record(event, out);
        index
    }

    /// Ends a passage, once: it leaves the list here and nowhere else.
    pub(super) fn end(
        &mut self,
        at: Moment,
        lane: usize,
        index: usize,
        end: End,
        out: &mut Outputs,
    ) {
        let state = &mut self.lanes[lane];
        let passage = state.passages.remove(index);
        state.dirty = true;
        if state.recent.len() == RECENT_PER_LANE {
            state.recent.pop_front();
        }
        state.last = Some(passage.view(Some(end.clone())));
        let tracks = match &end {
            // The next passage goes on with them.
            End::MeasuredAgain { .. } => Vec::new(),
            _ => passage.tracks.clone(),
        };
        state.recent.push_back(Recent {
            id: passage.id.clone(),
            plate: passage.sighting.as_ref().map(|s| s.plate.clone()),
            tracks,
            went: passage.cleared(),
            ended: at.mono,
        });
        let body = Body::PassageEnded {
            end,
            decided: passage.decision.is_some(),
        };
        let event = Event::new(at, EventKind::PassageEnded)
            .lane(&self.site.lanes[lane].id)
            .passage(&passage.id)
            .part(PartKind::Detail, Class::Passage, body);
        self.record(event, out);
    }

    pub(super) fn view(&self, lane: usize) -> LaneView {
        let state = &self.lanes[lane];
        let config = self.config(lane);
        let shown = match config.kind {
            LaneKind::Vehicle => self.head(lane).or(state.passages.len().checked_sub(1)),
            LaneKind::Pedestrian => state.passages.len().checked_sub(1),
        };
        let held = state.passages.iter().enumerate();
        let held = held.filter(|(index, passage)| passage.held() && Some(*index) != shown);
        let resting = state.passages.iter();
        let resting = resting.filter(|passage| passage.rests_until().is_some());
        LaneView {
            resting: u32::try_from(resting.count()).unwrap_or(u32::MAX),
            held: held.map(|(_, passage)| passage.view(None)).collect(),
            locked_down: self.locked_down(lane),
            lane: config.id.clone(),
            passage: match shown {
                Some(index) => Some(state.passages[index].view(None)),
                None => state.last.clone(),
            },
            open_passages: u32::try_from(state.passages.len()).unwrap_or(u32::MAX),
            arm: state.arm,
            under_arm_occupied: state.under.occupied,
            emergency: self.emergency_active(),
        }
    }
}
