//! Notices that a picture is no use although it arrives (P-25): black, frozen, blurred, covered, turned
//! away, dazzled.
//!
//! About once a second the brightness plane is sampled into a coarse grid and compared with what this
//! camera has shown before: where it is brighter than beside it (the structure of the place, which light
//! and noise change little), how sharp its edges are, and how much of it is white. What a condition says
//! must last before it counts, and must be gone for a while before it is cleared.

mod look;

use crate::frame::Frame;
use crate::health::Useless;
use look::Look;

/// A picture is looked at no more often than this, microseconds.
const EVERY_US: u64 = 800_000;
/// A condition counts when it lasted so long, microseconds, over at least [`LOOKS`] looks …
const RAISED_US: u64 = 7_000_000;
/// … and the first so many looks.
const LOOKS: u32 = 4;
/// It is cleared when it was away for so long, microseconds. What changes is not frozen, at once: a
/// vehicle that comes must be read.
const CLEARED_US: u64 = 4_000_000;
/// Before so many looks the scene is not known, microseconds' worth of about half a minute.
const KNOWN: u32 = 24;
/// The scene follows slow changes with the last so many looks, about three minutes.
const MEMORY: f32 = 200.0;
/// Whoever re-aims a camera means it: after so long the new view is the scene, microseconds.
const ADOPTED_US: u64 = 3_600_000_000;

/// Black is this dark in the mean, of 255 …
const BLACK_MEAN: f32 = 30.0;
/// … with less than this share of its grid standing out.
const BLACK_STRUCTURE: f32 = 0.01;
/// Frozen when this share of the grid is the same to the bit.
const SAME: f32 = 0.985;
/// A camera whose quiet pictures are usually the same to more than this share shows no noise that could
/// be missed: it cannot be told whether it is frozen.
const NOISELESS: f32 = 0.5;
/// Blurred below this share of the usual sharpness …
const BLURRED: f32 = 0.35;
/// … while the structure is still there.
const RECOGNISED: f32 = 0.45;
/// Another picture altogether: less than this of the structure agrees.
const FOREIGN: f32 = 0.25;
/// A cover leaves less than this share of the structure.
const BARE: f32 = 0.3;
/// Without a known scene a cover is told by a grid of which less than this stands out.
const NOTHING: f32 = 0.004;
/// Dazzled when so much more of the picture is white than usual …
const WHITE: f32 = 0.22;
/// … and less than this of the structure is left.
const DAZZLED: f32 = 0.55;

/// The memory of one camera's view.
pub struct Judge {
    look: Look,
    scene: Scene,
    size: (u32, u32),
    looked_us: Option<u64>,
    conditions: [Condition; KINDS.len()],
    raised_us: u64,
}

/// In the order in which they matter when several hold.
const KINDS: [Useless; 6] = [
    Useless::Black,
    Useless::Frozen,
    Useless::Glare,
    Useless::Covered,
    Useless::Turned,
    Useless::Blurred,
];

/// One condition over time.
#[derive(Debug, Clone, Copy, Default)]
struct Condition {
    since_us: Option<u64>,
    looks: u32,
    good_since_us: Option<u64>,
    raised: bool,
}

/// What the camera usually shows.
#[derive(Default)]
struct Scene {
    looks: u32,
    /// For each pair of neighbouring cells how often the first is brighter (1), darker (-1) or neither.
    structure: Vec<f32>,
    sharpness: f32,
    white: f32,
    /// The share of the grid that is the same from look to look.
    same: f32,
}

impl Judge {
    /// Nothing is known of the view.
    pub fn new() -> Judge {
        Judge {
            look: Look::default(),
            scene: Scene::default(),
            size: (0, 0),
            looked_us: None,
            conditions: Default::default(),
            raised_us: 0,
        }
    }

    /// Looks at a picture, if the last look is long enough ago, and says why the camera's picture is no
    /// use now, if it is not.
    pub fn update(&mut self, frame: &Frame) -> Option<Useless> {
        let at_us = frame.captured_mono_us;
        let due = self
            .looked_us
            .is_none_or(|last_us| at_us.saturating_sub(last_us) >= EVERY_US);
        if due {
            if self.size != (frame.width, frame.height) {
                *self = Judge::new();
                self.size = (frame.width, frame.height);
            }
            let first = self.looked_us.replace(at_us).is_none();
            if self.look.take(frame) {
                self.weigh(at_us, first);
            }
        }
        self.useless()
    }

    /// Why the picture is no use.
    pub fn useless(&self) -> Option<Useless> {
        let mut kinds = KINDS.iter().zip(&self.conditions);
        kinds
            .find(|(_, condition)| condition.raised)
            .map(|(kind, _)| *kind)
    }

    /// Something may be wrong, and further looks would tell.
    pub fn is_suspicious(&self) -> bool {
        self.conditions
            .iter()
            .any(|condition| condition.since_us.is_some() && !condition.raised)
    }

    fn weigh(&mut self, at_us: u64, first: bool) {
        let holds = self.holds(first);
        let mut any = false;
        for (kind, condition) in KINDS.iter().zip(&mut self.conditions) {
            let now = holds.contains(&Some(*kind));
            any |= now;
            let clears_us = match kind {
                Useless::Frozen => 0,
                _ => CLEARED_US,
            };
            if condition.update(at_us, now, clears_us) {
                self.raised_us = at_us;
            }
        }
        let raised = self.useless();
        let adopts = raised.is_some_and(|kind| {
            matches!(kind, Useless::Turned | Useless::Covered | Useless::Blurred)
        }) && at_us.saturating_sub(self.raised_us) > ADOPTED_US;
        if adopts {
            self.scene = Scene::default();
        }
        if (!any && raised.is_none()) || adopts {
            self.scene.learn(&self.look);
        }
    }

    /// The conditions that hold in this one look.
    fn holds(&self, first: bool) -> [Option<Useless>; 3] {
        let (look, scene) = (&self.look, &self.scene);
        let stands_out = look.stands_out();
        let black = look.mean < BLACK_MEAN && stands_out < BLACK_STRUCTURE;
        let frozen = !first && look.same >= SAME && scene.shows_noise();
        let known = scene.known().map(|stable| {
            let (agrees, left) = scene.agreement(&look.structure);
            if look.white - scene.white > WHITE && agrees < DAZZLED {
                Some(Useless::Glare)
            } else if agrees < FOREIGN && left < BARE {
                Some(Useless::Covered)
            } else if agrees < FOREIGN && stable {
                Some(Useless::Turned)
            } else if agrees > RECOGNISED && look.sharpness < BLURRED * scene.sharpness {
                Some(Useless::Blurred)
            } else {
                None
            }
        });
        let strange = known.unwrap_or((stands_out < NOTHING).then_some(Useless::Covered));
        [
            black.then_some(Useless::Black),
            frozen.then_some(Useless::Frozen),
            strange.filter(|_| !black),
        ]
    }
}

impl Default for Judge {
    fn default() -> Judge {
        Judge::new()
    }
}

impl Condition {
    /// Takes one look's word; true when it is raised now.
    fn update(&mut self, at_us: u64, holds: bool, clears_us: u64) -> bool {
        if holds {
            self.good_since_us = None;
            self.looks += 1;
            let since_us = *self.since_us.get_or_insert(at_us);
            let lasted = at_us.saturating_sub(since_us) >= RAISED_US && self.looks >= LOOKS;
            return lasted && !std::mem::replace(&mut self.raised, lasted);
        }
        (self.since_us, self.looks) = (None, 0);
        let good_since_us = *self.good_since_us.get_or_insert(at_us);
        if at_us.saturating_sub(good_since_us) >= clears_us {
            self.raised = false;
        }
        false
    }
}

/// A pair of cells counts when it nearly always compares the same way.
const STABLE: f32 = 0.75;
/// So many pairs make a scene that can be recognised.
const PAIRS: usize = 60;

impl Scene {
    fn learn(&mut self, look: &Look) {
        self.looks = self.looks.saturating_add(1);
        let share = 1.0 / (self.looks as f32).min(MEMORY);
        self.structure.resize(look.structure.len(), 0.0);
        for (known, now) in self.structure.iter_mut().zip(&look.structure) {
            *known += (f32::from(*now) - *known) * share;
        }
        self.sharpness += (look.sharpness - self.sharpness) * share;
        self.white += (look.white - self.white) * share;
        self.same += (look.same - self.same) * share;
    }

    /// Whether noise has been seen, so that its absence means something.
    fn shows_noise(&self) -> bool {
        self.looks >= LOOKS && self.same < NOISELESS
    }

    /// None while too little was seen; whether there is structure enough to recognise the place by.
    fn known(&self) -> Option<bool> {
        (self.looks >= KNOWN).then(|| self.stable().count() >= PAIRS)
    }

    fn stable(&self) -> impl Iterator<Item = (usize, f32)> + '_ {
        self.structure
            .iter()
            .enumerate()
            .filter(|(_, known)| known.abs() >= STABLE)
            .map(|(at, known)| (at, known.signum()))
    }

    /// How much of the known structure is there now (1 all, 0 as good as none, -1 reversed), and how much
    /// of it stands out at all, either way.
    fn agreement(&self, now: &[i8]) -> (f32, f32) {
        let (mut pairs, mut agrees, mut left) = (0.0f32, 0.0, 0.0);
        for (at, sign) in self.stable() {
            let now = f32::from(now.get(at).copied().unwrap_or(0));
            pairs += 1.0;
            agrees += now * sign;
            left += now.abs();
        }
        if pairs < PAIRS as f32 {
            return (1.0, 1.0); // Too plain a place to judge.
        }
        (agrees / pairs, left / pairs)
    }
}

#[cfg(test)]
mod tests;
