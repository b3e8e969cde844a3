//! Sensors: messages of the device broker become readings in the gate's inbox.
//!
//! A message is acknowledged to the broker when what it caused is durable, and not before. What
//! the broker, the network or a stall of our own kept for a while is told from what happens now by
//! markers of our own: see `lease`.

mod inlet;
mod lease;

use std::collections::BTreeSet;
use std::time::Duration;

use gateway_core::name::Name;
use gateway_core::reading::Trust;
use gateway_wire::sensor::{Declaration, Kind};
use rumqttc::{AsyncClient, Event, Packet, Publish, QoS, SubscribeFilter, SubscribeReasonCode};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use crate::mqtt::{BackOff, Events, Link, Manner, Session};
pub use inlet::{Inlet, Patience};
use lease::Lease;

/// Messages of one connection whose acknowledgement is due. It never fills: the broker leaves at most
/// 1,000 unacknowledged (`max_inflight_messages`). If one filled it all the same, its message would go
/// unacknowledged and be redelivered to the next connection.
const ACKS: usize = 1_024;

/// A task that owns one connection for a group of sensors.
pub struct Edge {
    pub link: Link,
    pub client_id: String,
    pub session: Session,
    pub sensors: Vec<Source>,
    /// Where this connection's marker goes and comes back.
    pub marker_topic: String,
    pub inlet: Inlet,
}

/// One device whose messages are read: a sensor, or a barrier that tells its arm's position.
#[derive(Clone)]
pub struct Source {
    pub id: Name,
    pub lane: Name,
    pub trust: Trust,
    pub declaration: Declaration,
}

impl Source {
    /// Emergency contacts have a connection of their own: nothing that floods or waits is before
    /// them.
    pub fn is_emergency(&self) -> bool {
        self.declaration
            .values
            .iter()
            .any(|value| matches!(value.kind, Kind::Emergency(_)))
    }

    fn hears(&self, topic: &str) -> bool {
        self.declaration
            .values
            .iter()
            .any(|value| rumqttc::matches(topic, &value.topic))
    }
}

impl Edge {
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut back_off = BackOff::new(Duration::from_millis(200), Duration::from_secs(5));
        while !*stop.borrow() {
            let manner = Manner {
                session: self.session,
                manual_acks: true,
                will: None,
            };
            let (client, events) = self.link.client(&self.client_id, manner);
            let stood = self.serve(client, events, &mut stop).await;
            self.inlet.health.sensor_link(&self.client_id, false);
            if stood {
                back_off.reset();
            }
            tokio::select! {
                () = tokio::time::sleep(back_off.wait()) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Serves one connection until it breaks; true when it had stood.
    async fn serve(
        &self,
        client: AsyncClient,
        mut events: Events,
        stop: &mut watch::Receiver<bool>,
    ) -> bool {
        let (acks, acknowledged) = mpsc::channel(ACKS);
        let acknowledger = tokio::spawn(acknowledge(client.clone(), acknowledged));
        let mut lease = Lease::new(self.session == Session::Clean);
        let mut beat = tokio::time::interval(lease::BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut stood, mut subscribed) = (false, false);
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                _ = beat.tick(), if subscribed => {
                    let now = self.inlet.clock.mono();
                    if lease.is_overdue(now) {
                        tracing::warn!(link = self.client_id, "the broker does not return our markers");
                        break;
                    }
                    let marker = lease.next(now);
                    // A marker that finds no room is one that does not come back.
                    let _ = client.try_publish(&self.marker_topic, QoS::AtLeastOnce, false, marker);
                    continue;
                }
                _ = stop.changed() => break,
            };
            match event {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    stood = true;
                    // The session may be gone, and with it the subscriptions: ask every time.
                    if let Err(error) = client.try_subscribe_many(self.filters()) {
                        tracing::warn!(%error, "cannot subscribe to the sensors");
                        break;
                    }
                }
                Ok(Event::Incoming(Packet::SubAck(answer))) => {
                    if answer.return_codes.contains(&SubscribeReasonCode::Failure) {
                        tracing::error!(
                            link = self.client_id,
                            "the broker refuses a subscription: see its access list"
                        );
                        break;
                    }
                    subscribed = true;
                    self.inlet.health.sensor_link(&self.client_id, true);
                }
                Ok(Event::Incoming(Packet::Publish(message))) => {
                    let now = self.inlet.clock.mono();
                    if message.topic == self.marker_topic {
                        lease.came_back(&message.payload);
                        acknowledge_soon(&acks, message);
                        continue;
                    }
                    let freshness = lease.freshness(now, message.retain, message.dup);
                    let taken = self.inlet.take(&self.sensors, freshness, message, &acks);
                    tokio::select! {
                        () = taken => {}
                        _ = stop.changed() => break,
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, link = self.client_id, "the link to the sensors is down");
                    break;
                }
            }
        }
        acknowledger.abort();
        stood
    }

    fn filters(&self) -> Vec<SubscribeFilter> {
        let mut topics: BTreeSet<String> = self
            .sensors
            .iter()
            .flat_map(|source| source.declaration.topics())
            .map(str::to_owned)
            .collect();
        topics.insert(self.marker_topic.clone());
        topics
            .into_iter()
            .map(|topic| SubscribeFilter::new(topic, QoS::AtLeastOnce))
            .collect()
    }
}

/// Has a message acknowledged, from any thread and without waiting; nobody waits for one at QoS 0.
fn acknowledge_soon(acks: &mpsc::Sender<Publish>, message: Publish) {
    if message.qos == QoS::AtMostOnce {
        return;
    }
    if let Err(mpsc::error::TrySendError::Full(_)) = acks.try_send(message) {
        tracing::warn!("an acknowledgement found no room; the broker will send the message again");
    }
}

/// Acknowledges on this connection only: with it ends every claim to acknowledge.
async fn acknowledge(client: AsyncClient, mut messages: mpsc::Receiver<Publish>) {
    while let Some(message) = messages.recv().await {
        if client.ack(&message).await.is_err() {
            return;
        }
    }
}
