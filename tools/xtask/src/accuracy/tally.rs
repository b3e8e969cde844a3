//! What became of the drawn vehicles: by stratum, by confidence, and each miss.

use std::collections::BTreeMap;

use camera_sim::{Beyond, Shot, Visit, Weather};
use gateway_core::plate::PlateColour;
use gateway_recognise::PlateRead;
use serde::Serialize;
use traffic::{Colour, PlateKind};

use super::simulated::nearest;

/// One vehicle's visit as the tracker told it.
pub struct Outcome {
    pub number: u64,
    plate: Option<(String, PlateKind)>,
    /// What stands on the board in the plate's place.
    board: Option<&'static str>,
    weather: Weather,
    beyond: Option<Beyond>,
    readable: bool,
    encoded: bool,
    conditions: String,
    /// Single pictures with a readable plate, and those read exactly.
    pictures: [u32; 2],
    /// Confidence and rightness of each single picture's reading.
    singles: Vec<(u16, bool)>,
    /// The last sighting of each track.
    tracks: Vec<Track>,
}

#[derive(Clone, Serialize)]
pub struct Track {
    #[serde(skip)]
    pub number: u64,
    pub text: String,
    pub raw: bool,
    pub colour: PlateColour,
    pub agrees: bool,
    pub confidence_permille: u16,
    pub frames: u32,
}

impl Outcome {
    pub fn new(number: u64, visit: &Visit, encoded: bool) -> Outcome {
        Outcome {
            number,
            plate: visit.plate.as_ref().map(|p| (p.text.clone(), p.kind)),
            board: visit.board(),
            weather: visit.conditions.weather,
            beyond: visit.beyond,
            readable: visit.is_readable(),
            encoded,
            conditions: format!(
                "{:?} {:.0} px, yaw {:.0}, roll {:.0}, smear {:.1}{}, sigma {:.1}, noise {:.1}",
                visit.conditions.weather,
                visit.width_px,
                visit.yaw,
                visit.roll,
                visit.smear_px,
                if visit.stops { " until it stands" } else { "" },
                visit.conditions.sigma,
                visit.conditions.noise
            ),
            pictures: [0, 0],
            singles: Vec::new(),
            tracks: Vec::new(),
        }
    }

    /// What a single picture was read as.
    pub fn frame(&mut self, visit: &Visit, shot: &Shot, reads: &[PlateRead]) {
        let Some((text, _)) = &self.plate else {
            return;
        };
        let read = nearest(reads, &shot.corners);
        let exact = read.is_some_and(|read| read.plate.reveal() == text);
        if visit.is_readable_in(shot.plate_px(), shot.smear_px) {
            self.pictures[0] += 1;
            self.pictures[1] += u32::from(exact);
        }
        if let Some(read) = read.filter(|read| read.votes.is_some()) {
            self.singles.push((read.confidence_permille, exact));
        }
    }

    pub fn sighting(&mut self, track: Track) {
        match self.tracks.iter_mut().find(|t| t.number == track.number) {
            Some(known) => *known = track,
            None => self.tracks.push(track),
        }
    }

    /// All of it was told: the vehicle's own track comes first, the one with most frames.
    pub fn settle(&mut self) {
        let truth = self.plate.as_ref().map(|p| p.0.clone());
        self.tracks.sort_by_key(|track| {
            let exact = truth.as_ref() == Some(&track.text);
            std::cmp::Reverse((exact, track.frames))
        });
    }

    /// A board in a plate's place that was told as it reads, outside the grammar, is its vehicle's.
    fn own(&self) -> Option<&Track> {
        let first = self.tracks.first()?;
        let is_board = self.board.is_some() && first.raw;
        (self.plate.is_some() || is_board).then_some(first)
    }

    /// The track says what stands on the plate, or on the board as words outside the grammar.
    fn is_true(&self, track: &Track) -> bool {
        match (&self.plate, self.board) {
            (Some((text, _)), _) => *text == track.text,
            (None, Some(words)) => track.raw && track.text == words,
            (None, None) => false,
        }
    }

    fn is_exact(&self) -> bool {
        match (&self.plate, self.own()) {
            (Some((text, _)), Some(track)) => *text == track.text,
            _ => false,
        }
    }

    /// Tracks that are nobody's.
    fn false_vehicles(&self) -> usize {
        self.tracks.len() - usize::from(self.own().is_some())
    }

    fn colour_is_right(&self) -> bool {
        let (Some((_, kind)), Some(track)) = (&self.plate, self.own()) else {
            return true;
        };
        matches!(
            (kind.colour(), track.colour),
            (_, PlateColour::Unknown)
                | (Colour::Blue, PlateColour::Blue)
                | (Colour::Yellow, PlateColour::Yellow)
                | (Colour::Green, PlateColour::Green)
                | (Colour::YellowGreen, PlateColour::YellowGreen)
                | (Colour::White, PlateColour::White)
                | (Colour::Black, PlateColour::Black)
        )
    }
}

#[derive(Serialize)]
pub struct Report {
    seed: u64,
    strata: Vec<(String, Figures)>,
    /// Tracks by confidence, then single pictures by confidence.
    reliability: Vec<Bin>,
    reliability_of_pictures: Vec<Bin>,
    misses: Vec<Miss>,
}

#[derive(Default, Serialize)]
struct Figures {
    vehicles: usize,
    exact: usize,
    misread: usize,
    missed: usize,
    /// Tracks beyond the one of the vehicle.
    false_vehicles: usize,
    /// Texts that are neither the vehicle's nor its board's, with a confidence of at least 0.95.
    wrong_sure: usize,
    wrong_colour: usize,
    /// Single readable pictures, and those of them that were read exactly on their own.
    pictures: u32,
    pictures_exact: u32,
}

#[derive(Serialize)]
struct Bin {
    from_permille: u16,
    n: usize,
    right: usize,
    /// The mean of what was claimed, 0 to 1.
    claimed: f64,
}

#[derive(Serialize)]
struct Miss {
    vehicle: u64,
    plate: Option<String>,
    conditions: String,
    readable: bool,
    tracks: Vec<Track>,
}

const SURE_PERMILLE: u16 = 950;
const BINS: [u16; 9] = [0, 500, 700, 800, 900, 950, 980, 990, 996];

impl Report {
    pub fn of(seed: u64, outcomes: &[Outcome]) -> Report {
        let mut strata: BTreeMap<String, Figures> = BTreeMap::new();
        for outcome in outcomes {
            for name in outcome.strata() {
                strata.entry(name).or_default().add(outcome);
            }
        }
        let tracks = outcomes.iter().filter_map(|outcome| {
            let track = outcome.own().filter(|track| !track.raw)?;
            outcome.plate.as_ref()?;
            Some((track.confidence_permille, outcome.is_exact()))
        });
        let singles = outcomes.iter().flat_map(|outcome| outcome.singles.clone());
        let misses = outcomes.iter().filter(|outcome| {
            let right = outcome.plate.is_none() || outcome.is_exact();
            !right || outcome.false_vehicles() > 0
        });
        Report {
            seed,
            strata: strata.into_iter().collect(),
            reliability: bins(tracks),
            reliability_of_pictures: bins(singles),
            misses: misses
                .map(|outcome| Miss {
                    vehicle: outcome.number,
                    plate: outcome.plate.as_ref().map(|p| p.0.clone()),
                    conditions: outcome.conditions.clone(),
                    readable: outcome.readable,
                    tracks: outcome.tracks.clone(),
                })
                .collect(),
        }
    }

    pub fn print(&self) {
        println!(
            "{:<34} {:>6} {:>6} {:>8} {:>8} {:>7} {:>6} {:>11} {:>13}  pictures exact on their own",
            "seed and stratum",
            "n",
            "exact",
            "%",
            "misread",
            "missed",
            "false",
            "wrong ≥0.95",
            "wrong colour"
        );
        for (name, f) in &self.strata {
            println!(
                "{name:<34} {:>6} {:>6} {:>8.2} {:>8} {:>7} {:>6} {:>11} {:>13}  {} of {}",
                f.vehicles,
                f.exact,
                100.0 * f.exact as f64 / f.vehicles.max(1) as f64,
                f.misread,
                f.missed,
                f.false_vehicles,
                f.wrong_sure,
                f.wrong_colour,
                f.pictures_exact,
                f.pictures,
            );
        }
        for (what, bins) in [
            ("vehicles", &self.reliability),
            ("single pictures", &self.reliability_of_pictures),
        ] {
            println!("\nreliability of {what}: confidence from, n, claimed, right");
            for bin in bins {
                println!(
                    "  {:>5.3} {:>6} {:>8.4} {:>8.4}",
                    f64::from(bin.from_permille) / 1e3,
                    bin.n,
                    bin.claimed,
                    bin.right as f64 / bin.n.max(1) as f64
                );
            }
        }
        println!("\nmisses (vehicle, drawn plate, conditions, what the tracks said):");
        for miss in &self.misses {
            let tracks: Vec<_> = miss
                .tracks
                .iter()
                .map(|t| {
                    format!(
                        "{} {:.3} of {} frames",
                        t.text,
                        f64::from(t.confidence_permille) / 1e3,
                        t.frames
                    )
                })
                .collect();
            let plate = miss.plate.as_deref().unwrap_or("no plate");
            let readable = if miss.readable { "readable" } else { "beyond" };
            println!(
                "  {} {plate} ({readable}, {}) {tracks:?}",
                miss.vehicle, miss.conditions
            );
        }
    }
}

impl Outcome {
    fn strata(&self) -> Vec<String> {
        let Some((_, kind)) = &self.plate else {
            return vec!["all".to_owned(), "no plate".to_owned()];
        };
        let mut names = vec!["all".to_owned()];
        if let Some(beyond) = self.beyond {
            names.push(format!("beyond: {beyond:?}"));
        }
        if self.readable {
            names.push("readable".to_owned());
            names.push(format!("readable, {:?}", self.weather));
            names.push(format!("readable, {kind:?}"));
            if self.encoded {
                names.push("readable, through H.264".to_owned());
            }
        }
        names
    }
}

impl Figures {
    fn add(&mut self, outcome: &Outcome) {
        self.vehicles += 1;
        self.false_vehicles += outcome.false_vehicles();
        self.wrong_sure += outcome
            .tracks
            .iter()
            .filter(|t| t.confidence_permille >= SURE_PERMILLE && !outcome.is_true(t))
            .count();
        self.wrong_colour += usize::from(!outcome.colour_is_right());
        self.pictures += outcome.pictures[0];
        self.pictures_exact += outcome.pictures[1];
        if outcome.plate.is_some() {
            match outcome.own() {
                None => self.missed += 1,
                Some(_) if outcome.is_exact() => self.exact += 1,
                Some(_) => self.misread += 1,
            }
        }
    }
}

fn bins(readings: impl Iterator<Item = (u16, bool)>) -> Vec<Bin> {
    let mut bins: Vec<_> = BINS
        .iter()
        .map(|from| Bin {
            from_permille: *from,
            n: 0,
            right: 0,
            claimed: 0.0,
        })
        .collect();
    for (permille, right) in readings {
        let at = BINS.iter().rposition(|from| permille >= *from).unwrap_or(0);
        bins[at].n += 1;
        bins[at].right += usize::from(right);
        bins[at].claimed += f64::from(permille) / 1e3;
    }
    for bin in &mut bins {
        bin.claimed /= bin.n.max(1) as f64;
    }
    bins
}

#[cfg(test)]
mod tests {
    use camera_sim::Spread;

    use super::*;

    #[test]
    fn a_bin_tells_what_was_claimed_and_what_was_right() {
        let bins = bins([(960, true), (970, false), (1000, true)].into_iter());
        let of = |from| bins.iter().find(|bin| bin.from_permille == from).unwrap();
        assert_eq!((of(950).n, of(950).right), (2, 1));
        assert!((of(950).claimed - 0.965).abs() < 1e-9);
        assert_eq!((of(996).n, of(996).right), (1, 1));
    }
    #[test]
    fn a_board_read_surely_is_wrong_unless_its_own_words_are_told_as_no_plate() {
        let board = |number: &u64| Visit::of(1, *number, Spread::Gate).board().is_some();
        let number = (0..1_000).find(board).unwrap();
        let visit = Visit::of(1, number, Spread::Gate);
        let words = visit.board().unwrap();
        let wrong = |text: &str, raw: bool| {
            let mut outcome = Outcome::new(number, &visit, false);
            outcome.sighting(Track {
                number: 1,
                text: text.to_owned(),
                raw,
                colour: PlateColour::Unknown,
                agrees: true,
                confidence_permille: 990,
                frames: 4,
            });
            let mut figures = Figures::default();
            figures.add(&outcome);
            (figures.wrong_sure, figures.false_vehicles)
        };
        assert_eq!(wrong(words, true), (0, 0));
        assert_eq!(wrong("路平安", true), (1, 0));
        assert_eq!(wrong("闽E12345", false), (1, 1));
    }
}
