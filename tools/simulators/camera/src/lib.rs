//! RTSP cameras that show the traffic of a scenario: drawn vehicles with drawn plates on a drawn lane.
//!
//! Clips are drawn and encoded once and kept in a folder; serving them only paces and sends. The same
//! server plays a folder of pictures or a video, and behaves badly on request.

mod canvas;
mod car;
mod clip;
mod lane;
mod plate;
mod play;
mod scene;
mod server;
mod spoil;
mod view;
mod visit;
mod weather;

pub use clip::{Cache, Clip, Codec, Encoding, Unit};
pub use lane::{Feed, LaneFeed, Repeated, Studio};
pub use play::{play, write_clip};
pub use scene::Format;
pub use server::{Fault, Listen, Mount, Server, Stamps};
pub use view::Corners;
pub use visit::{Beyond, FORMAT, FRAMES, Shot, Spread, Visit, Visits};
pub use weather::{Conditions, Weather};

use std::path::Path;

use anyhow::{Context, Result};

/// Prepares GStreamer. Every other function of this crate needs it.
pub fn init() -> Result<()> {
    gstreamer::init().context("GStreamer cannot start")
}

/// Writes an I420 frame as a picture (PNG, or JPEG by the ending).
pub fn write_picture(frame: &[u8], format: Format, path: &Path) -> Result<()> {
    let (width, height) = (format.width, format.height);
    let picture = image::RgbImage::from_fn(width as u32, height as u32, |x, y| {
        let (x, y) = (x as usize, y as usize);
        let chroma = width * height + y / 2 * (width / 2) + x / 2;
        let luma = 1.164 * (f32::from(frame[y * width + x]) - 16.0);
        let blue = f32::from(frame[chroma]) - 128.0;
        let red = f32::from(frame[chroma + width * height / 4]) - 128.0;
        let mixed = [
            luma + 1.596 * red,
            luma - 0.392 * blue - 0.813 * red,
            luma + 2.017 * blue,
        ];
        image::Rgb(mixed.map(|value| value.clamp(0.0, 255.0) as u8))
    });
    picture
        .save(path)
        .with_context(|| format!("{} cannot be written", path.display()))
}
