//! The messages as the contract describes them, in the platform's own words.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A CloudEvents 1.0 envelope in structured mode.
#[derive(Debug, Deserialize)]
pub struct Envelope {
    pub specversion: String,
    pub id: String,
    pub source: String,
    #[serde(rename = "type")]
    pub event_type: String,
    pub sequence: String,
    pub chain: String,
    pub data: Data,
}

#[derive(Debug, Deserialize)]
pub struct Data {
    /// Exact text: hashed before it is read.
    pub header: String,
    pub parts: Vec<PartAsSent>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PartAsSent {
    Present {
        kind: String,
        class: String,
        salt: String,
        body: String,
    },
    Withheld {
        kind: String,
        class: String,
    },
    Erased {
        kind: String,
        class: String,
    },
}

#[derive(Debug, Deserialize)]
pub struct Header {
    pub schema: u32,
    pub gateway: String,
    pub journal: String,
    pub number: u64,
    pub kind: String,
    pub prev: String,
    pub parts: Vec<PartInHeader>,
}

#[derive(Debug, Deserialize)]
pub struct PartInHeader {
    pub kind: String,
    pub class: String,
    pub commitment: String,
}

/// An event whose own claims hold: hashes, commitments, names. The chain is the ledger's matter.
#[derive(Debug)]
pub struct Verified {
    pub header: Header,
    pub hash: String,
    pub parts: Vec<PartAsSent>,
    pub header_text: String,
}

/// Why an event is not what it claims to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    NotAnEvent,
    OtherVersion,
    OtherSchema,
    HashDiffers,
    NamesDiffer,
    PartsDiffer,
    CommitmentDiffers,
    ChainBroken,
    /// Another event under a number that is taken.
    NumberTaken,
}

/// Verifies all that one event can show by itself. `topic` is where it was published.
pub fn verify(topic: &str, payload: &[u8]) -> Result<Verified, Fault> {
    let envelope: Envelope = serde_json::from_slice(payload).map_err(|_| Fault::NotAnEvent)?;
    if envelope.specversion != "1.0" {
        return Err(Fault::OtherVersion);
    }
    let hash = hex::encode(Sha256::digest(envelope.data.header.as_bytes()));
    if hash != envelope.chain {
        return Err(Fault::HashDiffers);
    }
    let header: Header =
        serde_json::from_str(&envelope.data.header).map_err(|_| Fault::NotAnEvent)?;
    if header.schema != 1 {
        return Err(Fault::OtherSchema);
    }
    let said = [
        envelope.id == header.number.to_string(),
        envelope.sequence == format!("{:020}", header.number),
        envelope.source == format!("/gateways/{}/journals/{}", header.gateway, header.journal),
        envelope.event_type == format!("gate.{}", header.kind),
        topic == format!("gateways/{}/events/{}", header.gateway, header.kind),
        header.number >= 1,
        header.journal.len() == 32,
    ];
    if said.contains(&false) {
        return Err(Fault::NamesDiffer);
    }
    verify_parts(&header, &envelope.data.parts)?;
    Ok(Verified {
        hash,
        header,
        parts: envelope.data.parts,
        header_text: envelope.data.header,
    })
}

fn verify_parts(header: &Header, parts: &[PartAsSent]) -> Result<(), Fault> {
    if header.parts.len() != parts.len() {
        return Err(Fault::PartsDiffer);
    }
    for (promised, sent) in header.parts.iter().zip(parts) {
        let (kind, class) = match sent {
            PartAsSent::Present { kind, class, .. }
            | PartAsSent::Withheld { kind, class }
            | PartAsSent::Erased { kind, class } => (kind, class),
        };
        if (kind, class) != (&promised.kind, &promised.class) {
            return Err(Fault::PartsDiffer);
        }
        if let PartAsSent::Present { salt, body, .. } = sent {
            let salt = hex::decode(salt).map_err(|_| Fault::CommitmentDiffers)?;
            let found = Sha256::new()
                .chain_update(&salt)
                .chain_update(body)
                .finalize();
            if salt.len() != 16 || hex::encode(found) != promised.commitment {
                return Err(Fault::CommitmentDiffers);
            }
        }
    }
    Ok(())
}

/// The signed envelope of what goes down.
#[derive(Clone, Debug, Serialize)]
pub struct Signed {
    pub body: String,
    pub key: String,
    pub signature: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Receipt {
    #[serde(rename = "type")]
    pub message_type: &'static str,
    pub gateway: String,
    pub journal: String,
    pub destination: String,
    pub ranges: Vec<Range>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Range {
    pub from: u64,
    pub to: u64,
    pub hash: String,
}
