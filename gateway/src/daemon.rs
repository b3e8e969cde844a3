//! The daemon's life: open, recover, start, listen, say ready, wait, stop in reverse.

mod parts;
mod reports;

use std::sync::Arc;

use anyhow::Context;
use crossbeam_channel::{Receiver, Sender, bounded};
use gateway_config::{Configuration, Secrets};
use gateway_core::event::{Body, Class, Event, EventKind, PartKind};
use gateway_core::gate::Gate;
use gateway_core::name::Name;
use gateway_store::{Condition, Store, Submission, WriterHandle};
use tokio::sync::{oneshot, watch};

use crate::barriers;
use crate::barriers::loops::Loops;
use crate::clock::Clock;
use crate::dispatch::{Dispatcher, Outward};
use crate::gate_loop::{self, GateLoop};
use crate::handles::{GateHandle, Post, Recorder, Then, Unavailable};
use crate::health::Health;
use crate::keeper;
use crate::lists::{self, Keeper};
use crate::live::Hub;
use crate::rules::shelf::Shelf;
use crate::rules::{self, Rules, Swap};
use crate::start::Meant;
use crate::supervise;
use crate::web::accounts::Accounts;

/// The gate's inbox: sensors wait when it is full, cameras drop, people are told.
const INBOX: usize = 1_024;

/// Emergencies that may wait at once.
const EMERGENCIES: usize = 16;

/// Reports of moves: each move asked for makes one, and far fewer are on their way at once.
const MOVED: usize = 256;

/// What all edges are given.
struct Centre {
    configuration: Configuration,
    secrets: Secrets,
    store: Store,
    clock: Clock,
    health: Arc<Health>,
    loops: Arc<Loops>,
    hub: Arc<Hub>,
    handle: GateHandle,
    recorder: Recorder,
    rules: Arc<Rules>,
    lists: Arc<Keeper>,
    appended: watch::Receiver<u64>,
}

/// The channels between the parts, made before any of them.
struct Channels {
    inbox: (Sender<Post>, Receiver<Post>),
    emergency: (Sender<Post>, Receiver<Post>),
    moved: (Sender<Post>, Receiver<Post>),
    swaps: (Sender<Swap>, Receiver<Swap>),
}

/// Runs until a signal says stop.
pub fn run(meant: Meant) -> anyhow::Result<()> {
    let Meant {
        configuration,
        secrets,
        rules,
        rule_texts,
        lists,
    } = meant;
    let site = Arc::new(configuration.site.clone());
    let store = Store::open(
        &configuration.state_dir.join("store"),
        site.gateway.clone(),
        site.grid.clone(),
    )
    .context("cannot open the store")?;
    let accounts =
        Arc::new(Accounts::open(&configuration.state_dir).context("cannot open the accounts")?);
    let remembered = lists::remembered(&configuration.state_dir, &configuration.lists, lists);
    let lists = Arc::new(remembered);
    let shelf = Shelf::open(&configuration.state_dir).context("cannot open the rules' folder")?;
    let chosen = rules::choose(&shelf, &site.lanes, (rules, rule_texts));
    let clock = Clock::start(store.boot(), configuration.time_offset_min);
    let health = Arc::new(Health::new(parts::identity(&configuration, &store), clock));
    let hub = Arc::new(Hub::new(parts::hub_setup(
        &configuration,
        &chosen.set,
        &store,
    )));
    hub.load();

    let channels = Channels {
        inbox: bounded(INBOX),
        emergency: bounded(EMERGENCIES),
        moved: bounded(MOVED),
        swaps: bounded(rules::SWAPS),
    };
    let (writer, submissions, outcomes) = store.start_writer::<Outward>()?;
    let queue = submissions.clone();
    health.add_queue("writer", gateway_store::writer::INBOX, move || {
        queue.waiting()
    });
    let commits = submissions.clone();
    health.add_writer(move || commits.committing_for());
    let inbox = channels.inbox.0.clone();
    health.add_queue("gate_inbox", INBOX, move || inbox.len());
    let (barriers, moves, standing) = barriers::Edge::way(channels.moved.0.clone());
    let (appended, follow) = watch::channel(store.reader().last());

    // Dropping this ends the gate's thread.
    let (running, stop_gate) = bounded::<()>(0);
    let mut gate = Gate::new(site.clone(), chosen.set, lists.clone(), store.boot());
    gateway_store::fold::recover(&store.reader(), &mut gate);
    let entered = gate.entered().to_vec();
    let alerts: Vec<_> = gate.alerts().cloned().collect();
    hub.remember(&alerts);
    let gate = GateLoop {
        gate,
        clock,
        writer: submissions.clone(),
        barriers: barriers.clone(),
        health: health.clone(),
        emergency: channels.emergency.1.clone(),
        moved: channels.moved.1.clone(),
        inbox: channels.inbox.1.clone(),
        swaps: channels.swaps.1.clone(),
        stop: stop_gate,
    };
    health.gate_turned(clock.mono());
    let gate = supervise::critical("gate", Some(gate_loop::STACK), move || gate.run())?;
    let watched = health.clone();
    supervise::critical("watch", None, move || supervise::watch(&watched, clock))?;
    let dispatcher = start_dispatcher(
        Dispatcher {
            outcomes,
            barriers: barriers.clone(),
            clock,
            hub: hub.clone(),
            health: health.clone(),
            appended,
        },
        configuration.state_dir.clone(),
    )?;
    keeper::start(
        &configuration,
        &store,
        submissions.clone(),
        (clock, health.clone()),
    )?;
    let recorder = recorder(submissions);
    let told = chosen
        .told
        .map(|(code, values)| rules::note(clock.now(), code, values));
    let inbox = channels.inbox.0.clone();
    let rules = rules::Parts {
        shelf,
        site: site.clone(),
        reader: store.reader(),
        clock,
        recorder: recorder.clone(),
        hub: hub.clone(),
        swaps: channels.swaps.0.clone(),
        busy: Arc::new(move || !inbox.is_empty()),
        configured: chosen.configured,
    };
    let handle = GateHandle {
        inbox: channels.inbox.0.clone(),
        emergency: channels.emergency.0.clone(),
    };
    let keeper = Keeper::new(
        &configuration.state_dir,
        configuration.lists.clone(),
        (lists, &entered),
        handle.clone(),
        store.reader(),
        clock,
    )
    .context("cannot open the lists' folder")?;
    let centre = Centre {
        lists: Arc::new(keeper),
        rules: Arc::new(Rules::new(rules, chosen.in_force)),
        clock,
        health,
        loops: Arc::new(Loops::new(site.lanes.iter().map(|lane| lane.id.clone()))),
        hub,
        handle,
        recorder,
        appended: follow,
        configuration,
        secrets,
        store,
    };
    record_condition(&centre);
    if let Some(event) = told {
        record(&centre, event);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("edge")
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let served = runtime.block_on(parts::edges(
        &centre,
        accounts,
        (barriers, moves, standing),
        &channels,
    ));
    runtime.shutdown_timeout(std::time::Duration::from_secs(3));

    // The edges are gone. The gate ends, with it the writer's last hands, then the dispatcher.
    centre.health.stopping();
    drop(running);
    drop(channels);
    let _ = gate.join();
    let failed = centre.health.store_has_failed();
    drop(centre);
    if !failed {
        let _ = writer.join();
        let _ = dispatcher.join();
    }
    served
}

fn start_dispatcher(
    dispatcher: Dispatcher,
    state_dir: std::path::PathBuf,
) -> anyhow::Result<std::thread::JoinHandle<()>> {
    Ok(supervise::critical("dispatch", None, move || {
        let failed = dispatcher.run();
        // It stays: whoever follows what it appends has nothing more to follow, not nobody.
        if failed {
            supervise::wait_for_disk(&state_dir);
        }
        if !dispatcher.health.is_stopping() {
            supervise::writer_gone();
        }
    })?)
}

/// The edges' own events go straight to the writer, and tell their number when they are durable.
fn recorder(writer: WriterHandle<Outward>) -> Recorder {
    Recorder(Arc::new(
        move |event: Event, asker: oneshot::Sender<u64>| {
            let submission = Submission {
                events: vec![event],
                state: None,
                then: Outward::new(Then::Recorded(asker)),
            };
            writer
                .try_submit(submission)
                .map_err(|refused| match refused {
                    gateway_store::Refused::Full(_) => Unavailable::Busy,
                    gateway_store::Refused::Ended(_) => Unavailable::Stopped,
                })
        },
    ))
}

/// A journal that had to be put aside is told in the new one.
fn record_condition(centre: &Centre) {
    let Condition::Quarantined {
        cause,
        moved_to,
        salvaged,
    } = centre.store.condition()
    else {
        return;
    };
    let body = Body::Note {
        code: Name::from("journal_quarantined"),
        values: vec![
            (Name::from("cause"), cause.to_string()),
            (Name::from("moved_to"), moved_to.display().to_string()),
            (Name::from("salvaged"), salvaged.to_string()),
        ],
    };
    let event = Event::new(centre.clock.now(), EventKind::Storage).part(
        PartKind::Detail,
        Class::Audit,
        body,
    );
    record(centre, event);
}

/// An event of the start itself; nobody waits for it.
fn record(centre: &Centre, event: Event) {
    let (told, _) = oneshot::channel();
    if let Err(error) = (centre.recorder.0)(event, told) {
        tracing::error!(%error, "what was found at the start is not recorded");
    }
}
