//! One row of a list: from its fields to an entry. What is wrong is said without what stands there.

use gateway_core::lists::{
    Allowance, Consent, Days, Entry, Holder, Hours, Household, ListName, Pass, PassKey, Resident,
    Validity, Watch, Week,
};
use gateway_core::name::Name;
use gateway_core::plate::{Card, Plate};
use jiff::civil::{Date, DateTime, time};

use super::columns::Column;
use super::sheet::Row;

/// What is wrong with a field: its column, what was found, what is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub column: Column,
    pub found: &'static str,
    pub allowed: &'static str,
}

type Read<T> = Result<T, Wrong>;

fn wrong<T>(column: Column, found: &'static str, allowed: &'static str) -> Read<T> {
    Err(Wrong {
        column,
        found,
        allowed,
    })
}

/// Reads a row; dates are local, `offset_min` minutes ahead of UTC.
pub fn entry(list: ListName, row: &Row<'_>, offset_min: i16) -> Read<Entry> {
    Ok(match list {
        ListName::Residents => {
            let resident = Resident {
                name: row.get(Column::Name).to_owned(),
                household: optional(row, Column::Household)?,
                valid: validity(row, offset_min)?,
            };
            Entry::Resident(name(row, Column::Id)?, resident)
        }
        ListName::Households => {
            let household = Household {
                title: row.get(Column::Title).to_owned(),
                exits: allowance(row)?,
            };
            Entry::Household(name(row, Column::Id)?, household)
        }
        ListName::Vehicles | ListName::EmergencyVehicles => {
            Entry::Vehicle(plate(row.get(Column::Plate))?, holder(row, offset_min)?)
        }
        ListName::Cards => Entry::Card(card(row.get(Column::Card))?, holder(row, offset_min)?),
        ListName::Visitors | ListName::Deliveries | ListName::Passes => {
            let (key, pass) = pass(row, offset_min)?;
            Entry::Pass(key, pass)
        }
        ListName::WatchedPlates => Entry::WatchedPlate(plate(row.get(Column::Plate))?, watch(row)),
        ListName::WatchedAreas => Entry::WatchedArea(prefix(row.get(Column::Prefix))?, watch(row)),
    })
}

/// Without separators, upper case: as the recogniser writes it.
fn tidy(text: &str) -> String {
    let separator = |c: char| c.is_whitespace() || matches!(c, '·' | '•' | '-' | '.');
    text.chars()
        .filter(|c| !separator(*c))
        .flat_map(char::to_uppercase)
        .collect()
}

fn plate(text: &str) -> Read<Plate> {
    let tidy = tidy(text);
    let length = tidy.chars().count();
    if !(4..=10).contains(&length) || !tidy.chars().all(char::is_alphanumeric) {
        return wrong(
            Column::Plate,
            "the plate is none",
            "4 to 10 characters, such as 闽E·72K18",
        );
    }
    Ok(Plate::new(&tidy))
}

fn prefix(text: &str) -> Read<String> {
    let tidy = tidy(text);
    let length = tidy.chars().count();
    if !(1..=6).contains(&length) || !tidy.chars().all(char::is_alphanumeric) {
        return wrong(
            Column::Prefix,
            "the prefix is none",
            "1 to 6 characters, such as 鄂 or 鄂A",
        );
    }
    Ok(tidy)
}

/// Hex is written in any of the four ways of readers; any other token stays as it is.
fn card(text: &str) -> Read<Card> {
    let bare: String = text
        .chars()
        .filter(|c| !matches!(c, '-' | ':' | ' '))
        .collect();
    let hex = bare.len() >= 4
        && bare.len().is_multiple_of(2)
        && bare.bytes().all(|b| b.is_ascii_hexdigit());
    if hex {
        return Ok(Card::new(&bare.to_ascii_uppercase()));
    }
    if !(1..=64).contains(&text.chars().count()) || text.chars().any(char::is_control) {
        return wrong(
            Column::Card,
            "the card is none",
            "hexadecimal bytes, or 1 to 64 characters",
        );
    }
    Ok(Card::new(text))
}

fn name(row: &Row<'_>, column: Column) -> Read<Name> {
    let text = row.get(column);
    let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/');
    if !(1..=64).contains(&text.len()) || !text.bytes().all(fine) {
        return wrong(
            column,
            "the id is no name",
            "1 to 64 letters, digits, - _ . / such as 3-2-501",
        );
    }
    Ok(Name::new(text))
}

fn optional(row: &Row<'_>, column: Column) -> Read<Option<Name>> {
    match row.get(column) {
        "" => Ok(None),
        _ => name(row, column).map(Some),
    }
}

fn holder(row: &Row<'_>, offset_min: i16) -> Read<Holder> {
    Ok(Holder {
        holder: row.get(Column::Holder).to_owned(),
        resident: optional(row, Column::Resident)?,
        household: optional(row, Column::Household)?,
        valid: validity(row, offset_min)?,
    })
}

fn watch(row: &Row<'_>) -> Watch {
    Watch {
        reason: row.get(Column::Reason).to_owned(),
    }
}

fn validity(row: &Row<'_>, offset_min: i16) -> Read<Validity> {
    let mut valid = Validity {
        week: week(row)?,
        ..Validity::default()
    };
    if !row.get(Column::ValidFrom).is_empty() {
        valid.from_ms = moment(row, Column::ValidFrom, offset_min)?;
    }
    if !row.get(Column::ValidTo).is_empty() {
        valid.to_ms = moment(row, Column::ValidTo, offset_min)?;
    }
    if valid.to_ms <= valid.from_ms {
        return wrong(
            Column::ValidTo,
            "it ends before it begins",
            "valid_to after valid_from",
        );
    }
    Ok(valid)
}

fn pass(row: &Row<'_>, offset_min: i16) -> Read<(PassKey, Pass)> {
    let id = name(row, Column::Id)?;
    let key = match (row.get(Column::Plate), row.get(Column::Card)) {
        ("", "") => return wrong(Column::Plate, "neither plate nor card", "one of them"),
        (text, "") => PassKey::Plate(plate(text)?),
        ("", text) => PassKey::Card(card(text)?),
        _ => return wrong(Column::Card, "both plate and card", "one of them"),
    };
    let valid_from_ms = moment(row, Column::ValidFrom, offset_min)?;
    let valid_to_ms = moment(row, Column::ValidTo, offset_min)?;
    if valid_to_ms <= valid_from_ms {
        return wrong(
            Column::ValidTo,
            "it ends before it begins",
            "valid_to after valid_from",
        );
    }
    let pass = Pass {
        id,
        holder: row.get(Column::Holder).to_owned(),
        valid_from_ms,
        valid_to_ms,
        uses: count(row, Column::Uses)?,
        week: week(row)?,
        uses_per_day: count(row, Column::UsesPerDay)?,
        household: optional(row, Column::Household)?,
        consent: consent(row)?,
    };
    Ok((key, pass))
}

fn count(row: &Row<'_>, column: Column) -> Read<Option<u32>> {
    match row.get(column) {
        "" => Ok(None),
        text => match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => wrong(
                column,
                "the uses are no number",
                "a whole number, or nothing for any number",
            ),
        },
    }
}

fn consent(row: &Row<'_>) -> Read<Consent> {
    match row.get(Column::Consent).to_lowercase().as_str() {
        "" | "not_needed" | "无需" | "不需要" => Ok(Consent::NotNeeded),
        "given" | "yes" | "是" | "同意" | "已同意" => Ok(Consent::Given),
        "asked" | "no" | "否" | "待同意" | "未同意" => Ok(Consent::Asked),
        _ => wrong(
            Column::Consent,
            "the consent is none",
            "given, asked, or nothing (已同意, 待同意)",
        ),
    }
}

fn allowance(row: &Row<'_>) -> Read<Option<Allowance>> {
    let times = count(row, Column::ExitsTimes)?;
    let days = count(row, Column::ExitsDays)?;
    match (times, days) {
        (None, None) => Ok(None),
        (Some(times), days) => {
            let days = days.unwrap_or(1);
            if !(1..=Allowance::MOST_DAYS).contains(&days) {
                return wrong(Column::ExitsDays, "the days are too many", "1 to 31 days");
            }
            Ok(Some(Allowance { times, days }))
        }
        (None, Some(_)) => wrong(
            Column::ExitsTimes,
            "days without a number of exits",
            "how often in these days",
        ),
    }
}

fn week(row: &Row<'_>) -> Read<Week> {
    Ok(Week {
        days: days(row.get(Column::Days))?,
        hours: hours(row.get(Column::Hours))?,
    })
}

/// `1-5`, `1,3,5`, `135`, `一三五`; nothing: every day.
fn days(text: &str) -> Read<Days> {
    const WRONG: (&str, &str) = (
        "the days are none",
        "1 Monday to 7 Sunday: 1-5, 1,3,5 or 一三五; nothing for every day",
    );
    let number = |c: char| match c {
        '1'..='7' => Some(c as u8 - b'0'),
        '一' => Some(1),
        '二' => Some(2),
        '三' => Some(3),
        '四' => Some(4),
        '五' => Some(5),
        '六' => Some(6),
        '日' | '天' | '七' => Some(7),
        _ => None,
    };
    if text.is_empty() {
        return Ok(Days::EVERY);
    }
    let (mut found, mut from, mut ranged) = (Vec::new(), None, false);
    for c in text.chars() {
        match (c, number(c)) {
            (_, Some(day)) if ranged => {
                let Some(first) = from.filter(|first| *first <= day) else {
                    return wrong(Column::Days, WRONG.0, WRONG.1);
                };
                found.extend(first..=day);
                (from, ranged) = (None, false);
            }
            (_, Some(day)) => {
                found.push(day);
                from = Some(day);
            }
            ('-' | '至' | '到' | '~', _) if from.is_some() => ranged = true,
            (',' | '\u{ff0c}' | '、' | ' ' | '周' | ';', _) if !ranged || c == '周' => {}
            _ => return wrong(Column::Days, WRONG.0, WRONG.1),
        }
    }
    if ranged {
        return wrong(Column::Days, WRONG.0, WRONG.1);
    }
    Ok(Days::of(found))
}

/// `08:00-18:00`; one that ends before it begins goes over midnight.
fn hours(text: &str) -> Read<Option<Hours>> {
    if text.is_empty() {
        return Ok(None);
    }
    let minute = |text: &str| -> Option<u16> {
        let (hour, minute) = text.trim().split_once([':', '\u{ff1a}'])?;
        let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
        (minute < 60 && hour * 60 + minute <= 1_440 && hour <= 24).then_some(hour * 60 + minute)
    };
    let parts = text.split_once(['-', '~', '至', '到']);
    let read = parts.and_then(|(from, to)| Some((minute(from)?, minute(to)?)));
    match read {
        Some((from_min, to_min)) if from_min < 1_440 && to_min > 0 && from_min != to_min => {
            Ok(Some(Hours { from_min, to_min }))
        }
        _ => wrong(
            Column::Hours,
            "the hours are none",
            "08:00-18:00, or nothing for the whole day",
        ),
    }
}

/// `2026-03-04`, `2026/3/4` or `2026-03-04T07:30`, local, in milliseconds since 1970. A day alone is
/// meant to its end where something ends.
fn moment(row: &Row<'_>, column: Column, offset_min: i16) -> Read<i64> {
    let text = row.get(column);
    parsed(text, column == Column::ValidTo, offset_min).map_or_else(
        || wrong(column, "a date is none", "2026-03-04 or 2026-03-04T07:30"),
        Ok,
    )
}

fn parsed(text: &str, ends: bool, offset_min: i16) -> Option<i64> {
    let text = match text.contains('/') {
        true => slashed(text)?,
        false => text.to_owned(),
    };
    let local = if text.contains(['T', ' ']) {
        text.parse::<DateTime>().ok()?
    } else {
        let date = text.parse::<Date>().ok()?;
        match ends {
            false => date.to_datetime(time(0, 0, 0, 0)),
            true => date.to_datetime(time(23, 59, 59, 999_000_000)),
        }
    };
    let offset = jiff::tz::Offset::from_seconds(i32::from(offset_min) * 60).ok()?;
    Some(offset.to_timestamp(local).ok()?.as_millisecond())
}

/// `2026/3/4 7:30` as spreadsheets here write it → `2026-03-04 07:30`.
fn slashed(text: &str) -> Option<String> {
    let (date, clock) = text.split_once(' ').unwrap_or((text, ""));
    let mut parts = date.split('/');
    let mut number = || parts.next()?.parse::<u32>().ok();
    let (year, month, day) = (number()?, number()?, number()?);
    let date = format!("{year:04}-{month:02}-{day:02}");
    if clock.is_empty() {
        return Some(date);
    }
    let (hour, minute) = clock.split_once(':')?;
    Some(format!("{date} {hour:0>2}:{minute:0>2}"))
}
