//! One device: its own user and connection at the broker, and the words of its family.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rumqttc::{AsyncClient, Event, EventLoop, LastWill, MqttOptions, Packet, Publish, QoS};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// The broker and everybody's passwords.
pub struct Door {
    pub host: String,
    pub port: u16,
    pub passwords: BTreeMap<String, String>,
}

/// A device; cheap to clone.
#[derive(Clone)]
pub struct Device {
    pub id: String,
    family: Family,
    client: AsyncClient,
    state: Arc<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    /// A card reader, RC522 on Tasmota.
    Reader,
    /// A terminal that measures foreheads; its number is part of its topics.
    Thermometer,
    /// A binary sensor of an ESPHome node.
    Binary(&'static str),
    /// Relays and contacts on Tasmota.
    Relay,
}

/// What a line on standard input made of the device.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Manner {
    Normal,
    /// It sends nothing.
    Silent,
    /// It sends broken messages in place of its own.
    Nonsense,
    /// Its messages carry the retain flag.
    Retained,
}

#[derive(Default)]
struct State {
    connected: AtomicBool,
    manner: AtomicU8,
    records: AtomicU64,
    last: Mutex<Option<(String, String)>>,
}

/// What the terminal of the demo site is called on the wire.
const TERMINAL: &str = "2200117";

impl Device {
    pub fn reader(door: &Door, id: &str) -> Device {
        Device::start(door, id, Family::Reader, None)
    }

    pub fn thermometer(door: &Door, id: &str) -> Device {
        Device::start(door, id, Family::Thermometer, None)
    }

    /// A loop: `name` is the binary sensor's object id.
    pub fn induction_loop(door: &Door, id: &str, name: &'static str) -> Device {
        Device::start(door, id, Family::Binary(name), None)
    }

    pub fn emergency(door: &Door, id: &str) -> Device {
        Device::start(door, id, Family::Binary("emergency"), None)
    }

    /// A barrier's node; what it is commanded arrives in the channel.
    pub fn relay(door: &Door, id: &str, commands: mpsc::UnboundedSender<Publish>) -> Device {
        Device::start(door, id, Family::Relay, Some(commands))
    }

    fn start(
        door: &Door,
        id: &str,
        family: Family,
        commands: Option<mpsc::UnboundedSender<Publish>>,
    ) -> Device {
        let mut options = MqttOptions::new(format!("sim-{id}"), &door.host, door.port);
        options.set_keep_alive(Duration::from_secs(10));
        if let Some(password) = door.passwords.get(&format!("device-{id}")) {
            options.set_credentials(id, password);
        }
        if let Some((topic, _, gone)) = presence(family, id) {
            options.set_last_will(LastWill::new(topic, gone, QoS::AtLeastOnce, true));
        }
        let (client, events) = AsyncClient::new(options, 128);
        let device = Device {
            id: id.to_owned(),
            family,
            client,
            state: Arc::default(),
        };
        tokio::spawn(device.clone().stay_connected(events, commands));
        device
    }

    /// Polls for ever: connects again a second after each loss.
    async fn stay_connected(
        self,
        mut events: EventLoop,
        commands: Option<mpsc::UnboundedSender<Publish>>,
    ) {
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => self.greet(),
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    if let Some(commands) = &commands {
                        let _ = commands.send(publish);
                    }
                }
                Ok(_) => {}
                Err(_) => {
                    self.state.connected.store(false, Ordering::Relaxed);
                    sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    fn greet(&self) {
        self.state.connected.store(true, Ordering::Relaxed);
        if let Some((topic, there, _)) = presence(self.family, &self.id) {
            let _ = self
                .client
                .try_publish(topic, QoS::AtLeastOnce, true, there);
        }
        if self.family == Family::Thermometer {
            let payload = json!({ "facesluiceId": TERMINAL }).to_string();
            let _ =
                self.client
                    .try_publish("mqtt/face/heartbeat", QoS::AtLeastOnce, false, payload);
        }
        if self.family == Family::Relay {
            // Tasmota listens to all of its relays; the access list lets it read these.
            for relay in 1..=3 {
                let topic = format!("cmnd/{}/POWER{relay}", self.id);
                let _ = self.client.try_subscribe(topic, QoS::AtLeastOnce);
            }
        }
    }

    pub fn is_connected(&self) -> bool {
        self.state.connected.load(Ordering::Relaxed)
    }

    pub fn set_manner(&self, manner: Manner) {
        self.state.manner.store(manner as u8, Ordering::Relaxed);
    }

    fn manner(&self) -> Manner {
        let now = self.state.manner.load(Ordering::Relaxed);
        [Manner::Silent, Manner::Nonsense, Manner::Retained]
            .into_iter()
            .find(|manner| *manner as u8 == now)
            .unwrap_or(Manner::Normal)
    }

    /// A card as upper-case hex is held to the reader.
    pub fn card(&self, card: &str) {
        let topic = format!("tele/{}/SENSOR", self.id);
        let payload = json!({
            "Time": "2026-01-01T00:00:00",
            "RC522": { "UID": card, "Data": "", "Type": "MIFARE 1KB" },
        });
        self.send(&topic, &payload.to_string());
    }

    /// The terminal pushes a record; without a temperature it writes 0.
    pub fn temperature(&self, milli: Option<i32>) {
        let record = self.state.records.fetch_add(1, Ordering::Relaxed) + 1;
        let text = milli.map_or_else(|| "0".to_owned(), celsius);
        let payload = json!({
            "operator": "RecPush",
            "info": {
                "personId": "0",
                "RecordID": record.to_string(),
                "VerifyStatus": "1",
                "Sendintime": 1,
                "facesluiceId": TERMINAL,
                "PushType": 0,
                "temperature": text,
            },
        });
        self.send(&format!("mqtt/face/{TERMINAL}/Rec"), &payload.to_string());
    }

    /// A loop becomes occupied or free, a contact active or not.
    pub fn switch(&self, on: bool) {
        if let Family::Binary(name) = self.family {
            let topic = format!("{}/binary_sensor/{name}/state", self.id);
            self.send(&topic, if on { "ON" } else { "OFF" });
        }
    }

    /// A contact of the barrier's node opened or closed.
    pub fn contact(&self, number: u8, on: bool) {
        let action = if on { "ON" } else { "OFF" };
        let payload = json!({ format!("Switch{number}"): { "Action": action } });
        self.send(&format!("stat/{}/RESULT", self.id), &payload.to_string());
    }

    /// The node's own answer to a command.
    pub fn relay_result(&self, relay: &str, state: &str) {
        let payload = json!({ relay: state });
        self.send(&format!("stat/{}/RESULT", self.id), &payload.to_string());
    }

    /// The last message again and again, as fast as the connection takes it.
    pub async fn flood(&self, count: u64) {
        let last = self.state.last.lock().map(|last| last.clone());
        let Ok(Some((topic, payload))) = last else {
            return;
        };
        for _ in 0..count {
            let (topic, payload) = (topic.clone(), payload.clone());
            let sent = self.client.publish(topic, QoS::AtLeastOnce, false, payload);
            if sent.await.is_err() {
                return;
            }
        }
    }

    /// What cannot be sent now is lost, as with a device that keeps nothing.
    fn send(&self, topic: &str, payload: &str) {
        if let Ok(mut last) = self.state.last.lock() {
            *last = Some((topic.to_owned(), payload.to_owned()));
        }
        let manner = self.manner();
        if manner == Manner::Silent || !self.is_connected() {
            return;
        }
        let payload = match manner {
            Manner::Nonsense => "{\"RC522\":{\"UID\":\u{fffd}",
            _ => payload,
        };
        let retain = manner == Manner::Retained;
        let _ = self
            .client
            .try_publish(topic, QoS::AtLeastOnce, retain, payload);
    }
}

/// Where a family tells that it is there: topic, there, gone.
fn presence(family: Family, id: &str) -> Option<(String, &'static str, &'static str)> {
    match family {
        Family::Reader | Family::Relay => Some((format!("tele/{id}/LWT"), "Online", "Offline")),
        Family::Binary(_) => Some((format!("{id}/status"), "online", "offline")),
        Family::Thermometer => None,
    }
}

/// As terminals print it: one decimal where that is all there is.
fn celsius(milli: i32) -> String {
    let (whole, rest) = (milli / 1000, (milli % 1000).abs());
    if rest % 100 == 0 {
        format!("{whole}.{}", rest / 100)
    } else {
        format!("{whole}.{rest:03}")
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_temperature_is_printed_as_terminals_do() {
        assert_eq!(super::celsius(36_600), "36.6");
        assert_eq!(super::celsius(37_000), "37.0");
        assert_eq!(super::celsius(36_050), "36.050");
    }
}
