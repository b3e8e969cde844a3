//! A file as the new content of a list: whole and right, or every mistake by its row.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use gateway_core::lists::{Entry, ListName, Rows};

use super::columns::{self, Column};
use super::row;
use super::sheet::{self, Row, Sheet};
use crate::mistake::{Mistake, Mistakes};
use crate::nearest::nearest;

/// Mistakes that are listed; a file with more is of another kind altogether.
const MOST_MISTAKES: usize = 1_000;

/// Reads the content of a list. `path` is only for messages; dates without a zone are local,
/// `offset_min` minutes ahead of UTC.
///
/// All mistakes are named, by row and field, without what stands there; nothing comes out then.
pub fn read(list: ListName, path: &Path, bytes: &[u8], offset_min: i16) -> Result<Rows, Mistakes> {
    let sheet = sheet::read(bytes).map_err(|no| {
        let told = Told {
            path,
            list: Vec::new(),
        };
        Mistakes::from(told.at(no.row, 1, no.found, no.allowed))
    })?;
    entries(list, path, &sheet, offset_min).map(|entries| rows(list, entries))
}

/// Reads one entry as a person enters it: fields by the columns' names, in either language.
pub fn entry(
    list: ListName,
    fields: &BTreeMap<String, String>,
    offset_min: i16,
) -> Result<Entry, Mistakes> {
    let sheet = Sheet {
        header: fields.keys().cloned().collect(),
        header_row: 1,
        rows: vec![(1, fields.values().cloned().collect())],
    };
    let path = Path::new(list.word());
    let mut entries = entries(list, path, &sheet, offset_min)?;
    entries.pop().ok_or_else(|| {
        let told = Told {
            path,
            list: Vec::new(),
        };
        Mistakes::from(told.at(1, 1, "nothing", "an entry"))
    })
}

fn entries(
    list: ListName,
    path: &Path,
    sheet: &Sheet,
    offset_min: i16,
) -> Result<Vec<Entry>, Mistakes> {
    let mut mistakes = Told {
        path,
        list: Vec::new(),
    };
    let columns = header(list, sheet, &mut mistakes);
    let mut seen = BTreeSet::new();
    let mut entries = Vec::with_capacity(sheet.rows.len());
    if mistakes.list.is_empty() {
        for (line, fields) in &sheet.rows {
            let row = Row {
                columns: &columns,
                fields,
            };
            match row::entry(list, &row, offset_min) {
                Ok(entry) if !seen.insert(entry.key()) => {
                    let found = "the same entry stands in an earlier row";
                    mistakes.tell(*line, 1, found, "each entry once");
                }
                Ok(entry) => entries.push(entry),
                Err(wrong) => {
                    let place = row.place(wrong.column);
                    mistakes.tell(*line, place, wrong.found, wrong.allowed);
                }
            }
            if mistakes.list.len() >= MOST_MISTAKES {
                let found = "more mistakes than are listed";
                mistakes.tell(*line, 1, found, "mend these, or look for the right file");
                break;
            }
        }
    }
    match Mistakes::of(mistakes.list) {
        Some(mistakes) => Err(mistakes),
        None => Ok(entries),
    }
}

/// Which column stands where; what is not known or lacking is told.
fn header(list: ListName, sheet: &Sheet, mistakes: &mut Told<'_>) -> Vec<(Column, usize)> {
    let known = columns::of(list);
    let names: Vec<&str> = known.iter().map(|column| column.name()).collect();
    let mut found: Vec<(Column, usize)> = Vec::new();
    for (at, field) in sheet.header.iter().enumerate() {
        if field.trim().is_empty() {
            continue;
        }
        match Column::named(field).filter(|column| known.contains(column)) {
            Some(column) if found.iter().any(|(other, _)| *other == column) => {
                let what = format!("the column {:?} twice", column.name());
                mistakes.tell(sheet.header_row, at + 1, &what, "each column once");
            }
            Some(column) => found.push((column, at)),
            None => {
                let what = format!("a column {:?}", field.trim());
                mistakes.tell(sheet.header_row, at + 1, &what, &names.join(","));
                if let Some(last) = mistakes.list.last_mut() {
                    let near = nearest(field.trim(), names.iter().copied());
                    last.suggestion = near.map(|name| format!("did you mean `{name}`?"));
                }
            }
        }
    }
    for column in columns::required(list) {
        if !found.iter().any(|(other, _)| other == column) {
            let what = format!("no column `{}` ({})", column.name(), column.zh());
            mistakes.tell(sheet.header_row.max(1), 1, &what, &names.join(","));
        }
    }
    found
}

struct Told<'a> {
    path: &'a Path,
    list: Vec<Mistake>,
}

impl Told<'_> {
    fn at(&self, line: usize, column: usize, found: &str, allowed: &str) -> Mistake {
        Mistake {
            file: self.path.to_owned(),
            line,
            column,
            found: found.to_owned(),
            allowed: allowed.to_owned(),
            suggestion: None,
        }
    }

    fn tell(&mut self, line: usize, column: usize, found: &str, allowed: &str) {
        self.list.push(self.at(line, column, found, allowed));
    }
}

/// Entries of one list as the gate takes them; of two with one key the later stays.
pub fn rows(list: ListName, entries: Vec<Entry>) -> Rows {
    macro_rules! of {
        ($kind:ident) => {
            Rows::$kind(Arc::new(
                entries
                    .into_iter()
                    .filter_map(|entry| match entry {
                        Entry::$kind(key, value) => Some((key, value)),
                        _ => None,
                    })
                    .collect::<BTreeMap<_, _>>(),
            ))
        };
    }
    match list {
        ListName::Residents => of!(Resident),
        ListName::Households => of!(Household),
        ListName::Vehicles | ListName::EmergencyVehicles => of!(Vehicle),
        ListName::Cards => of!(Card),
        ListName::Visitors | ListName::Deliveries | ListName::Passes => of!(Pass),
        ListName::WatchedPlates => of!(WatchedPlate),
        ListName::WatchedAreas => of!(WatchedArea),
    }
}
