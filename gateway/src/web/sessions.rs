//! Sessions: who is logged in. In memory alone: a restart asks everyone to log in again.

use std::collections::HashMap;
use std::time::Duration;

use gateway_core::moment::Mono;
use gateway_core::name::Name;
use gateway_core::order::Role;
use rand::RngCore;
use rand::rngs::OsRng;
use sha2::{Digest, Sha256};

/// A session ends so long after it was last used.
pub const LIFE: Duration = Duration::from_secs(12 * 3_600);

/// The one that was used longest ago makes room.
const SESSIONS: usize = 256;

/// SHA-256 of a token: what is kept, so that a dump of the memory holds no token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    pub fn of(token: &str) -> TokenHash {
        TokenHash(Sha256::digest(token.as_bytes()).into())
    }
}

#[derive(Clone)]
struct Session {
    account: Name,
    role: Role,
    used: Mono,
}

#[derive(Default)]
pub struct Sessions {
    sessions: HashMap<TokenHash, Session>,
}

impl Sessions {
    /// Begins a session and returns its token, 64 hex digits: the only time that it is seen.
    pub fn begin(&mut self, account: &Name, role: Role, now: Mono) -> String {
        self.sessions.retain(|_, session| session.lives(now));
        if self.sessions.len() >= SESSIONS {
            let oldest = self
                .sessions
                .iter()
                .min_by_key(|(_, session)| session.used)
                .map(|(token, _)| *token);
            if let Some(oldest) = oldest {
                self.sessions.remove(&oldest);
            }
        }
        let mut bytes = [0; 32];
        OsRng.fill_bytes(&mut bytes);
        let token = hex::encode(bytes);
        self.sessions.insert(
            TokenHash::of(&token),
            Session {
                account: account.clone(),
                role,
                used: now,
            },
        );
        token
    }

    /// Whose session it is; using it makes it live on.
    pub fn who(&mut self, token: TokenHash, now: Mono) -> Option<(Name, Role)> {
        let session = self.sessions.get_mut(&token)?;
        if !session.lives(now) {
            self.sessions.remove(&token);
            return None;
        }
        session.used = now;
        Some((session.account.clone(), session.role))
    }

    pub fn end(&mut self, token: TokenHash) {
        self.sessions.remove(&token);
    }
}

impl Session {
    fn lives(&self, now: Mono) -> bool {
        Duration::from_micros(now.since(self.used)) < LIFE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    #[test]
    fn a_session_lives_on_while_it_is_used_and_ends_when_it_is_not() {
        let mut sessions = Sessions::default();
        let guard = Name::from("guard");
        let token = TokenHash::of(&sessions.begin(&guard, Role::Guard, Mono(0)));
        for hour in (0..48).step_by(11) {
            assert!(sessions.who(token, Mono::from_ms(hour * HOUR)).is_some());
        }
        assert!(sessions.who(token, Mono::from_ms(100 * HOUR)).is_none());
        assert!(sessions.who(token, Mono::from_ms(45 * HOUR)).is_none());
    }

    #[test]
    fn the_number_of_sessions_is_bounded_and_the_used_ones_stay() {
        let mut sessions = Sessions::default();
        let guard = Name::from("guard");
        let kept = TokenHash::of(&sessions.begin(&guard, Role::Guard, Mono(0)));
        for n in 1..1_000 {
            sessions.begin(&guard, Role::Guard, Mono(n));
            assert!(sessions.who(kept, Mono(n)).is_some());
        }
        assert!(sessions.sessions.len() <= SESSIONS);
    }

    #[test]
    fn an_ended_session_is_nobodys() {
        let mut sessions = Sessions::default();
        let token = TokenHash::of(&sessions.begin(&Name::from("a"), Role::Police, Mono(0)));
        sessions.end(token);
        assert!(sessions.who(token, Mono(0)).is_none());
    }
}
