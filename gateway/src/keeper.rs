//! The keeper: has erased what its retention lets go, and makes room when the disk is nearly full,
//! in the order evidence, parts that are due, and never a header (P-04, V-1).
//!
//! It decides nothing: what is due the store's planner says, and the writer erases it in one commit
//! with the event that records it.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gateway_config::Configuration;
use gateway_store::evidence::Evidence;
use gateway_store::retention::{Plan, Policy, Retention};
use gateway_store::{Reader, Store, StoreError, WriterHandle, room};
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::dispatch::Outward;
use crate::handles::Then;
use crate::health::Health;
use crate::supervise;

/// How often the disk's room is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How often retention is; well within the hour that a part may stay too long.
const DUE: Duration = Duration::from_secs(5 * 60);

/// The first time after the start: destinations have said by then what they have confirmed.
const FIRST: Duration = Duration::from_secs(60);

/// How often pictures that no event names are looked for.
const SWEEP: Duration = Duration::from_secs(24 * 3_600);

/// A younger picture may still wait for its event.
const SWEEP_SPARES: Duration = Duration::from_secs(3_600);

/// Bytes of pictures that go at once when the disk is nearly full.
const MADE_AT_ONCE: u64 = 64 * 1024 * 1024;

struct Keeper {
    retention: Retention,
    evidence: Evidence,
    /// Bytes.
    pictures_quota: u64,
    reader: Reader,
    writer: WriterHandle<Outward>,
    health: Arc<Health>,
    clock: Clock,
    /// The store's folder.
    folder: PathBuf,
}

/// Starts the keeper's thread; it ends when the daemon stops.
pub fn start(
    configuration: &Configuration,
    store: &Store,
    writer: WriterHandle<Outward>,
    (clock, health): (Clock, Arc<Health>),
) -> anyhow::Result<()> {
    let meant = &configuration.retention;
    let keeper = Keeper {
        retention: store.retention(policy(meant))?,
        evidence: store.evidence().clone(),
        pictures_quota: u64::from(meant.pictures_gb) * 1_000_000_000,
        reader: store.reader(),
        writer,
        health,
        clock,
        folder: configuration.state_dir.join("store"),
    };
    supervise::critical("keeper", None, move || keeper.run())?;
    Ok(())
}

/// The configuration's hours as the store's policy.
fn policy(meant: &gateway_config::Retention) -> Policy {
    Policy {
        sighting_h: meant.sighting_h,
        passage_h: meant.passage_h,
        temperature_h: meant.temperature_h,
        band_h: meant.band_h,
        alarm_h: meant.alert_h,
        audit_h: meant.audit_h,
        evidence_h: meant.picture_h,
    }
}

impl Keeper {
    /// Runs until the daemon stops.
    fn run(mut self) {
        let mut due = Instant::now() + FIRST;
        let mut sweep = Instant::now() + DUE;
        while !self.health.is_stopping() {
            self.make_room();
            if Instant::now() >= due {
                if let Err(error) = self.let_go() {
                    tracing::error!(%error, "what is due is not erased yet; it is tried again");
                }
                due = Instant::now() + DUE;
                gateway_store::open::keep_ballast(&self.folder);
            }
            if Instant::now() >= sweep {
                self.sweep();
                sweep = Instant::now() + SWEEP;
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Erases all that is due.
    fn let_go(&mut self) -> Result<(), StoreError> {
        while !self.health.is_stopping() {
            let delivered = self.health.delivered_through();
            let Some(plan) = self.retention.plan(&self.clock.now(), delivered)? else {
                break;
            };
            for picture in &plan.pictures {
                self.evidence.remove(picture)?;
            }
            if !self.erase(&plan) {
                return Ok(());
            }
            self.retention.done(plan)?;
        }
        if !self.health.is_stopping() {
            let removed = self.evidence.keep_within(self.pictures_quota)?;
            told(
                removed.files,
                "pictures are over their quota: the oldest are gone",
            );
        }
        Ok(())
    }

    /// False when the writer has ended or the daemon stops.
    fn erase(&self, plan: &Plan) -> bool {
        let (done, mut is_done) = oneshot::channel();
        let outward = Outward::new(Then::Recorded(done));
        let erasure = plan.erasure(self.clock.now(), outward);
        if self.writer.erase(erasure).is_err() {
            return false;
        }
        loop {
            match is_done.try_recv() {
                Ok(_) => return true,
                Err(oneshot::error::TryRecvError::Closed) => return false,
                Err(oneshot::error::TryRecvError::Empty) if self.health.is_stopping() => {
                    return false;
                }
                Err(oneshot::error::TryRecvError::Empty) => {
                    // The writer may be waiting for the very room that is made here.
                    self.make_room();
                    std::thread::sleep(LOOK / 10);
                }
            }
        }
    }

    /// Pictures go first: while they would not be taken, or the writer waits, the oldest go.
    fn make_room(&self) {
        let waits = self.writer.waits_for_room();
        self.health.store_waits(waits);
        let Some(room) = room::of(&self.folder) else {
            return;
        };
        if !waits && room.bytes >= room::FOR_EVIDENCE && room.files >= room::FILES_FOR_EVIDENCE {
            return;
        }
        match self
            .evidence
            .give_up(MADE_AT_ONCE, room::FILES_FOR_EVIDENCE)
        {
            Ok(removed) => told(
                removed.files,
                "the disk is nearly full: the oldest pictures are gone",
            ),
            Err(error) => tracing::error!(%error, "pictures cannot be removed"),
        }
    }

    /// Removes pictures that no event names. With a damaged event none is: it may name one.
    fn sweep(&self) {
        let (reader, evidence) = (self.reader.clone(), self.evidence.clone());
        let swept = std::thread::Builder::new()
            .name("sweep".to_owned())
            .spawn(move || {
                let removed = named(&reader).and_then(|named| evidence.sweep(&named, SWEEP_SPARES));
                match removed {
                    Ok(removed) => told(removed.files, "pictures that no event names are gone"),
                    Err(error) => tracing::error!(%error, "pictures are not swept"),
                }
            });
        if let Err(error) = swept {
            tracing::error!(%error, "pictures are not swept");
        }
    }
}

fn told(files: u64, what: &'static str) {
    if files > 0 {
        tracing::info!(files, "{what}");
    }
}

/// Every picture that an event names.
fn named(reader: &Reader) -> Result<HashSet<String>, StoreError> {
    const STRIDE: usize = 256;
    let mut named = HashSet::new();
    let mut next = 1;
    while next <= reader.last() {
        for stored in reader.range(next, STRIDE)? {
            named.extend(stored.evidence());
            next = stored.number() + 1;
        }
    }
    Ok(named)
}
