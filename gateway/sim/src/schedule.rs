//! From who comes when to what the gate is told: sightings, loops, cards and temperatures.

use gateway_core::gate::Input;
use gateway_core::moment::Mono;
use gateway_core::name::Name;
use gateway_core::plate::{Card, Plate, PlateColour, PlateKind};
use gateway_core::reading::{
    ArmPosition, BodySite, Freshness, Loop, LoopPlace, Millidegrees, Reading, Temperature, Trust,
    Value,
};
use gateway_core::sighting::Sighting;
use traffic::{Kind, Scenario};

/// A plate is sure so long after its vehicle came into the picture, milliseconds.
const SURE_AFTER_MS: u64 = 700;
/// The loop becomes free so long after the vehicle starts again, milliseconds.
const FREE_AFTER_MS: u64 = 600;

/// Everything that the edges would tell, by simulated time. `received` is set when it is applied.
pub fn inputs(scenario: &Scenario) -> Vec<(u64, Input)> {
    let mut inputs = Vec::new();
    for lane in &scenario.lanes {
        for (index, arrival) in lane.arrivals.iter().enumerate() {
            let lane = Name::new(&lane.name);
            match &arrival.kind {
                Kind::Vehicle { plate, .. } => {
                    let track = index as u64 + 1;
                    let sight = |revision, at_arm, closed| {
                        sighting(&lane, &plate.text, track, revision, at_arm, closed)
                    };
                    inputs.push((arrival.appear_ms + SURE_AFTER_MS, sight(1, false, false)));
                    inputs.push((arrival.at_ms, approach(&lane, true)));
                    inputs.push((arrival.at_ms + 100, sight(2, true, false)));
                    inputs.push((arrival.leave_ms + FREE_AFTER_MS, approach(&lane, false)));
                    inputs.push((arrival.gone_ms, sight(3, false, true)));
                }
                Kind::Person {
                    card,
                    celsius_milli,
                    temperature_after_ms,
                } => {
                    if let Some(card) = card {
                        let value = Value::Card(Card::new(card));
                        inputs.push((arrival.at_ms, reading(&lane, "reader", value)));
                    }
                    if let Some(celsius) = celsius_milli {
                        let value = Value::Temperature(Temperature {
                            body: Millidegrees(*celsius),
                            ambient: None,
                            site: BodySite::Forehead,
                        });
                        let ms = arrival.at_ms + temperature_after_ms;
                        inputs.push((ms, reading(&lane, "thermometer", value)));
                    }
                }
            }
        }
    }
    inputs.sort_by_key(|(ms, _)| *ms);
    inputs
}

/// Says when an input was got, on the monotonic clock of the boot that gets it.
pub fn received(mut input: Input, now: Mono) -> Input {
    match &mut input {
        Input::Reading(reading) => reading.received = now,
        Input::Sighting(sighting) => {
            sighting.first_seen = now;
            sighting.last_seen = now;
        }
        _ => {}
    }
    input
}

pub fn arm(lane: &Name, received: Mono, position: ArmPosition) -> Input {
    let mut input = reading(lane, "arm", Value::Arm(position));
    if let Input::Reading(reading) = &mut input {
        reading.received = received;
    }
    input
}

fn approach(lane: &Name, occupied: bool) -> Input {
    let value = Value::Loop(Loop {
        place: LoopPlace::Approach,
        occupied,
    });
    reading(lane, "loop", value)
}

fn reading(lane: &Name, device: &str, value: Value) -> Input {
    Input::Reading(Reading {
        lane: lane.clone(),
        device: Name::new(&format!("{lane}-{device}")),
        received: Mono(0),
        value,
        freshness: Freshness::Live,
        trust: Trust::Tls,
        counter: None,
    })
}

fn sighting(
    lane: &Name,
    plate: &str,
    track: u64,
    revision: u32,
    at_arm: bool,
    closed: bool,
) -> Input {
    Input::Sighting(Sighting {
        lane: lane.clone(),
        camera: Name::new(&format!("{lane}-camera")),
        track,
        revision,
        closed,
        plate: Plate::new(plate),
        kind: PlateKind::Ordinary,
        colour: PlateColour::Blue,
        agrees: true,
        confidence_permille: 985,
        candidates: Vec::new(),
        at_arm,
        plate_box: [0, 0, 120, 40],
        frames: 8 * revision,
        first_seen: Mono(0),
        last_seen: Mono(0),
        evidence: None,
        freshness: Freshness::Live,
        trust: Trust::Tls,
    })
}
