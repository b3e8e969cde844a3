//! Numbers, salts and chains events: the step between what happened and what is stored. Pure but
//! for the random numbers that are passed in, so that the simulator seals as the writer does.

use std::sync::Arc;

use gateway_core::event::Event;
use gateway_core::name::Name;
use rand::RngCore;

use crate::error::StoreError;
use crate::header::{Committed, Hash, Header, JournalId, SCHEMA, Salt, commitment};
use crate::record::{PartState, Stored};

/// Which gateway writes, where it stands, and into which journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub gateway: Name,
    /// The grid code.
    pub grid: Name,
    pub journal: JournalId,
}

/// The end of a journal's chain: what the next header continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// 0 while the journal is empty.
    pub number: u64,
    pub hash: Hash,
}

impl End {
    pub const EMPTY: End = End {
        number: 0,
        hash: Hash::ZERO,
    };
}

pub struct Sealer {
    origin: Origin,
    end: End,
    salts: Box<dyn RngCore + Send>,
}

impl Sealer {
    /// `salts` must be unpredictable in the product; a simulator passes a seeded one.
    pub fn new(origin: Origin, end: End, salts: Box<dyn RngCore + Send>) -> Sealer {
        Sealer { origin, end, salts }
    }

    pub fn end(&self) -> End {
        self.end
    }

    pub fn seal(&mut self, event: &Event) -> Result<Stored, StoreError> {
        if event.parts.len() > u8::MAX as usize {
            return Err(StoreError::TooManyParts {
                parts: event.parts.len(),
            });
        }
        let mut committed = Vec::with_capacity(event.parts.len());
        let mut parts = Vec::with_capacity(event.parts.len());
        for part in &event.parts {
            let mut salt: Salt = [0; 16];
            self.salts.fill_bytes(&mut salt);
            let body = serde_json::to_string(&part.body).map_err(StoreError::Encode)?;
            committed.push(Committed {
                kind: part.kind,
                class: part.class,
                commitment: commitment(&salt, body.as_bytes()),
            });
            parts.push(PartState::Present {
                salt,
                body: Arc::from(body),
            });
        }
        self.chain(event, committed, parts)
    }

    /// Takes an event over from another journal: a new number, new salts, a new chain; what was
    /// recorded stays, and what was erased stays erased.
    pub fn reseal(&mut self, stored: &Stored) -> Result<Stored, StoreError> {
        let mut committed = stored.header.parts.clone();
        let mut parts = Vec::with_capacity(committed.len());
        for (promised, part) in committed.iter_mut().zip(&stored.parts) {
            parts.push(match part {
                PartState::Present { body, .. } => {
                    let mut salt: Salt = [0; 16];
                    self.salts.fill_bytes(&mut salt);
                    promised.commitment = commitment(&salt, body.as_bytes());
                    PartState::Present {
                        salt,
                        body: body.clone(),
                    }
                }
                PartState::Erased => PartState::Erased,
            });
        }
        let mut event = Event::new(stored.header.moment(), stored.header.kind);
        event.lane.clone_from(&stored.header.lane);
        event.passage.clone_from(&stored.header.passage);
        self.chain(&event, committed, parts)
    }

    fn chain(
        &mut self,
        event: &Event,
        committed: Vec<Committed>,
        parts: Vec<PartState>,
    ) -> Result<Stored, StoreError> {
        let header = Header {
            schema: SCHEMA,
            gateway: self.origin.gateway.clone(),
            grid: self.origin.grid.clone(),
            journal: self.origin.journal,
            number: self.end.number + 1,
            boot: event.at.boot,
            mono_us: event.at.mono.0,
            wall_ms: event.at.wall_ms,
            offset_min: event.at.offset_min,
            clock: event.at.trust,
            kind: event.kind,
            lane: event.lane.clone(),
            passage: event.passage.clone(),
            prev: self.end.hash,
            parts: committed,
        };
        let text = serde_json::to_string(&header).map_err(StoreError::Encode)?;
        let hash = Hash::of(text.as_bytes());
        self.end = End {
            number: header.number,
            hash,
        };
        Ok(Stored {
            header,
            header_text: Arc::from(text),
            hash,
            parts,
        })
    }
}
