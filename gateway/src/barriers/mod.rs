//! Barriers: moves that are durable (or urgent) become commands on the device broker.
//!
//! An open command is never queued, never retained, never repeated: it goes out at quality 0 on a
//! connection that stands at that instant, or it is dropped and said so. Only an emergency
//! opening is sent again when the link returns, until a person ends the emergency.

pub mod loops;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;
use gateway_config::BarrierConfig;
use gateway_core::event::{Barrier, MoveOutcome};
use gateway_core::gate::{Input, Move};
use gateway_core::name::Name;
use rumqttc::{AsyncClient, Event, Outgoing, Packet, QoS};
use tokio::sync::{mpsc, watch};

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
}

impl Barriers {
    /// Hands a move over without waiting.
    pub fn send(&self, wanted: Move) {
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
    if moved
        .try_send(Post {
            input,
            then: Then::Nothing,
        })
        .is_err()
    {
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
}

/// One connection and the moves handed to it that have not left yet.
struct Connection<'a> {
    edge: &'a Edge,
    client: AsyncClient,
    up: bool,
    /// In the order handed to the client; the client reports each as it leaves.
    leaving: VecDeque<Move>,
}

impl Edge {
    /// Makes the way to the arms and the task's own end of it.
    pub fn way(moved: Sender<Post>) -> (Barriers, mpsc::Receiver<Move>) {
        let (moves, taken) = mpsc::channel(WAITING);
        (Barriers { moves, moved }, taken)
    }

    pub async fn run(self, mut moves: mpsc::Receiver<Move>, mut stop: watch::Receiver<bool>) {
        let mut back_off = BackOff::new(Duration::from_millis(200), Duration::from_secs(5));
        // Lanes whose emergency opening has not left yet.
        let mut held_open: BTreeMap<Name, Move> = BTreeMap::new();
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
            };
            let stood = connection
                .run(events, &mut moves, &mut held_open, &mut stop)
                .await;
            self.health.barrier_link(false);
            connection.give_up(&mut held_open);
            if stood {
                back_off.reset();
            }
            self.pause(back_off.wait(), &mut moves, &mut held_open, &mut stop)
                .await;
        }
    }

    /// Between two connections every ordinary move is dropped at once.
    async fn pause(
        &self,
        how_long: Duration,
        moves: &mut mpsc::Receiver<Move>,
        held_open: &mut BTreeMap<Name, Move>,
        stop: &mut watch::Receiver<bool>,
    ) {
        let end = tokio::time::sleep(how_long);
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => return,
                _ = stop.changed() => return,
                wanted = moves.recv() => match wanted {
                    Some(wanted) => self.refuse(wanted, "link_down", held_open),
                    None => return,
                },
            }
        }
    }

    fn refuse(&self, wanted: Move, cause: &str, held_open: &mut BTreeMap<Name, Move>) {
        if wanted.urgent && wanted.command == Barrier::HoldOpen {
            held_open.insert(wanted.lane.clone(), wanted.clone());
        }
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
        if !wanted.urgent && now > wanted.until {
            return Some("window_passed");
        }
        if wanted.command == Barrier::Close {
            return self.loops.cause_not_to_close(&wanted.lane, now);
        }
        None
    }
}

impl Connection<'_> {
    /// Serves the connection until it breaks; true when it had stood.
    async fn run(
        &mut self,
        mut events: Events,
        moves: &mut mpsc::Receiver<Move>,
        held_open: &mut BTreeMap<Name, Move>,
        stop: &mut watch::Receiver<bool>,
    ) -> bool {
        let mut stood = false;
        loop {
            tokio::select! {
                biased;
                wanted = moves.recv() => match wanted {
                    Some(wanted) => self.command(wanted, held_open),
                    None => return stood,
                },
                event = events.next() => match event {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        stood = true;
                        self.up = true;
                        self.edge.health.barrier_link(true);
                        for wanted in std::mem::take(held_open).into_values() {
                            self.command(wanted, held_open);
                        }
                    }
                    Ok(Event::Outgoing(Outgoing::Publish(_))) => {
                        if let Some(sent) = self.leaving.pop_front() {
                            report(&self.edge.moved, sent, MoveOutcome::Sent);
                        }
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(%error, "the link to the barriers is down");
                        return stood;
                    }
                },
                _ = stop.changed() => return stood,
            }
        }
    }

    fn command(&mut self, wanted: Move, held_open: &mut BTreeMap<Name, Move>) {
        if wanted.command == Barrier::Release {
            held_open.remove(&wanted.lane);
        }
        if let Some(cause) = self.edge.cause_to_drop(&wanted) {
            return self.edge.refuse(wanted, cause, held_open);
        }
        if !self.up {
            return self.edge.refuse(wanted, "link_down", held_open);
        }
        let Some(barrier) = self.edge.barriers.get(&wanted.lane) else {
            return self.edge.refuse(wanted, "no_barrier", held_open);
        };
        let Some(command) = barrier.commands.of(wanted.command) else {
            return self.edge.refuse(wanted, "not_possible", held_open);
        };
        match self.client.try_publish(
            &command.topic,
            QoS::AtMostOnce,
            false,
            command.payload.as_bytes(),
        ) {
            Ok(()) => self.leaving.push_back(wanted),
            Err(_) => self.edge.refuse(wanted, "link_down", held_open),
        }
    }

    /// What was handed over and never left is dropped, and the client with it.
    fn give_up(&mut self, held_open: &mut BTreeMap<Name, Move>) {
        for wanted in std::mem::take(&mut self.leaving) {
            self.edge.refuse(wanted, "link_down", held_open);
        }
    }
}
