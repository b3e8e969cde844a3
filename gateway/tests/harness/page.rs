//! A person at the page, logged in.

use serde_json::{Value, json};

use super::http::{self, Answer};

const ACCOUNT: &str = "wei";
const PASSWORD: &str = "correct horse battery";

/// A session of the page.
pub struct Page {
    authority: String,
    cookie: String,
}

impl Page {
    /// Sets the first account up with the one-time code.
    pub fn first_login(authority: &str, code: &str) -> Page {
        let body = json!({ "code": code, "account": ACCOUNT, "password": PASSWORD });
        Page::enter(authority, "/api/first-login", &body)
    }

    /// Logs the first account in again, for example after a restart.
    pub fn login(authority: &str) -> Page {
        Page::enter(
            authority,
            "/api/login",
            &json!({ "account": ACCOUNT, "password": PASSWORD }),
        )
    }

    fn enter(authority: &str, path: &str, body: &Value) -> Page {
        let answer = http::request(
            authority,
            "POST",
            path,
            &[("x-gateway-csrf", "1")],
            Some(body),
        );
        let answer = answer.expect("the page answers");
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
        Page {
            authority: authority.to_owned(),
            cookie: answer.cookie.expect("a session cookie"),
        }
    }

    pub fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, None);
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
        answer.json()
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, Some(body))
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let headers = [("cookie", self.cookie.as_str()), ("x-gateway-csrf", "1")];
        http::request(&self.authority, method, path, &headers, body).expect("the page answers")
    }
}
