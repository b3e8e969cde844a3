//! What the edges hold of the centre: a way to the gate, a way to the writer, the time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, TrySendError};
use gateway_core::event::Event;
use gateway_core::gate::Input;
use gateway_core::lists::ListChange;
use gateway_core::name::Name;
use gateway_core::order::{Order, OrderOutcome};
use tokio::sync::oneshot;

/// How long an order or a record may take to become durable before the asker is told that it
/// did not; it may still happen, and then the journal says so.
const PATIENCE: Duration = Duration::from_secs(5);

/// One thing for the gate, with what goes outward once everything it caused is durable.
pub struct Post {
    pub input: Input,
    pub then: Then,
    /// When it was put into its channel: an order that waited too long opens nothing.
    pub posted: Instant,
}

impl Post {
    pub fn new(input: Input, then: Then) -> Post {
        Post {
            input,
            then,
            posted: Instant::now(),
        }
    }
}

/// What waits for durability.
pub enum Then {
    Nothing,
    /// Acknowledge the device broker's message.
    Acknowledge(Acknowledge),
    /// Answer a person or upstream.
    Answer(oneshot::Sender<OrderReply>),
    /// Tell an edge the number of the event that it had recorded.
    Recorded(oneshot::Sender<u64>),
}

/// Acknowledges one message of the device broker; called once, by the dispatcher.
pub type Acknowledge = Box<dyn FnOnce() + Send>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderReply {
    pub outcome: OrderOutcome,
    /// The event that records the order.
    pub number: u64,
}

/// The centre could not take it or did not finish in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    #[error("the gate has too much to do")]
    Busy,
    #[error("the gate or the store has stopped")]
    Stopped,
    #[error("the store did not confirm in time")]
    NotDurable,
}

impl Unavailable {
    pub fn code(self) -> &'static str {
        match self {
            Unavailable::Busy => "busy",
            Unavailable::Stopped => "stopped",
            Unavailable::NotDurable => "not_durable",
        }
    }
}

/// The way to the gate. The inbox holds 1,024: sensors wait, cameras drop, people are told.
#[derive(Clone)]
pub struct GateHandle {
    pub(crate) inbox: Sender<Post>,
    /// 16 places of its own, read before everything else.
    pub(crate) emergency: Sender<Post>,
}

impl GateHandle {
    /// Resolves when the order and what it caused are durable.
    pub async fn order(&self, order: Order) -> Result<OrderReply, Unavailable> {
        let (answer, reply) = oneshot::channel();
        post(&self.inbox, Input::Order(order), Then::Answer(answer))?;
        wait(reply).await
    }

    /// Resolves to the number of the event that records the change or its refusal, when that is
    /// durable.
    pub async fn list_change(&self, change: ListChange) -> Result<u64, Unavailable> {
        let (told, number) = oneshot::channel();
        post(&self.inbox, Input::ListChange(change), Then::Recorded(told))?;
        wait(number).await
    }

    /// Opens and holds all lanes. Returns as soon as the gate has it; the openings go out before
    /// anything is written, the record follows.
    pub fn emergency(&self, source: Name) -> Result<(), Unavailable> {
        post(&self.emergency, Input::Emergency { source }, Then::Nothing)
    }
}

fn post(to: &Sender<Post>, input: Input, then: Then) -> Result<(), Unavailable> {
    to.try_send(Post::new(input, then))
        .map_err(|error| match error {
            TrySendError::Full(_) => Unavailable::Busy,
            TrySendError::Disconnected(_) => Unavailable::Stopped,
        })
}

async fn wait<T>(reply: oneshot::Receiver<T>) -> Result<T, Unavailable> {
    match tokio::time::timeout(PATIENCE, reply).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(Unavailable::Stopped),
        Err(_) => Err(Unavailable::NotDurable),
    }
}

/// Puts one event into the writer's queue; made by the daemon around the store's writer.
pub type Submit = dyn Fn(Event, oneshot::Sender<u64>) -> Result<(), Unavailable> + Send + Sync;

/// The edges' own events (login, configuration, audit) go to the writer, which alone numbers.
#[derive(Clone)]
pub struct Recorder(pub Arc<Submit>);

impl Recorder {
    /// Resolves to the event's number when it is durable.
    pub async fn record(&self, event: Event) -> Result<u64, Unavailable> {
        let (sender, reply) = oneshot::channel();
        (self.0)(event, sender)?;
        wait(reply).await
    }
}
