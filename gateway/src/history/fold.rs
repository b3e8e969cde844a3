//! Folds the events of one passage into what people see of it; the same for a passage in
//! progress and for one read back from the journal.

use std::collections::BTreeMap;

use gateway_core::decision::{Decision, Outcome, Verdict};
use gateway_core::event::{Body, Event, EventKind};
use gateway_core::moment::Moment;
use gateway_core::name::Name;
use gateway_core::order::{Act, Sender};
use gateway_core::view::PassageView;
use gateway_wire::api::{
    Answered, CardRead, Fact, FactValue, ListUsed, MissingFact, MoveMade, Passage, PassageEnd,
    Picture, PlateRead, Reason, RuleTried, TemperatureRead, Text, TriedOutcome,
};

/// Titles of the rules that are loaded, by rule.
pub type Titles = BTreeMap<String, Text>;

/// A passage of which nothing is known but that it began.
pub fn begin(id: &str, lane: &str, at: &Moment) -> Passage {
    Passage {
        id: id.to_string(),
        lane: lane.to_string(),
        begun_ms: at.wall_ms,
        clock: at.trust.into(),
        number: None,
        plate: None,
        card: None,
        temperature: None,
        picture: None,
        verdict: None,
        reasons: Vec::new(),
        rules: Vec::new(),
        missing: Vec::new(),
        facts: Vec::new(),
        end: None,
        answered: None,
        moved: None,
        took_ms: None,
        rests_until_ms: None,
        decided_ms: None,
        shadow: false,
        would_admit: Vec::new(),
        rules_version: None,
        lists: Vec::new(),
    }
}

/// Adds what `event`, the journal's `number`, says of the passage.
pub fn fold(passage: &mut Passage, number: u64, event: &Event, titles: &Titles) {
    match event.kind {
        // Their identity parts are copies of the passage's own.
        EventKind::AlertRaised | EventKind::AlertAcknowledged | EventKind::AlertClosed => return,
        EventKind::Decision => {
            passage.number = Some(number);
            passage.decided_ms = Some(event.at.wall_ms);
        }
        _ => {}
    }
    for part in &event.parts {
        fold_part(passage, event, &part.body, titles);
    }
    if event.kind == EventKind::Decision {
        explain(passage);
    }
}

fn fold_part(passage: &mut Passage, event: &Event, body: &Body, titles: &Titles) {
    let at = &event.at;
    match body {
        Body::Sighting(sighting) => see(passage, sighting),
        Body::Card { card, .. } if passage.card.is_none() => {
            passage.card = Some(CardRead {
                text: card.reveal().to_string(),
                holder: None,
            });
        }
        Body::Temperature { temperature, .. } => {
            let read = passage.temperature.get_or_insert(NO_TEMPERATURE);
            read.celsius_milli = Some(temperature.body.0);
        }
        Body::Band { band } => {
            let read = passage.temperature.get_or_insert(NO_TEMPERATURE);
            read.band = Some((*band).into());
        }
        Body::Decision(decision) => decide(passage, decision, titles),
        Body::Facts { facts } if event.kind == EventKind::Decision => passage.facts.extend(
            facts
                .iter()
                .map(|fact| Fact::new(fact, at.wall_ms, at.mono.0)),
        ),
        Body::Answer {
            act,
            sender,
            verdict,
        } => {
            passage.answered = Some(Answered {
                verdict: verdict.map(Into::into),
                by: sender_name(sender),
                reason: act_reason(act).map(|reason| reason.to_string()),
            });
        }
        Body::PassageEnded { end, .. } => {
            passage.end = Some(PassageEnd::new(end, Some(at.wall_ms)));
        }
        Body::Move {
            command, outcome, ..
        } => passage.moved = Some(MoveMade::new(*command, outcome)),
        _ => {}
    }
}

const NO_TEMPERATURE: TemperatureRead = TemperatureRead {
    celsius_milli: None,
    band: None,
};

/// The shown plate and picture belong together, and once decided they stay what was decided on.
fn see(passage: &mut Passage, sighting: &gateway_core::sighting::Sighting) {
    let decided_on_another = passage.number.is_some()
        && passage
            .plate
            .as_ref()
            .is_some_and(|plate| plate.text != sighting.plate.reveal());
    let weaker = passage
        .plate
        .as_ref()
        .is_some_and(|plate| plate.confidence_permille > sighting.confidence_permille);
    if decided_on_another || weaker {
        return;
    }
    if let Some(evidence) = &sighting.evidence {
        passage.picture = Some(Picture::from(evidence));
    }
    let mut plate = PlateRead::from(sighting);
    if plate.plate_box.is_none() && passage.picture.is_some() {
        plate.plate_box = passage.plate.as_ref().and_then(|before| before.plate_box);
    }
    passage.plate = Some(plate);
}

fn decide(passage: &mut Passage, decision: &Decision, titles: &Titles) {
    passage.verdict = Some(decision.verdict.into());
    passage.took_ms = Some(decision.took_us.div_ceil(1_000));
    passage.shadow = decision.shadow;
    passage.would_admit = decision
        .would_admit
        .iter()
        .map(ToString::to_string)
        .collect();
    passage.rules_version = Some(decision.rules_version.clone());
    passage.lists = decision
        .lists
        .iter()
        .map(|list| ListUsed {
            list: list.list.to_string(),
            version: list.version,
            confirmed_ms: list.confirmed_ms,
        })
        .collect();
    passage.rules = decision
        .rules
        .iter()
        .map(|tried| RuleTried {
            rule: tried.rule.to_string(),
            title: titles.get(tried.rule.as_str()).cloned(),
            verdict: tried.verdict.into(),
            outcome: tried.outcome.into(),
        })
        .collect();
    passage.missing = decision
        .missing
        .iter()
        .map(|missing| MissingFact {
            fact: missing.fact.to_string(),
            cause: serde_word(&missing.cause),
        })
        .collect();
}

/// After all parts of the decision: holders from the facts, and the reasons in words.
fn explain(passage: &mut Passage) {
    if let (Some(card), Some(holder)) =
        (&mut passage.card, text_fact(&passage.facts, "card.holder"))
    {
        card.holder = Some(holder);
    }
    let Some(verdict) = passage.verdict else {
        return;
    };
    let mut reasons: Vec<Reason> = passage
        .rules
        .iter()
        .filter(|tried| tried.outcome == TriedOutcome::True && tried.verdict == verdict)
        .map(|tried| reason("rule", &[("rule", &tried.rule)], tried.title.clone()))
        .collect();
    reasons.extend(passage.missing.iter().map(missing_reason));
    reasons.extend(
        passage
            .rules
            .iter()
            .filter(|tried| tried.outcome == TriedOutcome::Fault)
            .map(|tried| reason("fault", &[("rule", &tried.rule)], tried.title.clone())),
    );
    if reasons.is_empty() && Verdict::from(verdict) == Verdict::Hold {
        reasons = unknown_reasons(passage);
    }
    passage.reasons = reasons;
}

/// A hold that no rule asked for: a rule could not be told, or none admitted.
fn unknown_reasons(passage: &Passage) -> Vec<Reason> {
    let unknown = passage.rules.iter().any(|tried| {
        Outcome::from(tried.outcome) == Outcome::Unknown
            && Verdict::from(tried.verdict) != Verdict::Admit
    });
    let missing: Vec<Reason> = passage
        .facts
        .iter()
        .filter_map(|fact| match &fact.state {
            FactValue::Missing(cause) => Some(missing_reason(&MissingFact {
                fact: fact.name.clone(),
                cause: cause.clone(),
            })),
            _ => None,
        })
        .collect();
    if unknown && !missing.is_empty() {
        missing
    } else {
        vec![reason("no_rule", &[], None)]
    }
}

fn missing_reason(missing: &MissingFact) -> Reason {
    reason(
        "missing",
        &[("fact", &missing.fact), ("cause", &missing.cause)],
        None,
    )
}

fn reason(code: &str, values: &[(&str, &str)], text: Option<Text>) -> Reason {
    Reason {
        code: code.to_string(),
        values: values
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect(),
        text,
    }
}

fn text_fact(facts: &[Fact], name: &str) -> Option<String> {
    facts.iter().find_map(|fact| match &fact.state {
        FactValue::Text(text) if fact.name == name => Some(text.clone()),
        _ => None,
    })
}

fn sender_name(sender: &Sender) -> String {
    match sender {
        Sender::Person { account, .. } => account.to_string(),
        Sender::Upstream { destination } => destination.to_string(),
    }
}

fn act_reason(act: &Act) -> Option<&Name> {
    match act {
        Act::Open { reason, .. }
        | Act::OpenLane { reason, .. }
        | Act::Refuse { reason, .. }
        | Act::Escort { reason, .. }
        | Act::CloseAlert { reason, .. } => Some(reason),
        _ => None,
    }
}

/// The word that the journal writes for a core enum.
pub(crate) fn serde_word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// A passage as its lane shows it: what the view has and the folded events do not say yet.
pub fn complete_from_view(passage: &mut Passage, view: &PassageView, titles: &Titles) {
    if passage.plate.is_none()
        && let Some(sighting) = &view.sighting
    {
        see(passage, sighting);
    }
    if passage.card.is_none() {
        passage.card = view.card.as_ref().map(|card| CardRead {
            text: card.reveal().to_string(),
            holder: None,
        });
    }
    if passage.temperature.is_none() && (view.temperature.is_some() || view.band.is_some()) {
        passage.temperature = Some(TemperatureRead::new(view.temperature, view.band));
    }
    if passage.verdict.is_none()
        && let Some(decision) = &view.decision
    {
        decide(passage, decision, titles);
        passage.facts = view
            .facts
            .iter()
            .map(|fact| Fact::new(fact, view.begun.wall_ms, view.begun.mono.0))
            .collect();
        explain(passage);
    }
    // No event tells of a rest: it shows in the lane alone.
    passage.rests_until_ms = view.rests_until.map(|until| {
        let rest_ms = until.since(view.begun.mono) / 1_000;
        view.begun.wall_ms.saturating_add_unsigned(rest_ms)
    });
    if passage.end.is_none() {
        passage.end = view.ended.as_ref().map(|end| PassageEnd::new(end, None));
    }
}
