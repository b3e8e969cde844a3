//! The process of the gateway: gate, writer and deliverer in one place, alive between a boot and a
//! crash. Everything that it is told of the past comes out of the journal.

use std::sync::Arc;

use gateway_core::event::{Body, Event, EventKind};
use gateway_core::gate::{Gate, Input, Move, Output, Outputs};
use gateway_core::lists::Lists;
use gateway_core::moment::{Moment, Mono};
use gateway_core::name::Name;
use gateway_core::rule::RuleSet;
use gateway_core::site::Site;
use gateway_store::deliver::{self, Deliverer};
use gateway_store::header::Hash;
use gateway_store::journal::{Batch, Journal, begin_boot};
use gateway_store::memory::MemoryJournal;
use gateway_store::outbox::Outbox;
use gateway_store::seal::{Origin, Sealer};
use gateway_store::writer;
use gateway_store::{Durable, Reader, Submission, fold};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::SimError;
use crate::plant::Plant;
use crate::told::Told;

/// Events between snapshots of the gate, as in the daemon.
const EVENTS_PER_SNAPSHOT: usize = 1_000;

/// The one platform that is told.
pub fn destination() -> Name {
    Name::new("town")
}

/// What never changes between boots.
pub struct Ground {
    pub seed: u64,
    pub site: Arc<Site>,
    pub lists: Arc<Lists>,
    pub journal: Arc<MemoryJournal>,
    pub plant: Option<Plant>,
}

/// What waits for the durability of one submission.
pub struct Outward {
    pub moves: Vec<Asked>,
    /// In the order of the submission's events.
    pub told: Vec<Told>,
    /// The device broker's message to acknowledge.
    pub acknowledge: Option<u64>,
}

/// A move and the event that it belongs to.
#[derive(Clone, Debug)]
pub struct Asked {
    pub wanted: Move,
    pub boot: u32,
    /// When it was asked for, simulated milliseconds.
    pub at_ms: u64,
    /// The event just before it.
    pub because: Option<Told>,
}

/// A batch on its way to the disk.
pub struct Committing {
    pub batch: Batch,
    pub durable: Vec<Durable<Outward>>,
}

pub struct Process {
    pub boot: u32,
    /// Simulated milliseconds at which its monotonic clock began.
    pub began: u64,
    pub gate: Gate,
    /// Fed the same: it must put out the same (D-1).
    twin: Option<Gate>,
    out: Outputs,
    twin_out: Outputs,
    sealer: Sealer,
    waiting: Vec<Submission<Outward>>,
    pub committing: Option<Committing>,
    since_snapshot: usize,
    pub deliverer: Deliverer,
    pub outbox: Outbox,
}

/// What one input came to.
#[derive(Default)]
pub struct Turn {
    /// Go out before rules and journal.
    pub urgent: Vec<Asked>,
    /// Differs from its twin.
    pub twin_differs: bool,
    /// Moves that were asked for.
    pub moves: usize,
    /// Something waits for the disk since.
    pub recorded: bool,
}

impl Process {
    /// Starts on what the journal holds: snapshot, fold, and the end of what was cut short.
    /// `rules` are compiled; a second set makes a twin.
    pub fn boot(
        ground: &Ground,
        now: u64,
        rules: RuleSet,
        twin: Option<RuleSet>,
    ) -> Result<Process, SimError> {
        let journal: Arc<MemoryJournal> = ground.journal.clone();
        let reader = Reader::new(journal.clone());
        let boot = begin_boot(&*journal)?;
        let mut salts = ChaCha8Rng::seed_from_u64(ground.seed);
        salts.set_stream(1_000 + u64::from(boot));
        let origin = Origin {
            gateway: ground.site.gateway.clone(),
            grid: ground.site.grid.clone(),
            journal: journal.id(),
        };
        let outbox = Outbox::open(journal.clone(), destination())?;
        Ok(Process {
            boot,
            began: now,
            gate: recovered(ground, &reader, rules, boot)?,
            twin: twin
                .map(|rules| recovered(ground, &reader, rules, boot))
                .transpose()?,
            out: Outputs::default(),
            twin_out: Outputs::default(),
            sealer: Sealer::new(origin, reader.end()?, Box::new(salts)),
            waiting: Vec::new(),
            committing: None,
            since_snapshot: 0,
            deliverer: Deliverer::new(&outbox, journal.last()),
            outbox,
        })
    }

    /// Records the start.
    pub fn start(&mut self, now: u64, at: Moment, plant: Option<Plant>) -> Turn {
        if plant == Some(Plant::StartLeavesPassagesOpen) {
            return Turn::default();
        }
        self.gate.start(at, &mut self.out);
        if let Some(twin) = &mut self.twin {
            twin.start(at, &mut self.twin_out);
        }
        self.hand_over(now, None, plant)
    }

    pub fn apply(
        &mut self,
        now: u64,
        at: Moment,
        input: Input,
        acknowledge: Option<u64>,
        plant: Option<Plant>,
    ) -> Turn {
        if let Some(twin) = &mut self.twin {
            twin.apply(at, input.clone(), &mut self.twin_out);
        }
        self.gate.apply(at, input, &mut self.out);
        self.hand_over(now, acknowledge, plant)
    }

    /// Turns what the gate wanted into one submission, urgent moves excepted.
    fn hand_over(&mut self, now: u64, acknowledge: Option<u64>, plant: Option<Plant>) -> Turn {
        let mut turn = Turn {
            twin_differs: self.twin.is_some() && self.out.list != self.twin_out.list,
            ..Turn::default()
        };
        self.twin_out.list.clear();
        let mut events: Vec<Event> = Vec::new();
        let mut outward = Outward {
            moves: Vec::new(),
            told: Vec::new(),
            acknowledge,
        };
        for output in self.out.list.drain(..) {
            match output {
                Output::Record(event) => {
                    outward.told.push(Told::of(&event));
                    if plant == Some(Plant::DecidesTwice) && event.kind == EventKind::Decision {
                        outward.told.push(Told::of(&event));
                        events.push(event.clone());
                    }
                    events.push(event);
                }
                Output::Move(wanted) => {
                    let asked = Asked {
                        boot: self.boot,
                        at_ms: now,
                        because: outward.told.last().cloned(),
                        wanted,
                    };
                    turn.moves += 1;
                    if asked.wanted.urgent {
                        turn.urgent.push(asked);
                    } else {
                        outward.moves.push(asked);
                    }
                }
                Output::Show(_) | Output::Ask { .. } => {}
            }
        }
        if events.is_empty() && outward.moves.is_empty() && acknowledge.is_none() {
            return turn;
        }
        self.since_snapshot += events.len();
        let state = (self.since_snapshot >= EVENTS_PER_SNAPSHOT).then(|| {
            self.since_snapshot = 0;
            self.gate.snapshot()
        });
        self.waiting.push(Submission {
            events,
            state,
            then: outward,
        });
        turn.recorded = true;
        turn
    }

    /// What the turn recorded.
    pub fn newest_told(&self, turn: &Turn) -> &[Told] {
        match self.waiting.last() {
            Some(newest) if turn.recorded => &newest.then.told,
            _ => &[],
        }
    }

    /// Whether the durable state is what the whole journal folds to. Of a long journal it costs
    /// too much: then it says yes.
    pub fn is_whole(
        &self,
        ground: &Ground,
        reader: &Reader,
        rules: RuleSet,
    ) -> Result<bool, SimError> {
        if reader.last() > 5_000 {
            return Ok(true);
        }
        let (site, lists) = (ground.site.clone(), ground.lists.clone());
        let mut whole = Gate::new(site, rules, lists, self.boot);
        for number in 1..=reader.last() {
            if let Some(stored) = reader.get(number)? {
                whole.recover(number, &gateway_store::decode(&stored)?);
            }
        }
        let state = |gate: &Gate| -> Result<serde_json::Value, serde_json::Error> {
            let mut state: serde_json::Value = serde_json::from_slice(&gate.snapshot())?;
            state["through"] = 0.into();
            Ok(state)
        };
        Ok(state(&whole)? == state(&self.gate)?)
    }

    /// Begins a commit when the writer is idle and something waits. True: one has begun.
    pub fn begin_commit(&mut self) -> Result<bool, SimError> {
        if self.committing.is_some() || self.waiting.is_empty() {
            return Ok(false);
        }
        let gathered = std::mem::take(&mut self.waiting);
        let (batch, durable) = writer::seal(&mut self.sealer, gathered)?;
        self.committing = Some(Committing { batch, durable });
        Ok(true)
    }

    pub fn mono(&self, now: u64) -> Mono {
        Mono::from_ms(now - self.began)
    }

    pub fn deliver(&mut self, now: u64, input: deliver::Input) -> Vec<deliver::Output> {
        let mut out = Vec::new();
        let mono = self.mono(now);
        self.deliverer.apply(mono, input, &mut out);
        out
    }

    /// The compiled rules, for the next boot.
    pub fn into_rules(mut self) -> (RuleSet, Option<RuleSet>) {
        let twin = self
            .twin
            .as_mut()
            .map(|twin| twin.swap_rules(RuleSet::empty()));
        (self.gate.swap_rules(RuleSet::empty()), twin)
    }
}

fn recovered(
    ground: &Ground,
    reader: &Reader,
    rules: RuleSet,
    boot: u32,
) -> Result<Gate, SimError> {
    let mut gate = Gate::new(ground.site.clone(), rules, ground.lists.clone(), boot);
    fold::recover(reader, &mut gate);
    let mut state: serde_json::Value = match ground.plant {
        Some(Plant::ForgetsInside | Plant::FoldLosesPassUse) => {
            serde_json::from_slice(&gate.snapshot())?
        }
        _ => return Ok(gate),
    };
    let went = &mut state["went"];
    if ground.plant == Some(Plant::FoldLosesPassUse) {
        went["uses"] = serde_json::json!({});
    } else if let Some(seen) = went["seen"].as_object_mut() {
        seen.values_mut()
            .for_each(|seen| seen["inside"] = false.into());
    }
    gate.resume(&serde_json::to_vec(&state)?)?;
    Ok(gate)
}

/// The last header's hash, and so all of a journal.
pub fn end_hash(reader: &Reader) -> Result<Hash, SimError> {
    Ok(reader.end()?.hash)
}

/// Whether an order's event says that it acted.
pub fn acted(event: &Event) -> bool {
    event.parts.iter().any(|part| {
        matches!(
            &part.body,
            Body::Order {
                outcome: gateway_core::order::OrderOutcome::Done,
                ..
            }
        )
    })
}
