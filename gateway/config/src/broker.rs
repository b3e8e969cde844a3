//! Page, broker and upstreams as written: addresses, users, the names of their secrets.

use std::net::{IpAddr, SocketAddr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gateway_core::event::PartKind;

use crate::gateway::{existing, name};
use crate::meant::{Broker, Guest, Listener, ListenerTls, Page, Upstream};
use crate::secrets::SecretName;
use crate::written::{Found, Table};

const LOOPBACK: &str = "127.0.0.1";

pub(crate) fn page(table: Option<Table>) -> Page {
    let default = Page {
        listen: SocketAddr::from(([127, 0, 0, 1], 8480)),
    };
    let Some(table) = table else {
        return default;
    };
    let listen = socket(&table, "listen");
    table.finish();
    listen.map_or(default, |listen| Page {
        listen: listen.value,
    })
}

pub(crate) fn broker(table: Option<Table>) -> Broker {
    let default = Broker {
        host: LOOPBACK.to_owned(),
        port: 1883,
        user: "gateway".to_owned(),
        password: SecretName::new("broker-gateway"),
        ca: None,
        listeners: Vec::new(),
        guests: Vec::new(),
    };
    let Some(table) = table else {
        return default;
    };
    let address = address(&table);
    let user = table.text("user", "the gateway's user at the broker");
    let password = table.text("password_secret", "the name of a secret");
    let ca = existing(&table, "ca");
    let listeners = table.tables("listener").into_iter().filter_map(listener);
    let listeners = listeners.collect();
    let guests = table.tables("guest").into_iter().filter_map(guest);
    let guests = guests.collect();
    let (host, port) = address.map_or((default.host, default.port), |found| found.value);
    plain_only_on_loopback(&table, &host);
    table.finish();
    Broker {
        host,
        port,
        user: user.map_or(default.user, |user| user.value),
        password: password.map_or(default.password, |name| SecretName::new(&name.value)),
        ca,
        listeners,
        guests,
    }
}

fn listener(table: Table) -> Option<Listener> {
    if !table.has("address") {
        table.missing("address", "\"ADDRESS:PORT\" of this machine");
    }
    let address = socket(&table, "address");
    let certificate = existing(&table, "certificate");
    let key = existing(&table, "key");
    if table.has("certificate") != table.has("key") {
        let found = "only one of `certificate` and `key`";
        table
            .file
            .wrong(&table.span, found, "both, or neither for a plain listener");
    }
    table.finish();
    let tls = certificate.zip(key);
    Some(Listener {
        address: address?.value,
        tls: tls.map(|(certificate, key)| ListenerTls { certificate, key }),
    })
}

fn guest(table: Table) -> Option<Guest> {
    let user = table.required_text("user", "\"its user at the broker\"");
    let password = table.required_text("password_secret", "\"the name of a secret\"");
    let topics = table.texts("topics").unwrap_or_default();
    if topics.is_empty() {
        table.missing("topics", "a list of topic filters");
    }
    table.finish();
    Some(Guest {
        user: user?.value,
        password: SecretName::new(&password?.value),
        topics: topics.into_iter().map(|topic| topic.value).collect(),
    })
}

pub(crate) fn upstream(table: Table) -> Option<Upstream> {
    let id = name(&table, "id");
    if !table.has("address") {
        table.missing("address", "\"HOST:PORT\"");
    }
    let address = address(&table);
    let user = table.required_text("user", "the gateway's user at the platform");
    let password = table.required_text("password_secret", "the name of a secret");
    let ca = existing(&table, "ca");
    let key = public_key(&table);
    let kinds = [
        ("identity", PartKind::Identity),
        ("health", PartKind::Health),
        ("detail", PartKind::Detail),
    ];
    let withhold = table.choices("withhold", &kinds);
    if let Some(found) = &address {
        plain_only_on_loopback(&table, &found.value.0);
    }
    table.finish();
    let (host, port) = address?.value;
    let mut withhold = withhold.unwrap_or_default();
    withhold.sort_unstable();
    withhold.dedup();
    Some(Upstream {
        id: id?,
        host,
        port,
        user: user?.value,
        password: SecretName::new(&password?.value),
        ca,
        public_key: key?,
        withhold,
    })
}

/// 32 bytes in base64: an Ed25519 key.
fn public_key(table: &Table) -> Option<String> {
    let allowed = "the platform's Ed25519 key: 32 bytes in base64";
    let key = table.required_text("public_key", allowed)?;
    match STANDARD.decode(&key.value) {
        Ok(bytes) if bytes.len() == 32 => Some(key.value),
        Ok(bytes) => {
            let found = format!("`public_key` has {} bytes", bytes.len());
            table.file.wrong(&key.span, found, allowed);
            None
        }
        Err(_) => {
            table
                .file
                .wrong(&key.span, "`public_key` is no base64", allowed);
            None
        }
    }
}

/// Passwords and personal data cross no wire in the clear. (S-06)
fn plain_only_on_loopback(table: &Table, host: &str) {
    if table.has("ca") || is_loopback(host) {
        return;
    }
    table.file.advise(
        &table.span_of("address"),
        format!("{} is beyond this machine, and without TLS", table.name),
        "no TLS only on 127.0.0.1, ::1 and localhost",
        "name the PEM file of its certificate authority: ca = \"broker-ca.pem\"",
    );
}

pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn address(table: &Table) -> Option<Found<(String, u16)>> {
    let allowed = "\"HOST:PORT\"";
    let written = table.text("address", allowed)?;
    let parts = written.value.rsplit_once(':').and_then(|(host, port)| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = port.parse().ok().filter(|port| *port > 0)?;
        (!host.is_empty() && !host.contains(['/', '@', ' '])).then(|| (host.to_owned(), port))
    });
    if parts.is_none() {
        let found = "`address` is no host and port";
        table.file.wrong(&written.span, found, allowed);
    }
    parts.map(|value| Found {
        value,
        span: written.span,
    })
}

fn socket(table: &Table, key: &'static str) -> Option<Found<SocketAddr>> {
    let allowed = "\"ADDRESS:PORT\", such as \"127.0.0.1:8480\"";
    let written = table.text(key, allowed)?;
    match written.value.parse() {
        Ok(value) => Some(Found {
            value,
            span: written.span,
        }),
        Err(_) => {
            let found = format!("`{key}` is {:?}", written.value);
            table.file.wrong(&written.span, found, allowed);
            None
        }
    }
}
