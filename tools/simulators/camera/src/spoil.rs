//! Packets as a broken camera sends them: damaged, or with time stamps that are wrong.

use std::sync::Mutex;

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::server::{Fault, Stamps};

/// The fixed part of an RTP header.
const HEADER: usize = 12;

/// Spoils what leaves the payloader as long as the fault says so.
pub(crate) fn spoil(pay: &gst::Element, fault: impl Fn() -> Fault + Send + Sync + 'static) {
    let Some(pad) = pay.static_pad("src") else {
        return;
    };
    let random = Mutex::new(0x9E37_79B9_7F4A_7C15);
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    pad.add_probe(kinds, move |_, info| {
        let fault = fault();
        if !matches!(fault, Fault::Garbage | Fault::Times(_)) {
            return gst::PadProbeReturn::Ok;
        }
        let mut random = random
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(buffer) = info.buffer_mut() {
            packet(buffer.make_mut(), fault, &mut random);
        } else if let Some(list) = info.buffer_list_mut() {
            list.make_mut().foreach_mut(|mut buffer, _| {
                packet(buffer.make_mut(), fault, &mut random);
                std::ops::ControlFlow::Continue(Some(buffer))
            });
        }
        gst::PadProbeReturn::Ok
    });
}

fn packet(buffer: &mut gst::BufferRef, fault: Fault, random: &mut u64) {
    let Ok(mut bytes) = buffer.map_writable() else {
        return;
    };
    let Some((header, payload)) = bytes.as_mut_slice().split_at_mut_checked(HEADER) else {
        return;
    };
    match fault {
        Fault::Garbage => damage(header, payload, random),
        Fault::Times(stamps) => {
            let time = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
            let wrong = match stamps {
                Stamps::Zero => 0,
                Stamps::Backwards => time.wrapping_neg(),
                // Ninety thousand a second; all packets of one picture agree.
                Stamps::Jumping => time.wrapping_add((time / 3_000 % 5) * 60 * 90_000),
            };
            header[4..8].copy_from_slice(&wrong.to_be_bytes());
        }
        _ => {}
    }
}

/// One packet in four is damaged in a few places, one in eight filled with anything, and one in thirty-two
/// has a header that is wrong too.
fn damage(header: &mut [u8], payload: &mut [u8], random: &mut u64) {
    let chance = next(random);
    if chance.is_multiple_of(8) {
        payload.fill_with(|| next(random) as u8);
    } else if chance.is_multiple_of(4) && !payload.is_empty() {
        for _ in 0..1 + chance % 5 {
            let at = next(random) as usize % payload.len();
            payload[at] ^= next(random) as u8;
        }
    }
    if (chance >> 8).is_multiple_of(32) {
        let at = next(random) as usize % header.len();
        header[at] ^= next(random) as u8;
    }
}

fn next(random: &mut u64) -> u64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    *random >> 8
}
