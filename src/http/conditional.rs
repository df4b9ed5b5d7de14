//! Conditional reads: the sequence is the entity tag.

use axum::http::{HeaderMap, HeaderValue, header};
use payoutd_domain::Sequence;

/// The strong entity tag of a payout at that sequence: all a partner can see of it changes with it alone.
pub(super) fn etag(sequence: Sequence) -> HeaderValue {
    HeaderValue::from_str(&tag_text(sequence)).unwrap_or(HeaderValue::from_static("\"\""))
}

fn tag_text(sequence: Sequence) -> String {
    format!("\"{sequence}\"")
}

/// Whether the client holds the representation of that sequence already, by its `If-None-Match`.
///
/// Tags are compared weakly, as RFC 9110 wants it for this header.
pub(super) fn is_known(headers: &HeaderMap, sequence: Sequence) -> bool {
    let current = tag_text(sequence);
    let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|list| list.split(',')).map(str::trim).any(|tag| {
        // A comma inside a foreign tag splits it into parts that are no tag of ours.
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == current
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(given: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in given {
            headers.append(header::IF_NONE_MATCH, value.parse().unwrap());
        }
        is_known(&headers, Sequence(7))
    }

    #[test]
    fn lists_weak_tags_and_the_star_match() {
        assert_eq!(etag(Sequence(7)), "\"7\"");
        for hit in ["\"7\"", "W/\"7\"", "*", "\"1\", \"7\"", " \"7\" ,\"a,b\""] {
            assert!(known(&[hit]), "{hit}");
        }
        assert!(known(&["\"1\"", "\"7\""]));
        for miss in ["\"6\"", "7", "w/\"7\"", "\"77\"", "", "\"7"] {
            assert!(!known(&[miss]), "{miss}");
        }
        assert!(!known(&[]));
    }
}
