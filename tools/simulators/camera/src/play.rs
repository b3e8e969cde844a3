//! Plays what is there: a folder of pictures or a video file, encoded into a clip that repeats.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, bail, ensure};
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSrc};
use image::imageops::FilterType;

use crate::canvas::Canvas;
use crate::clip::{Cache, Clip, Codec, named};
use crate::scene::{Format, to_i420};

/// How long each picture of a folder is shown, milliseconds.
const PICTURE_MS: usize = 2_000;
/// A video is played up to so many seconds.
const VIDEO_SECONDS: u64 = 600;

/// The clip of a folder of pictures (in the order of their names, two seconds each) or of a video.
pub fn play(path: &Path, format: Format, cache: &Cache) -> Result<Clip> {
    let changed =
        fs::metadata(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let stamp = changed.modified()?.duration_since(UNIX_EPOCH)?.as_millis();
    let name = format!(
        "play {} {stamp} {}",
        path.canonicalize()?.display(),
        changed.len()
    );
    Clip::cached(cache, &name, format, || {
        if changed.is_dir() {
            folder(path, format)
        } else {
            video(path, format)
        }
    })
}

fn folder(path: &Path, format: Format) -> Result<Clip> {
    let mut pictures: Vec<PathBuf> = fs::read_dir(path)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| image::ImageFormat::from_path(path).is_ok())
        .collect();
    pictures.sort();
    ensure!(!pictures.is_empty(), "{} holds no pictures", path.display());
    let each = PICTURE_MS * format.fps as usize / 1000;
    let mut shown = vec![0; format.bytes()];
    Clip::encode(format, each * pictures.len(), |number, frame| {
        if number % each == 0 {
            let path = &pictures[number / each];
            match image::open(path) {
                Ok(picture) => to_i420(&fitted(&picture.to_rgb8(), format), &mut shown),
                Err(cause) => {
                    tracing::warn!(path = %path.display(), %cause, "a picture cannot be decoded; skipped")
                }
            }
        }
        frame.copy_from_slice(&shown);
    })
}

/// The picture as large as it fits, in the middle of grey.
fn fitted(picture: &image::RgbImage, format: Format) -> Canvas {
    let (width, height) = (format.width as f32, format.height as f32);
    let scale = (width / picture.width() as f32).min(height / picture.height() as f32);
    let across = ((picture.width() as f32 * scale) as u32).max(1);
    let down = ((picture.height() as f32 * scale) as u32).max(1);
    let scaled = image::imageops::resize(picture, across, down, FilterType::Triangle);
    let mut canvas = Canvas::new(format.width, format.height);
    canvas.pixels.fill([96, 96, 96, 255]);
    let (left, top) = (
        (format.width - across as usize) / 2,
        (format.height - down as usize) / 2,
    );
    for (x, y, pixel) in scaled.enumerate_pixels() {
        let [red, green, blue] = pixel.0;
        canvas.pixels[(top + y as usize) * format.width + left + x as usize] =
            [red, green, blue, 255];
    }
    canvas
}

fn video(path: &Path, format: Format) -> Result<Clip> {
    let Format { width, height, fps } = format;
    let location = path.to_str().context("the video's path is not UTF-8")?;
    let line = format!(
        "filesrc name=file ! decodebin ! videoconvert ! videoscale add-borders=true ! videorate \
         ! video/x-raw,format=I420,width={width},height={height},framerate={fps}/1,pixel-aspect-ratio=1/1 \
         ! appsink name=sink sync=false max-buffers=8"
    );
    let pipeline = pipeline(&line)?;
    named::<gst::Element>(&pipeline, "file")?.set_property("location", location);
    let sink: AppSink = named(&pipeline, "sink")?;
    pipeline.set_state(gst::State::Playing)?;
    let mut frames = Vec::new();
    let most = (VIDEO_SECONDS * u64::from(fps)) as usize;
    while frames.len() < most {
        match sink.try_pull_sample(gst::ClockTime::from_seconds(20)) {
            Some(sample) => frames.push(
                sample
                    .buffer_owned()
                    .context("a sample without a picture")?,
            ),
            None if sink.is_eos() => break,
            None => bail!("{} cannot be decoded as a video", path.display()),
        }
    }
    let mut failed = None;
    let clip = Clip::encode(format, frames.len(), |number, frame| {
        match frames[number].map_readable() {
            Ok(picture) => frame.copy_from_slice(&picture),
            Err(cause) => failed = Some(cause),
        }
    });
    pipeline.set_state(gst::State::Null)?;
    ensure!(
        !frames.is_empty() && failed.is_none(),
        "{} gave no pictures",
        path.display()
    );
    clip
}

/// Writes a clip as a bare byte stream (`.h264`, `.h265`), a Matroska file (`.mkv`) or an MP4 file (all
/// others).
pub fn write_clip(clip: &Clip, path: &Path) -> Result<()> {
    if path
        .extension()
        .is_some_and(|ending| ending == "h264" || ending == "h265")
    {
        return fs::write(path, clip.stream()?)
            .with_context(|| format!("{} cannot be written", path.display()));
    }
    let fps = clip.format.fps;
    let Format { width, height, .. } = clip.format;
    let chain = match clip.encoding.codec {
        Codec::H264 => "video/x-h264,stream-format=byte-stream,alignment=au ! h264parse",
        Codec::H265 => "video/x-h265,stream-format=byte-stream,alignment=au ! h265parse",
        Codec::Jpeg => "image/jpeg ! jpegparse",
    };
    let chain = chain.replacen(
        ' ',
        &format!(",width={width},height={height},framerate={fps}/1 "),
        1,
    );
    let mux = match path.extension() {
        Some(ending) if ending == "mkv" => "matroskamux",
        _ => "mp4mux",
    };
    let line = format!("appsrc name=source format=time caps={chain} ! {mux} ! filesink name=file");
    let pipeline = pipeline(&line)?;
    named::<gst::Element>(&pipeline, "file")?
        .set_property("location", path.to_str().context("the path is not UTF-8")?);
    let source: AppSrc = named(&pipeline, "source")?;
    pipeline.set_state(gst::State::Playing)?;
    let period = gst::ClockTime::SECOND / u64::from(fps);
    for (number, unit) in clip.units.iter().enumerate() {
        let mut buffer = unit.buffer.copy();
        let fresh = buffer.get_mut().context("a copied buffer is ours alone")?;
        // Pictures that are sorted are shown later than they are decoded.
        let late = period * u64::from(clip.encoding.b_frames.min(1) * 2);
        let shown = unit.buffer.pts().unwrap_or(period * number as u64);
        fresh.set_pts(shown + late);
        fresh.set_dts(period * number as u64);
        fresh.set_duration(period);
        source.push_buffer(buffer)?;
    }
    source.end_of_stream()?;
    let bus = pipeline.bus().context("a pipeline has a bus")?;
    let end = bus.timed_pop_filtered(
        gst::ClockTime::from_seconds(60),
        &[gst::MessageType::Eos, gst::MessageType::Error],
    );
    pipeline.set_state(gst::State::Null)?;
    match end {
        Some(message) if message.type_() == gst::MessageType::Eos => Ok(()),
        _ => bail!("{} cannot be written", path.display()),
    }
}

fn pipeline(line: &str) -> Result<gst::Pipeline> {
    let element = gst::parse::launch(line).context("a GStreamer element is missing")?;
    element
        .downcast::<gst::Pipeline>()
        .map_err(|_| anyhow::anyhow!("the line is no pipeline"))
}
