//! Pictures: the frame that was read becomes a JPEG in memory and is named by its hash; the file
//! follows on a thread of its own, so that no barrier waits for it.

use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Sender, bounded};
use gateway_cameras::Frame;
use gateway_cameras::jpeg::{Encoder, View};
use gateway_core::sighting::Evidence;
use gateway_store::evidence::Evidence as Folder;
use gateway_store::header::Hash;

use crate::health::Health;

/// Pictures on their way to the disk; one that finds no room is dropped, counted and, since its
/// event names it, found missing by the check.
const WAITING: usize = 64;

const QUALITY: u8 = 85;

pub struct Pictures {
    encoder: Mutex<Encoder>,
    files: Sender<Vec<u8>>,
    health: Arc<Health>,
}

impl Pictures {
    pub fn start(folder: Folder, health: Arc<Health>) -> anyhow::Result<Pictures> {
        let (files, waiting) = bounded::<Vec<u8>>(WAITING);
        let length = files.clone();
        health.add_queue("pictures", WAITING, move || length.len());
        let counted = health.clone();
        std::thread::Builder::new()
            .name("pictures".to_owned())
            .spawn(move || {
                for picture in waiting {
                    if let Err(error) = folder.put(&picture) {
                        tracing::error!(%error, "a picture was not kept");
                        counted.count("picture_not_kept");
                    }
                }
            })?;
        Ok(Pictures {
            encoder: Mutex::new(Encoder::new(QUALITY)?),
            files,
            health,
        })
    }

    /// Makes the picture of a frame and names it; `None` when it cannot be made.
    pub fn take(&self, frame: &Frame) -> Option<Evidence> {
        let mut encoder = self.encoder.lock().unwrap_or_else(PoisonError::into_inner);
        let picture = match encoder.encode(frame, &View::default()) {
            Ok(picture) => picture,
            Err(error) => {
                tracing::warn!(%error, "a picture cannot be made");
                self.health.count("picture_not_made");
                return None;
            }
        };
        let sha256 = Hash::of(&picture).to_string();
        if self.files.try_send(picture).is_err() {
            self.health.dropped("pictures");
        }
        Some(Evidence {
            sha256,
            width: frame.width,
            height: frame.height,
        })
    }
}
