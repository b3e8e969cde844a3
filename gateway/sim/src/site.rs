//! The simulated site: five lanes, the rules, and the lists of a day.

use std::sync::Arc;

use gateway_core::lists::{Holder, List, Lists, Pass, PassKey, Watch};
use gateway_core::name::Name;
use gateway_core::plate::{Card, Plate};
use gateway_core::rule::{RuleFile, RuleSet};
use gateway_core::site::{Direction, Fallback, FallbackVerdict, Lane, LaneKind, Needs, Rest, Site};
use traffic::day::{BACK, DAY_LANES, Day, WALK_OUT};
use traffic::{EXIT, WALK};

use crate::SimError;
use crate::clock::START_MS;

/// Which rules a run decides by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// The shipped set of an ordinary compound.
    Ordinary,
    /// The same with passes that admit and cards whose holder is inside.
    Remembering,
}

pub fn site() -> Site {
    Site {
        gateway: Name::new("gate-sim"),
        grid: Name::new("350602001001"),
        lanes: DAY_LANES.into_iter().map(lane).collect(),
        walk_ms: gateway_core::site::WALK_MS,
    }
}

/// In the order of [`DAY_LANES`].
fn lane(id: &str) -> Lane {
    let out = matches!(id, EXIT | WALK_OUT);
    let walk = matches!(id, WALK | WALK_OUT);
    let fallback = match id {
        EXIT => (90_000, FallbackVerdict::Admit),
        BACK => (30_000, FallbackVerdict::Refuse),
        _ => (60_000, FallbackVerdict::GoOnHolding),
    };
    Lane {
        id: Name::new(id),
        kind: if walk {
            LaneKind::Pedestrian
        } else {
            LaneKind::Vehicle
        },
        direction: if out {
            Direction::Exit
        } else {
            Direction::Entry
        },
        needs: Needs {
            plate: !walk,
            card: id == WALK,
            temperature: id == WALK,
            pass: false,
        },
        wait_ms: 3_000,
        shadow: false,
        attended: id != BACK,
        fallback: Fallback {
            after_ms: fallback.0,
            then: fallback.1,
        },
        password_opens: id == BACK,
        plate_sure_permille: 900,
        leave_ms: if walk { 2_000 } else { 8_000 },
        has_approach_loop: !walk,
        has_barrier: true,
        interlock: None,
        on_power_loss: Rest::Open,
        on_gateway_loss: Rest::Closed,
    }
}

/// Compiles the rules; call it on a large stack.
pub fn rules(site: &Site, which: Rules) -> Result<RuleSet, SimError> {
    let (name, text) = match which {
        Rules::Ordinary => (
            "ordinary.toml",
            include_str!("../../../config/rules/ordinary.toml"),
        ),
        Rules::Remembering => ("sim/rules.toml", include_str!("../rules.toml")),
    };
    RuleSet::load(&site.lanes, &[RuleFile { name, text }]).map_err(SimError::Rules)
}

pub fn lists(day: &Day) -> Arc<Lists> {
    let holder = |note: &str| Holder {
        holder: note.to_owned(),
        ..Holder::default()
    };
    let vehicles = day.vehicles.iter();
    let cards = day.cards.iter();
    let watched = day.watched.iter().map(|(plate, reason)| {
        let reason = reason.clone();
        (Plate::new(plate), Watch { reason })
    });
    let passes = day.passes.iter().map(|row| {
        let pass = Pass {
            id: Name::new(&row.id),
            holder: row.holder.clone(),
            valid_from_ms: START_MS + row.days.0 * 86_400_000,
            valid_to_ms: START_MS + row.days.1 * 86_400_000,
            uses: row.uses,
            ..Pass::default()
        };
        (PassKey::Plate(Plate::new(&row.plate)), pass)
    });
    Arc::new(Lists {
        vehicles: list(vehicles.map(|(plate, note)| (Plate::new(plate), holder(note)))),
        cards: list(cards.map(|(card, note)| (Card::new(card), holder(note)))),
        watched_plates: list(watched),
        passes: list(passes),
        ..Lists::default()
    })
}

fn list<K: Ord, V>(entries: impl Iterator<Item = (K, V)>) -> List<K, V> {
    List::of(1, START_MS, entries)
}
