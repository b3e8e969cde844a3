//! The platform's signing key: 32 bytes in base64 in a file that only its owner reads.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};

use crate::contract::Signed;

pub struct Key {
    secret: SigningKey,
    id: String,
}

impl Key {
    /// Reads the key, or makes one where there is none.
    pub fn open(path: &Path) -> Result<Key> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == ErrorKind::NotFound => create(path)?,
            Err(cause) => {
                return Err(cause).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        let bytes = STANDARD.decode(text.trim()).context("a key is base64")?;
        ensure!(bytes.len() == 32, "a key has 32 bytes");
        let mut secret = [0; 32];
        secret.copy_from_slice(&bytes);
        Ok(Key::new(SigningKey::from_bytes(&secret)))
    }

    pub fn new(secret: SigningKey) -> Key {
        let digest = Sha256::digest(secret.verifying_key().as_bytes());
        Key {
            id: hex::encode(&digest[..8]),
            secret,
        }
    }

    /// The text of the public key's file.
    pub fn public_text(&self) -> String {
        format!(
            "{}\n",
            STANDARD.encode(self.secret.verifying_key().as_bytes())
        )
    }

    pub fn sign(&self, body: String) -> Signed {
        Signed {
            signature: STANDARD.encode(self.secret.sign(body.as_bytes()).to_bytes()),
            key: self.id.clone(),
            body,
        }
    }
}

fn create(path: &Path) -> Result<String> {
    let secret = SigningKey::generate(&mut rand::rngs::OsRng);
    let text = format!("{}\n", STANDARD.encode(secret.to_bytes()));
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .with_context(|| format!("cannot create {}", path.display()))?;
    Ok(text)
}
