//! One MQTT connection at a time: each attempt gets a fresh client, so that nothing queued for a
//! broken connection is ever sent over the next one.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, LastWill, MqttOptions, TlsConfiguration,
    Transport,
};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// Requests that a client holds before it asks its caller to wait; above mosquitto's 1,000 in
/// flight, so that acknowledgements never wait for each other.
const REQUESTS: usize = 1_024;

/// The largest packet either way: declarations read 64 KiB, an event with all its parts is less.
const LARGEST_PACKET: usize = 512 * 1_024;

/// Where a broker is and how we prove ourselves to it.
#[derive(Clone)]
pub struct Link {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
    pub tls: Option<Arc<rustls::ClientConfig>>,
}

/// Whether the broker keeps what comes while we are away.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Session {
    Kept,
    Clean,
}

/// How one connection behaves.
pub struct Manner {
    pub session: Session,
    pub manual_acks: bool,
    pub will: Option<LastWill>,
}

impl Link {
    /// A new client that has nothing to do with any earlier one.
    pub fn client(&self, id: &str, manner: Manner) -> (AsyncClient, Events) {
        let mut options = MqttOptions::new(id, &self.host, self.port);
        options
            .set_credentials(&self.user, &self.password)
            .set_keep_alive(Duration::from_secs(10))
            .set_clean_session(manner.session == Session::Clean)
            .set_manual_acks(manner.manual_acks)
            .set_max_packet_size(LARGEST_PACKET, LARGEST_PACKET)
            .set_inflight(512);
        if let Some(will) = manner.will {
            options.set_last_will(will);
        }
        if let Some(tls) = &self.tls {
            options.set_transport(Transport::Tls(TlsConfiguration::Rustls(tls.clone())));
        }
        let (client, mut events) = AsyncClient::new(options, REQUESTS);
        let mut network = events.network_options();
        network.set_tcp_nodelay(true);
        network.set_connection_timeout(5);
        events.set_network_options(network);
        (client, Events::of(events))
    }
}

/// What a connection says, polled by a task of its own: an attempt to connect or a write is never
/// cut short because something else happened. Dropping it ends the connection.
pub struct Events {
    said: mpsc::Receiver<Result<Event, ConnectionError>>,
    task: AbortHandle,
}

/// Events that may wait for their reader; then the connection is not read on, and the broker waits.
const UNREAD: usize = 16;

impl Events {
    fn of(mut events: EventLoop) -> Events {
        let (say, said) = mpsc::channel(UNREAD);
        let task = tokio::spawn(async move {
            loop {
                let event = events.poll().await;
                let broken = event.is_err();
                if say.send(event).await.is_err() || broken {
                    return;
                }
            }
        });
        Events {
            said,
            task: task.abort_handle(),
        }
    }

    /// The next event; after an error there is none, and a task that has gone is one.
    pub async fn next(&mut self) -> Result<Event, ConnectionError> {
        self.said
            .recv()
            .await
            .unwrap_or(Err(ConnectionError::RequestsDone))
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Trusts exactly the authorities in one PEM file.
pub fn tls(ca: &Path) -> anyhow::Result<Arc<rustls::ClientConfig>> {
    use anyhow::Context;
    use rustls::pki_types::{CertificateDer, pem::PemObject};

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(ca)
        .with_context(|| format!("cannot read the CA certificate {}", ca.display()))?;
    for certificate in certificates {
        let certificate =
            certificate.with_context(|| format!("{} is not a PEM certificate", ca.display()))?;
        roots
            .add(certificate)
            .with_context(|| format!("{} holds a certificate that is no CA", ca.display()))?;
    }
    anyhow::ensure!(
        !roots.is_empty(),
        "{} holds no certificate; put the broker's CA in PEM form there",
        ca.display()
    );
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Waits between attempts: doubling from `first` to `last`, with full jitter.
pub struct BackOff {
    first: Duration,
    last: Duration,
    next: Duration,
}

impl BackOff {
    pub const fn new(first: Duration, last: Duration) -> BackOff {
        BackOff {
            first,
            last,
            next: first,
        }
    }

    /// A connection stood: the next failure starts from the beginning.
    pub fn reset(&mut self) {
        self.next = self.first;
    }

    /// Between half of the step and the whole of it, so that a herd spreads and nobody spins.
    pub fn wait(&mut self) -> Duration {
        let step = self.next;
        self.next = (step * 2).min(self.last);
        step.mul_f64(0.5 + rand::random::<f64>() / 2.0)
    }
}
