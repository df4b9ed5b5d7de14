//! Formats single values for the page. Untrusted texts are cleaned and shortened here; the templates escape them.

use payoutd_domain::{Amount, Timestamp};
use time::{OffsetDateTime, UtcOffset};

use super::translations::Translations;

/// A narrow no-break space, which cannot be mistaken for a decimal point in any language.
const GROUP_SEPARATOR: char = '\u{202f}';

/// Formats an amount as `1 234 567.50`, with at least two decimals. The format is the same in every language, because
/// amounts are misread if comma and point change their meaning.
pub(super) fn amount(amount: Amount) -> String {
    let text = amount.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut format = String::with_capacity(text.len() + 8);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            format.push(GROUP_SEPARATOR);
        }
        format.push(digit);
    }
    format + &format!(".{fraction:0<2}")
}

/// The first and the last four characters of an address, so that only those who know it can recognise it.
pub(super) fn masked(address: &str) -> String {
    let chars: Vec<char> = address.chars().collect();
    if chars.len() < 16 {
        return "…".into();
    }
    let (first, last) = (&chars[..4], &chars[chars.len() - 4..]);
    first.iter().chain(&['…']).chain(last).collect()
}

/// The start and the end of a transaction hash.
pub(super) fn shortened(hash: &str) -> String {
    let chars: Vec<char> = hash.chars().filter(|c| is_printable(*c)).collect();
    if chars.len() <= 18 {
        return chars.into_iter().collect();
    }
    let (first, last) = (&chars[..8], &chars[chars.len() - 6..]);
    first.iter().chain(&['…']).chain(last).collect()
}

/// `text` on one line, without control and formatting characters, shortened to `max_chars` characters.
pub(super) fn cleaned(text: &str, max_chars: usize) -> String {
    let one_line = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let printable: String = one_line.filter(|c| is_printable(*c)).collect();
    let trimmed = printable.trim();
    match trimmed.char_indices().nth(max_chars) {
        None => trimmed.to_owned(),
        Some((end, _)) => format!("{}…", trimmed[..end].trim_end()),
    }
}

/// Whether a character is neither a control character nor one that hides or reorders the text around it.
fn is_printable(c: char) -> bool {
    let is_formatting = matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    );
    !c.is_control() && !is_formatting
}

/// A time, machine-readable and in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FormattedTime {
    /// For the `datetime` attribute of HTML.
    pub(super) datetime: String,
    /// In words, with "UTC".
    pub(super) text: String,
}

impl FormattedTime {
    pub(super) fn new(at: Timestamp, t: &Translations) -> Self {
        let utc = OffsetDateTime::from(at).to_offset(UtcOffset::UTC);
        let (hour, minute, second) = utc.to_hms();
        let month = t.months[usize::from(u8::from(utc.month())) - 1];
        Self {
            datetime: datetime(at),
            text: format!("{} {month} {}, {hour:02}:{minute:02}:{second:02} UTC", utc.day(), utc.year()),
        }
    }
}

/// RFC 3339 with milliseconds, the highest precision that HTML allows.
pub(super) fn datetime(at: Timestamp) -> String {
    let mut text = at.to_string();
    text.truncate(text.len() - "000Z".len());
    text + "Z"
}

/// The approximate time until `then`, rounded up to minutes. Pages without scripts show it.
pub(super) fn time_left(now: Timestamp, then: Timestamp, t: &Translations) -> String {
    const MINUTE: i64 = 60_000_000;
    let left = then.micros() - now.micros();
    if left <= 0 {
        return t.any_moment.into();
    }
    if left < MINUTE {
        return t.under_a_minute.into();
    }
    let minutes = (left + MINUTE - 1) / MINUTE;
    let (days, hours, minutes) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    let about = t.about;
    match (days, hours) {
        (0, 0) => format!("{about} {minutes} min"),
        (0, _) => format!("{about} {hours} h {minutes:02} min"),
        (_, _) => format!("{about} {days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracking::Language;

    #[test]
    fn amounts_have_group_separators_and_at_least_two_decimals() {
        let format = |text: &str| amount(text.parse().unwrap()).replace(GROUP_SEPARATOR, "_");
        for (given, wanted) in [
            ("0", "0.00"),
            ("7.5", "7.50"),
            ("100", "100.00"),
            ("1000", "1_000.00"),
            ("123456.123456", "123_456.123456"),
            ("99999999999999999999", "99_999_999_999_999_999_999.00"),
        ] {
            assert_eq!(format(given), wanted);
        }
    }

    #[test]
    fn addresses_and_hashes_are_shortened_in_the_middle() {
        assert_eq!(masked("TJRabPrwbZy45sbavfcjinPJC18kjpRTv8"), "TJRa…RTv8");
        assert_eq!(masked("short-address"), "…");
        assert_eq!(masked(""), "…");
        assert_eq!(shortened(&format!("0x{}", "ab".repeat(32))), "0xababab…ababab");
        assert_eq!(shortened("abc"), "abc");
        assert_eq!(shortened("a\u{202e}b"), "ab");
    }

    #[test]
    fn untrusted_texts_are_cleaned_and_shortened() {
        assert_eq!(cleaned("  two\r\nlines\t ", 40), "two  lines");
        assert_eq!(cleaned("abc\u{202e}def\u{0}\u{200b}", 40), "abcdef");
        assert_eq!(cleaned("ééééé", 3), "ééé…");
        assert_eq!(cleaned("", 3), "");
    }

    #[test]
    fn a_time_has_a_machine_readable_and_a_translated_form() {
        let at: Timestamp = "2026-01-05T07:08:09.123456Z".parse().unwrap();
        let moment = FormattedTime::new(at, Translations::of(Language::Spanish));
        assert_eq!(moment.datetime, "2026-01-05T07:08:09.123Z");
        assert_eq!(moment.text, "5 ene 2026, 07:08:09 UTC");
    }

    #[test]
    fn the_time_left_is_rounded_up_to_minutes() {
        let translations = Translations::of(Language::English);
        let left =
            |seconds| time_left(Timestamp::EPOCH, Timestamp::EPOCH.plus_seconds(seconds), translations);
        assert_eq!(left(0), "any moment now");
        assert_eq!(left(59), "less than a minute");
        assert_eq!(left(60), "about 1 min");
        assert_eq!(left(61), "about 2 min");
        assert_eq!(left(3_660), "about 1 h 01 min");
        assert_eq!(left(90_000), "about 1 d 1 h");
    }
}
