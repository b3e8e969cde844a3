//! What is wrong in a file: where, what was found, what is allowed, what to write instead. (C-1)

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// One mistake. It shows no secret: a text that may be one is not repeated in `found`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub file: PathBuf,
    /// From 1; 0 when the file as a whole is meant.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    pub found: String,
    pub allowed: String,
    pub suggestion: Option<String>,
}

/// All mistakes of a configuration, by file and place; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistake {
    /// A file that could not be read.
    pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Mistake {
        Mistake {
            file: path.to_owned(),
            line: 0,
            column: 0,
            found: format!("the file cannot be read: {error}"),
            allowed: "a UTF-8 text file that this user may read".to_owned(),
            suggestion: None,
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if self.line > 0 {
            write!(f, "{}:{}:", self.line, self.column)?;
        }
        write!(f, " {}", self.found)?;
        if !self.allowed.is_empty() {
            write!(f, "; allowed: {}", self.allowed)?;
        }
        match &self.suggestion {
            Some(suggestion) => write!(f, "; {suggestion}"),
            None => Ok(()),
        }
    }
}

impl Mistakes {
    /// `None` when there are none.
    pub(crate) fn of(mut list: Vec<Mistake>) -> Option<Mistakes> {
        if list.is_empty() {
            return None;
        }
        list.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        list.dedup();
        Some(Mistakes(list))
    }

    pub fn list(&self) -> &[Mistake] {
        &self.0
    }
}

impl From<Mistake> for Mistakes {
    fn from(mistake: Mistake) -> Mistakes {
        Mistakes(vec![mistake])
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, mistake) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}
