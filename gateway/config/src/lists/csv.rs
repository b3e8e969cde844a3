//! Comma-separated values with a header line, as spreadsheets write them (RFC 4180).

use std::collections::BTreeMap;

/// A file taken apart.
#[derive(Debug)]
pub(super) struct Csv {
    columns: BTreeMap<String, usize>,
    rows: Vec<(usize, Vec<String>)>,
}

/// One row; its fields are asked for by column.
pub(super) struct Row<'a> {
    /// In the file, from 1.
    pub line: usize,
    columns: &'a BTreeMap<String, usize>,
    fields: &'a [String],
}

/// Takes the text apart; `Err` is the line in which a quoted field begins that never ends. Empty lines
/// and lines that begin with `#` are skipped.
pub(super) fn read(text: &str) -> Result<Csv, usize> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rows = split(text)?.into_iter();
    let header = rows.next().map_or_else(Vec::new, |(_, fields)| fields);
    let names = header.into_iter().enumerate();
    Ok(Csv {
        columns: names
            .map(|(at, name)| (name.trim().to_lowercase(), at))
            .collect(),
        rows: rows.collect(),
    })
}

fn split(text: &str) -> Result<Vec<(usize, Vec<String>)>, usize> {
    let mut rows = Vec::new();
    let mut chars = text.chars().peekable();
    let (mut line, mut begin) = (1, 1);
    let (mut fields, mut field) = (Vec::new(), String::new());
    loop {
        match chars.next() {
            Some('"') if field.is_empty() => {
                let opened = line;
                loop {
                    match chars.next() {
                        None => return Err(opened),
                        Some('"') if chars.peek() == Some(&'"') => {
                            chars.next();
                            field.push('"');
                        }
                        Some('"') => break,
                        Some(c) => {
                            line += usize::from(c == '\n');
                            field.push(c);
                        }
                    }
                }
            }
            Some(',') => fields.push(std::mem::take(&mut field)),
            Some('\r') => {}
            end @ (Some('\n') | None) => {
                fields.push(std::mem::take(&mut field));
                let row = std::mem::take(&mut fields);
                let blank = row.iter().all(|field| field.trim().is_empty());
                if !blank && !row[0].starts_with('#') {
                    rows.push((begin, row));
                }
                if end.is_none() {
                    return Ok(rows);
                }
                line += 1;
                begin = line;
            }
            Some(c) => field.push(c),
        }
    }
}

impl Csv {
    pub fn has(&self, column: &str) -> bool {
        self.columns.contains_key(column)
    }

    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.keys().map(String::as_str)
    }

    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, fields)| Row {
            line: *line,
            columns: &self.columns,
            fields,
        })
    }
}

impl Row<'_> {
    /// The field of that column; empty when the row is too short or the column is not there.
    pub fn get(&self, column: &str) -> &str {
        let at = self.columns.get(column);
        at.and_then(|at| self.fields.get(*at))
            .map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn quotes_marks_comments_and_empty_lines_are_understood() {
        let text = "\u{feff}Plate,holder\r\n# a comment\r\n闽E72K18,\"3栋, \"\"左\"\"\r\n501\"\r\n\r\n闽D1\r\n";
        let csv = read(text).expect("reads");
        let rows: Vec<_> = csv
            .rows()
            .map(|row| {
                (
                    row.line,
                    row.get("plate").to_owned(),
                    row.get("holder").to_owned(),
                )
            })
            .collect();
        assert_eq!(rows[0].0, 3);
        assert_eq!(rows[0].1, "闽E72K18");
        assert_eq!(rows[0].2, "3栋, \"左\"\r\n501");
        assert_eq!(rows[1], (6, "闽D1".to_owned(), String::new()));
    }

    #[test]
    fn a_quote_that_never_ends_names_its_line() {
        assert_eq!(read("a,b\n1,\"2\n3\n").err(), Some(2));
    }
}
