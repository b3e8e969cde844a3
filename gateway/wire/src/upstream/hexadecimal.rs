//! Fixed numbers of bytes as lower-case hex in JSON; for `#[serde(with = …)]`.

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

pub fn serialize<const N: usize, S: Serializer>(bytes: &[u8; N], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&hex::encode(bytes))
}

pub fn deserialize<'de, const N: usize, D: Deserializer<'de>>(
    from: D,
) -> Result<[u8; N], D::Error> {
    let text = Cow::<'de, str>::deserialize(from)?;
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(D::Error::custom("hex is written in lower case"));
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(text.as_bytes(), &mut bytes).map_err(D::Error::custom)?;
    Ok(bytes)
}
