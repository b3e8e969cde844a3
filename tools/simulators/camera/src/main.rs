//! `camera-sim`: RTSP cameras of a synthetic gate, or of pictures and videos that are there.

use std::fs::File;
use std::io::{BufRead, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use camera_sim::{
    Cache, Clip, Fault, Feed, Format, LaneFeed, Listen, Mount, Repeated, Server, Stamps, Studio,
    init, play, write_clip, write_picture,
};
use clap::Parser;
use traffic::{Kind, Scenario, Spec, write_truth};

/// Serves synthetic cameras over RTSP on 127.0.0.1. Lines on standard input change what they do:
/// `normal|freeze|black|hang|garbage|times-zero|times-back|times-jump [CAMERA]`, `stop` (as a camera that is switched off), `start`, `quit`.
#[derive(Parser)]
#[command(name = "camera-sim", version)]
struct Options {
    /// The port; 0 takes a free one, which is printed.
    #[arg(long, default_value_t = 8554)]
    port: u16,
    /// The vehicle lanes to show, each a mount of its own.
    #[arg(long, value_delimiter = ',', default_value = "in-1,out-1")]
    lanes: Vec<String>,
    /// The seed of the traffic; the sensor simulator must get the same.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// When the scenario starts, milliseconds since 1970; now, when it is not given.
    #[arg(long)]
    start_at: Option<u64>,
    /// For how long vehicles come, seconds.
    #[arg(long, default_value_t = 86_400)]
    seconds: u64,
    /// So many seconds of the scenario are encoded before `ready` is printed.
    #[arg(long, default_value_t = 70)]
    ready_seconds: u64,
    /// Writes the ground truth (JSON lines) of the shown lanes.
    #[arg(long)]
    truth: Option<PathBuf>,
    /// Size and speed of the pictures, for example 1920x1080@25.
    #[arg(long, default_value = "1280x720@15", value_parser = format)]
    format: Format,
    /// Where encoded clips are kept.
    #[arg(long, default_value = ".cache/clips")]
    cache: PathBuf,
    /// Serves this folder of pictures or video instead of lanes, under the mount `play`.
    #[arg(long)]
    play: Option<PathBuf>,
    /// `user:password` that clients must give.
    #[arg(long)]
    login: Option<String>,
    /// Encodes what the lanes need, and ends.
    #[arg(long)]
    prepare: bool,
    /// Writes the first vehicle's visit (or what `--play` names) as .mp4 or .h264, and ends.
    #[arg(long)]
    write_clip: Option<PathBuf>,
    /// Writes `--seconds` of the first lane as .mp4 or .h264, and ends.
    #[arg(long)]
    write_lane: Option<PathBuf>,
    /// Writes so many pictures of vehicles at the arm, with labels.tsv, into `--stills-to`, and ends.
    #[arg(long, requires = "stills_to")]
    stills: Option<usize>,
    /// The folder for `--stills`.
    #[arg(long)]
    stills_to: Option<PathBuf>,
}

fn main() -> Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let options = Options::parse();
    init()?;
    let scenario = Scenario::generate(&Spec::seconds(options.seed, options.seconds));
    if let Some(path) = &options.truth {
        let mut file = BufWriter::new(
            File::create(path).with_context(|| format!("{} cannot be written", path.display()))?,
        );
        write_truth(&scenario, &options.lanes, &mut file)?;
        file.flush()?;
    }
    let cache = Arc::new(Cache::open(&options.cache)?);
    if let (Some(count), Some(folder)) = (options.stills, &options.stills_to) {
        return stills(&options, &scenario, &cache, count, folder);
    }
    if let Some(path) = &options.write_clip {
        return first_clip(&options, &scenario, &cache, path);
    }
    if let Some(path) = &options.write_lane {
        return lane_video(&options, &scenario, &cache, path);
    }
    let mounts = mounts(&options, &scenario, &cache)?;
    if options.prepare {
        return Ok(());
    }
    serve(&options, mounts)
}

fn mounts(options: &Options, scenario: &Scenario, cache: &Arc<Cache>) -> Result<Vec<Mount>> {
    if let Some(path) = &options.play {
        let clip = play(path, options.format, cache)?;
        return Ok(vec![Mount {
            name: "play".to_owned(),
            feed: Box::new(Repeated(clip)),
        }]);
    }
    // One thread a lane: drawing and encoding are what starting takes.
    std::thread::scope(|scope| {
        let workers: Vec<_> = options
            .lanes
            .iter()
            .map(|name| scope.spawn(move || mount(options, scenario, cache, name)))
            .collect();
        workers
            .into_iter()
            .map(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|_| bail!("a lane could not be drawn"))
            })
            .collect()
    })
}

fn mount(options: &Options, scenario: &Scenario, cache: &Arc<Cache>, name: &str) -> Result<Mount> {
    let lane = scenario.lane(name).with_context(|| {
        let known: Vec<&str> = scenario
            .lanes
            .iter()
            .map(|lane| lane.name.as_str())
            .collect();
        format!("there is no lane {name}; there are {}", known.join(", "))
    })?;
    let studio = Studio::open(name, options.seed, options.format, Arc::clone(cache))?;
    let feed: Box<dyn Feed> = Box::new(LaneFeed::prepare(
        studio,
        lane,
        options.ready_seconds * 1000,
    )?);
    Ok(Mount {
        name: name.to_owned(),
        feed,
    })
}

fn serve(options: &Options, mounts: Vec<Mount>) -> Result<()> {
    let login = match options.login.as_deref().map(|login| login.split_once(':')) {
        None => None,
        Some(Some((user, password))) => Some((user.to_owned(), password.to_owned())),
        Some(None) => bail!("--login wants user:password"),
    };
    let names: Vec<String> = mounts.iter().map(|mount| mount.name.clone()).collect();
    let mut server = Server::start(
        Listen {
            port: options.port,
            login,
        },
        mounts,
        start(options.start_at),
    )?;
    for name in &names {
        println!("ready {}", server.url(name));
    }
    std::io::stdout().flush()?;
    for line in std::io::stdin().lock().lines() {
        if !obey(&mut server, line?.trim())? {
            return Ok(());
        }
    }
    // Standard input is closed: serve until the process is ended.
    loop {
        std::thread::park();
    }
}

fn obey(server: &mut Server, line: &str) -> Result<bool> {
    let (word, camera) = match line.split_once(' ') {
        Some((word, camera)) => (word, Some(camera)),
        None => (line, None),
    };
    match word {
        "normal" => server.fault(camera, Fault::None),
        "freeze" => server.fault(camera, Fault::Frozen),
        "black" => server.fault(camera, Fault::Black),
        "hang" => server.fault(camera, Fault::Hung),
        "garbage" => server.fault(camera, Fault::Garbage),
        "times-zero" => server.fault(camera, Fault::Times(Stamps::Zero)),
        "times-back" => server.fault(camera, Fault::Times(Stamps::Backwards)),
        "times-jump" => server.fault(camera, Fault::Times(Stamps::Jumping)),
        "stop" => server.close(),
        "start" => server.open()?,
        "quit" => return Ok(false),
        "" => {}
        other => {
            eprintln!(
                "{other} is not known; normal, freeze, black, hang, garbage, times-zero, times-back, \
                 times-jump, stop, start, quit are"
            )
        }
    }
    Ok(true)
}

/// The instant of a wall-clock moment; moments before this process's clock began count as its beginning.
fn start(at: Option<u64>) -> Instant {
    let now = Instant::now();
    let Some(at) = at else { return now };
    let wall = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let at = Duration::from_millis(at);
    if at >= wall {
        now + (at - wall)
    } else {
        now.checked_sub(wall - at).unwrap_or(now)
    }
}

fn first_clip(
    options: &Options,
    scenario: &Scenario,
    cache: &Arc<Cache>,
    path: &Path,
) -> Result<()> {
    let clip = if let Some(folder) = &options.play {
        play(folder, options.format, cache)?
    } else {
        let name = options.lanes.first().context("--lanes names no lane")?;
        let lane = scenario
            .lane(name)
            .with_context(|| format!("there is no lane {name}"))?;
        let mut studio = Studio::open(name, options.seed, options.format, Arc::clone(cache))?;
        match lane.arrivals.first().map(|arrival| &arrival.kind) {
            Some(Kind::Vehicle { plate, body, .. }) => studio.visit(plate, *body)?,
            _ => bail!("no vehicle comes to {name}"),
        }
    };
    write_clip(&clip, path)
}

/// What the first lane shows from the scenario's start on, until its last vehicle has gone.
fn lane_video(
    options: &Options,
    scenario: &Scenario,
    cache: &Arc<Cache>,
    path: &Path,
) -> Result<()> {
    let name = options.lanes.first().context("--lanes names no lane")?;
    let mount = mount(options, scenario, cache, name)?;
    let lane = scenario.lane(name).context("there is no such lane")?;
    let end_ms = lane.arrivals.last().map_or(0, |last| last.gone_ms) + 3_000;
    let count = end_ms * u64::from(options.format.fps) / 1_000;
    let mut feed = mount.feed;
    let units = (0..count).map(|number| feed.unit(number));
    let clip = Clip {
        format: options.format,
        encoding: camera_sim::Encoding::usual(options.format),
        units: units.collect::<Result<_>>()?,
    };
    write_clip(&clip, path)
}

/// Pictures of plates of every kind in turn, and `labels.tsv` (`file`, tab, `plate`, tab, `kind`).
fn stills(
    options: &Options,
    scenario: &Scenario,
    cache: &Arc<Cache>,
    count: usize,
    folder: &Path,
) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let name = options.lanes.first().context("--lanes names no lane")?;
    let mut studio = Studio::open(name, options.seed, options.format, Arc::clone(cache))?;
    let mut labels = BufWriter::new(File::create(folder.join("labels.tsv"))?);
    let mut seen: Vec<&str> = Vec::new();
    for (_, arrival) in scenario.timeline() {
        let Kind::Vehicle { plate, body, .. } = &arrival.kind else {
            continue;
        };
        if seen.contains(&plate.text.as_str()) {
            continue;
        }
        seen.push(&plate.text);
        let file = format!("{:03}.png", seen.len());
        write_picture(
            &studio.still(plate, *body),
            options.format,
            &folder.join(&file),
        )?;
        writeln!(labels, "{file}\t{}\t{:?}", plate.text, plate.kind)?;
        if seen.len() == count {
            break;
        }
    }
    Ok(labels.flush()?)
}

fn format(text: &str) -> Result<Format, String> {
    let parse = || {
        let (size, fps) = text.split_once('@')?;
        let (width, height) = size.split_once('x')?;
        Some(Format {
            width: width.parse().ok()?,
            height: height.parse().ok()?,
            fps: fps.parse().ok()?,
        })
    };
    match parse() {
        Some(format)
            if format.width % 2 == 0
                && format.height % 2 == 0
                && (64..=3840).contains(&format.width)
                && (1..=60).contains(&format.fps) =>
        {
            Ok(format)
        }
        _ => Err("wanted WIDTHxHEIGHT@FPS with an even size, for example 1280x720@15".to_owned()),
    }
}
