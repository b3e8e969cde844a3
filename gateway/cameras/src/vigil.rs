//! When a camera sleeps and when it wakes: pure values, told of each encoded picture and of what was seen.
//!
//! A camera that sleeps looks at a key frame about once a second and listens to the sizes of the pictures
//! between. Nothing is lost by a late waking, for what came since the last look is kept; it costs time only.

use crate::health::{Cause, Decoding};
use crate::sizes::{Said, Sizes};
use crate::unit::Entry;

/// What to do with the encoded picture that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Keep it.
    Keep,
    /// Keep it, and decode this key frame alone to see whether something moves.
    Look,
    /// Keep it, decode everything that is kept, and go on so.
    Wake,
    /// Decode it.
    Decode,
    /// Nothing can be decoded yet.
    Skip,
}

/// One encoded picture, as far as it matters here.
#[derive(Debug, Clone, Copy)]
pub struct Came {
    /// When, microseconds.
    pub at_us: u64,
    /// How it depends on others.
    pub entry: Entry,
    /// Its size.
    pub bytes: usize,
    /// It fits beside what is kept.
    pub fits: bool,
    /// Something is kept, so that a sleeping camera can wake.
    pub keeps: bool,
    /// Somebody holds the camera's attention.
    pub held: bool,
}

/// Key frames further apart than this are too rare to rely on: under a constant rate the sizes may hide
/// what passes between two of them, and a vehicle is in sight for no longer.
const APART_US: u64 = 3_200_000;
/// Key frames are looked at no more often than this.
const LOOK_US: u64 = 850_000;
/// A camera sleeps when nothing has moved for so long …
const REST_US: u64 = 3_000_000;
/// … and when nothing moved since it woke, sooner.
const NOTHING_US: u64 = 700_000;
/// After the first picture it is awake for so long: whoever stands there is read.
const FIRST_US: u64 = 4_000_000;
/// Waking for nothing makes deaf to sizes for so long, doubled each time …
const DEAF_US: u64 = 1_000_000;
/// … so many times.
const DOUBLED: u32 = 4;
/// After so long without waking for nothing all of that is forgotten.
const FORGIVEN_US: u64 = 60_000_000;
/// Pictures before movement was seen whose sizes already belonged to it.
const BELONGED: usize = 16;

/// One connection's watchfulness.
#[derive(Debug)]
pub struct Vigil {
    awake: bool,
    begun: bool,
    /// Every picture is whole by itself.
    all_keys: bool,
    full: Option<Cause>,
    sizes: Sizes,
    first_us: Option<u64>,
    last_key_us: Option<u64>,
    woke_us: u64,
    looked_us: u64,
    /// When something last moved, since waking.
    moved_us: Option<u64>,
    suspicious_until_us: u64,
    for_nothing: u32,
    deaf_until_us: u64,
    /// Key frames in a row that came in time, while everything is decoded.
    in_time: u32,
}

impl Vigil {
    /// A stream of which nothing is known; `all_keys` when every picture is whole by itself.
    pub fn new(all_keys: bool) -> Vigil {
        Vigil {
            awake: true,
            begun: false,
            all_keys,
            full: None,
            sizes: Sizes::default(),
            first_us: None,
            last_key_us: None,
            woke_us: 0,
            looked_us: 0,
            moved_us: None,
            suspicious_until_us: 0,
            for_nothing: 0,
            deaf_until_us: 0,
            in_time: 0,
        }
    }

    /// How the stream is decoded.
    pub fn decoding(&self) -> Decoding {
        self.full.map_or(Decoding::Sparing, Decoding::Full)
    }

    /// Every picture is being decoded.
    pub fn is_awake(&self) -> bool {
        self.awake
    }

    /// An encoded picture came.
    pub fn came(&mut self, came: Came) -> Step {
        let first_us = *self.first_us.get_or_insert(came.at_us);
        let said = self.listen(&came);
        self.judge_stream(&came);
        if !self.begun && !self.begins(&came, first_us) {
            return Step::Skip;
        }
        if self.awake {
            if !self.may_sleep(&came, first_us) {
                return Step::Decode;
            }
            self.sleep(came.at_us);
        }
        let must = !came.fits || came.held || self.full.is_some();
        if must || self.hears(said, came.at_us) {
            tracing::debug!(must, ?said, bytes = came.bytes, "a camera wakes");
            self.wake(came.at_us);
            return Step::Wake;
        }
        if came.entry == Entry::Key && came.at_us.saturating_sub(self.looked_us) >= LOOK_US {
            self.looked_us = came.at_us;
            return Step::Look;
        }
        Step::Keep
    }

    /// A picture was decoded: whether something moves in it, and whether it may be of no use, which a
    /// camera that is awake finds out sooner.
    pub fn saw(&mut self, at_us: u64, moving: bool, suspicious: bool) {
        if suspicious {
            self.suspicious_until_us = at_us.saturating_add(NOTHING_US * 2);
        }
        if moving {
            if self.moved_us.is_none() {
                self.sizes.forget_last(BELONGED);
            }
            self.moved_us = Some(at_us.max(self.moved_us.unwrap_or(0)));
            self.for_nothing = 0;
        }
    }

    /// A look showed something: every picture is decoded from now on.
    pub fn wake(&mut self, at_us: u64) {
        self.awake = true;
        self.woke_us = at_us;
        self.moved_us = None;
    }

    /// The decoder failed: nothing is decoded before the next beginning.
    pub fn begin_anew(&mut self, at_us: u64) {
        self.begun = false;
        self.first_us = Some(at_us);
        self.wake(at_us);
    }

    /// Learns the sizes of what does not move, and says what this one says.
    fn listen(&mut self, came: &Came) -> Said {
        if came.entry == Entry::Key && !self.all_keys {
            self.sizes.key();
            return Said::Usual;
        }
        if self.awake && self.moves(came.at_us) {
            return Said::Usual;
        }
        self.sizes.update(came.bytes)
    }

    fn moves(&self, at_us: u64) -> bool {
        self.moved_us
            .is_some_and(|moved_us| at_us.saturating_sub(moved_us) < REST_US / 3)
    }

    /// Whether the stream lets the camera sleep.
    fn judge_stream(&mut self, came: &Came) {
        if came.entry != Entry::Key {
            let late = came
                .at_us
                .saturating_sub(self.last_key_us.or(self.first_us).unwrap_or(came.at_us))
                > APART_US;
            if self.begun && self.full.is_none() && (late || (came.keeps && !came.fits)) {
                self.full = Some(Cause::RareKeyFrames);
                self.in_time = 0;
            }
            return;
        }
        let in_time = self
            .last_key_us
            .is_some_and(|last_us| came.at_us.saturating_sub(last_us) <= APART_US)
            && came.fits;
        self.in_time = if in_time { self.in_time + 1 } else { 0 };
        if self.in_time >= 2 {
            self.full = None;
        }
        self.last_key_us = Some(came.at_us);
    }

    /// Whether decoding begins with this picture.
    fn begins(&mut self, came: &Came, first_us: u64) -> bool {
        self.begun = match came.entry {
            Entry::Key => true,
            Entry::Refresh => {
                self.full = Some(Cause::IntraRefresh);
                true
            }
            Entry::Delta => {
                let waited = came.at_us.saturating_sub(first_us) > APART_US;
                if waited {
                    self.full = Some(Cause::RareKeyFrames);
                }
                waited
            }
        };
        self.begun
    }

    fn may_sleep(&self, came: &Came, first_us: u64) -> bool {
        let since = |us: u64| came.at_us.saturating_sub(us);
        let rested = match self.moved_us {
            Some(moved_us) => since(moved_us) >= REST_US,
            None => since(self.woke_us) >= NOTHING_US,
        };
        rested
            && self.full.is_none()
            && !came.held
            && came.keeps
            && came.fits
            && since(first_us) >= FIRST_US
            && came.at_us >= self.suspicious_until_us
    }

    fn sleep(&mut self, at_us: u64) {
        self.awake = false;
        self.looked_us = at_us;
        if self.moved_us.is_none() && self.woke_us > 0 {
            self.deaf_until_us = at_us + (DEAF_US << self.for_nothing.min(DOUBLED));
            self.for_nothing += 1;
        }
    }

    fn hears(&mut self, said: Said, at_us: u64) -> bool {
        if at_us.saturating_sub(self.deaf_until_us) > FORGIVEN_US {
            self.for_nothing = 0;
        }
        said != Said::Usual && at_us >= self.deaf_until_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD_US: u64 = 40_000;

    /// A stream at 25 pictures a second, told to a vigil.
    struct Stream {
        vigil: Vigil,
        number: u64,
        every: u64,
        held: bool,
    }

    impl Stream {
        fn new(every: u64) -> Stream {
            Stream {
                vigil: Vigil::new(false),
                number: 0,
                every,
                held: false,
            }
        }

        fn now_us(&self) -> u64 {
            self.number * PERIOD_US
        }

        /// The next picture of so many bytes, and nothing moves.
        fn next(&mut self, bytes: usize) -> Step {
            let entry = if self.number.is_multiple_of(self.every) {
                Entry::Key
            } else {
                Entry::Delta
            };
            let step = self.vigil.came(Came {
                at_us: self.now_us(),
                entry,
                bytes: bytes + (self.number % 7) as usize * bytes / 40,
                fits: true,
                keeps: true,
                held: self.held,
            });
            self.number += 1;
            step
        }

        fn quiet(&mut self, pictures: usize) -> Vec<Step> {
            (0..pictures).map(|_| self.next(800)).collect()
        }
    }

    fn count(steps: &[Step], of: Step) -> usize {
        steps.iter().filter(|step| **step == of).count()
    }

    #[test]
    fn a_quiet_lane_is_looked_at_once_a_second() {
        let mut stream = Stream::new(25);
        let first = stream.quiet(125);
        assert!(count(&first, Step::Decode) >= 100, "{first:?}");
        let later = stream.quiet(2_500);
        assert_eq!(count(&later, Step::Decode), 0);
        assert_eq!(count(&later, Step::Look), 100);
        assert_eq!(count(&later, Step::Wake), 0);
    }

    #[test]
    fn sizes_that_grow_wake_it_and_it_sleeps_again_when_nothing_moved() {
        let mut stream = Stream::new(75);
        stream.quiet(500);
        let woke = (0..10).any(|_| stream.next(2_000) == Step::Wake);
        assert!(woke && stream.vigil.is_awake());
        stream.quiet(60);
        assert!(!stream.vigil.is_awake());
    }

    #[test]
    fn what_moves_keeps_it_awake_until_three_seconds_after() {
        let mut stream = Stream::new(25);
        stream.quiet(500);
        stream.vigil.wake(stream.now_us());
        for _ in 0..100 {
            assert_eq!(stream.next(3_000), Step::Decode);
            stream.vigil.saw(stream.now_us(), true, false);
        }
        let steps = stream.quiet(110);
        let awake = count(&steps, Step::Decode);
        assert!((70..=80).contains(&awake), "{awake}");
    }

    #[test]
    fn a_held_camera_is_awake() {
        let mut stream = Stream::new(25);
        stream.quiet(500);
        stream.held = true;
        assert_eq!(stream.next(800), Step::Wake);
        assert!(stream.quiet(500).iter().all(|step| *step == Step::Decode));
        stream.held = false;
        assert!(count(&stream.quiet(500), Step::Keep) > 400);
    }

    #[test]
    fn without_key_frames_everything_is_decoded_until_they_come_in_time() {
        let mut stream = Stream::new(500);
        stream.quiet(450);
        assert_eq!(
            stream.vigil.decoding(),
            Decoding::Full(Cause::RareKeyFrames)
        );
        assert!(stream.vigil.is_awake());
        stream.every = 25;
        stream.quiet(500);
        assert_eq!(stream.vigil.decoding(), Decoding::Sparing);
        assert!(!stream.vigil.is_awake());
    }

    #[test]
    fn a_stream_that_refreshes_bit_by_bit_is_decoded_in_full() {
        let mut vigil = Vigil::new(false);
        let came = |at_us, entry| Came {
            at_us,
            entry,
            bytes: 900,
            fits: true,
            keeps: false,
            held: false,
        };
        assert_eq!(vigil.came(came(0, Entry::Delta)), Step::Skip);
        for number in 1..1_000 {
            let entry = if number % 50 == 1 {
                Entry::Refresh
            } else {
                Entry::Delta
            };
            assert_eq!(vigil.came(came(number * PERIOD_US, entry)), Step::Decode);
        }
        assert_eq!(vigil.decoding(), Decoding::Full(Cause::IntraRefresh));
    }
}
