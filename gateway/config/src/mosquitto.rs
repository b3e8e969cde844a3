//! The device broker's configuration: mosquitto with a user and an access list for each device.
//!
//! The limits are those that keep confirmed messages while the gateway is away or slow: with mosquitto's
//! own it drops what it has confirmed. Its PUBACK to a sensor is still not ours: on power loss that hop can
//! lose up to 30 s of what was queued.

mod password;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::meant::{Configuration, ListenerTls, Upstream};
use crate::secrets::{SecretName, Secrets};

/// Why the broker's files could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    #[error("no secret for {0}; remedy: add it to the secrets file")]
    Missing(String),
    #[error("two devices share the user \"{0}\" but not the secret")]
    TwoSecrets(String),
    #[error("no random numbers: {0}")]
    Random(#[source] io::Error),
    #[error("{path} cannot be written: {source}")]
    Write { path: PathBuf, source: io::Error },
}

/// Writes `mosquitto.conf`, `acl` and `passwd` into the folder, which is created; each replaces an older
/// one at once. All have mode 0600 and belong to whoever runs this: mosquitto's user must be given them.
pub fn write(
    configuration: &Configuration,
    secrets: &Secrets,
    folder: &Path,
) -> Result<(), BrokerError> {
    let files = [
        ("passwd", passwd(configuration, secrets)?),
        ("acl", acl(configuration)),
        ("mosquitto.conf", config(configuration, folder)),
    ];
    let fail = |path: &Path, source| BrokerError::Write {
        path: path.to_owned(),
        source,
    };
    fs::create_dir_all(folder).map_err(|error| fail(folder, error))?;
    for (name, text) in files {
        let path = folder.join(name);
        replace(&path, &text).map_err(|error| fail(&path, error))?;
    }
    Ok(())
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, path)
}

/// `mosquitto.conf`. `folder` is where `acl` and `passwd` lie and what is persistent is kept.
pub fn config(configuration: &Configuration, folder: &Path) -> String {
    let folder = absolute(folder);
    let at = |name: &str| folder.join(name).display().to_string();
    let mut text = format!(
        "# Generated from the gateway's configuration; change that instead.\n\
         allow_anonymous false\n\
         password_file {}\n\
         acl_file {}\n\
         persistence true\n\
         persistence_location {}/\n\
         # Saved by time: saving by changes rewrites the whole file each time.\n\
         autosave_interval 30\n\
         autosave_on_changes false\n\
         # Below the gate's inbox of 1,024.\n\
         max_inflight_messages 1000\n\
         # No number limit, but a size: nothing confirmed is dropped while the gateway is slow.\n\
         max_queued_messages 0\n\
         max_queued_bytes 67108864\n\
         # The gateway refuses a device's message above 64 KiB; events upstream may be larger.\n\
         max_packet_size 1048576\n\
         set_tcp_nodelay true\n\
         log_dest stderr\n\
         log_type error\n\
         log_type warning\n",
        at("passwd"),
        at("acl"),
        folder.display(),
    );
    let broker = &configuration.broker;
    let host = match broker.host.as_str() {
        "localhost" => "127.0.0.1",
        host => host,
    };
    if crate::broker::is_loopback(host) {
        listener(&mut text, broker.port, host, None);
    }
    for door in &broker.listeners {
        let ip = door.address.ip().to_string();
        listener(&mut text, door.address.port(), &ip, door.tls.as_ref());
    }
    text
}

fn listener(text: &mut String, port: u16, address: &str, tls: Option<&ListenerTls>) {
    let _ = writeln!(text, "\nlistener {port} {address}");
    if let Some(tls) = tls {
        let certificate = absolute(&tls.certificate);
        let key = absolute(&tls.key);
        let _ = writeln!(text, "certfile {}", certificate.display());
        let _ = writeln!(text, "keyfile {}", key.display());
        let _ = writeln!(text, "tls_version tlsv1.2");
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// `acl`: a device writes its own topics and reads its own commands, nothing else; the gateway reads and
/// writes what it must, and its own upstream topics where a guest shares the broker.
pub fn acl(configuration: &Configuration) -> String {
    let mut rights: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let gateway = configuration.broker.user.as_str();
    let mut allow = |user, right: &str, topic: &str| {
        let line = format!("topic {right} {topic}");
        rights.entry(user).or_default().insert(line);
    };
    for sensor in &configuration.sensors {
        for topic in sensor.declaration.topics() {
            allow(sensor.user.as_str(), "write", topic);
            allow(gateway, "read", topic);
        }
    }
    for barrier in &configuration.barriers {
        for topic in barrier.state.topics() {
            allow(barrier.user.as_str(), "write", topic);
            allow(gateway, "read", topic);
        }
        for topic in barrier.commands.topics() {
            allow(barrier.user.as_str(), "read", topic);
            allow(gateway, "write", topic);
        }
    }
    // Below this stand the gateway's own marks and, where a platform shares the broker, its events.
    let own = format!("gateways/{}/#", configuration.site.gateway);
    allow(gateway, "readwrite", &own);
    for upstream in sharing(configuration) {
        allow(upstream.user.as_str(), "readwrite", &own);
    }
    for guest in &configuration.broker.guests {
        for topic in &guest.topics {
            allow(guest.user.as_str(), "readwrite", topic);
        }
    }
    let mut text =
        "# Generated from the gateway's configuration; change that instead.\n".to_owned();
    for (user, lines) in rights {
        let _ = writeln!(text, "\nuser {user}");
        for line in lines {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

/// `passwd`: each user's password hashed as mosquitto does it (PBKDF2 with SHA-512). To be written with
/// mode 0600 and read by mosquitto's user.
pub fn passwd(configuration: &Configuration, secrets: &Secrets) -> Result<String, BrokerError> {
    let broker = &configuration.broker;
    let sensors = configuration.sensors.iter().map(|s| (&s.user, &s.password));
    let barriers = configuration
        .barriers
        .iter()
        .map(|b| (&b.user, &b.password));
    let guests = broker.guests.iter().map(|g| (&g.user, &g.password));
    let upstreams = sharing(configuration).map(|u| (&u.user, &u.password));
    let everyone = std::iter::once((&broker.user, &broker.password));
    let mut users: BTreeMap<&String, &SecretName> = BTreeMap::new();
    let all = everyone
        .chain(sensors)
        .chain(barriers)
        .chain(guests)
        .chain(upstreams);
    for (user, name) in all {
        if users
            .insert(user, name)
            .is_some_and(|before| before != name)
        {
            return Err(BrokerError::TwoSecrets(user.clone()));
        }
    }
    let missing = secrets.missing(users.values().copied().collect());
    if !missing.is_empty() {
        let names: Vec<&str> = missing.iter().map(|name| name.as_str()).collect();
        return Err(BrokerError::Missing(names.join(", ")));
    }
    let mut text = String::new();
    for (user, name) in users {
        let Some(secret) = secrets.get(name) else {
            continue;
        };
        let hash = password::hash(
            secret.reveal().as_bytes(),
            &password::salt().map_err(BrokerError::Random)?,
        );
        let _ = writeln!(text, "{user}:{hash}");
    }
    Ok(text)
}

/// Upstreams that are reached through this very broker.
fn sharing(configuration: &Configuration) -> impl Iterator<Item = &Upstream> {
    let broker = &configuration.broker;
    let same = |upstream: &&Upstream| upstream.host == broker.host && upstream.port == broker.port;
    configuration.upstreams.iter().filter(same)
}
