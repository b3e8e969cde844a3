//! What the simulated cameras show, looked at through a real client.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use camera_sim::{
    Cache, Clip, Fault, Feed, Format, LaneFeed, Listen, Mount, Repeated, Server, Studio, init,
    play, write_picture,
};
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;
use traffic::{Scenario, Spec};

const SMALL: Format = Format {
    width: 320,
    height: 180,
    fps: 10,
};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("camera-sim-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A client that looks at the middle of each picture.
struct Client {
    pipeline: gst::Pipeline,
    sink: AppSink,
}

impl Client {
    fn open(url: &str) -> Client {
        let line = format!(
            "rtspsrc location={url} protocols=tcp latency=0 ! rtph264depay ! h264parse ! avdec_h264 max-threads=1 \
             ! appsink name=sink sync=false"
        );
        let pipeline = gst::parse::launch(&line)
            .unwrap()
            .downcast::<gst::Pipeline>()
            .unwrap();
        let sink = pipeline
            .by_name("sink")
            .unwrap()
            .downcast::<AppSink>()
            .unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        Client { pipeline, sink }
    }

    /// The brightness in the middle of the next picture.
    fn brightness(&self) -> u8 {
        let sample = self
            .sink
            .try_pull_sample(gst::ClockTime::from_seconds(10))
            .expect("no picture in ten seconds");
        let picture = sample.buffer().unwrap().map_readable().unwrap().to_vec();
        picture[SMALL.width * SMALL.height / 2 + SMALL.width / 2]
    }

    /// Reads pictures until the last `count` satisfy the condition.
    fn until(&self, count: usize, wanted: impl Fn(&[u8]) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(15);
        let mut seen = Vec::new();
        while Instant::now() < deadline {
            seen.push(self.brightness());
            if seen.len() >= count && wanted(&seen[seen.len() - count..]) {
                return;
            }
        }
        panic!("the pictures were {seen:?}");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Two seconds that grow brighter picture by picture.
fn brightening() -> Clip {
    Clip::encode(SMALL, 20, |number, frame| {
        let (luma, chroma) = frame.split_at_mut(SMALL.width * SMALL.height);
        luma.fill(50 + number as u8 * 8);
        chroma.fill(128);
    })
    .unwrap()
}

fn serve() -> Server {
    init().unwrap();
    let mount = Mount {
        name: "front".to_owned(),
        feed: Box::new(Repeated(brightening())),
    };
    Server::start(Listen::default(), vec![mount], Instant::now()).unwrap()
}

#[test]
fn a_camera_freezes_goes_black_and_shows_its_lane_again() {
    let server = serve();
    let client = Client::open(&server.url("front"));
    let lively = |seen: &[u8]| seen.windows(2).any(|pair| pair[0].abs_diff(pair[1]) > 3);
    client.until(10, lively);
    server.fault(Some("front"), Fault::Frozen);
    client.until(10, |seen| {
        seen.iter()
            .all(|value| value.abs_diff(seen[0]) <= 1 && *value > 40)
    });
    server.fault(Some("front"), Fault::Black);
    client.until(10, |seen| seen.iter().all(|value| *value < 20));
    server.fault(Some("front"), Fault::None);
    client.until(10, lively);
}

#[test]
fn a_lane_shows_its_vehicles_when_they_come_and_is_empty_between() {
    init().unwrap();
    let folder = Folder::new("lane");
    let cache = Arc::new(Cache::open(&folder.0).unwrap());
    let scenario = Scenario::generate(&Spec::seconds(7, 20));
    let lane = scenario.lane("in-1").unwrap();
    let feed = || {
        LaneFeed::prepare(
            Studio::open("in-1", 7, SMALL, Arc::clone(&cache)).unwrap(),
            lane,
            2_000,
        )
        .unwrap()
    };
    let mut feeds = [feed(), feed()];
    let mut keys = Vec::new();
    for number in 0..200 {
        let [first, second] = feeds.each_mut().map(|feed| feed.unit(number).unwrap());
        let bytes = |buffer: &gst::Buffer| buffer.map_readable().unwrap().to_vec();
        assert!(
            bytes(&first.buffer) == bytes(&second.buffer),
            "the same seed, another picture: {number}"
        );
        keys.push(first.key);
    }
    for arrival in &lane.arrivals {
        assert!(
            keys[arrival.appear_ms as usize / 100],
            "{} does not begin with a key frame",
            arrival.id
        );
    }
    assert!(
        keys.windows(11).all(|second| second.contains(&true)),
        "more than a second without a key frame"
    );
}

#[test]
fn a_folder_of_pictures_is_played_in_the_order_of_names() {
    init().unwrap();
    let folder = Folder::new("pictures");
    for (name, value) in [("a.png", 60u8), ("b.png", 200)] {
        let mut frame = vec![128; SMALL.bytes()];
        frame[..SMALL.width * SMALL.height].fill(value);
        write_picture(&frame, SMALL, &folder.0.join(name)).unwrap();
    }
    std::fs::write(folder.0.join("c.png"), b"no picture").unwrap();
    let cache = Cache::open(&folder.0.join("cache")).unwrap();
    let clip = play(&folder.0, SMALL, &cache).unwrap();
    assert_eq!(clip.units.len(), 60);
    let mount = Mount {
        name: "play".to_owned(),
        feed: Box::new(Repeated(clip)),
    };
    let server = Server::start(Listen::default(), vec![mount], Instant::now()).unwrap();
    let client = Client::open(&server.url("play"));
    client.until(2, |seen| {
        seen[0].abs_diff(60) < 6 && seen[1].abs_diff(200) < 6
    });
}
