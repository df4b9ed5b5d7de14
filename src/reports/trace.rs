//! The W3C trace context of a message, passed on unchanged.

use std::sync::Arc;

/// Returns the `traceparent` of a message's headers if it is valid. Without such a header, the `CloudEvents` extension
/// attribute of that name is used.
#[must_use]
pub fn traceparent_in(headers: &[(String, String)]) -> Option<Arc<str>> {
    ["traceparent", "ce-traceparent", "cloudevents_traceparent", "cloudevents:traceparent"]
        .iter()
        .find_map(|name| headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)))
        .map(|(_, value)| value.as_str())
        .filter(|value| is_valid(value))
        .map(Arc::from)
}

/// Whether `value` is `version-trace-parent-flags` in lowercase hex, with a version other than `ff` and no id of zeros.
fn is_valid(value: &str) -> bool {
    let parts: Vec<&str> = value.split('-').collect();
    let &[version, trace, parent, flags] = parts.as_slice() else { return false };
    let hex = |part: &str, len| {
        part.len() == len && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let is_not_zero = |part: &str| part.bytes().any(|b| b != b'0');
    hex(version, 2)
        && version != "ff"
        && hex(trace, 32)
        && is_not_zero(trace)
        && hex(parent, 16)
        && is_not_zero(parent)
        && hex(flags, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn found(name: &str, value: &str) -> Option<Arc<str>> {
        traceparent_in(&[("other".into(), "x".into()), (name.into(), value.into())])
    }

    #[test]
    fn a_valid_traceparent_is_passed_on_and_an_invalid_one_is_dropped() {
        assert_eq!(found("traceparent", GOOD).as_deref(), Some(GOOD));
        assert_eq!(found("Traceparent", GOOD).as_deref(), Some(GOOD));
        assert_eq!(found("cloudEvents_traceparent", GOOD).as_deref(), Some(GOOD));
        for bad in [
            "",
            "00",
            &GOOD.to_uppercase(),
            &GOOD.replacen("00-", "ff-", 1),
            &format!("{GOOD}-more"),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        ] {
            assert_eq!(found("traceparent", bad), None, "{bad:?}");
        }
    }
}
