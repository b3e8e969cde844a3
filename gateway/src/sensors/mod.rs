//! Sensors: messages of the device broker become readings in the gate's inbox.
//!
//! A message is acknowledged to the broker when what it caused is durable, and not before. What
//! the broker kept for us while we were away is told from what happens now by a marker of our
//! own: it comes back behind everything that waited, and until then nothing may open.

mod inlet;

use std::collections::BTreeSet;
use std::time::Duration;

use gateway_core::name::Name;
use gateway_core::reading::{Freshness, Trust};
use gateway_wire::sensor::{Declaration, Kind};
use rumqttc::{AsyncClient, Event, Packet, Publish, QoS, SubscribeFilter};
use tokio::sync::{mpsc, watch};

use crate::mqtt::{BackOff, Events, Link, Manner, Session};
pub use inlet::Inlet;

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
        // As long as the broker leaves messages unacknowledged: 1,000 by its configuration.
        let (acks, acknowledged) = mpsc::unbounded_channel();
        let acknowledger = tokio::spawn(acknowledge(client.clone(), acknowledged));
        let mut live = Liveness::new(&self.marker_topic);
        let mut stood = false;
        loop {
            let event = tokio::select! {
                event = events.next() => event,
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
                Ok(Event::Incoming(Packet::SubAck(_))) => {
                    self.inlet.health.sensor_link(&self.client_id, true);
                    live.send_marker(&client);
                }
                Ok(Event::Incoming(Packet::Publish(message))) => {
                    if live.is_marker(&message) {
                        let _ = acks.send(message);
                        continue;
                    }
                    let freshness = live.freshness(&message);
                    self.inlet
                        .take(&self.sensors, freshness, message, &acks)
                        .await;
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

/// Acknowledges on this connection only: with it ends every claim to acknowledge.
async fn acknowledge(client: AsyncClient, mut messages: mpsc::UnboundedReceiver<Publish>) {
    while let Some(message) = messages.recv().await {
        if message.qos != QoS::AtMostOnce && client.ack(&message).await.is_err() {
            return;
        }
    }
}

/// Tells what happens now from what the broker kept.
struct Liveness {
    topic: String,
    marker: [u8; 16],
    live: bool,
}

impl Liveness {
    fn new(topic: &str) -> Liveness {
        Liveness {
            topic: topic.to_owned(),
            marker: rand::random(),
            live: false,
        }
    }

    fn send_marker(&self, client: &AsyncClient) {
        if let Err(error) =
            client.try_publish(&self.topic, QoS::AtLeastOnce, false, self.marker.to_vec())
        {
            // Nothing opens on this connection; the broker will break it or the next one works.
            tracing::warn!(%error, "cannot send the marker");
        }
    }

    fn is_marker(&mut self, message: &Publish) -> bool {
        if message.topic != self.topic {
            return false;
        }
        if message.payload[..] == self.marker {
            self.live = true;
        }
        true
    }

    fn freshness(&self, message: &Publish) -> Freshness {
        if message.retain {
            Freshness::Retained
        } else if message.dup || !self.live {
            Freshness::Redelivered
        } else {
            Freshness::Live
        }
    }
}
