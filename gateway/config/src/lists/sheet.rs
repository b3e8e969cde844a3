//! A file as a table of texts: CSV in UTF-8 or GBK, or the first sheet of an XLSX workbook.

use std::io::Cursor;

use calamine::{Data, ExcelDateTime, Reader as _, Xlsx};

use super::columns::Column;
use super::csv;

/// Rows of the longest list that is read.
pub const MOST_ROWS: usize = 200_000;

/// Bytes that a workbook may unpack to: a list of the most rows has a tenth of that.
const UNPACKED: u64 = 512 * 1024 * 1024;

/// A file taken apart: the header's fields, and the rows below it with their place in the file.
#[derive(Debug, Default)]
pub struct Sheet {
    pub header: Vec<String>,
    /// In which row of the file the header stands, from 1.
    pub header_row: usize,
    pub rows: Vec<(usize, Vec<String>)>,
}

/// Why a file is no table; `row` from 1, 0: the file as a whole.
#[derive(Debug, PartialEq, Eq)]
pub struct NoTable {
    pub row: usize,
    pub found: &'static str,
    pub allowed: &'static str,
}

/// Takes a file apart by what it is, whatever its name says.
pub fn read(bytes: &[u8]) -> Result<Sheet, NoTable> {
    let sheet = if bytes.starts_with(b"PK\x03\x04") {
        workbook(bytes)?
    } else if bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        return Err(NoTable {
            row: 0,
            found: "an old workbook (.xls)",
            allowed: "CSV or XLSX: save it as .xlsx",
        });
    } else {
        csv::read(&decoded(bytes)?).map_err(|row| NoTable {
            row,
            found: "a quoted field does not end",
            allowed: "a double quote at its end",
        })?
    };
    if sheet.rows.len() > MOST_ROWS {
        return Err(NoTable {
            row: sheet.rows[MOST_ROWS].0,
            found: "too many rows",
            allowed: "at most 200,000 rows",
        });
    }
    Ok(sheet)
}

/// UTF-8 with or without a byte-order mark, UTF-16 with one, else GBK (read as GB 18030, which
/// holds all of it).
fn decoded(bytes: &[u8]) -> Result<String, NoTable> {
    let marked = encoding_rs::Encoding::for_bom(bytes).map(|(encoding, _)| encoding);
    let encoding = match marked {
        Some(encoding) => encoding,
        None if std::str::from_utf8(bytes).is_ok() => encoding_rs::UTF_8,
        None => encoding_rs::GB18030,
    };
    let (text, _, broken) = encoding.decode(bytes);
    if broken || text.contains('\0') {
        return Err(NoTable {
            row: 0,
            found: "bytes that are no text",
            allowed: "CSV in UTF-8 or GBK, or an XLSX workbook",
        });
    }
    Ok(text.into_owned())
}

fn workbook(bytes: &[u8]) -> Result<Sheet, NoTable> {
    let broken = NoTable {
        row: 0,
        found: "a workbook that cannot be read",
        allowed: "an XLSX workbook whose first sheet is the list",
    };
    if unpacked(bytes).is_none_or(|size| size > UNPACKED) {
        return Err(broken);
    }
    let Ok(mut workbook) = Xlsx::new(Cursor::new(bytes)) else {
        return Err(broken);
    };
    let Some(Ok(range)) = workbook.worksheet_range_at(0) else {
        return Err(broken);
    };
    let first = range.start().map_or(0, |(row, _)| row as usize) + 1;
    let mut rows = (first..).zip(range.rows()).filter_map(|(row, cells)| {
        let texts: Vec<String> = cells.iter().map(text_of).collect();
        csv::is_row(&texts).then_some((row, texts))
    });
    let (header_row, header) = rows.next().unwrap_or((1, Vec::new()));
    Ok(Sheet {
        header,
        header_row,
        // One more than allowed is enough to say so.
        rows: rows.take(MOST_ROWS + 1).collect(),
    })
}

/// A cell as a person would write it: whole numbers without a point, dates as `2026-03-04`.
fn text_of(cell: &Data) -> String {
    match cell {
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
        Data::Int(number) => number.to_string(),
        Data::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
            format!("{number:.0}")
        }
        Data::Float(number) => number.to_string(),
        Data::Bool(truth) => truth.to_string(),
        Data::DateTime(date) => date_of(date),
        _ => String::new(),
    }
}

/// A workbook counts days from 1899-12-30; less than one is a time of day.
fn date_of(date: &ExcelDateTime) -> String {
    let minutes = (date.as_f64() * 1_440.0).round() as i64;
    let (days, minute) = (minutes.div_euclid(1_440), minutes.rem_euclid(1_440));
    let time = format!("{:02}:{:02}", minute / 60, minute % 60);
    if days == 0 {
        return time;
    }
    // 25,569 days later is 1970-01-01.
    let (year, month, day) = gateway_wire::explain::civil(days - 25_569);
    match minute {
        0 => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{year:04}-{month:02}-{day:02}T{time}"),
    }
}

/// What a ZIP archive says that it unpacks to; `None` when it has no directory.
fn unpacked(bytes: &[u8]) -> Option<u64> {
    let end = bytes.windows(4).rposition(|four| four == b"PK\x05\x06")?;
    let number = |at: usize, length: usize| -> Option<u64> {
        let field = bytes.get(at..at + length)?;
        Some(
            field
                .iter()
                .rev()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        )
    };
    let (count, mut at) = (number(end + 10, 2)?, number(end + 16, 4)? as usize);
    let mut sum = 0;
    for _ in 0..count {
        if bytes.get(at..at + 4)? != b"PK\x01\x02" {
            return None;
        }
        sum += number(at + 24, 4)?;
        let names = number(at + 28, 2)? + number(at + 30, 2)? + number(at + 32, 2)?;
        at += 46 + names as usize;
    }
    Some(sum)
}

/// One row, whose fields are asked for by column.
pub struct Row<'a> {
    pub columns: &'a [(Column, usize)],
    pub fields: &'a [String],
}

impl Row<'_> {
    /// Trimmed, and without the mark that keeps a spreadsheet from computing; empty when the row is
    /// too short or the column is not there.
    pub fn get(&self, column: Column) -> &str {
        let at = self.columns.iter().find(|(known, _)| *known == column);
        let field = at.and_then(|(_, at)| self.fields.get(*at));
        let text = field.map_or("", |field| field.trim());
        match text.strip_prefix('\'') {
            Some(rest) if rest.starts_with(super::export::COMPUTES) => rest,
            _ => text,
        }
    }

    /// In which field of the row the column stands, from 1.
    pub fn place(&self, column: Column) -> usize {
        let at = self.columns.iter().find(|(known, _)| *known == column);
        at.map_or(1, |(_, at)| at + 1)
    }
}
