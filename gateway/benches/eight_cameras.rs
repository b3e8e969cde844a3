//! Eight 1080p25 cameras, two of them busy, on one daemon: from the first readable frame to the
//! sighting, beside the bare cost of decoding and of the models' calls.
//!
//! `eight_cameras [SECONDS]` prints one row as JSON. The cameras are simulated and known to the
//! millisecond; the daemon is the real one with a broker and a platform. A sighting counts when the
//! gate recorded the passage or the decision that it led to.

#[path = "../tests/harness/mod.rs"]
mod harness;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use camera_sim::{Cache, Format, LaneFeed, Listen, Mount, Repeated, Server, Studio};
use gateway_recognise::{How, I420, Picture, Plane, Recogniser};
use harness::Gate;
use serde_json::Value;
use traffic::{Kind, Scenario, Spec};

const FORMAT: Format = Format {
    width: 1920,
    height: 1080,
    fps: 25,
};
const SEED: u64 = 11;
const BUSY: [&str; 2] = ["in-1", "out-1"];
const QUIET: [&str; 6] = [
    "quiet-1", "quiet-2", "quiet-3", "quiet-4", "quiet-5", "quiet-6",
];
/// The daemon and its streams are there before the first vehicle.
const SETTLES: Duration = Duration::from_secs(12);
/// The last vehicle is told within this of its leaving.
const TOLD: Duration = Duration::from_secs(8);
/// The bare decoders are measured for so long.
const BARE: Duration = Duration::from_secs(8);
/// Calls of each model in a row.
const CALLS: usize = 20;

fn main() {
    let number = std::env::args().skip(1).find_map(|text| text.parse().ok());
    let seconds: u64 = number.unwrap_or(120);
    camera_sim::init().expect("GStreamer");
    let scenario = Scenario::generate(&Spec::seconds(SEED, seconds));
    let mounts = mounts(&scenario, seconds);
    let start = Instant::now() + SETTLES;
    let start_ms = wall_ms() + SETTLES.as_millis() as u64;
    let server = Server::start(Listen::default(), mounts, start).expect("a server");
    let mut gate = gate(&server);
    let pid = gate.daemon().pid();
    pause_until(start);
    let (cpu_before, begun) = (cpu_seconds(pid), Instant::now());
    let peak_kib = peak_memory(pid, start + Duration::from_secs(seconds) + TOLD);
    let (spent, took) = (cpu_seconds(pid) - cpu_before, begun.elapsed().as_secs_f64());
    let told = Told::of(&scenario, &gate, start_ms);
    let status = gate.gatectl(&["status", "--json"]);
    let reads = status["recogniser"]["reads"].as_f64().unwrap_or(0.0) / took;
    gate.stop_daemon();
    let decoding = bare_decode(&server);
    let [whole_ms, part_ms] = bare_calls();
    let missed = told.vehicles - told.times_ms.len();
    let note = format!(
        "{} vehicles in {seconds} s, {missed} without a sighting of their plate; resident memory at most \
         {:.0} MiB; the daemon used {:.2} cores, decoding all eight in full alone {decoding:.2}; {reads:.1} \
         reads a second, whose bare model calls take {whole_ms:.1} ms for a whole lane and {part_ms:.1} ms \
         around a plate; bare is two frames and their calls",
        told.vehicles,
        peak_kib as f64 / 1024.0,
        spent / took,
    );
    let bare = 1e3 / f64::from(FORMAT.fps) + whole_ms + part_ms;
    let row = serde_json::json!({
        "row": "eight cameras: readable to sighted",
        "unit": "ms",
        "n": told.times_ms.len(),
        "ours": { "median": quantile(&told.times_ms, 0.5), "p99": quantile(&told.times_ms, 0.99) },
        "bare": { "median": bare, "p99": bare },
        "note": note,
    });
    println!("{row}");
}

/// The two busy lanes of the scenario and six empty ones. Clips are drawn once and kept.
fn mounts(scenario: &Scenario, seconds: u64) -> Vec<Mount> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cache/clips");
    let cache = Arc::new(Cache::open(&folder).expect("a folder for clips"));
    let studio = |name: &str| Studio::open(name, SEED, FORMAT, cache.clone()).expect("a studio");
    let busy = BUSY.iter().map(|name| {
        let lane = scenario.lane(name).expect("a lane");
        let feed = LaneFeed::prepare(studio(name), lane, seconds * 1_000);
        Mount {
            name: (*name).to_owned(),
            feed: Box::new(feed.expect("drawn vehicles")),
        }
    });
    let quiet = QUIET.iter().map(|name| Mount {
        name: (*name).to_owned(),
        feed: Box::new(Repeated(studio(name).idle().expect("an empty lane"))),
    });
    busy.chain(quiet).collect()
}

/// A gate with a vehicle lane for each camera; nothing but the cameras tells of vehicles.
fn gate(server: &Server) -> Gate {
    let mut gate = Gate::start();
    gate.stop_daemon();
    let path = gate.site.path("gateway.toml");
    let mut text = std::fs::read_to_string(&path).expect("a configuration");
    for name in BUSY.iter().chain(&QUIET) {
        let url = server.url(name);
        text.push_str(&format!(
            "\n[[lane]]\nid = \"{name}\"\ntitle = {{ zh = \"{name}\", en = \"{name}\" }}\n\
             kind = \"vehicle\"\ndirection = \"entry\"\nneeds = [\"plate\"]\nleave_s = 2\n\
             password_opens = true\n[[lane.camera]]\nid = \"{name}-camera\"\nsource = \"{url}\"\n"
        ));
    }
    std::fs::write(&path, text).expect("written");
    gate.start_daemon();
    gate
}

/// What the platform heard of the vehicles that came.
struct Told {
    vehicles: usize,
    /// From the first frame in which the plate can be read, sorted.
    times_ms: Vec<f64>,
}

impl Told {
    fn of(scenario: &Scenario, gate: &Gate, start_ms: u64) -> Told {
        let joined = gate.events("sighting_joined");
        let events: Vec<(String, f64)> = joined
            .iter()
            .filter_map(|event| Some((event.to_string(), wall_of(event)?)))
            .collect();
        let mut told = Told {
            vehicles: 0,
            times_ms: Vec::new(),
        };
        for name in BUSY {
            for arrival in &scenario.lane(name).expect("a lane").arrivals {
                let Kind::Vehicle { plate, .. } = &arrival.kind else {
                    continue;
                };
                told.vehicles += 1;
                // 85 pixels wide when it appears: readable from its first frame on.
                let readable = (start_ms + arrival.appear_ms) as f64;
                let gone = (start_ms + arrival.gone_ms) as f64 + 3_000.0;
                let first = events
                    .iter()
                    .find(|(text, at)| text.contains(&plate.text) && (readable..gone).contains(at));
                told.times_ms.extend(first.map(|(_, at)| at - readable));
            }
        }
        told.times_ms.sort_by(f64::total_cmp);
        told
    }
}

/// The wall time in the event's header, milliseconds.
fn wall_of(event: &Value) -> Option<f64> {
    match event {
        Value::Object(fields) => match fields.get("wall_ms").and_then(Value::as_f64) {
            Some(wall) => Some(wall),
            None => fields.values().find_map(wall_of),
        },
        Value::String(text) if text.starts_with('{') => wall_of(&serde_json::from_str(text).ok()?),
        _ => None,
    }
}

/// Processor seconds that a process has used.
fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    // SAFETY: returns a number.
    ticks / unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64
}

/// The most that was resident until then, KiB.
fn peak_memory(pid: u32, until: Instant) -> u64 {
    let mut peak = 0;
    while Instant::now() < until {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
        peak = peak.max(kib.unwrap_or(0));
        pause_until(Instant::now() + Duration::from_millis(500));
    }
    peak
}

/// Cores that decoding the same eight streams takes, and nothing else.
fn bare_decode(server: &Server) -> f64 {
    let mut players: Vec<_> = BUSY
        .iter()
        .chain(&QUIET)
        .map(|name| {
            let line = format!(
                "rtspsrc location={} protocols=tcp latency=0 ! rtph264depay ! h264parse \
                 ! avdec_h264 max-threads=1 ! fakesink sync=false",
                server.url(name)
            );
            let mut player = Command::new("gst-launch-1.0");
            player.arg("-q").args(line.split_whitespace());
            let quiet = player.stdout(Stdio::null()).stderr(Stdio::null());
            quiet.spawn().expect("gst-launch-1.0 of gstreamer1.0-tools")
        })
        .collect();
    pause_until(Instant::now() + Duration::from_secs(4));
    let spent = |players: &[std::process::Child]| -> f64 {
        players.iter().map(|player| cpu_seconds(player.id())).sum()
    };
    let (before, begun) = (spent(&players), Instant::now());
    pause_until(begun + BARE);
    let cores = (spent(&players) - before) / begun.elapsed().as_secs_f64();
    for player in &mut players {
        let _ = player.kill();
        let _ = player.wait();
    }
    cores
}

/// Milliseconds of the bare model calls for a look at a whole lane and for one around a plate, with
/// one plate in it.
fn bare_calls() -> [f64; 2] {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    let mut recogniser = Recogniser::open(&models).expect("the models");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cache/clips");
    let cache = Arc::new(Cache::open(&folder).expect("a folder for clips"));
    let mut studio = Studio::open(BUSY[0], SEED, FORMAT, cache).expect("a studio");
    let plate = traffic::Plate {
        text: "\u{95fd}E12345".to_owned(),
        kind: traffic::PlateKind::Blue,
    };
    let still = studio.still(&plate, 3);
    let (width, height) = (FORMAT.width, FORMAT.height);
    let (luma, chroma) = still.split_at(width * height);
    let (blue, red) = chroma.split_at(width * height / 4);
    let plane = |bytes, stride| Plane { bytes, stride };
    let picture = Picture::I420(I420 {
        width: width as u32,
        height: height as u32,
        planes: [
            plane(luma, width),
            plane(blue, width / 2),
            plane(red, width / 2),
        ],
    });
    [960, 288].map(|long| {
        let how = How::stream(long);
        recogniser.read(&picture, &how).expect("a read picture");
        let mut times: Vec<f64> = (0..CALLS)
            .map(|_| recogniser.bare().expect("bare calls").as_secs_f64() * 1e3)
            .collect();
        times.sort_by(f64::total_cmp);
        times[CALLS / 2]
    })
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a clock after 1970").as_millis() as u64
}

fn pause_until(then: Instant) {
    std::thread::sleep(then.saturating_duration_since(Instant::now()));
}
