//! Before an expression is parsed: CEL has no limits of its own, and deep trees abort the process.
//!
//! The same guard belongs wherever a technician may write an expression.

/// Longest expression, bytes.
pub const MOST_BYTES: usize = 2_048;
/// Most operators, counted generously: each operator character or word.
pub const MOST_OPERATORS: usize = 64;
/// Most dots: each member and call nests the tree once more.
pub const MOST_MEMBERS: usize = 128;
/// Most commas: each element of a list and argument of a call is one more to try.
pub const MOST_COMMAS: usize = 64;
/// Deepest nesting of brackets of all kinds.
pub const MOST_DEPTH: usize = 16;

/// Why an expression is refused unread, with the byte offset of what is too much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub offset: usize,
    pub what: &'static str,
    pub allowed: &'static str,
}

/// Lets small expressions through. Looks at characters only, outside of strings.
pub fn check(source: &str) -> Result<(), Refusal> {
    if source.len() > MOST_BYTES {
        return refuse(
            source.floor_char_boundary(MOST_BYTES),
            "the expression is too long",
            "at most 2048 bytes",
        );
    }
    let mut scan = Scan::default();
    let bytes = source.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        at = match bytes[at] {
            b'"' | b'\'' => after_string(bytes, at)?,
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                return refuse(at, "a comment", "comments belong before the rule");
            }
            byte if byte.is_ascii_alphabetic() || byte == b'_' => scan.word(bytes, at)?,
            byte => scan.sign(byte, at)?,
        };
    }
    Ok(())
}

#[derive(Default)]
struct Scan {
    operators: usize,
    members: usize,
    commas: usize,
    depth: usize,
    /// Where the second character of a two-character operator may stand.
    pair: Option<usize>,
}

impl Scan {
    fn operator(&mut self, at: usize) -> Result<(), Refusal> {
        self.operators += 1;
        if self.operators > MOST_OPERATORS {
            return refuse(at, "too many operators", "at most 64 operators");
        }
        Ok(())
    }

    /// Returns the offset behind the word. `in` counts as an operator.
    fn word(&mut self, bytes: &[u8], at: usize) -> Result<usize, Refusal> {
        let end = bytes[at..]
            .iter()
            .position(|b| !b.is_ascii_alphanumeric() && *b != b'_')
            .map_or(bytes.len(), |length| at + length);
        if matches!(bytes.get(end), Some(b'"' | b'\'')) {
            // In a raw string a backslash ends nothing, so its end would be found differently.
            return refuse(at, "a string with a prefix", "'text' or \"text\"");
        }
        if &bytes[at..end] == b"in" {
            self.operator(at)?;
        }
        Ok(end)
    }

    fn sign(&mut self, byte: u8, at: usize) -> Result<usize, Refusal> {
        match byte {
            b'(' | b'[' | b'{' => {
                self.depth += 1;
                if self.depth > MOST_DEPTH {
                    return refuse(at, "brackets too deep", "at most 16 brackets deep");
                }
            }
            b')' | b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            b'+' | b'-' | b'*' | b'/' | b'%' | b'?' => self.operator(at)?,
            b'!' | b'<' | b'>' => {
                self.operator(at)?;
                self.pair = Some(at + 1);
            }
            // Two characters, one operator: counted at the first, the second follows at once.
            b'=' | b'&' | b'|' if self.pair != Some(at) => {
                self.operator(at)?;
                self.pair = Some(at + 1);
            }
            b'.' => {
                self.members += 1;
                if self.members > MOST_MEMBERS {
                    return refuse(at, "too many dots", "at most 128 dots");
                }
            }
            b',' => {
                self.commas += 1;
                if self.commas > MOST_COMMAS {
                    return refuse(at, "too many commas", "at most 64 commas");
                }
            }
            _ => {}
        }
        Ok(at + 1)
    }
}

fn refuse<T>(offset: usize, what: &'static str, allowed: &'static str) -> Result<T, Refusal> {
    Err(Refusal {
        offset,
        what,
        allowed,
    })
}

/// Returns the offset behind the string that begins at `at`. Triple quotes are refused.
fn after_string(bytes: &[u8], at: usize) -> Result<usize, Refusal> {
    let quote = bytes[at];
    if bytes[at..].starts_with(&[quote; 3]) {
        return refuse(at, "a triple-quoted string", "'text' or \"text\"");
    }
    let mut i = at + 1;
    while i < bytes.len() {
        match bytes[i] {
            b'\\' => i += 2,
            b if b == quote => return Ok(i + 1),
            _ => i += 1,
        }
    }
    refuse(at, "a string without its end", "'text' or \"text\"")
}
