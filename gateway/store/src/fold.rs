//! From the journal back to the gate's durable state: the newest snapshot, and the events behind it.
//! The daemon and the simulator start through here.

use gateway_core::gate::Gate;

use crate::error::StoreError;
use crate::reader::Reader;
use crate::record;

/// Records read at a time.
const STRIDE: usize = 512;

/// Folds what is recorded into a gate that remembers nothing.
///
/// The events hold everything that a snapshot does: it only saves time, so one that cannot be used
/// is told and passed over. So is a damaged record: the check names it, and the lanes must not
/// stand still.
pub fn recover(reader: &Reader, gate: &mut Gate) {
    let mut next = 1;
    match reader.snapshot() {
        Ok(Some(snapshot)) => match gate.resume(&snapshot.state) {
            Ok(()) => next = snapshot.through + 1,
            Err(error) => tracing::error!(%error, "the gate's snapshot cannot be read"),
        },
        Ok(None) => {}
        Err(error) => tracing::error!(%error, "the gate's snapshot cannot be read"),
    }
    while next <= reader.last() {
        let stretch = match reader.range(next, STRIDE) {
            Ok(stretch) => stretch,
            Err(error) => {
                passed_over(next, &error);
                next += 1;
                continue;
            }
        };
        for stored in &stretch {
            match record::decode(stored) {
                Ok(event) => gate.recover(stored.number(), &event),
                Err(error) => passed_over(stored.number(), &error),
            }
        }
        // An empty stretch before the end is a gap; nothing after it would be found otherwise.
        next = stretch.last().map_or(next, |last| last.number()) + 1;
    }
}

fn passed_over(number: u64, error: &StoreError) {
    tracing::error!(number, %error, "an event cannot be read back");
}
