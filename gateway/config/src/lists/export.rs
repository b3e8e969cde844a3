//! A list, or any table, as a file that a spreadsheet opens: CSV in UTF-8 with a byte-order mark, or
//! XLSX. No field can compute: what a spreadsheet would take for a formula is marked as text.

use gateway_core::lists::{Consent, Days, Entry, Hours, ListName, PassKey, Validity, Week};
use gateway_wire::sheets::Sheet;

use super::columns::{self, Column};

/// What begins a formula somewhere, and must not begin a field.
pub const COMPUTES: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    Xlsx,
}

impl Format {
    pub fn named(word: &str) -> Option<Format> {
        match word {
            "csv" => Some(Format::Csv),
            "xlsx" => Some(Format::Xlsx),
            _ => None,
        }
    }
}

/// A table could not be made into a workbook.
#[derive(Debug, thiserror::Error)]
#[error("the workbook cannot be made")]
pub struct ExportError(#[from] rust_xlsxwriter::XlsxError);

/// Header and rows as a file's bytes.
pub fn table(
    format: Format,
    header: &[String],
    rows: &[Vec<String>],
) -> Result<Vec<u8>, ExportError> {
    match format {
        Format::Csv => Ok(csv(header, rows)),
        Format::Xlsx => xlsx(header, rows),
    }
}

/// Several sheets as one file; in CSV one below the other, each under its name.
pub fn sheets(format: Format, sheets: &[Sheet]) -> Result<Vec<u8>, ExportError> {
    if format == Format::Xlsx {
        let mut workbook = rust_xlsxwriter::Workbook::new();
        for sheet in sheets {
            let page = workbook.add_worksheet();
            page.set_name(&sheet.name)?;
            fill(page, &sheet.header, &sheet.rows)?;
        }
        return Ok(workbook.save_to_buffer()?);
    }
    let mut out = String::from("\u{feff}");
    for sheet in sheets {
        line(&mut out, std::slice::from_ref(&sheet.name));
        line(&mut out, &sheet.header);
        for row in &sheet.rows {
            line(&mut out, row);
        }
        out.push_str("\r\n");
    }
    Ok(out.into_bytes())
}

/// The entries of a list as a file that [`super::import::read`] reads back; dates are local.
pub fn list(
    list: ListName,
    entries: &[Entry],
    offset_min: i16,
    chinese: bool,
    format: Format,
) -> Result<Vec<u8>, ExportError> {
    let columns = columns::of(list);
    let header: Vec<String> = columns
        .iter()
        .map(|column| if chinese { column.zh() } else { column.name() })
        .map(str::to_owned)
        .collect();
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            let field = |column: &Column| field(entry, *column, offset_min);
            columns.iter().map(field).collect()
        })
        .collect();
    table(format, &header, &rows)
}

fn csv(header: &[String], rows: &[Vec<String>]) -> Vec<u8> {
    let mut out = String::from("\u{feff}");
    for row in std::iter::once(header).chain(rows.iter().map(Vec::as_slice)) {
        line(&mut out, row);
    }
    out.into_bytes()
}

fn line(out: &mut String, row: &[String]) {
    for (at, field) in row.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        let field = defused(field);
        if field.contains([',', '"', '\n', '\r']) {
            out.push_str(&format!("\"{}\"", field.replace('"', "\"\"")));
        } else {
            out.push_str(&field);
        }
    }
    out.push_str("\r\n");
}

fn xlsx(header: &[String], rows: &[Vec<String>]) -> Result<Vec<u8>, ExportError> {
    let mut workbook = rust_xlsxwriter::Workbook::new();
    fill(workbook.add_worksheet(), header, rows)?;
    Ok(workbook.save_to_buffer()?)
}

fn fill(
    sheet: &mut rust_xlsxwriter::Worksheet,
    header: &[String],
    rows: &[Vec<String>],
) -> Result<(), ExportError> {
    let bold = rust_xlsxwriter::Format::new().set_bold();
    for (at, field) in (0u16..).zip(header) {
        sheet.write_string_with_format(0, at, field, &bold)?;
    }
    for (line, row) in (1u32..).zip(rows) {
        for (at, field) in (0u16..).zip(row) {
            // A string cell never computes in a workbook; the mark guards it on its way to CSV.
            if !field.is_empty() {
                sheet.write_string(line, at, defused(field))?;
            }
        }
    }
    sheet.set_freeze_panes(1, 0)?;
    Ok(())
}

/// Text that no spreadsheet computes.
pub fn defused(field: &str) -> String {
    match field.starts_with(COMPUTES) {
        true => format!("'{field}"),
        false => field.to_owned(),
    }
}

fn field(entry: &Entry, column: Column, offset_min: i16) -> String {
    let name = |name: &Option<gateway_core::name::Name>| {
        name.as_ref().map_or_else(String::new, ToString::to_string)
    };
    let number = |number: Option<u32>| number.map_or_else(String::new, |n| n.to_string());
    match (entry, column) {
        (Entry::Resident(id, _), Column::Id) | (Entry::Household(id, _), Column::Id) => {
            id.to_string()
        }
        (Entry::Resident(_, of), Column::Name) => of.name.clone(),
        (Entry::Resident(_, of), Column::Household) => name(&of.household),
        (Entry::Resident(_, of), column) => valid(&of.valid, column, offset_min),
        (Entry::Household(_, of), Column::Title) => of.title.clone(),
        (Entry::Household(_, of), Column::ExitsTimes) => number(of.exits.map(|exits| exits.times)),
        (Entry::Household(_, of), Column::ExitsDays) => number(of.exits.map(|exits| exits.days)),
        (Entry::Vehicle(plate, _) | Entry::WatchedPlate(plate, _), Column::Plate) => {
            plate.reveal().to_owned()
        }
        (Entry::Card(card, _), Column::Card) => card.reveal().to_owned(),
        (Entry::Vehicle(_, of) | Entry::Card(_, of), Column::Holder) => of.holder.clone(),
        (Entry::Vehicle(_, of) | Entry::Card(_, of), Column::Resident) => name(&of.resident),
        (Entry::Vehicle(_, of) | Entry::Card(_, of), Column::Household) => name(&of.household),
        (Entry::Vehicle(_, of) | Entry::Card(_, of), column) => {
            valid(&of.valid, column, offset_min)
        }
        (Entry::Pass(key, of), column) => pass(key, of, column, offset_min),
        (Entry::WatchedPlate(_, of) | Entry::WatchedArea(_, of), Column::Reason) => {
            of.reason.clone()
        }
        (Entry::WatchedArea(prefix, _), Column::Prefix) => prefix.clone(),
        _ => String::new(),
    }
}

fn pass(key: &PassKey, of: &gateway_core::lists::Pass, column: Column, offset_min: i16) -> String {
    let number = |number: Option<u32>| number.map_or_else(String::new, |n| n.to_string());
    match (column, key) {
        (Column::Id, _) => of.id.to_string(),
        (Column::Plate, PassKey::Plate(plate)) => plate.reveal().to_owned(),
        (Column::Card, PassKey::Card(card)) => card.reveal().to_owned(),
        (Column::Holder, _) => of.holder.clone(),
        (Column::Uses, _) => number(of.uses),
        (Column::UsesPerDay, _) => number(of.uses_per_day),
        (Column::Household, _) => of
            .household
            .as_ref()
            .map_or_else(String::new, ToString::to_string),
        (Column::Consent, _) => match of.consent {
            Consent::NotNeeded => String::new(),
            Consent::Asked => "asked".to_owned(),
            Consent::Given => "given".to_owned(),
        },
        (column, _) => {
            let validity = Validity {
                from_ms: of.valid_from_ms,
                to_ms: of.valid_to_ms,
                week: of.week,
            };
            valid(&validity, column, offset_min)
        }
    }
}

fn valid(validity: &Validity, column: Column, offset_min: i16) -> String {
    match column {
        Column::ValidFrom if validity.from_ms != i64::MIN => moment(validity.from_ms, offset_min),
        Column::ValidTo if validity.to_ms != i64::MAX => moment(validity.to_ms, offset_min),
        Column::Days => days(&validity.week),
        Column::Hours => hours(validity.week.hours),
        _ => String::new(),
    }
}

/// To the millisecond where it has some, so that what is read back is the same.
fn moment(at_ms: i64, offset_min: i16) -> String {
    let local = gateway_wire::explain::local_time(at_ms, offset_min).replace(' ', "T");
    match at_ms.rem_euclid(1_000) {
        0 => local,
        ms => format!("{local}.{ms:03}"),
    }
}

fn days(week: &Week) -> String {
    if week.days == Days::EVERY {
        return String::new();
    }
    let days = (1..=7).filter(|day| week.days.has(*day));
    days.map(|day| day.to_string())
        .collect::<Vec<_>>()
        .join(",")
}

fn hours(hours: Option<Hours>) -> String {
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    hours.map_or_else(String::new, |hours| {
        format!("{}-{}", clock(hours.from_min), clock(hours.to_min))
    })
}
