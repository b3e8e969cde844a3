//! From one message to the gate: read through the declarations, stamped, posted.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError};
use gateway_core::gate::Input;
use gateway_core::name::Name;
use gateway_core::reading::{Freshness, Reading, Value};
use rumqttc::Publish;
use tokio::sync::mpsc;

use crate::barriers::loops::Loops;
use crate::clock::Clock;
use crate::handles::{Post, Then};
use crate::health::Health;
use crate::sensors::Source;

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
}

impl Inlet {
    /// Reads one message for every sensor whose topic it bears. It is acknowledged when the last
    /// of its readings is durable, at once when it holds none or is refused.
    pub async fn take(
        &self,
        sensors: &[Source],
        freshness: Freshness,
        message: Publish,
        acks: &mpsc::UnboundedSender<Publish>,
    ) {
        let received = self.clock.mono();
        let mut posts = Vec::new();
        for sensor in sensors {
            if !sensor.hears(&message.topic) {
                continue;
            }
            match sensor.declaration.read(
                &message.topic,
                &message.payload,
                message.retain,
                message.dup,
            ) {
                Ok(parsed) => {
                    self.health.device_heard(&sensor.id, received);
                    for one in parsed {
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
                Err(refusal) => {
                    self.health.refused(&sensor.id, refusal.code());
                    tracing::warn!(device = %sensor.id, cause = refusal.code(), "a message was refused");
                }
            }
        }
        let last = posts.len();
        if last == 0 {
            let _ = acks.send(message);
            return;
        }
        let mut message = Some(message);
        for (index, input) in posts.into_iter().enumerate() {
            let then = match message.take_if(|_| index + 1 == last) {
                Some(message) => {
                    let acks = acks.clone();
                    Then::Acknowledge(Box::new(move || {
                        let _ = acks.send(message);
                    }))
                }
                None => Then::Nothing,
            };
            self.post(Post { input, then }).await;
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
            Value::Emergency(true) if reading.freshness == Freshness::Live => Input::Emergency {
                source: Name::from(reading.device.as_str()),
            },
            _ => Input::Reading(reading),
        }
    }

    /// Waits for room: a sensor's message is never dropped here.
    async fn post(&self, post: Post) {
        let channel = match post.input {
            Input::Emergency { .. } => &self.emergency,
            _ => &self.inbox,
        };
        let mut post = post;
        loop {
            match channel.try_send(post) {
                Ok(()) | Err(TrySendError::Disconnected(_)) => return,
                Err(TrySendError::Full(back)) => {
                    post = back;
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }
}
