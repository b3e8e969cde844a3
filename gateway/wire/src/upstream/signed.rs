//! The signed envelope of everything that comes down. The signature covers the body's exact bytes,
//! so the body travels as text inside a string and is parsed only after it was verified.
//!
//! Keys are Ed25519, 32 bytes in base64 on one line of a text file. A key's id is the first 16 hex
//! digits of the SHA-256 of its public half.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::upstream::{MESSAGE_MAX, UpstreamError};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The exact JSON text that was signed.
    pub body: String,
    /// The id of the key, 16 hex digits.
    pub key: String,
    /// Ed25519 over the bytes of `body`: 64 bytes in base64 with padding.
    pub signature: String,
}

impl Signed {
    pub fn sign(body: String, key: &SigningKey) -> Signed {
        Signed {
            signature: STANDARD.encode(key.sign(body.as_bytes()).to_bytes()),
            key: key_id(&key.verifying_key()),
            body,
        }
    }

    pub fn encode(&self) -> Result<Vec<u8>, UpstreamError> {
        serde_json::to_vec(self).map_err(UpstreamError::Encode)
    }

    /// The body of a payload that one of `keys` signed.
    pub fn open(payload: &[u8], keys: &Keys) -> Result<String, UpstreamError> {
        if payload.len() > MESSAGE_MAX {
            return Err(UpstreamError::TooLong {
                bytes: payload.len(),
            });
        }
        let signed: Signed = serde_json::from_slice(payload).map_err(UpstreamError::Envelope)?;
        let Some(key) = keys.by_id.get(&signed.key) else {
            return Err(UpstreamError::UnknownKey {
                key: signed.key.chars().take(32).collect(),
            });
        };
        let signature = STANDARD
            .decode(&signed.signature)
            .ok()
            .and_then(|bytes| Signature::from_slice(&bytes).ok())
            .ok_or(UpstreamError::SignatureText)?;
        // Strict: no weak keys and no second signature of the same body.
        key.verify_strict(signed.body.as_bytes(), &signature)
            .map_err(|_| UpstreamError::Signature)?;
        Ok(signed.body)
    }
}

/// The public keys that upstream may sign with.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    by_id: BTreeMap<String, VerifyingKey>,
}

impl Keys {
    /// None: every envelope is refused.
    pub fn new() -> Keys {
        Keys::default()
    }

    /// Adds the public key of a key file's text and returns its id.
    pub fn add(&mut self, text: &str) -> Result<String, UpstreamError> {
        let key =
            VerifyingKey::from_bytes(&key_bytes(text)?).map_err(|_| UpstreamError::KeyText)?;
        if key.is_weak() {
            return Err(UpstreamError::KeyText);
        }
        let id = key_id(&key);
        self.by_id.insert(id.clone(), key);
        Ok(id)
    }

    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

/// The signing key of a key file's text.
pub fn signing_key(text: &str) -> Result<SigningKey, UpstreamError> {
    Ok(SigningKey::from_bytes(&key_bytes(text)?))
}

/// The text of a public key's file.
pub fn public_key_text(key: &VerifyingKey) -> String {
    format!("{}\n", STANDARD.encode(key.as_bytes()))
}

pub fn key_id(key: &VerifyingKey) -> String {
    hex::encode(&Sha256::digest(key.as_bytes())[..8])
}

fn key_bytes(text: &str) -> Result<[u8; 32], UpstreamError> {
    STANDARD
        .decode(text.trim())
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(UpstreamError::KeyText)
}
