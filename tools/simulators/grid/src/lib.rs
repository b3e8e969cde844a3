//! The reference municipal platform: stores, verifies the chain, answers receipts, sends orders,
//! and says what is missing. It is the oracle of the tests, and is written from the contract
//! alone: nothing of the gateway's own store or messages is used here.
//!
//! ```text
//! MQTT → verify → append to a file, fdatasync → PUBACK, signed receipt
//! ```

pub mod contract;
pub mod disk;
pub mod http;
pub mod key;
pub mod ledger;
pub mod lie;
pub mod link;
pub mod platform;
