//! Who is logged in, and the accounts.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

super::mirror! {
    /// What a person may do here.
    Role = gateway_core::order::Role {
        Guard, GridWorker, Police, Property, Technician, Auditor,
    }
}

/// The caller's session. Without one `account` and `role` are null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    pub account: Option<String>,
    pub role: Option<Role>,
    /// `zh` or `en`: the site's language.
    pub language: String,
    /// No account exists yet: the page asks for the one-time code.
    pub first_login: bool,
}

#[derive(Clone, Deserialize, Serialize, ToSchema)]
pub struct LoginRequest {
    pub account: String,
    pub password: String,
}

/// Makes the first account, a technician's, with the one-time code that the gateway printed.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
pub struct FirstLoginRequest {
    /// Eight characters; case, spaces and dashes do not matter.
    pub code: String,
    /// 1 to 64 of `a-z A-Z 0-9 - _ .`
    pub account: String,
    /// 10 to 256 characters.
    pub password: String,
}

#[derive(Clone, Deserialize, Serialize, ToSchema)]
pub struct NewAccount {
    pub account: String,
    pub password: String,
    pub role: Role,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    pub account: String,
    pub role: Role,
    pub created_ms: i64,
}

/// Every code's text, `GROUP.CODE` → text, in both languages; `{name}` stands for a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TextTables {
    pub zh: BTreeMap<String, String>,
    pub en: BTreeMap<String, String>,
}

// Requests carry passwords: they print without them.
macro_rules! masked_debug {
    ($($name:ident),+) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), " {{ account: {:?}, .. }}"), self.account)
            }
        })+
    };
}
masked_debug!(LoginRequest, FirstLoginRequest, NewAccount);
