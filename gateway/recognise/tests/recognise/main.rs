//! The recogniser as its users see it, with the real models and drawn plates.

mod broken_models;
mod drawing;
mod drawn_plates;
mod following;
mod worker;
