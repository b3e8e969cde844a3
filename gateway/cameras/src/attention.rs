//! Keeps a camera awake: whoever follows something in its pictures holds its attention.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A handle on one camera's attention. Clones speak of the same camera.
///
/// While it is held, every picture of the camera is decoded and handed on, whether anything moves or
/// not. A camera that sleeps wakes within 0.1 s and first hands on what it kept (frames that are
/// `catching_up`). A camera whose stream is decoded in full anyway takes no notice.
#[derive(Debug, Clone, Default)]
pub struct Attention(Arc<AtomicU64>);

impl Attention {
    /// Nobody holds it.
    pub fn new() -> Attention {
        Attention::default()
    }

    /// Holds it until that moment, microseconds of the camera's clock (of the video for a
    /// [`CameraSource::Video`](crate::CameraSource::Video)). Several holders need not know each other:
    /// the latest moment counts. Hold again before it passes; it needs no release.
    pub fn hold(&self, until_mono_us: u64) {
        self.0.fetch_max(until_mono_us, Relaxed);
    }

    /// Ends every hold at once. The camera sleeps when nothing has moved for some seconds.
    pub fn release(&self) {
        self.0.store(0, Relaxed);
    }

    /// Whether somebody holds it at that moment.
    pub fn is_held(&self, at_mono_us: u64) -> bool {
        at_mono_us < self.0.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_hold_counts_and_a_release_ends_all() {
        let attention = Attention::new();
        let other = attention.clone();
        attention.hold(5_000);
        other.hold(3_000);
        assert!(attention.is_held(4_999) && !attention.is_held(5_000));
        other.release();
        assert!(!attention.is_held(0));
    }
}
