//! How the gateway says things to the outside: the types of every contract stand here.

pub mod api;
pub mod explain;
pub mod messages;
pub mod sensor;
pub mod sheets;
pub mod upstream;
