//! Builds a source's pipeline: anything in, encoded pictures out, each with the moment at which it came.
//!
//! What cannot be kept encoded (raw pictures of a device, rare codecs of a file) is decoded here.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;

use crate::camera::Clock;
use crate::error::CameraError;
use crate::health::{CameraHealth, Failure};
use crate::source::CameraSource;
use crate::unit::Codec;

/// How long rtspsrc itself waits for an answer, microseconds. The camera's own timer is what counts.
const ANSWER_US: u64 = 5_000_000;
/// Encoded pictures that wait for the camera's thread while it decodes what it kept: five seconds at 25 a
/// second. None is dropped, for the ones after it could not be decoded: when it is full the camera's
/// connection waits.
const WAITING: u32 = 128;
/// A picture that claims to be older than this has a wrong time stamp.
const OLDEST_US: u64 = 2_000_000;

/// A pipeline and its two ends. It is stopped when it is dropped.
pub(crate) struct Pipeline {
    pub(crate) pipeline: gst::Pipeline,
    pub(crate) sink: AppSink,
    pub(crate) bus: gst::Bus,
}

impl Pipeline {
    /// Builds it and starts it.
    pub(crate) fn start(source: &CameraSource, clock: &Clock) -> Result<Pipeline, CameraError> {
        let sink = sink(matches!(source, CameraSource::File { .. }));
        mark_arrivals(&sink, source, clock.clone());
        let pipeline = gst::Pipeline::new();
        let missing = |what: &str| CameraError::Element {
            what: what.to_owned(),
        };
        match source {
            CameraSource::Rtsp {
                url,
                user,
                password,
            } => {
                let element = element("rtspsrc")?;
                element.set_property("location", url);
                element.set_property_from_str("protocols", "tcp");
                element.set_property("latency", 0u32);
                element.set_property("tcp-timeout", ANSWER_US);
                element.set_property("user-id", user.as_deref());
                element.set_property(
                    "user-pw",
                    password.as_ref().map(|password| password.expose()),
                );
                pipeline
                    .add_many([&element, sink.upcast_ref()])
                    .map_err(|_| missing("rtspsrc"))?;
                take_rtp(&element, &pipeline, &sink);
            }
            CameraSource::File { path, .. } | CameraSource::Video { path } => {
                let element = element("filesrc")?;
                element.set_property("location", path);
                let drops = matches!(source, CameraSource::File { .. });
                take_any(&element, ("parsebin", drops), &pipeline, &sink)?;
            }
            CameraSource::V4l2 { device } => {
                let element = element("v4l2src")?;
                element.set_property("device", device);
                take_any(&element, ("decodebin", true), &pipeline, &sink)?;
            }
        }
        let bus = pipeline.bus().ok_or_else(|| missing("bus"))?;
        // A source that cannot be opened says why on the bus; the result here says only that it failed.
        let _ = pipeline.set_state(gst::State::Playing);
        Ok(Pipeline {
            pipeline,
            sink,
            bus,
        })
    }

    /// Begins again at the first picture; false when the source cannot.
    pub(crate) fn rewind(&self) -> bool {
        self.pipeline
            .seek_simple(
                gst::SeekFlags::FLUSH | gst::SeekFlags::KEY_UNIT,
                gst::ClockTime::ZERO,
            )
            .is_ok()
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// What an error on the bus means.
pub(crate) fn verdict(message: &gst::message::Error) -> CameraHealth {
    let error = message.error();
    let text = error.message().to_owned();
    CameraHealth::Failed(if error.matches(gst::ResourceError::NotAuthorized) {
        return CameraHealth::Unauthorised;
    } else if error.matches(gst::CoreError::MissingPlugin)
        || error.matches(gst::StreamError::CodecNotFound)
    {
        Failure::Missing(text)
    } else if error.is::<gst::ResourceError>() {
        Failure::Unreachable(text)
    } else {
        Failure::Undecodable(text)
    })
}

/// The codec of encoded pictures; none for raw ones.
pub(crate) fn codec(caps: &gst::CapsRef) -> Option<Codec> {
    match caps.structure(0)?.name().as_str() {
        "video/x-h264" => Some(Codec::H264),
        "video/x-h265" => Some(Codec::H265),
        "image/jpeg" => Some(Codec::Jpeg),
        _ => None,
    }
}

/// When a picture came and as which; the mark goes with the picture through its decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// Microseconds of the camera's clock.
    pub(crate) captured_us: u64,
    /// Counts the connection's pictures in the order in which they came.
    pub(crate) number: u64,
}

/// A picture's mark.
pub(crate) fn arrival(buffer: &gst::BufferRef) -> Option<Arrival> {
    buffer
        .iter_meta::<gst::ReferenceTimestampMeta>()
        .find(|mark| mark.reference() == ARRIVAL.as_ref())
        .map(|mark| Arrival {
            captured_us: mark.timestamp().useconds(),
            number: mark.duration().map_or(0, gst::ClockTime::nseconds),
        })
}

static ARRIVAL: LazyLock<gst::Caps> =
    LazyLock::new(|| gst::Caps::new_empty_simple("timestamp/x-gateway-arrival"));

fn element(name: &str) -> Result<gst::Element, CameraError> {
    gst::ElementFactory::make(name)
        .build()
        .map_err(|_| CameraError::Element {
            what: name.to_owned(),
        })
}

/// Takes whole encoded pictures, or I420. A file is shown in its own time, everything else as it comes.
fn sink(paced: bool) -> AppSink {
    let mut caps = gst::Caps::new_empty();
    {
        let caps = caps.make_mut();
        for name in ["video/x-h264", "video/x-h265"] {
            let whole = gst::Structure::builder(name)
                .field("stream-format", "byte-stream")
                .field("alignment", "au");
            caps.append_structure(whole.build());
        }
        caps.append_structure(gst::Structure::new_empty("image/jpeg"));
        caps.append_structure(
            gst::Structure::builder("video/x-raw")
                .field("format", "I420")
                .build(),
        );
    }
    AppSink::builder()
        .caps(&caps)
        .max_buffers(WAITING)
        .drop(false)
        .sync(paced)
        .wait_on_eos(false)
        .enable_last_sample(false)
        .build()
}

/// Raw pictures are large: one waits, and the newer one wins, except where none may be lost.
fn keep_one(sink: &AppSink, drops: bool) {
    sink.set_max_buffers(1);
    sink.set_drop(drops);
}

/// Marks each picture with the moment at which it came.
fn mark_arrivals(sink: &AppSink, source: &CameraSource, clock: Clock) {
    let Some(pad) = sink.static_pad("sink") else {
        return;
    };
    let stamp = match source {
        CameraSource::Video { .. } => |_: &gst::Pad, due: Option<gst::ClockTime>, _: u64| {
            due.map_or(0, gst::ClockTime::useconds)
        },
        // The sink still waits until a file's picture is due.
        CameraSource::File { .. } => |pad: &gst::Pad, due, now_us: u64| {
            let (ahead_us, late_us) = distance_us(pad, due);
            now_us.saturating_add(ahead_us).saturating_sub(late_us)
        },
        _ => |pad: &gst::Pad, due, now_us: u64| now_us.saturating_sub(distance_us(pad, due).1),
    };
    let came = AtomicU64::new(0);
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let now_us = clock();
        if let Some(buffer) = info.buffer_mut() {
            let due = running_time(pad, buffer.pts());
            let captured = gst::ClockTime::from_useconds(stamp(pad, due, now_us));
            // The number travels as the mark's duration, for the mark has no other place for it.
            let number = gst::ClockTime::from_nseconds(came.fetch_add(1, Relaxed) + 1);
            gst::ReferenceTimestampMeta::add(buffer.make_mut(), &ARRIVAL, captured, number);
        }
        gst::PadProbeReturn::Ok
    });
}

/// How far a picture's time is ahead of the pipeline's and how far behind, microseconds; one of them is 0,
/// and both are when its time stamp is wrong.
fn distance_us(pad: &gst::Pad, due: Option<gst::ClockTime>) -> (u64, u64) {
    let now = pad
        .parent_element()
        .and_then(|sink| sink.current_running_time());
    let Some((now, due)) = now.zip(due) else {
        return (0, 0);
    };
    let sane = |time: gst::ClockTime| Some(time.useconds()).filter(|us| *us < OLDEST_US);
    (
        sane(due.saturating_sub(now)).unwrap_or(0),
        sane(now.saturating_sub(due)).unwrap_or(0),
    )
}

fn running_time(pad: &gst::Pad, pts: Option<gst::ClockTime>) -> Option<gst::ClockTime> {
    let event = pad.sticky_event::<gst::event::Segment>(0)?;
    event
        .segment()
        .downcast_ref::<gst::ClockTime>()?
        .to_running_time(pts?)
}

/// Asks the camera for its video only, and takes it once its codec is known.
fn take_rtp(source: &gst::Element, pipeline: &gst::Pipeline, sink: &AppSink) {
    source.connect("select-stream", false, |values| {
        let caps = values
            .get(2)
            .and_then(|value| value.get::<gst::Caps>().ok());
        let media = caps
            .as_ref()
            .and_then(|caps| caps.structure(0))
            .and_then(|first| first.get::<&str>("media").ok());
        Some((media == Some("video")).to_value())
    });
    // Weak references: a pipeline that owned itself through this closure would never be freed.
    let (pipeline, sink) = (pipeline.downgrade(), sink.downgrade());
    source.connect_pad_added(move |source, pad| {
        let (Some(pipeline), Some(sink)) = (pipeline.upgrade(), sink.upgrade()) else {
            return;
        };
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let encoding = caps
            .structure(0)
            .and_then(|first| first.get::<String>("encoding-name").ok());
        let chain = match encoding.as_deref().unwrap_or("none") {
            "H264" => Ok("rtph264depay ! h264parse config-interval=-1"),
            "H265" => Ok("rtph265depay ! h265parse config-interval=-1"),
            "JPEG" => Ok("rtpjpegdepay"),
            other => Err(format!(
                "the camera sends {other}; H264, H265 and JPEG are understood"
            )),
        };
        if let Err(cause) = chain.and_then(|chain| attach(&pipeline, pad, &sink, chain)) {
            gst::element_error!(source, gst::StreamError::CodecNotFound, ("{cause}"));
        }
    });
}

/// Puts a chain of elements between a pad and the sink.
fn attach(
    pipeline: &gst::Pipeline,
    pad: &gst::Pad,
    sink: &AppSink,
    chain: &str,
) -> Result<(), String> {
    if sink.static_pad("sink").is_some_and(|pad| pad.is_linked()) {
        return Ok(()); // A second video stream: the first one is enough.
    }
    let bin = gst::parse::bin_from_description(chain, true)
        .map_err(|_| format!("an element of {chain} is missing"))?;
    let failed = |cause: glib::BoolError| cause.to_string();
    pipeline.add(&bin).map_err(failed)?;
    bin.link(sink).map_err(failed)?;
    bin.sync_state_with_parent().map_err(failed)?;
    let entry = bin.static_pad("sink").ok_or("the chain has no entry")?;
    pad.link(&entry).map_err(|cause| cause.to_string())?;
    Ok(())
}

/// Takes the first video that a file or device gives: encoded where it can be kept so, else decoded with
/// one thread.
fn take_any(
    source: &gst::Element,
    (opener, drops): (&str, bool),
    pipeline: &gst::Pipeline,
    sink: &AppSink,
) -> Result<(), CameraError> {
    let opener_element = element(opener)?;
    let failed = |_: glib::BoolError| CameraError::Element {
        what: opener.to_owned(),
    };
    pipeline
        .add_many([source, &opener_element, sink.upcast_ref()])
        .map_err(failed)?;
    source.link(&opener_element).map_err(failed)?;
    let (weak_pipeline, weak_sink) = (pipeline.downgrade(), sink.downgrade());
    opener_element.connect_pad_added(move |opener, pad| {
        let (Some(pipeline), Some(sink)) = (weak_pipeline.upgrade(), weak_sink.upgrade()) else {
            return;
        };
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let chain = match caps.structure(0).map(|first| first.name().as_str()) {
            Some("video/x-h264") => "h264parse config-interval=-1",
            Some("video/x-h265") => "h265parse config-interval=-1",
            Some("image/jpeg") => "identity",
            Some("video/x-raw") => {
                keep_one(&sink, drops);
                "videoconvert"
            }
            Some(name) if name.starts_with("video/") || name.starts_with("image/") => {
                keep_one(&sink, drops);
                "decodebin ! videoconvert"
            }
            _ => return,
        };
        if let Err(cause) = attach(&pipeline, pad, &sink, chain) {
            gst::element_error!(opener, gst::StreamError::CodecNotFound, ("{cause}"));
        }
    });
    pipeline.connect_deep_element_added(|_, _, added| {
        if added.has_property("max-threads")
            && added
                .factory()
                .is_some_and(|factory| factory.name().starts_with("avdec_"))
        {
            added.set_property("max-threads", 1i32);
        }
    });
    Ok(())
}
