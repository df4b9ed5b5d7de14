//! A quote request and the checks of its fields.

use payoutd_domain::Amount;
use schemars::JsonSchema;
use serde::Deserialize;

use super::QuoteRefusal;

/// The body of a quote request. Unknown fields, repeated fields and control characters are refused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoteRequest {
    /// The partner's own reference: 1 to 255 characters. In the sandbox, reserved values select the outcome.
    #[schemars(length(min = 1, max = 255), regex(pattern = NO_CONTROLS), example = &"order-1001")]
    pub external_ref: String,
    /// The recipient's address: 1 to 128 characters. Its network is detected from its shape, and its checksum is
    /// verified.
    #[schemars(
        length(min = 1, max = 128),
        regex(pattern = NO_CONTROLS),
        example = &"TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
    )]
    pub destination: String,
    /// The asset's symbol, case-insensitive: 2 to 16 characters.
    #[schemars(length(min = 2, max = 16), regex(pattern = NO_CONTROLS), example = &"USDT")]
    pub asset: String,
    /// The amount that the recipient gets: a decimal string above zero of at most 64 characters, without sign, exponent
    /// and leading zeros, with at most 18 decimals (trailing zeros do not count).
    #[schemars(
        length(max = 64),
        regex(pattern = r"^(0\.[0-9]*[1-9][0-9]*|[1-9][0-9]*(\.[0-9]+)?)$"),
        example = &"25.00"
    )]
    pub amount: String,
    /// The network on which the recipient expects the funds, case-insensitive: 1 to 32 characters. Set it if several
    /// networks share the address format; otherwise the recommendation may name a cheaper one.
    #[serde(default)]
    #[schemars(length(min = 1, max = 32), regex(pattern = NO_CONTROLS))]
    pub network_hint: Option<String>,
}

const NO_CONTROLS: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";

const MAX_AMOUNT_CHARS: usize = 64;

impl QuoteRequest {
    /// Checks the fields independently of the route table and returns the amount.
    pub(super) fn check(&self) -> Result<Amount, QuoteRefusal> {
        check_external_ref(&self.external_ref)?;
        check_text("destination", &self.destination, 1, 128)?;
        check_text("asset", &self.asset, 2, 16)?;
        check_text("amount", &self.amount, 1, MAX_AMOUNT_CHARS)?;
        if let Some(hint) = &self.network_hint {
            check_text("network_hint", hint, 1, 32)?;
        }
        let amount = self.amount.parse().map_err(|_| unreadable_amount(&self.amount))?;
        if Amount::is_zero(amount) {
            return Err(QuoteRefusal::validation("amount", "amount must be above zero"));
        }
        Ok(amount)
    }
}

/// Checks a partner's reference.
///
/// # Errors
/// Returns `Validation` if the text is empty, too long, or contains control characters.
pub(crate) fn check_external_ref(text: &str) -> Result<(), QuoteRefusal> {
    check_text("external_ref", text, 1, 255)
}

/// Checks the length in characters and refuses control characters.
fn check_text(field: &'static str, text: &str, min: usize, max: usize) -> Result<(), QuoteRefusal> {
    // A character has at most four bytes, so a longer text is too long without counting its characters.
    let length = if text.len() > 4 * max { max + 1 } else { text.chars().count() };
    if !(min..=max).contains(&length) {
        let detail = format!("{field} must be {min} to {max} characters long");
        return Err(QuoteRefusal::validation(field, detail));
    }
    if text.chars().any(char::is_control) {
        return Err(QuoteRefusal::validation(field, format!("{field} must not hold control characters")));
    }
    Ok(())
}

/// The refusal of a text that is not a valid amount: malformed, too many decimals, or too large.
fn unreadable_amount(text: &str) -> QuoteRefusal {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let plain = digits(whole) && digits(fraction) && (whole == "0" || !whole.starts_with('0'));
    if !plain {
        let detail = "amount must be a decimal string of ASCII digits such as \"100.50\": no sign, no exponent, no leading zeros";
        QuoteRefusal::validation("amount", detail)
    } else if fraction.trim_end_matches('0').len() > 18 {
        QuoteRefusal::validation("amount", "amount has more decimals than any asset has (18)")
    } else {
        QuoteRefusal::AmountOutOfRange { detail: "amount is larger than any asset's limit".into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<QuoteRequest, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn unknown_repeated_missing_and_mistyped_fields_are_refused() {
        const GOOD: &str = r#""external_ref":"r","destination":"d","asset":"USDT","amount":"1""#;
        assert_eq!(read(&format!("{{{GOOD}}}")).unwrap().network_hint, None);
        assert_eq!(read(&format!(r#"{{{GOOD},"network_hint":null}}"#)).unwrap().network_hint, None);
        for (added, said) in [
            (r#","amount":"2""#, "duplicate field `amount`"),
            (r#","network_hint":"a","network_hint":"a""#, "duplicate field `network_hint`"),
            (r#","network_hint":null,"network_hint":null"#, "duplicate field `network_hint`"),
            (r#","fee":"1""#, "unknown field `fee`"),
            (r#","network_hint":1"#, "invalid type"),
        ] {
            let error = read(&format!("{{{GOOD}{added}}}")).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        assert!(read(r#"{"external_ref":"r","destination":"d","asset":"USDT"}"#).is_err());
        assert!(read(&format!("{{{}}}", GOOD.replace(r#""1""#, "1"))).is_err(), "a number is no amount");
    }

    fn request() -> QuoteRequest {
        QuoteRequest {
            external_ref: "order 1".into(),
            destination: "d".into(),
            asset: "USDT".into(),
            amount: "1".into(),
            network_hint: None,
        }
    }

    fn fault(change: impl FnOnce(&mut QuoteRequest)) -> Option<&'static str> {
        let mut request = request();
        change(&mut request);
        request.check().err().map(|error| {
            assert!(matches!(error, QuoteRefusal::Validation { .. }), "{error:?}");
            error.field()
        })
    }

    #[test]
    fn lengths_count_characters_and_control_characters_are_refused_everywhere() {
        assert_eq!(fault(|r| r.external_ref = "é".repeat(255)), None);
        assert_eq!(fault(|r| r.external_ref = "💶".repeat(255)), None);
        assert_eq!(fault(|r| r.external_ref = "é".repeat(256)), Some("external_ref"));
        assert_eq!(fault(|r| r.external_ref = "x".repeat(1 << 20)), Some("external_ref"));
        assert_eq!(fault(|r| r.external_ref.clear()), Some("external_ref"));
        assert_eq!(fault(|r| r.destination.clear()), Some("destination"));
        assert_eq!(fault(|r| r.destination = "d".repeat(129)), Some("destination"));
        assert_eq!(fault(|r| r.asset = "U".into()), Some("asset"));
        assert_eq!(fault(|r| r.asset = "U".repeat(17)), Some("asset"));
        assert_eq!(fault(|r| r.amount.clear()), Some("amount"));
        assert_eq!(fault(|r| r.amount = format!("1.{}", "0".repeat(63))), Some("amount"));
        assert_eq!(fault(|r| r.network_hint = Some(String::new())), Some("network_hint"));
        assert_eq!(fault(|r| r.network_hint = Some("n".repeat(33))), Some("network_hint"));
        for bad in ["a\0", "\n", "\u{7f}", "a\u{85}b"] {
            assert_eq!(fault(|r| r.external_ref = bad.into()), Some("external_ref"));
            assert_eq!(fault(|r| r.destination = bad.into()), Some("destination"));
            assert_eq!(fault(|r| r.asset = format!("U{bad}")), Some("asset"));
            assert_eq!(fault(|r| r.amount = bad.into()), Some("amount"));
            assert_eq!(fault(|r| r.network_hint = Some(bad.into())), Some("network_hint"));
        }
    }

    #[test]
    fn amounts_are_plain_decimals_above_zero() {
        for bad in [
            "0",
            "0.000",
            "-1",
            "+1",
            "1e3",
            "1,5",
            " 1",
            "01",
            ".5",
            "1.",
            "٣",
            "0x1",
            "NaN",
            "1.0000000000000000001",
        ] {
            assert_eq!(fault(|r| r.amount = bad.into()), Some("amount"), "{bad}");
        }
        for good in ["1", "0.000001", "100.50", "1.000000000000000000000000000"] {
            assert_eq!(fault(|r| r.amount = good.into()), None, "{good}");
        }
        let huge = QuoteRequest { amount: "9".repeat(64), ..request() };
        assert!(matches!(huge.check(), Err(QuoteRefusal::AmountOutOfRange { .. })));
    }
}
