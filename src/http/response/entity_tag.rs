//! Entity tags of payouts, for conditional requests.

use axum::http::{HeaderMap, HeaderValue, header};
use payoutd_domain::Sequence;

/// The strong entity tag of a payout: its sequence, which changes with everything that a partner can see.
pub(in crate::http) fn etag(sequence: Sequence) -> HeaderValue {
    HeaderValue::from_str(&tag_text(sequence)).unwrap_or(HeaderValue::from_static("\"\""))
}

fn tag_text(sequence: Sequence) -> String {
    format!("\"{sequence}\"")
}

/// Whether `If-None-Match` contains the entity tag of this sequence. The comparison is weak, as RFC 9110 requires for
/// this header.
pub(in crate::http) fn matches(headers: &HeaderMap, sequence: Sequence) -> bool {
    let current = tag_text(sequence);
    let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|list| list.split(',')).map(str::trim).any(|tag| {
        // A comma within a foreign tag splits it into parts, none of which equals a tag of ours.
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == current
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent_tags_match(given: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in given {
            headers.append(header::IF_NONE_MATCH, value.parse().unwrap());
        }
        matches(&headers, Sequence(7))
    }

    #[test]
    fn if_none_match_accepts_lists_weak_tags_and_the_asterisk() {
        assert_eq!(etag(Sequence(7)), "\"7\"");
        for hit in ["\"7\"", "W/\"7\"", "*", "\"1\", \"7\"", " \"7\" ,\"a,b\""] {
            assert!(sent_tags_match(&[hit]), "{hit}");
        }
        assert!(sent_tags_match(&["\"1\"", "\"7\""]));
        for miss in ["\"6\"", "7", "w/\"7\"", "\"77\"", "", "\"7"] {
            assert!(!sent_tags_match(&[miss]), "{miss}");
        }
        assert!(!sent_tags_match(&[]));
    }
}
