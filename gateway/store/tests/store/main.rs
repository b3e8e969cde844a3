//! The promises of the store, each against the real journal on a real disk, with its sabotage twin.

mod deliver;
mod evidence;
mod harness;
mod life;
mod model;
mod open;
mod outbox;
mod p01;
mod p01_calls;
mod p02;
mod p03;
mod p04;
mod p05;
mod retention;
mod sift;
mod strace;
mod writer;
