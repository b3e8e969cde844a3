//! The lists as the edges know them: imported, exported, confirmed, each kept on the disk before the
//! gate has it.
//!
//! 1. A file is read whole, aside; one mistake and nothing of it is taken.
//! 2. The new content is durable under `lists/` of the state directory.
//! 3. The gate swaps it in between two turns and records its version.
//!
//! At the start a list that was imported goes before the configuration's file, unless that file was
//! changed since: whoever wrote last has the word, and the version only advances.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gateway_config::Mistakes;
use gateway_config::lists::{ListFiles, import};
use gateway_core::event::Body;
use gateway_core::lists::change::Content;
use gateway_core::lists::{
    Entry, List, ListChange, ListName, Lists, Owner, Rows, TooOld, WhenTooOld,
};
use gateway_core::lookalike::Lookalikes;
use gateway_store::{Reader, decode};
use gateway_wire::api::{ListImported, ListShown, WhenOld};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::handles::{GateHandle, Unavailable};
use crate::whole::{self, FileError, failed};

/// A list as it was imported.
#[derive(Serialize, Deserialize)]
struct Kept {
    list: ListName,
    version: u64,
    confirmed_ms: i64,
    /// SHA-256 of the configuration's file at the import; `None`: there was none.
    configured: Option<String>,
    entries: Vec<Entry>,
}

/// Keeps the lists: the only way to change one of this gateway's.
pub struct Keeper {
    folder: PathBuf,
    files: ListFiles,
    gate: GateHandle,
    reader: Reader,
    clock: Clock,
    /// As the gate has them.
    lists: Mutex<Arc<Lists>>,
    /// One change at a time: each version rests on the one before.
    changing: tokio::sync::Mutex<()>,
}

#[derive(Debug, thiserror::Error)]
pub enum ListsError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{0}")]
    Wrong(Mistakes),
    #[error("the list belongs to {owner}")]
    NotOwner { owner: String },
    #[error("the gate refused the list: {code}")]
    Refused { code: String },
    #[error("the gate does not take the list")]
    Gate(#[from] Unavailable),
    #[error("the list could not be read aside")]
    Aside,
}

/// Takes what was imported over what the configuration's files say, and counts their changes as
/// versions. A list that cannot be read back keeps no gate from starting.
pub fn remembered(state_dir: &Path, files: &ListFiles, mut lists: Lists) -> Lists {
    let folder = state_dir.join("lists");
    if let Err(error) = fs::create_dir_all(&folder) {
        tracing::error!(%error, "the folder of the lists cannot be made");
        return lists;
    }
    for list in ListName::ALL {
        let path = kept_path(&folder, list);
        let kept = read_back(&path, list);
        let head = head(&lists, list);
        let file = configured(files, list);
        let known = kept.as_ref().map(|kept| kept.configured.clone());
        let (version, confirmed_ms, rows) = match kept {
            Some(kept) if file.is_none() || kept.configured == file => (
                kept.version,
                kept.confirmed_ms,
                import::rows(list, kept.entries),
            ),
            // Another file than the one that was there before: the newer word, a new version.
            Some(kept) => (kept.version + 1, head.confirmed_ms, all(&lists, list)),
            None if file.is_some() => (head.version, head.confirmed_ms, all(&lists, list)),
            None => continue,
        };
        if known != Some(file.clone()) {
            let kept = Kept {
                list,
                version,
                confirmed_ms,
                configured: file,
                entries: entries(&rows),
            };
            if let Err(error) = write(&path, &kept) {
                tracing::error!(%error, list = list.word(), "a list's version is not kept");
            }
        }
        if version == head.version {
            continue;
        }
        let change = ListChange::whole(list, head.owner, version, confirmed_ms, rows);
        if let Err(error) = lists.apply(&change, &mut Lookalikes::default()) {
            tracing::error!(%error, list = list.word(), "a list that was kept does not fit");
        }
    }
    lists
}

fn read_back(path: &Path, list: ListName) -> Option<Kept> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::error!(%error, list = list.word(), "a list that was kept cannot be read");
            return None;
        }
    };
    let kept = serde_json::from_slice(&bytes);
    kept.inspect_err(|_| tracing::error!(list = list.word(), "a list that was kept is damaged"))
        .ok()
}

impl Keeper {
    /// `lists` as the gate starts with them, and what was `entered` at the gate before.
    pub fn new(
        state_dir: &Path,
        files: ListFiles,
        (lists, entered): (Arc<Lists>, &[(ListName, Entry)]),
        gate: GateHandle,
        reader: Reader,
        clock: Clock,
    ) -> Result<Keeper, ListsError> {
        let folder = state_dir.join("lists");
        let mut lists = lists;
        for (list, entry) in entered {
            let content = Content::Local {
                put: vec![entry.clone()],
                remove: Vec::new(),
            };
            let change = ListChange::new(*list, Owner::Gateway, content);
            // The gate passes over what does not fit in the same way.
            let _ = Arc::make_mut(&mut lists).apply(&change, &mut Lookalikes::default());
        }
        fs::create_dir_all(&folder).map_err(failed("create", &folder))?;
        Ok(Keeper {
            folder,
            files,
            gate,
            reader,
            clock,
            lists: Mutex::new(lists),
            changing: tokio::sync::Mutex::new(()),
        })
    }

    fn lists(&self) -> MutexGuard<'_, Arc<Lists>> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every list: whose it is, at which version, how old.
    pub fn show(&self) -> Vec<ListShown> {
        let lists = self.lists().clone();
        let now = self.clock.now();
        ListName::ALL
            .into_iter()
            .map(|list| {
                let head = head(&lists, list);
                let age_hours = head.age_hours(now.wall_ms);
                let after = i64::from(head.too_old.after_hours);
                ListShown {
                    list: list.word().to_owned(),
                    owner: owner_word(&head.owner),
                    version: head.version,
                    confirmed_ms: head.confirmed_ms,
                    age_hours,
                    too_old: after > 0 && age_hours.is_none_or(|age| age >= after),
                    too_old_after_hours: head.too_old.after_hours,
                    when_too_old: match head.too_old.then {
                        WhenTooOld::GoOn => WhenOld::GoOn,
                        WhenTooOld::Missing => WhenOld::Missing,
                    },
                    entries: head.entries as u64,
                    local: head.local as u64,
                }
            })
            .collect()
    }

    /// All entries of a list, the owner's and those entered here.
    pub fn entries(&self, list: ListName) -> Vec<Entry> {
        let lists = self.lists().clone();
        let mut entries = entries(&all(&lists, list));
        let local = lists.local().into_iter();
        entries.extend(
            local
                .filter(|(name, _)| *name == list)
                .map(|(_, entry)| entry),
        );
        entries
    }

    /// Reads a file as a list's new content and puts it in force; `check`: only reads it.
    pub async fn import(
        self: &Arc<Keeper>,
        list: ListName,
        name: String,
        bytes: Vec<u8>,
        check: bool,
    ) -> Result<ListImported, ListsError> {
        let offset_min = self.clock.now().offset_min;
        let read = move || import::read(list, Path::new(&name), &bytes, offset_min);
        let rows = aside(read).await?.map_err(ListsError::Wrong)?;
        let _one = self.changing.lock().await;
        let before = head(&self.lists(), list);
        let mut told = ListImported {
            list: list.word().to_owned(),
            version: before.version,
            before: before.entries as u64,
            entries: rows.len() as u64,
            checked_only: check,
            number: None,
        };
        if check {
            return Ok(told);
        }
        // Once begun it is carried through, whether or not the asker still waits.
        let keeper = self.clone();
        let done = tokio::spawn(async move { keeper.put_in_force(list, before, rows).await });
        let (version, number) = done.await.map_err(|_| ListsError::Aside)??;
        told.version = version;
        told.number = Some(number);
        Ok(told)
    }

    /// Enters one entry at the gate, or takes it back: it stands beside the owner's entries until the
    /// owner takes it over. Durable in the journal.
    pub async fn enter(
        self: &Arc<Keeper>,
        list: ListName,
        fields: &BTreeMap<String, String>,
        remove: bool,
    ) -> Result<u64, ListsError> {
        let offset_min = self.clock.now().offset_min;
        let entry = import::entry(list, fields, offset_min).map_err(ListsError::Wrong)?;
        let _one = self.changing.lock().await;
        let content = match remove {
            true => Content::Local {
                put: Vec::new(),
                remove: vec![entry.key()],
            },
            false => Content::Local {
                put: vec![entry],
                remove: Vec::new(),
            },
        };
        self.change(ListChange::new(list, Owner::Gateway, content))
            .await
    }

    /// The list stands as it is: only its age begins anew.
    pub async fn confirm(self: &Arc<Keeper>, list: ListName) -> Result<u64, ListsError> {
        let _one = self.changing.lock().await;
        let before = head(&self.lists(), list);
        ours(&before.owner)?;
        let rows = all(&self.lists(), list);
        let confirmed_ms = self.clock.now().wall_ms;
        self.keep(list, before.version, confirmed_ms, &rows).await?;
        let content = Content::Confirmed {
            version: before.version,
            confirmed_ms,
        };
        self.change(ListChange::new(list, before.owner, content))
            .await
    }

    async fn put_in_force(
        self: Arc<Keeper>,
        list: ListName,
        before: Head,
        rows: Rows,
    ) -> Result<(u64, u64), ListsError> {
        ours(&before.owner)?;
        let (version, confirmed_ms) = (before.version + 1, self.clock.now().wall_ms);
        self.keep(list, version, confirmed_ms, &rows).await?;
        let owner = before.owner.clone();
        let built = move || ListChange::whole(list, owner, version, confirmed_ms, rows);
        let change = aside(built).await?;
        match self.change(change).await {
            Ok(number) => Ok((version, number)),
            Err(error) => {
                // What the gate did not take must not come back at the next start.
                let rows = all(&self.lists(), list);
                self.keep(list, before.version, before.confirmed_ms, &rows)
                    .await?;
                Err(error)
            }
        }
    }

    /// Gives a change to the gate and, when it is durable and not refused, follows it.
    async fn change(&self, change: ListChange) -> Result<u64, ListsError> {
        let number = self.gate.list_change(change.clone()).await?;
        if let Some(code) = self.refusal(number) {
            return Err(ListsError::Refused { code });
        }
        let mut lists = self.lists();
        let applied = Arc::make_mut(&mut lists).apply(&change, &mut Lookalikes::default());
        applied.map_err(|refusal| ListsError::Refused {
            code: refusal.code().to_owned(),
        })?;
        Ok(number)
    }

    /// Why the gate refused a change, as the event says.
    fn refusal(&self, number: u64) -> Option<String> {
        let event = decode(&*self.reader.get(number).ok()??).ok()?;
        event.parts.into_iter().find_map(|part| match part.body {
            Body::Note { code, values } if code.as_str() == "list_refused" => values
                .into_iter()
                .find_map(|(name, cause)| (name.as_str() == "cause").then_some(cause)),
            _ => None,
        })
    }

    async fn keep(
        &self,
        list: ListName,
        version: u64,
        confirmed_ms: i64,
        rows: &Rows,
    ) -> Result<(), ListsError> {
        let kept = Kept {
            list,
            version,
            confirmed_ms,
            configured: configured(&self.files, list),
            entries: entries(rows),
        };
        let path = kept_path(&self.folder, list);
        aside(move || write(&path, &kept)).await?
    }
}

async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ListsError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| ListsError::Aside)
}

fn ours(owner: &Owner) -> Result<(), ListsError> {
    match owner {
        Owner::Gateway => Ok(()),
        Owner::Destination(destination) => Err(ListsError::NotOwner {
            owner: destination.to_string(),
        }),
    }
}

fn owner_word(owner: &Owner) -> Option<String> {
    match owner {
        Owner::Gateway => None,
        Owner::Destination(destination) => Some(destination.to_string()),
    }
}

fn kept_path(folder: &Path, list: ListName) -> PathBuf {
    folder.join(format!("{}.json", list.word()))
}

/// SHA-256 of the configuration's own file of a list.
fn configured(files: &ListFiles, list: ListName) -> Option<String> {
    let path = files.0.get(&list)?.path.as_ref()?;
    Some(hex::encode(Sha256::digest(fs::read(path).ok()?)))
}

fn write(path: &Path, kept: &Kept) -> Result<(), ListsError> {
    let bytes = serde_json::to_vec(kept)
        .map_err(io::Error::other)
        .map_err(failed("write", path))?;
    Ok(whole::write(path, &bytes)?)
}

/// What every list has.
struct Head {
    version: u64,
    confirmed_ms: i64,
    owner: Owner,
    too_old: TooOld,
    entries: usize,
    local: usize,
}

impl Head {
    fn of<K: Ord, V>(list: &List<K, V>) -> Head {
        Head {
            version: list.version,
            confirmed_ms: list.confirmed_ms,
            owner: list.owner.clone(),
            too_old: list.too_old,
            entries: list.entries.len(),
            local: list.local.len(),
        }
    }

    fn age_hours(&self, wall_ms: i64) -> Option<i64> {
        let age = wall_ms.saturating_sub(self.confirmed_ms).max(0);
        (self.confirmed_ms != 0).then_some(age / 3_600_000)
    }
}

fn head(lists: &Lists, list: ListName) -> Head {
    match list {
        ListName::Residents => Head::of(&lists.residents),
        ListName::Households => Head::of(&lists.households),
        ListName::Vehicles => Head::of(&lists.vehicles),
        ListName::Cards => Head::of(&lists.cards),
        ListName::Visitors => Head::of(&lists.visitors),
        ListName::Deliveries => Head::of(&lists.deliveries),
        ListName::Passes => Head::of(&lists.passes),
        ListName::WatchedPlates => Head::of(&lists.watched_plates),
        ListName::WatchedAreas => Head::of(&lists.watched_areas),
        ListName::EmergencyVehicles => Head::of(&lists.emergency_vehicles),
    }
}

/// The owner's rows; costs no copy.
fn all(lists: &Lists, list: ListName) -> Rows {
    match list {
        ListName::Residents => Rows::Resident(lists.residents.entries.clone()),
        ListName::Households => Rows::Household(lists.households.entries.clone()),
        ListName::Vehicles => Rows::Vehicle(lists.vehicles.entries.clone()),
        ListName::Cards => Rows::Card(lists.cards.entries.clone()),
        ListName::Visitors => Rows::Pass(lists.visitors.entries.clone()),
        ListName::Deliveries => Rows::Pass(lists.deliveries.entries.clone()),
        ListName::Passes => Rows::Pass(lists.passes.entries.clone()),
        ListName::WatchedPlates => Rows::WatchedPlate(lists.watched_plates.entries.clone()),
        ListName::WatchedAreas => Rows::WatchedArea(lists.watched_areas.entries.clone()),
        ListName::EmergencyVehicles => Rows::Vehicle(lists.emergency_vehicles.entries.clone()),
    }
}

fn entries(rows: &Rows) -> Vec<Entry> {
    macro_rules! of {
        ($kind:ident, $rows:expr) => {
            $rows
                .iter()
                .map(|(key, value)| Entry::$kind(key.clone(), value.clone()))
                .collect()
        };
    }
    match rows {
        Rows::Resident(rows) => of!(Resident, rows),
        Rows::Household(rows) => of!(Household, rows),
        Rows::Vehicle(rows) => of!(Vehicle, rows),
        Rows::Card(rows) => of!(Card, rows),
        Rows::Pass(rows) => of!(Pass, rows),
        Rows::WatchedPlate(rows) => of!(WatchedPlate, rows),
        Rows::WatchedArea(rows) => of!(WatchedArea, rows),
    }
}
