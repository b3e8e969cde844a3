//! A device at the broker: what it publishes is confirmed by the broker before the test goes on, and
//! what it is told is kept with the moment at which it came.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rumqttc::{Client, Event, Incoming, MqttOptions, QoS};

use super::eventually;

const PATIENCE: Duration = Duration::from_secs(10);

/// A message that came, for example a command to a barrier.
#[derive(Clone, Debug)]
pub struct Message {
    pub at: Instant,
    pub topic: String,
    pub payload: String,
    pub retain: bool,
}

#[derive(Default)]
struct Seen {
    connections: u32,
    subscriptions: u32,
    confirmed: u32,
    messages: Vec<Message>,
}

/// One connection with the device's own user and password; it comes back when the broker does.
pub struct Device {
    client: Client,
    seen: Arc<Mutex<Seen>>,
    stopping: Arc<AtomicBool>,
    loops: Option<JoinHandle<()>>,
    published: u32,
}

impl Device {
    /// Connects and, if a topic is given, subscribes to it; returns when the broker confirmed both.
    pub fn connect(port: u16, user: &str, password: &str, listens_to: Option<&str>) -> Device {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let id = format!("{user}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let mut options = MqttOptions::new(id, "127.0.0.1", port);
        options
            .set_credentials(user, password)
            .set_keep_alive(Duration::from_secs(30));
        let (client, mut connection) = Client::new(options, 64);
        let seen = Arc::new(Mutex::new(Seen::default()));
        let stopping = Arc::new(AtomicBool::new(false));
        let loops = std::thread::spawn({
            let (seen, stopping, client) =
                (Arc::clone(&seen), Arc::clone(&stopping), client.clone());
            let topic = listens_to.map(str::to_owned);
            move || {
                for event in connection.iter() {
                    if stopping.load(Ordering::Relaxed) {
                        return;
                    }
                    note(event, &seen, &client, topic.as_deref());
                }
            }
        });
        let device = Device {
            client,
            seen,
            stopping,
            loops: Some(loops),
            published: 0,
        };
        let ready = || {
            let seen = device.seen.lock().expect("not poisoned");
            seen.connections > 0 && (listens_to.is_none() || seen.subscriptions > 0)
        };
        assert!(
            eventually(PATIENCE, ready),
            "the broker did not take {user} in"
        );
        device
    }

    /// Publishes and returns when the broker confirmed it.
    pub fn publish(&mut self, topic: &str, payload: &str) {
        self.send(topic, payload, false);
    }

    /// Publishes a message that the broker keeps for whoever subscribes later.
    pub fn publish_retained(&mut self, topic: &str, payload: &str) {
        self.send(topic, payload, true);
    }

    fn send(&mut self, topic: &str, payload: &str, retain: bool) {
        self.client
            .publish(topic, QoS::AtLeastOnce, retain, payload)
            .expect("a running client");
        self.published += 1;
        let confirmed = eventually(PATIENCE, || {
            self.seen.lock().expect("not poisoned").confirmed >= self.published
        });
        assert!(confirmed, "the broker did not confirm a message on {topic}");
    }

    /// Everything that came so far.
    pub fn messages(&self) -> Vec<Message> {
        self.seen.lock().expect("not poisoned").messages.clone()
    }

    /// Waits until `count` messages came, and returns all.
    pub fn hears(&self, count: usize, within: Duration) -> Vec<Message> {
        let heard = eventually(within, || self.messages().len() >= count);
        let messages = self.messages();
        assert!(
            heard,
            "{count} messages expected within {within:?}, came: {messages:?}"
        );
        messages
    }
}

fn note(
    event: Result<Event, rumqttc::ConnectionError>,
    seen: &Mutex<Seen>,
    client: &Client,
    topic: Option<&str>,
) {
    let mut seen = seen.lock().expect("not poisoned");
    match event {
        Ok(Event::Incoming(Incoming::ConnAck(_))) => {
            seen.connections += 1;
            if let Some(topic) = topic {
                let _ = client.try_subscribe(topic, QoS::AtLeastOnce);
            }
        }
        Ok(Event::Incoming(Incoming::SubAck(_))) => seen.subscriptions += 1,
        Ok(Event::Incoming(Incoming::PubAck(_))) => seen.confirmed += 1,
        Ok(Event::Incoming(Incoming::Publish(publish))) => seen.messages.push(Message {
            at: Instant::now(),
            topic: publish.topic.clone(),
            payload: String::from_utf8_lossy(&publish.payload).into_owned(),
            retain: publish.retain,
        }),
        Ok(_) => {}
        // The broker is away; the client library tries again at once, so give it air.
        Err(_) => {
            drop(seen);
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        let _ = self.client.disconnect();
        if let Some(loops) = self.loops.take() {
            let _ = loops.join();
        }
    }
}
