//! Changes of lists: whole, by entries on a known version, confirmed as it is, or entered here.
//!
//! A change is applied as one or not at all. Whole lists are built by whoever sends them; the gate
//! only swaps them in.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::lists::entry::AnyList;
use crate::lists::{Entry, Key, List, ListName, Lists, Owner, Rows};
use crate::lookalike::{Layer, Lookalikes, Shapes};

/// Entries that may be put and removed by one change; more come as a whole list.
pub const CHANGED_AT_ONCE: usize = 1_000;
/// Entries entered at the gate that one list holds; one more is refused.
pub const LOCAL_ENTRIES: usize = 1_000;

/// A change of one list.
#[derive(Clone, Debug)]
pub struct ListChange {
    pub list: ListName,
    /// Who sends it: a destination as its link proved it, or this gateway.
    pub from: Owner,
    pub content: Content,
    shapes: Option<Arc<Shapes>>,
}

#[derive(Clone, Debug)]
pub enum Content {
    /// All rows anew. `version` must be above that of the list.
    Whole {
        version: u64,
        confirmed_ms: i64,
        rows: Rows,
    },
    /// Some rows, on top of version `base` and no other. Removals go before what is put.
    Delta {
        base: u64,
        version: u64,
        confirmed_ms: i64,
        put: Vec<Entry>,
        remove: Vec<Key>,
    },
    /// The list stands as it is: only its age begins anew.
    Confirmed { version: u64, confirmed_ms: i64 },
    /// Entered at the gate, or taken back there: stays until the owner takes it over.
    Local { put: Vec<Entry>, remove: Vec<Key> },
}

/// Why a change was not applied; nothing of it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListRefusal {
    #[error("only the owner of a list may change it; enter it at the gate instead")]
    NotOwner,
    #[error("the list has version {have} already; send a later one")]
    OldVersion { have: u64 },
    #[error("the list has version {have}, the change is for another; send the whole list")]
    WrongBase { have: u64 },
    #[error("the rows are of another kind than the list")]
    WrongKind,
    #[error("more than {CHANGED_AT_ONCE} rows in one change; send the whole list")]
    TooMany,
    #[error(
        "{LOCAL_ENTRIES} entries were entered at the gate already; let the owner take them over"
    )]
    LocalFull,
}

impl ListRefusal {
    /// The word that events carry.
    pub const fn code(self) -> &'static str {
        match self {
            ListRefusal::NotOwner => "not_owner",
            ListRefusal::OldVersion { .. } => "old_version",
            ListRefusal::WrongBase { .. } => "wrong_base",
            ListRefusal::WrongKind => "wrong_kind",
            ListRefusal::TooMany => "too_many",
            ListRefusal::LocalFull => "local_full",
        }
    }
}

impl ListChange {
    /// All rows anew; does here, on the caller's thread, what takes time.
    pub fn whole(
        list: ListName,
        from: Owner,
        version: u64,
        confirmed_ms: i64,
        rows: Rows,
    ) -> ListChange {
        let shapes = match &rows {
            Rows::Vehicle(rows) if list == ListName::Vehicles => Some(Shapes::of(rows.keys())),
            Rows::WatchedPlate(rows) => Some(Shapes::of(rows.keys())),
            _ => None,
        };
        let content = Content::Whole {
            version,
            confirmed_ms,
            rows,
        };
        ListChange {
            list,
            from,
            content,
            shapes: shapes.map(Arc::new),
        }
    }

    /// Anything but a whole list, which it takes too, though the gate then pays for it.
    pub fn new(list: ListName, from: Owner, content: Content) -> ListChange {
        match content {
            Content::Whole {
                version,
                confirmed_ms,
                rows,
            } => ListChange::whole(list, from, version, confirmed_ms, rows),
            content => ListChange {
                list,
                from,
                content,
                shapes: None,
            },
        }
    }
}

impl Lists {
    /// Applies a change, and keeps the look-alikes in step. Gives the keys of the local entries
    /// that the owner took over.
    pub fn apply(
        &mut self,
        change: &ListChange,
        lookalikes: &mut Lookalikes,
    ) -> Result<Vec<Key>, ListRefusal> {
        let name = change.list;
        let list = self.any(name);
        check(list, change)?;
        let mut taken = Vec::new();
        match &change.content {
            Content::Whole { rows, .. } => {
                list.swap(rows, &mut taken);
                lookalikes.swapped(name, change.shapes.as_ref());
            }
            Content::Delta { put, remove, .. } => {
                for key in remove.iter().filter(|key| list.remove(key)) {
                    lookalikes.gone(name, key, Layer::Owner);
                }
                for entry in put {
                    if list.put(entry, &mut taken) {
                        lookalikes.came(name, &entry.key(), Layer::Owner);
                    }
                }
            }
            Content::Confirmed { .. } => {}
            Content::Local { put, remove } => {
                for key in remove.iter().filter(|key| list.remove_local(key)) {
                    lookalikes.gone(name, key, Layer::Local);
                }
                for entry in put {
                    if list.put_local(entry) {
                        lookalikes.came(name, &entry.key(), Layer::Local);
                    }
                }
            }
        }
        for key in &taken {
            lookalikes.gone(name, key, Layer::Local);
        }
        if let Content::Whole {
            version,
            confirmed_ms,
            ..
        }
        | Content::Delta {
            version,
            confirmed_ms,
            ..
        }
        | Content::Confirmed {
            version,
            confirmed_ms,
        } = change.content
        {
            let head = list.head();
            *head.version = version;
            *head.confirmed_ms = confirmed_ms;
        }
        Ok(taken)
    }

    /// The local entries of all lists, for the durable state.
    pub fn local(&self) -> Vec<(ListName, Entry)> {
        fn rows<K: Ord + Clone, V: Clone>(
            into: &mut Vec<(ListName, Entry)>,
            name: ListName,
            list: &List<K, V>,
            entry: impl Fn(K, V) -> Entry,
        ) {
            let rows: &BTreeMap<K, V> = &list.local;
            into.extend(
                rows.iter()
                    .map(|(k, v)| (name, entry(k.clone(), v.clone()))),
            );
        }
        let mut all = Vec::new();
        rows(
            &mut all,
            ListName::Residents,
            &self.residents,
            Entry::Resident,
        );
        rows(
            &mut all,
            ListName::Households,
            &self.households,
            Entry::Household,
        );
        rows(&mut all, ListName::Vehicles, &self.vehicles, Entry::Vehicle);
        rows(&mut all, ListName::Cards, &self.cards, Entry::Card);
        rows(&mut all, ListName::Visitors, &self.visitors, Entry::Pass);
        rows(
            &mut all,
            ListName::Deliveries,
            &self.deliveries,
            Entry::Pass,
        );
        rows(&mut all, ListName::Passes, &self.passes, Entry::Pass);
        rows(
            &mut all,
            ListName::WatchedPlates,
            &self.watched_plates,
            Entry::WatchedPlate,
        );
        rows(
            &mut all,
            ListName::WatchedAreas,
            &self.watched_areas,
            Entry::WatchedArea,
        );
        rows(
            &mut all,
            ListName::EmergencyVehicles,
            &self.emergency_vehicles,
            Entry::Vehicle,
        );
        all
    }

    /// Sets the local entries that were remembered. Entries of another kind than their list are
    /// passed over.
    pub(crate) fn with_local<'a>(
        &mut self,
        entries: impl IntoIterator<Item = &'a (ListName, Entry)>,
        lookalikes: &mut Lookalikes,
    ) {
        for (name, entry) in entries {
            let list = self.any(*name);
            if list.fits(entry) && list.put_local(entry) {
                lookalikes.came(*name, &entry.key(), Layer::Local);
            }
        }
    }
}

fn check(list: &mut dyn AnyList, change: &ListChange) -> Result<(), ListRefusal> {
    let (have, ours) = {
        let head = list.head();
        (*head.version, *head.owner == change.from)
    };
    let fits = |put: &[Entry], remove: &[Key]| {
        if put.len() + remove.len() > CHANGED_AT_ONCE {
            return Err(ListRefusal::TooMany);
        }
        let kinds =
            put.iter().all(|entry| list.fits(entry)) && remove.iter().all(|key| list.fits_key(key));
        kinds.then_some(()).ok_or(ListRefusal::WrongKind)
    };
    match &change.content {
        Content::Local { put, remove } => {
            fits(put, remove)?;
            let room = list.local_len() + put.len() <= LOCAL_ENTRIES;
            return room.then_some(()).ok_or(ListRefusal::LocalFull);
        }
        _ if !ours => return Err(ListRefusal::NotOwner),
        Content::Whole { rows, .. } if !list.fits_rows(rows) => return Err(ListRefusal::WrongKind),
        Content::Delta { base, .. } if *base != have => {
            return Err(ListRefusal::WrongBase { have });
        }
        Content::Delta { put, remove, .. } => fits(put, remove)?,
        Content::Confirmed { version, .. } if *version != have => {
            return Err(ListRefusal::WrongBase { have });
        }
        Content::Confirmed { .. } => return Ok(()),
        Content::Whole { .. } => {}
    }
    match &change.content {
        Content::Whole { version, .. } | Content::Delta { version, .. } if *version <= have => {
            Err(ListRefusal::OldVersion { have })
        }
        _ => Ok(()),
    }
}
