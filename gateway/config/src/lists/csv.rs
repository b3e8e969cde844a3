//! Comma-separated values with a header line, as spreadsheets write them (RFC 4180); semicolons and
//! tabs where the header has them instead.

use super::sheet::Sheet;

/// Takes the text apart; `Err` is the line in which a quoted field begins that never ends. Empty lines
/// and lines that begin with `#` are skipped.
pub(super) fn read(text: &str) -> Result<Sheet, usize> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rows = split(text, separator(text))?.into_iter();
    let (header_row, header) = rows.next().unwrap_or((1, Vec::new()));
    Ok(Sheet {
        header,
        header_row,
        rows: rows.collect(),
    })
}

/// Neither blank nor a comment.
pub(super) fn is_row(fields: &[String]) -> bool {
    let blank = fields.iter().all(|field| field.trim().is_empty());
    !blank && !fields[0].starts_with('#')
}

/// Of comma, semicolon and tab the one that the first line with any has most of.
fn separator(text: &str) -> char {
    let line = text
        .lines()
        .find(|line| !line.starts_with('#') && !line.is_empty());
    let count = |separator: &char| line.map_or(0, |line| line.matches(*separator).count());
    // Of equal counts the last: a comma.
    ['\t', ';', ',']
        .into_iter()
        .max_by_key(count)
        .unwrap_or(',')
}

fn split(text: &str, separator: char) -> Result<Vec<(usize, Vec<String>)>, usize> {
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
            Some(c) if c == separator => fields.push(std::mem::take(&mut field)),
            Some('\r') => {}
            end @ (Some('\n') | None) => {
                fields.push(std::mem::take(&mut field));
                let row = std::mem::take(&mut fields);
                if is_row(&row) {
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

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn quotes_marks_comments_and_empty_lines_are_understood() {
        let text = "\u{feff}Plate,holder\r\n# a comment\r\n闽E72K18,\"3栋, \"\"左\"\"\r\n501\"\r\n\r\n闽D1\r\n";
        let sheet = read(text).expect("reads");
        assert_eq!(sheet.header, ["Plate", "holder"]);
        assert_eq!(sheet.rows[0].0, 3);
        assert_eq!(sheet.rows[0].1, ["闽E72K18", "3栋, \"左\"\r\n501"]);
        assert_eq!(sheet.rows[1], (6, vec!["闽D1".to_owned()]));
    }

    #[test]
    fn semicolons_and_tabs_separate_where_the_header_says_so() {
        for separator in [";", "\t"] {
            let text = format!("plate{separator}holder\n闽D1{separator}a,b\n");
            let sheet = read(&text).expect("reads");
            assert_eq!(sheet.rows[0].1, ["闽D1", "a,b"]);
        }
    }

    #[test]
    fn a_quote_that_never_ends_names_its_line() {
        assert_eq!(read("a,b\n1,\"2\n3\n").err(), Some(2));
    }
}
