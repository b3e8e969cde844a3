//! Builds and runs the program that measures a row.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use super::{Row, Which, recognise};

/// Everything that a row needs is built before the machine is looked at.
pub fn build(root: &Path, which: Which) -> anyhow::Result<()> {
    let commands: &[&[&str]] = match which {
        Which::Recognise => &[&["build", "--package", "camera-sim"]],
        Which::Passage => &[
            &["build", "--package", "grid-sim"],
            &[
                "build",
                "--package",
                "gatewayd",
                "--bins",
                "--bench",
                "passage",
            ],
        ],
        Which::Journal => &[&[
            "build",
            "--package",
            "gateway-store",
            "--example",
            "append_bench",
        ]],
        Which::Trial => &[&["build", "--package", "gatewayd", "--bench", "trial"]],
        Which::Decide => &[&["build", "--package", "gateway-core", "--bench", "decide"]],
        Which::Camera => &[&["build", "--package", "gateway-cameras", "--bench", "quiet"]],
        Which::EightCameras => &[
            &["build", "--package", "grid-sim", "--package", "gatectl"],
            &[
                "build",
                "--package",
                "gatewayd",
                "--bins",
                "--bench",
                "eight_cameras",
            ],
        ],
    };
    for command in commands {
        let built = cargo(root, command)
            .arg("--release")
            .status()
            .context("cargo cannot be run")?;
        if !built.success() {
            bail!(
                "cargo {} failed; its own words stand above",
                command.join(" ")
            );
        }
    }
    Ok(())
}

pub fn row(root: &Path, which: Which) -> anyhow::Result<Row> {
    let command: &[&str] = match which {
        Which::Recognise => return recognise::row(root),
        Which::Passage => &[
            "bench",
            "--profile=release",
            "--package=gatewayd",
            "--bench=passage",
        ],
        Which::Journal => &[
            "run",
            "--release",
            "--package=gateway-store",
            "--example=append_bench",
        ],
        Which::Trial => &[
            "bench",
            "--profile=release",
            "--package=gatewayd",
            "--bench=trial",
        ],
        Which::Decide => &[
            "bench",
            "--profile=release",
            "--package=gateway-core",
            "--bench=decide",
        ],
        Which::Camera => &[
            "bench",
            "--profile=release",
            "--package=gateway-cameras",
            "--bench=quiet",
        ],
        Which::EightCameras => &[
            "bench",
            "--profile=release",
            "--package=gatewayd",
            "--bench=eight_cameras",
        ],
    };
    let done = cargo(root, command)
        .stderr(Stdio::inherit())
        .output()
        .context("cargo cannot be run")?;
    let said = String::from_utf8_lossy(&done.stdout);
    if !done.status.success() {
        bail!("cargo {} failed: {said}", command.join(" "));
    }
    let line = said.lines().last().unwrap_or_default();
    serde_json::from_str(line)
        .with_context(|| format!("cargo {} gave no row but {line:?}", command.join(" ")))
}

fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).arg("--quiet").current_dir(root);
    command
}
