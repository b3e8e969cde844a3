//! Upstream: one task for each destination carries events out and receipts and orders in.
//!
//! The deliverer decides what is sent and when; this task moves bytes. An event leaves the outbox
//! only by a receipt whose signature and hash are right. An order acts at most once: the gate
//! remembers its number.

mod inbound;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use gateway_core::event::PartKind;
use gateway_core::name::Name;
use gateway_store::deliver::{Deliverer, Input, Mode, Output, WINDOW};
use gateway_store::outbox::Outbox;
use gateway_store::record::PartState;
use gateway_store::seal::Origin;
use gateway_store::{Reader, Stored};
use gateway_wire::api;
use gateway_wire::upstream::event::{EventMessage, PartMessage};
use gateway_wire::upstream::signed::Keys;
use gateway_wire::upstream::status::{Presence, StatusMessage};
use gateway_wire::upstream::{UpstreamError, topic};
use rumqttc::{AsyncClient, Event, LastWill, Outgoing, Packet, QoS};
use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::handles::GateHandle;
use crate::health::Health;
use crate::mqtt::{Events, Link, Manner, Session};
use crate::upstream::inbound::Ordered;

/// How often the page is told how far delivery is, and the longest sleep.
const TELL: Duration = Duration::from_millis(500);

/// Events handed to the client and not yet on the wire; the deliverer's window bounds the rest.
const ROOM: usize = 256;

/// The task of one destination.
pub struct Edge {
    id: Name,
    link: Link,
    origin: Origin,
    withhold: Vec<PartKind>,
    keys: Keys,
    reader: Reader,
    outbox: Outbox,
    clock: Clock,
    health: Arc<Health>,
    orders: mpsc::Sender<Ordered>,
    /// What the status topic says while we are here, and after.
    online: Vec<u8>,
    offline: Vec<u8>,
}

/// A connection under way or standing.
struct Connection {
    client: AsyncClient,
    events: Events,
    up: bool,
    /// Handed to the client, not yet on the wire.
    leaving: usize,
}

impl Edge {
    pub fn new(
        upstream: &gateway_config::Upstream,
        link: Link,
        origin: Origin,
        (reader, outbox): (Reader, Outbox),
        (clock, health, gate): (Clock, Arc<Health>, GateHandle),
    ) -> anyhow::Result<Edge> {
        let mut keys = Keys::new();
        keys.add(&upstream.public_key)
            .with_context(|| format!("the public key of upstream {} is unusable", upstream.id))?;
        let presence = |state| StatusMessage::new(&origin.gateway, state).encode();
        Ok(Edge {
            online: presence(Presence::Online)?,
            offline: presence(Presence::Offline)?,
            id: upstream.id.clone(),
            link,
            origin,
            withhold: upstream.withhold.clone(),
            keys,
            reader,
            outbox,
            clock,
            orders: inbound::take_orders(gate, health.clone()),
            health,
        })
    }

    pub async fn run(
        mut self,
        mut appended: watch::Receiver<u64>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut deliverer = Deliverer::new(&self.outbox, self.reader.last());
        let mut connection: Option<Connection> = None;
        let mut ended = false;
        let mut inputs = vec![Input::Tick];
        loop {
            let mut outputs = Vec::new();
            for input in inputs.drain(..) {
                deliverer.apply(self.clock.mono(), input, &mut outputs);
            }
            for output in outputs {
                match output {
                    Output::Connect => connection = Some(self.connect()),
                    Output::Send { numbers } => {
                        inputs.extend(self.send(&numbers, connection.as_mut()));
                    }
                }
            }
            self.tell(&deliverer);
            if !inputs.is_empty() {
                continue;
            }
            let sleep = match deliverer.next_deadline() {
                Some(deadline) => self.clock.until(deadline).min(TELL),
                None => TELL,
            };
            tokio::select! {
                _ = stop.changed() => return self.say_goodbye(connection).await,
                changed = appended.changed(), if !ended => match changed {
                    Ok(()) => inputs.push(Input::Appended {
                        through: *appended.borrow_and_update(),
                    }),
                    // Nothing more is appended; what there is goes on its way.
                    Err(_) => ended = true,
                },
                event = next(&mut connection) => {
                    inputs.extend(self.take(event, &mut deliverer, &mut connection));
                }
                () = tokio::time::sleep(sleep) => inputs.push(Input::Tick),
            }
        }
    }

    fn connect(&self) -> Connection {
        let gateway = &self.origin.gateway;
        let manner = Manner {
            session: Session::Kept,
            manual_acks: true,
            will: Some(LastWill::new(
                topic::status(gateway),
                self.offline.clone(),
                QoS::AtLeastOnce,
                true,
            )),
        };
        let (client, events) = self.link.client(&format!("{gateway}-{}", self.id), manner);
        Connection {
            client,
            events,
            up: false,
            leaving: 0,
        }
    }

    /// What the connection said, as the deliverer understands it.
    fn take(
        &mut self,
        event: Result<Event, rumqttc::ConnectionError>,
        deliverer: &mut Deliverer,
        slot: &mut Option<Connection>,
    ) -> Vec<Input> {
        let Some(connection) = slot.as_mut() else {
            return Vec::new();
        };
        match event {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                self.greet(connection);
                connection.up = true;
                // Whatever the broker remembers, the client is new and has nothing in hand.
                let session_present = false;
                vec![
                    Input::Connected { session_present },
                    Input::Room { free: ROOM },
                ]
            }
            Ok(Event::Incoming(Packet::Publish(message))) => {
                let client = connection.client.clone();
                self.inbound(message, client, deliverer)
            }
            Ok(Event::Outgoing(Outgoing::Publish(_))) => {
                connection.leaving = connection.leaving.saturating_sub(1);
                vec![Input::Room {
                    free: ROOM - connection.leaving.min(ROOM),
                }]
            }
            Ok(_) => Vec::new(),
            Err(error) => {
                tracing::warn!(destination = %self.id, %error, "upstream cannot be reached");
                *slot = None;
                vec![Input::Disconnected {
                    random: rand::random(),
                }]
            }
        }
    }

    /// The session may be gone, and with it the subscriptions: asks every time.
    fn greet(&self, connection: &Connection) {
        let gateway = &self.origin.gateway;
        let asked = [topic::receipts(gateway), topic::orders(gateway)]
            .into_iter()
            .try_for_each(|topic| connection.client.try_subscribe(topic, QoS::AtLeastOnce))
            .and_then(|()| {
                connection.client.try_publish(
                    topic::status(gateway),
                    QoS::AtLeastOnce,
                    true,
                    self.online.clone(),
                )
            });
        if let Err(error) = asked {
            tracing::warn!(destination = %self.id, %error, "upstream takes nothing");
        }
    }

    /// Publishes what can be read; the rest the deliverer must hear of.
    fn send(&self, numbers: &[u64], connection: Option<&mut Connection>) -> Vec<Input> {
        let Some(connection) = connection else {
            return Vec::new();
        };
        let mut unreadable = Vec::new();
        for number in numbers {
            // The disk may be slow; the runtime's other tasks must not wait for it.
            let read = tokio::task::block_in_place(|| self.reader.get(*number));
            let published = match read {
                Ok(Some(stored)) => self
                    .publish(&stored, connection)
                    .map_err(anyhow::Error::from),
                Ok(None) => Err(anyhow::anyhow!("it is missing")),
                Err(error) => Err(error.into()),
            };
            if let Err(error) = published {
                tracing::error!(number, %error, "an event cannot be delivered");
                unreadable.push(Input::Unreadable { number: *number });
            }
        }
        unreadable
    }

    fn publish(&self, stored: &Stored, connection: &mut Connection) -> Result<(), UpstreamError> {
        let payload = self.envelope(stored)?;
        let topic = topic::events(&self.origin.gateway, stored.header.kind);
        match connection
            .client
            .try_publish(topic, QoS::AtLeastOnce, false, payload)
        {
            Ok(()) => connection.leaving += 1,
            // It counts as sent, and is sent again when no receipt comes.
            Err(error) => tracing::warn!(%error, "upstream's connection has no room"),
        }
        Ok(())
    }

    /// The event as this destination may see it.
    fn envelope(&self, stored: &Stored) -> Result<Vec<u8>, UpstreamError> {
        let parts = stored
            .parts()
            .map(|(kind, class, state)| match state {
                _ if self.withhold.contains(&kind) => PartMessage::Withheld { kind, class },
                PartState::Erased => PartMessage::Erased { kind, class },
                PartState::Present { salt, body } => PartMessage::Present {
                    kind,
                    class,
                    salt: *salt,
                    body: body.to_string(),
                },
            })
            .collect();
        EventMessage::new(&stored.header_text, stored.hash.to_string(), parts)?.encode()
    }

    fn tell(&self, deliverer: &Deliverer) {
        let confirmed_through = self.outbox.confirmed_through();
        let waiting = deliverer.waiting();
        self.health.destination(api::DestinationStatus {
            id: self.id.to_string(),
            connected: deliverer.mode() != Mode::Offline,
            confirmed_through,
            waiting,
            oldest_waiting_ms: self.oldest_waiting_ms(confirmed_through, waiting),
            mode: match deliverer.mode() {
                Mode::Offline => api::Mode::Offline,
                Mode::Draining => api::Mode::Draining,
                Mode::Live => api::Mode::Live,
                Mode::Throttled => api::Mode::Throttled,
            },
        });
    }

    /// By wall time: across a restart there is no other.
    fn oldest_waiting_ms(&self, confirmed_through: u64, waiting: u64) -> Option<u64> {
        if waiting == 0 {
            return None;
        }
        let oldest =
            tokio::task::block_in_place(|| self.reader.get(confirmed_through + 1)).ok()??;
        let age = self.clock.now().wall_ms - oldest.header.wall_ms;
        Some(age.max(0) as u64)
    }

    async fn say_goodbye(&self, connection: Option<Connection>) {
        let Some(mut connection) = connection.filter(|connection| connection.up) else {
            return;
        };
        let topic = topic::status(&self.origin.gateway);
        let _ = connection
            .client
            .try_publish(topic, QoS::AtLeastOnce, true, self.offline.clone());
        let _ = connection.client.try_disconnect();
        let goodbye = async { while connection.events.next().await.is_ok() {} };
        let _ = tokio::time::timeout(Duration::from_secs(1), goodbye).await;
    }
}

/// The next event of the connection; never, while there is none.
async fn next(connection: &mut Option<Connection>) -> Result<Event, rumqttc::ConnectionError> {
    match connection {
        Some(connection) => connection.events.next().await,
        None => std::future::pending().await,
    }
}

const _: () = assert!(ROOM <= WINDOW);
