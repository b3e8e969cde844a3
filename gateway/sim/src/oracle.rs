//! What must hold after every step, judged by what truly happened: the oracle knows who stands where,
//! what was live, what was acknowledged and what the platform has, and believes the gate nothing.

use std::collections::{BTreeMap, BTreeSet};

use gateway_core::decision::Verdict;
use gateway_core::event::{Barrier, EventKind};
use gateway_core::moment::Mono;
use gateway_core::name::PassageId;
use gateway_core::reading::Millidegrees;
use gateway_store::header::Hash;
use traffic::day::{Role, Visit};

use crate::process::Asked;
use crate::site::Rules;
use crate::told::{Decided, Told};

/// An opening may go out so long after what it rests on.
const WINDOW_MS: u64 = 2_000;
/// A close needs a reading of the loop under the arm that is no older.
const LOOP_FRESH_MS: u64 = 500;
/// A passage is decided so long after its last live part at the latest.
const PARTS_LIVE_MS: u64 = 180_000;
/// Violations that are told; a run ends with them.
pub const MOST_VIOLATIONS: usize = 20;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub promise: &'static str,
    pub step: u64,
    pub at_ms: u64,
    pub what: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.at_ms / 1_000;
        write!(
            f,
            "{} at step {}, {:02}:{:02}:{:02}.{:03}: {}",
            self.promise,
            self.step,
            seconds / 3_600,
            seconds / 60 % 60,
            seconds % 60,
            self.at_ms % 1_000,
            self.what
        )
    }
}

/// The life of a passage as the journal tells it.
#[derive(Clone, Debug, Default)]
struct Life {
    decisions: u32,
    openings: u32,
    ended: bool,
    /// Who it is, as decided.
    who: Option<Box<Decided>>,
    /// It was let through, and whether its card's holder was inside before.
    through: Option<bool>,
}

/// Who truly is somewhere: by lane and the key presented, the visits.
pub type Present = BTreeMap<(usize, String), Vec<usize>>;

pub struct Oracle {
    pub violations: Vec<Violation>,
    pub step: u64,
    pub now: u64,
    rules: Rules,
    lives: BTreeMap<PassageId, Life>,
    pub counts: Counts,
    /// Who is inside by the recorded admits, cards and listed plates.
    inside: BTreeSet<String>,
    uses: BTreeMap<String, u32>,
    limits: BTreeMap<String, u32>,
    orders: BTreeSet<String>,
    /// Truly live and proven: when each key was last presented in a lane.
    live: BTreeMap<(usize, String), u64>,
    /// The loop under each arm: when it was last truly read free; `None`: occupied or unknown.
    under_free: Vec<Option<u64>>,
    /// The last number that went outward, with its hash.
    pub accepted: (u64, Hash),
    /// Events recorded and durable in this boot, for what a start may do.
    pub inputs_since_boot: u64,
    emergency: bool,
    lock_down: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passages: u64,
    pub decisions: u64,
    pub admits: u64,
    pub holds: u64,
    pub refuses: u64,
    pub answers: u64,
    pub openings: u64,
    pub closes: u64,
    pub alerts: u64,
}

impl Oracle {
    pub fn new(rules: Rules, lanes: usize, limits: BTreeMap<String, u32>) -> Oracle {
        Oracle {
            violations: Vec::new(),
            step: 0,
            now: 0,
            rules,
            lives: BTreeMap::new(),
            counts: Counts::default(),
            inside: BTreeSet::new(),
            uses: BTreeMap::new(),
            limits,
            orders: BTreeSet::new(),
            live: BTreeMap::new(),
            under_free: vec![None; lanes],
            accepted: (0, Hash::ZERO),
            inputs_since_boot: 0,
            emergency: false,
            lock_down: false,
        }
    }

    pub fn broken(&mut self, promise: &'static str, what: impl Into<String>) {
        if self.violations.len() < MOST_VIOLATIONS {
            self.violations.push(Violation {
                promise,
                step: self.step,
                at_ms: self.now,
                what: what.into(),
            });
        }
    }

    /// Something live and proven reached the gateway.
    pub fn came_live(&mut self, lane: usize, key: &str) {
        self.live.insert((lane, key.to_owned()), self.now);
    }

    pub fn under_arm_read(&mut self, lane: usize, occupied: bool, live: bool) {
        if occupied {
            self.under_free[lane] = None;
        } else if live {
            self.under_free[lane] = Some(self.now);
        }
    }

    /// The process died: what its memory held of the loops is gone.
    pub fn crashed(&mut self) {
        self.under_free.fill(None);
        self.live.clear();
        self.inputs_since_boot = 0;
    }

    /// An event was asked for by the gate of this boot, at its true time.
    pub fn put_out(&mut self, told: &Told, began: u64) {
        if told.mono != Mono::from_ms(self.now - began) {
            self.broken(
                "T-1",
                format!(
                    "{:?} bears a moment that no monotonic clock told",
                    told.kind
                ),
            );
        }
    }

    /// An event is durable.
    pub fn durable(&mut self, told: &Told) {
        match told.kind {
            EventKind::AlertRaised => self.counts.alerts += 1,
            EventKind::Emergency => self.emergency = true,
            EventKind::EmergencyEnded => self.emergency = false,
            EventKind::LockDown => self.lock_down = true,
            EventKind::LockDownEnded => self.lock_down = false,
            _ => {}
        }
        if let Some((order, acted)) = &told.order
            && *acted
            && !self.orders.insert(order.clone())
        {
            self.broken("P-15", format!("the order {order} acted twice"));
        }
        if let Some(id) = &told.passage {
            self.life(id, told);
        }
        let Some(decided) = &told.decision else {
            return;
        };
        match decided.verdict {
            Verdict::Admit => self.counts.admits += 1,
            Verdict::Hold => self.counts.holds += 1,
            Verdict::Refuse => self.counts.refuses += 1,
        }
    }

    fn life(&mut self, id: &PassageId, told: &Told) {
        let counts = &mut self.counts;
        let life = match told.kind {
            EventKind::PassageBegun => {
                counts.passages += 1;
                if self.lives.insert(id.clone(), Life::default()).is_some() {
                    self.broken("D-2", format!("{id} began twice"));
                }
                return;
            }
            EventKind::Decision | EventKind::Answer | EventKind::PassageEnded => {
                self.lives.get_mut(id)
            }
            _ => return,
        };
        let Some(life) = life else {
            return self.broken("D-2", format!("{id}: {:?} before it began", told.kind));
        };
        let after_end = life.ended;
        match told.kind {
            EventKind::Decision => {
                life.decisions += 1;
                life.who.clone_from(&told.decision);
                counts.decisions += 1;
            }
            EventKind::Answer => counts.answers += 1,
            _ => life.ended = true,
        }
        let decisions = life.decisions;
        if after_end {
            self.broken("D-2", format!("{id}: {:?} after its end", told.kind));
        }
        if decisions > 1 {
            self.broken("D-2", format!("{id} was decided {decisions} times"));
        }
        if told.admits() || told.lets_through {
            self.goes_through(id, told.admits());
        } else if told.turned_back {
            self.came_back(id);
        }
    }

    /// The oracle's own memory of who went in, and of what that used up. A decision must not let in
    /// what it forbids; a person may.
    fn goes_through(&mut self, id: &PassageId, decided: bool) {
        let Some(life) = self.lives.get_mut(id) else {
            return;
        };
        let Some(who) = life.who.clone().filter(|_| life.through.is_none()) else {
            return;
        };
        let mut inside = false;
        if let Some(card) = &who.card {
            inside = if who.entry {
                !self.inside.insert(card.clone())
            } else {
                self.inside.remove(card)
            };
        }
        life.through = Some(inside);
        if decided && inside && who.entry && self.rules == Rules::Remembering {
            self.broken("truth", "a card was admitted whose holder is inside");
        }
        if let Some(pass) = &who.pass {
            let used = self.uses.entry(pass.clone()).or_insert(0);
            *used += 1;
            let used = *used;
            if decided && self.limits.get(pass).is_some_and(|limit| used > *limit) {
                self.broken("truth", format!("the pass {pass} was used {used} times"));
            }
        }
    }

    fn came_back(&mut self, id: &PassageId) {
        let life = self.lives.get(id);
        let Some((who, inside)) = life.and_then(|life| Some((life.who.clone()?, life.through?)))
        else {
            return;
        };
        if let Some(card) = &who.card {
            if inside {
                self.inside.insert(card.clone());
            } else {
                self.inside.remove(card);
            }
        }
        if let Some(used) = who.pass.as_ref().and_then(|pass| self.uses.get_mut(pass)) {
            *used = used.saturating_sub(1);
        }
    }

    /// A decision, at the moment at which it is made: who stands there, and what was live.
    pub fn judge(&mut self, decided: &Decided, lane: usize, present: &Present, visits: &[Visit]) {
        if decided.verdict != Verdict::Admit {
            return;
        }
        if decided.missing > 0 {
            self.broken(
                "D-3",
                format!("an admit in lane {lane} with a need missing"),
            );
        }
        for key in [&decided.plate, &decided.card].into_iter().flatten() {
            let live = self.live.get(&(lane, key.clone()));
            if live.is_none_or(|ms| self.now - ms > PARTS_LIVE_MS) {
                self.broken(
                    "D-5",
                    format!("lane {lane} admitted what nobody presented live"),
                );
            }
            let there = present.get(&(lane, key.clone()));
            let there = there.map(Vec::as_slice).unwrap_or_default();
            let mut wrong = Some("who is not there".to_owned());
            for visit in there {
                wrong = self.unlawful(decided, &visits[*visit], key);
                if wrong.is_none() {
                    break;
                }
            }
            if let Some(wrong) = wrong {
                self.broken("truth", format!("lane {lane} admitted {wrong}"));
            }
        }
    }

    /// Why the truth does not let this visit in.
    fn unlawful(&self, decided: &Decided, visit: &Visit, key: &str) -> Option<String> {
        if !decided.entry && visit.plate.as_deref().is_some_and(|plate| plate != key) {
            // Misread on the way out: nobody is kept in for that.
            return None;
        }
        let by_pass = matches!(visit.role, Role::Visitor | Role::Delivery) && decided.entry;
        if !visit.may_enter() || (by_pass && self.rules == Rules::Ordinary) {
            return Some(format!("a visit that is {:?}", visit.role));
        }
        let measured = visit.celsius_milli.map(Millidegrees);
        let anothers = decided.entry && visit.card.is_some() && decided.celsius != measured;
        anothers.then(|| "somebody by another's temperature".to_owned())
    }

    /// A command leaves for an arm.
    pub fn leaves(&mut self, asked: &Asked, lane: usize, boot: u32, durable: bool) {
        let command = asked.wanted.command;
        let because = asked.because.as_ref();
        if asked.boot != boot {
            self.broken(
                "B-3",
                format!("{command:?} of an earlier boot in lane {lane}"),
            );
        }
        if !asked.wanted.urgent && !durable {
            self.broken(
                "P-01",
                format!("{command:?} in lane {lane} before its event is durable"),
            );
        }
        match command {
            Barrier::Open => self.opens(asked, lane),
            Barrier::Close => {
                self.counts.closes += 1;
                let read = self.under_free[lane];
                if read.is_none_or(|ms| self.now - ms > LOOP_FRESH_MS) {
                    self.broken(
                        "B-1",
                        format!("a close in lane {lane} on a loop that was not read free just now"),
                    );
                }
            }
            Barrier::HoldOpen => {
                let emergency = because.is_some_and(|told| told.kind == EventKind::Emergency);
                if !emergency && !self.emergency && !asked.wanted.urgent {
                    self.broken("D-5", format!("lane {lane} held open without an emergency"));
                }
            }
            Barrier::Release => {}
        }
    }

    fn opens(&mut self, asked: &Asked, lane: usize) {
        self.counts.openings += 1;
        if self.now - asked.at_ms > WINDOW_MS {
            let late = self.now - asked.at_ms;
            self.broken(
                "D-5",
                format!("lane {lane} opened {late} ms after it was asked"),
            );
        }
        let Some(because) = &asked.because else {
            return self.broken("D-5", format!("lane {lane} opened for no event"));
        };
        let lets = match because.kind {
            EventKind::Decision => because.admits(),
            EventKind::Answer | EventKind::Order => true,
            _ => false,
        };
        if !lets {
            self.broken("D-5", format!("lane {lane} opened for {:?}", because.kind));
        }
        if because.kind != EventKind::Decision {
            return;
        }
        let entry = because
            .decision
            .as_ref()
            .is_some_and(|decided| decided.entry);
        if entry && self.lock_down {
            self.broken(
                "lock-down",
                format!("lane {lane} is a way in and was opened"),
            );
        }
        if let Some(life) = because
            .passage
            .as_ref()
            .and_then(|id| self.lives.get_mut(id))
        {
            life.openings += 1;
            if life.openings > 1 {
                self.broken("D-5", format!("lane {lane} opened twice for one decision"));
            }
        }
    }

    /// Passages that the journal says have begun and not ended.
    pub fn open_passages(&self) -> impl Iterator<Item = &PassageId> {
        let lives = self.lives.iter();
        lives.filter(|(_, life)| !life.ended).map(|(id, _)| id)
    }
}
