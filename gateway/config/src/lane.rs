//! Lanes as written, with their cameras, sensors and barrier.

use std::collections::BTreeMap;

use gateway_core::name::Name;
use gateway_core::reading::{LoopPlace, Trust};
use gateway_core::site::{Direction, Fallback, FallbackVerdict, Lane, LaneKind, Needs, Rest};
use gateway_wire::sensor::Kind;

use crate::camera;
use crate::devices::{self, Device, Place};
use crate::gateway::{Folders, name};
use crate::meant::{BarrierConfig, Camera, Sensor, Title, Warning};
use crate::nearest::nearest;
use crate::secrets::SecretName;
use crate::written::{Span, Table};

/// A fallback that comes so late finds nobody any more; the gate follows a silent vehicle, and keeps
/// a person's hold, for as long.
const VEHICLE_WAITS_MS: u32 = 120_000;
const PERSON_WAITS_MS: u32 = 60_000;

/// A lane and what stands at it.
pub(crate) struct Built {
    pub lane: Lane,
    pub title: Title,
    pub cameras: Vec<Camera>,
    pub sensors: Vec<Sensor>,
    pub barrier: Option<BarrierConfig>,
    pub warnings: Vec<Warning>,
    pub span: Span,
}

pub(crate) fn read(table: Table, folders: &Folders) -> Option<Built> {
    let id = name(&table, "id");
    // Mistakes of a lane without a name are named all the same.
    let id_or_none = id.clone().unwrap_or_else(|| Name::new("?"));
    let kinds = [
        ("vehicle", LaneKind::Vehicle),
        ("pedestrian", LaneKind::Pedestrian),
    ];
    let kind = table.required_choice("kind", &kinds).map(|k| k.value);
    let directions = [("entry", Direction::Entry), ("exit", Direction::Exit)];
    let direction = table.required_choice("direction", &directions);
    let direction = direction.map(|d| d.value);
    let needs = needs(&table);
    let cameras = table.tables("camera").into_iter();
    let cameras: Vec<Camera> = cameras
        .filter_map(|t| camera::read(t, &id_or_none))
        .collect();
    let sensors = sensors(&table, &id_or_none, folders);
    let has_barrier = table.has("barrier");
    let barrier = table.table("barrier");
    let barrier = barrier.and_then(|t| self::barrier(t, &id_or_none, folders));
    let lane = Lane {
        id: id_or_none,
        kind: kind.unwrap_or(LaneKind::Vehicle),
        direction: direction.unwrap_or(Direction::Entry),
        needs: needs.unwrap_or_default(),
        wait_ms: whole(&table, "wait_ms", 500..=60_000, 3_000),
        shadow: table.boolean("shadow", false),
        attended: table.boolean("attended", true),
        fallback: fallback(&table, direction),
        password_opens: table.boolean("password_opens", false),
        plate_sure_permille: table
            .thousandths("plate_sure", 500..=1_000)
            .and_then(|milli| u16::try_from(milli).ok())
            .unwrap_or(900),
        leave_ms: whole(&table, "leave_s", 1..=600, 10) * 1_000,
        has_approach_loop: sensors.iter().any(|s| has_loop(s, LoopPlace::Approach)),
        has_barrier,
        interlock: table
            .has("interlock")
            .then(|| name(&table, "interlock"))
            .flatten(),
        on_power_loss: rest(&table, "on_power_loss", kind, direction),
        on_gateway_loss: rest(&table, "on_gateway_loss", kind, direction),
    };
    let built = Built {
        title: title(&table, &lane.id),
        warnings: warnings(&table, &lane, &cameras, &sensors),
        span: table.span.clone(),
        lane,
        cameras,
        sensors,
        barrier,
    };
    table.finish();
    (id.is_some() && kind.is_some() && direction.is_some() && needs.is_some()).then_some(built)
}

fn whole(
    table: &Table,
    key: &'static str,
    range: std::ops::RangeInclusive<i64>,
    default: u32,
) -> u32 {
    table
        .integer(key, range)
        .and_then(|number| u32::try_from(number.value).ok())
        .unwrap_or(default)
}

fn needs(table: &Table) -> Option<Needs> {
    let words = ["plate", "card", "temperature", "pass"].map(|word| (word, word));
    let allowed = "a list of \"plate\", \"card\", \"temperature\", \"pass\"; at least one";
    if !table.has("needs") {
        let _ = table.choices("needs", &words);
        table.missing("needs", allowed);
        return None;
    }
    let needs = table.choices("needs", &words)?;
    if needs.is_empty() {
        let span = table.span_of("needs");
        table.file.wrong(&span, "`needs` is empty", allowed);
        return None;
    }
    Some(Needs {
        plate: needs.contains(&"plate"),
        card: needs.contains(&"card"),
        temperature: needs.contains(&"temperature"),
        pass: needs.contains(&"pass"),
    })
}

fn fallback(table: &Table, direction: Option<Direction>) -> Fallback {
    let default = Fallback {
        after_ms: 60_000,
        then: FallbackVerdict::GoOnHolding,
    };
    let Some(own) = table.table("fallback") else {
        return default;
    };
    let after_s = whole(&own, "after_s", 1..=86_400, 60);
    let words = [
        ("go_on_holding", FallbackVerdict::GoOnHolding),
        ("refuse", FallbackVerdict::Refuse),
        ("admit", FallbackVerdict::Admit),
    ];
    let then = own.choice("then", &words);
    if let Some(then) = &then
        && then.value == FallbackVerdict::Admit
        && direction != Some(Direction::Exit)
    {
        let found = "`then` is \"admit\" on a way in";
        let allowed = "\"go_on_holding\" or \"refuse\"; \"admit\" only on an exit";
        own.file.wrong(&then.span, found, allowed);
    }
    own.finish();
    Fallback {
        after_ms: after_s.saturating_mul(1_000),
        then: then.map_or(default.then, |then| then.value),
    }
}

/// Pedestrian and exit lanes fail open: nobody is ever locked in.
fn rest(
    table: &Table,
    key: &'static str,
    kind: Option<LaneKind>,
    direction: Option<Direction>,
) -> Rest {
    let words = [
        ("open", Rest::Open),
        ("closed", Rest::Closed),
        ("as_it_was", Rest::AsItWas),
    ];
    let must_open = kind == Some(LaneKind::Pedestrian) || direction == Some(Direction::Exit);
    let Some(written) = table.choice(key, &words) else {
        return if must_open { Rest::Open } else { Rest::Closed };
    };
    if must_open && written.value != Rest::Open {
        let found = format!("`{key}` leaves a pedestrian or exit lane closed");
        let allowed = "\"open\": pedestrian and exit lanes fail open";
        table.file.wrong(&written.span, found, allowed);
    }
    written.value
}

fn title(table: &Table, id: &Name) -> Title {
    let Some(own) = table.table("title") else {
        return Title {
            zh: id.to_string(),
            en: id.to_string(),
        };
    };
    let zh = own.required_text("zh", "\"the lane's name\"");
    let en = own.required_text("en", "\"the lane's name\"");
    own.finish();
    let or_id = |text: Option<crate::written::Found<String>>| {
        text.map_or_else(|| id.to_string(), |text| text.value)
    };
    Title {
        zh: or_id(zh),
        en: or_id(en),
    }
}

fn has_loop(sensor: &Sensor, wanted: LoopPlace) -> bool {
    let loops = |kind: &Kind| matches!(kind, Kind::Loop { place, .. } if *place == wanted);
    sensor.declaration.values.iter().any(|v| loops(&v.kind))
}

/// The sensors of a lane, with one loop at each place: of two that tell of the same place neither
/// could be believed.
fn sensors(table: &Table, lane: &Name, folders: &Folders) -> Vec<Sensor> {
    let mut sensors: Vec<Sensor> = Vec::new();
    for own in table.tables("sensor") {
        let (span, file) = (own.span.clone(), own.file);
        let Some(sensor) = sensor(own, lane, folders) else {
            continue;
        };
        let places = [
            (LoopPlace::Approach, "approach"),
            (LoopPlace::UnderArm, "under_arm"),
        ];
        for (place, word) in places {
            let first = sensors.iter().find(|known| has_loop(known, place));
            if let Some(first) = first.filter(|_| has_loop(&sensor, place)) {
                let found = format!(
                    "{} is a second loop at \"{word}\", beside {}",
                    sensor.id, first.id
                );
                file.wrong(&span, found, "one loop at each place of a lane");
            }
        }
        sensors.push(sensor);
    }
    sensors
}

struct Account {
    user: String,
    password: SecretName,
    trust: Trust,
}

fn account(table: &Table, id: &Name) -> Account {
    let proofs = [
        ("tls", Trust::Tls),
        ("password", Trust::Password),
        ("none", Trust::None),
    ];
    let trust = table.choice("trust", &proofs);
    let user = table.text("user", "the device's user at the broker");
    let user = user.map_or_else(|| id.to_string(), |user| user.value);
    let password = table.text("password_secret", "the name of a secret");
    let password = password.map_or_else(|| format!("device-{user}"), |name| name.value);
    Account {
        user,
        password: SecretName::new(&password),
        trust: trust.map_or(Trust::Password, |trust| trust.value),
    }
}

fn sensor(table: Table, lane: &Name, folders: &Folders) -> Option<Sensor> {
    let id = name(&table, "id");
    let places = [
        ("approach", LoopPlace::Approach),
        ("under_arm", LoopPlace::UnderArm),
    ];
    let place = table.choice("place", &places).map(|place| place.value);
    let account = account(&table, id.as_ref().unwrap_or(lane));
    let device = device(&table, folders, place);
    if let Some(device) = &device {
        if device.has_loop && !table.has("place") {
            table.missing("place", "\"approach\" or \"under_arm\"");
        }
        if !device.has_loop && table.has("place") {
            let found = "`place` beside a device that is no loop";
            table
                .file
                .wrong(&table.span_of("place"), found, "only with a loop");
        }
        if device.declaration.values.is_empty() {
            let found = "this declaration tells no value";
            let span = table.span_of("declaration");
            table
                .file
                .wrong(&span, found, "one with at least one [[value]]");
        }
    }
    table.finish();
    Some(Sensor {
        id: id?,
        lane: lane.clone(),
        user: account.user,
        password: account.password,
        trust: account.trust,
        declaration: device?.declaration,
    })
}

fn barrier(table: Table, lane: &Name, folders: &Folders) -> Option<BarrierConfig> {
    let id = if table.has("id") {
        name(&table, "id")?
    } else {
        let _ = table.text("id", "a name");
        Name::from(format!("{lane}-barrier"))
    };
    let account = account(&table, &id);
    let device = device(&table, folders, None);
    if device
        .as_ref()
        .is_some_and(|device| device.commands.is_none())
    {
        let found = "this declaration moves no barrier";
        let span = table.span_of("declaration");
        table.file.wrong(&span, found, "one with a [command]");
    }
    table.finish();
    let device = device?;
    Some(BarrierConfig {
        id,
        lane: lane.clone(),
        user: account.user,
        password: account.password,
        trust: account.trust,
        state: device.declaration,
        commands: device.commands?,
    })
}

/// The declaration that the table names, filled with its `vars`.
fn device(table: &Table, folders: &Folders, place: Option<LoopPlace>) -> Option<Device> {
    let allowed = "\"the name of a file in the devices folder\"";
    let written = table.required_text("declaration", allowed);
    let vars: BTreeMap<String, String> = table
        .free_texts("vars")
        .into_iter()
        .map(|(name, text)| (name, text.value))
        .collect();
    let written = written?;
    let known = devices::declarations(&folders.devices);
    if !known.contains(&written.value) {
        let found = format!("there is no declaration {:?}", written.value);
        let allowed = known.join(", ");
        match nearest(&written.value, known.iter().map(String::as_str)) {
            Some(near) => {
                let suggestion = format!("did you mean \"{near}\"?");
                table.file.advise(&written.span, found, allowed, suggestion);
            }
            None => table.file.wrong(&written.span, found, allowed),
        }
        return None;
    }
    let path = folders.devices.join(format!("{}.toml", written.value));
    let place = Place { vars: &vars, place };
    let device = match devices::load(&path, &written.value, &place) {
        Ok(device) => device,
        Err(mistakes) => {
            table.file.add(mistakes.list().iter().cloned());
            return None;
        }
    };
    for name in &device.unfilled {
        let found = format!(
            "{} gives no value for {{{name}}} of the declaration",
            table.name
        );
        let allowed = format!("vars = {{ {name} = \"…\" }}");
        table.file.wrong(&table.span_of("vars"), found, allowed);
    }
    for name in &device.unused {
        let found = format!("the declaration has no {{{name}}}");
        let wanted: Vec<&str> = device.wanted.iter().map(String::as_str).collect();
        table
            .file
            .wrong(&table.span_of("vars"), found, wanted.join(", "));
    }
    Some(device)
}

fn warnings(table: &Table, lane: &Lane, cameras: &[Camera], sensors: &[Sensor]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let line = table.file.place(table.span.start).0;
    let mut warn = |code, text: String| warnings.push(Warning { line, code, text });
    let has = |of: fn(&Kind) -> bool| {
        let mut kinds = sensors.iter().flat_map(|s| &s.declaration.values);
        kinds.any(|value| of(&value.kind))
    };
    let id = &lane.id;
    if lane.needs.plate && cameras.is_empty() {
        warn(
            "need_without_source",
            format!("lane {id} needs a plate and has no camera"),
        );
    }
    if lane.needs.card && !has(|kind| matches!(kind, Kind::Card(_))) {
        warn(
            "need_without_source",
            format!("lane {id} needs a card and has no reader"),
        );
    }
    if lane.needs.temperature && !has(|kind| matches!(kind, Kind::Temperature { .. })) {
        let text = format!("lane {id} needs a temperature and has no thermometer");
        warn("need_without_source", text);
    }
    let by_password: Vec<&str> = sensors
        .iter()
        .filter(|sensor| sensor.trust == Trust::Password)
        .map(|sensor| sensor.id.as_str())
        .collect();
    if lane.password_opens {
        let text = format!(
            "lane {id} opens on sources that prove themselves by password only: {}",
            by_password.join(", ")
        );
        warn("password_opens", text);
    }
    let waits_ms = match lane.kind {
        LaneKind::Vehicle => VEHICLE_WAITS_MS,
        LaneKind::Pedestrian => PERSON_WAITS_MS,
    };
    if lane.fallback.then != FallbackVerdict::GoOnHolding && lane.fallback.after_ms >= waits_ms {
        let text = format!(
            "lane {id} falls back after {} s: whoever is held has left by then",
            lane.fallback.after_ms / 1_000
        );
        warn("late_fallback", text);
    }
    if lane.shadow {
        warn(
            "shadow",
            format!("lane {id} is in shadow mode: it decides and moves nothing"),
        );
    }
    warnings
}
