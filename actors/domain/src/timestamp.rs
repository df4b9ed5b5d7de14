//! Points in time, in whole microseconds: the precision that both databases store without loss.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// A point in time: microseconds since 1970-01-01T00:00:00Z, from the year 1970 to the year 9999.
///
/// ```
/// use payoutd_domain::Timestamp;
/// let t: Timestamp = "2026-03-01T12:00:00+01:00".parse()?;
/// assert_eq!(t.to_string(), "2026-03-01T11:00:00.000000Z");
/// assert_eq!(t.plus_seconds(90).to_string(), "2026-03-01T11:01:30.000000Z");
/// # Ok::<(), payoutd_domain::InvalidTimestamp>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Text that is not a supported time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not an RFC 3339 time between the years 1970 and 9999")]
pub struct InvalidTimestamp;

const LAST_MICROS: i64 = 253_402_300_799_999_999;

impl Timestamp {
    /// The start of the year 1970.
    pub const EPOCH: Self = Self(0);

    /// The time `micros` microseconds after the start of 1970.
    ///
    /// # Errors
    /// Returns `InvalidTimestamp` if the time is before the year 1970 or after the year 9999.
    pub fn from_micros(micros: i64) -> Result<Self, InvalidTimestamp> {
        if (0..=LAST_MICROS).contains(&micros) { Ok(Self(micros)) } else { Err(InvalidTimestamp) }
    }

    /// Microseconds since the start of 1970.
    #[must_use]
    pub fn micros(self) -> i64 {
        self.0
    }

    /// The time `seconds` later, at most the end of the year 9999.
    #[must_use]
    pub fn plus_seconds(self, seconds: u32) -> Self {
        Self((self.0 + i64::from(seconds) * 1_000_000).min(LAST_MICROS))
    }

    /// The time `seconds` earlier, at least the start of the year 1970.
    #[must_use]
    pub fn minus_seconds(self, seconds: u32) -> Self {
        Self((self.0 - i64::from(seconds) * 1_000_000).max(0))
    }

    /// Seconds from `earlier` to this time, with fractions; negative if this time is the earlier one.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "for people and gauges")]
    pub fn seconds_since(self, earlier: Self) -> f64 {
        (self.0 - earlier.0) as f64 / 1_000_000.0
    }
}

impl TryFrom<OffsetDateTime> for Timestamp {
    type Error = InvalidTimestamp;

    /// Truncates to whole microseconds.
    fn try_from(when: OffsetDateTime) -> Result<Self, InvalidTimestamp> {
        let micros = when.unix_timestamp_nanos().div_euclid(1_000);
        i64::try_from(micros).map_err(|_| InvalidTimestamp).and_then(Self::from_micros)
    }
}

impl From<Timestamp> for OffsetDateTime {
    fn from(when: Timestamp) -> Self {
        Self::from_unix_timestamp_nanos(i128::from(when.0) * 1_000).unwrap_or(Self::UNIX_EPOCH)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339, UTC, always six fractional digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = OffsetDateTime::from(*self).to_offset(UtcOffset::UTC);
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
            t.year(),
            u8::from(t.month()),
            t.day(),
            t.hour(),
            t.minute(),
            t.second(),
            t.microsecond()
        )
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        OffsetDateTime::parse(text, &Rfc3339).map_err(|_| InvalidTimestamp)?.try_into()
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
