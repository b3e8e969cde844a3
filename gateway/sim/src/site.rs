//! The demo site as the simulator means it, and the lists of a scenario.

use gateway_core::lists::{Holder, List, Lists, Watch};
use gateway_core::name::Name;
use gateway_core::plate::{Card, Plate};
use gateway_core::site::{Direction, Fallback, FallbackVerdict, Lane, LaneKind, Needs, Rest, Site};
use traffic::{ENTRY, EXIT, Scenario, WALK};

pub fn demo() -> Site {
    Site {
        walk_ms: gateway_core::site::WALK_MS,
        gateway: Name::new("gate-sim"),
        grid: Name::new("350602001001"),
        lanes: vec![
            lane(ENTRY, LaneKind::Vehicle, Direction::Entry),
            lane(EXIT, LaneKind::Vehicle, Direction::Exit),
            lane(WALK, LaneKind::Pedestrian, Direction::Entry),
        ],
    }
}

fn lane(id: &str, kind: LaneKind, direction: Direction) -> Lane {
    let vehicle = kind == LaneKind::Vehicle;
    Lane {
        id: Name::new(id),
        kind,
        direction,
        needs: Needs {
            plate: vehicle,
            card: !vehicle,
            temperature: !vehicle,
            pass: false,
        },
        wait_ms: 3_000,
        shadow: false,
        attended: true,
        fallback: Fallback {
            after_ms: 60_000,
            then: FallbackVerdict::GoOnHolding,
        },
        password_opens: false,
        plate_sure_permille: 900,
        leave_ms: if vehicle { 8_000 } else { 2_000 },
        has_approach_loop: vehicle,
        has_barrier: true,
        interlock: None,
        on_power_loss: Rest::Open,
        on_gateway_loss: Rest::Closed,
    }
}

pub fn lists(scenario: &Scenario, confirmed_ms: i64) -> Lists {
    let from = scenario.lists();
    let holder = |note: &str| Holder {
        holder: note.to_owned(),
        ..Holder::default()
    };
    let watch = |note: &str| Watch {
        reason: note.to_owned(),
    };
    Lists {
        vehicles: list(
            from.vehicles
                .iter()
                .map(|row| (Plate::new(&row.key), holder(&row.note))),
            confirmed_ms,
        ),
        cards: list(
            from.cards
                .iter()
                .map(|row| (Card::new(&row.key), holder(&row.note))),
            confirmed_ms,
        ),
        watched_plates: list(
            from.watched
                .iter()
                .map(|row| (Plate::new(&row.key), watch(&row.note))),
            confirmed_ms,
        ),
        ..Lists::default()
    }
}

fn list<K: Ord, V>(entries: impl Iterator<Item = (K, V)>, confirmed_ms: i64) -> List<K, V> {
    List::of(1, confirmed_ms, entries)
}
