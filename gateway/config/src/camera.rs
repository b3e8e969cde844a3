//! Cameras as written: `source` or `make` and `host`, the lane's polygon, the stop line.

mod make;

use gateway_core::name::Name;

use crate::gateway::name;
use crate::meant::{Camera, Source};
use crate::secrets::SecretName;
use crate::written::{Found, Span, Table};

const FORMS: &str = "\"rtsp://HOST/PATH\", \"file:PATH\" or \"v4l2:/dev/videoN\"";
/// The whole picture.
const WHOLE: [[u16; 2]; 4] = [[0, 0], [1000, 0], [1000, 1000], [0, 1000]];

pub(crate) fn read(table: Table, lane: &Name) -> Option<Camera> {
    let id = name(&table, "id");
    let source = source(&table);
    let polygon = table.pairs("polygon", 1000);
    if let Some(few) = polygon.as_ref().filter(|corners| corners.value.len() < 3) {
        let found = format!("`polygon` has {} corners", few.value.len());
        table.file.wrong(&few.span, found, "at least 3");
    }
    let stop_line = table.integer("stop_line", 0..=1000);
    let long_side = table.integer("long_side", 320..=1920);
    if let Some(odd) = long_side.as_ref().filter(|side| side.value % 32 != 0) {
        let found = format!("`long_side` is {}", odd.value);
        let down = odd.value / 32 * 32;
        let suggestion = format!("{down} or {}", down + 32);
        table
            .file
            .advise(&odd.span, found, "a multiple of 32", suggestion);
    }
    table.finish();
    Some(Camera {
        id: id?,
        lane: lane.clone(),
        source: source?,
        polygon: polygon.map_or_else(|| WHOLE.to_vec(), |corners| corners.value),
        stop_line_permille: stop_line.and_then(|line| u16::try_from(line.value).ok()),
        detector_long_side: long_side
            .and_then(|side| u16::try_from(side.value).ok())
            .unwrap_or(960),
    })
}

fn source(table: &Table) -> Option<Source> {
    let made = table.has("make");
    let written = if made {
        None
    } else {
        table.required_text("source", FORMS)
    };
    let user = table.text("user", "the camera's user");
    let password = table.text("password_secret", "the name of a secret");
    let repeat = table.boolean("repeat", false);
    let network = |url: String, span: &Span| {
        no_repeat(table);
        if user.is_none() != password.is_none() {
            let found = "only one of `user` and `password_secret`";
            table.file.wrong(span, found, "both or neither");
        }
        Some(Source::Rtsp {
            url,
            user: user.as_ref().map(|user| user.value.clone()),
            password: password.as_ref().map(|name| SecretName::new(&name.value)),
        })
    };
    if made {
        if table.has("source") {
            let found = "`source` beside `make`";
            table
                .file
                .wrong(&table.span_of("source"), found, "one of the two");
        }
        return network(make::url(table)?, &table.span_of("make"));
    }
    make::refuse_parts(table);
    let written = written?;
    let text = written.value.as_str();
    if text.starts_with("rtsp://") || text.starts_with("rtsps://") {
        refuse_credentials(table, &written)?;
        return network(written.value.clone(), &written.span);
    }
    for key in ["user", "password_secret"] {
        if table.has(key) {
            let found = format!("`{key}` beside a source that asks for none");
            table
                .file
                .wrong(&table.span_of(key), found, "only with rtsp://");
        }
    }
    if let Some(path) = text.strip_prefix("file:") {
        return Some(Source::File {
            path: table.file.beside(path.trim_start_matches("//")),
            repeat,
        });
    }
    no_repeat(table);
    if let Some(device) = text.strip_prefix("v4l2:") {
        return Some(Source::V4l2 {
            device: device.into(),
        });
    }
    table
        .file
        .wrong(&written.span, "the source is of no known form", FORMS);
    None
}

fn no_repeat(table: &Table) {
    if table.has("repeat") {
        let found = "`repeat` beside a live source";
        table
            .file
            .wrong(&table.span_of("repeat"), found, "only with file:");
    }
}

/// A password in a URL ends in logs and error messages. What stands there is not repeated here.
fn refuse_credentials(table: &Table, written: &Found<String>) -> Option<()> {
    let rest = written.value.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or("");
    if authority.is_empty() {
        table
            .file
            .wrong(&written.span, "the URL names no host", FORMS);
        return None;
    }
    // A password may itself hold a slash, so an @ anywhere is suspect.
    if rest.contains('@') {
        table.file.advise(
            &written.span,
            "the URL holds a user or password",
            "a URL without them",
            "write user = \"…\" and password_secret = \"NAME\", and put the password under NAME into the secrets file",
        );
        return None;
    }
    Some(())
}
