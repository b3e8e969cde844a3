//! What of an event the oracle judges, taken out of it when it is put out.

use gateway_core::decision::{FactState, Verdict};
use gateway_core::event::{Body, Event, EventKind};
use gateway_core::moment::Mono;
use gateway_core::name::{Name, PassageId};
use gateway_core::reading::Millidegrees;

use crate::process::acted;

/// What of an event the oracle judges.
#[derive(Clone, Debug)]
pub struct Told {
    pub kind: EventKind,
    pub lane: Option<Name>,
    pub passage: Option<PassageId>,
    pub mono: Mono,
    pub decision: Option<Box<Decided>>,
    /// Sender and id of an order, and whether it acted.
    pub order: Option<(String, bool)>,
    /// An answer that lets through.
    pub lets_through: bool,
    /// An end of one that was let through and did not go.
    pub turned_back: bool,
}

#[derive(Clone, Debug)]
pub struct Decided {
    pub verdict: Verdict,
    pub missing: usize,
    pub entry: bool,
    pub plate: Option<String>,
    pub card: Option<String>,
    pub celsius: Option<Millidegrees>,
    /// Used up, or shown and used up by an answer that lets through.
    pub pass: Option<String>,
}

impl Told {
    pub fn of(event: &Event) -> Told {
        let (mut order, mut decision) = (None, None);
        let (mut lets_through, mut turned_back) = (false, false);
        for part in &event.parts {
            match &part.body {
                Body::Decision(made) => {
                    decision = Some(Box::new(Decided::of(
                        event,
                        made.verdict,
                        made.missing.len(),
                    )));
                }
                Body::Order { id, sender, .. } => {
                    order = Some((format!("{sender:?} {id}"), acted(event)));
                }
                Body::Answer { verdict, .. } => lets_through = *verdict == Some(Verdict::Admit),
                Body::Note { code, values } if code.as_str() == "fallback" => {
                    lets_through = values.iter().any(|(_, word)| word == "admit");
                }
                Body::PassageEnded { end, .. } => turned_back = end.turned_back(),
                _ => {}
            }
        }
        Told {
            kind: event.kind,
            lane: event.lane.clone(),
            passage: event.passage.clone(),
            mono: event.at.mono,
            decision,
            order,
            lets_through,
            turned_back,
        }
    }

    pub fn admits(&self) -> bool {
        self.decision
            .as_ref()
            .is_some_and(|decision| decision.verdict == Verdict::Admit)
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let passage = self.passage.as_ref().map_or("-", PassageId::as_str);
        write!(f, "{passage} {:?}", self.kind)?;
        if let Some(decided) = &self.decision {
            let Decided {
                verdict,
                missing,
                plate,
                card,
                celsius,
                ..
            } = &**decided;
            let celsius = celsius.map(|celsius| celsius.0);
            write!(
                f,
                " {verdict:?} {plate:?} {card:?} {celsius:?}, {missing} missing"
            )?;
        }
        match &self.order {
            Some((order, true)) => write!(f, " {order}"),
            Some((order, false)) => write!(f, " {order} did not act"),
            None => Ok(()),
        }
    }
}

impl Decided {
    fn of(event: &Event, verdict: Verdict, missing: usize) -> Decided {
        let mut decided = Decided {
            verdict,
            missing,
            entry: false,
            plate: None,
            card: None,
            celsius: None,
            pass: None,
        };
        for part in &event.parts {
            match &part.body {
                Body::Facts { facts } => {
                    for fact in facts {
                        match (fact.name.as_str(), &fact.state) {
                            ("plate.text", FactState::Text(text)) => {
                                decided.plate = Some(text.clone());
                            }
                            ("card.id", FactState::Text(text)) => decided.card = Some(text.clone()),
                            ("temperature.celsius", FactState::Millidegrees(celsius)) => {
                                decided.celsius = Some(Millidegrees(*celsius));
                            }
                            ("lane.direction", FactState::Text(way)) => {
                                decided.entry = way == "entry";
                            }
                            _ => {}
                        }
                    }
                }
                Body::Note { code, values }
                    if matches!(code.as_str(), "pass_used" | "pass_shown") =>
                {
                    decided.pass = values.first().map(|(_, pass)| pass.clone());
                }
                _ => {}
            }
        }
        decided
    }
}
