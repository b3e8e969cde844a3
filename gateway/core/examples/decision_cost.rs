//! Prints what one decision costs: a card and a temperature at a gate with the ordinary rules.

use std::sync::Arc;
use std::time::Instant;

use gateway_core::gate::{Gate, Input, Outputs};
use gateway_core::lists::{Holder, List, Lists};
use gateway_core::moment::{ClockTrust, Moment, Mono};
use gateway_core::name::Name;
use gateway_core::plate::Card;
use gateway_core::reading::{
    BodySite, Freshness, Millidegrees, Reading, Temperature, Trust, Value,
};
use gateway_core::rule::{RuleFile, RuleSet};
use gateway_core::site::{Direction, Fallback, FallbackVerdict, Lane, LaneKind, Needs, Rest, Site};

const PASSAGES: u64 = 20_000;

fn main() {
    let site = Arc::new(site());
    let text = include_str!("../../../config/rules/ordinary.toml");
    let began = Instant::now();
    let file = RuleFile {
        name: "ordinary.toml",
        text,
    };
    let rules = RuleSet::load(&site.lanes, &[file]).expect("the ordinary rules load");
    println!(
        "load and cases: {:.1} ms",
        began.elapsed().as_secs_f64() * 1e3
    );
    let entries = (0..10_000).map(|n| {
        let holder = Holder {
            ..Holder::default()
        };
        (Card::new(&format!("{n:08X}")), holder)
    });
    let cards = List::of(1, 1, entries);
    let lists = Lists {
        cards,
        ..Lists::default()
    };
    let mut gate = Gate::new(site, rules, Arc::new(lists), 1);
    let mut out = Outputs::default();
    let mut outputs = 0;
    let began = Instant::now();
    for n in 0..PASSAGES {
        let ms = n * 1_000;
        let card = Value::Card(Card::new(&format!("{:08X}", n % 10_000)));
        gate.apply(moment(ms), reading(ms, card), &mut out);
        let temperature = Value::Temperature(Temperature {
            body: Millidegrees(36_500),
            ambient: None,
            site: BodySite::Forehead,
        });
        gate.apply(moment(ms + 500), reading(ms + 500, temperature), &mut out);
        outputs += out.list.len();
        out.list.clear();
    }
    let each = began.elapsed().as_secs_f64() * 1e6 / PASSAGES as f64;
    println!("{PASSAGES} passages, {outputs} outputs: {each:.1} µs a passage, decision included");
}

fn moment(ms: u64) -> Moment {
    Moment {
        boot: 1,
        mono: Mono::from_ms(ms),
        wall_ms: 1_704_096_000_000,
        offset_min: 480,
        trust: ClockTrust::Synchronised,
    }
}

fn reading(ms: u64, value: Value) -> Input {
    Input::Reading(Reading {
        lane: Name::new("walk-1"),
        device: Name::new("device"),
        received: Mono::from_ms(ms),
        value,
        freshness: Freshness::Live,
        trust: Trust::Tls,
        counter: None,
    })
}

fn site() -> Site {
    let lane = Lane {
        id: Name::new("walk-1"),
        kind: LaneKind::Pedestrian,
        direction: Direction::Entry,
        needs: Needs {
            card: true,
            temperature: true,
            ..Needs::default()
        },
        wait_ms: 3_000,
        shadow: false,
        attended: true,
        fallback: Fallback {
            after_ms: 60_000,
            then: FallbackVerdict::GoOnHolding,
        },
        password_opens: true,
        plate_sure_permille: 900,
        leave_ms: 8_000,
        has_approach_loop: false,
        has_barrier: true,
        interlock: None,
        on_power_loss: Rest::Open,
        on_gateway_loss: Rest::Closed,
    };
    Site {
        walk_ms: gateway_core::site::WALK_MS,
        gateway: Name::new("gate"),
        grid: Name::new("grid"),
        lanes: vec![lane],
    }
}
