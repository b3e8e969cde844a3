//! Telling people of a decision, and of what cannot wait for one.

use crate::alert::{Message, Severity, code};
use crate::decision::{Cause, Decision, Outcome, Verdict};
use crate::gate::alarm::Alarm;
use crate::gate::{Gate, Outputs};
use crate::moment::Moment;
use crate::name::Name;
use crate::rule::{Rule, RuleAlert};

impl Gate {
    /// Raises the critical alerts of those who are not decided yet: a watched vehicle in the queue
    /// is told of when it is seen, not when its turn has come.
    pub(super) fn warn_early(&mut self, at: Moment, lane: usize, out: &mut Outputs) {
        for index in 0..self.lanes[lane].passages.len() {
            let passage = &mut self.lanes[lane].passages[index];
            let fresh = std::mem::take(&mut passage.fresh) && passage.gathering();
            if !fresh || !self.rules.has_critical() {
                continue;
            }
            let facts = self.gathered(at, lane, index, |gathered| gathered.facts());
            let told = &self.lanes[lane].passages[index].told;
            let alarms: Vec<Alarm> = self
                .rules
                .critical(self.config(lane), &facts)
                .into_iter()
                .filter(|rule| !told.contains(&rule.id))
                .filter_map(|rule| Some(self.alarm_of(lane, rule, rule.alert.as_ref()?)))
                .collect();
            for alarm in alarms {
                let told = &mut self.lanes[lane].passages[index].told;
                told.extend(alarm.rule.clone());
                self.raise(at, Some(lane), Some(index), alarm, Vec::new(), out);
            }
        }
    }

    fn alarm_of(&self, lane: usize, rule: &Rule, alert: &RuleAlert) -> Alarm {
        let lane_id = self.config(lane).id.as_str();
        Alarm {
            code: Name::new(code::RULE),
            severity: alert.severity,
            roles: alert.roles.clone(),
            rule: Some(rule.id.clone()),
            message: Some(Message {
                zh: alert.message.zh.replace("{lane}", lane_id),
                en: alert.message.en.replace("{lane}", lane_id),
            }),
        }
    }

    pub(super) fn alert_of_decision(
        &mut self,
        at: Moment,
        lane: usize,
        index: usize,
        decision: &Decision,
        no_rule: bool,
        out: &mut Outputs,
    ) {
        let mut alarms = Vec::new();
        let mut told = false;
        for (rule, tried) in self.rules.rules().iter().zip(&decision.rules) {
            match (tried.outcome, &rule.alert) {
                (Outcome::Fault, _) => {
                    alarms.push(Alarm::new(code::RULE_FAULT, Severity::Warning).rule(&rule.id));
                }
                (Outcome::True, Some(alert)) => {
                    told |= tried.verdict == decision.verdict;
                    let before = &self.lanes[lane].passages[index].told;
                    if !before.contains(&rule.id) {
                        alarms.push(self.alarm_of(lane, rule, alert));
                    }
                }
                _ => {}
            }
        }
        if decision.verdict == Verdict::Hold && (!told || !decision.missing.is_empty()) {
            let code = match self.locked_down(lane) {
                true => code::LOCK_DOWN,
                false => hold_code(decision, no_rule),
            };
            alarms.push(Alarm::new(code, Severity::Warning));
        }
        for alarm in alarms {
            self.raise(at, Some(lane), Some(index), alarm, Vec::new(), out);
        }
    }
}

/// Why a hold holds, as the code of its alert.
fn hold_code(decision: &Decision, no_rule: bool) -> &'static str {
    match decision.missing.first() {
        Some(missing) => match (missing.fact.as_str(), missing.cause) {
            (_, Cause::DeviceDown) => code::MISSING_DEVICE_DOWN,
            ("plate", Cause::Unreadable) => code::UNREADABLE,
            ("plate", Cause::SourcesDisagree) => code::SOURCES_DISAGREE,
            ("temperature", Cause::ImplausibleReading) => code::MEASURE_AGAIN,
            ("plate", _) => code::MISSING_PLATE,
            ("card", _) => code::MISSING_CARD,
            ("temperature", _) => code::MISSING_TEMPERATURE,
            _ => code::MISSING_PASS,
        },
        None if no_rule => code::NO_RULE,
        None => code::HOLD,
    }
}
