//! From one message to the gate: read through the declarations, stamped, posted.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError};
use gateway_core::gate::Input;
use gateway_core::reading::{Freshness, Reading, Trust, Value};
use rumqttc::Publish;
use tokio::sync::mpsc;

use crate::barriers::loops::Loops;
use crate::clock::Clock;
use crate::handles::{Post, Then};
use crate::health::Health;
use crate::sensors::{Source, acknowledge_soon};

/// How long a sensor's message waits before the full inbox is tried again.
const RETRY: Duration = Duration::from_millis(2);

/// Where readings go.
#[derive(Clone)]
pub struct Inlet {
    pub clock: Clock,
    pub health: Arc<Health>,
    pub loops: Arc<Loops>,
    pub inbox: Sender<Post>,
    pub emergency: Sender<Post>,
    pub patience: Patience,
}

/// What becomes of a reading for which the gate has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// It waits, and the broker with it.
    Waits,
    /// It is dropped and counted: nothing may stand before the next emergency.
    Drops,
}

impl Inlet {
    /// Reads one message for every sensor whose topic it bears. It is acknowledged when the last
    /// of its readings is durable, at once when it holds none or is refused.
    pub async fn take(
        &self,
        sensors: &[Source],
        freshness: Freshness,
        message: Publish,
        acks: &mpsc::Sender<Publish>,
    ) {
        let received = self.clock.mono();
        let mut posts = Vec::new();
        for sensor in sensors {
            if !sensor.hears(&message.topic) {
                continue;
            }
            let read = sensor.declaration.read(
                &message.topic,
                &message.payload,
                message.retain,
                message.dup,
            );
            if read.refusals.is_empty() || !read.values.is_empty() {
                self.health.device_heard(&sensor.id, received);
            }
            for refusal in read.refusals {
                self.health.refused(&sensor.id, refusal.code());
                tracing::warn!(device = %sensor.id, cause = refusal.code(), "a message or a value in it was refused");
            }
            for one in read.values {
                // Nothing was measured; the counter alone is nobody's yet.
                let Some(value) = one.value else { continue };
                posts.push(self.input(Reading {
                    lane: sensor.lane.clone(),
                    device: sensor.id.clone(),
                    received,
                    value,
                    freshness: match one.freshness {
                        Freshness::Live => freshness,
                        told => told,
                    },
                    trust: sensor.trust,
                    counter: one.counter,
                }));
            }
        }
        let last = posts.len();
        if last == 0 {
            acknowledge_soon(acks, message);
            return;
        }
        // Whatever else a message says, an emergency goes first.
        posts.sort_by_key(|input| !matches!(input, Input::Emergency { .. }));
        let mut message = Some(message);
        for (index, input) in posts.into_iter().enumerate() {
            let then = match message.take_if(|_| index + 1 == last) {
                Some(message) => {
                    let acks = acks.clone();
                    Then::Acknowledge(Box::new(move || acknowledge_soon(&acks, message)))
                }
                None => Then::Nothing,
            };
            self.post(Post::new(input, then)).await;
        }
    }

    /// A live emergency contact becomes an emergency; everything else stays a reading.
    fn input(&self, reading: Reading) -> Input {
        if let Value::Loop(state) = &reading.value
            && reading.freshness == Freshness::Live
        {
            self.loops.saw(&reading.lane, reading.received, *state);
        }
        match reading.value {
            // One that proved nothing stays a reading: it raises an alert and moves no arm.
            Value::Emergency(true)
                if reading.freshness == Freshness::Live && reading.trust != Trust::None =>
            {
                Input::Emergency {
                    source: reading.device,
                }
            }
            _ => Input::Reading(reading),
        }
    }

    /// An emergency always finds room: its channel holds more than there are contacts to press.
    async fn post(&self, post: Post) {
        let channel = match post.input {
            Input::Emergency { .. } => &self.emergency,
            _ => &self.inbox,
        };
        let mut post = post;
        loop {
            match (channel.try_send(post), self.patience) {
                (Ok(()) | Err(TrySendError::Disconnected(_)), _) => return,
                (Err(TrySendError::Full(back)), Patience::Waits) => {
                    post = back;
                    tokio::time::sleep(RETRY).await;
                }
                (Err(TrySendError::Full(back)), Patience::Drops) => {
                    self.health.dropped("gate_inbox");
                    if let Then::Acknowledge(acknowledge) = back.then {
                        acknowledge();
                    }
                    return;
                }
            }
        }
    }
}
