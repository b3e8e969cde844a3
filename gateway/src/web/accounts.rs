//! Accounts and their passwords (Argon2id), in one file of the state directory that nobody else
//! can read; and the one-time code with which the first account is made.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use gateway_core::name::Name;
use gateway_core::order::Role;
use gateway_wire::api;
use rand::RngCore;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};

use crate::whole::{self, FileError, failed};

/// Characters of the shortest password that is taken.
pub const PASSWORD_LEAST: usize = 10;
/// Bytes of the longest.
pub const PASSWORD_MOST: usize = 256;
/// Accounts at one gate.
const ACCOUNTS: usize = 200;

/// 32 characters without 0 O 1 I: 8 of them are 40 bits.
const CODE_ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    #[error(transparent)]
    File(#[from] FileError),
    /// Never read as "no accounts": that would open the first login again.
    #[error("{} is not an accounts file; restore it, or remove it to set up anew", path.display())]
    Damaged {
        path: PathBuf,
        #[source]
        cause: serde_json::Error,
    },
    #[error("the gateway has its first account already")]
    AlreadySetUp,
    #[error("the one-time code is wrong")]
    WrongCode,
    #[error("there is an account of that name")]
    Exists,
    #[error("there are {ACCOUNTS} accounts; no more are taken")]
    TooMany,
    #[error("the password could not be hashed: {0}")]
    Hash(argon2::password_hash::Error),
}

pub struct Accounts {
    path: PathBuf,
    code_path: PathBuf,
    inner: Mutex<Inner>,
    /// Verified against when there is no such account, so that the answer takes as long.
    nobody: String,
}

struct Inner {
    book: Book,
    code: Option<String>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Book {
    accounts: Vec<Row>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Row {
    account: Name,
    role: Role,
    created_ms: i64,
    /// PHC string.
    password: String,
}

impl Accounts {
    /// Reads the accounts; while there are none, makes or keeps the one-time code.
    pub fn open(state_dir: &Path) -> Result<Accounts, AccountsError> {
        let path = state_dir.join("accounts.json");
        let code_path = state_dir.join("first-login-code");
        let book = read_book(&path)?;
        let code = if book.accounts.is_empty() {
            Some(keep_code(&code_path)?)
        } else {
            None
        };
        Ok(Accounts {
            path,
            code_path,
            inner: Mutex::new(Inner { book, code }),
            nobody: hash(&new_code())?,
        })
    }

    /// The code that makes the first account, `XXXX-XXXX`; `None` once that was used.
    pub fn first_login_code(&self) -> Option<String> {
        self.lock().code.clone()
    }

    pub fn is_empty(&self) -> bool {
        self.lock().book.accounts.is_empty()
    }

    pub fn list(&self) -> Vec<api::Account> {
        self.lock()
            .book
            .accounts
            .iter()
            .map(|row| api::Account {
                account: row.account.to_string(),
                role: row.role.into(),
                created_ms: row.created_ms,
            })
            .collect()
    }

    pub fn knows(&self, account: &str) -> bool {
        self.lock().book.row(account).is_some()
    }

    /// The role, if the password is the account's. Takes tens of milliseconds and 19 MiB:
    /// one at a time, and not on an async thread.
    pub fn verify(&self, account: &str, password: &str) -> Option<(Name, Role)> {
        let found = self.lock().book.row(account).cloned();
        let phc = found
            .as_ref()
            .map_or(self.nobody.as_str(), |row| row.password.as_str());
        let right = PasswordHash::new(phc).is_ok_and(|known| {
            Argon2::default()
                .verify_password(password.as_bytes(), &known)
                .is_ok()
        });
        let row = found?;
        right.then_some((row.account, row.role))
    }

    /// Whether `code` is the one-time code; `AlreadySetUp` when there is none any more.
    pub fn check_code(&self, code: &str) -> Result<(), AccountsError> {
        let inner = self.lock();
        let Some(expected) = &inner.code else {
            return Err(AccountsError::AlreadySetUp);
        };
        match same(&normal(code), &normal(expected)) {
            true => Ok(()),
            false => Err(AccountsError::WrongCode),
        }
    }

    /// Makes the first account, a technician's, and uses up the code. Durable when it returns.
    pub fn make_first(
        &self,
        code: &str,
        account: &Name,
        password: &str,
        now_ms: i64,
    ) -> Result<(), AccountsError> {
        let password = hash(password)?;
        self.check_code(code)?;
        let mut inner = self.lock();
        if !inner.book.accounts.is_empty() {
            return Err(AccountsError::AlreadySetUp);
        }
        self.add_row(&mut inner, account, password, Role::Technician, now_ms)?;
        inner.code = None;
        // With an account in the book a code that stays on the disk is not read again.
        let _ = fs::remove_file(&self.code_path);
        Ok(())
    }

    /// Adds an account. Durable when it returns.
    pub fn add(
        &self,
        account: &Name,
        password: &str,
        role: Role,
        now_ms: i64,
    ) -> Result<(), AccountsError> {
        let password = hash(password)?;
        self.add_row(&mut self.lock(), account, password, role, now_ms)
    }

    fn add_row(
        &self,
        inner: &mut Inner,
        account: &Name,
        password: String,
        role: Role,
        now_ms: i64,
    ) -> Result<(), AccountsError> {
        if inner.book.row(account.as_str()).is_some() {
            return Err(AccountsError::Exists);
        }
        if inner.book.accounts.len() >= ACCOUNTS {
            return Err(AccountsError::TooMany);
        }
        let mut next = inner.book.clone();
        next.accounts.push(Row {
            account: account.clone(),
            role,
            created_ms: now_ms,
            password,
        });
        let text = serde_json::to_vec_pretty(&next).map_err(|cause| AccountsError::Damaged {
            path: self.path.clone(),
            cause,
        })?;
        whole::write(&self.path, &text)?;
        inner.book = next;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// Names differ by more than case, so that nobody poses as another.
    fn row(&self, account: &str) -> Option<&Row> {
        self.accounts
            .iter()
            .find(|row| row.account.as_str().eq_ignore_ascii_case(account))
    }
}

fn hash(password: &str) -> Result<String, AccountsError> {
    let mut bytes = [0; 16];
    OsRng.fill_bytes(&mut bytes);
    let salt = SaltString::encode_b64(&bytes).map_err(AccountsError::Hash)?;
    Argon2::default()
        .hash_password(password.as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(AccountsError::Hash)
}

fn new_code() -> String {
    let mut bytes = [0; 8];
    OsRng.fill_bytes(&mut bytes);
    let code: String = bytes
        .iter()
        .map(|byte| CODE_ALPHABET[(byte % 32) as usize] as char)
        .collect();
    format!("{}-{}", &code[..4], &code[4..])
}

fn normal(code: &str) -> String {
    code.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

/// Compares in a time that does not tell where they differ.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len()
        && a.bytes()
            .zip(b.bytes())
            .fold(0, |differ, (a, b)| differ | (a ^ b))
            == 0
}

fn read_book(path: &Path) -> Result<Book, AccountsError> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|cause| AccountsError::Damaged {
            path: path.to_owned(),
            cause,
        }),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(Book::default()),
        Err(cause) => Err(failed("read", path)(cause).into()),
    }
}

/// The code of an earlier start, or a new one.
fn keep_code(path: &Path) -> Result<String, AccountsError> {
    match fs::read_to_string(path) {
        Ok(text) if normal(&text).len() == 8 => return Ok(text.trim().to_string()),
        Ok(_) => {}
        Err(cause) if cause.kind() == ErrorKind::NotFound => {}
        Err(cause) => return Err(failed("read", path)(cause).into()),
    }
    let code = new_code();
    whole::write(path, format!("{code}\n").as_bytes())?;
    Ok(code)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn first(accounts: &Accounts) -> Result<(), AccountsError> {
        let code = accounts.first_login_code().unwrap_or_default();
        accounts.make_first(&code, &Name::from("wei"), "long enough", 1)
    }

    #[test]
    fn the_code_stays_until_it_is_used_and_works_once() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts::open(dir.path()).unwrap();
        let code = accounts.first_login_code().unwrap();
        let again = Accounts::open(dir.path()).unwrap();
        assert_eq!(again.first_login_code().as_ref(), Some(&code));
        again
            .make_first(
                &code.to_lowercase().replace('-', " "),
                &Name::from("wei"),
                "long enough",
                1,
            )
            .unwrap();
        assert_eq!(again.first_login_code(), None);
        assert!(matches!(
            again.make_first(&code, &Name::from("eve"), "long enough", 1),
            Err(AccountsError::AlreadySetUp)
        ));
        assert!(!dir.path().join("first-login-code").exists());
    }

    #[test]
    fn only_the_right_password_opens_an_account_and_it_survives_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        first(&Accounts::open(dir.path()).unwrap()).unwrap();
        let accounts = Accounts::open(dir.path()).unwrap();
        assert_eq!(
            accounts.verify("wei", "long enough"),
            Some((Name::from("wei"), Role::Technician))
        );
        assert_eq!(accounts.verify("wei", "long enough!"), None);
        assert_eq!(accounts.verify("eve", "long enough"), None);
    }

    #[test]
    fn the_file_is_for_its_owner_alone_and_holds_no_password() {
        let dir = tempfile::tempdir().unwrap();
        first(&Accounts::open(dir.path()).unwrap()).unwrap();
        let path = dir.path().join("accounts.json");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("long enough"));
        assert!(text.contains("$argon2id$"));
    }

    #[test]
    fn a_damaged_file_does_not_open_the_first_login() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("accounts.json"), "{").unwrap();
        assert!(matches!(
            Accounts::open(dir.path()),
            Err(AccountsError::Damaged { .. })
        ));
    }

    #[test]
    fn two_names_that_differ_by_case_are_one() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts::open(dir.path()).unwrap();
        first(&accounts).unwrap();
        assert!(matches!(
            accounts.add(&Name::from("WEI"), "long enough", Role::Guard, 1),
            Err(AccountsError::Exists)
        ));
    }
}
