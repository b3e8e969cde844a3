//! Delivery as a machine without I/O: what to send, when to send it again, when to connect (P-10).
//!
//! Modes: *offline* (waits to connect) → *draining* (a backlog goes beside the live events) →
//! *live* (nothing but live events) ⇄ *throttled* (receipts stay away: sent again, more slowly).
//! The backlog is never held here: numbers are found by cursor between what is confirmed and what
//! is in flight, so memory is flat however long upstream was away.

use std::collections::BTreeMap;

use gateway_core::moment::Mono;

use crate::outbox::Outbox;
use crate::ranges::Ranges;

/// Events sent and not yet confirmed.
pub const WINDOW: usize = 512;

/// Of the window, what live events leave to the backlog.
const BACKLOG_SHARE: usize = WINDOW / 4;

/// Without a receipt for so long an event is sent again; doubles to the second while none comes.
const PATIENCE_MS: u64 = 10_000;
const PATIENCE_MAX_MS: u64 = 60_000;

/// Between attempts to connect: at random from the first to twice as long each time, up to the
/// second.
const CONNECT_MS: u64 = 1_000;
const CONNECT_MAX_MS: u64 = 60_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Offline,
    Draining,
    Live,
    Throttled,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The broker answered. Without its session it has forgotten what was in flight.
    Connected { session_present: bool },
    /// The connection was lost, or an attempt failed; `random` spreads the next attempt.
    Disconnected { random: u64 },
    /// The journal is durable through this number.
    Appended { through: u64 },
    /// The outbox accepted and kept a receipt for these.
    Confirmed { from: u64, to: u64 },
    /// So many more events can be handed to the client now.
    Room { free: usize },
    /// The record cannot be read: it is left out until the next start.
    Unreadable { number: u64 },
    /// `next_deadline` has come.
    Tick,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Try to connect now; answered by `Connected` or `Disconnected`.
    Connect,
    /// Publish these, in this order; they count as in flight.
    Send { numbers: Vec<u64> },
}

pub struct Deliverer {
    link: Link,
    /// Everything up to and with this number is durable.
    last: u64,
    confirmed: Ranges,
    unreadable: Ranges,
    /// Since the start of the process; what a receipt may confirm.
    sent: Ranges,
    /// Sent and not confirmed, with the time; at most `WINDOW`.
    in_flight: BTreeMap<u64, Mono>,
    /// Numbers after this one are live, those before it are the backlog.
    live_after: u64,
    room: usize,
    patience_ms: u64,
    /// A receipt came since patience last ran out.
    heard: bool,
    failures: u32,
}

enum Link {
    /// Nothing was asked yet, or it is time at this moment.
    Down {
        connect_at: Mono,
    },
    Connecting,
    Up,
}

impl Deliverer {
    /// `last` is the journal's last durable number.
    pub fn new(outbox: &Outbox, last: u64) -> Deliverer {
        Deliverer {
            link: Link::Down {
                connect_at: Mono(0),
            },
            last,
            confirmed: outbox.confirmed().clone(),
            unreadable: Ranges::new(),
            sent: Ranges::new(),
            in_flight: BTreeMap::new(),
            live_after: last,
            room: 0,
            patience_ms: PATIENCE_MS,
            heard: true,
            failures: 0,
        }
    }

    pub fn apply(&mut self, now: Mono, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Connected { session_present } => self.connected(now, session_present),
            Input::Disconnected { random } => self.disconnected(now, random),
            Input::Appended { through } => self.last = self.last.max(through),
            Input::Confirmed { from, to } => self.confirmed(from, to),
            Input::Room { free } => self.room = free,
            Input::Unreadable { number } => {
                self.unreadable.insert(number, number);
                self.in_flight.remove(&number);
            }
            Input::Tick => {}
        }
        self.connect_in_time(now, out);
        self.give_up_waiting(now);
        self.send(now, out);
    }

    /// When the next `Tick` is due; `None` while only an input can change anything.
    pub fn next_deadline(&self) -> Option<Mono> {
        match self.link {
            Link::Down { connect_at } => Some(connect_at),
            Link::Connecting => None,
            Link::Up => self
                .in_flight
                .values()
                .min()
                .map(|sent| sent.plus_ms(self.patience_ms)),
        }
    }

    pub fn mode(&self) -> Mode {
        match self.link {
            Link::Down { .. } | Link::Connecting => Mode::Offline,
            Link::Up if !self.heard => Mode::Throttled,
            Link::Up if self.backlog_left() => Mode::Draining,
            Link::Up => Mode::Live,
        }
    }

    /// What a receipt may confirm: `Outbox::confirm` asks for it.
    pub fn sent(&self) -> &Ranges {
        &self.sent
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Durable events that are not confirmed.
    pub fn waiting(&self) -> u64 {
        self.last.saturating_sub(self.confirmed.count())
    }

    fn connected(&mut self, now: Mono, session_present: bool) {
        if session_present {
            // The broker goes on with what it has; patience begins anew.
            self.in_flight.values_mut().for_each(|sent| *sent = now);
        } else {
            self.in_flight.clear();
        }
        self.live_after = self.last;
        self.patience_ms = PATIENCE_MS;
        self.heard = true;
        self.link = Link::Up;
    }

    fn disconnected(&mut self, now: Mono, random: u64) {
        let limit = CONNECT_MS
            .saturating_mul(2u64.saturating_pow(self.failures))
            .min(CONNECT_MAX_MS);
        let wait = CONNECT_MS + random % (limit - CONNECT_MS + 1);
        self.failures = self.failures.saturating_add(1);
        self.room = 0;
        self.link = Link::Down {
            connect_at: now.plus_ms(wait),
        };
    }

    fn confirmed(&mut self, from: u64, to: u64) {
        self.confirmed.insert(from, to.min(self.last));
        self.in_flight
            .retain(|number, _| *number < from || *number > to);
        // Only a receipt proves that the connection is good for something.
        self.failures = 0;
        self.heard = true;
        self.patience_ms = PATIENCE_MS;
    }

    fn connect_in_time(&mut self, now: Mono, out: &mut Vec<Output>) {
        if let Link::Down { connect_at } = self.link
            && now >= connect_at
        {
            self.link = Link::Connecting;
            out.push(Output::Connect);
        }
    }

    /// What waited longer than patience counts as lost and is sent again.
    fn give_up_waiting(&mut self, now: Mono) {
        if !matches!(self.link, Link::Up) {
            return;
        }
        let patience_us = self.patience_ms * 1_000;
        let before = self.in_flight.len();
        self.in_flight
            .retain(|_, sent| now.since(*sent) < patience_us);
        if self.in_flight.len() == before {
            return;
        }
        // Nothing at all was heard since the last time: the other side is slow or dead.
        if !self.heard {
            self.patience_ms = (self.patience_ms * 2).min(PATIENCE_MAX_MS);
        }
        self.heard = false;
    }

    fn send(&mut self, now: Mono, out: &mut Vec<Output>) {
        if !matches!(self.link, Link::Up) {
            return;
        }
        let mut numbers = Vec::new();
        let reserved = match self.backlog_left() {
            true => BACKLOG_SHARE,
            false => 0,
        };
        let live_in_flight = self.in_flight.range(self.live_after + 1..).count();
        let live_room = (WINDOW - reserved).saturating_sub(live_in_flight);
        self.take(self.live_after + 1, self.last, live_room, now, &mut numbers);
        let from = self.confirmed.through() + 1;
        self.take(from, self.live_after, WINDOW, now, &mut numbers);
        if !numbers.is_empty() {
            out.push(Output::Send { numbers });
        }
    }

    /// Takes up to `limit` unconfirmed numbers of `from..=to` that are not in flight.
    fn take(&mut self, from: u64, to: u64, limit: usize, now: Mono, numbers: &mut Vec<u64>) {
        let mut left = limit
            .min(self.room)
            .min(WINDOW.saturating_sub(self.in_flight.len()));
        let mut number = from;
        while left > 0 {
            number = self.next_candidate(number);
            if number > to {
                return;
            }
            self.in_flight.insert(number, now);
            self.sent.insert(number, number);
            numbers.push(number);
            self.room -= 1;
            left -= 1;
            number += 1;
        }
    }

    fn next_candidate(&self, from: u64) -> u64 {
        let mut number = self.next_open(from);
        while self.in_flight.contains_key(&number) {
            number = self.next_open(number + 1);
        }
        number
    }

    /// The first number from `from` on that is neither confirmed nor unreadable.
    fn next_open(&self, from: u64) -> u64 {
        let mut number = from;
        loop {
            let next = self.confirmed.next_absent(number);
            number = self.unreadable.next_absent(next);
            if number == next {
                return number;
            }
        }
    }

    fn backlog_left(&self) -> bool {
        self.next_open(1) <= self.live_after
    }
}
