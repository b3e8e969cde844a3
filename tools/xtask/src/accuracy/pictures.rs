//! `cargo xtask accuracy --pictures`: labelled pictures read as `gatectl read` reads them, and beside each
//! the bare runtime's time for the very same model calls.
//!
//! Pictures and labels stay where they are; nothing of them is written anywhere.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, bail};
use gateway_recognise::{Call, How, PlateRead, Recogniser, Still};
use serde::Serialize;

use super::AccuracyArgs;
use super::beside::{self, Answer, Beside, Compared};

/// Reads all pictures that `labels` names, relative to `pictures`, and prints how well and how fast.
pub fn run(args: &AccuracyArgs, pictures: &Path, labels: &Path) -> anyhow::Result<ExitCode> {
    let labels = read_labels(labels)?;
    let mut recogniser = Recogniser::open(&args.models)?;
    warm_up(&mut recogniser)?;
    let mut other = args
        .beside
        .map(|other| Beside::start(other, &args.models))
        .transpose()?;
    let mut outcomes = Vec::new();
    for label in labels.into_iter().step_by(args.every.max(1)) {
        let mut outcome = measure(&mut recogniser, pictures, label)?;
        if let Some(other) = &mut other {
            outcome.theirs = Some(other.ask(&pictures.join(&outcome.label.path))?);
        }
        outcomes.push(outcome);
    }
    let report = Report::of(&outcomes);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        report.print();
    }
    Ok(ExitCode::SUCCESS)
}

struct Label {
    path: String,
    plate: String,
    source: String,
}

/// One picture as read.
pub struct Outcome {
    label: Label,
    /// Texts as compared with the label, best first.
    texts: Vec<String>,
    decode_ms: f64,
    pub ours_ms: f64,
    pub bare_ms: f64,
    detects: usize,
    reads: usize,
    /// What the other reader said, where one was asked.
    pub theirs: Option<Answer>,
}

fn read_labels(path: &Path) -> anyhow::Result<Vec<Label>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the labels {} cannot be read", path.display()))?;
    let mut lines = text.lines();
    let header: Vec<_> = lines.next().unwrap_or_default().split('\t').collect();
    let column = |name: &str| {
        header
            .iter()
            .position(|title| *title == name)
            .with_context(|| format!("{} has no column {name}", path.display()))
    };
    let columns = [column("path")?, column("plate")?, column("source")?];
    let mut labels = Vec::new();
    for (number, line) in lines.enumerate().filter(|(_, line)| !line.is_empty()) {
        let fields: Vec<_> = line.split('\t').collect();
        let field = |i: usize| {
            fields
                .get(columns[i])
                .map(|f| f.to_string())
                .with_context(|| format!("{}:{} is too short", path.display(), number + 2))
        };
        labels.push(Label {
            path: field(0)?,
            plate: field(1)?,
            source: field(2)?,
        });
    }
    if labels.is_empty() {
        bail!("{} has no rows", path.display());
    }
    Ok(labels)
}

/// The first calls of a session allocate; no picture should pay for that.
fn warm_up(recogniser: &mut Recogniser) -> anyhow::Result<()> {
    for (width, height) in [(960, 720), (94, 24)] {
        let grey = Still::from_bgr(width, height, vec![128; (width * height * 3) as usize])?;
        recogniser.read(&grey.view(), &How::still())?;
        recogniser.bare()?;
    }
    Ok(())
}

fn measure(recogniser: &mut Recogniser, folder: &Path, label: Label) -> anyhow::Result<Outcome> {
    let path = folder.join(&label.path);
    let content =
        std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let start = Instant::now();
    let still = Still::decode(&content).with_context(|| label.path.clone())?;
    let decode_ms = milliseconds(start);
    let start = Instant::now();
    let plates = recogniser.read(&still.view(), &How::still())?;
    let ours_ms = milliseconds(start);
    let (detects, reads) = calls(recogniser.calls());
    let bare_ms = recogniser.bare()?.as_secs_f64() * 1000.0;
    let text = |plate: &PlateRead| compared(plate.plate.reveal(), &label.source);
    Ok(Outcome {
        texts: plates.iter().map(text).collect(),
        label,
        decode_ms,
        ours_ms,
        bare_ms,
        detects,
        reads,
        theirs: None,
    })
}

fn calls(calls: &[Call]) -> (usize, usize) {
    let reads = calls.iter().filter(|call| **call == Call::Read).count();
    (calls.len() - reads, reads)
}

/// Labels of scenes write O as 0 and I as 1 after the second character; so must the reading.
/// Labels of crops are exact.
fn compared(text: &str, source: &str) -> String {
    if source == "lprnet" {
        return text.to_owned();
    }
    let fold = |(i, c): (usize, char)| match c {
        'O' if i >= 2 => '0',
        'I' if i >= 2 => '1',
        _ => c,
    };
    text.chars().enumerate().map(fold).collect()
}

#[derive(Serialize)]
struct Report {
    sources: BTreeMap<String, Figures>,
    all: Figures,
    /// By source, where another reader was asked.
    beside: BTreeMap<String, Compared>,
    misses: Vec<Miss>,
}

#[derive(Serialize)]
struct Figures {
    pictures: usize,
    best_exact: usize,
    any_exact: usize,
    /// Share of the label's characters that the best plate has right, by edit distance.
    characters: f64,
    median_ms: f64,
    p99_ms: f64,
    bare_median_ms: f64,
    bare_p99_ms: f64,
    /// The median time from decoded pixels over the bare runtime's for the same calls.
    ratio: f64,
    /// The median over the pictures of the same ratio: steadier while other work runs.
    paired_ratio: f64,
    decode_median_ms: f64,
    detects_per_picture: f64,
    reads_per_picture: f64,
}

#[derive(Serialize)]
struct Miss {
    path: String,
    plate: String,
    read: Vec<String>,
}

impl Report {
    fn of(outcomes: &[Outcome]) -> Report {
        let mut sources: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
        for outcome in outcomes {
            let source = outcome.label.source.as_str();
            sources.entry(source).or_default().push(outcome);
        }
        let misses = outcomes.iter().filter(|outcome| !outcome.best_is_right());
        Report {
            sources: sources
                .iter()
                .map(|(source, outcomes)| (source.to_string(), Figures::of(outcomes)))
                .collect(),
            all: Figures::of(&outcomes.iter().collect::<Vec<_>>()),
            beside: beside::compare(outcomes),
            misses: misses
                .map(|outcome| Miss {
                    path: outcome.label.path.clone(),
                    plate: outcome.label.plate.clone(),
                    read: outcome.texts.clone(),
                })
                .collect(),
        }
    }

    fn print(&self) {
        let all = [("all".to_owned(), &self.all)];
        let sources = self.sources.iter().map(|(s, f)| (s.clone(), f));
        println!(
            "source     n  best exact    any exact     characters  median ms  p99 ms  bare median  bare p99  ratio  paired  decode ms  calls"
        );
        for (source, f) in sources.chain(all) {
            let share = |n: usize| 100.0 * n as f64 / f.pictures as f64;
            println!(
                "{source:<8}{:>4}  {:>4} {:>5.1} %  {:>4} {:>5.1} %  {:>8.2} %  {:>9.1}  {:>6.1}  {:>11.1}  {:>8.1}  {:>5.3}  {:>6.3}  {:>9.1}  {:.2} detector + {:.2} reader",
                f.pictures,
                f.best_exact,
                share(f.best_exact),
                f.any_exact,
                share(f.any_exact),
                100.0 * f.characters,
                f.median_ms,
                f.p99_ms,
                f.bare_median_ms,
                f.bare_p99_ms,
                f.ratio,
                f.paired_ratio,
                f.decode_median_ms,
                f.detects_per_picture,
                f.reads_per_picture,
            );
        }
        if !self.beside.is_empty() {
            beside::print(&self.beside);
        }
        println!("\nmisses of the best plate (label, what was read):");
        for miss in &self.misses {
            println!("  {} {} {:?}", miss.path, miss.plate, miss.read);
        }
    }
}

impl Figures {
    fn of(outcomes: &[&Outcome]) -> Figures {
        let n = outcomes.len() as f64;
        let sorted = |of: fn(&Outcome) -> f64| {
            let mut values: Vec<f64> = outcomes.iter().map(|o| of(o)).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let ours = sorted(|o| o.ours_ms);
        let bare = sorted(|o| o.bare_ms);
        let mut wrong = 0;
        let mut characters = 0;
        for outcome in outcomes {
            let length = outcome.label.plate.chars().count();
            let best = outcome.texts.first().map_or("", String::as_str);
            wrong += distance(best, &outcome.label.plate).min(length);
            characters += length;
        }
        Figures {
            pictures: outcomes.len(),
            best_exact: outcomes.iter().filter(|o| o.best_is_right()).count(),
            any_exact: outcomes.iter().filter(|o| o.any_is_right()).count(),
            characters: 1.0 - wrong as f64 / characters.max(1) as f64,
            median_ms: quantile(&ours, 0.5),
            p99_ms: quantile(&ours, 0.99),
            bare_median_ms: quantile(&bare, 0.5),
            bare_p99_ms: quantile(&bare, 0.99),
            ratio: quantile(&ours, 0.5) / quantile(&bare, 0.5),
            paired_ratio: quantile(&sorted(|o| o.ours_ms / o.bare_ms), 0.5),
            decode_median_ms: quantile(&sorted(|o| o.decode_ms), 0.5),
            detects_per_picture: outcomes.iter().map(|o| o.detects).sum::<usize>() as f64 / n,
            reads_per_picture: outcomes.iter().map(|o| o.reads).sum::<usize>() as f64 / n,
        }
    }
}

impl Outcome {
    pub fn source(&self) -> &str {
        &self.label.source
    }

    pub fn theirs_is_right(&self) -> bool {
        let first = self.theirs.as_ref().and_then(|theirs| theirs.texts.first());
        first.is_some_and(|text| compared(text, &self.label.source) == self.label.plate)
    }

    pub fn best_is_right(&self) -> bool {
        self.texts.first() == Some(&self.label.plate)
    }

    fn any_is_right(&self) -> bool {
        self.texts.contains(&self.label.plate)
    }
}

/// Characters to change, add or take away to make one text of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted
        .get((last as f64 * share).round() as usize)
        .copied()
        .unwrap_or(0.0)
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenes_fold_look_alikes_after_the_second_character() {
        assert_eq!(compared("闽O1O23I", "easypr"), "闽O10231");
        assert_eq!(compared("闽O1O23I", "lprnet"), "闽O1O23I");
    }

    #[test]
    fn distance_counts_characters_not_bytes() {
        assert_eq!(distance("闽E12345", "皖E12345"), 1);
        assert_eq!(distance("E12345", "闽E12345"), 1);
        assert_eq!(distance("", "闽E12345"), 7);
    }

    #[test]
    fn quantiles_come_from_the_sorted_values() {
        let values = [1.0, 2.0, 3.0, 4.0, 100.0];
        assert_eq!(quantile(&values, 0.5), 3.0);
        assert_eq!(quantile(&values, 0.99), 100.0);
        assert_eq!(quantile(&[], 0.5), 0.0);
    }
}
