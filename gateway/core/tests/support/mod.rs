//! A demo site, and a script of what happens at its gate with what must come of it.
#![allow(dead_code)]

pub mod hostile;
pub mod random;
mod told;

use std::sync::Arc;

use gateway_core::decision::Verdict;
use gateway_core::event::{Barrier, Body, Event, MoveOutcome};
use gateway_core::gate::{Gate, Input, Output, Outputs};
use gateway_core::lists::{Holder, List, Lists, Pass, PassKey, Watch};
use gateway_core::moment::{ClockTrust, Moment, Mono};
use gateway_core::name::{Name, PassageId};
use gateway_core::order::{Act, Order, Role, Sender};
use gateway_core::plate::{Card, Plate, PlateColour, PlateKind};
use gateway_core::reading::{
    ArmPosition, BodySite, DeviceHealth, DeviceState, Freshness, Loop, LoopPlace, Millidegrees,
    Reading, Temperature, Trust, Value,
};
use gateway_core::rule::{RuleFile, RuleSet};
use gateway_core::sighting::Sighting;
use gateway_core::site::{Direction, Fallback, FallbackVerdict, Lane, LaneKind, Needs, Rest, Site};

pub const ORDINARY: &str = include_str!("../../../../config/rules/ordinary.toml");

/// 2024-01-01 08:00 in UTC, a Monday.
pub const WALL_MS: i64 = 1_704_096_000_000;

pub fn lane(id: &str, kind: LaneKind, direction: Direction) -> Lane {
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
        password_opens: true,
        plate_sure_permille: 900,
        leave_ms: 10_000,
        has_approach_loop: vehicle,
        has_barrier: true,
        interlock: None,
        on_power_loss: Rest::Open,
        on_gateway_loss: Rest::Closed,
    }
}

/// `in-1`, `out-1`, `walk-1`, as the demo site; `cam-1` has no loop, `dark-1` is in shadow.
pub fn site() -> Site {
    let mut no_loop = lane("cam-1", LaneKind::Vehicle, Direction::Entry);
    no_loop.has_approach_loop = false;
    let mut dark = lane("dark-1", LaneKind::Pedestrian, Direction::Entry);
    dark.shadow = true;
    let mut strict = lane("tls-1", LaneKind::Pedestrian, Direction::Entry);
    strict.password_opens = false;
    let mut exit = lane("out-1", LaneKind::Vehicle, Direction::Exit);
    exit.fallback = Fallback {
        after_ms: 5_000,
        then: FallbackVerdict::Admit,
    };
    Site {
        walk_ms: gateway_core::site::WALK_MS,
        gateway: Name::new("gate-test"),
        grid: Name::new("350602001001"),
        lanes: vec![
            lane("in-1", LaneKind::Vehicle, Direction::Entry),
            exit,
            lane("walk-1", LaneKind::Pedestrian, Direction::Entry),
            no_loop,
            dark,
            strict,
        ],
    }
}

/// 闽E11111 to 闽E11119 and cards AA01 to AA09 are listed; 闽E66666 is watched, 鄂A the area.
pub fn lists() -> Lists {
    let holder = |n: u32| Holder {
        holder: format!("{n}栋"),
        ..Holder::default()
    };
    let watch = |reason: &str| Watch {
        reason: reason.to_owned(),
    };
    let pass = Pass {
        id: Name::new("pass-1"),
        holder: "访客".to_owned(),
        valid_from_ms: WALL_MS - 3_600_000,
        valid_to_ms: WALL_MS + 36_000_000,
        uses: Some(1),
        ..Pass::default()
    };
    Lists {
        vehicles: list((1..10).map(|n| (Plate::new(&format!("闽E1111{n}")), holder(n)))),
        cards: list((1..10).map(|n| (Card::new(&format!("AA0{n}")), holder(n)))),
        watched_plates: list([(Plate::new("闽E66666"), watch("公安协查"))]),
        watched_areas: list([("鄂A".to_owned(), watch("重点关注地区"))]),
        passes: list([(PassKey::Card(Card::new("BB01")), pass)]),
        ..Lists::default()
    }
}

fn list<K: Ord, V>(entries: impl IntoIterator<Item = (K, V)>) -> List<K, V> {
    List::of(1, WALL_MS - 7_200_000, entries)
}

pub fn rules(site: &Site) -> RuleSet {
    load(site, ORDINARY).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

pub fn load(site: &Site, text: &str) -> Result<RuleSet, Vec<gateway_core::rule::RuleError>> {
    let file = RuleFile {
        name: "r.toml",
        text,
    };
    RuleSet::load(&site.lanes, &[file])
}

pub fn gate() -> Gate {
    let site = site();
    let rules = rules(&site);
    Gate::new(Arc::new(site), rules, Arc::new(lists()), 1)
}

pub fn at(ms: u64) -> Moment {
    Moment {
        boot: 1,
        mono: Mono::from_ms(ms),
        wall_ms: WALL_MS + i64::try_from(ms).unwrap(),
        offset_min: 480,
        trust: ClockTrust::Synchronised,
    }
}

/// Drives a gate: deadlines are applied at their time before the next input.
pub struct Driver {
    pub gate: Gate,
    pub out: Outputs,
    pub now: u64,
    /// Everything put out, with its millisecond.
    pub log: Vec<(u64, Output)>,
    /// How the wall clock differs from the plain one.
    pub clock: Box<dyn Fn(Moment) -> Moment>,
}

impl Driver {
    pub fn new(gate: Gate) -> Driver {
        let mut driver = Driver {
            gate,
            out: Outputs::default(),
            now: 0,
            log: Vec::new(),
            clock: Box::new(|moment| moment),
        };
        let start = (driver.clock)(at(0));
        driver.gate.start(start, &mut driver.out);
        driver.take(0);
        driver
    }

    pub fn apply(&mut self, ms: u64, input: Input) {
        self.run_to(ms);
        self.step(Mono::from_ms(ms), input);
        self.now = ms;
    }

    /// Applies the deadlines up to a time.
    pub fn run_to(&mut self, ms: u64) {
        while let Some(due) = self
            .gate
            .next_deadline()
            .filter(|due| *due <= Mono::from_ms(ms))
        {
            self.step(due, Input::Deadline);
            let next = self.gate.next_deadline();
            assert!(
                next.is_none_or(|next| next > due),
                "a deadline stays: {due:?}"
            );
        }
    }

    fn step(&mut self, mono: Mono, input: Input) {
        let mut moment = at(mono.0 / 1_000);
        moment.mono = mono;
        let moment = (self.clock)(moment);
        self.gate.apply(moment, input, &mut self.out);
        self.take(mono.0 / 1_000);
    }

    fn take(&mut self, ms: u64) {
        self.log
            .extend(self.out.list.drain(..).map(|output| (ms, output)));
    }

    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.log.iter().filter_map(|(_, output)| match output {
            Output::Record(event) => Some(event),
            _ => None,
        })
    }
}

/// Runs a script, one input a line, and compares what came of it, one output a line.
pub fn check(script: &str, expect: &str) {
    let found = run(script);
    let wanted: Vec<&str> = expect
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    assert_eq!(found, wanted, "\nfound:\n{}\n", found.join("\n"));
}

pub fn run(script: &str) -> Vec<String> {
    run_on(gate(), script)
}

pub fn run_on(gate: Gate, script: &str) -> Vec<String> {
    let mut driver = Driver::new(gate);
    driver.log.clear();
    drive(&mut driver, script);
    driver
        .log
        .iter()
        .filter_map(|(ms, output)| Some(format!("{} {}", seconds(*ms), told::told(output)?)))
        .collect()
}

/// Applies a script, one input a line.
pub fn drive(driver: &mut Driver, script: &str) {
    for line in script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ms = millis(words[0]);
        match parse(ms, &words[1..]) {
            Some(input) => driver.apply(ms, input),
            None => driver.run_to(ms),
        }
    }
}

fn millis(text: &str) -> u64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    whole.parse::<u64>().unwrap() * 1_000 + format!("{part:0<3}").parse::<u64>().unwrap()
}

fn seconds(ms: u64) -> String {
    let text = format!("{}.{:03}", ms / 1_000, ms % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// One line of a script without its time; `end` only lets time pass.
fn parse(ms: u64, words: &[&str]) -> Option<Input> {
    let has = |word: &str| words.contains(&word);
    let number = |key: &str, otherwise: u64| {
        let found = words.iter().find_map(|word| word.strip_prefix(key));
        found.map_or(otherwise, |text| text.parse().unwrap())
    };
    let freshness = match () {
        () if has("retained") => Freshness::Retained,
        () if has("redelivered") => Freshness::Redelivered,
        () if has("replayed") => Freshness::Replayed,
        () => Freshness::Live,
    };
    let trust = match () {
        () if has("untrusted") => Trust::None,
        () if has("password") => Trust::Password,
        () => Trust::Tls,
    };
    let received = Mono::from_ms(ms - number("late=", 0));
    let reading = |device: &str, value: Value| {
        Input::Reading(Reading {
            lane: Name::new(words[0]),
            device: Name::new(device),
            received,
            value,
            freshness,
            trust,
            counter: words
                .iter()
                .find_map(|word| word.strip_prefix("n=")?.parse().ok()),
        })
    };
    let order = |act: Act| {
        let id = words.iter().find_map(|word| word.strip_prefix("id="));
        let from = if has("upstream") {
            Sender::Upstream {
                destination: Name::new("town"),
            }
        } else {
            Sender::Person {
                account: Name::new("wang"),
                role: if has("auditor") {
                    Role::Auditor
                } else {
                    Role::Guard
                },
            }
        };
        let id = Name::new(id.unwrap_or(&format!("o{ms}")));
        Input::Order(Order { id, from, act })
    };
    let on = |word: &str| word == "on";
    if words[0] == "end" {
        return None;
    }
    let first = words.get(2).copied().unwrap_or_default();
    let passage = || PassageId::parse(first);
    let reason = Name::new("known_visitor");
    Some(match words[1] {
        "plate" => Input::Sighting(sighting(
            words[0],
            first,
            number("track=", 1),
            u32::try_from(number("rev=", 1)).unwrap(),
            |s| {
                if let Some(camera) = words.iter().find_map(|word| word.strip_prefix("cam=")) {
                    s.camera = Name::new(camera);
                }
                s.closed = has("closed");
                s.at_arm = has("at_arm");
                s.confidence_permille = u16::try_from(number("conf=", 980)).unwrap();
                s.first_seen = received;
                s.last_seen = received;
                s.freshness = freshness;
                s.trust = trust;
            },
        )),
        "card" => reading("reader-1", Value::Card(Card::new(first))),
        "temp" => reading("thermo-1", Value::Temperature(temperature(millis(first)))),
        "skin" => {
            let mut value = temperature(millis(first));
            value.site = BodySite::Surface;
            reading("thermo-1", Value::Temperature(value))
        }
        "loop" => reading("loop-1", loop_value(LoopPlace::Approach, on(first))),
        "under" => reading("loop-2", loop_value(LoopPlace::UnderArm, on(first))),
        "arm" => reading(
            "arm-1",
            Value::Arm(match first {
                "open" => ArmPosition::Open,
                "closed" => ArmPosition::Closed,
                _ => ArmPosition::Moving,
            }),
        ),
        "contact" => reading("fire-1", Value::Emergency(on(first))),
        "online" => reading("reader-1", Value::Online(on(first))),
        "health" => Input::DeviceHealth(DeviceHealth {
            device: Name::new(first),
            lane: Some(Name::new(words[0])),
            state: match words.last() {
                Some(&"live") => DeviceState::Live,
                Some(code) if code.starts_with("picture_") => DeviceState::Failed {
                    code: Name::new(code),
                },
                _ => DeviceState::Silent,
            },
        }),
        "sent" | "dropped" => Input::Moved {
            id: first.parse().unwrap(),
            lane: Name::new(words[0]),
            command: Barrier::Open,
            outcome: if words[1] == "sent" {
                MoveOutcome::Sent
            } else {
                MoveOutcome::Dropped {
                    cause: Name::new("link_down"),
                }
            },
        },
        "emergency" => Input::Emergency {
            source: Name::new("button-1"),
        },
        "open" => order(Act::Open {
            passage: passage(),
            reason,
        }),
        "refuse" => order(Act::Refuse {
            passage: passage(),
            reason,
        }),
        "escort" => order(Act::Escort {
            passage: passage(),
            reason,
        }),
        "hold" => order(Act::Hold { passage: passage() }),
        "again" => order(Act::MeasureAgain { passage: passage() }),
        "open_lane" => order(Act::OpenLane {
            lane: Name::new(words[0]),
            reason,
        }),
        "close_lane" => order(Act::CloseLane {
            lane: Name::new(words[0]),
        }),
        "ack" => order(Act::AcknowledgeAlert {
            alert: first.parse().unwrap(),
        }),
        "close" => order(Act::CloseAlert {
            alert: first.parse().unwrap(),
            reason: Name::new("settled"),
            comment: String::new(),
        }),
        "end_emergency" => order(Act::EndEmergency),
        "lock_down" => order(Act::LockDown { reason }),
        "end_lock_down" => order(Act::EndLockDown),
        other => panic!("not a script word: {other}"),
    })
}

pub fn loop_value(place: LoopPlace, occupied: bool) -> Value {
    Value::Loop(Loop { place, occupied })
}

pub fn temperature(millidegrees: u64) -> Temperature {
    Temperature {
        body: Millidegrees(i32::try_from(millidegrees).unwrap()),
        ambient: None,
        site: BodySite::Forehead,
    }
}

pub fn sighting(
    lane: &str,
    plate: &str,
    track: u64,
    revision: u32,
    change: impl FnOnce(&mut Sighting),
) -> Sighting {
    let mut sighting = Sighting {
        lane: Name::new(lane),
        camera: Name::new(&format!("{lane}-camera")),
        track,
        revision,
        closed: false,
        plate: Plate::new(plate),
        kind: PlateKind::Ordinary,
        colour: PlateColour::Blue,
        agrees: true,
        confidence_permille: 980,
        candidates: Vec::new(),
        at_arm: false,
        plate_box: [0, 0, 100, 30],
        frames: 8,
        first_seen: Mono(0),
        last_seen: Mono(0),
        evidence: None,
        freshness: Freshness::Live,
        trust: Trust::Tls,
    };
    change(&mut sighting);
    sighting
}

/// What was decided when, without the label of the wall clock.
pub fn decisions(driver: &Driver) -> Vec<(u64, String, Verdict)> {
    let events = driver.events().filter_map(|event| {
        let verdict = event.parts.iter().find_map(|part| match &part.body {
            Body::Decision(decision) => Some(decision.verdict),
            _ => None,
        })?;
        Some((
            event.at.mono.0,
            event.passage.as_ref()?.to_string(),
            verdict,
        ))
    });
    events.collect()
}
