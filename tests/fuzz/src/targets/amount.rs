//! Amounts: each has one canonical text of digits, and compares and adds as a decimal number.

use payoutd_domain::Amount;

use crate::{Target, Verdict};

pub(super) const TARGET: Target = Target {
    name: "amount",
    run,
    dictionary: &[
        "0",
        "1",
        ".",
        "00",
        "e",
        "E5",
        "+",
        "-",
        "0.",
        ".5",
        "99999999999999999999",
        "000000000000000001",
        "٣",
        ",",
    ],
    inputs: 60_000,
};

/// The input is two amounts, one on each line.
fn run(input: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(input) else { return Verdict::Refused };
    let (first, second) = text.split_once('\n').unwrap_or((text, "1"));
    let (Some(first), Some(second)) = (read(first), read(second)) else { return Verdict::Refused };
    assert_eq!(
        first.cmp(&second),
        digits(first).cmp(&digits(second)),
        "{first} and {second} compare as their digits"
    );
    if let Some(sum) = first.checked_add(second) {
        assert!(sum >= first && sum >= second);
        assert_eq!(sum.checked_sub(second), Some(first), "{first} + {second} - {second}");
        assert_eq!(read(&sum.to_string()).unwrap_or(sum), sum);
    }
    Verdict::Accepted
}

fn read(text: &str) -> Option<Amount> {
    let amount: Amount = text.parse().ok()?;
    assert!(
        text.bytes().all(|b| b.is_ascii_digit() || b == b'.'),
        "{text:?} contains a character other than digits and a point"
    );
    assert!(text.bytes().filter(|b| *b == b'.').count() <= 1);
    let printed = amount.to_string();
    assert_eq!(printed.parse(), Ok(amount), "{text} printed");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    let canonical = if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") };
    assert_eq!(printed, canonical, "the digits equal those of {text}");
    let json = serde_json::to_string(&amount).ok();
    assert_eq!(json.as_deref(), Some(format!("\"{printed}\"").as_str()));
    assert_eq!(serde_json::from_str::<Amount>(&json.unwrap_or_default()).ok(), Some(amount));
    Some(amount)
}

/// The amount with 40 digits before the point and 18 after it, without the point.
fn digits(amount: Amount) -> String {
    let text = amount.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole:0>40}{fraction:0<18}")
}
