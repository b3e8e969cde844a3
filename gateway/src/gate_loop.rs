//! The gate's own thread: the state machine's only caller in the daemon.
//!
//! It never waits for anything but its inputs: what it decides goes to the writer's queue, and
//! when that is full it takes nothing more from the sensors until there is room; an emergency it
//! takes always. Rules compile and run here, on a stack of 64 MiB.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, never, select};
use gateway_core::event::Event;
use gateway_core::gate::{Gate, Input, Output, Outputs};
use gateway_store::{Refused, Submission, WriterHandle};

use crate::barriers::Barriers;
use crate::clock::Clock;
use crate::dispatch::Outward;
use crate::handles::{Post, Then};
use crate::health::Health;
use crate::rules::Swap;

/// The stack that deep rules may need.
pub const STACK: usize = 64 * 1024 * 1024;

/// How often a full writer is tried again.
const RETRY: Duration = Duration::from_millis(2);

/// An order that waited longer for the gate moves no arm: whoever gave it has seen no answer.
const ORDER_LAPSES: Duration = Duration::from_secs(2);

/// The longest sleep: health sees that the gate still turns.
const LONGEST_SLEEP: Duration = Duration::from_millis(500);

/// A snapshot of the durable state goes with every so many events.
const EVENTS_PER_SNAPSHOT: u64 = 1_000;

pub struct GateLoop {
    pub gate: Gate,
    pub clock: Clock,
    pub writer: WriterHandle<Outward>,
    pub barriers: Barriers,
    pub health: Arc<Health>,
    /// Emergencies, before everything else.
    pub emergency: Receiver<Post>,
    /// What became of moves.
    pub moved: Receiver<Post>,
    /// Everything else, 1,024 at most.
    pub inbox: Receiver<Post>,
    pub swaps: Receiver<Swap>,
    pub stop: Receiver<()>,
}

impl GateLoop {
    /// Runs until `stop` is closed. A writer that has failed is a full one: nothing more is taken,
    /// an emergency always.
    pub fn run(mut self) {
        let mut turn = Turn::default();
        let at = self.clock.now();
        self.gate.start(at, &mut turn.outputs);
        self.hand_over(&mut turn, Then::Nothing);
        loop {
            self.health.gate_turned(self.clock.mono());
            self.submit_waiting(&mut turn);
            let post = match self.next(&turn) {
                Next::Post(post) => post,
                Next::Rules(swap) => {
                    self.gate.swap_rules(swap.rules);
                    let _ = swap.done.send(());
                    continue;
                }
                Next::Stop => return,
            };
            let at = self.clock.now();
            let waited = post.posted.elapsed();
            let input = match post.input {
                Input::Order(order) if waited > ORDER_LAPSES => Input::Lapsed(order),
                input => input,
            };
            self.gate.apply(at, input, &mut turn.outputs);
            self.health.emergency(self.gate.emergency_active());
            self.hand_over(&mut turn, post.then);
        }
    }

    /// The next thing to do.
    fn next(&self, turn: &Turn) -> Next {
        let full = !turn.waiting.is_empty();
        // While the writer has no room only emergencies are taken.
        let (inbox, moved) = if full {
            (never(), never())
        } else {
            (self.inbox.clone(), self.moved.clone())
        };
        let mut swaps = self.swaps.clone();
        loop {
            if let Ok(post) = self.emergency.try_recv() {
                return Next::Post(post);
            }
            let deadline = self.gate.next_deadline();
            let sleep = match deadline {
                _ if full => RETRY,
                Some(deadline) => self.clock.until(deadline).min(LONGEST_SLEEP),
                None => LONGEST_SLEEP,
            };
            select! {
                recv(self.emergency) -> post => return Next::of(post),
                recv(moved) -> post => return Next::of(post),
                recv(inbox) -> post => return Next::of(post),
                recv(swaps) -> swap => match swap {
                    Ok(swap) => return Next::Rules(swap),
                    // Nobody can change the rules any more: the daemon is ending.
                    Err(_) => swaps = never(),
                },
                recv(self.stop) -> _ => return Next::Stop,
                default(sleep) => {
                    if full || deadline.is_some_and(|deadline| deadline <= self.clock.mono()) {
                        return Next::Post(Post::new(Input::Deadline, Then::Nothing));
                    }
                    self.health.gate_turned(self.clock.mono());
                }
            }
        }
    }

    /// Turns what the gate wanted into one submission, urgent moves excepted: those leave now.
    fn hand_over(&mut self, turn: &mut Turn, then: Then) {
        let mut events: Vec<Event> = Vec::new();
        let mut outward = Outward::new(then);
        for output in turn.outputs.list.drain(..) {
            match output {
                Output::Record(event) => events.push(event),
                Output::Move(wanted) if wanted.urgent => self.barriers.send(wanted),
                Output::Move(wanted) => outward.moves.push(wanted),
                Output::Show(view) => outward.shows.push(view),
                Output::Ask { device } => outward.asks.push(device),
            }
        }
        if events.is_empty() && outward.is_empty() {
            return;
        }
        turn.since_snapshot += events.len() as u64;
        let state = (turn.since_snapshot >= EVENTS_PER_SNAPSHOT).then(|| {
            turn.since_snapshot = 0;
            self.gate.snapshot()
        });
        turn.waiting.push_back(Submission {
            events,
            state,
            then: outward,
        });
    }

    /// What the writer has no room for stays, in order.
    fn submit_waiting(&mut self, turn: &mut Turn) {
        while let Some(submission) = turn.waiting.pop_front() {
            if let Err(Refused::Full(back) | Refused::Ended(back)) =
                self.writer.try_submit(submission)
            {
                turn.waiting.push_front(back);
                return;
            }
        }
    }
}

/// What the gate's thread does next.
// A post is moved once, a box would be made for each of thousands.
#[allow(clippy::large_enum_variant)]
enum Next {
    Post(Post),
    /// Other rules, swapped in between two turns.
    Rules(Swap),
    Stop,
}

impl Next {
    fn of(post: Result<Post, crossbeam_channel::RecvError>) -> Next {
        post.map_or(Next::Stop, Next::Post)
    }
}

/// What one turn leaves for the next.
#[derive(Default)]
struct Turn {
    outputs: Outputs,
    /// Submissions that found the writer full: one, and those of emergencies after it.
    waiting: VecDeque<Submission<Outward>>,
    since_snapshot: u64,
}
