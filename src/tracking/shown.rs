//! How single values look to a reader. Texts that come from outside are cut and cleaned here, and escaped where they are
//! put into HTML.

use payoutd_domain::{Amount, Timestamp};
use time::{OffsetDateTime, UtcOffset};

use super::words::Words;

/// A narrow space that does not break: the one group separator that no reader takes for a decimal point.
const GROUP: char = '\u{202f}';

/// `1 234 567.50`, with two decimals at least. The same in every language: where a comma and a point change places, an
/// amount of money could be misread.
pub(super) fn amount(amount: Amount) -> String {
    let text = amount.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut shown = String::with_capacity(text.len() + 8);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            shown.push(GROUP);
        }
        shown.push(digit);
    }
    shown + &format!(".{fraction:0<2}")
}

/// The first and the last four characters: enough to recognise an address that one knows.
pub(super) fn masked(address: &str) -> String {
    let chars: Vec<char> = address.chars().collect();
    if chars.len() < 16 {
        return "…".into();
    }
    let (first, last) = (&chars[..4], &chars[chars.len() - 4..]);
    first.iter().chain(&['…']).chain(last).collect()
}

/// Enough of a transaction's hash to tell it from others.
pub(super) fn shortened(hash: &str) -> String {
    let chars: Vec<char> = hash.chars().filter(|c| is_harmless(*c)).collect();
    if chars.len() <= 18 {
        return chars.into_iter().collect();
    }
    let (first, last) = (&chars[..8], &chars[chars.len() - 6..]);
    first.iter().chain(&['…']).chain(last).collect()
}

/// `text` on one line and of at most `longest` characters, without those that would change how others look.
pub(super) fn cleaned(text: &str, longest: usize) -> String {
    let one_line = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let harmless: String = one_line.filter(|c| is_harmless(*c)).collect();
    let trimmed = harmless.trim();
    match trimmed.char_indices().nth(longest) {
        None => trimmed.to_owned(),
        Some((end, _)) => format!("{}…", trimmed[..end].trim_end()),
    }
}

/// Control characters, and those that reverse or hide what stands around them, are not.
fn is_harmless(c: char) -> bool {
    let hides = matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    );
    !c.is_control() && !hides
}

/// A point in time, for machines and for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    /// As HTML's `datetime` wants it.
    pub(super) datetime: String,
    /// In words, in UTC, and saying so.
    pub(super) text: String,
}

impl Moment {
    pub(super) fn new(at: Timestamp, words: &Words) -> Self {
        let t = OffsetDateTime::from(at).to_offset(UtcOffset::UTC);
        let (hour, minute, second) = t.to_hms();
        let month = words.months[usize::from(u8::from(t.month())) - 1];
        Self {
            datetime: datetime(at),
            text: format!("{} {month} {}, {hour:02}:{minute:02}:{second:02} UTC", t.day(), t.year()),
        }
    }
}

/// RFC 3339 with three decimals, which is as many as HTML allows.
pub(super) fn datetime(at: Timestamp) -> String {
    let mut text = at.to_string();
    text.truncate(text.len() - "000Z".len());
    text + "Z"
}

/// How long it is until `then`, roughly: what a page without scripts shows.
pub(super) fn time_left(now: Timestamp, then: Timestamp, words: &Words) -> String {
    const MINUTE: i64 = 60_000_000;
    let left = then.micros() - now.micros();
    if left <= 0 {
        return words.any_moment.into();
    }
    if left < MINUTE {
        return words.under_a_minute.into();
    }
    let minutes = (left + MINUTE - 1) / MINUTE;
    let (days, hours, minutes) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    let about = words.about;
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
    fn amounts_cannot_be_misread() {
        let shown = |text: &str| amount(text.parse().unwrap()).replace(GROUP, "_");
        for (given, wanted) in [
            ("0", "0.00"),
            ("7.5", "7.50"),
            ("100", "100.00"),
            ("1000", "1_000.00"),
            ("123456.123456", "123_456.123456"),
            ("99999999999999999999", "99_999_999_999_999_999_999.00"),
        ] {
            assert_eq!(shown(given), wanted);
        }
    }

    #[test]
    fn addresses_and_hashes_keep_their_ends() {
        assert_eq!(masked("TJRabPrwbZy45sbavfcjinPJC18kjpRTv8"), "TJRa…RTv8");
        assert_eq!(masked("short-address"), "…");
        assert_eq!(masked(""), "…");
        assert_eq!(shortened(&format!("0x{}", "ab".repeat(32))), "0xababab…ababab");
        assert_eq!(shortened("abc"), "abc");
        assert_eq!(shortened("a\u{202e}b"), "ab");
    }

    #[test]
    fn texts_from_outside_stay_in_their_place() {
        assert_eq!(cleaned("  two\r\nlines\t ", 40), "two  lines");
        assert_eq!(cleaned("abc\u{202e}def\u{0}\u{200b}", 40), "abcdef");
        assert_eq!(cleaned("ééééé", 3), "ééé…");
        assert_eq!(cleaned("", 3), "");
    }

    #[test]
    fn times_are_for_machines_and_for_people() {
        let at: Timestamp = "2026-01-05T07:08:09.123456Z".parse().unwrap();
        let moment = Moment::new(at, Words::of(Language::Spanish));
        assert_eq!(moment.datetime, "2026-01-05T07:08:09.123Z");
        assert_eq!(moment.text, "5 ene 2026, 07:08:09 UTC");
    }

    #[test]
    fn what_is_left_is_rounded_up() {
        let words = Words::of(Language::English);
        let left = |seconds| time_left(Timestamp::EPOCH, Timestamp::EPOCH.plus_seconds(seconds), words);
        assert_eq!(left(0), "any moment now");
        assert_eq!(left(59), "less than a minute");
        assert_eq!(left(60), "about 1 min");
        assert_eq!(left(61), "about 2 min");
        assert_eq!(left(3_660), "about 1 h 01 min");
        assert_eq!(left(90_000), "about 1 d 1 h");
    }
}
