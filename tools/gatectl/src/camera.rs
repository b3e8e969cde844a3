//! `gatectl camera measure NAME`: how good a camera's plates are, and what to change.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use gateway_wire::api::CameraMeasure;
use gateway_wire::messages::{Language, sentence, text};

use crate::control::At;
use crate::help::either;

#[derive(Args)]
pub struct CameraArgs {
    #[command(subcommand)]
    command: CameraCommand,
}

#[derive(Subcommand)]
enum CameraCommand {
    /// Measures a camera by its latest vehicles: go or no-go, and what to change.
    Measure(MeasureArgs),
}

#[derive(Args)]
pub struct MeasureArgs {
    /// The camera's id.
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    at: At,
    /// The API's own JSON.
    #[arg(long)]
    json: bool,
}

/// Exit status 1 when the camera cannot be relied on as it is.
pub fn run(args: CameraArgs, language: Language) -> anyhow::Result<ExitCode> {
    let CameraCommand::Measure(args) = args.command;
    anyhow::ensure!(
        is_id(&args.name),
        "{:?} is no camera's id; `gatectl status` names them all",
        args.name
    );
    let path = format!("/api/cameras/{}/measure", args.name);
    let measure: CameraMeasure = args.at.get(&path, language)?;
    if args.json {
        println!("{}", serde_json::to_string(&measure)?);
    } else {
        print!("{}", lines(&measure, language));
    }
    Ok(match measure.go {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// As the configuration allows them: nothing that would be another path.
fn is_id(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !name.is_empty() && name.chars().all(allowed)
}

fn lines(measure: &CameraMeasure, language: Language) -> String {
    let say = |zh, en| either(language, zh, en);
    let of = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.1}"));
    let rate = measure.read_permille.map(|rate| f64::from(rate) / 10.0);
    let mut out = vec![
        format!(
            "{} {} · {}",
            say("摄像机", "camera"),
            measure.camera,
            match measure.go {
                true => say("可以使用", "GO"),
                false => say("不可使用", "NO GO"),
            }
        ),
        format!(
            "{} {} · {} {} %",
            say("车辆", "vehicles"),
            measure.vehicles,
            say("识读率", "surely read"),
            of(rate)
        ),
        format!(
            "{} {} px ({} {} px)",
            say("车牌宽度", "plate width"),
            of(measure.width_px),
            say("最窄", "narrowest"),
            of(measure.narrowest_px)
        ),
        format!(
            "{} {}° · {} {} · {} {} / 255",
            say("倾斜", "tilt"),
            of(measure.tilt_degrees),
            say("清晰度", "sharpness"),
            of(measure.sharpness),
            say("亮度", "brightness"),
            of(measure.brightness)
        ),
    ];
    for advice in &measure.advice {
        // A state's code has a text of its own.
        let found = text("failure", &advice.found, language)
            .or_else(|| text("state", &advice.found, language))
            .unwrap_or(&advice.found);
        let values = [("found", found), ("wanted", advice.wanted.as_str())];
        let told = sentence("advice", &advice.code, &values, language);
        out.push(format!("→ {told}"));
    }
    out.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_wire::api::Advice;

    fn measure() -> CameraMeasure {
        CameraMeasure {
            camera: "front".to_owned(),
            vehicles: 12,
            read_permille: Some(917),
            width_px: Some(61.5),
            narrowest_px: Some(48.0),
            tilt_degrees: Some(-1.5),
            sharpness: Some(14.2),
            brightness: Some(110.0),
            go: false,
            advice: vec![Advice {
                code: "narrow".to_owned(),
                found: "62".to_owned(),
                wanted: "90".to_owned(),
            }],
        }
    }

    #[test]
    fn a_no_go_says_what_to_change_in_both_languages() {
        let english = lines(&measure(), Language::En);
        assert!(
            english.contains("NO GO") && english.contains("62"),
            "{english}"
        );
        let chinese = lines(&measure(), Language::Zh);
        assert!(
            chinese.contains("不可使用") && chinese.contains("90"),
            "{chinese}"
        );
    }

    #[test]
    fn an_id_leads_to_no_other_path() {
        assert!(is_id("in-1-camera"));
        assert!(!is_id("../status") && !is_id("a b") && !is_id(""));
    }
}
