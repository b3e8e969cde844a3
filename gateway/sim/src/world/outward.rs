//! Append, durable, only then outward: the writer's and the dispatcher's work in simulated time.

use gateway_core::decision::Verdict;
use gateway_core::event::{Barrier, MoveOutcome};
use gateway_core::gate::Input;
use gateway_core::name::Name;
use gateway_store::deliver;
use gateway_store::journal::Journal;

use super::{Happening, World, lane_of};
use crate::faults::Blow;
use crate::plant::Plant;
use crate::process::{Asked, Committing, Outward};

/// A loop under the arm older than this is not known: the last look before a close leaves.
const FRESH_MS: u64 = 500;

impl World {
    /// Hands what waits to the disk, when that is idle.
    pub(super) fn commit(&mut self) {
        let Some(process) = &mut self.process else {
            return;
        };
        match process.begin_commit() {
            Ok(false) => return,
            Ok(true) => {}
            Err(error) => return self.fail(error),
        }
        let boot = process.boot;
        let takes = if self.disk_stalls && self.chance(10) < 3 {
            500 + self.chance(4_500)
        } else {
            2 + self.chance(11)
        };
        self.after(takes, Happening::Committed(boot));
        if let Some((Blow::InCommit, down_ms)) = self.blow {
            self.blow = None;
            self.after(1, Happening::Crash(down_ms));
        }
        if self.plant(Plant::OutwardBeforeAppend) {
            let early = self.process.as_mut().and_then(|p| p.committing.take());
            if let Some(mut committing) = early {
                self.outward(&mut committing);
                if let Some(process) = &mut self.process {
                    process.committing = Some(committing);
                }
            }
        }
    }

    pub(super) fn committed(&mut self, boot: u32) {
        let committing = match &mut self.process {
            Some(process) if process.boot == boot => process.committing.take(),
            _ => return,
        };
        let Some(mut committing) = committing else {
            return;
        };
        self.append(&committing);
        if !self.edge.started {
            self.edge.started = true;
            self.left_open(boot);
        }
        if let Some((Blow::AfterAppend, down_ms)) = self.blow {
            self.blow = None;
            return self.crash(down_ms);
        }
        self.outward(&mut committing);
        let through = self.last();
        self.deliver(deliver::Input::Appended { through });
        if let Some((Blow::AfterOutward, down_ms)) = self.blow {
            self.blow = None;
            return self.crash(down_ms);
        }
        self.commit();
    }

    /// What was under way at the crash has ended by now.
    fn left_open(&mut self, boot: u32) {
        let of_boot = format!("-{boot}-");
        let left: Vec<String> = self
            .oracle
            .open_passages()
            .map(ToString::to_string)
            .filter(|id| !id.contains(&of_boot))
            .collect();
        if let Some(id) = left.first() {
            self.oracle.broken(
                "D-2",
                format!("{id} was cut short and the start did not end it"),
            );
        }
    }

    /// The batch survives power loss from now on.
    pub(super) fn append(&mut self, committing: &Committing) {
        let batch = &committing.batch;
        if (!batch.records.is_empty() || batch.snapshot.is_some())
            && let Err(error) = self.ground.journal.append(batch)
        {
            return self.fail(error);
        }
        for durable in &committing.durable {
            for told in &durable.then.told {
                self.oracle.durable(told);
            }
        }
    }

    fn outward(&mut self, committing: &mut Committing) {
        for durable in &mut committing.durable {
            if let Some(last) = durable.stored.last() {
                self.oracle.accepted = (durable.last, last.hash);
            }
            let Outward {
                moves,
                told,
                acknowledge,
            } = &mut durable.then;
            for told in told.iter() {
                let hold = told
                    .decision
                    .as_ref()
                    .is_some_and(|decided| decided.verdict == Verdict::Hold);
                let lane = told.lane.as_ref().and_then(|id| lane_of(&self.roads, id));
                if let (true, Some(lane), Some(passage)) = (hold, lane, &told.passage) {
                    self.somebody_looks(lane, passage.clone());
                }
            }
            let moves = std::mem::take(moves);
            let acknowledge = acknowledge.take();
            for asked in moves {
                self.release(asked);
            }
            if let Some(message) = acknowledge {
                self.unacknowledged.remove(&message);
            }
        }
    }

    /// Lets a move go, or drops it when its window has passed.
    fn release(&mut self, asked: Asked) {
        let Some(process) = &self.process else {
            return;
        };
        let lapses = asked.wanted.command != Barrier::Release;
        let late = lapses && process.mono(self.now) > asked.wanted.until;
        if late && !self.plant(Plant::ReleasesLateMoves) {
            return self.dropped(&asked, "window_passed");
        }
        self.command(asked);
    }

    /// The barrier's edge: the last look, the link, the arm.
    pub(super) fn command(&mut self, asked: Asked) {
        let Some(lane) = lane_of(&self.roads, &asked.wanted.lane) else {
            return;
        };
        let command = asked.wanted.command;
        if matches!(command, Barrier::HoldOpen | Barrier::Release) {
            self.edge.standing.insert(lane, asked.clone());
        }
        if self.barrier_down {
            return self.dropped(&asked, "link_down");
        }
        if command == Barrier::Close
            && !self.plant(Plant::ClosesOnStaleLoop)
            && let Some(cause) = self.cause_not_to_close(lane)
        {
            return self.dropped(&asked, cause);
        }
        let Some(boot) = self.process.as_ref().map(|process| process.boot) else {
            return;
        };
        let durable = self.last() >= self.oracle.accepted.0;
        self.oracle.leaves(&asked, lane, boot, durable);
        self.arm_command(lane, command);
        let takes = 5 + self.chance(25);
        let (id, outcome) = (asked.wanted.id, MoveOutcome::Sent);
        self.left_behind = vec![asked];
        self.after(takes, Happening::Moved(boot, id, lane, command, outcome));
    }

    fn cause_not_to_close(&self, lane: usize) -> Option<&'static str> {
        match self.edge.loops.get(&lane) {
            None => Some("loop_unknown"),
            Some((_, true)) => Some("loop_occupied"),
            Some((read, false)) if self.now - read > FRESH_MS => Some("loop_stale"),
            Some((_, false)) => None,
        }
    }

    fn dropped(&mut self, asked: &Asked, cause: &str) {
        let Some(lane) = lane_of(&self.roads, &asked.wanted.lane) else {
            return;
        };
        let outcome = MoveOutcome::Dropped {
            cause: Name::new(cause),
        };
        let (id, command) = (asked.wanted.id, asked.wanted.command);
        self.after(1, Happening::Moved(asked.boot, id, lane, command, outcome));
    }

    pub(super) fn moved(
        &mut self,
        boot: u32,
        id: u64,
        lane: usize,
        command: Barrier,
        outcome: MoveOutcome,
    ) {
        if self.process.as_ref().is_some_and(|p| p.boot == boot) {
            let lane = self.roads[lane].name.clone();
            let input = Input::Moved {
                id,
                lane,
                command,
                outcome,
            };
            self.tell(input, None);
        }
    }

    /// The link to the arms is back: what stands is told again.
    pub(super) fn tell_standing(&mut self) {
        let standing: Vec<Asked> = self.edge.standing.values().cloned().collect();
        for asked in standing {
            self.command(asked);
        }
    }
}
