//! A gateway by hand: headers as text, commitments and chain as the contract writes them.

use serde_json::json;
use sha2::{Digest, Sha256};

pub const JOURNAL: &str = "000102030405060708090a0b0c0d0e0f";

/// An event as it is published.
#[derive(Clone, Debug)]
pub struct Published {
    pub topic: String,
    pub payload: Vec<u8>,
    pub hash: String,
}

/// Events 1 to `count`, every fifth a decision.
pub fn events(count: u64) -> Vec<Published> {
    let mut prev = "0".repeat(64);
    (1..=count)
        .map(|number| {
            let kind = match number % 5 {
                0 => "decision",
                _ => "reading_joined",
            };
            let event = event(number, kind, &prev);
            prev.clone_from(&event.hash);
            event
        })
        .collect()
}

pub fn event(number: u64, kind: &str, prev: &str) -> Published {
    let body = format!(r#"{{"type":"note","code":"n{number}","values":[]}}"#);
    let salt = [number as u8; 16];
    let commitment = hex::encode(
        Sha256::new()
            .chain_update(salt)
            .chain_update(&body)
            .finalize(),
    );
    let header = format!(
        concat!(
            r#"{{"schema":1,"gateway":"gate-1","grid":"350603","journal":"{}","number":{},"boot":1,"#,
            r#""mono_us":{},"wall_ms":1700000000000,"offset_min":480,"clock":"synchronised","#,
            r#""kind":"{}","lane":"east-in","passage":null,"prev":"{}","#,
            r#""parts":[{{"kind":"detail","class":"passage","commitment":"{}"}},"#,
            r#"{{"kind":"health","class":"temperature","commitment":"{}"}}]}}"#,
        ),
        JOURNAL,
        number,
        number * 1_000,
        kind,
        prev,
        commitment,
        "1".repeat(64),
    );
    let hash = hex::encode(Sha256::digest(&header));
    let envelope = json!({
        "specversion": "1.0",
        "id": number.to_string(),
        "source": format!("/gateways/gate-1/journals/{JOURNAL}"),
        "type": format!("gate.{kind}"),
        "time": "2023-11-14T22:13:20Z",
        "subject": "east-in",
        "datacontenttype": "application/json",
        "sequence": format!("{number:020}"),
        "chain": hash,
        "clock": "synchronised",
        "data": {
            "header": header,
            "parts": [
                {"state": "present", "kind": "detail", "class": "passage",
                 "salt": hex::encode(salt), "body": body},
                {"state": "withheld", "kind": "health", "class": "temperature"},
            ],
        },
    });
    Published {
        topic: format!("gateways/gate-1/events/{kind}"),
        payload: serde_json::to_vec_pretty(&envelope).expect("text"),
        hash,
    }
}
