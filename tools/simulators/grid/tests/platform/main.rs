//! The reference platform against a gateway made by hand from the contract.

mod gateway;
mod ledger;
mod process;
