//! The rules in force and the drafts that may follow them: tested, tried on the recorded passages
//! beside the gate at work, activated by the gate between two turns.
//!
//! 1. A draft is compiled and its cases run, on a thread of its own with a large stack and the
//!    lowest priority: never on the gate's or the writer's.
//! 2. It is tried on the recorded decisions of the last days; what it changes is counted.
//! 3. A draft that admits what is watched for is refused unless that is said on purpose.
//! 4. The set is marked *trying* on the disk, the activation is recorded and durable, then the
//!    gate swaps it in.
//! 5. After [`SETTLES`] the mark goes. When the process ends before, again and again, the set
//!    before it comes back.

pub mod shelf;
mod start;
pub mod trial;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError};
use gateway_core::event::{Body, Class, Event, EventKind, PartKind};
use gateway_core::name::Name;
use gateway_core::rule::trial::Recorded;
use gateway_core::rule::{RuleFile, RuleSet};
use gateway_core::site::{Lane, Site};
use gateway_store::{Reader, Stored, decode};
use gateway_wire::api::{
    self, Recomputed, RuleShown, RuleText, RulesActivateRequest, RulesActivated, RulesSource,
    RulesTested, TrialReport,
};
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::gate_loop;
use crate::handles::{Recorder, Unavailable};
use crate::history::fold::Titles;
use crate::live::Hub;
use shelf::{Kept, Shelf, ShelfError, Trying};

pub use start::{Chosen, choose};

/// How long a set must have been in force before a start trusts it.
pub const SETTLES: Duration = Duration::from_secs(20);

/// Days of a trial unless told.
const DAYS: u32 = 7;

/// The longest trial: what is older has been erased in any case.
const MOST_DAYS: u32 = 366;

/// How long the gate may take to swap; it turns every half second at least.
const SWAPS_WITHIN: Duration = Duration::from_secs(5);

/// A rule set for the gate.
pub struct Swap {
    pub rules: RuleSet,
    /// Told when it is in force.
    pub done: oneshot::Sender<()>,
}

/// Swaps that may wait for the gate; one more is refused. Activations come one at a time.
pub const SWAPS: usize = 1;

/// The set in force, as the edges know it.
#[derive(Clone, Debug)]
pub struct InForce {
    pub version: String,
    pub files: Vec<RuleText>,
    pub rules: Vec<RuleShown>,
    pub source: RulesSource,
    pub activated_ms: Option<i64>,
    pub by: Option<String>,
    pub admit_watched: Option<String>,
}

/// What the rules' edge is given.
pub struct Parts {
    pub shelf: Shelf,
    pub site: Arc<Site>,
    pub reader: Reader,
    pub clock: Clock,
    pub recorder: Recorder,
    pub hub: Arc<Hub>,
    pub swaps: Sender<Swap>,
    /// Whether the gate has something to do: a trial lets it go first.
    pub busy: Arc<dyn Fn() -> bool + Send + Sync>,
    /// The version of the files that the configuration names.
    pub configured: String,
}

pub struct Rules {
    parts: Parts,
    in_force: Mutex<InForce>,
}

#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    #[error("the draft has {} mistakes", mistakes.len())]
    Wrong { mistakes: Vec<String> },
    #[error("these rules are in force already")]
    InForce,
    #[error("the draft admits what is watched for")]
    AdmitsWatched(Box<TrialReport>),
    #[error("the rules cannot be kept on the disk")]
    Shelf(#[from] ShelfError),
    #[error("no thread for the rules")]
    Thread(#[source] std::io::Error),
    #[error("the gate does not take the rules")]
    Gate(#[from] Unavailable),
}

impl Rules {
    pub fn new(parts: Parts, in_force: InForce) -> Rules {
        Rules {
            parts,
            in_force: Mutex::new(in_force),
        }
    }

    fn in_force(&self) -> MutexGuard<'_, InForce> {
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn show(&self) -> api::Rules {
        let now = self.in_force().clone();
        api::Rules {
            version: now.version,
            source: now.source,
            activated_ms: now.activated_ms,
            by: now.by,
            admit_watched: now.admit_watched,
            rules: now.rules,
            files: now.files,
        }
    }

    /// Compiles a draft, or the rules in force, and runs the cases. Blocks.
    pub fn test(&self, draft: Option<&[RuleText]>) -> Result<RulesTested, RulesError> {
        let lanes = &self.parts.site.lanes;
        let now = self.in_force().files.clone();
        let compiled = compile(lanes, draft.unwrap_or(&now))?;
        Ok(match compiled {
            Ok(set) => RulesTested {
                version: Some(set.version().to_owned()),
                rules: set.rules().len() as u64,
                mistakes: Vec::new(),
            },
            Err(mistakes) => RulesTested {
                version: None,
                rules: 0,
                mistakes,
            },
        })
    }

    /// Tries a draft on the recorded passages of the last days. Blocks for seconds, at the lowest
    /// priority.
    pub fn trial(&self, draft: &[RuleText], days: Option<u32>) -> Result<TrialReport, RulesError> {
        let days = days.unwrap_or(DAYS).clamp(1, MOST_DAYS);
        let now = self.in_force().files.clone();
        let lanes = &self.parts.site.lanes;
        let tried = aside(|| {
            let set = load(lanes, draft).map_err(|mistakes| RulesError::Wrong { mistakes })?;
            // The rules in force loaded when they came into force.
            let in_force = load(lanes, &now).map_err(|mistakes| RulesError::Wrong { mistakes })?;
            let over = trial::Over {
                reader: &self.parts.reader,
                site: &self.parts.site,
                busy: &*self.parts.busy,
                now: self.parts.clock.now(),
                days,
            };
            Ok(trial::run(&over, &set, &in_force))
        });
        tried.map_err(RulesError::Thread)?
    }

    /// Makes a recorded decision once more with the rules of its day. Blocks.
    ///
    /// `None`: the event is no decision, or has been erased. With it the titles of those rules, as
    /// far as their texts are at hand.
    pub fn recompute(&self, stored: &Stored) -> Result<Option<(Recomputed, Titles)>, RulesError> {
        let Some(recorded) = recorded(stored) else {
            return Ok(None);
        };
        let version = recorded.decision.rules_version.clone();
        let mut again = Recomputed {
            version: version.clone(),
            at_hand: false,
            told: false,
            same: false,
            verdict: None,
        };
        let now = self.in_force().clone();
        let files = match now.version == version {
            true => Some(now.files),
            false => self.parts.shelf.version(&version)?,
        };
        let lane = self.parts.site.lane(&recorded.lane);
        let (Some(files), Some(lane)) = (files, lane) else {
            return Ok(Some((again, Titles::new())));
        };
        let done = aside(|| {
            let set = load(&self.parts.site.lanes, &files).ok()?;
            Some((set.redecide(lane, &recorded), titles(&set)))
        });
        let mut of_its_day = Titles::new();
        if let Some((redecided, titles)) = done.map_err(RulesError::Thread)? {
            of_its_day = titles;
            again.at_hand = true;
            if let Ok(redecided) = redecided {
                again.told = true;
                again.same = redecided.is(&recorded.decision);
                again.verdict = Some(redecided.verdict.into());
            }
        }
        Ok(Some((again, of_its_day)))
    }

    /// Tries a draft and puts it in force. What it admits that is watched for needs a reason.
    pub async fn activate(
        self: &Arc<Rules>,
        request: RulesActivateRequest,
        by: &Name,
    ) -> Result<RulesActivated, RulesError> {
        let (rules, draft, days) = (self.clone(), request.files.clone(), request.days);
        let trial = blocking(move || rules.trial(&draft, days)).await?;
        if trial.version == self.in_force().version {
            return Err(RulesError::InForce);
        }
        let reason = request
            .admit_watched
            .filter(|reason| !reason.trim().is_empty());
        if trial.admits_watched() && reason.is_none() {
            return Err(RulesError::AdmitsWatched(Box::new(trial)));
        }
        let kept = Kept {
            version: trial.version.clone(),
            files: request.files,
            activated_ms: self.parts.clock.now().wall_ms,
            by: by.to_string(),
            admit_watched: reason,
            configured: self.parts.configured.clone(),
        };
        // Once begun it is carried through, whether or not the asker still waits.
        let rules = self.clone();
        let (before, number) = tokio::spawn(async move { rules.put_in_force(kept).await })
            .await
            .map_err(|_| RulesError::Gate(Unavailable::Stopped))??;
        Ok(RulesActivated {
            version: trial.version.clone(),
            before,
            number,
            trial,
        })
    }

    /// Mark, record, swap: in this order. Returns the version before and the event's number.
    async fn put_in_force(self: Arc<Rules>, kept: Kept) -> Result<(String, u64), RulesError> {
        let rules = self.clone();
        let trying = Trying {
            set: kept.clone(),
            starts: 0,
        };
        let set = blocking(move || {
            let shelf = &rules.parts.shelf;
            // One that is still on trial has held so far: it is the one to come back to.
            shelf.settle()?;
            shelf.try_out(&trying)?;
            shelf.keep_version(&trying.set.version, &trying.set.files)?;
            match compile(&rules.parts.site.lanes, &trying.set.files)? {
                Ok(set) => Ok(set),
                Err(mistakes) => {
                    shelf.put_back(&trying)?;
                    Err(RulesError::Wrong { mistakes })
                }
            }
        })
        .await?;
        let before = self.in_force().version.clone();
        let activation = self.activation(&kept, &before);
        let number = match self.parts.recorder.record(activation).await {
            Ok(number) => number,
            Err(unavailable) => {
                // What is not recorded must not come into force at the next start.
                let rules = self.clone();
                let trying = Trying {
                    set: kept,
                    starts: 0,
                };
                blocking(move || Ok(rules.parts.shelf.put_back(&trying)?)).await?;
                return Err(unavailable.into());
            }
        };
        let now = in_force(&set, &kept, RulesSource::Trying);
        let titles = titles(&set);
        let (done, swapped) = oneshot::channel();
        let swap = Swap { rules: set, done };
        self.parts
            .swaps
            .try_send(swap)
            .map_err(|refused| match refused {
                TrySendError::Full(_) => Unavailable::Busy,
                TrySendError::Disconnected(_) => Unavailable::Stopped,
            })?;
        match tokio::time::timeout(SWAPS_WITHIN, swapped).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(Unavailable::Stopped.into()),
            Err(_) => return Err(Unavailable::Busy.into()),
        }
        tracing::info!(version = now.version, before, "other rules are in force");
        self.parts.hub.rule_titles(titles);
        *self.in_force() = now;
        tokio::spawn(self.settle());
        Ok((before, number))
    }

    /// After a while in force the set is no longer a trial. Runs once for each set on trial.
    pub async fn settle(self: Arc<Rules>) {
        let version = {
            let now = self.in_force();
            if now.source != RulesSource::Trying {
                return;
            }
            now.version.clone()
        };
        tokio::time::sleep(SETTLES).await;
        if self.in_force().version != version {
            return;
        }
        let rules = self.clone();
        match blocking(move || Ok(rules.parts.shelf.settle()?)).await {
            Ok(()) => self.in_force().source = RulesSource::Activated,
            Err(error) => {
                tracing::error!(%error, "the rules in force could not be settled on the disk");
            }
        }
    }

    fn activation(&self, kept: &Kept, before: &str) -> Event {
        let mut values = vec![
            (Name::from("version"), kept.version.clone()),
            (Name::from("before"), before.to_owned()),
            (Name::from("by"), kept.by.clone()),
        ];
        if let Some(reason) = &kept.admit_watched {
            values.push((Name::from("admit_watched"), reason.clone()));
        }
        note(self.parts.clock.now(), "rules_activated", values)
    }
}

/// An event about the rules.
pub fn note(at: gateway_core::moment::Moment, code: &str, values: Vec<(Name, String)>) -> Event {
    let code = Name::from(code);
    Event::new(at, EventKind::Configuration).part(
        PartKind::Detail,
        Class::Audit,
        Body::Note { code, values },
    )
}

/// The decision that an event records, with what of its facts is still there.
pub fn recorded(stored: &Stored) -> Option<Recorded> {
    let event = decode(stored).ok()?;
    Recorded::of(&event, &trial::erased(stored))
}

/// Titles for the page, by rule.
pub fn titles(set: &RuleSet) -> Titles {
    set.rules()
        .iter()
        .map(|rule| (rule.id.to_string(), api::Text::from(&rule.title)))
        .collect()
}

/// What is told of a set.
pub fn in_force(set: &RuleSet, kept: &Kept, source: RulesSource) -> InForce {
    InForce {
        version: set.version().to_owned(),
        files: kept.files.clone(),
        rules: shown(set),
        source,
        activated_ms: Some(kept.activated_ms),
        by: Some(kept.by.clone()),
        admit_watched: kept.admit_watched.clone(),
    }
}

fn shown(set: &RuleSet) -> Vec<RuleShown> {
    set.rules()
        .iter()
        .map(|rule| RuleShown {
            rule: rule.id.to_string(),
            title: api::Text::from(&rule.title),
            when: rule.when.clone(),
            verdict: rule.verdict.into(),
        })
        .collect()
}

/// Compiles rule files and runs their cases, aside; the inner error tells all mistakes.
pub fn compile(
    lanes: &[Lane],
    files: &[RuleText],
) -> Result<Result<RuleSet, Vec<String>>, RulesError> {
    aside(|| load(lanes, files)).map_err(RulesError::Thread)
}

fn load(lanes: &[Lane], files: &[RuleText]) -> Result<RuleSet, Vec<String>> {
    let files: Vec<RuleFile<'_>> = files
        .iter()
        .map(|file| RuleFile {
            name: &file.name,
            text: &file.text,
        })
        .collect();
    RuleSet::load(lanes, &files).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

/// Runs on a stack as large as the gate's and at the lowest priority, and waits for it.
pub fn aside<T: Send>(work: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("rules".to_owned())
            .stack_size(gate_loop::STACK)
            .spawn_scoped(scope, || {
                lower_priority();
                work()
            })?;
        thread
            .join()
            .map_err(|_| std::io::Error::other("the thread of the rules panicked"))
    })
}

/// Of this thread alone: on Linux a thread has a niceness of its own.
fn lower_priority() {
    // SAFETY: both calls take and return plain integers.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, libc::gettid() as libc::id_t, 19);
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RulesError> + Send + 'static,
) -> Result<T, RulesError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(RulesError::Thread(std::io::Error::other(error))),
    }
}
