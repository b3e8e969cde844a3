//! Encoded clips: access units made once and kept in a folder, so that serving costs next to nothing.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSrc};

use crate::scene::Format;

/// How pictures are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    H264,
    H265,
    /// Motion JPEG: every picture is a key frame.
    Jpeg,
}

/// What a camera's own settings say about its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Encoding {
    pub codec: Codec,
    /// Pictures from one key frame to the next; 0 sends one at the beginning and refreshes the picture bit
    /// by bit from then on (H.264 only).
    pub key_every: u32,
    /// Pictures between two others that refer to both (H.264 only); 0 is what most cameras do.
    pub b_frames: u32,
    /// A constant rate, kilobits a second; none keeps the quality.
    pub kilobits: Option<u32>,
}

impl Encoding {
    /// H.264 with a key frame each second and constant quality.
    pub fn usual(format: Format) -> Encoding {
        Encoding::of(Codec::H264, format)
    }

    /// Another codec, with a key frame each second and constant quality.
    pub fn of(codec: Codec, format: Format) -> Encoding {
        Encoding {
            codec,
            key_every: format.fps,
            b_frames: 0,
            kilobits: None,
        }
    }
}

/// One encoded picture, Annex B or JPEG. A key frame carries the parameter sets.
#[derive(Clone)]
pub struct Unit {
    /// Decoding may begin here.
    pub key: bool,
    /// The bytes, ready to be sent.
    pub buffer: gst::Buffer,
}

/// A run of encoded pictures that begins with a key frame.
#[derive(Clone)]
pub struct Clip {
    /// Size and speed.
    pub format: Format,
    /// How it is encoded.
    pub encoding: Encoding,
    /// In the order of decoding, which is the order of showing where there are no B frames.
    pub units: Vec<Unit>,
}

impl Clip {
    /// Encodes `count` frames as cameras usually do; `draw` fills the I420 frame of a number.
    pub fn encode(
        format: Format,
        count: usize,
        draw: impl FnMut(usize, &mut [u8]),
    ) -> Result<Clip> {
        Clip::encode_as(format, Encoding::usual(format), count, draw)
    }

    /// Encodes `count` frames in that way.
    pub fn encode_as(
        format: Format,
        encoding: Encoding,
        count: usize,
        mut draw: impl FnMut(usize, &mut [u8]),
    ) -> Result<Clip> {
        let (source, sink, pipeline) = encoder(format, encoding)?;
        pipeline.set_state(gst::State::Playing)?;
        let period = gst::ClockTime::SECOND.nseconds() / u64::from(format.fps);
        let mut units = Vec::with_capacity(count);
        for number in 0..count {
            let mut buffer = gst::Buffer::with_size(format.bytes())?;
            {
                let buffer = buffer.get_mut().context("a new buffer is ours alone")?;
                buffer.set_pts(gst::ClockTime::from_nseconds(period * number as u64));
                draw(number, buffer.map_writable()?.as_mut_slice());
            }
            source.push_buffer(buffer)?;
            // Some encoders hold pictures back; what is out already is taken.
            while let Some(sample) = sink.try_pull_sample(gst::ClockTime::ZERO) {
                units.push(unit(&sample)?);
            }
        }
        source.end_of_stream()?;
        while units.len() < count {
            let sample = sink
                .try_pull_sample(gst::ClockTime::from_seconds(20))
                .context("the encoder gave no picture for 20 seconds")?;
            units.push(unit(&sample)?);
        }
        pipeline.set_state(gst::State::Null)?;
        Ok(Clip {
            format,
            encoding,
            units,
        })
    }

    /// The clip of that name from the folder, or encoded now, as cameras usually do, and kept there.
    pub fn cached(
        cache: &Cache,
        name: &str,
        format: Format,
        make: impl FnOnce() -> Result<Clip>,
    ) -> Result<Clip> {
        let path = cache.path(name, format);
        if let Ok(clip) = Clip::read(&path, format) {
            return Ok(clip);
        }
        let clip = make()?;
        clip.write(&path)?;
        Ok(clip)
    }

    /// The bare byte stream.
    pub fn stream(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        for unit in &self.units {
            bytes.extend_from_slice(&unit.buffer.map_readable()?);
        }
        Ok(bytes)
    }

    /// The pictures as a decoder gives them back: I420 without padding, one for each unit.
    pub fn decode(&self) -> Result<Vec<Vec<u8>>> {
        let Format { width, height, fps } = self.format;
        let line = format!(
            "appsrc name=source format=time caps=video/x-h264,stream-format=byte-stream,alignment=au,framerate={fps}/1 \
             ! h264parse ! avdec_h264 max-threads=1 ! videoconvert \
             ! video/x-raw,format=I420,width={width},height={height} ! appsink name=sink sync=false"
        );
        let pipeline = gst::parse::launch(&line)
            .context("the decoder is missing; install gstreamer1.0-libav (avdec_h264)")?
            .downcast::<gst::Pipeline>()
            .map_err(|_| anyhow::anyhow!("the decoder is no pipeline"))?;
        let source = named::<AppSrc>(&pipeline, "source")?;
        let sink = named::<AppSink>(&pipeline, "sink")?;
        pipeline.set_state(gst::State::Playing)?;
        let period = gst::ClockTime::SECOND / u64::from(fps);
        for (number, unit) in self.units.iter().enumerate() {
            let mut buffer = unit.buffer.copy();
            let fresh = buffer.get_mut().context("a copied buffer is ours alone")?;
            fresh.set_pts(period * number as u64);
            source.push_buffer(buffer)?;
        }
        source.end_of_stream()?;
        let mut frames = Vec::new();
        while let Some(sample) = sink.try_pull_sample(gst::ClockTime::from_seconds(20)) {
            let buffer = sample.buffer().context("a sample without a picture")?;
            frames.push(buffer.map_readable()?.to_vec());
        }
        pipeline.set_state(gst::State::Null)?;
        ensure!(
            frames.len() == self.units.len()
                && frames.iter().all(|f| f.len() == self.format.bytes()),
            "the decoder gave {} pictures of {}",
            frames.len(),
            self.units.len()
        );
        Ok(frames)
    }

    fn write(&self, path: &Path) -> Result<()> {
        let part = path.with_extension(format!("part-{}", std::process::id()));
        let mut file = std::io::BufWriter::new(fs::File::create(&part)?);
        for unit in &self.units {
            let bytes = unit.buffer.map_readable()?;
            file.write_all(&(bytes.len() as u32).to_le_bytes())?;
            file.write_all(&[u8::from(unit.key)])?;
            file.write_all(&bytes)?;
        }
        file.flush()?;
        drop(file);
        fs::rename(&part, path).with_context(|| format!("{} cannot be written", path.display()))
    }

    fn read(path: &Path, format: Format) -> Result<Clip> {
        let bytes = fs::read(path)?;
        let mut rest = bytes.as_slice();
        let mut units = Vec::new();
        while let Some((head, tail)) = rest.split_at_checked(5) {
            let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
            let (data, tail) = tail
                .split_at_checked(length)
                .context("the clip is cut short")?;
            units.push(Unit {
                key: head[4] == 1,
                buffer: gst::Buffer::from_slice(data.to_vec()),
            });
            rest = tail;
        }
        ensure!(
            rest.is_empty() && units.first().is_some_and(|unit| unit.key),
            "the clip is damaged"
        );
        Ok(Clip {
            format,
            encoding: Encoding::usual(format),
            units,
        })
    }
}

/// The folder where clips are kept. A clip's name holds everything that it was made from.
pub struct Cache {
    folder: PathBuf,
}

/// Changes whenever the drawing changes, so that no old clip is shown.
const LOOK: u32 = 3;

impl Cache {
    /// Uses the folder, which is created.
    pub fn open(folder: &Path) -> Result<Cache> {
        fs::create_dir_all(folder)
            .with_context(|| format!("{} cannot be created", folder.display()))?;
        Ok(Cache {
            folder: folder.to_owned(),
        })
    }

    fn path(&self, name: &str, format: Format) -> PathBuf {
        let Format { width, height, fps } = format;
        let whole = format!("{LOOK} {name}");
        let hash = whole.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        self.folder
            .join(format!("{hash:016x}-{width}x{height}-{fps}.clip"))
    }
}

fn encoder(format: Format, encoding: Encoding) -> Result<(AppSrc, AppSink, gst::Pipeline)> {
    let Format { width, height, fps } = format;
    let Encoding {
        codec,
        key_every,
        b_frames,
        kilobits,
    } = encoding;
    // The quantizer decides; the rate only keeps a burst within what a camera would send.
    let most = (width * height / 250).max(500);
    let keys = if key_every == 0 {
        "key-int-max=1000000 intra-refresh=true".to_owned()
    } else {
        format!("key-int-max={key_every}")
    };
    let rate = kilobits.map_or_else(
        || format!("pass=qual quantizer=22 bitrate={most}"),
        |kilobits| format!("pass=cbr bitrate={kilobits} vbv-buf-capacity=600"),
    );
    let (tune, profile) = if b_frames > 0 {
        ("rc-lookahead=0", "main")
    } else {
        ("tune=zerolatency", "constrained-baseline")
    };
    let line = match codec {
        Codec::H264 => format!(
            "x264enc {rate} {keys} {tune} speed-preset=ultrafast threads=1 trellis=false bframes={b_frames} \
               b-adapt=false byte-stream=true aud=false \
             ! video/x-h264,profile={profile},stream-format=byte-stream,alignment=au"
        ),
        Codec::H265 => format!(
            "x265enc key-int-max={key_every} bitrate={most} speed-preset=ultrafast tune=zerolatency \
               option-string=pools=none:frame-threads=1:repeat-headers=1:log-level=none \
             ! video/x-h265,stream-format=byte-stream,alignment=au"
        ),
        Codec::Jpeg => "jpegenc quality=85 ! image/jpeg".to_owned(),
    };
    let line = format!(
        "appsrc name=source format=time block=true max-buffers=4 \
           caps=video/x-raw,format=I420,width={width},height={height},framerate={fps}/1 \
         ! {line} ! appsink name=sink sync=false"
    );
    let pipeline = gst::parse::launch(&line)
        .context(
            "an encoder is missing; install gstreamer1.0-plugins-ugly (x264enc) and -bad (x265enc)",
        )?
        .downcast::<gst::Pipeline>()
        .map_err(|_| anyhow::anyhow!("the encoder is no pipeline"))?;
    let source = named::<AppSrc>(&pipeline, "source")?;
    let sink = named::<AppSink>(&pipeline, "sink")?;
    Ok((source, sink, pipeline))
}

/// The element of that name and type.
pub(crate) fn named<T: IsA<gst::Element>>(bin: &impl IsA<gst::Bin>, name: &str) -> Result<T> {
    let element = bin
        .by_name(name)
        .with_context(|| format!("the element {name} is missing"))?;
    element
        .downcast::<T>()
        .map_err(|_| anyhow::anyhow!("the element {name} is of another type"))
}

fn unit(sample: &gst::Sample) -> Result<Unit> {
    let encoded = sample.buffer().context("a sample without a picture")?;
    let key = !encoded.flags().contains(gst::BufferFlags::DELTA_UNIT);
    // Encoders count from a moment far from zero; the segment says from which.
    let shown = sample
        .segment()
        .and_then(|segment| segment.downcast_ref::<gst::ClockTime>())
        .zip(encoded.pts())
        .and_then(|(segment, pts)| segment.to_running_time(pts));
    let mut buffer = gst::Buffer::from_slice(encoded.map_readable()?.to_vec());
    buffer
        .get_mut()
        .context("a new buffer is ours alone")?
        .set_pts(shown);
    Ok(Unit { key, buffer })
}
