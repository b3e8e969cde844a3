//! mosquitto's password hashes: `$7$ITERATIONS$SALT$HASH`, PBKDF2 (RFC 8018) with HMAC-SHA-512.

use std::fs::File;
use std::io::{self, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha512};

/// mosquitto's own default is 101; it takes the number from the file.
const ITERATIONS: u32 = 5_000;
const BLOCK: usize = 128;

/// Random bytes that make equal passwords look different.
pub(super) fn salt() -> io::Result<[u8; 12]> {
    let mut salt = [0; 12];
    File::open("/dev/urandom")?.read_exact(&mut salt)?;
    Ok(salt)
}

pub(super) fn hash(password: &[u8], salt: &[u8]) -> String {
    let key = derive(password, salt, ITERATIONS);
    format!(
        "$7${ITERATIONS}${}${}",
        STANDARD.encode(salt),
        STANDARD.encode(key)
    )
}

/// The first block of PBKDF2, which at 64 bytes is all that mosquitto asks for.
fn derive(password: &[u8], salt: &[u8], iterations: u32) -> [u8; 64] {
    let mac = Mac::new(password);
    let mut round = mac.of(&[salt, &1_u32.to_be_bytes()]);
    let mut key = round;
    for _ in 1..iterations {
        round = mac.of(&[&round]);
        key.iter_mut().zip(round).for_each(|(k, r)| *k ^= r);
    }
    key
}

/// HMAC (RFC 2104) with its key already taken in.
struct Mac {
    inner: Sha512,
    outer: Sha512,
}

impl Mac {
    fn new(key: &[u8]) -> Mac {
        let mut block = [0; BLOCK];
        if key.len() > BLOCK {
            block[..64].copy_from_slice(&Sha512::digest(key));
        } else {
            block[..key.len()].copy_from_slice(key);
        }
        Mac {
            inner: Sha512::new_with_prefix(block.map(|b| b ^ 0x36)),
            outer: Sha512::new_with_prefix(block.map(|b| b ^ 0x5c)),
        }
    }

    fn of(&self, parts: &[&[u8]]) -> [u8; 64] {
        let mut inner = self.inner.clone();
        parts.iter().for_each(|part| inner.update(part));
        self.outer
            .clone()
            .chain_update(inner.finalize())
            .finalize()
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::derive;

    /// Published results for PBKDF2-HMAC-SHA-512 of "password" and "salt".
    #[test]
    fn the_key_is_the_published_one() {
        let start = |n| derive(b"password", b"salt", n)[..8].to_vec();
        assert_eq!(start(1), [0x86, 0x7f, 0x70, 0xcf, 0x1a, 0xde, 0x02, 0xcf]);
        assert_eq!(start(2), [0xe1, 0xd9, 0xc1, 0x6a, 0xa6, 0x81, 0x70, 0x8a]);
        assert_eq!(
            start(4096),
            [0xd1, 0x97, 0xb1, 0xb3, 0x3d, 0xb0, 0x14, 0x3e]
        );
    }
}
