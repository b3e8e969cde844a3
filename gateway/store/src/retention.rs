//! Retention: which parts have lived as long as their class may, and are erased (V-1). The planner
//! only reads; the writer erases, in one commit with the event that says so.
//!
//! For each class a cursor moves through the journal: everything before it is erased. Ages rise with
//! numbers backwards, so a look at the event under the cursor tells whether anything is due. Alarms
//! are counted from the closing of their alert, and one that is open stays.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gateway_core::event::{Body, Class, Event, EventKind, PartKind};
use gateway_core::moment::Moment;
use gateway_core::name::Name;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::journal::Journal;
use crate::reader::Reader;
use crate::record::{PartState, Stored, decode};
use crate::timeline::{Ages, Timeline};
use crate::writer::{ERASED_AT_ONCE, Erasure};

/// How long what lives, in hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Sightings that joined no passage.
    pub sighting_h: u32,
    pub passage_h: u32,
    /// Exact temperatures; their band lives on.
    pub temperature_h: u32,
    pub band_h: u32,
    /// From the closing of the alert; one that is open stays.
    pub alarm_h: u32,
    pub audit_h: u32,
    /// Pictures.
    pub evidence_h: u32,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            sighting_h: 24,
            passage_h: 90 * 24,
            temperature_h: 24,
            band_h: 90 * 24,
            alarm_h: 180 * 24,
            audit_h: 180 * 24,
            evidence_h: 30 * 24,
        }
    }
}

impl Policy {
    /// Milliseconds.
    pub fn keeps_ms(&self, class: Class) -> u64 {
        let hours = match class {
            Class::Sighting => self.sighting_h,
            Class::Passage => self.passage_h,
            Class::Temperature => self.temperature_h,
            Class::Band => self.band_h,
            Class::Alarm => self.alarm_h,
            Class::Audit => self.audit_h,
        };
        u64::from(hours) * HOUR_MS
    }
}

const HOUR_MS: u64 = 3_600_000;

/// Classes that are counted from their event; alarms are not.
const BY_EVENT: [Class; 5] = [
    Class::Sighting,
    Class::Passage,
    Class::Temperature,
    Class::Band,
    Class::Audit,
];

/// Events that are read at a time.
const STRIDE: usize = 32;

/// What is to be erased next, and what becomes of the progress when it is.
#[derive(Debug)]
pub struct Plan {
    /// Numbers and the positions of their parts.
    pub parts: BTreeMap<u64, Vec<usize>>,
    pub erased: BTreeMap<Class, u64>,
    /// Parts among them that some destination has not confirmed.
    pub undelivered: u64,
    /// Pictures that go with them.
    pub pictures: Vec<String>,
    after: Progress,
}

impl Plan {
    /// The erasure that the writer commits, with the event that records it.
    pub fn erasure<T>(&self, at: Moment, then: T) -> Erasure<T> {
        let counted = |name: &str, count: u64| (Name::new(name), count.to_string());
        let mut values: Vec<_> = self
            .erased
            .iter()
            .map(|(class, count)| counted(class_word(*class), *count))
            .collect();
        values.push(counted("undelivered", self.undelivered));
        values.push(counted("pictures", self.pictures.len() as u64));
        let body = Body::Note {
            code: Name::new("retention_passed"),
            values,
        };
        Erasure {
            parts: self.parts.clone().into_iter().collect(),
            event: Event::new(at, EventKind::Retention).part(PartKind::Detail, Class::Audit, body),
            then,
        }
    }
}

fn class_word(class: Class) -> &'static str {
    match class {
        Class::Sighting => "sighting",
        Class::Passage => "passage",
        Class::Temperature => "temperature",
        Class::Band => "band",
        Class::Alarm => "alarm",
        Class::Audit => "audit",
    }
}

/// How far retention has come; a note in the journal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Progress {
    timeline: Timeline,
    /// Events up to this one are on the timeline, and their alerts are known.
    learned: u64,
    /// Of each class, everything up to this number is erased.
    erased_through: BTreeMap<Class, u64>,
    pictures_through: u64,
    /// Events of each alert whose parts are not erased.
    alerts: BTreeMap<u64, Alarm>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Alarm {
    numbers: Vec<u64>,
    /// Boot and microseconds.
    closed: Option<(u32, u64)>,
}

const NOTE: &str = "retention";

/// Plans what is due; owned by the one task that has it erased.
pub struct Retention {
    journal: Arc<dyn Journal>,
    reader: Reader,
    policy: Policy,
    progress: Progress,
}

impl Retention {
    /// Goes on where it was; a damaged note begins anew, which only takes a reading of the journal.
    pub fn open(journal: Arc<dyn Journal>, policy: Policy) -> Result<Retention, StoreError> {
        let progress = match journal.note(NOTE) {
            Ok(Some(bytes)) => serde_json::from_slice(&bytes).unwrap_or_default(),
            Ok(None) | Err(StoreError::NoteDamaged { .. }) => Progress::default(),
            Err(cause) => return Err(cause),
        };
        Ok(Retention {
            reader: Reader::new(journal.clone()),
            journal,
            policy,
            progress,
        })
    }

    /// The next erasure that is due at `now`, or nothing. Up to and with `delivered` every event is
    /// confirmed by all destinations. Repeat until there is nothing.
    pub fn plan(&mut self, now: &Moment, delivered: u64) -> Result<Option<Plan>, StoreError> {
        self.learn()?;
        self.progress.timeline.see(now);
        let ages = self.progress.timeline.ages(now);
        let mut plan = Plan {
            parts: BTreeMap::new(),
            erased: BTreeMap::new(),
            undelivered: 0,
            pictures: Vec::new(),
            after: self.progress.clone(),
        };
        for class in BY_EVENT {
            self.due_of(class, &ages, delivered, &mut plan)?;
        }
        self.due_alarms(&ages, delivered, &mut plan)?;
        self.due_pictures(&ages, &mut plan)?;
        let nothing = plan.parts.is_empty() && plan.pictures.is_empty();
        if nothing {
            // Only cursors moved.
            self.progress = plan.after;
            return Ok(None);
        }
        Ok(Some(plan))
    }

    /// The plan's erasure is durable and its pictures are gone.
    pub fn done(&mut self, plan: Plan) -> Result<(), StoreError> {
        self.progress = plan.after;
        self.save()
    }

    /// Keeps how far it has come; what is lost of it is only read again.
    pub fn save(&self) -> Result<(), StoreError> {
        let note = serde_json::to_vec(&self.progress).map_err(StoreError::Encode)?;
        self.journal.put_note(NOTE, &note)
    }

    /// Reads what is new in the journal.
    fn learn(&mut self) -> Result<(), StoreError> {
        while self.progress.learned < self.reader.last() {
            let from = self.progress.learned + 1;
            let Some(stretch) = self.readable(from, |_| true)? else {
                self.progress.learned = from;
                continue;
            };
            for stored in stretch {
                self.progress.timeline.see(&stored.header.moment());
                self.learn_alarm(&stored);
                self.progress.learned = stored.number();
            }
        }
        Ok(())
    }

    fn learn_alarm(&mut self, stored: &Stored) {
        let has_alarm = stored
            .parts()
            .any(|(_, class, state)| class == Class::Alarm && *state != PartState::Erased);
        if !has_alarm {
            return;
        }
        let alert = decode(stored).ok().and_then(|event| {
            event.parts.iter().find_map(|part| match &part.body {
                Body::Alert(raised) => Some(raised.alert),
                Body::AlertState { alert, .. } => Some(*alert),
                _ => None,
            })
        });
        // An alarm part without an alert is counted from its own event.
        let at = (stored.header.boot, stored.header.mono_us);
        let alone = alert.is_none();
        let key = alert.unwrap_or(u64::MAX - stored.number());
        let alarm = self.progress.alerts.entry(key).or_default();
        alarm.numbers.push(stored.number());
        if alone || stored.header.kind == EventKind::AlertClosed {
            alarm.closed = Some(at);
        }
    }

    fn due_of(
        &self,
        class: Class,
        ages: &Ages,
        delivered: u64,
        plan: &mut Plan,
    ) -> Result<(), StoreError> {
        let keeps = self.policy.keeps_ms(class);
        let mut through = plan.after.erased_through.get(&class).copied().unwrap_or(0);
        let is_due =
            |stored: &Stored| ages.at_least_ms(stored.header.boot, stored.header.mono_us) >= keeps;
        'due: while through < self.progress.learned && plan.parts.len() < ERASED_AT_ONCE {
            let Some(stretch) = self.readable(through + 1, is_due)? else {
                through += 1;
                continue;
            };
            for stored in stretch {
                if !is_due(&stored) || plan.parts.len() >= ERASED_AT_ONCE {
                    break 'due;
                }
                plan.take(&stored, class, delivered);
                through = stored.number();
            }
        }
        plan.after.erased_through.insert(class, through);
        Ok(())
    }

    fn due_alarms(&self, ages: &Ages, delivered: u64, plan: &mut Plan) -> Result<(), StoreError> {
        let keeps = self.policy.keeps_ms(Class::Alarm);
        for (alert, alarm) in &self.progress.alerts {
            let is_due = alarm
                .closed
                .is_some_and(|(boot, mono_us)| ages.at_least_ms(boot, mono_us) >= keeps);
            if !is_due || plan.parts.len() >= ERASED_AT_ONCE {
                continue;
            }
            for number in &alarm.numbers {
                if let Ok(Some(stored)) = self.reader.get(*number) {
                    plan.take(&stored, Class::Alarm, delivered);
                }
            }
            plan.after.alerts.remove(alert);
        }
        Ok(())
    }

    fn due_pictures(&self, ages: &Ages, plan: &mut Plan) -> Result<(), StoreError> {
        let keeps = u64::from(self.policy.evidence_h) * HOUR_MS;
        let mut through = plan.after.pictures_through;
        let is_due =
            |stored: &Stored| ages.at_least_ms(stored.header.boot, stored.header.mono_us) >= keeps;
        'due: while through < self.progress.learned && plan.pictures.len() < ERASED_AT_ONCE {
            let Some(stretch) = self.readable(through + 1, is_due)? else {
                through += 1;
                continue;
            };
            for stored in stretch {
                if !is_due(&stored) || plan.pictures.len() >= ERASED_AT_ONCE {
                    break 'due;
                }
                plan.pictures.extend(stored.evidence());
                through = stored.number();
            }
        }
        plan.after.pictures_through = through;
        Ok(())
    }

    /// The next events, or only the first of them when it is not due; `None` when it is damaged.
    fn readable(
        &self,
        from: u64,
        is_due: impl Fn(&Stored) -> bool,
    ) -> Result<Option<Vec<Arc<Stored>>>, StoreError> {
        let read = match self.reader.get(from) {
            Ok(Some(first)) if !is_due(&first) => Ok(vec![first]),
            _ => self.reader.range(from, STRIDE),
        };
        match read {
            Ok(stretch) => Ok((!stretch.is_empty()).then_some(stretch)),
            Err(
                StoreError::Damaged { .. }
                | StoreError::UnknownSchema { .. }
                | StoreError::Database { .. }
                | StoreError::DatabasePanicked { .. },
            ) => Ok(None),
            Err(cause) => Err(cause),
        }
    }
}

impl Plan {
    /// Takes the parts of that class which are there, and the pictures that only they name.
    fn take(&mut self, stored: &Stored, class: Class, delivered: u64) {
        let due: Vec<usize> = stored
            .parts()
            .enumerate()
            .filter(|(_, (_, of, state))| *of == class && **state != PartState::Erased)
            .map(|(position, _)| position)
            .collect();
        if due.is_empty() {
            return;
        }
        if class == Class::Sighting {
            self.pictures.extend(stored.evidence());
        }
        let count = due.len() as u64;
        *self.erased.entry(class).or_default() += count;
        if stored.number() > delivered {
            self.undelivered += count;
        }
        let positions = self.parts.entry(stored.number()).or_default();
        positions.extend(due);
        let sorted: BTreeSet<usize> = positions.drain(..).collect();
        positions.extend(sorted);
    }
}
