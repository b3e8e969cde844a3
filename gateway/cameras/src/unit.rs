//! One encoded picture, looked at without decoding it: may decoding begin here?
//!
//! These bytes come from the network. Whatever they are, an answer comes out, and a wrong one costs a
//! picture, never the camera.

/// The codecs whose pictures are kept encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// H.264 (AVC), as an Annex B byte stream.
    H264,
    /// H.265 (HEVC), as an Annex B byte stream.
    H265,
    /// Motion JPEG.
    Jpeg,
}

/// How a picture depends on others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Whole by itself: decoding may begin here.
    Key,
    /// The first of a run of pictures that refresh the whole bit by bit (intra refresh): decoding that
    /// begins here shows something wrong at first.
    Refresh,
    /// It changes the pictures before it.
    Delta,
}

/// Only so many bytes are searched for the first slice: what stands before it is short.
const SEARCHED: usize = 64 << 10;
/// The payload type of a recovery point in a supplemental message (H.264 D.1.8, H.265 D.2.8).
const RECOVERY_POINT: u8 = 6;

/// Looks at one access unit.
pub fn entry(codec: Codec, unit: &[u8]) -> Entry {
    if codec == Codec::Jpeg {
        return Entry::Key;
    }
    let mut recovery = None;
    for nal in nals(&unit[..unit.len().min(SEARCHED)]) {
        match kind(codec, nal) {
            Nal::Key => return Entry::Key,
            Nal::Slice => return recovery.unwrap_or(Entry::Delta),
            Nal::Message(payload) => recovery = recovery.or_else(|| recovery_point(payload)),
            Nal::Other => {}
        }
    }
    recovery.unwrap_or(Entry::Delta)
}

enum Nal<'a> {
    /// A slice of a picture that refers to no other.
    Key,
    /// Any other slice.
    Slice,
    /// Supplemental messages, without the header.
    Message(&'a [u8]),
    Other,
}

fn kind(codec: Codec, nal: &[u8]) -> Nal<'_> {
    let Some(first) = nal.first() else {
        return Nal::Other;
    };
    match codec {
        Codec::H264 => match first & 0x1f {
            5 => Nal::Key,
            1..=4 => Nal::Slice,
            6 => Nal::Message(&nal[1..]),
            _ => Nal::Other,
        },
        Codec::H265 => match (first >> 1) & 0x3f {
            16..=23 => Nal::Key,
            0..=31 => Nal::Slice,
            39 => Nal::Message(nal.get(2..).unwrap_or_default()),
            _ => Nal::Other,
        },
        Codec::Jpeg => Nal::Key,
    }
}

/// What a recovery point among the messages promises; none when there is none.
fn recovery_point(mut messages: &[u8]) -> Option<Entry> {
    while messages.len() > 2 {
        let kind = number(&mut messages)?;
        let length = number(&mut messages)?;
        if kind == usize::from(RECOVERY_POINT) {
            // The count of pictures until all is refreshed is an Exp-Golomb number: a leading one is zero.
            let refreshed_at_once = messages.first()? & 0x80 != 0;
            return Some(if refreshed_at_once {
                Entry::Key
            } else {
                Entry::Refresh
            });
        }
        messages = messages.get(length..)?;
    }
    None
}

/// A message's type or length: bytes of 255 are added until one is less.
fn number(bytes: &mut &[u8]) -> Option<usize> {
    let mut sum = 0usize;
    loop {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        sum += usize::from(*first);
        if *first != 255 {
            return Some(sum);
        }
    }
}

/// The units between the start codes, each with its header and with what follows up to the next.
fn nals(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(bytes);
    std::iter::from_fn(move || {
        let nal = rest?;
        rest = after_start_code(nal);
        // The next start code begins three bytes before what follows it.
        let end = rest.map_or(nal.len(), |next| nal.len() - next.len() - 3);
        Some(&nal[..end])
    })
}

fn after_start_code(bytes: &[u8]) -> Option<&[u8]> {
    let at = bytes.windows(3).position(|three| three == [0, 0, 1])?;
    Some(&bytes[at + 3..])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An access unit of these NAL units.
    fn unit(nals: &[&[u8]]) -> Vec<u8> {
        nals.iter()
            .flat_map(|nal| [&[0, 0, 0, 1], *nal].concat())
            .collect()
    }

    const AUD: &[u8] = &[0x09, 0xf0];
    const SPS: &[u8] = &[0x67, 0x42, 0xc0, 0x1e, 0xd9];
    const PPS: &[u8] = &[0x68, 0xce, 0x3c, 0x80];

    #[test]
    fn a_picture_that_is_whole_by_itself_is_a_key_frame() {
        let key = unit(&[AUD, SPS, PPS, &[0x65, 0x88, 0x84]]);
        assert_eq!(entry(Codec::H264, &key), Entry::Key);
        for kind in [16u8, 19, 20, 21] {
            let key = unit(&[&[0x40, 1, 0x0c], &[kind << 1, 1, 0xaf]]);
            assert_eq!(entry(Codec::H265, &key), Entry::Key, "{kind}");
        }
        assert_eq!(entry(Codec::Jpeg, &[]), Entry::Key);
    }

    #[test]
    fn a_picture_that_changes_others_is_none() {
        assert_eq!(
            entry(Codec::H264, &unit(&[AUD, &[0x41, 0x9a, 0x24]])),
            Entry::Delta
        );
        assert_eq!(entry(Codec::H265, &unit(&[&[0x02, 1, 0xd0]])), Entry::Delta);
        // Parameter sets alone are no picture.
        assert_eq!(entry(Codec::H264, &unit(&[SPS, PPS])), Entry::Delta);
    }

    #[test]
    fn a_recovery_point_says_whether_all_of_the_picture_is_new() {
        let slice: &[u8] = &[0x41, 0x9a];
        let at_once: &[u8] = &[0x06, 0x06, 0x01, 0xc4, 0x80];
        let bit_by_bit: &[u8] = &[0x06, 0x06, 0x02, 0x0e, 0x24, 0x80];
        // Another message stands before it, longer than one byte can say.
        let mut behind = vec![0x06, 0x05, 0xff, 0x03];
        behind.extend(std::iter::repeat_n(0x55, 258));
        behind.extend(&at_once[1..]);
        let of = |message: &[u8]| entry(Codec::H264, &unit(&[message, slice]));
        assert_eq!(of(at_once), Entry::Key);
        assert_eq!(of(bit_by_bit), Entry::Refresh);
        assert_eq!(of(&behind), Entry::Key);
        assert_eq!(of(&[0x06, 0x05, 0xff, 0xff]), Entry::Delta);
    }
}
