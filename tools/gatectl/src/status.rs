//! `gatectl status`: how the gateway is, in the order in which a technician asks.

use std::process::ExitCode;

use clap::Args;
use gateway_wire::api::{Clock, Mode, PartState, Status};
use gateway_wire::messages::{Language, text};

use crate::control::At;
use crate::help::either;

#[derive(Args)]
pub struct StatusArgs {
    #[command(flatten)]
    at: At,
    /// The API's own JSON.
    #[arg(long)]
    json: bool,
}

/// Exit status 1 when a part is silent or has failed, or the gateway is in safe mode.
pub fn run(args: StatusArgs, language: Language) -> anyhow::Result<ExitCode> {
    let status: Status = args.at.get("/api/status", language)?;
    if args.json {
        println!("{}", serde_json::to_string(&status)?);
    } else {
        print!("{}", lines(&status, language));
    }
    Ok(match is_well(&status) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn is_well(status: &Status) -> bool {
    let bad = |state: PartState| matches!(state, PartState::Silent | PartState::Failed);
    !status.safe_mode
        && !bad(status.store.state)
        && !bad(status.recogniser.state)
        && !status.cameras.iter().any(|camera| bad(camera.state))
        && !status.devices.iter().any(|device| bad(device.state))
}

fn lines(status: &Status, language: Language) -> String {
    let say = |zh, en| either(language, zh, en);
    let mut out = vec![format!(
        "{} {} · {} {} · {} {} · {} {}",
        say("网关", "gateway"),
        status.gateway,
        say("网格", "grid"),
        status.grid,
        say("版本", "version"),
        status.version,
        say("启动", "boot"),
        status.boot
    )];
    if status.safe_mode {
        out.push(say(
            "安全模式:只提供页面、检查和导出",
            "SAFE MODE: page, check and export only",
        ));
    }
    out.push(format!(
        "{} {} · {}",
        say("时钟", "clock"),
        clock(status.clock, language),
        running(status, language)
    ));
    out.push(format!(
        "{} {} · {} {} · {} {}{}",
        say("日志", "journal"),
        status.journal,
        say("末号", "last"),
        status.last_number,
        say("已落盘", "durable through"),
        status.durable_through,
        trouble(status.store.state, status.store.code.as_deref(), language)
    ));
    let gib = |bytes: u64| format!("{:.1} GiB", bytes as f64 / (1u64 << 30) as f64);
    out.push(format!(
        "{} {} · {} {} · {} {}",
        say("磁盘剩余", "disk free"),
        gib(status.disk.free_bytes),
        say("日志", "journal"),
        gib(status.disk.journal_bytes),
        say("图片", "pictures"),
        gib(status.disk.evidence_bytes)
    ));
    out.push(format!(
        "{} {} · {} {}{}",
        say("识别", "recogniser"),
        state(status.recogniser.state, language),
        status.recogniser.reads,
        say("次", "reads"),
        coded(status.recogniser.code.as_deref(), language)
    ));
    parts(status, language, &mut out);
    out.join("\n") + "\n"
}

fn parts(status: &Status, language: Language, out: &mut Vec<String>) {
    let say = |zh, en| either(language, zh, en);
    for camera in &status.cameras {
        out.push(format!(
            "{} {} ({}) {} · {}.{} {} · {}×{}{}",
            say("摄像机", "camera"),
            camera.id,
            camera.lane,
            state(camera.state, language),
            camera.fps_permille / 1_000,
            camera.fps_permille % 1_000 / 100,
            say("帧/秒", "frames/s"),
            camera.width,
            camera.height,
            coded(camera.code.as_deref(), language)
        ));
    }
    for device in &status.devices {
        out.push(format!(
            "{} {} ({}) {} · {} {} · {} {}{}",
            say("设备", "device"),
            device.id,
            device.lane.as_deref().unwrap_or("-"),
            state(device.state, language),
            say("收到", "received"),
            device.received,
            say("拒收", "refused"),
            device.refused,
            coded(device.code.as_deref(), language)
        ));
    }
    for destination in &status.destinations {
        out.push(format!(
            "{} {} {} · {} {} · {} {}",
            say("上级", "upstream"),
            destination.id,
            mode(destination.mode, language),
            say("已确认至", "confirmed through"),
            destination.confirmed_through,
            say("待发", "waiting"),
            destination.waiting
        ));
    }
    for queue in status.queues.iter().filter(|queue| queue.dropped > 0) {
        out.push(format!(
            "{} {}: {} {}",
            say("队列", "queue"),
            queue.name,
            queue.dropped,
            say("条被丢弃", "dropped")
        ));
    }
    for (cause, count) in &status.refused {
        out.push(format!("{} {cause}: {count}", say("拒收原因", "refused")));
    }
}

fn running(status: &Status, language: Language) -> String {
    let minutes = (status.now_ms - status.started_ms).max(0) / 60_000;
    let (hours, minutes) = (minutes / 60, minutes % 60);
    match language {
        Language::Zh => format!("已运行 {hours} 小时 {minutes} 分"),
        Language::En => format!("running for {hours} h {minutes} min"),
    }
}

fn trouble(at: PartState, code: Option<&str>, language: Language) -> String {
    match at {
        PartState::Live | PartState::Starting => String::new(),
        _ => format!(" · {}{}", state(at, language), coded(code, language)),
    }
}

fn coded(code: Option<&str>, language: Language) -> String {
    code.map(|code| format!(" · {}", text("failure", code, language).unwrap_or(code)))
        .unwrap_or_default()
}

fn state(state: PartState, language: Language) -> &'static str {
    let code = match state {
        PartState::Starting => "starting",
        PartState::Live => "live",
        PartState::Silent => "silent",
        PartState::Failed => "failed",
    };
    text("state", code, language).unwrap_or(code)
}

fn mode(mode: Mode, language: Language) -> &'static str {
    let code = match mode {
        Mode::Offline => "offline",
        Mode::Draining => "draining",
        Mode::Live => "live",
        Mode::Throttled => "throttled",
    };
    text("mode", code, language).unwrap_or(code)
}

fn clock(clock: Clock, language: Language) -> &'static str {
    let code = match clock {
        Clock::Synchronised => "synchronised",
        Clock::Held => "held",
        Clock::SetByPerson => "set_by_person",
        Clock::Unknown => "unknown",
    };
    text("clock", code, language).unwrap_or(code)
}
