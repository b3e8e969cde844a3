//! How values lie in sled: in chunks of 4 KiB under keys whose order is the order of events, with a
//! checksum where the value has none of its own.

use crate::header::Hash;

/// sled writes up to 17 neighbouring values as one page, and a page over 128 KiB goes to a file of
/// its own that sled never syncs. 4 KiB a value keeps every page under 80 KiB.
pub(crate) const CHUNK: usize = 4 * 1024;

pub(crate) fn record_key(number: u64, chunk: u16) -> [u8; 11] {
    let mut key = [b'e'; 11];
    key[1..9].copy_from_slice(&number.to_be_bytes());
    key[9..].copy_from_slice(&chunk.to_be_bytes());
    key
}

pub(crate) fn key_number(key: &[u8]) -> Option<(u64, u16)> {
    let (number, chunk) = key.strip_prefix(b"e")?.split_first_chunk::<8>()?;
    Some((
        u64::from_be_bytes(*number),
        u16::from_be_bytes(chunk.try_into().ok()?),
    ))
}

pub(crate) fn snapshot_key(chunk: u16) -> Vec<u8> {
    [b"s".as_slice(), &chunk.to_be_bytes()].concat()
}

pub(crate) fn note_key(name: &str, chunk: u16) -> Vec<u8> {
    [b"n", name.as_bytes(), b"\0", &chunk.to_be_bytes()].concat()
}

/// The name of the note whose first chunk has this key.
pub(crate) fn note_name(key: &[u8]) -> Option<String> {
    let name = key.strip_prefix(b"n")?.strip_suffix(b"\0\0\0")?;
    String::from_utf8(name.to_vec()).ok()
}

/// The first chunk begins with how many there are; chunks left over from a longer value are
/// never read.
pub(crate) fn insert_chunks(out: &mut sled::Batch, key: impl Fn(u16) -> Vec<u8>, value: &[u8]) {
    let mut chunks = value.chunks(CHUNK);
    let count = chunks.len().max(1) as u16;
    let head = chunks.next().unwrap_or_default();
    out.insert(key(0), [&count.to_le_bytes(), head].concat());
    for (chunk, bytes) in (1..).zip(chunks) {
        out.insert(key(chunk), bytes);
    }
}

/// How many chunks a value of so many bytes has.
pub(crate) fn chunks_of(bytes: usize) -> u16 {
    bytes.div_ceil(CHUNK).max(1) as u16
}

pub(crate) fn first_chunk(value: &[u8]) -> Option<(u16, &[u8])> {
    let (count, head) = value.split_first_chunk::<2>()?;
    let count = u16::from_le_bytes(*count);
    (count > 0).then_some((count, head))
}

pub(crate) fn summed(value: &[u8]) -> Vec<u8> {
    [&Hash::of(value).0[..8], value].concat()
}

pub(crate) fn unsummed(bytes: &[u8]) -> Option<&[u8]> {
    let (sum, value) = bytes.split_at_checked(8)?;
    (Hash::of(value).0[..8] == *sum).then_some(value)
}
