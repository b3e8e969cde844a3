//! What the gateway remembers: journal, outbox and evidence on the disk, and delivery as a machine
//! without I/O.
//!
//! The one ordering of the product is kept here: append → durable → only then outward. Events go
//! to the [`writer`], which numbers, chains and commits them and sends each on once it survives
//! power loss; everything that leaves the gateway starts from there.
//!
//! ```text
//! Event → Submission → writer: seal → journal (sled, fdatasync) → Durable → dispatcher
//!                                        ├→ reader → page, gatectl, check
//!                                        └→ deliver ⇄ outbox ← receipt
//! ```

pub mod check;
mod chunks;
pub mod deliver;
pub mod error;
pub mod evidence;
pub mod fold;
pub mod header;
pub mod journal;
mod mark;
pub mod memory;
pub mod on_sled;
pub mod open;
pub mod outbox;
pub mod ranges;
pub mod reader;
pub mod record;
pub mod retention;
pub mod room;
mod salvage;
pub mod seal;
pub mod sift;
mod snapshots;
pub mod timeline;
pub mod writer;

pub use error::{Kind, StoreError};
pub use open::{Condition, Store};
pub use reader::Reader;
pub use record::{Stored, decode};
pub use sift::Sifted;
pub use writer::{Durable, Erasure, Outcome, Refused, Submission, Writer, WriterHandle};
