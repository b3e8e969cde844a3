//! What is live: the lanes as they stand, the alerts, and the stream of changes that the page
//! follows. Fed by the dispatcher with what has become durable, never with anything earlier.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gateway_core::event::{Body, EventKind};
use gateway_core::name::{Name, PassageId};
use gateway_core::site::Site;
use gateway_core::view::LaneView;
use gateway_store::{Reader, StoreError, Stored, decode};
use gateway_wire::api::{Alert, Lane, LaneCamera, Need, PartState, Passage, Status, Text};
use serde::Serialize;
use tokio::sync::broadcast;

use crate::history::alerts::Wanted;
use crate::history::fold::Titles;
use crate::history::{self, Before, History};

/// Messages kept for streams that come back; what is older makes the page load its lists anew.
const RING: usize = 1_024;

/// Messages a slow stream may be behind before it is told to load anew (oldest are dropped).
const BEHIND: usize = 256;

/// One message of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Counts the messages of this boot, from 1. A status has none: it is never made up for.
    pub id: Option<u64>,
    /// `lane`, `passage`, `alert`, `status`, `resync`.
    pub event: &'static str,
    /// JSON.
    pub data: String,
}

/// What the hub must know before the first event.
pub struct Setup {
    pub boot: u32,
    pub site: Arc<Site>,
    /// Lane → its title.
    pub lane_titles: Titles,
    /// Rule → its title.
    pub rule_titles: Titles,
    /// Camera and its lane.
    pub cameras: Vec<(Name, Name)>,
    pub reader: Reader,
}

pub struct Hub {
    boot: u32,
    reader: Reader,
    inner: Mutex<Inner>,
    stream: broadcast::Sender<Arc<Message>>,
}

struct Inner {
    history: History,
    lanes: Vec<LaneState>,
    ring: VecDeque<Arc<Message>>,
    /// The id of the last message.
    last: u64,
}

struct LaneState {
    /// What never changes, and the cameras.
    lane: Lane,
    view: Option<LaneView>,
}

/// A stream's beginning: what it missed, and what follows.
pub struct Subscription {
    pub missed: Vec<Arc<Message>>,
    pub follow: broadcast::Receiver<Arc<Message>>,
}

/// A passage as people see it, and the stored event of its decision where there is one.
pub type PassageAndDecision = (Passage, Option<Arc<Stored>>);

impl Hub {
    pub fn new(setup: Setup) -> Hub {
        let lanes = setup
            .site
            .lanes
            .iter()
            .map(|lane| LaneState::new(lane, &setup.lane_titles, &setup.cameras))
            .collect();
        Hub {
            boot: setup.boot,
            inner: Mutex::new(Inner {
                history: History::new(setup.reader.clone(), setup.rule_titles),
                lanes,
                ring: VecDeque::with_capacity(RING),
                last: 0,
            }),
            reader: setup.reader,
            stream: broadcast::channel(BEHIND).0,
        }
    }

    /// Folds the latest events of the journal; call it once, before the dispatcher runs.
    pub fn load(&self) {
        self.lock().history.scan();
    }

    /// Takes in the alerts that the gate remembers, some older than what `load` reads.
    pub fn remember(&self, alerts: &[gateway_core::alert::Alert]) {
        let mut inner = self.lock();
        for alert in alerts {
            inner.history.alerts.remember(alert);
        }
    }

    /// After a change of the rules.
    pub fn rule_titles(&self, titles: Titles) {
        self.lock().history.titles = titles;
    }

    /// What has just become durable, with the views that go with it. Called by the dispatcher's
    /// thread alone, in order; it waits for nobody but a reader's copying.
    pub fn durable(&self, stored: &[Arc<Stored>], views: &[LaneView]) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let mut shown: Vec<usize> = Vec::new();
        for view in views {
            if let Some(index) = inner.lane_index(view.lane.as_str()) {
                inner.lanes[index].view = Some(view.clone());
                shown.push(index);
            }
        }
        let mut passages = Vec::new();
        let mut alerts = Vec::new();
        for stored in stored {
            let changed = inner.history.fold(stored);
            alerts.extend(changed.alerts);
            for passage in changed.passages {
                shown.extend(inner.lane_showing(&passage));
                if !passages.contains(&passage) {
                    passages.push(passage);
                }
            }
            if stored.header.kind == EventKind::DeviceState {
                shown.extend(inner.device_changed(stored));
            }
        }
        shown.sort_unstable();
        shown.dedup();
        for index in shown {
            let lane = inner.lane(index);
            self.publish(inner, "lane", &lane);
        }
        for id in passages {
            if let Some(passage) = inner.history.folded(&id).cloned() {
                self.publish(inner, "passage", &passage);
            }
        }
        for alert in alerts {
            self.publish(inner, "alert", &alert);
        }
    }

    /// The gateway's health, every two seconds; it also tells how the cameras are.
    pub fn status(&self, status: &Status) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let mut changed = Vec::new();
        for camera in &status.cameras {
            if let Some(index) = inner.lane_index(&camera.lane)
                && inner.lanes[index].camera(&camera.id, camera.state, camera.code.clone())
            {
                changed.push(index);
            }
        }
        changed.dedup();
        for index in changed {
            let lane = inner.lane(index);
            self.publish(inner, "lane", &lane);
        }
        if self.stream.receiver_count() > 0 {
            let _ = self.stream.send(Arc::new(Message {
                id: None,
                event: "status",
                data: json(status),
            }));
        }
    }

    /// Follows the stream. `last` is the `BOOT-N` of the last message that was seen; when it
    /// cannot be continued from there, `missed` is one `resync`.
    pub fn subscribe(&self, last: Option<&str>) -> Subscription {
        let inner = self.lock();
        let missed = last
            .and_then(|last| self.seen(last))
            .and_then(|seen| inner.since(seen))
            .unwrap_or_else(|| vec![Arc::new(resync(inner.last))]);
        Subscription {
            missed,
            follow: self.stream.subscribe(),
        }
    }

    /// A message's id on the wire.
    pub fn wire_id(&self, id: u64) -> String {
        format!("{}-{id}", self.boot)
    }

    /// For a stream that fell too far behind.
    pub fn resync(&self) -> Message {
        resync(self.lock().last)
    }

    pub fn lanes(&self) -> Vec<Lane> {
        let inner = self.lock();
        (0..inner.lanes.len())
            .map(|index| inner.lane(index))
            .collect()
    }

    pub fn has_lane(&self, lane: &str) -> bool {
        self.lock().lane_index(lane).is_some()
    }

    pub fn alerts(&self, wanted: Wanted, limit: usize) -> Vec<Alert> {
        self.lock().history.alerts.list(wanted, limit)
    }

    /// Newest first. Reads the journal: not on an async thread.
    pub fn passages(&self, before: &Before, limit: usize) -> Result<Vec<Passage>, StoreError> {
        let before = self.resolve(before)?;
        let (found, titles) = {
            let inner = self.lock();
            let found: Vec<_> = inner
                .history
                .list(before, limit)
                .into_iter()
                .map(|(id, numbers)| (inner.history.folded(&id).cloned(), id, numbers))
                .collect();
            (found, inner.history.titles.clone())
        };
        let mut passages = Vec::with_capacity(found.len());
        for (folded, id, numbers) in found {
            match folded {
                Some(passage) => passages.push(passage),
                None => passages.extend(history::read_back(&self.reader, &id, &numbers, &titles)?),
            }
        }
        Ok(passages)
    }

    /// Reads the journal: not on an async thread.
    pub fn passage(&self, id: &PassageId) -> Result<Option<Passage>, StoreError> {
        let (numbers, titles) = {
            let inner = self.lock();
            if let Some(passage) = inner.history.folded(id) {
                return Ok(Some(passage.clone()));
            }
            match inner.history.numbers(id) {
                Some(numbers) => (numbers, inner.history.titles.clone()),
                None => return Ok(None),
            }
        };
        history::read_back(&self.reader, id, &numbers, &titles)
    }

    /// The passage and the stored event of its decision; older ones are looked for in the whole
    /// journal. Reads the journal: not on an async thread.
    pub fn passage_and_decision(
        &self,
        id: &PassageId,
    ) -> Result<Option<PassageAndDecision>, StoreError> {
        let (known, titles) = {
            let inner = self.lock();
            (inner.history.numbers(id), inner.history.titles.clone())
        };
        let numbers = known.unwrap_or_else(|| self.reader.numbers_of(id));
        let Some(passage) = history::read_back(&self.reader, id, &numbers, &titles)? else {
            return Ok(None);
        };
        let decision = match passage.number {
            Some(number) => self.reader.get(number)?,
            None => None,
        };
        Ok(Some((passage, decision)))
    }

    /// For whoever counts over the journal.
    pub fn reader_and_titles(&self) -> (Reader, Titles) {
        (self.reader.clone(), self.lock().history.titles.clone())
    }

    /// What people call the lane; its id when the site no longer has it.
    pub fn lane_title(&self, lane: &str) -> Text {
        let inner = self.lock();
        match inner.lane_index(lane) {
            Some(index) => inner.lanes[index].lane.title.clone(),
            None => Text {
                zh: lane.to_string(),
                en: lane.to_string(),
            },
        }
    }

    /// Whether an event that is still there names the picture. Reads the journal.
    pub fn names_picture(&self, sha256: &str) -> Result<bool, StoreError> {
        let Some(number) = self.lock().history.picture(sha256) else {
            return Ok(false);
        };
        let Some(stored) = self.reader.get(number)? else {
            return Ok(false);
        };
        let event = decode(&stored)?;
        Ok(history::pictures_of(&event).any(|named| named == sha256))
    }

    /// The first event of the passage before which a list goes on.
    fn resolve(&self, before: &Before) -> Result<Option<u64>, StoreError> {
        let (number, passage) = match before {
            Before::Newest => return Ok(None),
            Before::Number(number) => {
                let stored = self.reader.get(*number)?;
                let passage = stored.and_then(|stored| stored.header.passage.clone());
                (*number, passage)
            }
            Before::Passage(passage) => (u64::MAX, Some(passage.clone())),
        };
        let first = passage.and_then(|passage| self.lock().history.first(&passage));
        Ok(Some(first.unwrap_or(number)))
    }

    fn seen(&self, last: &str) -> Option<u64> {
        let (boot, number) = last.split_once('-')?;
        let number = number.parse().ok()?;
        (boot.parse() == Ok(self.boot)).then_some(number)
    }

    fn publish<T: Serialize>(&self, inner: &mut Inner, event: &'static str, value: &T) {
        inner.last += 1;
        let message = Arc::new(Message {
            id: Some(inner.last),
            event,
            data: json(value),
        });
        if inner.ring.len() == RING {
            inner.ring.pop_front();
        }
        inner.ring.push_back(Arc::clone(&message));
        // Nobody may be listening.
        let _ = self.stream.send(message);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic in one request must not end the live view: every change is folded whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn lane_index(&self, lane: &str) -> Option<usize> {
        self.lanes.iter().position(|state| state.lane.id == lane)
    }

    fn lane_showing(&self, passage: &PassageId) -> Option<usize> {
        self.lanes.iter().position(|state| {
            state
                .view
                .as_ref()
                .and_then(|view| view.passage.as_ref())
                .is_some_and(|shown| shown.id == *passage)
        })
    }

    /// The lane whose camera the event is about, if its state changed.
    fn device_changed(&mut self, stored: &Stored) -> Option<usize> {
        let event = decode(stored).ok()?;
        event.parts.iter().find_map(|part| match &part.body {
            Body::DeviceState { device, state } => {
                let (state, code) = PartState::of(state);
                self.lanes
                    .iter_mut()
                    .position(|lane| lane.camera(device.as_str(), state, code.clone()))
            }
            _ => None,
        })
    }

    fn lane(&self, index: usize) -> Lane {
        let state = &self.lanes[index];
        let mut lane = state.lane.clone();
        if let Some(view) = &state.view {
            lane.arm = view.arm.map(Into::into);
            lane.under_arm = view.under_arm_occupied;
            lane.emergency = view.emergency;
            lane.locked_down = view.locked_down;
            lane.resting = view.resting;
            lane.open_passages = view.open_passages;
            lane.passage = self.history.shown(view);
        }
        lane
    }

    /// Everything after message `seen`; `None` when some of it is gone or never was.
    fn since(&self, seen: u64) -> Option<Vec<Arc<Message>>> {
        let oldest = self.last - self.ring.len() as u64;
        if seen < oldest || seen > self.last {
            return None;
        }
        Some(
            self.ring
                .iter()
                .skip((seen - oldest) as usize)
                .cloned()
                .collect(),
        )
    }
}

impl LaneState {
    fn new(
        lane: &gateway_core::site::Lane,
        titles: &Titles,
        cameras: &[(Name, Name)],
    ) -> LaneState {
        let cameras = cameras
            .iter()
            .filter(|(_, at)| *at == lane.id)
            .map(|(camera, _)| LaneCamera {
                id: camera.to_string(),
                state: PartState::Starting,
                code: None,
            })
            .collect();
        LaneState {
            lane: Lane {
                id: lane.id.to_string(),
                title: titles
                    .get(lane.id.as_str())
                    .cloned()
                    .unwrap_or_else(|| Text {
                        zh: lane.id.to_string(),
                        en: lane.id.to_string(),
                    }),
                kind: lane.kind.into(),
                direction: lane.direction.into(),
                shadow: lane.shadow,
                attended: lane.attended,
                needs: Need::list(lane.needs),
                arm: None,
                under_arm: None,
                emergency: false,
                locked_down: false,
                cameras,
                open_passages: 0,
                resting: 0,
                passage: None,
            },
            view: None,
        }
    }

    /// Whether that camera is here and its state changed.
    fn camera(&mut self, id: &str, state: PartState, code: Option<String>) -> bool {
        let Some(camera) = self.lane.cameras.iter_mut().find(|camera| camera.id == id) else {
            return false;
        };
        let changed = camera.state != state || camera.code != code;
        camera.state = state;
        camera.code = code;
        changed
    }
}

fn resync(last: u64) -> Message {
    Message {
        id: Some(last),
        event: "resync",
        data: "{}".to_string(),
    }
}

/// The API's own types always have a JSON form.
fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_string())
}
