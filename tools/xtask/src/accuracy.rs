//! `cargo xtask accuracy`: how well plates are read, on labelled pictures or on drawn traffic whose
//! truth is known.

mod beside;
mod pictures;
mod simulated;
mod tally;
mod video;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

#[derive(Args)]
pub struct AccuracyArgs {
    /// The folder that the labels' paths are relative to.
    #[arg(long, value_name = "DIR", required_unless_present_any = ["simulated", "video"])]
    pictures: Option<PathBuf>,
    /// One row a picture, tab-separated, with the columns path, plate and source; labels.tsv in the
    /// folder of the pictures, unless given.
    #[arg(long, value_name = "TSV")]
    labels: Option<PathBuf>,
    /// Another reader of the same pictures in the same run, asked in turns with ours.
    #[arg(long, value_name = "READER", requires = "pictures")]
    beside: Option<beside::Other>,
    /// Only every N-th picture.
    #[arg(long, value_name = "N", default_value_t = 1)]
    every: usize,
    /// Drawn traffic instead of pictures: all kinds and provinces, by day, at night and in rain.
    #[arg(long, conflicts_with_all = ["pictures", "labels"])]
    simulated: bool,
    /// Drawn traffic as a video, read by the daemon's own looks and votes.
    #[arg(long, conflicts_with_all = ["pictures", "labels", "simulated"])]
    video: bool,
    /// Seconds of the video; about one vehicle in seven seconds.
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// Vehicles that are drawn.
    #[arg(long, default_value_t = 2_000)]
    vehicles: u64,
    /// So many of them, the first ones, go through an H.264 encoder and decoder.
    #[arg(long, value_name = "M", default_value_t = 200)]
    through_h264: u64,
    /// Conditions evenly over all that is called readable, instead of as gates have them.
    #[arg(long)]
    even: bool,
    /// Decides everything that is drawn. Constants were chosen with other seeds than the default.
    #[arg(long, default_value_t = 20_261_124)]
    seed: u64,
    /// Threads, each with a recogniser of its own; as many as processors, unless given.
    #[arg(long)]
    threads: Option<usize>,
    /// Keeps the last picture of each drawn vehicle here, to be looked at.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    #[arg(long)]
    json: bool,
    /// The folder with models.toml and what ./tools/models fetched.
    #[arg(long, value_name = "DIR", default_value = "models")]
    models: PathBuf,
}

pub fn run(args: AccuracyArgs) -> anyhow::Result<ExitCode> {
    if args.video {
        return video::run(&args);
    }
    let Some(folder) = &args.pictures else {
        return simulated::run(&args);
    };
    let labels = args
        .labels
        .clone()
        .unwrap_or_else(|| folder.join("labels.tsv"));
    pictures::run(&args, folder, &labels)
}
