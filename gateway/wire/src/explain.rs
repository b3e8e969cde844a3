//! A decision in words: one sentence that can be sent on, in both languages, naming nobody.

use std::collections::BTreeMap;

use gateway_core::plate::{Card, Plate};

use crate::api::{Explanation, Fact, FactValue, Passage, Reason, Recomputed, Text, WouldAdmit};
use crate::messages::{Language, sentence, text};

/// Puts an explanation together.
pub fn explanation(
    passage: Passage,
    lane_title: Text,
    offset_min: i16,
    recomputed: Option<Recomputed>,
) -> Explanation {
    Explanation {
        sentence: Text {
            zh: one_sentence(&passage, &lane_title.zh, offset_min, Language::Zh),
            en: one_sentence(&passage, &lane_title.en, offset_min, Language::En),
        },
        would_admit: would_admit(&passage),
        passage,
        offset_min,
        lane_title,
        recomputed,
    }
}

/// Gives rules that are no longer loaded the titles that they had.
pub fn entitle(passage: &mut Passage, titles: &BTreeMap<String, Text>) {
    for tried in &mut passage.rules {
        tried.title = tried
            .title
            .take()
            .or_else(|| titles.get(&tried.rule).cloned());
    }
    for reason in &mut passage.reasons {
        if let (None, Some(rule)) = (&reason.text, reason.values.get("rule")) {
            reason.text = titles.get(rule).cloned();
        }
    }
}

/// The rules that kept the passage out, with what they came out as.
fn would_admit(passage: &Passage) -> Vec<WouldAdmit> {
    let tried = passage.rules.iter();
    tried
        .filter(|tried| passage.would_admit.contains(&tried.rule))
        .map(|tried| WouldAdmit {
            rule: tried.rule.clone(),
            title: tried.title.clone(),
            verdict: tried.verdict,
            outcome: tried.outcome,
        })
        .collect()
}

/// When, where, who (masked), what, why, and how it ended.
fn one_sentence(passage: &Passage, lane: &str, offset_min: i16, language: Language) -> String {
    let at = passage.decided_ms.unwrap_or(passage.begun_ms);
    let when = local_time(at, offset_min);
    let who = who(passage, language);
    let Some(verdict) = passage.verdict else {
        let values = [("when", when.as_str()), ("lane", lane), ("who", &who)];
        return sentence("explain", "undecided", &values, language);
    };
    let verdict = word("verdict", &name_of(&verdict), language);
    let reasons: Vec<String> = passage
        .reasons
        .iter()
        .map(|reason| reason_text(reason, language))
        .collect();
    let why = match reasons.is_empty() {
        true => word("explain", "no_reason", language),
        false => reasons.join(separator(language)),
    };
    let values = [
        ("when", when.as_str()),
        ("lane", lane),
        ("who", &who),
        ("verdict", &verdict),
        ("why", &why),
    ];
    let mut said = sentence("explain", "decided", &values, language);
    if passage.shadow {
        said.push_str(&word("explain", "shadow", language));
    }
    if let Some(answered) = &passage.answered
        && let Some(verdict) = &answered.verdict
    {
        let verdict = word("verdict", &name_of(verdict), language);
        let reason = answered.reason.as_deref().unwrap_or("other");
        let reason = word("answer_reason", reason, language);
        let values = [("verdict", verdict.as_str()), ("reason", &reason)];
        said.push_str(&sentence("explain", "answered", &values, language));
    }
    if let Some(end) = &passage.end {
        let end = word("end", &end.end, language);
        said.push_str(&sentence("explain", "ended", &[("end", &end)], language));
    }
    said
}

fn who(passage: &Passage, language: Language) -> String {
    if let Some(plate) = &passage.plate {
        let masked = Plate::new(&plate.text).masked();
        return sentence("explain", "plate", &[("plate", &masked)], language);
    }
    if let Some(card) = &passage.card {
        let masked = Card::new(&card.text).masked();
        return sentence("explain", "card", &[("card", &masked)], language);
    }
    word("explain", "nobody_known", language)
}

/// A reason with the rule's own title where there is one.
pub fn reason_text(reason: &Reason, language: Language) -> String {
    let value = |name: &str| reason.values.get(name).map_or("", String::as_str);
    let title = reason.text.as_ref().map(|text| match language {
        Language::Zh => text.zh.as_str(),
        Language::En => text.en.as_str(),
    });
    let fact = word("fact", value("fact"), language);
    let cause = word("cause", value("cause"), language);
    let values = [
        ("rule", title.unwrap_or(value("rule"))),
        ("fact", &fact),
        ("cause", &cause),
    ];
    sentence("reason", &reason.code, &values, language)
}

/// A fact's value in words; `masked` hides what names a person or tells of their health.
pub fn fact_text(fact: &Fact, masked: bool, language: Language) -> String {
    let hides = masked && personal(&fact.name);
    match &fact.state {
        FactValue::Text(text) if text.is_empty() => word("explain", "empty", language),
        FactValue::Text(text) if hides => match fact.name.as_str() {
            "card.id" => Card::new(text).masked(),
            _ => Plate::new(text).masked(),
        },
        FactValue::Text(text) => text.clone(),
        FactValue::Truth(true) => word("explain", "yes", language),
        FactValue::Truth(false) => word("explain", "no", language),
        FactValue::Number(number) => number.to_string(),
        FactValue::Millidegrees(_) if hides => "••.•".to_string(),
        FactValue::Millidegrees(value) => format!(
            "{}{}.{} °C",
            if *value < 0 { "-" } else { "" },
            value.abs() / 1_000,
            value.abs() % 1_000 / 100
        ),
        FactValue::Missing(cause) => {
            let cause = word("cause", cause, language);
            sentence("explain", "missing", &[("cause", &cause)], language)
        }
        FactValue::Absent => word("explain", "absent", language),
    }
}

fn personal(fact: &str) -> bool {
    use gateway_core::event::PartKind;
    use gateway_core::facts::Fact;
    Fact::named(fact).is_none_or(|fact| fact.part() != PartKind::Detail)
}

/// The text of a code, or the code itself.
pub fn word(group: &str, code: &str, language: Language) -> String {
    text(group, code, language).unwrap_or(code).to_string()
}

/// The snake_case word of a wire enum.
pub fn name_of<T: serde::Serialize>(value: &T) -> String {
    crate::api::word_of(value)
}

fn separator(language: Language) -> &'static str {
    match language {
        Language::Zh => ";",
        Language::En => "; ",
    }
}

/// `2026-03-04 08:15:02` at a place `offset_min` minutes east of UTC.
pub fn local_time(at_ms: i64, offset_min: i16) -> String {
    let seconds = at_ms.div_euclid(1_000) + i64::from(offset_min) * 60;
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}",
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

/// Year, month and day of a day counted from 1970-01-01 (proleptic Gregorian calendar).
pub fn civil(days: i64) -> (i64, i64, i64) {
    // Counted from 0000-03-01, so that the leap day is the last of its year.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_time_is_told_for_leap_days_and_before_1970() {
        assert_eq!(local_time(0, 480), "1970-01-01 08:00:00");
        assert_eq!(local_time(1_709_164_800_000, 0), "2024-02-29 00:00:00");
        assert_eq!(local_time(1_735_689_599_000, 0), "2024-12-31 23:59:59");
        assert_eq!(local_time(-1_000, 0), "1969-12-31 23:59:59");
    }

    #[test]
    fn what_names_a_person_is_masked_and_shown_on_purpose_only() {
        let fact = |name: &str, state| Fact {
            name: name.to_string(),
            state,
            at_ms: None,
            source: None,
            trust: None,
        };
        let plate = fact("plate.text", FactValue::Text("闽E72K18".to_string()));
        assert!(!fact_text(&plate, true, Language::En).contains("72K1"));
        assert_eq!(fact_text(&plate, false, Language::En), "闽E72K18");
        let fever = fact("temperature.celsius", FactValue::Millidegrees(38_250));
        assert!(!fact_text(&fever, true, Language::Zh).contains("38"));
        assert_eq!(fact_text(&fever, false, Language::Zh), "38.2 °C");
        let hour = fact("time.hour", FactValue::Number(8));
        assert_eq!(fact_text(&hour, true, Language::En), "8");
    }
}
