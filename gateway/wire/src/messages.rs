//! The one table of texts: every code that events, alerts, reasons and errors carry, in Chinese
//! and English. The page takes it from `/api/messages`; gatectl and webhooks read it here.

mod table;

use std::collections::BTreeMap;

use crate::api::{Text, TextTables};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Zh,
    En,
}

impl Language {
    /// From `LANG` or a configuration's `language`: what starts with `zh` is Chinese.
    pub fn from_tag(tag: &str) -> Language {
        if tag.starts_with("zh") {
            Language::Zh
        } else {
            Language::En
        }
    }

    pub fn tag(self) -> &'static str {
        match self {
            Language::Zh => "zh",
            Language::En => "en",
        }
    }
}

/// The text of `code` in `group` (`alert`, `cause`, `end`, `error` …), placeholders as they
/// stand; `None` when the table does not know it.
pub fn text(group: &str, code: &str, language: Language) -> Option<&'static str> {
    let row = table::ROWS
        .iter()
        .find(|row| row.0 == group && row.1 == code)?;
    Some(match language {
        Language::Zh => row.2,
        Language::En => row.3,
    })
}

/// The text with `{name}` replaced by each named value; the bare code when it has no text.
pub fn sentence(group: &str, code: &str, values: &[(&str, &str)], language: Language) -> String {
    let mut sentence = text(group, code, language).unwrap_or(code).to_string();
    for (name, value) in values {
        sentence = sentence.replace(&format!("{{{name}}}"), value);
    }
    sentence
}

/// Both languages of a code at once.
pub fn both(group: &str, code: &str) -> Option<Text> {
    Some(Text {
        zh: text(group, code, Language::Zh)?.to_string(),
        en: text(group, code, Language::En)?.to_string(),
    })
}

/// The whole table as the page takes it: `GROUP.CODE` → text.
pub fn tables() -> TextTables {
    let side = |pick: fn(&table::Row) -> &'static str| -> BTreeMap<String, String> {
        table::ROWS
            .iter()
            .map(|row| (format!("{}.{}", row.0, row.1), pick(row).to_string()))
            .collect()
    };
    TextTables {
        zh: side(|row| row.2),
        en: side(|row| row.3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_once_and_has_both_texts_with_the_same_placeholders() {
        let mut seen = std::collections::BTreeSet::new();
        for (group, code, zh, en) in table::ROWS {
            assert!(seen.insert((group, code)), "{group}.{code} stands twice");
            assert!(!zh.is_empty() && !en.is_empty(), "{group}.{code} is empty");
            assert_eq!(
                placeholders(zh),
                placeholders(en),
                "{group}.{code} names other values in one language"
            );
        }
    }

    #[test]
    fn every_alert_of_the_gate_has_a_text() {
        for code in gateway_core::alert::code::ALL {
            assert!(text("alert", code, Language::Zh).is_some(), "alert.{code}");
        }
    }

    #[test]
    fn values_fill_the_placeholders() {
        let text = sentence(
            "error",
            "too_many_guesses",
            &[("retry_s", "30")],
            Language::En,
        );
        assert!(text.contains("30 seconds"), "{text}");
        assert_eq!(
            sentence("error", "never_heard", &[], Language::Zh),
            "never_heard"
        );
    }

    fn placeholders(text: &str) -> Vec<String> {
        let mut names: Vec<String> = text
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split_once('}').map(|(name, _)| name.to_string()))
            .collect();
        names.sort();
        names
    }
}
