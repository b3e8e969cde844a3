//! Loops before and under the arm: who came, who left, and who went through against the decision.

use crate::alert::{Severity, code};
use crate::gate::alarm::Alarm;
use crate::gate::passage::Stage;
use crate::gate::{Gate, Outputs};
use crate::moment::Moment;
use crate::reading::{Freshness, Loop, LoopPlace, Reading};
use crate::site::LaneKind;

/// Whoever an arm was opened for by hand goes through within this time.
const OPEN_FOR_MS: u64 = 15_000;

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

    fn under_arm(
        &mut self,
        at: Moment,
        lane: usize,
        occupied: bool,
        out: &mut Outputs,
    ) -> Option<usize> {
        let head = self.head(lane)?;
        let pedestrian = self.config(lane).kind == LaneKind::Pedestrian;
        let passages = &mut self.lanes[lane].passages;
        let index = passages.iter().position(|p| p.cleared()).unwrap_or(head);
        let passage = &mut passages[index];
        if occupied {
            passage.going_through = true;
        } else if passage.going_through && pedestrian && passage.cleared() {
            // Through, and gone.
            passage.freed = Some(at.mono);
        }
        if occupied {
            self.passed_against(at, lane, index, out);
        }
        Some(index)
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
