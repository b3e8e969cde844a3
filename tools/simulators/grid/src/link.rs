//! The platform's end of MQTT: manual acknowledgements after the sync, receipts five times a
//! second, subscribed anew at each CONNACK.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, Publish, QoS};
use tokio::sync::mpsc;

use crate::lie::{LATE, Lie};
use crate::platform::{Message, Platform};

/// More than a broker has in flight to one client, so that the event loop never waits here while
/// the storing side waits for it.
const INBOX: usize = 8_192;

/// Messages stored with one sync.
const BATCH: usize = 1_000;

/// Receipts go out this often.
const RECEIPTS: Duration = Duration::from_millis(100);

pub struct Broker {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
}

/// Connects, and goes on connecting. The client publishes what the HTTP side wants sent.
pub fn connect(broker: &Broker) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new(format!("grid-{}", broker.user), &broker.host, broker.port);
    options.set_credentials(&broker.user, &broker.password);
    options.set_keep_alive(Duration::from_secs(10));
    options.set_clean_session(false);
    options.set_manual_acks(true);
    options.set_max_packet_size(2 * 1024 * 1024, 2 * 1024 * 1024);
    options.set_inflight(500);
    AsyncClient::new(options, INBOX)
}

/// Runs until storing fails.
pub async fn run(platform: Arc<Platform>, client: AsyncClient, events: EventLoop) -> Result<()> {
    let (inbox, messages) = mpsc::channel(INBOX);
    let hearing = tokio::spawn(hear(platform.clone(), client.clone(), events, inbox));
    let answering = tokio::spawn(answer(platform.clone(), client.clone()));
    let stored = store(platform, client, messages).await;
    hearing.abort();
    answering.abort();
    stored
}

async fn hear(
    platform: Arc<Platform>,
    client: AsyncClient,
    mut events: EventLoop,
    inbox: mpsc::Sender<Publish>,
) {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                // The broker may have forgotten, whatever it says of the session.
                let subscribed = client.try_subscribe("gateways/+/events/#", QoS::AtLeastOnce);
                tracing::info!(subscribed = subscribed.is_ok(), "connected to the broker");
            }
            Ok(Event::Incoming(Packet::SubAck(_))) => platform.set_subscribed(true),
            Ok(Event::Incoming(Packet::Publish(message))) => {
                // Full: not acknowledged, so it comes again.
                let _ = inbox.try_send(message);
            }
            Ok(_) => {}
            Err(cause) => {
                platform.set_subscribed(false);
                tracing::warn!(%cause, "the broker is away");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    }
}

async fn store(
    platform: Arc<Platform>,
    client: AsyncClient,
    mut messages: mpsc::Receiver<Publish>,
) -> Result<()> {
    let mut batch = Vec::new();
    while messages.recv_many(&mut batch, BATCH).await > 0 {
        let payloads: Vec<(String, Vec<u8>)> = batch
            .iter()
            .map(|message: &Publish| (message.topic.clone(), message.payload.to_vec()))
            .collect();
        let storing = platform.clone();
        tokio::task::spawn_blocking(move || storing.take(&payloads))
            .await
            .context("storing panicked")??;
        for message in batch.drain(..) {
            // Lost acknowledgements bring the message again: a duplicate.
            let _ = client.ack(&message).await;
        }
    }
    Ok(())
}

async fn answer(platform: Arc<Platform>, client: AsyncClient) {
    let mut ticks = tokio::time::interval(RECEIPTS);
    loop {
        ticks.tick().await;
        let (receipts, lie) = match platform.receipts() {
            Ok(found) => found,
            Err(cause) => {
                tracing::error!(%cause, "cannot sign receipts");
                continue;
            }
        };
        if receipts.is_empty() {
            continue;
        }
        let client = client.clone();
        let sending = async move {
            for receipt in receipts {
                send(&client, receipt).await;
            }
        };
        match lie {
            Some(Lie::Late) => drop(tokio::spawn(async move {
                tokio::time::sleep(LATE).await;
                sending.await;
            })),
            _ => sending.await,
        }
    }
}

/// Publishes with QoS 1.
pub async fn send(client: &AsyncClient, message: Message) {
    let sent = client
        .publish(message.topic, QoS::AtLeastOnce, false, message.payload)
        .await;
    if let Err(cause) = sent {
        tracing::warn!(%cause, "a message was not sent");
    }
}
