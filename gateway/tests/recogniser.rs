//! P-27: without its models the gate holds and says why; the rest works.

mod harness;

use harness::{Gate, SOON, Walk, Wishes, commands, listed_card, must, verdict};

#[test]
fn p27_without_models_a_vehicle_is_held_and_persons_still_pass() {
    let empty = tempfile::tempdir().expect("a folder");
    let gate = Gate::with(Wishes {
        vehicle_lane: true,
        models: Some(empty.path().to_owned()),
        ..Wishes::default()
    });
    let page = gate.page();
    let status = page.get("/api/status");
    assert_eq!(
        status["recogniser"]["state"], "failed",
        "{:#}",
        status["recogniser"]
    );
    assert!(
        status["recogniser"]["code"].is_string(),
        "health names the cause"
    );

    let vehicles = gate.barrier("in-1");
    let mut approach = gate.device("in-1-approach");
    approach.publish("in-1-approach/binary_sensor/approach/state", "ON");
    let decisions = gate.events_at_least("decision", 1, SOON);
    assert_eq!(verdict(&decisions[0]), "hold");
    gate.events_at_least("alert_raised", 1, SOON);

    let persons = gate.barrier("walk-1");
    let mut walk = Walk::of(&gate);
    walk.person(&listed_card(1), 365);
    assert_eq!(commands(&persons.hears(1, SOON)), ["POWER1 ON"]);
    assert!(vehicles.messages().is_empty());
    must("the alert of the hold is on the page", SOON, || {
        page.get("/api/alerts?state=open")
            .as_array()
            .is_some_and(|alerts| !alerts.is_empty())
    });
}
