//! From when to when, on which days and at which hours something holds good.

use serde::{Deserialize, Serialize};

use crate::moment::Moment;

/// Begin and end, and the days and hours between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    /// Milliseconds since 1970, included; `i64::MIN`: since ever.
    pub from_ms: i64,
    /// Milliseconds since 1970, not included; `i64::MAX`: for ever.
    pub to_ms: i64,
    pub week: Week,
}

impl Default for Validity {
    /// Always.
    fn default() -> Validity {
        Validity {
            from_ms: i64::MIN,
            to_ms: i64::MAX,
            week: Week::default(),
        }
    }
}

impl Validity {
    pub fn is_always(&self) -> bool {
        *self == Validity::default()
    }

    /// Whether it holds at a moment; `None` when that takes a clock that is not to be trusted.
    pub fn holds(&self, at: &Moment) -> Option<bool> {
        if self.is_always() {
            return Some(true);
        }
        let within = self.from_ms <= at.wall_ms && at.wall_ms < self.to_ms;
        Some(self.week.holds(at.weekday()?, at.minute()?) && within)
    }
}

/// Days of the week and hours of the day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Week {
    pub days: Days,
    /// `None`: the whole day.
    pub hours: Option<Hours>,
}

/// Days as bits, Monday the lowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Days(pub u8);

impl Default for Days {
    fn default() -> Days {
        Days::EVERY
    }
}

impl Days {
    pub const EVERY: Days = Days(0b111_1111);

    /// Of days 1 Monday to 7 Sunday; others are passed over.
    pub fn of(days: impl IntoIterator<Item = u8>) -> Days {
        let bits = days.into_iter().filter(|day| (1..=7).contains(day));
        Days(bits.fold(0, |bits, day| bits | 1 << (day - 1)))
    }

    /// 1 Monday to 7 Sunday.
    pub const fn has(self, day: u8) -> bool {
        day >= 1 && day <= 7 && self.0 & (1 << (day - 1)) != 0
    }
}

/// Minutes of the local day. One that ends before it begins goes over midnight, and belongs to the
/// day on which it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// 0 to 1439, included.
    pub from_min: u16,
    /// 1 to 1440, not included.
    pub to_min: u16,
}

impl Week {
    /// Whether it holds on a day (1 Monday to 7 Sunday) at a minute of the day.
    pub fn holds(&self, day: u8, minute: u16) -> bool {
        let Some(hours) = self.hours else {
            return self.days.has(day);
        };
        if hours.from_min < hours.to_min {
            return self.days.has(day) && (hours.from_min..hours.to_min).contains(&minute);
        }
        let before = if day == 1 { 7 } else { day - 1 };
        (minute >= hours.from_min && self.days.has(day))
            || (minute < hours.to_min && self.days.has(before))
    }
}
