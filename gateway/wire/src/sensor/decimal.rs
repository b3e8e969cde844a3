//! Decimal numbers as devices write them, taken as integers: no floating point touches a reading.

/// Thousandths of the number that the text writes after its point is moved `decimals` to the left,
/// rounded half away from zero. `None` when the text is no plain decimal number or is out of all bounds.
pub(super) fn thousandths(text: &str, decimals: u8) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let count = whole.len() + fraction.len();
    if count == 0 || count > 30 || !plain(whole) || !plain(fraction) {
        return None;
    }
    let scaled = [whole, fraction].concat();
    // The digits after the point of the result, of which three are kept.
    let places = fraction.len() + usize::from(decimals);
    let value = if places <= 3 {
        let padded = scaled + &"0".repeat(3 - places);
        padded.parse::<i64>().ok()?
    } else {
        let drop = places - 3;
        let padded = format!("{scaled:0>width$}", width = drop + 1);
        let (kept, rest) = padded.split_at(padded.len() - drop);
        let up = i64::from(rest.as_bytes()[0] >= b'5');
        kept.parse::<i64>().ok()?.checked_add(up)?
    };
    Some(if negative { -value } else { value })
}

/// Millidegrees Celsius of millidegrees Fahrenheit, rounded half away from zero.
pub(super) fn celsius(fahrenheit: i64) -> i64 {
    // In 128 bits nothing overflows, whatever a device writes; the result is always the smaller.
    let ninths = (i128::from(fahrenheit) - 32_000) * 5;
    let celsius = (ninths * 2 + 9 * ninths.signum()) / 18;
    i64::try_from(celsius).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{celsius, thousandths};

    #[test]
    fn decimals_become_thousandths_exactly() {
        let cases = [
            ("36.6", 0, Some(36_600)),
            ("36.600", 0, Some(36_600)),
            (" 37 ", 0, Some(37_000)),
            ("366", 1, Some(36_600)),
            ("36.65555", 0, Some(36_656)),
            ("36.6554", 0, Some(36_655)),
            ("-0.5", 0, Some(-500)),
            ("+1.", 0, Some(1_000)),
            (".25", 0, Some(250)),
            ("5", 5, Some(0)),
            ("500", 5, Some(5)),
            ("", 0, None),
            (".", 0, None),
            ("-", 0, None),
            ("NaN", 0, None),
            ("1e3", 0, None),
            ("36,6", 0, None),
            ("3 6", 0, None),
            ("999999999999999999999", 0, None),
        ];
        for (text, decimals, expect) in cases {
            assert_eq!(thousandths(text, decimals), expect, "{text:?} {decimals}");
        }
    }

    #[test]
    fn fahrenheit_becomes_celsius_rounded() {
        assert_eq!(celsius(98_600), 37_000);
        assert_eq!(celsius(32_000), 0);
        assert_eq!(celsius(99_140), 37_300);
        assert_eq!(celsius(-40_000), -40_000);
        assert_eq!(celsius(97_700), 36_500);
        assert_eq!(celsius(97_701), 36_501);
    }
}
