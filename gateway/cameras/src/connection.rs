//! One connection with a camera: what comes is kept, looked at or decoded, until the connection ends.

use gstreamer as gst;
use gstreamer_video::VideoInfo;

use crate::camera::Watch;
use crate::decoder::{Decoder, Picture};
use crate::error::CameraError;
use crate::health::{CameraHealth, Cause, Decoding, Failure};
use crate::pipeline::{Arrival, arrival, codec};
use crate::ring::{Kept, Ring};
use crate::unit::{Codec, Entry, entry};
use crate::vigil::{Came, Step, Vigil};

/// What one connection knows.
#[derive(Default)]
pub(crate) struct Connection {
    /// None while the pictures are raw.
    stream: Option<Stream>,
    /// The caps of raw pictures and what they mean.
    raw: Option<(gst::Caps, VideoInfo)>,
}

/// An encoded stream.
struct Stream {
    codec: Codec,
    decoder: Decoder,
    ring: Ring<Unit>,
    vigil: Vigil,
    /// The decoder got pictures and was not drained since.
    fed: bool,
    /// The number of the newest picture that went to the decoder …
    pushed: u64,
    /// … and pictures up to this number were handed on before what is kept is decoded.
    shown_through: u64,
    /// Errors of the decoder since it gave a picture.
    errors: u32,
}

#[derive(Clone)]
struct Unit {
    buffer: gst::Buffer,
    caps: gst::Caps,
    arrival: Arrival,
}

/// So many errors without a picture between them: the stream cannot be decoded.
const ERRORS: u32 = 8;
/// Frames that arrived so long ago are behind the live ones, microseconds.
const BEHIND_US: u64 = 200_000;

impl Connection {
    /// A picture came, encoded or raw. The state that ends the connection, if it cannot go on.
    pub(crate) fn take(&mut self, sample: &gst::Sample, watch: &mut Watch) -> Option<CameraHealth> {
        let (buffer, caps) = sample.buffer_owned().zip(sample.caps_owned())?;
        let arrival = arrival(&buffer)?;
        let Some(codec) = codec(&caps) else {
            self.raw(buffer, caps, arrival, watch);
            return None;
        };
        if self
            .stream
            .as_ref()
            .is_none_or(|stream| stream.codec != codec)
        {
            match Stream::new(codec) {
                Ok(stream) => self.stream = Some(stream),
                Err(cause) => return Some(missing(&cause)),
            }
        }
        let unit = Unit {
            buffer,
            caps,
            arrival,
        };
        self.stream.as_mut()?.take(unit, watch)
    }

    /// The stream came to its end: what the decoder still holds is handed on.
    pub(crate) fn end(&mut self, watch: &mut Watch) {
        if let Some(stream) = &mut self.stream {
            stream.rest(watch);
        }
    }

    /// Every picture is being decoded.
    pub(crate) fn is_awake(&self) -> bool {
        self.stream
            .as_ref()
            .is_none_or(|stream| stream.vigil.is_awake())
    }

    fn raw(&mut self, buffer: gst::Buffer, caps: gst::Caps, arrival: Arrival, watch: &mut Watch) {
        if self.raw.as_ref().is_none_or(|(known, _)| *known != caps) {
            self.raw = VideoInfo::from_caps(&caps).ok().map(|info| (caps, info));
        }
        let Some((_, info)) = &self.raw else { return };
        let picture = Picture {
            buffer,
            info: info.clone(),
            arrival,
        };
        if let Some(frame) = watch.look_at(picture) {
            watch.hand_on(frame, Decoding::Full(Cause::Raw));
        }
    }
}

impl Stream {
    fn new(codec: Codec) -> Result<Stream, CameraError> {
        Ok(Stream {
            codec,
            decoder: Decoder::new(codec)?,
            ring: Ring::default(),
            vigil: Vigil::new(codec == Codec::Jpeg),
            fed: false,
            pushed: 0,
            shown_through: 0,
            errors: 0,
        })
    }

    fn take(&mut self, unit: Unit, watch: &mut Watch) -> Option<CameraHealth> {
        let entry = match unit.buffer.map_readable() {
            Ok(bytes) => entry(self.codec, &bytes),
            Err(_) => return None,
        };
        let at_us = unit.arrival.captured_us;
        let step = self.vigil.came(Came {
            at_us,
            entry,
            bytes: unit.buffer.size(),
            fits: self.ring.takes(unit.buffer.size(), at_us),
            keeps: !self.ring.is_empty(),
            held: watch.is_held(at_us),
        });
        if !matches!(step, Step::Decode) && self.fed {
            self.rest(watch);
        }
        let kept = Kept {
            bytes: unit.buffer.size(),
            entry,
            captured_us: at_us,
            unit,
        };
        let done = match step {
            Step::Skip => Ok(()),
            Step::Keep => {
                self.ring.push(kept);
                Ok(())
            }
            Step::Look => {
                self.ring.push(kept.clone());
                self.look(&kept.unit, watch)
            }
            Step::Wake => self.replay(watch).and_then(|()| self.decode(kept, watch)),
            Step::Decode => self.decode(kept, watch),
        };
        done.err().and_then(|cause| self.failed(cause, at_us))
    }

    /// Decodes a picture of a stream that is awake, and keeps it in case the camera sleeps soon.
    fn decode(&mut self, kept: Kept<Unit>, watch: &mut Watch) -> Result<(), gst::FlowError> {
        let unit = kept.unit.clone();
        if kept.entry == Entry::Key {
            self.ring.clear();
        }
        self.ring.push(kept);
        self.push(&unit)?;
        self.deliver(watch, false);
        Ok(())
    }

    /// Decodes one key frame by itself. When something moves in it, or may have, what came before it is
    /// decoded too, and the camera is awake.
    fn look(&mut self, unit: &Unit, watch: &mut Watch) -> Result<(), gst::FlowError> {
        self.push(unit)?;
        self.decoder.drain();
        self.fed = false;
        let mut seen = None;
        while let Some(picture) = self.decoder.picture() {
            seen = watch.look_at(picture).or(seen);
        }
        let at_us = unit.arrival.captured_us;
        let Some(frame) = seen else {
            self.vigil.wake(at_us);
            return self.replay(watch);
        };
        self.errors = 0;
        let (moving, suspicious) = (frame.moving, watch.is_suspicious());
        if !moving {
            watch.hand_on(frame, self.vigil.decoding());
            self.shown_through = self.pushed;
            self.ring.keep_from_last_key();
        }
        if moving || suspicious {
            self.vigil.wake(at_us);
            self.vigil.saw(at_us, moving, suspicious);
            return self.replay(watch);
        }
        Ok(())
    }

    /// Decodes everything that is kept and hands on what was not handed on yet.
    fn replay(&mut self, watch: &mut Watch) -> Result<(), gst::FlowError> {
        let kept: Vec<Unit> = self.ring.iter().map(|kept| kept.unit.clone()).collect();
        for unit in &kept {
            if watch.stopped() {
                break;
            }
            self.push(unit)?;
            self.deliver(watch, true);
        }
        Ok(())
    }

    /// Lets out what the decoder holds back; it begins at a key frame next.
    fn rest(&mut self, watch: &mut Watch) {
        self.decoder.drain();
        self.deliver(watch, false);
        self.fed = false;
        self.shown_through = self.pushed;
    }

    fn push(&mut self, unit: &Unit) -> Result<(), gst::FlowError> {
        self.fed = true;
        self.pushed = self.pushed.max(unit.arrival.number);
        self.decoder.push(&unit.buffer, &unit.caps)
    }

    fn deliver(&mut self, watch: &mut Watch, was_kept: bool) {
        while let Some(picture) = self.decoder.picture() {
            self.errors = 0;
            let arrival = picture.arrival;
            if arrival.number <= self.shown_through {
                continue;
            }
            let Some(mut frame) = watch.look_at(picture) else {
                continue;
            };
            frame.catching_up = was_kept || watch.is_behind(arrival.captured_us, BEHIND_US);
            self.vigil
                .saw(arrival.captured_us, frame.moving, watch.is_suspicious());
            watch.hand_on(frame, self.vigil.decoding());
        }
    }

    /// The decoder gave up: another begins at the next key frame, a few times.
    fn failed(&mut self, cause: gst::FlowError, at_us: u64) -> Option<CameraHealth> {
        self.errors += 1;
        if self.errors > ERRORS {
            let text = format!("the decoder gives up ({cause})");
            return Some(CameraHealth::Failed(Failure::Undecodable(text)));
        }
        match Decoder::new(self.codec) {
            Ok(decoder) => self.decoder = decoder,
            Err(cause) => return Some(missing(&cause)),
        }
        self.fed = false;
        self.ring.clear();
        self.vigil.begin_anew(at_us);
        None
    }
}

fn missing(cause: &CameraError) -> CameraHealth {
    CameraHealth::Failed(Failure::Missing(cause.to_string()))
}
