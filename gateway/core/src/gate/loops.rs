//! Loops before and under the arm: who came, who left, and who went through against the decision.

use crate::alert::{Severity, code};
use crate::gate::alarm::Alarm;
use crate::gate::passage::{Passage, Stage};
use crate::gate::{Gate, Outputs};
use crate::moment::{Moment, Mono};
use crate::reading::{Freshness, Loop, LoopPlace, Reading};
use crate::site::LaneKind;

/// Whoever an arm was opened for by hand goes through within this time.
const OPEN_FOR_MS: u64 = 15_000;
/// The loop under the arm may lose a vehicle between its axles, or with a trailer, for so long.
const SAME_UNDER_MS: u64 = 700;

/// Who comes under the arm.
enum Under {
    /// One that was let through.
    Cleared(usize),
    /// One that was let through, and whose passage has ended.
    Gone,
    /// One more on the opening of another.
    Tailgater,
    /// Whoever stands first, if anybody does.
    Other,
}

impl Gate {
    pub(super) fn loop_reading(
        &mut self,
        at: Moment,
        lane: usize,
        reading: &Reading,
        state: Loop,
        out: &mut Outputs,
    ) {
        let trusted = reading.trust.opens(self.config(lane).password_opens);
        let now = reading.freshness == Freshness::Live && trusted;
        let lane_state = &mut self.lanes[lane];
        let known = match state.place {
            LoopPlace::Approach => &mut lane_state.approach,
            LoopPlace::UnderArm => &mut lane_state.under,
        };
        let changed = now && known.live != Some(state.occupied);
        known.device = Some(reading.device.clone());
        // What is not live may only make us more careful.
        if now || state.occupied {
            known.occupied = Some(state.occupied);
        }
        if now {
            known.live = Some(state.occupied);
            known.read = known.read.max(Some(reading.received));
        }
        if !changed {
            return;
        }
        lane_state.dirty = true;
        let index = match (state.place, state.occupied) {
            (LoopPlace::Approach, true) => self.loop_occupied(at, lane, out),
            (LoopPlace::Approach, false) => self.loop_freed(at, lane),
            (LoopPlace::UnderArm, occupied) => self.under_arm(at, lane, occupied, out),
        };
        match index {
            Some(index) => {
                let passage = &mut self.lanes[lane].passages[index];
                passage.touch(at.mono, None);
                let arrived = state.place == LoopPlace::Approach && state.occupied;
                self.joined(at, lane, index, reading, out);
                if arrived {
                    self.arrive(at, lane, index, out);
                }
            }
            // A loop that frees itself, or under an arm that nobody was let through.
            None if state.occupied => self.stray_reading(at, reading, None, out),
            None => {}
        }
    }

    /// Which passage the approach loop feels: the oldest that has not come to it, else one that
    /// only rolled back, else one nobody has seen yet.
    fn loop_occupied(&mut self, at: Moment, lane: usize, out: &mut Outputs) -> Option<usize> {
        let passages = &self.lanes[lane].passages;
        let coming = passages.iter().position(|p| p.arrived.is_none());
        let back = || passages.iter().rposition(|p| p.freed.is_some());
        let index = match coming.or_else(back) {
            Some(index) => index,
            None if self.config(lane).kind == LaneKind::Pedestrian => return None,
            None => self.begin(at, lane, None, out),
        };
        let passage = &mut self.lanes[lane].passages[index];
        passage.stood = true;
        passage.freed = None;
        Some(index)
    }

    fn loop_freed(&mut self, at: Moment, lane: usize) -> Option<usize> {
        let passages = &mut self.lanes[lane].passages;
        let index = passages.iter().position(|p| p.stood && p.freed.is_none())?;
        passages[index].freed = Some(at.mono);
        Some(index)
    }

    /// What the loop under the arm tells: who went through. `None`: of nobody who is here.
    fn under_arm(
        &mut self,
        at: Moment,
        lane: usize,
        occupied: bool,
        out: &mut Outputs,
    ) -> Option<usize> {
        if !occupied {
            return self.under_freed(at, lane);
        }
        let index = match self.goes_under(at, lane) {
            Under::Cleared(index) => index,
            Under::Gone => return None,
            Under::Tailgater => self.tailgated(at, lane, out),
            Under::Other => self.head(lane)?,
        };
        let passage = &mut self.lanes[lane].passages[index];
        passage.going_through = true;
        passage.went_under = true;
        passage.under_freed = None;
        self.passed_against(at, lane, index, out);
        Some(index)
    }

    fn under_freed(&mut self, at: Moment, lane: usize) -> Option<usize> {
        let pedestrian = self.config(lane).kind == LaneKind::Pedestrian;
        let state = &mut self.lanes[lane];
        let under = |p: &Passage| p.went_under && p.under_freed.is_none();
        let Some(index) = state.passages.iter().position(under) else {
            // Its passage had ended before it was through.
            if state.opening.is_some() && state.passed.is_none() {
                state.passed = Some(at.mono);
            }
            return self.head(lane);
        };
        let passage = &mut state.passages[index];
        passage.under_freed = Some(at.mono);
        if passage.cleared() {
            state.passed = Some(at.mono);
        }
        // Through, and gone.
        if passage.tailgates || (pedestrian && passage.cleared()) {
            passage.freed = Some(at.mono);
        }
        Some(index)
    }

    /// Who comes under the arm.
    fn goes_under(&self, at: Moment, lane: usize) -> Under {
        let state = &self.lanes[lane];
        let same = |freed: Mono| at.mono.since(freed) <= SAME_UNDER_MS * 1_000;
        let mut cleared = state
            .passages
            .iter()
            .enumerate()
            .filter(|(_, p)| p.cleared());
        let not_through = cleared.find(|(_, p)| p.under_freed.is_none_or(same));
        if let Some((index, _)) = not_through {
            return Under::Cleared(index);
        }
        let lately = state
            .opening
            .is_some_and(|asked| at.mono.since(asked) <= OPEN_FOR_MS * 1_000);
        // Whom a person waves through by hand is not counted.
        let opened_for = state.moves.back().and_then(|(_, passage)| passage.as_ref());
        let ours = lately && !self.config(lane).shadow && !self.emergency_active();
        match (ours, opened_for, state.passed) {
            (true, Some(_), Some(passed)) if same(passed) => Under::Gone,
            // One that was held or refused and stands first goes through against that.
            (true, Some(_), Some(_)) if self.stands_decided(lane) => Under::Other,
            (true, Some(_), Some(_)) => Under::Tailgater,
            (true, Some(id), None) if state.recent.iter().any(|r| r.went && r.id == *id) => {
                Under::Gone
            }
            _ => Under::Other,
        }
    }

    fn stands_decided(&self, lane: usize) -> bool {
        let vehicle = self.config(lane).kind == LaneKind::Vehicle;
        let head = self.head(lane).map(|head| &self.lanes[lane].passages[head]);
        vehicle && head.is_some_and(|head| !head.gathering() && !head.cleared())
    }

    /// Somebody goes through on the opening of the one before: the next in the lane, if it is not
    /// decided, else one whom nobody has seen. It ends as passed without a decision.
    fn tailgated(&mut self, at: Moment, lane: usize, out: &mut Outputs) -> usize {
        let next = self.lanes[lane].passages.iter();
        let next = next
            .enumerate()
            .filter(|(_, p)| p.gathering() && !p.tailgates);
        let next = next.min_by_key(|(index, p)| (p.arrived.is_none(), p.arrived, *index));
        let index = match next.map(|(index, _)| index) {
            Some(index) => index,
            None => self.begin(at, lane, None, out),
        };
        let passage = &mut self.lanes[lane].passages[index];
        passage.tailgates = true;
        passage.passed_against = true;
        let alarm = Alarm::new(code::TAILGATED, Severity::Critical);
        self.raise(at, Some(lane), Some(index), alarm, Vec::new(), out);
        index
    }

    /// Whoever is held or was refused and goes through all the same: a forced arm or a tailgater.
    fn passed_against(&mut self, at: Moment, lane: usize, index: usize, out: &mut Outputs) {
        let decided = !matches!(self.lanes[lane].passages[index].stage, Stage::Gathering);
        let passage = &self.lanes[lane].passages[index];
        let against = decided && !passage.cleared() && !passage.passed_against;
        if !against
            || self.config(lane).shadow
            || self.emergency_active()
            || self.opened_for_others(at, lane, index)
        {
            return;
        }
        self.lanes[lane].passages[index].passed_against = true;
        let alarm = Alarm::new(code::PASSED_AGAINST, Severity::Critical);
        self.raise(at, Some(lane), Some(index), alarm, Vec::new(), out);
    }

    /// Whether the arm was opened lately by hand for whoever stands there, or for a person whose
    /// passage ended with the answer.
    fn opened_for_others(&self, at: Moment, lane: usize, index: usize) -> bool {
        let state = &self.lanes[lane];
        let lately = state
            .opening
            .is_some_and(|asked| at.mono.since(asked) <= OPEN_FOR_MS * 1_000);
        let pedestrian = self.config(lane).kind == LaneKind::Pedestrian;
        let others = match state.moves.back() {
            Some((_, Some(id))) => pedestrian && *id != state.passages[index].id,
            Some((_, None)) => true,
            None => false,
        };
        lately && others
    }
}
