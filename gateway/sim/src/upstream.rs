//! The way upstream and the platform at its end: connections break, messages and receipts are lost,
//! and sometimes the platform lies. What it stores it checks with code of its own.

use std::collections::BTreeMap;

use gateway_core::name::Name;
use gateway_store::Stored;
use gateway_store::header::{Hash, JournalId};
use gateway_store::outbox::{Receipt, ReceiptRange};
use gateway_store::ranges::Ranges;

use crate::process::destination;

/// How a platform lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Confirms numbers that are not there yet.
    Unknown,
    /// Confirms what was appended and never sent.
    Early,
    OtherHash,
    OtherJournal,
    OtherDestination,
    Malformed,
    /// Confirms everything again and again.
    Repeats,
}

impl Lie {
    pub const ALL: [Lie; 7] = [
        Lie::Unknown,
        Lie::Early,
        Lie::OtherHash,
        Lie::OtherJournal,
        Lie::OtherDestination,
        Lie::Malformed,
        Lie::Repeats,
    ];
}

/// The state of the connection.
#[derive(Clone, Debug, Default)]
pub struct Link {
    pub up: bool,
    /// Counts connections: what was on its way in an earlier one may be lost.
    pub connection: u64,
    pub away: bool,
    pub receipts_lost: bool,
    pub lie: Option<Lie>,
}

/// What the platform holds.
#[derive(Clone, Debug, Default)]
pub struct Platform {
    /// Hash and previous hash by number.
    stored: BTreeMap<u64, (Hash, Hash)>,
    pub numbers: Ranges,
    pub received: u64,
}

impl Platform {
    /// Takes an event in; says what is wrong with it, if something is.
    pub fn store(&mut self, event: &Stored) -> Result<(), String> {
        self.received += 1;
        let number = event.number();
        let new = (event.hash, event.header.prev);
        match self.stored.insert(number, new) {
            Some(known) if known != new => {
                return Err(format!("event {number} came twice and differs"));
            }
            _ => {}
        }
        self.numbers.insert(number, number);
        let before = number.checked_sub(1).and_then(|n| self.stored.get(&n));
        if before.is_some_and(|(hash, _)| *hash != event.header.prev) {
            return Err(format!("event {number} does not follow {}", number - 1));
        }
        let after = self.stored.get(&(number + 1));
        if after.is_some_and(|(_, prev)| *prev != event.hash) {
            return Err(format!("event {} does not follow {number}", number + 1));
        }
        Ok(())
    }

    pub fn hash(&self, number: u64) -> Option<Hash> {
        self.stored.get(&number).map(|(hash, _)| *hash)
    }

    /// The receipt for these numbers, as an honest platform writes it.
    pub fn receipt(&self, journal: JournalId, numbers: &[u64]) -> Receipt {
        let mut ranges: Vec<ReceiptRange> = Vec::new();
        for number in numbers {
            let Some(hash) = self.hash(*number) else {
                continue;
            };
            match ranges.last_mut() {
                Some(last) if last.to + 1 == *number => {
                    last.to = *number;
                    last.hash = hash;
                }
                _ => ranges.push(ReceiptRange {
                    from: *number,
                    to: *number,
                    hash,
                }),
            }
        }
        Receipt {
            journal,
            destination: destination(),
            ranges,
        }
    }

    /// A receipt that must confirm nothing. `ahead` is a number appended and not sent, with its
    /// true hash.
    pub fn lie(
        &self,
        lie: Lie,
        journal: JournalId,
        last: u64,
        ahead: Option<(u64, Hash)>,
    ) -> Option<Receipt> {
        let through = self.numbers.through();
        let range = |from, to, hash| ReceiptRange { from, to, hash };
        let mut receipt = Receipt {
            journal,
            destination: destination(),
            ranges: Vec::new(),
        };
        let known = self.hash(through).unwrap_or(Hash::ZERO);
        match lie {
            Lie::Unknown => receipt.ranges.push(range(1, last + 50, known)),
            Lie::Early => {
                let (number, hash) = ahead?;
                receipt.ranges.push(range(number, number, hash));
            }
            Lie::OtherHash => {
                let to = last.max(1);
                receipt.ranges.push(range(1, to, Hash([9; 32])));
            }
            Lie::OtherJournal => {
                receipt.journal = JournalId([9; 16]);
                receipt.ranges.push(range(1, last.max(1), known));
            }
            Lie::OtherDestination => {
                receipt.destination = Name::new("village");
                receipt.ranges.push(range(1, last.max(1), known));
            }
            Lie::Malformed => {
                receipt.ranges.push(range(0, last, known));
                receipt.ranges.push(range(last + 1, 1, known));
            }
            Lie::Repeats if through > 0 => receipt.ranges.push(range(1, through, known)),
            Lie::Repeats => return None,
        }
        Some(receipt)
    }
}
