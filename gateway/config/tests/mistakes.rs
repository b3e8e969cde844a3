//! C-1: mistakes are explained, all at once, each with its place; nothing is half applied.

use std::fs;
use std::path::{Path, PathBuf};

use gateway_config::{Mistake, lists};
use gateway_core::lists::ListName;

const RIGHT: &str = r#"
[gateway]
id = "gate-1"
grid = "350602001001"

[[upstream]]
id = "town"
address = "127.0.0.1:1884"
user = "gate-1"
password_secret = "upstream-town"
public_key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

[[lane]]
id = "in-1"
kind = "vehicle"
direction = "entry"
needs = ["plate"]

[[lane.camera]]
id = "in-1-camera"
source = "rtsp://10.0.0.20/stream1"
user = "gate"
password_secret = "camera-1"

[[lane.sensor]]
id = "in-1-under"
declaration = "esphome-loop"
place = "under_arm"
vars = { node = "in-1", loop = "under" }

[lane.barrier]
declaration = "tasmota-relay"
vars = { device = "in-1-arm" }
"#;

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/gateway.toml")
}

fn mistakes(text: &str) -> Vec<Mistake> {
    match gateway_config::read(&path(), text) {
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes.list().to_vec(),
    }
}

/// One change of the right file, and what its mistake must say.
fn changed(from: &str, to: &str) -> (String, Vec<Mistake>) {
    assert!(RIGHT.contains(from), "{from}");
    let text = RIGHT.replacen(from, to, 1);
    let found = mistakes(&text);
    (text, found)
}

#[test]
fn the_right_file_has_none() {
    assert_eq!(mistakes(RIGHT), []);
}

#[test]
fn c1_each_mistake_is_named_with_its_line_and_what_is_allowed() {
    // from, to, the text at the named place, what the message holds
    let cases = [
        ("needs =", "neds =", "neds", "did you mean `needs`?"),
        (
            "\"vehicle\"",
            "\"vehicel\"",
            "\"vehicel\"",
            "did you mean \"vehicle\"?",
        ),
        ("\"entry\"", "3", "3", "allowed: \"entry\", \"exit\""),
        ("[\"plate\"]", "[]", "[]", "at least one"),
        (
            "[\"plate\"]",
            "[\"plate\", \"face\"]",
            "\"face\"",
            "\"temperature\"",
        ),
        (
            "id = \"gate-1\"\n",
            "id = \"gate 1\"\n",
            "\"gate 1\"",
            "letters, digits",
        ),
        ("id = \"gate-1\"\n", "", "[gateway]", "has no `id`"),
        (
            "\"127.0.0.1:1884\"",
            "\"127.0.0.1\"",
            "\"127.0.0.1\"",
            "HOST:PORT",
        ),
        (
            "\"127.0.0.1:1884\"",
            "\"10.0.0.9:1884\"",
            "\"10.0.0.9:1884\"",
            "ca = ",
        ),
        ("AAAA=", "AAA=", "\"AAAA", "32 bytes in base64"),
        (
            "rtsp://10",
            "rtsp://me:secret@10",
            "\"rtsp://me",
            "password_secret",
        ),
        ("rtsp://", "http://", "\"http://", "rtsp://HOST/PATH"),
        ("user = \"gate\"\n", "", "\"rtsp://", "both or neither"),
        (
            "\"esphome-loop\"",
            "\"esphome-lop\"",
            "\"esphome-lop\"",
            "did you mean \"esphome-loop\"?",
        ),
        (
            "place = \"under_arm\"\n",
            "",
            "[[lane.sensor]]",
            "has no `place`",
        ),
        ("node = \"in-1\", ", "", "{ loop", "{node}"),
        ("loop = \"under\"", "lopo = \"under\"", "{ node", "{lopo}"),
        (
            "\"tasmota-relay\"",
            "\"tasmota-rc522\"",
            "\"tasmota-rc522\"",
            "[command]",
        ),
        (
            "\"in-1-under\"",
            "\"in-1-camera\"",
            "[[lane]]",
            "stands here again",
        ),
        (
            "[lane.barrier]",
            "shadow = 1\n[lane.barrier]",
            "shadow",
            "no key `shadow`",
        ),
        (
            "needs = [\"plate\"]",
            "needs = [\"plate\"]\nwait_ms = 10",
            "10",
            "500 to 60000",
        ),
        (
            "needs = [\"plate\"]",
            "needs = [\"plate\"]\nplate_sure = 90",
            "90",
            "from 0.5 to 1",
        ),
        (
            "needs = [\"plate\"]",
            "needs = [\"plate\"]\nfallback = { then = \"admit\" }",
            "\"admit\"",
            "only on an exit",
        ),
        (
            "\"entry\"",
            "\"exit\"\non_power_loss = \"closed\"",
            "\"closed\"",
            "fail open",
        ),
        (
            "[[upstream]]",
            "[rules]\nfiles = [\"no.toml\"]\n[[upstream]]",
            "\"no.toml\"",
            "no file",
        ),
        (
            "[[upstream]]",
            "[lists]\ncards = 3\n[[upstream]]",
            "3",
            "path of a file",
        ),
        (
            "grid = \"350602001001\"",
            "grid = \"3\"\ngrid = \"4\"",
            "grid = \"4\"",
            "duplicate key",
        ),
        ("id = \"town\"", "id = \"town", "", "expected `\"`"),
    ];
    for (from, to, place, says) in cases {
        let (text, found) = changed(from, to);
        let said: Vec<String> = found.iter().map(ToString::to_string).collect();
        let there = found.iter().any(|mistake| {
            let line = text
                .lines()
                .nth(mistake.line.saturating_sub(1))
                .unwrap_or("");
            let column = mistake.column.saturating_sub(1);
            let here: String = line.chars().skip(column).collect();
            let first = place.lines().next().unwrap_or(place);
            mistake.to_string().contains(says) && here.starts_with(first)
        });
        assert!(
            there,
            "{from:?} → {to:?} at {place:?} says {says:?}:\n{}",
            said.join("\n")
        );
    }
}

#[test]
fn c1_all_mistakes_are_named_at_once() {
    let text = RIGHT
        .replace("\"vehicle\"", "\"bicycle\"")
        .replace("esphome-loop", "nothing")
        .replace("user = \"gate-1\"", "usr = \"gate-1\"")
        .replace("rtsp://", "rtsp://a:b@");
    let found = mistakes(&text);
    assert!(found.len() >= 5, "{found:#?}");
    let lines: Vec<usize> = found.iter().map(|mistake| mistake.line).collect();
    assert!(lines.is_sorted(), "{lines:?}");
}

#[test]
fn s09_a_password_in_a_url_is_not_repeated() {
    let (_, found) = changed("rtsp://10", "rtsp://me:canary-7f@10");
    let said: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(!said.join("\n").contains("canary"), "{said:?}");
}

/// Deletes, doubles or changes one character after the other: never a panic, never half a result.
#[test]
fn c1_a_hundred_mutated_files_are_explained_or_right() {
    let chars: Vec<char> = RIGHT.chars().collect();
    let step = chars.len() / 100;
    for at in (0..chars.len()).step_by(step.max(1)) {
        for put in ["", "\"", "[", "=", "\n", "x"] {
            let mut text: String = chars[..at].iter().collect();
            text.push_str(put);
            text.extend(&chars[at + 1..]);
            for mistake in mistakes(&text) {
                let lines = text.lines().count() + 1;
                assert!((1..=lines).contains(&mistake.line), "{mistake}");
                assert!(mistake.column >= 1, "{mistake}");
            }
        }
    }
}

#[test]
fn a_declaration_with_mistakes_is_named_with_its_own_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let devices = folder.path().join("devices");
    fs::create_dir(&devices).expect("made");
    let declaration = "[[value]]\nkind = \"card\"\ntopic = \"a/#\"\npayload = \"json\"\n\
                       pointer = \"RC522.UID\"\nspeling = \"hex\"\n";
    fs::write(devices.join("mine.toml"), declaration).expect("written");
    let text = "[gateway]\nid = \"g\"\ngrid = \"1\"\n[[lane]]\nid = \"l\"\nkind = \"pedestrian\"\n\
                direction = \"entry\"\nneeds = [\"card\"]\n[[lane.sensor]]\nid = \"r\"\n\
                declaration = \"mine\"\n";
    let path = folder.path().join("gateway.toml");
    let found = gateway_config::read(&path, text).expect_err("refused");
    let said = found.to_string();
    for part in [
        "mine.toml:3:9: the topic is \"a/#\"",
        "did you mean \"/RC522/UID\"?",
        "mine.toml:6:1:",
        "has no `spelling`",
    ] {
        assert!(said.contains(part), "{part} in\n{said}");
    }
}

#[test]
fn wrong_rows_of_lists_are_named_without_what_they_hold() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        path
    };
    let files = gateway_config::ListFiles::of([
        (
            ListName::Vehicles,
            write(
                "vehicles.csv",
                "plate,holder\n闽E·9Z9Z9,a\n闽e9z9z9,b\n??,canary\n",
            ),
        ),
        (
            ListName::Cards,
            write("cards.csv", "card,owner\n74-10-37-94,a\n"),
        ),
        (
            ListName::Passes,
            write(
                "passes.csv",
                "id,plate,card,holder,valid_from,valid_to,uses\n\
             v1,闽E72K18,,x,2026-03-04,2026-03-04,2\n\
             v2,,,x,2026-03-04,2026-03-05,\n\
             v3,,4C1B90E2,x,2026-03-06,2026-03-05,\n\
             v4,,4C1B90E2,x,2026-13-06,2026-03-05,\n\
             v5,,AABBCCDD,x,2026-03-04T07:30,2026-03-05,many\n",
            ),
        ),
    ]);
    let found = lists::load(&files, 480).expect_err("refused").to_string();
    for part in [
        "vehicles.csv:3:1: the same entry",
        "vehicles.csv:4:1: the plate is none",
        "cards.csv:1:2: a column \"owner\"",
        "passes.csv:3:2: neither plate nor card",
        "passes.csv:4:6: it ends before it begins",
        "passes.csv:5:5: a date is none",
        "passes.csv:6:7: the uses are no number",
    ] {
        assert!(found.contains(part), "{part} in\n{found}");
    }
    assert!(
        !found.contains("canary") && !found.contains("9Z9"),
        "{found}"
    );
}

#[test]
fn lists_are_read_as_a_spreadsheet_writes_them() {
    use gateway_core::lists::PassKey;
    use gateway_core::plate::{Card, Plate};
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        path
    };
    let files = gateway_config::ListFiles::of([
        (
            ListName::Vehicles,
            write("vehicles.csv", "\u{feff}plate,holder\r\n闽E·72K18,3栋\r\n"),
        ),
        (
            ListName::Cards,
            write(
                "cards.csv",
                "card,holder\n74-10-37-94,a\nf9c2f720,b\ntoken-7,c\n",
            ),
        ),
        (
            ListName::WatchedAreas,
            write("areas.csv", "prefix,reason\n鄂a,x\n"),
        ),
        (
            ListName::Passes,
            write(
                "passes.csv",
                "id,plate,card,holder,valid_from,valid_to,uses\nv1,闽E·72K18,,x,1970-01-01,1970-01-01,2\n",
            ),
        ),
    ]);
    let lists = lists::load(&files, 480).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert!(lists.vehicles.entries.contains_key(&Plate::new("闽E72K18")));
    assert!(lists.vehicles.confirmed_ms > 1_600_000_000_000);
    for card in ["74103794", "F9C2F720", "token-7"] {
        assert!(lists.cards.entries.contains_key(&Card::new(card)), "{card}");
    }
    assert!(lists.watched_areas.entries.contains_key("鄂A"));
    assert_eq!(lists.watched_plates.version, 0);
    let pass = &lists.passes.entries[&PassKey::Plate(Plate::new("闽E72K18"))];
    let day = 86_400_000;
    assert_eq!(
        (pass.valid_from_ms, pass.valid_to_ms),
        (-day / 3, day - day / 3 - 1)
    );
    assert_eq!(pass.uses, Some(2));
}

#[test]
fn two_loops_at_one_place_of_a_lane_are_a_mistake() {
    let second = "[[lane.sensor]]\nid = \"in-1-other\"\ndeclaration = \"esphome-loop\"\n\
                  place = \"under_arm\"\nvars = { node = \"in-1\", loop = \"other\" }\n\n\
                  [lane.barrier]";
    let (_, found) = changed("[lane.barrier]", second);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].to_string().contains("in-1-other is a second loop"),
        "{}",
        found[0]
    );
}
