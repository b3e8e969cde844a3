//! Decodes encoded pictures one by one on the caller's own thread.
//!
//! The decoder's elements stand between two pads of ours: what is pushed into one comes out of the other
//! before the push returns. So there is no thread, no queue and no clock between a picture and its frame,
//! and a camera that sleeps costs nothing here.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video::{VideoInfo, VideoMeta};

use crate::error::CameraError;
use crate::pipeline::{Arrival, arrival};
use crate::unit::Codec;

/// One picture that came out.
pub(crate) struct Picture {
    pub(crate) buffer: gst::Buffer,
    pub(crate) info: VideoInfo,
    /// When its encoded form came.
    pub(crate) arrival: Arrival,
}

/// A decoder of one stream.
pub(crate) struct Decoder {
    bin: gst::Bin,
    entry: gst::Pad,
    exit: gst::Pad,
    caps: Option<gst::Caps>,
    out: Arc<Out>,
}

/// What came out and was not taken yet: at most what one push or one drain gives, 16 pictures of a
/// stream that sorts its pictures.
type Out = Mutex<VecDeque<(gst::Buffer, Option<gst::Caps>)>>;

impl Decoder {
    /// A decoder on one thread.
    pub(crate) fn new(codec: Codec) -> Result<Decoder, CameraError> {
        let line = match codec {
            Codec::H264 => "avdec_h264 max-threads=1 ! videoconvert",
            Codec::H265 => "avdec_h265 max-threads=1 ! videoconvert",
            Codec::Jpeg => "jpegdec ! videoconvert",
        };
        let missing = || CameraError::Element {
            what: line.to_owned(),
        };
        let bin = gst::parse::bin_from_description(line, true).map_err(|_| missing())?;
        let out = Arc::new(Out::default());
        let entry = gst::Pad::builder(gst::PadDirection::Src)
            .name("entry")
            .build();
        let exit = exit(&out).ok_or_else(missing)?;
        let (sink, source) = bin
            .static_pad("sink")
            .zip(bin.static_pad("src"))
            .ok_or_else(missing)?;
        entry.link(&sink).map_err(|_| missing())?;
        source.link(&exit).map_err(|_| missing())?;
        bin.set_state(gst::State::Playing).map_err(|_| missing())?;
        let ready = entry.set_active(true).is_ok() && exit.set_active(true).is_ok();
        ready
            .then_some(Decoder {
                bin,
                entry,
                exit,
                caps: None,
                out,
            })
            .ok_or_else(missing)
    }

    /// Decodes one unit; its pictures may come out with a later one. An error is the decoder's word that it
    /// cannot go on.
    pub(crate) fn push(
        &mut self,
        unit: &gst::Buffer,
        caps: &gst::Caps,
    ) -> Result<(), gst::FlowError> {
        if self.caps.as_ref() != Some(caps) {
            if self.caps.is_none() {
                self.entry
                    .push_event(gst::event::StreamStart::new("camera"));
            }
            self.entry.push_event(gst::event::Caps::new(caps));
            if self.caps.is_none() {
                self.segment();
            }
            self.caps = Some(caps.clone());
        }
        self.entry.push(unit.clone()).map(|_| ())
    }

    /// Lets out what waits for pictures that will not come, and begins anew: the next unit must be a key
    /// frame.
    pub(crate) fn drain(&mut self) {
        if self.caps.is_none() {
            return;
        }
        self.entry.push_event(gst::event::Eos::new());
        self.entry.push_event(gst::event::FlushStart::new());
        self.entry.push_event(gst::event::FlushStop::new(true));
        self.segment();
    }

    /// The next picture that came out.
    pub(crate) fn picture(&mut self) -> Option<Picture> {
        loop {
            let (buffer, caps) = self
                .out
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front()?;
            let info = caps.and_then(|caps| VideoInfo::from_caps(&caps).ok());
            if let Some((info, arrival)) = info.zip(arrival(&buffer)) {
                return Some(Picture {
                    buffer,
                    info,
                    arrival,
                });
            }
        }
    }

    fn segment(&self) {
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        self.entry.push_event(gst::event::Segment::new(&segment));
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        let _ = self.entry.set_active(false);
        let _ = self.exit.set_active(false);
        let _ = self.bin.set_state(gst::State::Null);
    }
}

/// Our end behind the decoder: takes I420 only, and pictures whose rows are padded.
fn exit(out: &Arc<Out>) -> Option<gst::Pad> {
    let caps = gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .build();
    let template = gst::PadTemplate::new(
        "exit",
        gst::PadDirection::Sink,
        gst::PadPresence::Always,
        &caps,
    )
    .ok()?;
    let out = Arc::clone(out);
    let pad = gst::Pad::builder_from_template(&template)
        .chain_function(move |pad, _, buffer| {
            out.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push_back((buffer, pad.current_caps()));
            Ok(gst::FlowSuccess::Ok)
        })
        .query_function(|pad, parent, query| {
            if let gst::QueryViewMut::Allocation(allocation) = query.view_mut() {
                // Without this word the decoder would copy each picture into one without padding.
                allocation.add_allocation_meta::<VideoMeta>(None);
                return true;
            }
            gst::Pad::query_default(pad, parent, query)
        })
        .build();
    Some(pad)
}
