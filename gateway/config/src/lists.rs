//! Lists as files: CSV or XLSX that people keep in a spreadsheet, read into the core's lists.
//!
//! CSV in UTF-8 or GBK, or the first sheet of a workbook; a header line that names the columns, in
//! Chinese or English. All wrong rows are named at once, by row, without what stands in them.

pub mod columns;
mod csv;
pub mod export;
pub mod import;
mod row;
mod sheet;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use gateway_core::lists::{ListChange, ListName, Lists, Owner, TooOld};
use gateway_core::lookalike::Lookalikes;

use crate::mistake::{Mistake, Mistakes};

pub use sheet::MOST_ROWS;

/// How each list that the configuration names is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListFiles(pub BTreeMap<ListName, ListFile>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListFile {
    /// A file that exists; `None`: the list is empty until its owner fills it.
    pub path: Option<PathBuf>,
    pub owner: Owner,
    pub too_old: TooOld,
}

impl ListFiles {
    /// Files of this gateway's own lists, which never grow too old.
    pub fn of(files: impl IntoIterator<Item = (ListName, PathBuf)>) -> ListFiles {
        let files = files.into_iter();
        ListFiles(
            files
                .map(|(list, path)| {
                    let file = ListFile {
                        path: Some(path),
                        ..ListFile::default()
                    };
                    (list, file)
                })
                .collect(),
        )
    }
}

/// Reads all list files. A list read from a file has version 1 and was confirmed when the file was last
/// written; one without a file stays at version 0. Dates without a zone are local: `time_offset_min`
/// minutes ahead of UTC.
pub fn load(files: &ListFiles, time_offset_min: i16) -> Result<Lists, Mistakes> {
    let mut mistakes = Vec::new();
    let mut lists = Lists::default();
    for (list, file) in &files.0 {
        kept(&mut lists, *list, file);
        let Some(path) = &file.path else { continue };
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                mistakes.push(Mistake::unreadable(path, &error));
                continue;
            }
        };
        match import::read(*list, path, &bytes, time_offset_min) {
            Ok(rows) => {
                let owner = file.owner.clone();
                let change = ListChange::whole(*list, owner, 1, written_ms(path), rows);
                // The list is empty, its owner sends it, and the rows were made for it.
                let applied = lists.apply(&change, &mut Lookalikes::default());
                debug_assert!(applied.is_ok());
            }
            Err(wrong) => mistakes.extend(wrong.list().iter().cloned()),
        }
    }
    match Mistakes::of(mistakes) {
        Some(mistakes) => Err(mistakes),
        None => Ok(lists),
    }
}

/// Sets who owns a list and when it is too old.
fn kept(lists: &mut Lists, list: ListName, file: &ListFile) {
    macro_rules! keep {
        ($field:ident) => {{
            lists.$field.owner = file.owner.clone();
            lists.$field.too_old = file.too_old;
        }};
    }
    match list {
        ListName::Residents => keep!(residents),
        ListName::Households => keep!(households),
        ListName::Vehicles => keep!(vehicles),
        ListName::Cards => keep!(cards),
        ListName::Visitors => keep!(visitors),
        ListName::Deliveries => keep!(deliveries),
        ListName::Passes => keep!(passes),
        ListName::WatchedPlates => keep!(watched_plates),
        ListName::WatchedAreas => keep!(watched_areas),
        ListName::EmergencyVehicles => keep!(emergency_vehicles),
    }
}

/// Milliseconds since 1970 when the file was last written; 0 when that is not known.
fn written_ms(path: &Path) -> i64 {
    let modified = fs::metadata(path).and_then(|meta| meta.modified()).ok();
    let since = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0))
}
