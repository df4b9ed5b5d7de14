//! Reads a chain watcher's message, a structured or binary `CloudEvents` 1.0 event, as a report. Accepts any bytes
//! without a panic.
//!
//! The subject names the payout. If the routing key is a payout id, it must be the same one.

mod attributes;
mod data;
mod json;
#[cfg(test)]
mod tests;

use payoutd_domain::{PayoutId, Report, ReportKey};

use super::dead_letter::{DeadLetterReason, Unreadable};
use super::incoming::Incoming;
use crate::contracts::reports::MAX_KEY_CHARS;
use attributes::{Attributes, attribute_error};
use data::ReportType;

/// The largest body of a report, in bytes, unless configured otherwise.
pub const DEFAULT_MAX_BYTES: usize = 64 * 1024;

/// Reads a message as a report on a payout. The body may have at most `max_bytes` bytes.
///
/// # Errors
/// Returns `Unreadable` if the message is not a valid report.
pub fn read(incoming: &Incoming<'_>, max_bytes: usize) -> Result<(PayoutId, Report), Unreadable> {
    if incoming.body.len() > max_bytes {
        let detail = format!("body: must have at most {max_bytes} bytes, has {}", incoming.body.len());
        return Err(Unreadable::new(DeadLetterReason::TooLarge, detail));
    }
    let (attributes, data) = attributes::parse(incoming)?;
    require_supported_version(&attributes)?;
    let key = ReportKey { source: key_part(&attributes, "source")?, id: key_part(&attributes, "id")? };
    let kind = report_type(&attributes)?;
    let payout = payout(&attributes, incoming.routing_key)?;
    let time = match attributes.get("time") {
        Some(text) => text.parse().map_err(|error| attribute_error("time", error))?,
        None => incoming.received_at,
    };
    Ok((payout, Report { key, time, kind: data::read(kind, &data.object()?)? }))
}

fn require_supported_version(attributes: &Attributes) -> Result<(), Unreadable> {
    let unsupported = |detail| Err(Unreadable::new(DeadLetterReason::UnsupportedVersion, detail));
    match attributes.get("specversion") {
        Some("1.0") => {}
        Some(_) => return unsupported("specversion: only 1.0 is supported"),
        None => return Err(attribute_error("specversion", "is required")),
    }
    if attributes.get("dataschema").is_some_and(names_another_version) {
        return unsupported("dataschema: only version 1 is supported");
    }
    Ok(())
}

/// Whether a schema's URI has a part such as `v2`. A URI without a version means version 1.
fn names_another_version(schema: &str) -> bool {
    schema
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter_map(|part| part.strip_prefix(['v', 'V']))
        .any(|version| !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit()) && version != "1")
}

/// Reads `id` or `source`, which together identify the report.
fn key_part(attributes: &Attributes, name: &'static str) -> Result<Box<str>, Unreadable> {
    let text = attributes.get(name).ok_or_else(|| attribute_error(name, "is required"))?;
    if !(1..=MAX_KEY_CHARS).contains(&text.chars().count()) {
        return Err(attribute_error(name, "must have 1 to 255 characters"));
    }
    if text.contains(char::is_control) {
        return Err(attribute_error(name, "must not contain control characters"));
    }
    Ok(text.into())
}

fn report_type(attributes: &Attributes) -> Result<ReportType, Unreadable> {
    let text = attributes.get("type").ok_or_else(|| attribute_error("type", "is required"))?;
    known_type(text).ok_or_else(|| {
        let is_version = |v: &str| !v.is_empty() && v.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let versioned = text
            .split_once(".v")
            .is_some_and(|(base, version)| known_type(base).is_some() && is_version(version));
        if versioned {
            let detail = "type: only version 1 is supported, whose name has no version";
            Unreadable::new(DeadLetterReason::UnsupportedVersion, detail)
        } else {
            let detail = "type: must be chain.broadcast, chain.progress, chain.delivered or chain.failed";
            Unreadable::new(DeadLetterReason::UnknownType, detail)
        }
    })
}

fn known_type(text: &str) -> Option<ReportType> {
    match text {
        "chain.broadcast" => Some(ReportType::Broadcast),
        "chain.progress" => Some(ReportType::Progress),
        "chain.delivered" => Some(ReportType::Delivered),
        "chain.failed" => Some(ReportType::Failed),
        _ => None,
    }
}

fn payout(attributes: &Attributes, routing_key: &str) -> Result<PayoutId, Unreadable> {
    let subject = attributes.get("subject").unwrap_or_default();
    let payout: PayoutId = subject
        .parse()
        .map_err(|error| Unreadable::new(DeadLetterReason::NoPayout, format!("subject: {error}")))?;
    match routing_key.parse::<PayoutId>() {
        Ok(routed) if routed != payout => Err(Unreadable::new(
            DeadLetterReason::PayoutMismatch,
            "subject: names another payout than the routing key",
        )),
        Ok(_) | Err(_) => Ok(payout),
    }
}
