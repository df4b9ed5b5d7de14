//! Amounts of money: exact decimals on integers, with checked arithmetic. No floating point.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An exact, non-negative decimal: up to 20 digits before the point and 18 after it.
///
/// It has no trailing zeros, so equal amounts are equal values with equal text.
///
/// ```
/// use payoutd_domain::Amount;
/// let a: Amount = "100.50".parse()?;
/// let b: Amount = "0.000001".parse()?;
/// assert_eq!(a.checked_add(b).unwrap().to_string(), "100.500001");
/// assert!("1e3".parse::<Amount>().is_err());
/// # Ok::<(), payoutd_domain::InvalidAmount>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount {
    units: u128,
    scale: u8,
}

/// Text that is not an amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a decimal string of ASCII digits such as \"100.50\": no sign, no exponent, at most 20 digits before the point and 18 after it"
)]
pub struct InvalidAmount;

const MAX_WHOLE_DIGITS: usize = 20;
const MAX_SCALE: u8 = 18;
const LIMIT: u128 = 10u128.pow(38);

impl Amount {
    /// Zero.
    pub const ZERO: Self = Self { units: 0, scale: 0 };

    /// `units / 10^scale`; `None` if that has more than 18 decimals or 20 whole digits.
    #[must_use]
    pub fn from_units(units: u128, scale: u8) -> Option<Self> {
        let mut amount = Self { units, scale };
        while amount.scale > 0 && amount.units.is_multiple_of(10) {
            amount.units /= 10;
            amount.scale -= 1;
        }
        (amount.scale <= MAX_SCALE && amount.units_at(MAX_SCALE).is_some_and(|u| u < LIMIT)).then_some(amount)
    }

    /// The amount in units of `10^-scale`; `None` if that is not an integer or overflows.
    #[must_use]
    pub fn units_at(self, scale: u8) -> Option<u128> {
        let shift = scale.checked_sub(self.scale)?;
        10u128.checked_pow(shift.into())?.checked_mul(self.units)
    }

    /// The number of decimals.
    #[must_use]
    pub fn decimals(self) -> u8 {
        self.scale
    }

    /// Whether the amount is zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.units == 0
    }

    /// The sum; `None` if it overflows.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        Self::from_units(self.units_at(scale)?.checked_add(other.units_at(scale)?)?, scale)
    }

    /// The difference; `None` if it is negative.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        Self::from_units(self.units_at(scale)?.checked_sub(other.units_at(scale)?)?, scale)
    }

    /// `self / divisor`, rounded up to `decimals` places, so that a price is never too low; `None` if the divisor is zero
    /// or the result overflows.
    #[must_use]
    pub fn checked_div_up(self, divisor: Self, decimals: u8) -> Option<Self> {
        let scale = self.scale.max(divisor.scale);
        let numerator = self.units_at(scale)?.checked_mul(10u128.checked_pow(decimals.into())?)?;
        let denominator = divisor.units_at(scale)?;
        (denominator != 0)
            .then(|| numerator.div_ceil(denominator))
            .and_then(|u| Self::from_units(u, decimals))
    }

    fn write(self, f: &mut fmt::Formatter<'_>, least_decimals: u8) -> fmt::Result {
        let unit = 10u128.pow(self.scale.into());
        write!(f, "{}", self.units / unit)?;
        let width = usize::from(self.scale.max(least_decimals));
        if width == 0 {
            return Ok(());
        }
        let pad = 10u128.pow(u32::from(least_decimals.saturating_sub(self.scale)));
        write!(f, ".{:0width$}", self.units % unit * pad)
    }
}

impl PartialOrd for Amount {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Amount {
    fn cmp(&self, other: &Self) -> Ordering {
        // Every amount fits at the largest scale: `from_units` and `from_str` ensure that.
        self.units_at(MAX_SCALE).cmp(&other.units_at(MAX_SCALE))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

impl FromStr for Amount {
    type Err = InvalidAmount;

    fn from_str(text: &str) -> Result<Self, InvalidAmount> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (text, None),
        };
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if !digits(whole)
            || leading_zero
            || whole.len() > MAX_WHOLE_DIGITS
            || fraction.is_some_and(|f| !digits(f))
        {
            return Err(InvalidAmount);
        }
        let fraction = fraction.unwrap_or("").trim_end_matches('0');
        let scale = u8::try_from(fraction.len()).ok().filter(|s| *s <= MAX_SCALE).ok_or(InvalidAmount)?;
        let units = format!("{whole}{fraction}").parse().map_err(|_| InvalidAmount)?;
        Self::from_units(units, scale).ok_or(InvalidAmount)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An amount of US dollars. Its text has at least two decimals: `1.50`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(transparent)]
pub struct Usd(pub Amount);

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, 2)
    }
}

impl fmt::Debug for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_that_is_not_a_plain_decimal_is_refused() {
        for bad in [
            "",
            ".",
            "1.",
            ".5",
            "+1",
            "-1",
            "1e3",
            "0x1",
            "1_000",
            "1,5",
            " 1",
            "1 ",
            "01",
            "٣",
            "１",
            "NaN",
            "1.0000000000000000001",
            "100000000000000000000",
        ] {
            assert_eq!(bad.parse::<Amount>(), Err(InvalidAmount), "{bad:?}");
        }
    }

    #[test]
    fn amounts_print_without_trailing_zeros_and_dollars_with_two_decimals() {
        let print = |s: &str| s.parse::<Amount>().unwrap().to_string();
        assert_eq!(["100.50", "0", "0.0", "7.10"].map(print), ["100.5", "0", "0", "7.1"]);
        let dollars = |s: &str| Usd(s.parse().unwrap()).to_string();
        assert_eq!(["1", "1.5", "0.125", "0"].map(dollars), ["1.00", "1.50", "0.125", "0.00"]);
    }

    #[test]
    fn division_rounds_up() {
        let a = |s: &str| s.parse::<Amount>().unwrap();
        assert_eq!(a("1").checked_div_up(a("3"), 6).unwrap(), a("0.333334"));
        assert_eq!(a("1").checked_div_up(Amount::ZERO, 6), None);
    }

    proptest! {
        #[test]
        fn a_printed_amount_is_read_back(units in 0..10u128.pow(38), scale in 0u8..=18) {
            if let Some(amount) = Amount::from_units(units, scale) {
                prop_assert_eq!(amount.to_string().parse::<Amount>().unwrap(), amount);
            }
        }

        #[test]
        fn subtraction_reverses_addition(a in 0..10u128.pow(30), b in 0..10u128.pow(30), s in 0u8..=18, t in 0u8..=18) {
            let (a, b) = (Amount::from_units(a, s), Amount::from_units(b, t));
            if let (Some(a), Some(b)) = (a, b) && let Some(sum) = a.checked_add(b) {
                prop_assert_eq!(sum.checked_sub(b).unwrap(), a);
                prop_assert!(sum >= a && sum >= b);
            }
        }
    }
}
