//! Lies on request: what a gateway must ignore (P-12). The truth is told beside them.

use std::str::FromStr;

use crate::contract::{Range, Receipt, Signed};
use crate::key::Key;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Each receipt comes twelve seconds late.
    Late,
    /// Each receipt comes twice.
    Double,
    /// A receipt for a journal that nobody knows comes first.
    Unknown,
    /// Each receipt comes first with a signature that does not fit.
    Unsigned,
    /// A receipt for a hundred events that never came goes first.
    Early,
}

/// How long `Late` holds a receipt back.
pub const LATE: std::time::Duration = std::time::Duration::from_secs(12);

impl FromStr for Lie {
    type Err = String;

    fn from_str(text: &str) -> Result<Lie, String> {
        match text {
            "late" => Ok(Lie::Late),
            "double" => Ok(Lie::Double),
            "unknown" => Ok(Lie::Unknown),
            "unsigned" => Ok(Lie::Unsigned),
            "early" => Ok(Lie::Early),
            _ => Err("a lie is late, double, unknown, unsigned or early".to_owned()),
        }
    }
}

/// The envelopes that go out for one true receipt, in order.
pub fn envelopes(
    lie: Option<Lie>,
    receipt: &Receipt,
    key: &Key,
) -> serde_json::Result<Vec<Signed>> {
    let truth = key.sign(serde_json::to_string(receipt)?);
    let mut out = Vec::new();
    match lie {
        None | Some(Lie::Late) => {}
        Some(Lie::Double) => out.push(truth.clone()),
        Some(Lie::Unknown) => {
            let mut other = receipt.clone();
            other.journal = "f".repeat(32);
            out.push(key.sign(serde_json::to_string(&other)?));
        }
        Some(Lie::Unsigned) => {
            let mut forged = truth.clone();
            forged.signature = format!("{}==", "A".repeat(86));
            out.push(forged);
        }
        Some(Lie::Early) => {
            let mut early = receipt.clone();
            if let Some(last) = early.ranges.last().cloned() {
                early.ranges = vec![Range {
                    from: last.to + 1,
                    to: last.to + 100,
                    hash: last.hash,
                }];
            }
            out.push(key.sign(serde_json::to_string(&early)?));
        }
    }
    out.push(truth);
    Ok(out)
}
