//! The edges, each made from the configuration and given what it needs of the centre.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use gateway_cameras::{CameraSource, Secret};
use gateway_config::{Configuration, Language, Source};
use gateway_core::gate::Move;
use gateway_core::name::Name;
use gateway_core::reading::Trust;
use gateway_core::rule::RuleSet;
use gateway_recognise::{Limits, Origin, Patterns};
use gateway_store::Store;
use gateway_wire::api::Text;
use gateway_wire::messages;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::{Centre, Channels, reports};
use crate::barriers::{self, Barriers, Standing};
use crate::health::{Health, Identity};
use crate::live;
use crate::mqtt::{self, Link, Session};
use crate::rules;
use crate::sensors::{self, Inlet, Patience};
use crate::sight::{Sight, View, Watched};
use crate::start::secret;
use crate::supervise;
use crate::upstream;
use crate::web::{self, Parts, WebState, accounts::Accounts};

/// How long the edges may take to stop.
const STOP_ENDS: Duration = Duration::from_secs(4);

/// How often the disk is measured.
const DISK: Duration = Duration::from_secs(30);

pub fn identity(configuration: &Configuration, store: &Store) -> Identity {
    let site = &configuration.site;
    Identity {
        gateway: site.gateway.clone(),
        grid: site.grid.clone(),
        journal: store.origin().journal.to_string(),
        lanes: site.lanes.iter().map(|lane| lane.id.clone()).collect(),
        state_dir: configuration.state_dir.clone(),
    }
}

pub fn hub_setup(configuration: &Configuration, rules: &RuleSet, store: &Store) -> live::Setup {
    let lanes = configuration.site.lanes.iter();
    live::Setup {
        boot: store.boot(),
        site: Arc::new(configuration.site.clone()),
        lane_titles: lanes
            .map(|lane| {
                let title = configuration.title(&lane.id);
                (lane.id.to_string(), text(&title.zh, &title.en))
            })
            .collect(),
        rule_titles: rules::titles(rules),
        cameras: configuration
            .cameras
            .iter()
            .map(|camera| (camera.id.clone(), camera.lane.clone()))
            .collect(),
        reader: store.reader(),
    }
}

fn text(zh: &str, en: &str) -> Text {
    Text {
        zh: zh.to_owned(),
        en: en.to_owned(),
    }
}

/// Starts all edges, says ready, waits for a signal and stops them.
pub async fn edges(
    centre: &Centre,
    accounts: Arc<Accounts>,
    (barriers, moves, standing): (Barriers, mpsc::Receiver<Move>, Standing),
    channels: &Channels,
) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (stop, stopping) = watch::channel(false);
    let mut tasks = JoinSet::new();

    let configuration = &centre.configuration;
    let link = device_link(centre)?;
    let arms = barrier_edge(centre, link.clone(), standing, channels);
    let (contacts, sensors) = sensor_edges(centre, &link, channels);
    let safety = safety(arms, moves, contacts, stopping.clone())?;
    if let Some(edge) = sensors {
        tasks.spawn(edge.run(stopping.clone()));
    }
    tasks.spawn(disk(centre.health.clone(), stopping.clone()));
    for upstream in &configuration.upstreams {
        let edge = upstream_edge(centre, upstream)?;
        tasks.spawn(edge.run(centre.appended.clone(), stopping.clone()));
    }
    let sight = sight(centre, channels)?;
    let run = sight
        .clone()
        .run(configuration.recognisers, stopping.clone());
    tasks.spawn(run);

    let listener = TcpListener::bind(configuration.page.listen)
        .await
        .with_context(|| format!("the page cannot listen on {}", configuration.page.listen))?;
    let address = listener.local_addr()?;
    let state = web_state(centre, &accounts, &sight);
    tokio::spawn(centre.rules.clone().settle());
    tasks.spawn(web::serve(
        listener,
        state.clone(),
        stopped(stopping.clone()),
    ));
    let control = configuration.state_dir.join("control.sock");
    let served = web::serve_control(control, state, stopped(stopping.clone()));
    tasks.spawn(async move {
        if let Err(error) = served.await {
            tracing::error!(%error, "gatectl cannot reach the daemon");
            stopped(stopping).await;
        }
    });

    tracing::info!(
        boot = centre.store.boot(),
        recorded = centre.store.reader().last(),
        page = %address,
        "the gate is up"
    );
    say_ready(&format!("http://{address}"), accounts.first_login_code());
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        // An edge ends only when told to; one that panicked is started anew with the process.
        ended = tasks.join_next() => anyhow::bail!("an edge of the daemon ended: {ended:?}"),
    }
    tracing::info!("stopping");
    drop(barriers);
    stop.send_replace(true);
    let ended = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_ENDS, ended).await.is_err() {
        tracing::warn!("an edge does not stop; it is cut short");
        tasks.abort_all();
    }
    let _ = tokio::time::timeout(STOP_ENDS, tokio::task::spawn_blocking(|| safety.join())).await;
    Ok(())
}

/// Arms and emergency contacts have a thread of their own: whatever blocks the others (a slow
/// disk, a long list), an emergency still opens.
fn safety(
    arms: barriers::Edge,
    moves: mpsc::Receiver<Move>,
    contacts: Option<sensors::Edge>,
    stopping: watch::Receiver<bool>,
) -> anyhow::Result<std::thread::JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime of the arms")?;
    let work = move || {
        runtime.block_on(async {
            let arms = arms.run(moves, stopping.clone());
            match contacts {
                Some(contacts) => {
                    tokio::join!(arms, contacts.run(stopping));
                }
                None => arms.await,
            }
        });
    };
    Ok(supervise::critical("safety", None, work)?)
}

/// Keeps the figures of the disk fresh, off the runtime's own threads.
async fn disk(health: Arc<Health>, mut stopping: watch::Receiver<bool>) {
    while !*stopping.borrow() {
        let measured = health.clone();
        let _ = tokio::task::spawn_blocking(move || measured.measure_disk()).await;
        tokio::select! {
            () = tokio::time::sleep(DISK) => {}
            _ = stopping.changed() => {}
        }
    }
}

/// One line for whoever started us: where the page is, and the code of the first login. A code
/// never goes to a log that is kept; it stands in the state folder.
fn say_ready(page: &str, code: Option<String>) {
    let is_kept = std::env::var_os("JOURNAL_STREAM").is_some();
    match code.filter(|_| !is_kept) {
        Some(code) => println!("ready page={page} code={code}"),
        None => println!("ready page={page}"),
    }
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that nobody can tell us any more: stop as well.
    let _ = stopping.wait_for(|stop| *stop).await;
}

fn device_link(centre: &Centre) -> anyhow::Result<Link> {
    let broker = &centre.configuration.broker;
    Ok(Link {
        host: broker.host.clone(),
        port: broker.port,
        user: broker.user.clone(),
        password: secret(&centre.secrets, &broker.password)?
            .reveal()
            .to_owned(),
        tls: broker.ca.as_deref().map(mqtt::tls).transpose()?,
    })
}

fn barrier_edge(
    centre: &Centre,
    link: Link,
    standing: Standing,
    channels: &Channels,
) -> barriers::Edge {
    let configuration = &centre.configuration;
    let barriers: BTreeMap<_, _> = configuration
        .barriers
        .iter()
        .map(|barrier| (barrier.lane.clone(), barrier.clone()))
        .collect();
    barriers::Edge {
        link,
        client_id: client_id(centre, "barriers"),
        barriers,
        loops: centre.loops.clone(),
        clock: centre.clock,
        health: centre.health.clone(),
        moved: channels.moved.0.clone(),
        standing,
    }
}

/// Two connections: emergencies alone, and everything else.
fn sensor_edges(
    centre: &Centre,
    link: &Link,
    channels: &Channels,
) -> (Option<sensors::Edge>, Option<sensors::Edge>) {
    let configuration = &centre.configuration;
    let told = configuration.sensors.iter().map(|sensor| sensors::Source {
        id: sensor.id.clone(),
        lane: sensor.lane.clone(),
        trust: sensor.trust,
        declaration: sensor.declaration.clone(),
    });
    let positions = configuration
        .barriers
        .iter()
        .filter(|barrier| !barrier.state.values.is_empty())
        .map(|barrier| sensors::Source {
            id: barrier.id.clone(),
            lane: barrier.lane.clone(),
            trust: barrier.trust,
            declaration: barrier.state.clone(),
        });
    let (emergency, others): (Vec<_>, Vec<_>) = told
        .chain(positions)
        .inspect(|source| centre.health.add_device(&source.id, Some(&source.lane)))
        .partition(sensors::Source::is_emergency);
    let edge = |role: &str, session, patience, sources| sensors::Edge {
        link: link.clone(),
        client_id: client_id(centre, role),
        session,
        sensors: sources,
        marker_topic: format!("gateways/{}/markers/{role}", configuration.site.gateway),
        inlet: Inlet {
            clock: centre.clock,
            health: centre.health.clone(),
            loops: centre.loops.clone(),
            inbox: channels.inbox.0.clone(),
            emergency: channels.emergency.0.clone(),
            patience,
        },
    };
    let contacts = (!emergency.is_empty())
        .then(|| edge("emergency", Session::Clean, Patience::Drops, emergency));
    let sensors =
        (!others.is_empty()).then(|| edge("sensors", Session::Kept, Patience::Waits, others));
    (contacts, sensors)
}

fn client_id(centre: &Centre, role: &str) -> String {
    format!("{}-{role}", centre.configuration.site.gateway)
}

fn upstream_edge(
    centre: &Centre,
    upstream: &gateway_config::Upstream,
) -> anyhow::Result<upstream::Edge> {
    let link = Link {
        host: upstream.host.clone(),
        port: upstream.port,
        user: upstream.user.clone(),
        password: secret(&centre.secrets, &upstream.password)?
            .reveal()
            .to_owned(),
        tls: upstream.ca.as_deref().map(mqtt::tls).transpose()?,
    };
    upstream::Edge::new(
        upstream,
        link,
        centre.store.origin().clone(),
        (centre.store.reader(), centre.store.outbox(&upstream.id)?),
        (centre.clock, centre.health.clone(), centre.handle.clone()),
    )
}

fn sight(centre: &Centre, channels: &Channels) -> anyhow::Result<Arc<Sight>> {
    let configuration = &centre.configuration;
    let patterns = Arc::new(Patterns::open(&configuration.models_dir)?);
    let mut cameras = Vec::new();
    for camera in &configuration.cameras {
        centre.health.add_camera(&camera.id, &camera.lane);
        let (source, trust) = camera_source(centre, &camera.source)?;
        let origin = Origin {
            lane: camera.lane.clone(),
            camera: camera.id.clone(),
            trust,
        };
        let view = View {
            polygon: camera.polygon.clone(),
            stop_line_permille: camera.stop_line_permille,
            long_side: u32::from(camera.detector_long_side),
        };
        let votes = (patterns.clone(), limits(centre, &camera.lane));
        cameras.push(Watched::new(origin, source, view, votes));
    }
    let limit = Sight::waiting_limit(cameras.len());
    let sight = Sight::new(
        cameras,
        configuration.models_dir.clone(),
        (centre.clock, centre.health.clone(), centre.loops.clone()),
        centre.store.evidence().clone(),
        channels.inbox.0.clone(),
    )?;
    let sight = Arc::new(sight);
    // Sight holds health: the other way round it must not be held.
    let waiting = Arc::downgrade(&sight);
    let length = move || waiting.upgrade().map_or(0, |sight| sight.waiting_frames());
    centre.health.add_queue("recogniser", limit, length);
    Ok(sight)
}

/// A vote is sure when the lane takes it for sure.
fn limits(centre: &Centre, lane: &Name) -> Limits {
    let mut limits = Limits::default();
    if let Some(lane) = centre.configuration.site.lane(lane) {
        limits.sure_permille = lane.plate_sure_permille;
    }
    limits
}

/// A camera that asks for a password has proved itself by it; a device or file of this machine is
/// as good as that; one that anybody can stand in for proves nothing.
fn camera_source(centre: &Centre, source: &Source) -> anyhow::Result<(CameraSource, Trust)> {
    Ok(match source {
        Source::Rtsp {
            url,
            user,
            password,
        } => {
            let password = password
                .as_ref()
                .map(|name| secret(&centre.secrets, name))
                .transpose()?;
            let trust = match password {
                Some(_) => Trust::Password,
                None => Trust::None,
            };
            let source = CameraSource::Rtsp {
                url: url.clone(),
                user: user.clone(),
                password: password.map(|secret| Secret::new(secret.reveal())),
            };
            (source, trust)
        }
        Source::File { path, repeat } => {
            let (path, repeat) = (path.clone(), *repeat);
            (CameraSource::File { path, repeat }, Trust::Password)
        }
        Source::V4l2 { device } => {
            let device = device.clone();
            (CameraSource::V4l2 { device }, Trust::Password)
        }
    })
}

fn web_state(centre: &Centre, accounts: &Arc<Accounts>, sight: &Arc<Sight>) -> WebState {
    let configuration = &centre.configuration;
    let (health, sight) = (centre.health.clone(), sight.clone());
    let destinations = configuration.upstreams.iter();
    WebState::new(Parts {
        hub: centre.hub.clone(),
        gate: centre.handle.clone(),
        recorder: centre.recorder.clone(),
        clock: centre.clock,
        accounts: accounts.clone(),
        evidence: centre.store.evidence().clone(),
        status: Arc::new(move || health.status()),
        measure: Arc::new(move |camera| sight.measure(camera)),
        check: reports::check(centre.store.reader(), centre.store.evidence().clone()),
        outbox: reports::outbox(
            centre.store.reader(),
            destinations.map(|upstream| upstream.id.clone()).collect(),
            centre.health.clone(),
        ),
        rules: centre.rules.clone(),
        lists: centre.lists.clone(),
        language: match configuration.language {
            Language::Chinese => messages::Language::Zh,
            Language::English => messages::Language::En,
        },
        listen: configuration.page.listen.ip(),
        names: Vec::new(),
    })
}
