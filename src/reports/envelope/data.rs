//! Reads the data of a report. An invalid field is an error. Unknown fields are ignored, so that chain watchers may add
//! fields. A null field is absent.

use payoutd_domain::{
    Amount, BroadcastReport, DeliveredReport, FailedFunds, FailedReport, Leg, Network, ProgressReport,
    ReportKind, Transaction, TxHash, Usd,
};
use serde_json::{Map, Value};

use super::super::dead_letter::{DeadLetterReason, Unreadable};
use super::super::message::{funds_name, leg_name};
use crate::contracts::reports::{MAX_CODE, MAX_ESTIMATED_SECONDS, MAX_HASH, MAX_MESSAGE, MAX_NETWORK};

#[derive(Debug, Clone, Copy)]
pub(super) enum ReportType {
    Broadcast,
    Progress,
    Delivered,
    Failed,
}

/// Reads the data of a report of type `kind`.
///
/// # Errors
/// Returns `Unreadable` if a field is missing or invalid.
pub(super) fn read(kind: ReportType, data: &Map<String, Value>) -> Result<ReportKind, Unreadable> {
    let fields = Fields(data);
    Ok(match kind {
        ReportType::Broadcast => ReportKind::Broadcast(BroadcastReport {
            transaction: fields.transaction()?,
            leg: fields.variant("leg", &[Leg::Source, Leg::Bridge, Leg::Destination], leg_name)?,
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
            code: fields.required("code", fields.bounded_text("code", 1, MAX_CODE)?)?,
            message: fields.required("message", fields.bounded_text("message", 0, MAX_MESSAGE)?)?,
            network: fields.network()?,
            tx_hash: fields.hash("tx_hash")?,
            funds: fields.variant(
                "funds",
                &[FailedFunds::NotSent, FailedFunds::Returned, FailedFunds::Unknown],
                funds_name,
            )?,
            reversal: fields.boolean("reversal")?.unwrap_or(false),
        }),
    })
}

fn invalid(name: &str, problem: impl std::fmt::Display) -> Unreadable {
    Unreadable::new(DeadLetterReason::InvalidData, format!("data.{name}: {problem}"))
}

struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    fn present(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Returns the value, or an error if it is absent.
    #[expect(clippy::unused_self, reason = "a method like those of optional fields")]
    fn required<T>(&self, name: &str, value: Option<T>) -> Result<T, Unreadable> {
        value.ok_or_else(|| invalid(name, "is required"))
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

    /// Reads text. Its length is counted in characters. Control characters other than white space are refused, because
    /// not every store supports them.
    fn bounded_text(&self, name: &str, min: usize, max: usize) -> Result<Option<Box<str>>, Unreadable> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if !(min..=max).contains(&text.chars().count()) {
            Err(invalid(name, format_args!("must have {min} to {max} characters")))
        } else if text.contains(control) {
            Err(invalid(name, "must not contain control characters"))
        } else {
            Ok(Some(text.into()))
        }
    }

    fn integer(&self, name: &str, max: u32) -> Result<Option<u32>, Unreadable> {
        let Some(value) = self.present(name) else { return Ok(None) };
        let number = value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| *n <= max);
        number.map(Some).ok_or_else(|| invalid(name, format_args!("must be an integer from 0 to {max}")))
    }

    fn boolean(&self, name: &str) -> Result<Option<bool>, Unreadable> {
        self.present(name)
            .map(|value| value.as_bool().ok_or_else(|| invalid(name, "must be true or false")))
            .transpose()
    }

    fn amount(&self, name: &str) -> Result<Option<Amount>, Unreadable> {
        self.text(name)?.map(|text| text.parse().map_err(|error| invalid(name, error))).transpose()
    }

    fn variant<T: Copy>(
        &self,
        name: &str,
        all: &[T],
        name_of: fn(T) -> &'static str,
    ) -> Result<Option<T>, Unreadable> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        all.iter().copied().find(|variant| name_of(*variant) == text).map(Some).ok_or_else(|| {
            let names: Vec<&str> = all.iter().copied().map(name_of).collect();
            invalid(name, format_args!("must be one of {}", names.join(", ")))
        })
    }
}
