//! Numbers and the handover as sheets of texts, in one language: what becomes CSV or a workbook, and
//! what the command line prints.

use crate::api::{AlertNumbers, Handover, Numbers};
use crate::explain::{local_time, name_of, word};
use crate::messages::Language;

/// One sheet: its name, its columns, its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    pub name: String,
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

struct Making {
    language: Language,
    sheets: Vec<Sheet>,
}

impl Making {
    /// A sheet with the columns of these codes; a sheet without rows is made too, so that its
    /// emptiness is seen.
    fn sheet(&mut self, code: &str, columns: &[&str], rows: Vec<Vec<String>>) {
        let column = |code: &&str| word("column", code, self.language);
        self.sheets.push(Sheet {
            name: word("sheet", code, self.language),
            header: columns.iter().map(column).collect(),
            rows,
        });
    }

    fn word(&self, group: &str, code: &str) -> String {
        word(group, code, self.language)
    }
}

/// The numbers of a while.
pub fn numbers(numbers: &Numbers, language: Language) -> Vec<Sheet> {
    let mut making = Making {
        language,
        sheets: Vec::new(),
    };
    whole(numbers, &mut making);
    making.sheets
}

/// The handover: what is open first, then the numbers of the shift.
pub fn handover(sheet: &Handover, language: Language) -> Vec<Sheet> {
    let mut making = Making {
        language,
        sheets: Vec::new(),
    };
    let offset = sheet.numbers.offset_min;
    let mut rows = vec![
        row(&making, "gateway", sheet.gateway.clone()),
        row(&making, "now", local_time(sheet.now_ms, offset)),
        row(&making, "rules_version", sheet.rules_version.clone()),
        row(&making, "waiting", sheet.waiting.join(", ")),
        row(&making, "down", sheet.down.join(", ")),
    ];
    for list in &sheet.lists_too_old {
        let age = list
            .age_hours
            .map_or_else(|| "?".to_owned(), |age| age.to_string());
        let list = making.word("list", &list.list);
        rows.push(row(&making, "list_too_old", format!("{list}: {age} h")));
    }
    making.sheet("handover", &["what", "value"], rows);
    let alerts = sheet.open_alerts.iter().map(|alert| {
        vec![
            alert.alert.to_string(),
            local_time(alert.raised_ms, offset),
            alert.lane.clone().unwrap_or_default(),
            making.word("severity", &name_of(&alert.severity)),
            match &alert.text {
                Some(text) if language == Language::Zh => text.zh.clone(),
                Some(text) => text.en.clone(),
                None => making.word("alert", &alert.code),
            },
            making.word("alert_state", &name_of(&alert.state)),
            alert
                .plate
                .clone()
                .or(alert.card.clone())
                .unwrap_or_default(),
            alert.acknowledged_by.clone().unwrap_or_default(),
        ]
    });
    let rows = alerts.collect();
    let columns = [
        "alert", "time", "lane", "severity", "text", "state", "who", "taken_by",
    ];
    making.sheet("open_alerts", &columns, rows);
    whole(&sheet.numbers, &mut making);
    making.sheets
}

fn row(making: &Making, code: &str, value: String) -> Vec<String> {
    vec![making.word("column", code), value]
}

fn whole(numbers: &Numbers, making: &mut Making) {
    let offset = numbers.offset_min;
    let mut rows = vec![
        row(making, "from", local_time(numbers.from_ms, offset)),
        row(making, "to", local_time(numbers.to_ms, offset)),
        row(making, "passages", numbers.passages.to_string()),
    ];
    for verdict in &numbers.verdicts {
        let name = making.word("verdict", &name_of(&verdict.verdict));
        rows.push(vec![name, verdict.count.to_string()]);
    }
    alert_rows(&numbers.alerts, making, &mut rows);
    rows.push(row(making, "unreadable", numbers.unreadable.to_string()));
    making.sheet("numbers", &["what", "value"], rows);

    let hours = numbers.hours.iter().map(|hour| {
        let verdict = making.word("verdict", &name_of(&hour.verdict));
        let time = local_time(hour.hour_ms, offset);
        vec![time, hour.lane.clone(), verdict, hour.count.to_string()]
    });
    let rows = hours.collect();
    making.sheet("hours", &["time", "lane", "verdict", "count"], rows);

    let rules = numbers.rules.iter().map(|rule| {
        let title = rule.title.as_ref().map(|title| match making.language {
            Language::Zh => title.zh.clone(),
            Language::En => title.en.clone(),
        });
        vec![
            rule.rule.clone(),
            title.unwrap_or_default(),
            making.word("verdict", &name_of(&rule.verdict)),
            rule.applied.to_string(),
            rule.decided.to_string(),
            rule.unknown.to_string(),
        ]
    });
    let rows = rules.collect();
    let columns = ["rule", "title", "verdict", "applied", "decided", "unknown"];
    making.sheet("rules", &columns, rows);

    let ends = numbers.ends.iter();
    let rows = ends
        .map(|end| vec![making.word("end", &end.word), end.count.to_string()])
        .collect();
    making.sheet("ends", &["end", "count"], rows);

    people(numbers, making);
}

fn people(numbers: &Numbers, making: &mut Making) {
    let answers = numbers.answers.iter().map(|answer| {
        let verdict = answer.verdict.as_ref().map(name_of);
        let verdict = verdict.map_or_else(String::new, |verdict| making.word("verdict", &verdict));
        let by = making.word("role", &answer.by);
        vec![by, verdict, answer.count.to_string()]
    });
    let rows = answers.collect();
    making.sheet("answers", &["role", "verdict", "count"], rows);

    let roles = numbers.alerts.roles.iter().map(|role| {
        let name = making.word("role", &name_of(&role.role));
        vec![name, role.raised.to_string(), role.closed.to_string()]
    });
    let rows = roles.collect();
    making.sheet("alert_roles", &["role", "raised", "closed"], rows);

    let codes = numbers.alerts.codes.iter().map(|code| {
        vec![
            making.word("alert", &code.code),
            making.word("severity", &name_of(&code.severity)),
            code.raised.to_string(),
            code.closed.to_string(),
        ]
    });
    let rows = codes.collect();
    making.sheet("alerts", &["alert", "severity", "raised", "closed"], rows);

    let households = numbers.households.iter();
    let rows = households
        .map(|household| vec![household.household.clone(), household.exits.to_string()])
        .collect();
    making.sheet("households", &["household", "exits"], rows);

    let shadow = numbers.shadow.iter().map(|lane| {
        vec![
            lane.lane.clone(),
            lane.would_admit.to_string(),
            lane.would_hold.to_string(),
            lane.would_refuse.to_string(),
            lane.moved_by_others.to_string(),
        ]
    });
    let rows = shadow.collect();
    let columns = [
        "lane",
        "would_admit",
        "would_hold",
        "would_refuse",
        "moved_by_others",
    ];
    making.sheet("shadow", &columns, rows);
}

fn alert_rows(alerts: &AlertNumbers, making: &Making, rows: &mut Vec<Vec<String>>) {
    let minutes = |ms: Option<u64>| {
        ms.map_or_else(
            || "-".to_owned(),
            |ms| format!("{}.{}", ms / 60_000, ms % 60_000 / 6_000),
        )
    };
    let rate = alerts.closed_permille.map_or_else(
        || "-".to_owned(),
        |permille| format!("{}.{} %", permille / 10, permille % 10),
    );
    rows.push(row(making, "alerts_raised", alerts.raised.to_string()));
    rows.push(row(making, "alerts_closed", alerts.closed.to_string()));
    rows.push(row(making, "closing_rate", rate));
    let times = [
        ("median_to_acknowledge", alerts.median_to_acknowledge_ms),
        ("median_to_close", alerts.median_to_close_ms),
        ("p90_to_close", alerts.p90_to_close_ms),
    ];
    for (code, ms) in times {
        rows.push(row(making, code, minutes(ms)));
    }
}
