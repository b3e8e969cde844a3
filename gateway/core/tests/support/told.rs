//! Outputs in few words, as scripts compare them.

use gateway_core::decision::Verdict;
use gateway_core::event::{Body, End, Event, EventKind, MoveOutcome};
use gateway_core::gate::Output;
use gateway_core::moment::Mono;
use gateway_core::name::Name;
use gateway_core::order::OrderOutcome;

use super::seconds;

/// An output in few words; `None` for what scripts do not compare.
pub fn told(output: &Output) -> Option<String> {
    match output {
        Output::Show(_) => None,
        Output::Ask { device } => Some(format!("ask {device}")),
        Output::Move(asked) => {
            let until = match asked.until {
                Mono(u64::MAX) => "ever".to_owned(),
                Mono(us) => seconds(us / 1_000),
            };
            let urgent = if asked.urgent { " urgent" } else { "" };
            let command = format!("{:?}", asked.command).to_lowercase();
            Some(format!(
                "move {} {command} {} until {until}{urgent}",
                asked.id, asked.lane
            ))
        }
        Output::Record(event) => told_event(event),
    }
}

fn told_event(event: &Event) -> Option<String> {
    let passage = event.passage.as_ref().map_or("-", |id| id.as_str());
    let what = match event.kind {
        EventKind::PassageBegun => "begun".to_owned(),
        EventKind::Stray => "stray".to_owned(),
        EventKind::ForeignMove => "foreign".to_owned(),
        EventKind::Emergency => "emergency".to_owned(),
        EventKind::EmergencyEnded => "emergency ended".to_owned(),
        EventKind::LockDown => "lock down".to_owned(),
        EventKind::LockDownEnded => "lock down ended".to_owned(),
        EventKind::Answer => "answer".to_owned(),
        EventKind::DeviceState => "device".to_owned(),
        EventKind::Decision
        | EventKind::PassageEnded
        | EventKind::AlertRaised
        | EventKind::AlertAcknowledged
        | EventKind::AlertClosed
        | EventKind::Order
        | EventKind::Move => event.parts.iter().find_map(|part| told_body(&part.body))?,
        _ => return None,
    };
    Some(format!("{passage} {what}"))
}

fn told_body(body: &Body) -> Option<String> {
    Some(match body {
        Body::Decision(decision) => {
            let verdict = verdict(decision.verdict);
            let missing: Vec<String> = decision
                .missing
                .iter()
                .map(|m| format!(" {} {:?}", m.fact, m.cause))
                .collect();
            format!("{verdict}{}", missing.concat())
        }
        Body::PassageEnded { end, .. } => match end {
            End::Admitted => "ended admitted".to_owned(),
            End::Refused => "ended refused".to_owned(),
            End::Answered { verdict: v } => format!("ended answered {}", verdict(*v)),
            End::Withdrawn { cause } => format!("ended withdrawn {cause}"),
            End::Unread => "ended unread".to_owned(),
            End::PassedUndecided => "ended passed".to_owned(),
            End::MeasuredAgain { next } => format!("ended next {next}"),
        },
        Body::Alert(raised) => {
            let rule = raised
                .rule
                .as_ref()
                .map_or(String::new(), |r| format!(":{r}"));
            format!("alert {} {}{rule}", raised.alert, raised.code)
        }
        Body::AlertState {
            alert, by, reason, ..
        } => {
            let by = by.as_ref().map_or("nobody", Name::as_str);
            match reason {
                Some(reason) => format!("alert {alert} closed by {by} {reason}"),
                None => format!("alert {alert} acknowledged by {by}"),
            }
        }
        Body::Order { outcome, .. } => match outcome {
            OrderOutcome::Done => "order done".to_owned(),
            OrderOutcome::Repeated => "order repeated".to_owned(),
            OrderOutcome::Refused { code } => format!("order refused {code}"),
        },
        Body::Move { id, outcome, .. } => match outcome {
            MoveOutcome::Asked => format!("move {id} asked"),
            MoveOutcome::Sent => format!("move {id} sent"),
            MoveOutcome::Dropped { cause } => format!("move {id} dropped {cause}"),
        },
        _ => return None,
    })
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Admit => "admit",
        Verdict::Hold => "hold",
        Verdict::Refuse => "refuse",
    }
}
