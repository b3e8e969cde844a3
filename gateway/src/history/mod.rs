//! What happened, as the page asks for it: an index in memory over the journal, folded from
//! events at start and kept up as new ones become durable.

pub mod alerts;
pub mod fold;
pub mod numbers;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use gateway_core::event::{Body, Event, EventKind};
use gateway_core::name::PassageId;
use gateway_core::view::LaneView;
use gateway_store::{Reader, StoreError, Stored, decode};
use gateway_wire::api::{Alert, Passage};

use alerts::Alerts;
use fold::Titles;

/// Passages that can be listed and opened; older ones are in the journal only.
const PASSAGES: usize = 20_000;

/// Parts of one passage that are indexed; a car parked before a camera goes on improving its
/// plate for hours. What decides and ends a passage is indexed always.
const EVENTS_OF_A_PASSAGE: usize = 512;

/// Passages that are kept folded, so that the live ones need no reading back.
const FOLDED: usize = 256;

/// Pictures that can be fetched.
const PICTURES: usize = 40_000;

/// Events read back at start: two seconds of a small box's time.
const SCAN: u64 = 100_000;

/// Events a read.
const CHUNK: usize = 512;

pub struct History {
    reader: Reader,
    passages: HashMap<PassageId, Indexed>,
    /// First event of each indexed passage → the passage: its order in every list.
    by_first: BTreeMap<u64, PassageId>,
    folded: HashMap<PassageId, Passage>,
    /// In the order of folding.
    folded_order: VecDeque<PassageId>,
    pub alerts: Alerts,
    pictures: Pictures,
    pub titles: Titles,
}

struct Indexed {
    first: u64,
    numbers: Vec<u64>,
}

/// What one event changed.
#[derive(Default)]
pub struct Changed {
    /// Passages that were decided, answered or ended, or whose arm was commanded.
    pub passages: BTreeSet<PassageId>,
    pub alerts: Vec<Alert>,
}

/// Where a list of passages goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    Newest,
    /// Any event of the last passage that was shown, or a bare number.
    Number(u64),
    Passage(PassageId),
}

impl History {
    pub fn new(reader: Reader, titles: Titles) -> History {
        History {
            reader,
            passages: HashMap::new(),
            by_first: BTreeMap::new(),
            folded: HashMap::new(),
            folded_order: VecDeque::new(),
            alerts: Alerts::default(),
            pictures: Pictures::default(),
            titles,
        }
    }

    /// Folds the latest events of the journal. Damaged records are stepped over: the store's
    /// check reports them.
    pub fn scan(&mut self) {
        let reader = self.reader.clone();
        let last = reader.last();
        let mut from = last.saturating_sub(SCAN) + 1;
        while from <= last {
            match reader.range(from, CHUNK) {
                Ok(chunk) if chunk.is_empty() => return,
                Ok(chunk) => {
                    for stored in &chunk {
                        self.fold(stored);
                    }
                    from += chunk.len() as u64;
                }
                Err(_) => from += 1,
            }
        }
    }

    /// Takes in one durable event.
    pub fn fold(&mut self, stored: &Stored) -> Changed {
        let mut changed = Changed::default();
        // An event that this version cannot read is no event of a passage that it could show.
        let Ok(event) = decode(stored) else {
            return changed;
        };
        let number = stored.number();
        for sha256 in pictures_of(&event) {
            self.pictures.add(sha256, number);
        }
        changed.alerts.extend(self.alerts.fold(&event));
        if let Some(passage) = &event.passage {
            self.index(passage, number, event.kind);
            self.fold_passage(passage, number, &event);
            if matches!(
                event.kind,
                EventKind::Decision | EventKind::Answer | EventKind::PassageEnded | EventKind::Move
            ) {
                changed.passages.insert(passage.clone());
            }
        }
        changed
    }

    /// The folded passage, if it is one of the latest.
    pub fn folded(&self, passage: &PassageId) -> Option<&Passage> {
        self.folded.get(passage)
    }

    /// The events of a passage, for reading it back.
    pub fn numbers(&self, passage: &PassageId) -> Option<Vec<u64>> {
        Some(self.passages.get(passage)?.numbers.clone())
    }

    /// Passages that began before `before`, newest first, with their events.
    pub fn list(&self, before: Option<u64>, limit: usize) -> Vec<(PassageId, Vec<u64>)> {
        self.by_first
            .range(..before.unwrap_or(u64::MAX))
            .rev()
            .take(limit)
            .filter_map(|(_, id)| Some((id.clone(), self.numbers(id)?)))
            .collect()
    }

    /// The first event of a passage: where a list that goes on after it begins.
    pub fn first(&self, passage: &PassageId) -> Option<u64> {
        Some(self.passages.get(passage)?.first)
    }

    /// An event that names the picture.
    pub fn picture(&self, sha256: &str) -> Option<u64> {
        self.pictures.event(sha256)
    }

    /// What the lane shows of its passage.
    pub fn shown(&self, view: &LaneView) -> Option<Passage> {
        let seen = view.passage.as_ref()?;
        let mut passage = match self.folded.get(&seen.id) {
            Some(folded) => folded.clone(),
            None => fold::begin(seen.id.as_str(), view.lane.as_str(), &seen.begun),
        };
        fold::complete_from_view(&mut passage, seen, &self.titles);
        Some(passage)
    }

    fn index(&mut self, passage: &PassageId, number: u64, kind: EventKind) {
        if let Some(known) = self.passages.get_mut(passage) {
            let part = matches!(kind, EventKind::SightingJoined | EventKind::ReadingJoined);
            if !part || known.numbers.len() < EVENTS_OF_A_PASSAGE {
                known.numbers.push(number);
            }
            return;
        }
        self.passages.insert(
            passage.clone(),
            Indexed {
                first: number,
                numbers: vec![number],
            },
        );
        self.by_first.insert(number, passage.clone());
        if self.by_first.len() > PASSAGES
            && let Some((_, oldest)) = self.by_first.pop_first()
        {
            self.passages.remove(&oldest);
        }
    }

    fn fold_passage(&mut self, id: &PassageId, number: u64, event: &Event) {
        if let Some(passage) = self.folded.get_mut(id) {
            fold::fold(passage, number, event, &self.titles);
            return;
        }
        let passage = self.earlier(id, number).unwrap_or_else(|| {
            let lane = event.lane.as_ref().map_or("", |lane| lane.as_str());
            let mut passage = fold::begin(id.as_str(), lane, &event.at);
            fold::fold(&mut passage, number, event, &self.titles);
            passage
        });
        self.folded.insert(id.clone(), passage);
        self.folded_order.push_back(id.clone());
        if self.folded_order.len() > FOLDED
            && let Some(oldest) = self.folded_order.pop_front()
        {
            self.folded.remove(&oldest);
        }
    }

    /// A passage that began long ago and goes on, `number` included.
    fn earlier(&self, id: &PassageId, number: u64) -> Option<Passage> {
        let numbers = &self.passages.get(id)?.numbers;
        if numbers.first() == Some(&number) {
            return None;
        }
        read_back(&self.reader, id, numbers, &self.titles).ok()?
    }
}

/// Reads a passage back from its events; `None` when none of them can be read any more.
pub fn read_back(
    reader: &Reader,
    id: &PassageId,
    numbers: &[u64],
    titles: &Titles,
) -> Result<Option<Passage>, StoreError> {
    let mut passage: Option<Passage> = None;
    for &number in numbers {
        let Some(stored) = reader.get(number)? else {
            continue;
        };
        let event = decode(&stored)?;
        let lane = event.lane.as_ref().map_or("", |lane| lane.as_str());
        let passage = passage.get_or_insert_with(|| fold::begin(id.as_str(), lane, &event.at));
        fold::fold(passage, number, &event, titles);
    }
    Ok(passage)
}

/// The pictures that an event names.
pub fn pictures_of(event: &Event) -> impl Iterator<Item = &str> {
    event.parts.iter().filter_map(|part| match &part.body {
        Body::Sighting(sighting) => sighting
            .evidence
            .as_ref()
            .map(|evidence| evidence.sha256.as_str()),
        _ => None,
    })
}

/// Which event names a picture: the latest that does.
#[derive(Default)]
struct Pictures {
    events: HashMap<[u8; 32], u64>,
    order: VecDeque<[u8; 32]>,
}

impl Pictures {
    fn add(&mut self, sha256: &str, number: u64) {
        let Some(key) = key(sha256) else {
            return;
        };
        if self.events.insert(key, number).is_none() {
            self.order.push_back(key);
            if self.order.len() > PICTURES
                && let Some(oldest) = self.order.pop_front()
            {
                self.events.remove(&oldest);
            }
        }
    }

    fn event(&self, sha256: &str) -> Option<u64> {
        self.events.get(&key(sha256)?).copied()
    }
}

fn key(sha256: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    hex::decode_to_slice(sha256, &mut key).ok()?;
    Some(key)
}
