//! Secrets: camera and broker passwords and keys, referred to by name, kept apart from the configuration.
//!
//! They live in a TOML file of mode 0600 (`name = "text"`) or as systemd credentials, one file each.
//! A [`Secret`] prints as dots and leaves only through `reveal()`.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What the configuration calls a secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName(String);

/// A password or key.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// All secrets of this gateway.
#[derive(Clone, Debug, Default)]
pub struct Secrets(BTreeMap<SecretName, Secret>);

/// Why the secrets cannot be used. No variant holds one.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    #[error("the secrets in {path} cannot be read: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("others may read the secrets in {path} (mode {mode:03o}); remedy: chmod 600 {path}")]
    Mode { path: PathBuf, mode: u32 },
    #[error("{path}:{line}: a secret is written as: name = \"text\"")]
    Form { path: PathBuf, line: usize },
}

impl SecretName {
    pub fn new(name: &str) -> SecretName {
        SecretName(name.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Secret {
    pub fn new(text: &str) -> Secret {
        Secret(text.to_owned())
    }

    /// The text itself. Each call is a place where a secret leaves.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(••••)")
    }
}

impl Secrets {
    /// Reads the file, which nobody but its owner may read.
    pub fn load(path: &Path) -> Result<Secrets, SecretsError> {
        let fail = |source| SecretsError::Read {
            path: path.to_owned(),
            source,
        };
        let mode = fs::metadata(path).map_err(fail)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(SecretsError::Mode {
                path: path.to_owned(),
                mode,
            });
        }
        let text = fs::read_to_string(path).map_err(fail)?;
        parse(path, &text)
    }

    /// Reads a folder with a file for each secret, as systemd passes them in `$CREDENTIALS_DIRECTORY`.
    /// The end of the line after a text is no part of it.
    pub fn from_folder(folder: &Path) -> Result<Secrets, SecretsError> {
        let fail = |source| SecretsError::Read {
            path: folder.to_owned(),
            source,
        };
        let mut secrets = Secrets::default();
        for entry in fs::read_dir(folder).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let text = fs::read_to_string(entry.path()).map_err(fail)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            secrets.insert(&name, text.trim_end_matches(['\r', '\n']));
        }
        Ok(secrets)
    }

    /// From the file where there is one, else from the folder, else none.
    pub fn find(file: Option<&Path>, folder: Option<&Path>) -> Result<Secrets, SecretsError> {
        match (file, folder) {
            (Some(file), _) => Secrets::load(file),
            (None, Some(folder)) => Secrets::from_folder(folder),
            (None, None) => Ok(Secrets::default()),
        }
    }

    pub fn insert(&mut self, name: &str, text: &str) {
        self.0.insert(SecretName::new(name), Secret::new(text));
    }

    pub fn get(&self, name: &SecretName) -> Option<&Secret> {
        self.0.get(name)
    }

    /// Those of the names that there is no secret for.
    pub fn missing<'n>(&self, names: Vec<&'n SecretName>) -> Vec<&'n SecretName> {
        let absent = |name: &&SecretName| !self.0.contains_key(*name);
        names.into_iter().filter(absent).collect()
    }
}

fn parse(path: &Path, text: &str) -> Result<Secrets, SecretsError> {
    let form = |at: usize| SecretsError::Form {
        path: path.to_owned(),
        line: text[..at.min(text.len())].matches('\n').count() + 1,
    };
    // The parser's own message may repeat the line, so only its place is kept.
    let table = toml::de::DeTable::parse(text)
        .map_err(|error| form(error.span().map_or(0, |span| span.start)))?;
    let mut secrets = Secrets::default();
    for (name, value) in table.get_ref().iter() {
        let secret = value.get_ref().as_str();
        let secret = secret.ok_or_else(|| form(value.span().start))?;
        secrets.insert(name.get_ref(), secret);
    }
    Ok(secrets)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::{SecretName, Secrets, SecretsError};

    fn file(text: &str, mode: u32) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secrets.toml");
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode set");
        (folder, path)
    }

    #[test]
    fn a_secret_is_found_by_name_and_never_printed() {
        let (_folder, path) = file("broker-gateway = \"canary-7f\"\n", 0o600);
        let secrets = Secrets::load(&path).expect("loads");
        let name = SecretName::new("broker-gateway");
        assert_eq!(secrets.get(&name).map(|s| s.reveal()), Some("canary-7f"));
        assert!(!format!("{secrets:?}").contains("canary"));
        let other = SecretName::new("camera");
        assert_eq!(secrets.missing(vec![&name, &other]), vec![&other]);
    }

    #[test]
    fn a_file_that_others_may_read_is_refused_with_the_remedy() {
        let (_folder, path) = file("a = \"b\"\n", 0o640);
        let error = Secrets::load(&path).expect_err("refused");
        assert!(matches!(error, SecretsError::Mode { mode: 0o640, .. }));
        assert!(error.to_string().contains("chmod 600"));
    }

    #[test]
    fn a_broken_file_names_its_line_but_not_its_text() {
        let (_folder, path) = file("a = \"b\"\nc = canary\n", 0o600);
        let error = Secrets::load(&path).expect_err("refused").to_string();
        assert!(error.contains(":2:"), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }

    #[test]
    fn credentials_are_files_in_a_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("camera-1"), "pass word\n").expect("written");
        let secrets = Secrets::find(None, Some(folder.path())).expect("loads");
        let secret = secrets.get(&SecretName::new("camera-1"));
        assert_eq!(secret.map(|s| s.reveal()), Some("pass word"));
    }
}
