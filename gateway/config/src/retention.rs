//! `[retention]`: how long what is kept. Whoever departs from the defaults says why.

use crate::meant::Retention;
use crate::written::Table;

const DAYS: i64 = 24;

/// The table as meant; the defaults where there is none.
pub(crate) fn read(table: Option<Table>) -> Retention {
    let defaults = Retention::default();
    let Some(table) = table else {
        return defaults;
    };
    let hours = |key, default: u32| match table.integer(key, 1..=24 * 365) {
        Some(found) => u32::try_from(found.value).unwrap_or(default),
        None => default,
    };
    let days = |key, default: u32| match table.integer(key, 1..=3_650) {
        Some(found) => u32::try_from(found.value * DAYS).unwrap_or(default),
        None => default,
    };
    let meant = Retention {
        sighting_h: hours("unmatched_hours", defaults.sighting_h),
        temperature_h: hours("temperature_hours", defaults.temperature_h),
        passage_h: days("passage_days", defaults.passage_h),
        band_h: days("band_days", defaults.band_h),
        picture_h: days("picture_days", defaults.picture_h),
        alert_h: days("alert_days", defaults.alert_h),
        audit_h: days("audit_days", defaults.audit_h),
        pictures_gb: match table.integer("pictures_gb", 1..=100_000) {
            Some(found) => u32::try_from(found.value).unwrap_or(defaults.pictures_gb),
            None => defaults.pictures_gb,
        },
        reason: table
            .text("reason", "why the defaults are departed from")
            .map(|found| found.value),
    };
    let as_usual = Retention {
        reason: meant.reason.clone(),
        pictures_gb: meant.pictures_gb,
        ..defaults
    };
    let is_said = meant
        .reason
        .as_deref()
        .is_some_and(|reason| !reason.trim().is_empty());
    if meant != as_usual && !is_said {
        table.missing("reason", "why the defaults are departed from, in words");
    }
    table.finish();
    meant
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    const SITE: &str = "[gateway]\nid = \"gate-1\"\ngrid = \"350602\"\n";

    fn read(table: &str) -> Result<crate::Configuration, String> {
        let text = format!("{SITE}[retention]\n{table}\n");
        crate::read(Path::new("gateway.toml"), &text).map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn without_a_table_the_defaults_hold() {
        let read = crate::read(Path::new("gateway.toml"), SITE).expect("right");
        assert_eq!(read.retention, crate::Retention::default());
    }

    #[test]
    fn whoever_departs_from_the_defaults_says_why() {
        let found = read("passage_days = 30").expect_err("no reason");
        assert!(found.contains("reason"), "{found}");
        assert!(read("passage_days = 30\nreason = \" \"").is_err());
        let kept = read("passage_days = 30\nreason = \"the county asks for it\"").expect("right");
        assert_eq!(kept.retention.passage_h, 30 * 24);
        // Room for pictures is no question of law.
        assert!(read("pictures_gb = 2").is_ok());
    }
}
