//! Lists that change: swapped at once or refused, and recorded either way.

use std::sync::Arc;

use crate::event::{Body, Class, Event, EventKind, PartKind};
use crate::gate::{Gate, Outputs, decide};
use crate::lists::change::Content;
use crate::lists::{Entry, Key, ListChange, ListName, ListRefusal, Lists};
use crate::moment::Moment;
use crate::name::Name;

impl Gate {
    /// The lists as they are now.
    pub fn lists(&self) -> &Arc<Lists> {
        &self.lists
    }

    /// What was entered at the gate before the start, for whoever keeps a copy of the lists.
    pub fn entered(&self) -> &[(ListName, Entry)] {
        &self.memory.local
    }

    pub(super) fn list_change(&mut self, at: Moment, change: &ListChange, out: &mut Outputs) {
        let lists = Arc::make_mut(&mut self.lists);
        let event = Event::new(at, EventKind::ListChanged);
        let event = match lists.apply(change, &mut self.lookalikes) {
            Ok(taken) => self.changed(event, change, taken),
            Err(refusal) => refused(event, change, refusal),
        };
        self.record(event, out);
    }

    fn changed(&self, event: Event, change: &ListChange, taken: Vec<Key>) -> Event {
        let versions = decide::list_versions(&self.lists);
        let version = versions
            .into_iter()
            .find(|version| version.list.as_str() == change.list.word());
        let mut event = event;
        if let Some(version) = version {
            event = event.part(PartKind::Detail, Class::Audit, Body::ListChanged(version));
        }
        let (put, gone): (Vec<Entry>, Vec<Key>) = match &change.content {
            Content::Local { put, remove } => (put.clone(), remove.clone()),
            _ => (Vec::new(), taken),
        };
        if put.is_empty() && gone.is_empty() {
            return event;
        }
        let list = change.list;
        let body = Body::LocalEntries { list, put, gone };
        event.part(PartKind::Identity, Class::Audit, body)
    }

    /// Sets what was entered at the gate before the start.
    pub(super) fn remember_local(&mut self) {
        if !self.memory.local.is_empty() {
            let lists = Arc::make_mut(&mut self.lists);
            lists.with_local(&self.memory.local, &mut self.lookalikes);
        }
    }
}

fn refused(event: Event, change: &ListChange, refusal: ListRefusal) -> Event {
    let body = Body::Note {
        code: Name::new("list_refused"),
        values: vec![
            (Name::new("list"), change.list.word().to_owned()),
            (Name::new("cause"), refusal.code().to_owned()),
        ],
    };
    event.part(PartKind::Detail, Class::Audit, body)
}
