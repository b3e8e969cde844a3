//! Device declarations: the files of `config/devices/`, with the names of the site filled in.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use gateway_core::name::Name;
use gateway_core::reading::{BodySite, LoopPlace};
use gateway_wire::sensor::{
    Command, Commands, Declaration, Kind, Match, Payload, Spelling, Unit, ValueRule, Words,
};

use crate::mistake::{Mistake, Mistakes};
use crate::written::{File, Found, Table};

/// The names of the declarations in a folder, in order: its `*.toml` without the ending.
pub fn declarations(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            name.strip_suffix(".toml").map(str::to_owned)
        })
        .collect();
    names.sort_unstable();
    names
}

/// What a device's place in the site adds to its declaration.
pub(crate) struct Place<'v> {
    /// Fill `{name}` in topics, conditions and payloads.
    pub vars: &'v BTreeMap<String, String>,
    /// For loops.
    pub place: Option<LoopPlace>,
}

/// A declaration read for one device.
pub(crate) struct Device {
    pub declaration: Declaration,
    pub commands: Option<Commands>,
    /// `{name}`s that the declaration wants and the site does not give.
    pub unfilled: BTreeSet<String>,
    /// Names that the site gives and the declaration does not want.
    pub unused: BTreeSet<String>,
    /// All that it wants.
    pub wanted: BTreeSet<String>,
    pub has_loop: bool,
}

/// Reads the declaration at `path`, for a device at this place.
pub(crate) fn load(path: &Path, name: &str, place: &Place) -> Result<Device, Mistakes> {
    match fs::read_to_string(path) {
        Ok(text) => parse(path, &text, name, place),
        Err(error) => Err(Mistake::unreadable(path, &error).into()),
    }
}

fn parse(path: &Path, text: &str, name: &str, place: &Place) -> Result<Device, Mistakes> {
    let file = File::new(path, text);
    let filler = Filler {
        vars: place.vars,
        wanted: RefCell::default(),
    };
    let (values, commands) = {
        let parsed = file.parse();
        let root = Table::root(&file, &parsed);
        let tables = root.tables("value");
        let values: Vec<ValueRule> = tables
            .into_iter()
            .filter_map(|table| value(table, &filler, place.place))
            .collect();
        let commands = root
            .table("command")
            .and_then(|table| command(table, &filler));
        if !root.has("value") && !root.has("command") {
            root.missing("value", "at least one [[value]] or a [command]");
        }
        root.finish();
        (values, commands)
    };
    if let Some(mistakes) = Mistakes::of(file.into_mistakes()) {
        return Err(mistakes);
    }
    let wanted = filler.wanted.into_inner();
    let given: BTreeSet<String> = place.vars.keys().cloned().collect();
    Ok(Device {
        has_loop: values.iter().any(|v| matches!(v.kind, Kind::Loop { .. })),
        declaration: Declaration {
            name: Name::new(name),
            values,
        },
        commands,
        unfilled: wanted.difference(&given).cloned().collect(),
        unused: given.difference(&wanted).cloned().collect(),
        wanted,
    })
}

struct Filler<'v> {
    vars: &'v BTreeMap<String, String>,
    wanted: RefCell<BTreeSet<String>>,
}

impl Filler<'_> {
    /// Replaces each `{name}` that is a plain lower-case word; other braces, as of JSON, stay.
    fn fill(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            filled.push_str(&rest[..open]);
            rest = &rest[open..];
            match rest.find('}').map(|close| &rest[1..close]) {
                Some(name) if is_word(name) => {
                    self.wanted.borrow_mut().insert(name.to_owned());
                    filled.push_str(self.vars.get(name).map_or("", String::as_str));
                    rest = &rest[name.len() + 2..];
                }
                _ => {
                    filled.push('{');
                    rest = &rest[1..];
                }
            }
        }
        filled + rest
    }
}

fn is_word(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

#[derive(Clone, Copy)]
enum Of {
    Card,
    Temperature,
    Loop,
    Arm,
    Emergency,
    Online,
}

const KINDS: [(&str, Of); 6] = [
    ("card", Of::Card),
    ("temperature", Of::Temperature),
    ("loop", Of::Loop),
    ("arm", Of::Arm),
    ("emergency", Of::Emergency),
    ("online", Of::Online),
];

const SITES: [(&str, BodySite); 4] = [
    ("forehead", BodySite::Forehead),
    ("wrist", BodySite::Wrist),
    ("ear", BodySite::Ear),
    ("surface", BodySite::Surface),
];

fn value(table: Table, filler: &Filler, place: Option<LoopPlace>) -> Option<ValueRule> {
    // Everything is asked for before anything is given up, so that all mistakes are named.
    let of = table.required_choice("kind", &KINDS);
    let topic = table.required_text("topic", "\"an MQTT topic\"");
    let topic = topic.and_then(|topic| self::topic(&table, &topic, filler));
    let payloads = [("json", Payload::Json), ("text", Payload::Text)];
    let payload = table.required_choice("payload", &payloads);
    let payload = payload.map_or(Payload::Json, |payload| payload.value);
    let kind = kind(&table, of?.value, place);
    let json = payload == Payload::Json;
    let pointer = pointer(&table, "pointer");
    let bare = matches!(kind, Some(Kind::Online(None)));
    if json && pointer.is_none() && !table.has("pointer") && !bare {
        table.missing("pointer", "where the value stands, such as \"/RC522/UID\"");
    }
    for key in ["pointer", "match", "replayed", "counter", "ambient"] {
        if !json && table.has(key) {
            let found = format!("`{key}` beside payload = \"text\"");
            table
                .file
                .wrong(&table.span_of(key), found, "only with payload = \"json\"");
        }
    }
    let matches = self::matches(&table, "match", filler);
    let absent = words(&table, "absent").unwrap_or_default();
    let replayed = self::matches(&table, "replayed", filler);
    let counter = self::pointer(&table, "counter");
    table.finish();
    Some(ValueRule {
        topic: topic?,
        payload,
        matches,
        kind: kind?,
        pointer,
        absent,
        replayed,
        counter,
    })
}

fn kind(table: &Table, of: Of, place: Option<LoopPlace>) -> Option<Kind> {
    match of {
        Of::Card => {
            let spellings = [("hex", Spelling::Hex), ("text", Spelling::Text)];
            let spelling = table.required_choice("spelling", &spellings)?;
            Some(Kind::Card(spelling.value))
        }
        Of::Temperature => {
            let units = [("celsius", Unit::Celsius), ("fahrenheit", Unit::Fahrenheit)];
            let unit = table.choice("unit", &units);
            let site = table.required_choice("site", &SITES);
            Some(Kind::Temperature {
                unit: unit.map_or(Unit::Celsius, |unit| unit.value),
                decimals: decimals(table),
                site: site?.value,
                ambient: pointer(table, "ambient"),
            })
        }
        Of::Loop => Some(Kind::Loop {
            // Without a place the site's own mistake is named where the sensor stands.
            place: place.unwrap_or(LoopPlace::Approach),
            words: required_words(table, "on", "off")?,
        }),
        Of::Arm => {
            let moving = words(table, "moving").unwrap_or_default();
            let words = required_words(table, "open", "closed")?;
            Some(Kind::Arm { words, moving })
        }
        Of::Emergency => required_words(table, "on", "off").map(Kind::Emergency),
        Of::Online if table.has("on") || table.has("off") => {
            required_words(table, "on", "off").map(|words| Kind::Online(Some(words)))
        }
        Of::Online => {
            if table.has("pointer") {
                table.missing("on", "the words that mean that it is there");
            }
            Some(Kind::Online(None))
        }
    }
}

/// `scale = 0.1`: 366 means 36.6. Only powers of ten, so that it stays exact.
fn decimals(table: &Table) -> u8 {
    let scale = table.thousandths("scale", 1..=1_000);
    match scale {
        None | Some(1_000) => 0,
        Some(100) => 1,
        Some(10) => 2,
        Some(1) => 3,
        Some(_) => {
            let span = table.span_of("scale");
            table
                .file
                .wrong(&span, "`scale` is no power of ten", "1, 0.1, 0.01, 0.001");
            0
        }
    }
}

fn words(table: &Table, key: &'static str) -> Option<Vec<String>> {
    let texts = table.texts(key)?;
    Some(texts.into_iter().map(|text| text.value).collect())
}

fn required_words(table: &Table, on: &'static str, off: &'static str) -> Option<Words> {
    let (yes, no) = (words(table, on), words(table, off));
    for key in [on, off] {
        if !table.has(key) {
            table.missing(key, "a list of words, such as [\"ON\", \"1\"]");
        }
    }
    let (yes, no) = (yes?, no?);
    let same = |word: &String| no.iter().any(|other| other.eq_ignore_ascii_case(word));
    if let Some(word) = yes.iter().find(|word| same(word)) {
        let found = format!("{word:?} stands in both `{on}` and `{off}`");
        table
            .file
            .wrong(&table.span_of(off), found, "each word in one of them");
    }
    Some(Words { on: yes, off: no })
}

fn pointer(table: &Table, key: &'static str) -> Option<String> {
    let text = table.text(key, "a JSON pointer, such as \"/RC522/UID\"")?;
    if text.value.starts_with('/') {
        return Some(text.value);
    }
    let near = text.value.replace('.', "/");
    table.file.advise(
        &text.span,
        format!("`{key}` is {:?}", text.value),
        "a JSON pointer, which begins with /",
        format!("did you mean \"/{near}\"?"),
    );
    None
}

fn matches(table: &Table, key: &'static str, filler: &Filler) -> Vec<Match> {
    let conditions = table.tables(key).into_iter().filter_map(|condition| {
        if !condition.has("pointer") {
            condition.missing("pointer", "where to look, such as \"/operator\"");
        }
        let pointer = pointer(&condition, "pointer");
        let equals = condition.texts("equals");
        let equals = equals.and_then(|texts| texts.into_iter().next());
        condition.finish();
        Some(Match {
            pointer: pointer?,
            equals: equals.map(|text| filler.fill(&text.value)),
        })
    });
    conditions.collect()
}

fn topic(table: &Table, written: &Found<String>, filler: &Filler) -> Option<String> {
    let topic = filler.fill(&written.value);
    let levels_fine = topic
        .split('/')
        .all(|level| level == "+" || !level.contains('+'));
    if topic.contains('#') || !levels_fine || topic.len() > 256 {
        table.file.wrong(
            &written.span,
            format!("the topic is {topic:?}"),
            "an MQTT topic without #, and + only as a whole level",
        );
        return None;
    }
    Some(topic)
}

fn command(table: Table, filler: &Filler) -> Option<Commands> {
    let common = table.text("topic", "an MQTT topic");
    let common = common.map(|topic| filler.fill(&topic.value));
    let qos = table.integer("qos", 0..=1).map_or(1, |qos| qos.value);
    let one = |key: &'static str| single(&table, key, common.as_deref(), filler);
    let (open, hold_open) = (one("open"), one("hold_open"));
    let (release, close) = (one("release"), one("close"));
    if !table.has("open") {
        table.missing("open", "the payload that opens");
    }
    table.finish();
    Some(Commands {
        open: open?,
        hold_open,
        release,
        close,
        qos: u8::try_from(qos).unwrap_or(1),
    })
}

/// `open = "ON"` with the common topic, or `open = { topic = "…", payload = "ON" }`.
fn single(
    table: &Table,
    key: &'static str,
    common: Option<&str>,
    filler: &Filler,
) -> Option<Command> {
    if table.is_table(key) {
        let own = table.table(key)?;
        let topic = own.required_text("topic", "\"an MQTT topic\"");
        let payload = own.required_text("payload", "\"what is sent\"");
        own.finish();
        return Some(Command {
            topic: filler.fill(&topic?.value),
            payload: filler.fill(&payload?.value),
        });
    }
    let payload = table.text(key, "the payload as a text, or { topic, payload }")?;
    let Some(topic) = common else {
        table.missing("topic", "the topic of the commands");
        return None;
    };
    Some(Command {
        topic: topic.to_owned(),
        payload: filler.fill(&payload.value),
    })
}
