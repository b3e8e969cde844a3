//! The deliverer's other end: connections that come and go, events on the wire, receipts.

use gateway_store::deliver::{Input, Output};
use gateway_store::journal::Journal;
use gateway_store::outbox::Receipt;
use rand::Rng;

use super::{Happening, World};
use crate::plant::Plant;

/// Events that the client takes at once.
const ROOM: usize = 256;
/// The platform answers what came within this time with one receipt.
const ANSWERS_MS: u64 = 250;

#[derive(Clone, Copy, Debug)]
pub enum Step {
    Answers(u64),
    Refuses(u64),
    /// The connection of this number breaks.
    Breaks(u64),
}

impl World {
    pub(super) fn deliver(&mut self, input: Input) {
        let now = self.now;
        let Some(process) = &mut self.process else {
            return;
        };
        let outputs = process.deliver(now, input);
        for output in outputs {
            match output {
                Output::Connect => {
                    self.link.connection += 1;
                    let connection = self.link.connection;
                    let (after, step) = if self.link.away {
                        (300, Step::Refuses(connection))
                    } else {
                        (80, Step::Answers(connection))
                    };
                    self.after(after, Happening::Link(step));
                }
                Output::Send { numbers } => self.send(numbers),
            }
        }
    }

    fn send(&mut self, numbers: Vec<u64>) {
        if self.plant(Plant::OutboxDeletesOnSend) {
            self.delete_on_send(&numbers);
        }
        let takes = self.way.gen_range(20..200);
        let connection = self.link.connection;
        self.after(takes, Happening::Wire(connection, numbers));
    }

    /// The planted fault: what was sent counts as stored.
    fn delete_on_send(&mut self, numbers: &[u64]) {
        let reader = self.reader();
        let ranges = numbers.iter().filter_map(|number| {
            let stored = reader.get(*number).ok()??;
            Some(gateway_store::outbox::ReceiptRange {
                from: *number,
                to: *number,
                hash: stored.hash,
            })
        });
        let receipt = Receipt {
            journal: self.ground.journal.id(),
            destination: crate::process::destination(),
            ranges: ranges.collect(),
        };
        self.confirm(&receipt);
    }

    pub(super) fn link(&mut self, step: Step) {
        match step {
            Step::Answers(connection) if connection == self.link.connection => {
                if self.link.away {
                    return self.disconnected();
                }
                self.link.up = true;
                let session_present = self.way.gen_bool(0.5);
                self.deliver(Input::Connected { session_present });
                self.deliver(Input::Room { free: ROOM });
            }
            Step::Refuses(connection) if connection == self.link.connection => {
                self.disconnected();
            }
            Step::Breaks(connection) if connection == self.link.connection && self.link.up => {
                self.break_link();
            }
            _ => {}
        }
    }

    pub(super) fn break_link(&mut self) {
        if self.link.up {
            self.disconnected();
        }
    }

    fn disconnected(&mut self) {
        self.link.up = false;
        self.link.connection += 1;
        let random = self.way.r#gen();
        self.deliver(Input::Disconnected { random });
    }

    /// Events arrive at the platform, unless their connection is gone: then half of them are lost.
    pub(super) fn wire(&mut self, connection: u64, numbers: &[u64]) {
        let same = connection == self.link.connection;
        if !same && (self.link.away || self.way.gen_bool(0.5)) {
            return;
        }
        let reader = self.reader();
        for number in numbers {
            match reader.get(*number) {
                Ok(Some(stored)) => {
                    if let Err(wrong) = self.platform.store(&stored) {
                        self.oracle.broken("P-10", wrong);
                    }
                }
                // Sent before it was there, and lost with a crash.
                Ok(None) => self
                    .oracle
                    .broken("P-01", format!("event {number} was sent and is not there")),
                Err(error) => return self.fail(error),
            }
        }
        if self.unanswered.is_empty() {
            let connection = self.link.connection;
            let receipt = self.platform.receipt(self.ground.journal.id(), &[]);
            self.after(ANSWERS_MS, Happening::Receipt(connection, receipt));
        }
        self.unanswered.extend(numbers);
        if same {
            self.deliver(Input::Room { free: ROOM });
        }
    }

    /// The platform answers everything that has come by now.
    pub(super) fn receipt(&mut self, connection: u64, receipt: &Receipt) {
        let mut numbers = std::mem::take(&mut self.unanswered);
        numbers.sort_unstable();
        numbers.dedup();
        let honest = self.platform.receipt(receipt.journal, &numbers);
        if !self.link.up || connection != self.link.connection {
            return;
        }
        let lost = self.link.receipts_lost || self.way.gen_bool(0.03);
        if let Some(lie) = self.link.lie {
            let reader = self.reader();
            let sent = self.process.as_ref().map(|p| p.deliverer.sent());
            let next = sent.map_or(1, |sent| sent.next_absent(1));
            let ahead = reader.get(next).ok().flatten().map(|s| (next, s.hash));
            let last = self.last();
            if let Some(lied) = self.platform.lie(lie, receipt.journal, last, ahead) {
                self.confirm(&lied);
            }
        }
        if !lost {
            self.confirm(&honest);
        }
    }

    fn confirm(&mut self, receipt: &Receipt) {
        let Some(process) = &mut self.process else {
            return;
        };
        let confirmed = match process.outbox.confirm(receipt, process.deliverer.sent()) {
            Ok(confirmed) => confirmed,
            Err(error) => return self.fail(error),
        };
        for (from, to) in confirmed.accepted {
            if !self.platform.numbers.covers(from, to) {
                self.oracle.broken(
                    "P-12",
                    format!("events {from} to {to} left the outbox and the platform has them not"),
                );
            }
            self.deliver(Input::Confirmed { from, to });
        }
    }
}
