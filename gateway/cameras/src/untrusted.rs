//! Everything of ours that looks at bytes from a camera, in one call: for the fuzzer and the property test.

use crate::frame::Frame;
use crate::judge::Judge;
use crate::motion::Motion;
use crate::ring::{Kept, Ring};
use crate::unit::{Codec, Entry, entry};
use crate::vigil::{Came, Step, Vigil};

/// Cuts the bytes into encoded pictures, sends them through what a camera's thread does with them, and
/// shows the rest as the planes of a picture.
///
/// # Panics
/// When a bound is broken: that is what it is for.
pub fn take(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else {
        return;
    };
    let codec = [Codec::H264, Codec::H265, Codec::Jpeg][usize::from(choice % 3)];
    stream(codec, rest);
    planes(rest);
}

fn stream(codec: Codec, mut rest: &[u8]) {
    let mut ring: Ring<Entry> = Ring::default();
    let mut vigil = Vigil::new(codec == Codec::Jpeg);
    let mut at_us = 0u64;
    while let Some((&[length, gap, claims], tail)) = rest.split_first_chunk::<3>() {
        let (unit, tail) = tail.split_at(usize::from(length).min(tail.len()));
        rest = tail;
        // Moments may stand still, jump far ahead or go back.
        at_us = match gap {
            0..=3 => at_us.saturating_sub(u64::from(gap) * 10_000_000),
            252..=255 => at_us.saturating_add(u64::from(gap) << 40),
            _ => at_us.saturating_add(u64::from(gap) * 1_000),
        };
        let kind = entry(codec, unit);
        let size = unit.len() << (claims % 24);
        let step = vigil.came(Came {
            at_us,
            entry: kind,
            bytes: size,
            fits: ring.takes(size, at_us),
            keeps: !ring.is_empty(),
            held: claims & 0x80 != 0,
        });
        if step == Step::Decode && kind == Entry::Key {
            ring.clear();
        }
        ring.push(Kept {
            unit: kind,
            bytes: size,
            entry: kind,
            captured_us: at_us,
        });
        if step == Step::Look {
            ring.keep_from_last_key();
        }
        vigil.saw(at_us, claims & 0x40 != 0, claims & 0x20 != 0);
        let sum: usize = ring.iter().map(|kept| kept.bytes).sum();
        assert!(sum <= 8 << 20 && ring.iter().count() <= 512);
        assert!(
            ring.iter()
                .next()
                .is_none_or(|first| first.unit == Entry::Key)
        );
    }
}

/// Two pictures of an odd size whose brightness are those bytes, again and again.
fn planes(bytes: &[u8]) {
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return;
    };
    let (width, height) = (300 + u32::from(*first), 200 + u32::from(*last));
    let chroma = width.div_ceil(2) as usize * height.div_ceil(2) as usize;
    let count = (width * height) as usize + 2 * chroma;
    let (mut judge, mut motion) = (
        Judge::new(),
        Motion::new(&[(0.1, 0.2), (0.9, 0.1), (0.5, 0.9)]),
    );
    for turn in 0..2u64 {
        let shown = bytes
            .iter()
            .cycle()
            .skip(turn as usize)
            .copied()
            .take(count);
        let frame = Frame::packed(
            "front".into(),
            turn * 1_000_000,
            (width, height),
            shown.collect(),
        );
        if let Ok(frame) = frame {
            motion.update(&frame);
            judge.update(&frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p23_no_bytes_of_a_camera_panic_or_break_a_bound() {
        let mut random = 0x9E37_79B9_7F4A_7C15u64;
        let mut next = || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random >> 11) as u8
        };
        for case in 0..300 {
            let mut bytes: Vec<u8> = (0..case * 7).map(|_| next()).collect();
            // Start codes and headers are rare among random bytes.
            for at in (8..bytes.len().saturating_sub(6)).step_by(11) {
                let header = [0x65, 0x41, 0x06, 0x26, 0x02, 0x4e][usize::from(next() % 6)];
                bytes[at..at + 5].copy_from_slice(&[0, 0, 1, header, 0x06]);
            }
            take(&bytes);
        }
    }
}
