//! The whole file: every table asked for, what refers to another looked up, ids used once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gateway_core::lists::{ListName, Owner, TooOld, WhenTooOld};
use gateway_core::name::Name;
use gateway_core::site::{Site, WALK_MS};
use gateway_wire::sensor::Kind;

use crate::broker;
use crate::lane::{self, Built};
use crate::lists::{ListFile, ListFiles};
use crate::meant::{Configuration, Language, Warning};
use crate::mistake::Mistakes;
use crate::written::{File, Found, Span, Table};

/// Where other files are looked for.
pub(crate) struct Folders {
    pub devices: PathBuf,
}

pub(crate) fn read(path: &Path, text: &str) -> Result<Configuration, Mistakes> {
    let file = File::new(path, text);
    let configuration = {
        let parsed = file.parse();
        whole(Table::root(&file, &parsed))
    };
    match (Mistakes::of(file.into_mistakes()), configuration) {
        (Some(mistakes), _) => Err(mistakes),
        (None, Some(configuration)) => Ok(configuration),
        (None, None) => Err(nothing(path)),
    }
}

/// Only a fault of this crate leads here; it is said rather than hidden.
fn nothing(path: &Path) -> Mistakes {
    crate::mistake::Mistake {
        file: path.to_owned(),
        line: 0,
        column: 0,
        found: "the file could not be understood, and no mistake was named".to_owned(),
        allowed: String::new(),
        suggestion: Some("report this with the file".to_owned()),
    }
    .into()
}

fn whole(root: Table) -> Option<Configuration> {
    let general = general(&root);
    let page = broker::page(root.table("page"));
    let broker = broker::broker(root.table("broker"));
    let upstreams = root.tables("upstream").into_iter().map(|table| {
        let span = table.span.clone();
        broker::upstream(table).map(|upstream| (upstream, span))
    });
    let upstreams: Vec<_> = upstreams.flatten().collect();
    let ids = upstreams.iter().map(|(u, span)| (&u.id, span.clone()));
    once(root.file, "upstream", ids);
    let lanes: Vec<Built> = general.as_ref().map_or_else(Vec::new, |general| {
        let tables = root.tables("lane").into_iter();
        tables
            .filter_map(|t| lane::read(t, &general.folders))
            .collect()
    });
    devices_once(root.file, &lanes);
    let rules = rules(root.table("rules"));
    let lists = lists(root.table("lists"));
    let retention = crate::retention::read(root.table("retention"));
    let warnings = warnings(&lanes, &rules);
    root.finish();
    let general = general?;
    let mut configuration = Configuration {
        site: Site {
            gateway: general.id,
            grid: general.grid,
            walk_ms: general.walk_ms,
            lanes: Vec::new(),
        },
        titles: Vec::new(),
        time_offset_min: general.time_offset_min,
        language: general.language,
        state_dir: general.state_dir,
        models_dir: general.models_dir,
        recognisers: general.recognisers,
        secrets_file: general.secrets_file,
        page,
        broker,
        upstreams: upstreams
            .into_iter()
            .map(|(upstream, _)| upstream)
            .collect(),
        cameras: Vec::new(),
        sensors: Vec::new(),
        barriers: Vec::new(),
        rules,
        lists,
        retention,
        warnings,
    };
    for built in lanes {
        configuration.site.lanes.push(built.lane);
        configuration.titles.push(built.title);
        configuration.cameras.extend(built.cameras);
        configuration.sensors.extend(built.sensors);
        configuration.barriers.extend(built.barrier);
        configuration.warnings.extend(built.warnings);
    }
    Some(configuration)
}

struct General {
    id: Name,
    grid: Name,
    walk_ms: u32,
    time_offset_min: i16,
    language: Language,
    state_dir: PathBuf,
    models_dir: PathBuf,
    recognisers: usize,
    secrets_file: Option<PathBuf>,
    folders: Folders,
}

fn general(root: &Table) -> Option<General> {
    let Some(table) = root.table("gateway") else {
        if !root.has("gateway") {
            root.missing("gateway", "a table [gateway] with id and grid");
        }
        return None;
    };
    let id = name(&table, "id");
    let grid = name(&table, "grid");
    let offset = utc_offset(&table);
    let walk = table.integer("walk_s", 0..=3_600);
    let walk = walk.and_then(|seconds| u32::try_from(seconds.value).ok());
    let languages = [("zh-CN", Language::Chinese), ("en", Language::English)];
    let language = table.choice("language", &languages);
    let folder = |key, default: &str| {
        let written = table.text(key, "the path of a folder");
        table
            .file
            .beside(written.as_ref().map_or(default, |w| &w.value))
    };
    let state_dir = folder("state_dir", "/var/lib/gateway");
    let models_dir = folder("models_dir", "../models");
    let devices = folder("devices_dir", "devices");
    let recognisers = table.integer("recognisers", 1..=16);
    let secrets = table.text("secrets_file", "the path of a file of mode 0600");
    let secrets_file = secrets.map(|written| table.file.beside(&written.value));
    table.finish();
    Some(General {
        // A file without them has its mistakes; lanes are read all the same, to name theirs.
        id: id.unwrap_or_else(|| Name::new("?")),
        grid: grid.unwrap_or_else(|| Name::new("?")),
        walk_ms: walk.map_or(WALK_MS, |seconds| seconds * 1_000),
        time_offset_min: offset.unwrap_or(8 * 60),
        language: language.map_or(Language::Chinese, |language| language.value),
        state_dir,
        models_dir,
        recognisers: recognisers
            .and_then(|count| usize::try_from(count.value).ok())
            .unwrap_or(2),
        secrets_file,
        folders: Folders { devices },
    })
}

/// `+08:00` as minutes.
fn utc_offset(table: &Table) -> Option<i16> {
    let allowed = "\"+HH:MM\" or \"-HH:MM\", such as \"+08:00\"";
    let written = table.text("utc_offset", allowed)?;
    let minutes = || -> Option<i16> {
        let text = written.value.as_str();
        let (sign, rest) = match text.as_bytes().first()? {
            b'+' => (1, &text[1..]),
            b'-' => (-1, &text[1..]),
            _ => return None,
        };
        let (hours, minutes) = rest.split_once(':')?;
        let number = |text: &str| -> Option<i16> {
            let plain = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| text.parse().ok()).flatten()
        };
        let (hours, minutes) = (number(hours)?, number(minutes)?);
        (hours <= 14 && minutes < 60).then_some(sign * (hours * 60 + minutes))
    };
    let minutes = minutes();
    if minutes.is_none() {
        let found = format!("`utc_offset` is {:?}", written.value);
        table.file.wrong(&written.span, found, allowed);
    }
    minutes
}

/// A required name: 1 to 64 bytes of letters, digits, `-`, `_` and `.`.
pub(crate) fn name(table: &Table, key: &'static str) -> Option<Name> {
    let allowed = "1 to 64 letters, digits, - _ .";
    let written = table.required_text(key, allowed)?;
    let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if written.value.len() <= 64 && written.value.bytes().all(fine) {
        return Some(Name::from(written.value));
    }
    let found = format!("`{key}` of {} is {:?}", table.name, written.value);
    table.file.wrong(&written.span, found, allowed);
    None
}

/// An optional path of a file that must exist.
pub(crate) fn existing(table: &Table, key: &'static str) -> Option<PathBuf> {
    let written = table.text(key, "the path of a file")?;
    exists(table.file, &written)
}

fn exists(file: &File, written: &Found<String>) -> Option<PathBuf> {
    let path = file.beside(&written.value);
    if path.is_file() {
        return Some(path);
    }
    let found = format!("there is no file {}", path.display());
    let allowed = "a file that exists; paths are relative to the folder of this file";
    file.wrong(&written.span, found, allowed);
    None
}

fn rules(table: Option<Table>) -> Vec<PathBuf> {
    let Some(table) = table else {
        return Vec::new();
    };
    let files = table.texts("files").unwrap_or_default();
    let mut paths: Vec<PathBuf> = Vec::new();
    for written in &files {
        let Some(path) = exists(table.file, written) else {
            continue;
        };
        if paths.contains(&path) {
            let found = format!("{:?} stands here twice", written.value);
            table.file.wrong(&written.span, found, "each file once");
        }
        paths.push(path);
    }
    table.finish();
    paths
}

fn lists(table: Option<Table>) -> ListFiles {
    let mut files = ListFiles::default();
    let Some(table) = table else {
        return files;
    };
    for list in ListName::ALL {
        let key = list.word();
        let file = match table.is_table(key) {
            true => table.table(key).map(list_file),
            false => existing(&table, key).map(|path| ListFile {
                path: Some(path),
                ..ListFile::default()
            }),
        };
        if let Some(file) = file {
            files.0.insert(list, file);
        }
    }
    table.finish();
    files
}

/// A list with more to say than its file: whose it is, and when it is too old.
fn list_file(table: Table) -> ListFile {
    let words = [
        ("go_on", WhenTooOld::GoOn),
        ("missing", WhenTooOld::Missing),
    ];
    let owner = table.has("owner").then(|| name(&table, "owner")).flatten();
    let after = table.integer("too_old_h", 0..=100_000);
    let after = after.and_then(|hours| u32::try_from(hours.value).ok());
    let then = table.choice("when_too_old", &words);
    let file = ListFile {
        path: existing(&table, "file"),
        owner: owner.map_or(Owner::Gateway, Owner::Destination),
        too_old: TooOld {
            after_hours: after.unwrap_or(0),
            then: then.map_or(WhenTooOld::GoOn, |word| word.value),
        },
    };
    table.finish();
    file
}

/// Lanes have ids of their own; cameras, sensors and barriers share one space of ids.
fn devices_once(file: &File, lanes: &[Built]) {
    let ids = lanes
        .iter()
        .map(|built| (&built.lane.id, built.span.clone()));
    once(file, "lane", ids);
    let devices = lanes.iter().flat_map(|built| {
        let cameras = built.cameras.iter().map(|camera| &camera.id);
        let sensors = built.sensors.iter().map(|sensor| &sensor.id);
        let barrier = built.barrier.iter().map(|barrier| &barrier.id);
        let all = cameras.chain(sensors).chain(barrier);
        all.map(|id| (id, built.span.clone()))
    });
    once(file, "device", devices);
}

fn once<'n>(file: &File, what: &str, ids: impl Iterator<Item = (&'n Name, Span)>) {
    let mut seen: BTreeMap<&Name, Span> = BTreeMap::new();
    for (id, span) in ids {
        if let Some(first) = seen.get(id) {
            let line = file.place(first.start).0;
            let found = format!("the {what} id \"{id}\" stands here again; first in line {line}");
            file.wrong(&span, found, "an id of its own for each");
            continue;
        }
        seen.insert(id, span);
    }
}

fn warnings(lanes: &[Built], rules: &[PathBuf]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |code, text: &str| {
        warnings.push(Warning {
            line: 1,
            code,
            text: text.to_owned(),
        });
    };
    if lanes.is_empty() {
        warn("no_lanes", "no lane is configured: only the page works");
    } else if rules.is_empty() {
        warn("no_rules", "no rules are configured: every passage holds");
    }
    let mut kinds = lanes
        .iter()
        .flat_map(|built| &built.sensors)
        .flat_map(|sensor| &sensor.declaration.values);
    if !lanes.is_empty() && !kinds.any(|value| matches!(value.kind, Kind::Emergency(_))) {
        warn(
            "no_emergency",
            "no emergency contact is configured: only the page can open all lanes",
        );
    }
    warnings
}
