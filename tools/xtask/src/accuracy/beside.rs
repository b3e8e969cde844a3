//! Other readers of the same pictures in the same run: the plain Python reference of the same two
//! models (models/reference), and agentclpr as its authors ship it.
//!
//! Each runs as a process that is asked picture by picture, in turns with ours, so that whatever
//! else the machine does falls on both.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, bail, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::pictures::{Outcome, quantile};

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Other {
    /// The same models in plain Python: ONNX Runtime, numpy, OpenCV.
    Reference,
    /// agentclpr 1.1.0 with its own pipeline.
    Agentclpr,
}

/// What another reader said of a picture.
#[derive(Deserialize)]
pub struct Answer {
    /// Best first.
    pub texts: Vec<String>,
    /// From decoded pixels to texts.
    seconds: f64,
    /// Within the models alone, where it tells.
    model_seconds: Option<f64>,
}

pub struct Beside {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Other {
    fn packages(self) -> &'static [&'static str] {
        match self {
            Other::Reference => &[
                "onnxruntime==1.32.0",
                "numpy==2.4.6",
                "opencv-python-headless==5.0.0.93",
            ],
            Other::Agentclpr => &["agentclpr==1.1.0", "onnxruntime==1.32.0"],
        }
    }

    fn script(self) -> &'static str {
        match self {
            Other::Reference => "models/reference/reference.py",
            Other::Agentclpr => "models/reference/shipped.py",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Other::Reference => ".cache/reference",
            Other::Agentclpr => ".cache/agentclpr",
        }
    }

    /// Its Python with what it needs, installed at the first use in a folder that git ignores.
    fn python(self, root: &Path) -> anyhow::Result<PathBuf> {
        let venv = root.join(self.folder()).join("venv");
        let python = venv.join("bin/python");
        let done = venv.join(".installed");
        let wanted = self.packages().join("\n");
        if std::fs::read_to_string(&done).is_ok_and(|text| text == wanted) {
            return Ok(python);
        }
        eprintln!(
            "installing {} into {}",
            self.packages().join(", "),
            venv.display()
        );
        step(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ];
        step(Command::new(&python).args(pip).args(self.packages()))?;
        std::fs::write(done, wanted)?;
        Ok(python)
    }
}

fn step(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .status()
        .with_context(|| format!("{command:?} cannot be run"))?;
    ensure!(
        status.success(),
        "{command:?} failed; its words stand above"
    );
    Ok(())
}

impl Beside {
    pub fn start(other: Other, models: &Path) -> anyhow::Result<Beside> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
        let root = root.context("this crate lies in tools/xtask")?;
        let mut child = Command::new(other.python(root)?)
            .arg("-B")
            .arg(root.join(other.script()))
            .arg(models)
            .env("OMP_NUM_THREADS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("python cannot be run")?;
        let ask = child.stdin.take().context("it has a standard input")?;
        let answers = BufReader::new(child.stdout.take().context("it has a standard output")?);
        let mut beside = Beside {
            child,
            ask,
            answers,
        };
        let ready = beside.line()?;
        ensure!(ready.contains("ready"), "{} said {ready:?}", other.script());
        Ok(beside)
    }

    pub fn ask(&mut self, path: &Path) -> anyhow::Result<Answer> {
        writeln!(self.ask, "{}", path.display())?;
        self.ask.flush()?;
        let line = self.line()?;
        serde_json::from_str(&line)
            .with_context(|| format!("an answer is not understood: {line:?}"))
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            bail!("the other reader ended; run its script in models/reference by hand to see why");
        }
        Ok(line)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // It ends by itself when its input does; should it hang, it is ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Both readers on one source's pictures.
#[derive(Serialize)]
pub struct Compared {
    pictures: usize,
    ours_exact: usize,
    theirs_exact: usize,
    /// Medians, milliseconds.
    ours_ms: f64,
    theirs_ms: f64,
    /// Theirs over ours by the medians: how many times as fast ours is.
    times_as_fast: f64,
    /// Medians of the time in the models, milliseconds, where the other tells it.
    ours_models_ms: f64,
    theirs_models_ms: Option<f64>,
    /// Ours over theirs, by the medians.
    models_ratio: Option<f64>,
}

pub fn compare(outcomes: &[Outcome]) -> BTreeMap<String, Compared> {
    let mut sources: BTreeMap<String, Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes.iter().filter(|outcome| outcome.theirs.is_some()) {
        for name in [outcome.source(), "all"] {
            sources.entry(name.to_owned()).or_default().push(outcome);
        }
    }
    let of = |(source, outcomes): (String, Vec<&Outcome>)| (source, Compared::of(&outcomes));
    sources.into_iter().map(of).collect()
}

impl Compared {
    fn of(outcomes: &[&Outcome]) -> Compared {
        let median = |of: &dyn Fn(&Outcome) -> Option<f64>| {
            let mut values: Vec<f64> = outcomes.iter().filter_map(|o| of(o)).collect();
            values.sort_by(f64::total_cmp);
            (!values.is_empty()).then(|| quantile(&values, 0.5))
        };
        let theirs = |of: fn(&Answer) -> Option<f64>| {
            move |o: &Outcome| o.theirs.as_ref().and_then(of).map(|s| s * 1e3)
        };
        let ours_ms = median(&|o| Some(o.ours_ms)).unwrap_or(f64::NAN);
        let theirs_ms = median(&theirs(|a| Some(a.seconds))).unwrap_or(f64::NAN);
        let ours_models_ms = median(&|o| Some(o.bare_ms)).unwrap_or(f64::NAN);
        let theirs_models_ms = median(&theirs(|a| a.model_seconds));
        Compared {
            pictures: outcomes.len(),
            ours_exact: outcomes.iter().filter(|o| o.best_is_right()).count(),
            theirs_exact: outcomes.iter().filter(|o| o.theirs_is_right()).count(),
            ours_ms,
            theirs_ms,
            times_as_fast: theirs_ms / ours_ms,
            ours_models_ms,
            theirs_models_ms,
            models_ratio: theirs_models_ms.map(|theirs| ours_models_ms / theirs),
        }
    }
}

pub fn print(compared: &BTreeMap<String, Compared>) {
    println!(
        "\n{:<8}{:>5} {:>11} {:>13} {:>9} {:>10} {:>14} {:>12} {:>14} {:>7}",
        "beside",
        "n",
        "ours exact",
        "theirs exact",
        "ours ms",
        "theirs ms",
        "times as fast",
        "ours models",
        "theirs models",
        "ratio"
    );
    for (source, c) in compared {
        let told = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.2}"));
        println!(
            "{source:<8}{:>5} {:>11} {:>13} {:>9.1} {:>10.1} {:>14.2} {:>12.1} {:>14} {:>7}",
            c.pictures,
            c.ours_exact,
            c.theirs_exact,
            c.ours_ms,
            c.theirs_ms,
            c.times_as_fast,
            c.ours_models_ms,
            told(c.theirs_models_ms),
            told(c.models_ratio),
        );
    }
}
