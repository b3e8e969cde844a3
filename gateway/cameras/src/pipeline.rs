//! Builds a source's pipeline: anything in, I420 out, the newest picture wins.

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;

use crate::error::CameraError;
use crate::health::{CameraHealth, Failure};
use crate::source::CameraSource;

/// How long rtspsrc itself waits for an answer, microseconds. The camera's own timer is what counts.
const ANSWER_US: u64 = 5_000_000;

/// A pipeline and its two ends. It is stopped when it is dropped.
pub(crate) struct Pipeline {
    pub(crate) pipeline: gst::Pipeline,
    pub(crate) sink: AppSink,
    pub(crate) bus: gst::Bus,
}

impl Pipeline {
    /// Builds it and starts it.
    pub(crate) fn start(source: &CameraSource) -> Result<Pipeline, CameraError> {
        let sink = sink(source);
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
                decode_rtp(&element, &pipeline, &sink);
            }
            CameraSource::File { path, .. } | CameraSource::Video { path } => {
                let element = element("filesrc")?;
                element.set_property("location", path);
                decode_any(&element, &pipeline, &sink)?;
            }
            CameraSource::V4l2 { device } => {
                let element = element("v4l2src")?;
                element.set_property("device", device);
                decode_any(&element, &pipeline, &sink)?;
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

fn element(name: &str) -> Result<gst::Element, CameraError> {
    gst::ElementFactory::make(name)
        .build()
        .map_err(|_| CameraError::Element {
            what: name.to_owned(),
        })
}

/// Holds one picture and drops the older one. A file is shown in its own time, a camera as it comes; a
/// video waits until its picture was taken.
fn sink(source: &CameraSource) -> AppSink {
    AppSink::builder()
        .caps(
            &gst::Caps::builder("video/x-raw")
                .field("format", "I420")
                .build(),
        )
        .max_buffers(1)
        .drop(!matches!(source, CameraSource::Video { .. }))
        .sync(matches!(source, CameraSource::File { .. }))
        .wait_on_eos(false)
        .build()
}

/// Asks the camera for its video only, and decodes it once its codec is known.
fn decode_rtp(source: &gst::Element, pipeline: &gst::Pipeline, sink: &AppSink) {
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
        if let Err(cause) = attach(&pipeline, pad, &sink, encoding.as_deref().unwrap_or("none")) {
            gst::element_error!(source, gst::StreamError::CodecNotFound, ("{cause}"));
        }
    });
}

fn attach(
    pipeline: &gst::Pipeline,
    pad: &gst::Pad,
    sink: &AppSink,
    encoding: &str,
) -> Result<(), String> {
    let chain = match encoding {
        "H264" => "rtph264depay ! h264parse ! avdec_h264 max-threads=1",
        "H265" => "rtph265depay ! h265parse ! avdec_h265 max-threads=1",
        "JPEG" => "rtpjpegdepay ! jpegdec",
        other => {
            return Err(format!(
                "the camera sends {other}; H264, H265 and JPEG are understood"
            ));
        }
    };
    if sink.static_pad("sink").is_some_and(|pad| pad.is_linked()) {
        return Ok(()); // A second video stream: the first one is enough.
    }
    let line = format!("{chain} ! videoconvert");
    let bin = gst::parse::bin_from_description(&line, true)
        .map_err(|_| format!("an element of {line} is missing"))?;
    let failed = |cause: glib::BoolError| cause.to_string();
    pipeline.add(&bin).map_err(failed)?;
    bin.link(sink).map_err(failed)?;
    bin.sync_state_with_parent().map_err(failed)?;
    let entry = bin.static_pad("sink").ok_or("the decoder has no entry")?;
    pad.link(&entry).map_err(|cause| cause.to_string())?;
    Ok(())
}

/// Decodes whatever a file or device gives, with one thread.
fn decode_any(
    source: &gst::Element,
    pipeline: &gst::Pipeline,
    sink: &AppSink,
) -> Result<(), CameraError> {
    let (decoder, convert) = (element("decodebin")?, element("videoconvert")?);
    let failed = |_: glib::BoolError| CameraError::Element {
        what: "decodebin ! videoconvert".to_owned(),
    };
    pipeline
        .add_many([source, &decoder, &convert, sink.upcast_ref()])
        .map_err(failed)?;
    source.link(&decoder).map_err(failed)?;
    convert.link(sink).map_err(failed)?;
    let convert = convert.downgrade();
    decoder.connect_pad_added(move |_, pad| {
        let entry = convert
            .upgrade()
            .and_then(|convert| convert.static_pad("sink"));
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let video = caps
            .structure(0)
            .is_some_and(|first| first.name().starts_with("video/"));
        if let Some(entry) = entry.filter(|entry| video && !entry.is_linked()) {
            let _ = pad.link(&entry);
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
