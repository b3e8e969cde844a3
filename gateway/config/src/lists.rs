//! Lists as files: CSV that people keep in a spreadsheet, read into the core's lists.
//!
//! UTF-8, with or without a byte-order mark, a header line that names the columns, commas, fields with
//! commas in double quotes. All wrong rows are named at once, by row, without what stands in them.

mod csv;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use gateway_core::lists::{Holder, List, Lists, Pass, PassKey, Watch};
use gateway_core::name::Name;
use gateway_core::plate::{Card, Plate};
use jiff::civil::{Date, DateTime, time};

use crate::meant::ListFiles;
use crate::mistake::{Mistake, Mistakes};
use csv::Row;

/// Reads all list files. A list read from a file has version 1 and was confirmed when the file was last
/// written; one without a file stays at version 0. Dates without a zone are local: `time_offset_min`
/// minutes ahead of UTC.
pub fn load(files: &ListFiles, time_offset_min: i16) -> Result<Lists, Mistakes> {
    let mut mistakes = Vec::new();
    let passes = |row: &Row| pass(row, time_offset_min);
    let lists = Lists {
        vehicles: list(
            files.vehicles.as_deref(),
            &["plate", "holder"],
            &mut mistakes,
            |row| Ok((plate(row.get("plate"))?, holder(row))),
        ),
        cards: list(
            files.cards.as_deref(),
            &["card", "holder"],
            &mut mistakes,
            |row| Ok((card(row.get("card"))?, holder(row))),
        ),
        watched_plates: list(
            files.watched_plates.as_deref(),
            &["plate", "reason"],
            &mut mistakes,
            |row| Ok((plate(row.get("plate"))?, watch(row))),
        ),
        watched_areas: list(
            files.watched_areas.as_deref(),
            &["prefix", "reason"],
            &mut mistakes,
            |row| Ok((prefix(row.get("prefix"))?, watch(row))),
        ),
        passes: list(files.passes.as_deref(), &PASS, &mut mistakes, passes),
        ..Lists::default()
    };
    match Mistakes::of(mistakes) {
        Some(mistakes) => Err(mistakes),
        None => Ok(lists),
    }
}

const PASS: [&str; 7] = [
    "id",
    "plate",
    "card",
    "holder",
    "valid_from",
    "valid_to",
    "uses",
];

/// What is wrong in a row: found, allowed. It repeats no plate, card or name.
type Wrong = (&'static str, &'static str);

fn list<K: Ord, V>(
    path: Option<&Path>,
    columns: &[&'static str],
    mistakes: &mut Vec<Mistake>,
    read: impl Fn(&Row) -> Result<(K, V), Wrong>,
) -> List<K, V> {
    let Some(path) = path else {
        return List::default();
    };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            mistakes.push(Mistake::unreadable(path, &error));
            return List::default();
        }
    };
    let mut wrong = |line, found: String, allowed: String| {
        mistakes.push(Mistake {
            file: path.to_owned(),
            line,
            column: 1,
            found,
            allowed,
            suggestion: None,
        });
    };
    let table = match csv::read(&text) {
        Ok(table) => table,
        Err(line) => {
            let found = "a quoted field does not end".to_owned();
            wrong(line, found, "a double quote at its end".to_owned());
            return List::default();
        }
    };
    for column in columns.iter().filter(|column| !table.has(column)) {
        wrong(1, format!("no column `{column}`"), columns.join(","));
    }
    for column in table.columns().filter(|column| !columns.contains(column)) {
        wrong(1, format!("a column {column:?}"), columns.join(","));
    }
    let mut entries = BTreeMap::new();
    for row in table.rows() {
        match read(&row) {
            Ok((key, _)) if entries.contains_key(&key) => {
                let found = "the same entry stands in an earlier row".to_owned();
                wrong(row.line, found, "each entry once".to_owned());
            }
            Ok((key, value)) => {
                entries.insert(key, value);
            }
            Err((found, allowed)) => wrong(row.line, found.to_owned(), allowed.to_owned()),
        }
    }
    List::of(1, written_ms(path), entries)
}

/// Milliseconds since 1970 when the file was last written; 0 when that is not known.
fn written_ms(path: &Path) -> i64 {
    let modified = fs::metadata(path).and_then(|meta| meta.modified()).ok();
    let since = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0))
}

/// Without separators, upper case: as the recogniser writes it.
fn tidy(text: &str) -> String {
    let separator = |c: char| c.is_whitespace() || matches!(c, '·' | '•' | '-' | '.');
    text.chars()
        .filter(|c| !separator(*c))
        .flat_map(char::to_uppercase)
        .collect()
}

fn plate(text: &str) -> Result<Plate, Wrong> {
    let tidy = tidy(text);
    let length = tidy.chars().count();
    if !(4..=10).contains(&length) || !tidy.chars().all(char::is_alphanumeric) {
        return Err(("the plate is none", "4 to 10 characters, such as 闽E·72K18"));
    }
    Ok(Plate::new(&tidy))
}

fn prefix(text: &str) -> Result<String, Wrong> {
    let tidy = tidy(text);
    let length = tidy.chars().count();
    if !(1..=6).contains(&length) || !tidy.chars().all(char::is_alphanumeric) {
        return Err(("the prefix is none", "1 to 6 characters, such as 鄂 or 鄂A"));
    }
    Ok(tidy)
}

/// Hex is written in any of the four ways of readers; any other token stays as it is.
fn card(text: &str) -> Result<Card, Wrong> {
    let text = text.trim();
    let bare: String = text
        .chars()
        .filter(|c| !matches!(c, '-' | ':' | ' '))
        .collect();
    let hex = bare.len() >= 4
        && bare.len().is_multiple_of(2)
        && bare.bytes().all(|b| b.is_ascii_hexdigit());
    if hex {
        return Ok(Card::new(&bare.to_ascii_uppercase()));
    }
    if !(1..=64).contains(&text.chars().count()) || text.chars().any(char::is_control) {
        return Err((
            "the card is none",
            "hexadecimal bytes, or 1 to 64 characters",
        ));
    }
    Ok(Card::new(text))
}

fn holder(row: &Row) -> Holder {
    Holder {
        holder: row.get("holder").trim().to_owned(),
        ..Holder::default()
    }
}

fn watch(row: &Row) -> Watch {
    Watch {
        reason: row.get("reason").trim().to_owned(),
    }
}

fn pass(row: &Row, offset_min: i16) -> Result<(PassKey, Pass), Wrong> {
    let id = row.get("id").trim();
    let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/');
    if !(1..=64).contains(&id.len()) || !id.bytes().all(fine) {
        return Err(("the id is no name", "1 to 64 letters, digits, - _ . /"));
    }
    let key = match (row.get("plate").trim(), row.get("card").trim()) {
        ("", "") => return Err(("neither plate nor card", "one of them")),
        (plate_text, "") => PassKey::Plate(plate(plate_text)?),
        ("", card_text) => PassKey::Card(card(card_text)?),
        _ => return Err(("both plate and card", "one of them")),
    };
    let valid_from_ms = moment(row.get("valid_from"), Edge::Begin, offset_min)?;
    let valid_to_ms = moment(row.get("valid_to"), Edge::End, offset_min)?;
    if valid_to_ms <= valid_from_ms {
        return Err(("it ends before it begins", "valid_to after valid_from"));
    }
    let uses = match row.get("uses").trim() {
        "" => None,
        text => Some(text.parse().map_err(|_| {
            (
                "the uses are no number",
                "a whole number, or nothing for any number",
            )
        })?),
    };
    let pass = Pass {
        id: Name::new(id),
        holder: row.get("holder").trim().to_owned(),
        valid_from_ms,
        valid_to_ms,
        uses,
        ..Pass::default()
    };
    Ok((key, pass))
}

#[derive(Clone, Copy)]
enum Edge {
    Begin,
    /// A day alone is meant to its end.
    End,
}

/// `2026-03-04` or `2026-03-04T07:30`, local, in milliseconds since 1970.
fn moment(text: &str, edge: Edge, offset_min: i16) -> Result<i64, Wrong> {
    const WRONG: Wrong = ("a date is none", "2026-03-04 or 2026-03-04T07:30");
    let text = text.trim();
    let local = if text.contains(['T', ' ']) {
        text.parse::<DateTime>().map_err(|_| WRONG)?
    } else {
        let date = text.parse::<Date>().map_err(|_| WRONG)?;
        match edge {
            Edge::Begin => date.to_datetime(time(0, 0, 0, 0)),
            Edge::End => date.to_datetime(time(23, 59, 59, 999_000_000)),
        }
    };
    let offset = jiff::tz::Offset::from_seconds(i32::from(offset_min) * 60).map_err(|_| WRONG)?;
    let moment = offset.to_timestamp(local).map_err(|_| WRONG)?;
    Ok(moment.as_millisecond())
}
