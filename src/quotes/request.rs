//! A quote request: what a partner sends, and what is left of it once every field was checked.

use payoutd_domain::Amount;
use schemars::JsonSchema;
use serde::Deserialize;

use super::QuoteRefusal;

/// The body of a quote request. Unknown fields and repeated ones are refused, and so are control characters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoteRequest {
    /// The partner's own reference: 1 to 255 characters. In the sandbox, reserved values choose the outcome.
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
    /// The asset's symbol in whatever letter case: 2 to 16 characters.
    #[schemars(length(min = 2, max = 16), regex(pattern = NO_CONTROLS), example = &"USDT")]
    pub asset: String,
    /// What the recipient is to get: a decimal string above zero, at most 64 characters. No sign, no exponent, no
    /// leading zeros, at most 18 decimals (zeros at the end do not count).
    #[schemars(
        length(max = 64),
        regex(pattern = r"^(0\.[0-9]*[1-9][0-9]*|[1-9][0-9]*(\.[0-9]+)?)$"),
        example = &"25.00"
    )]
    pub amount: String,
    /// The network the recipient expects the funds on, in whatever letter case: 1 to 32 characters. Give it where
    /// several networks share the shape of the address; else the recommendation may offer a cheaper one.
    #[serde(default)]
    #[schemars(length(min = 1, max = 32), regex(pattern = NO_CONTROLS))]
    pub network_hint: Option<String>,
}

/// What text for the fields must look like, besides its length.
const NO_CONTROLS: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";

/// The most characters of an amount.
const AMOUNT_CHARACTERS: usize = 64;

impl QuoteRequest {
    /// Checks each field by itself, and returns the amount.
    pub(super) fn check(&self) -> Result<Amount, QuoteRefusal> {
        check_external_ref(&self.external_ref)?;
        check_text("destination", &self.destination, 1, 128)?;
        check_text("asset", &self.asset, 2, 16)?;
        check_text("amount", &self.amount, 1, AMOUNT_CHARACTERS)?;
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

/// Whether a text can be a partner's reference.
pub(crate) fn check_external_ref(text: &str) -> Result<(), QuoteRefusal> {
    check_text("external_ref", text, 1, 255)
}

/// Lengths count characters, not bytes.
fn check_text(field: &'static str, text: &str, least: usize, most: usize) -> Result<(), QuoteRefusal> {
    // A character has at most four bytes: no need to count the characters of a megabyte.
    let length = if text.len() > 4 * most { most + 1 } else { text.chars().count() };
    if !(least..=most).contains(&length) {
        let detail = format!("{field} must be {least} to {most} characters long");
        return Err(QuoteRefusal::validation(field, detail));
    }
    if text.chars().any(char::is_control) {
        return Err(QuoteRefusal::validation(field, format!("{field} must not hold control characters")));
    }
    Ok(())
}

/// Why a text is no amount: no decimal at all, or one beyond what any asset could have.
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
