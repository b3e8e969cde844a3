//! What may be believed to happen now (D-5).
//!
//! The broker keeps messages while we are away, the network and a stall of our own keep them too.
//! So a connection sends itself a marker every `BEAT`, through the broker and back. Messages keep
//! their order: whatever is read after a marker came to the broker after that marker was sent. A
//! message is live only while the last marker that came back was sent within `LEASE`.

use std::time::Duration;

use gateway_core::moment::Mono;
use gateway_core::reading::Freshness;

/// Between two markers.
pub const BEAT: Duration = Duration::from_millis(250);

/// The greatest age of a live message.
const LEASE_MS: u64 = 1_500;

/// Without a marker for so long the connection is no good: it is made anew.
const OVERDUE_MS: u64 = 5_000;

/// The markers of one connection.
pub struct Lease {
    /// Tells this connection's markers from an earlier one's.
    nonce: [u8; 8],
    /// A clean session's broker kept nothing, and an emergency that comes late is still one.
    always: bool,
    begun: Option<Mono>,
    /// When the newest marker that came back was sent.
    proven: Option<Mono>,
}

impl Lease {
    pub fn new(always: bool) -> Lease {
        Lease {
            nonce: rand::random(),
            always,
            begun: None,
            proven: None,
        }
    }

    /// The marker to send now.
    pub fn next(&mut self, now: Mono) -> Vec<u8> {
        self.begun.get_or_insert(now);
        let mut marker = self.nonce.to_vec();
        marker.extend(now.0.to_le_bytes());
        marker
    }

    /// Takes a marker that came back; another connection's says nothing.
    pub fn came_back(&mut self, marker: &[u8]) {
        let Some((nonce, sent)) = marker.split_first_chunk::<8>() else {
            return;
        };
        if *nonce == self.nonce
            && let Ok(sent) = sent.try_into()
        {
            self.proven = self.proven.max(Some(Mono(u64::from_le_bytes(sent))));
        }
    }

    pub fn freshness(&self, now: Mono, retain: bool, dup: bool) -> Freshness {
        let is_proven = self
            .proven
            .is_some_and(|sent| now.since(sent) <= LEASE_MS * 1_000);
        if retain {
            Freshness::Retained
        } else if dup || !(is_proven || self.always) {
            Freshness::Redelivered
        } else {
            Freshness::Live
        }
    }

    pub fn is_overdue(&self, now: Mono) -> bool {
        self.proven
            .or(self.begun)
            .is_some_and(|last| now.since(last) > OVERDUE_MS * 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono::from_ms(ms)
    }

    #[test]
    fn d05_a_message_is_live_only_behind_a_young_marker_of_its_own_connection() {
        let mut lease = Lease::new(false);
        let marker = lease.next(at(1_000));
        let fresh = |lease: &Lease, ms| lease.freshness(at(ms), false, false);
        assert_eq!(fresh(&lease, 1_001), Freshness::Redelivered);
        lease.came_back(&Lease::new(false).next(at(1_000)));
        lease.came_back(b"short");
        assert_eq!(fresh(&lease, 1_002), Freshness::Redelivered);
        lease.came_back(&marker);
        assert_eq!(fresh(&lease, 1_003), Freshness::Live);
        assert_eq!(fresh(&lease, 2_500), Freshness::Live);
        assert_eq!(fresh(&lease, 2_501), Freshness::Redelivered);
        assert_eq!(lease.freshness(at(1_003), true, false), Freshness::Retained);
        assert_eq!(
            lease.freshness(at(1_003), false, true),
            Freshness::Redelivered
        );
    }

    #[test]
    fn a_connection_whose_markers_stay_away_is_overdue() {
        let mut lease = Lease::new(false);
        assert!(!lease.is_overdue(at(60_000)));
        let marker = lease.next(at(60_000));
        assert!(!lease.is_overdue(at(65_000)));
        assert!(lease.is_overdue(at(65_001)));
        lease.came_back(&marker);
        assert!(!lease.is_overdue(at(65_000)));
    }
}
