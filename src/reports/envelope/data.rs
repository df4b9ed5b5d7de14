//! The data of a report, field by field, strictly: a wrong field is never guessed at. Fields that are not known are
//! left alone, so that watchers may add some; null counts as absent.

use payoutd_domain::{
    Amount, BroadcastReport, DeliveredReport, FailedFunds, FailedReport, Leg, Network, ProgressReport,
    ReportKind, Transaction, TxHash, Usd,
};
use serde_json::{Map, Value};

use super::super::dead_letter::{DeadLetterReason, Unreadable};
use super::super::message::{funds_word, leg_word};
use super::ReportType;
use crate::contracts::reports::{MAX_CODE, MAX_ESTIMATED_SECONDS, MAX_HASH, MAX_MESSAGE, MAX_NETWORK};

/// What a watcher of this type of report says with `data`.
///
/// # Errors
/// Where a field is missing or wrong.
pub(super) fn read(kind: ReportType, data: &Map<String, Value>) -> Result<ReportKind, Unreadable> {
    let fields = Fields(data);
    Ok(match kind {
        ReportType::Broadcast => ReportKind::Broadcast(BroadcastReport {
            transaction: fields.transaction()?,
            leg: fields.word("leg", &[Leg::Source, Leg::Bridge, Leg::Destination], leg_word)?,
            estimated_seconds: fields.integer("estimated_seconds", MAX_ESTIMATED_SECONDS)?,
        }),
        ReportType::Progress => ReportKind::Progress(ProgressReport {
            network: fields.required("network", fields.network()?)?,
            tx_hash: fields.hash("tx_hash")?,
            confirmations: fields.integer("confirmations", u32::MAX)?,
            required_confirmations: fields.integer("required_confirmations", u32::MAX)?,
            estimated_seconds: fields.integer("estimated_seconds", MAX_ESTIMATED_SECONDS)?,
            replaced_by: fields.hash("replaced_by")?,
        }),
        ReportType::Delivered => ReportKind::Delivered(DeliveredReport {
            transaction: fields.transaction()?,
            recipient_amount: fields.amount("recipient_amount")?,
            fees_paid_usd: fields.amount("fees_paid_usd")?.map(Usd),
            confirmations: fields.integer("confirmations", u32::MAX)?,
        }),
        ReportType::Failed => ReportKind::Failed(FailedReport {
            code: fields.required("code", fields.line("code", 1, MAX_CODE)?)?,
            message: fields.required("message", fields.line("message", 0, MAX_MESSAGE)?)?,
            network: fields.network()?,
            tx_hash: fields.hash("tx_hash")?,
            funds: fields.word(
                "funds",
                &[FailedFunds::NotSent, FailedFunds::Returned, FailedFunds::Unknown],
                funds_word,
            )?,
            reversal: fields.boolean("reversal")?.unwrap_or(false),
        }),
    })
}

fn invalid(name: &str, should: impl std::fmt::Display) -> Unreadable {
    Unreadable::new(DeadLetterReason::InvalidData, format!("data.{name}: {should}"))
}

struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    fn present(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// `read`, unless it is absent.
    #[expect(clippy::unused_self, reason = "reads as a sentence where fields are read")]
    fn required<T>(&self, name: &str, read: Option<T>) -> Result<T, Unreadable> {
        read.ok_or_else(|| invalid(name, "is required"))
    }

    fn text(&self, name: &str) -> Result<Option<&'a str>, Unreadable> {
        self.present(name)
            .map(|value| value.as_str().ok_or_else(|| invalid(name, "must be a string")))
            .transpose()
    }

    fn transaction(&self) -> Result<Transaction, Unreadable> {
        Ok(Transaction {
            network: self.required("network", self.network()?)?,
            tx_hash: self.required("tx_hash", self.hash("tx_hash")?)?,
        })
    }

    fn network(&self) -> Result<Option<Network>, Unreadable> {
        let Some(text) = self.text("network")? else { return Ok(None) };
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if (1..=MAX_NETWORK).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Some(Network::new(text)))
        } else {
            Err(invalid("network", "must be 1 to 32 of the characters a-z, 0-9, - and _"))
        }
    }

    fn hash(&self, name: &str) -> Result<Option<TxHash>, Unreadable> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        if (1..=MAX_HASH).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Some(TxHash::new(text)))
        } else {
            Err(invalid(name, "must be 1 to 128 visible ASCII characters"))
        }
    }

    /// Text for people: its length counts characters, and control characters other than white space are refused,
    /// because not every store can keep them.
    fn line(&self, name: &str, least: usize, most: usize) -> Result<Option<Box<str>>, Unreadable> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if !(least..=most).contains(&text.chars().count()) {
            Err(invalid(name, format_args!("must have {least} to {most} characters")))
        } else if text.contains(control) {
            Err(invalid(name, "must not contain control characters"))
        } else {
            Ok(Some(text.into()))
        }
    }

    fn integer(&self, name: &str, most: u32) -> Result<Option<u32>, Unreadable> {
        let Some(value) = self.present(name) else { return Ok(None) };
        let number = value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| *n <= most);
        number.map(Some).ok_or_else(|| invalid(name, format_args!("must be an integer from 0 to {most}")))
    }

    fn boolean(&self, name: &str) -> Result<Option<bool>, Unreadable> {
        self.present(name)
            .map(|value| value.as_bool().ok_or_else(|| invalid(name, "must be true or false")))
            .transpose()
    }

    fn amount(&self, name: &str) -> Result<Option<Amount>, Unreadable> {
        self.text(name)?.map(|text| text.parse().map_err(|error| invalid(name, error))).transpose()
    }

    fn word<T: Copy>(
        &self,
        name: &str,
        all: &[T],
        word: fn(T) -> &'static str,
    ) -> Result<Option<T>, Unreadable> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        all.iter().copied().find(|one| word(*one) == text).map(Some).ok_or_else(|| {
            let words: Vec<&str> = all.iter().copied().map(word).collect();
            invalid(name, format_args!("must be one of {}", words.join(", ")))
        })
    }
}
