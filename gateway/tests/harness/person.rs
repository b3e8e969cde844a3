//! The devices of the lane for persons: a card reader and a thermometer.

use std::time::Duration;

use super::{Device, Gate, eventually, must, stranger_card};

const READER: &str = "walk-1-reader";
const READER_TOPIC: &str = "tele/walk-1-reader/SENSOR";
const THERMOMETER: &str = "walk-1-thermometer";
const THERMOMETER_TOPIC: &str = "thermometer/walk-1";

/// Both devices, connected.
pub struct Walk {
    reader: Device,
    thermometer: Device,
}

impl Walk {
    pub fn of(gate: &Gate) -> Walk {
        Walk {
            reader: gate.device(READER),
            thermometer: gate.device(THERMOMETER),
        }
    }

    /// A person presents a card and is measured, in tenths of a degree.
    pub fn person(&mut self, card: &str, tenths: u32) {
        self.card(card);
        self.temperature(tenths);
    }

    pub fn card(&mut self, card: &str) {
        self.reader.publish(READER_TOPIC, &card_message(card));
    }

    /// The broker keeps it, as it does for a reader that is set to retain.
    pub fn retained_card(&mut self, card: &str) {
        self.reader
            .publish_retained(READER_TOPIC, &card_message(card));
    }

    pub fn temperature(&mut self, tenths: u32) {
        self.thermometer
            .publish(THERMOMETER_TOPIC, &temperature_message(tenths));
    }

    pub fn retained_temperature(&mut self, tenths: u32) {
        self.thermometer
            .publish_retained(THERMOMETER_TOPIC, &temperature_message(tenths));
    }

    /// Presents strangers until the platform has heard of one: then the gate is at the broker, what waited
    /// there is dealt with, and it decides. `n` must be new for each call.
    #[track_caller]
    pub fn stranger_is_heard_of(&mut self, gate: &Gate, n: u32) {
        let card = stranger_card(n);
        must("the gate decides", Duration::from_secs(30), || {
            self.person(&card, 365);
            eventually(Duration::from_secs(2), || {
                gate.events("alert_raised")
                    .iter()
                    .any(|alert| alert.to_string().contains(&card))
            })
        });
    }
}

fn card_message(card: &str) -> String {
    format!(
        r#"{{"Time":"2026-11-24T08:00:00","RC522":{{"UID":"{card}","Data":"","Type":"MIFARE 1KB"}}}}"#
    )
}

fn temperature_message(tenths: u32) -> String {
    format!(r#"{{"t":{}.{}}}"#, tenths / 10, tenths % 10)
}
