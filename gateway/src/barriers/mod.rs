//! Barriers: moves that are durable (or urgent) become commands on the device broker.
//!
//! An open command is never queued, never retained, never repeated: it goes out at quality 0 on a
//! connection that stands at that instant, or it is dropped and said so. Holding open in an
//! emergency, and ending that, are no openings but states: what was wanted last of a lane stands
//! until the other is wanted, and is told again on each new connection and every few seconds, for
//! the arm's controller may have come back later than we did.

pub mod loops;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::Sender;
use gateway_config::BarrierConfig;
use gateway_core::event::{Barrier, MoveOutcome};
use gateway_core::gate::{Input, Move};
use gateway_core::name::Name;
use rumqttc::{AsyncClient, Event, Outgoing, Packet, QoS};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use crate::barriers::loops::Loops;
use crate::clock::Clock;
use crate::handles::{Post, Then};
use crate::health::Health;
use crate::mqtt::{BackOff, Events, Link, Manner, Session};

/// Moves on their way to the connection. Full means that the connection hangs: dropped, said so.
const WAITING: usize = 64;

/// The dispatcher's and the gate loop's way to the arms.
#[derive(Clone)]
pub struct Barriers {
    moves: mpsc::Sender<Move>,
    moved: Sender<Post>,
    standing: Standing,
}

/// For each lane the *hold open* or *release* that was wanted last.
pub type Standing = Arc<Mutex<BTreeMap<Name, Stands>>>;

/// A state of an arm, and how often it was told.
pub struct Stands {
    wanted: Move,
    told: u32,
}

/// How often a state is told again.
const TELL_AGAIN: Duration = Duration::from_secs(5);

/// A release was heard after so many times; holding open is told until it ends.
const RELEASES_TOLD: u32 = 6;

impl Barriers {
    /// Hands a move over without waiting.
    pub fn send(&self, wanted: Move) {
        let wanted = match wanted.command {
            Barrier::HoldOpen | Barrier::Release => {
                let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
                let stands = Stands {
                    wanted: wanted.clone(),
                    told: 0,
                };
                standing.insert(wanted.lane.clone(), stands);
                wanted
            }
            Barrier::Open | Barrier::Close => wanted,
        };
        if let Err(error) = self.moves.try_send(wanted) {
            let wanted = match error {
                mpsc::error::TrySendError::Full(wanted)
                | mpsc::error::TrySendError::Closed(wanted) => wanted,
            };
            self.drop_move(wanted, "link_down");
        }
    }

    /// Says that a move was not made, and why.
    pub fn drop_move(&self, wanted: Move, cause: &str) {
        report(
            &self.moved,
            wanted,
            MoveOutcome::Dropped {
                cause: Name::from(cause),
            },
        );
    }
}

/// What became of a move goes back to the gate, which records it. The channel is as long as all
/// moves that can be on their way, so nothing waits here.
fn report(moved: &Sender<Post>, wanted: Move, outcome: MoveOutcome) {
    let input = Input::Moved {
        id: wanted.id,
        lane: wanted.lane,
        command: wanted.command,
        outcome,
    };
    if moved.try_send(Post::new(input, Then::Nothing)).is_err() {
        tracing::error!("the gate could not take what became of a move");
    }
}

/// The task that owns the connection.
pub struct Edge {
    pub link: Link,
    pub client_id: String,
    pub barriers: BTreeMap<Name, BarrierConfig>,
    pub loops: Arc<Loops>,
    pub clock: Clock,
    pub health: Arc<Health>,
    pub moved: Sender<Post>,
    pub standing: Standing,
}

/// One connection and the moves handed to it that have not left yet.
struct Connection<'a> {
    edge: &'a Edge,
    client: AsyncClient,
    up: bool,
    /// In the order handed to the client; the client reports each as it leaves.
    leaving: VecDeque<Move>,
    /// The state that each lane was told last: it is sent again, but recorded once.
    told: &'a mut BTreeMap<Name, Barrier>,
}

impl Edge {
    /// Makes the way to the arms and the task's own end of it.
    pub fn way(moved: Sender<Post>) -> (Barriers, mpsc::Receiver<Move>, Standing) {
        let (moves, taken) = mpsc::channel(WAITING);
        let standing = Standing::default();
        let way = Barriers {
            moves,
            moved,
            standing: standing.clone(),
        };
        (way, taken, standing)
    }

    pub async fn run(self, mut moves: mpsc::Receiver<Move>, mut stop: watch::Receiver<bool>) {
        let mut back_off = BackOff::new(Duration::from_millis(200), Duration::from_secs(5));
        let mut told = BTreeMap::new();
        while !*stop.borrow() {
            let manner = Manner {
                session: Session::Clean,
                manual_acks: false,
                will: None,
            };
            let (client, events) = self.link.client(&self.client_id, manner);
            let mut connection = Connection {
                edge: &self,
                client,
                up: false,
                leaving: VecDeque::new(),
                told: &mut told,
            };
            let stood = connection.run(events, &mut moves, &mut stop).await;
            self.health.barrier_link(false);
            connection.give_up();
            if stood {
                back_off.reset();
            }
            self.pause(back_off.wait(), &mut moves, &mut stop).await;
        }
    }

    /// Between two connections every ordinary move is dropped at once.
    async fn pause(
        &self,
        how_long: Duration,
        moves: &mut mpsc::Receiver<Move>,
        stop: &mut watch::Receiver<bool>,
    ) {
        let end = tokio::time::sleep(how_long);
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => return,
                _ = stop.changed() => return,
                wanted = moves.recv() => match wanted {
                    Some(wanted) => self.refuse(wanted, "link_down"),
                    None => return,
                },
            }
        }
    }

    /// What stands for the lanes, for a connection that is new to it.
    fn standing(&self) -> Vec<Move> {
        let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        standing
            .values()
            .map(|stands| stands.wanted.clone())
            .collect()
    }

    /// Whether it is still what is wanted of its lane; an opening or closing always is.
    fn stands(&self, wanted: &Move) -> bool {
        let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        match wanted.command {
            Barrier::Open | Barrier::Close => true,
            Barrier::HoldOpen | Barrier::Release => standing
                .get(&wanted.lane)
                .is_some_and(|last| last.wanted.id == wanted.id),
        }
    }

    /// Counts what was told; a release that was told often enough, or that the controller has no
    /// command for, stands no longer.
    fn told(&self, sent: &Move, possible: bool) {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stands) = standing.get_mut(&sent.lane)
            && stands.wanted.id == sent.id
            && sent.command == Barrier::Release
        {
            stands.told += 1;
            if stands.told >= RELEASES_TOLD || !possible {
                standing.remove(&sent.lane);
            }
        }
    }

    fn refuse(&self, wanted: Move, cause: &str) {
        tracing::warn!(lane = %wanted.lane, cause, "an arm command was dropped");
        report(
            &self.moved,
            wanted,
            MoveOutcome::Dropped {
                cause: Name::from(cause),
            },
        );
    }

    /// Whether this command may leave now; the last look before it does.
    fn cause_to_drop(&self, wanted: &Move) -> Option<&'static str> {
        let now = self.clock.mono();
        match wanted.command {
            Barrier::HoldOpen | Barrier::Release => None,
            Barrier::Open | Barrier::Close if now > wanted.until => Some("window_passed"),
            Barrier::Open => None,
            Barrier::Close => self.loops.cause_not_to_close(&wanted.lane, now),
        }
    }
}

impl Connection<'_> {
    /// Serves the connection until it breaks; true when it had stood.
    async fn run(
        &mut self,
        mut events: Events,
        moves: &mut mpsc::Receiver<Move>,
        stop: &mut watch::Receiver<bool>,
    ) -> bool {
        let mut stood = false;
        let mut again = tokio::time::interval(TELL_AGAIN);
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                wanted = moves.recv() => match wanted {
                    Some(wanted) => self.command(wanted),
                    None => return stood,
                },
                event = events.next() => match event {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        stood = true;
                        self.up = true;
                        again.reset();
                        self.edge.health.barrier_link(true);
                        for wanted in self.edge.standing() {
                            self.command(wanted);
                        }
                    }
                    Ok(Event::Outgoing(Outgoing::Publish(_))) => self.left(),
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(%error, "the link to the barriers is down");
                        return stood;
                    }
                },
                _ = again.tick(), if self.up => {
                    for wanted in self.edge.standing() {
                        self.command(wanted);
                    }
                }
                _ = stop.changed() => return stood,
            }
        }
    }

    fn command(&mut self, wanted: Move) {
        if !self.edge.stands(&wanted) {
            return;
        }
        if let Some(cause) = self.edge.cause_to_drop(&wanted) {
            return self.edge.refuse(wanted, cause);
        }
        if !self.up {
            return self.edge.refuse(wanted, "link_down");
        }
        let Some(barrier) = self.edge.barriers.get(&wanted.lane) else {
            return self.edge.refuse(wanted, "no_barrier");
        };
        // A controller that cannot hold is at least opened.
        let opens = wanted.command == Barrier::HoldOpen;
        let command = barrier
            .commands
            .of(wanted.command)
            .or_else(|| opens.then_some(&barrier.commands.open));
        let Some(command) = command else {
            self.edge.told(&wanted, false);
            return self.edge.refuse(wanted, "not_possible");
        };
        match self.client.try_publish(
            &command.topic,
            QoS::AtMostOnce,
            false,
            command.payload.as_bytes(),
        ) {
            Ok(()) => self.leaving.push_back(wanted),
            Err(_) => self.edge.refuse(wanted, "link_down"),
        }
    }

    /// The oldest command handed over has left.
    fn left(&mut self) {
        let Some(sent) = self.leaving.pop_front() else {
            return;
        };
        self.edge.told(&sent, true);
        let is_news = match sent.command {
            Barrier::Open | Barrier::Close => true,
            state => self.told.insert(sent.lane.clone(), state) != Some(state),
        };
        if is_news {
            report(&self.edge.moved, sent, MoveOutcome::Sent);
        }
    }

    /// What was handed over and never left is dropped, and the client with it.
    fn give_up(&mut self) {
        for wanted in std::mem::take(&mut self.leaving) {
            self.edge.refuse(wanted, "link_down");
        }
    }
}
