//! The way of a vehicle: the real daemon looks at a simulated camera.

mod harness;

use std::sync::Arc;
use std::time::{Duration, Instant};

use camera_sim::{Cache, Format, LaneFeed, Listen, Mount, Server, Studio};
use harness::{Gate, SOON, Wishes, must, part};
use traffic::{Kind, Scenario, Spec};

const FORMAT: Format = Format {
    width: 1280,
    height: 720,
    fps: 15,
};
const SEED: u64 = 7;

/// One lane of the scenario as a camera shows it, drawn into a folder of its own.
struct Lane {
    server: Server,
    scenario: Scenario,
    _folder: tempfile::TempDir,
}

impl Lane {
    fn serve(seconds: u64, starts_in: Duration) -> Lane {
        camera_sim::init().expect("GStreamer");
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Arc::new(Cache::open(folder.path()).expect("a folder for clips"));
        let scenario = Scenario::generate(&Spec::seconds(SEED, seconds));
        let studio = Studio::open("in-1", SEED, FORMAT, cache).expect("a studio");
        let lane = scenario.lane("in-1").expect("the lane");
        let feed = LaneFeed::prepare(studio, lane, seconds * 1_000).expect("drawn vehicles");
        let mount = Mount {
            name: "in-1".to_owned(),
            feed: Box::new(feed),
        };
        let start = Instant::now() + starts_in;
        let server = Server::start(Listen::default(), vec![mount], start).expect("a server");
        Lane {
            server,
            scenario,
            _folder: folder,
        }
    }

    fn plates(&self) -> Vec<String> {
        let lane = self.scenario.lane("in-1").expect("the lane");
        let arrivals = lane.arrivals.iter();
        let plate = arrivals.filter_map(|arrival| match &arrival.kind {
            Kind::Vehicle { plate, .. } => Some(plate.text.clone()),
            Kind::Person { .. } => None,
        });
        plate.collect()
    }

    fn gate(&self) -> Gate {
        Gate::with(Wishes {
            vehicle_lane: true,
            rtsp_port: Some(self.server.port()),
            ..Wishes::default()
        })
    }
}

#[test]
fn a_vehicle_is_sighted_by_its_plate_with_the_picture_that_was_read() {
    let lane = Lane::serve(8, Duration::from_secs(12));
    let gate = lane.gate();
    let plates = lane.plates();
    let wanted = plates.first().expect("a vehicle comes");
    let joined = gate.events_at_least("sighting_joined", 1, Duration::from_secs(60));
    let sighting = part(&joined[0], "sighting").expect("the sighting's part");
    let text = joined[0].to_string();
    assert!(text.contains(wanted), "{wanted} came, {text} was sighted");
    assert!(
        sighting.to_string().contains("sha256"),
        "the picture is named: {sighting}"
    );
    let page = gate.page();
    must("the rate of the camera's reading is told", SOON, || {
        let status = page.get("/api/status");
        status["recogniser"]["workers"] == 2 && status["recogniser"]["reads"].as_u64() > Some(0)
    });
}
