//! Asks the running daemon over its control socket: the page's API without a login, because
//! whoever may open the socket is a technician.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use gateway_wire::api::Problem;
use gateway_wire::messages::{Language, sentence};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How long an answer may take; the journal's check reads everything.
const PATIENCE: Duration = Duration::from_secs(600);

/// Bytes of the largest answer that is read.
const ANSWER: u64 = 64 * 1024 * 1024;

/// Where the gateway keeps its state.
#[derive(Args)]
pub struct At {
    /// The gateway's state directory.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/gateway")]
    pub state_dir: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error("no daemon answers at {}; start it, or name its state directory with --state-dir", socket.display())]
    NotRunning { socket: PathBuf },
    #[error("{} is not yours to open; run this as root, as the gateway's user or in its group", socket.display())]
    Denied { socket: PathBuf },
    #[error("the daemon broke off while it was asked for {path}")]
    Broken {
        path: String,
        #[source]
        cause: io::Error,
    },
    #[error("the daemon refused {path}: {text}")]
    Refused { path: String, text: String },
    #[error("the daemon's answer to {path} is not what this version of gatectl knows")]
    Unknown { path: String },
}

impl At {
    /// Reads `path` of the API.
    pub fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        language: Language,
    ) -> Result<T, ControlError> {
        let body = self.ask("GET", path, None, language)?;
        serde_json::from_slice(&body).map_err(|_| ControlError::Unknown {
            path: path.to_owned(),
        })
    }

    /// Sends JSON to `path` of the API and reads the answer.
    pub fn post<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
        language: Language,
    ) -> Result<T, ControlError> {
        let unknown = || ControlError::Unknown {
            path: path.to_owned(),
        };
        let body = serde_json::to_vec(body).map_err(|_| unknown())?;
        let sent = Some(("application/json", body.as_slice()));
        let answer = self.ask("POST", path, sent, language)?;
        serde_json::from_slice(&answer).map_err(|_| unknown())
    }

    /// One request; the answer's body when it is 200, whatever it holds.
    pub fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<(&str, &[u8])>,
        language: Language,
    ) -> Result<Vec<u8>, ControlError> {
        let mut stream = self.connect(path)?;
        let answer = exchange(&mut stream, method, path, body);
        let bytes = answer.map_err(|cause| ControlError::Broken {
            path: path.to_owned(),
            cause,
        })?;
        let unknown = || ControlError::Unknown {
            path: path.to_owned(),
        };
        let (status, body) = take_apart(&bytes).ok_or_else(unknown)?;
        if status == 200 {
            return Ok(body.to_vec());
        }
        let text = match serde_json::from_slice::<Problem>(body) {
            Ok(problem) => told(&problem, language),
            Err(_) => status.to_string(),
        };
        Err(ControlError::Refused {
            path: path.to_owned(),
            text,
        })
    }

    fn connect(&self, path: &str) -> Result<UnixStream, ControlError> {
        let socket = self.state_dir.join("control.sock");
        let stream = UnixStream::connect(&socket).map_err(|cause| match cause.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
                ControlError::NotRunning { socket }
            }
            ErrorKind::PermissionDenied => ControlError::Denied { socket },
            _ => ControlError::Broken {
                path: path.to_owned(),
                cause,
            },
        })?;
        stream
            .set_read_timeout(Some(PATIENCE))
            .map_err(|cause| ControlError::Broken {
                path: path.to_owned(),
                cause,
            })?;
        Ok(stream)
    }
}

fn exchange(
    stream: &mut UnixStream,
    method: &str,
    path: &str,
    body: Option<(&str, &[u8])>,
) -> io::Result<Vec<u8>> {
    // HTTP/1.0: the answer comes whole, and its end is the connection's.
    write!(stream, "{method} {path} HTTP/1.0\r\nHost: gateway\r\n")?;
    match body {
        Some((kind, body)) => {
            let length = body.len();
            write!(
                stream,
                "Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
            )?;
            // A refusal may come before all is sent: it is read all the same.
            let _ = stream.write_all(body);
        }
        None => stream.write_all(b"\r\n")?,
    }
    let mut bytes = Vec::new();
    stream.take(ANSWER).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What a refusal says, with its values and, where it lists mistakes, each on a line of its own.
fn told(problem: &Problem, language: Language) -> String {
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let simple = problem
        .values
        .iter()
        .filter(|(_, value)| !value.is_object());
    let values: Vec<(&str, String)> = simple
        .map(|(name, value)| (name.as_str(), plain(value)))
        .collect();
    let values: Vec<(&str, &str)> = values
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let mut text = sentence("error", &problem.code, &values, language);
    if let Some(Value::Array(mistakes)) = problem.values.get("mistakes") {
        for mistake in mistakes {
            text.push_str("\n  ");
            text.push_str(&plain(mistake));
        }
    }
    text
}

/// Status and body of an HTTP answer.
fn take_apart(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, &bytes[end + 4..]))
}

/// The socket of a state directory, for messages.
pub fn store_of(state_dir: &Path) -> PathBuf {
    state_dir.join("store")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart_and_a_broken_one_is_none() {
        let answer = b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(take_apart(answer), Some((200, &b"{}"[..])));
        assert_eq!(take_apart(b"HTTP/1.0 200 OK\r\n"), None);
        assert_eq!(take_apart(b"\r\n\r\n"), None);
    }

    #[test]
    fn without_a_daemon_the_message_names_the_socket_and_the_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let at = At {
            state_dir: dir.path().to_owned(),
        };
        let error = at
            .get::<serde_json::Value>("/api/status", Language::En)
            .unwrap_err();
        assert!(error.to_string().contains("control.sock"), "{error}");
        assert!(error.to_string().contains("--state-dir"), "{error}");
    }
}
