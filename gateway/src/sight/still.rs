//! The same picture twice tells nothing new: it is not read again, and so a frozen picture cannot
//! agree with itself (P-25).

use gateway_cameras::Frame;

/// Rows and columns of the points that are compared.
const ROWS: usize = 72;
const COLUMNS: usize = 128;

/// The picture of a camera that was last given to be read.
#[derive(Default)]
pub struct Still {
    given: Option<u64>,
    seen: u64,
}

impl Still {
    /// Whether the picture is the one that was last given, point by point.
    pub fn is_same(&mut self, frame: &Frame) -> bool {
        self.seen = sum(frame);
        self.given == Some(self.seen)
    }

    /// The picture that was looked at last is given to be read.
    pub fn give(&mut self) {
        self.given = Some(self.seen);
    }
}

/// FNV-1a over the points' brightness. Even a sensor's noise or an encoder's repair changes it.
fn sum(frame: &Frame) -> u64 {
    let [luma, _, _] = frame.planes();
    let (width, height) = (frame.width as usize, frame.height as usize);
    let mut sum = 0xcbf2_9ce4_8422_2325_u64;
    for row in 0..ROWS.min(height) {
        let start = row * height / ROWS.min(height) * luma.stride;
        let Some(pixels) = luma.bytes.get(start..start + width) else {
            break;
        };
        for pixel in pixels.iter().step_by((width / COLUMNS).max(1)) {
            sum = (sum ^ u64::from(*pixel)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(bright: Option<(usize, u8)>) -> Frame {
        let mut bytes = vec![90; 320 * 180 * 3 / 2];
        if let Some((at, value)) = bright {
            bytes[at..at + 40].fill(value);
        }
        Frame::packed("front".into(), 0, (320, 180), bytes).unwrap()
    }

    #[test]
    fn a_picture_is_the_same_only_as_the_one_that_was_given() {
        let mut still = Still::default();
        assert!(!still.is_same(&frame(None)));
        assert!(!still.is_same(&frame(None)), "it was not given");
        still.give();
        assert!(still.is_same(&frame(None)));
        assert!(!still.is_same(&frame(Some((320 * 90, 91)))));
        assert!(still.is_same(&frame(None)));
    }
}
