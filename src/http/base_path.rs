//! The prefix of the API's paths.

use std::str::FromStr;

/// A path prefix: empty, or segments such as `/v1` or `/api/payouts`, without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BasePath(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be empty, or segments of letters, digits and . _ ~ - each after a slash, such as /v1")]
pub struct InvalidBasePath;

impl BasePath {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Prepends the prefix to `path`, which starts with a slash.
    pub(super) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl FromStr for BasePath {
    type Err = InvalidBasePath;

    fn from_str(text: &str) -> Result<Self, InvalidBasePath> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'-');
        let is_segment = |segment: &str| {
            !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(allowed)
        };
        let valid = match text.strip_prefix('/') {
            Some(segments) => segments.split('/').all(is_segment),
            None => text.is_empty(),
        };
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidBasePath) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_consists_of_plain_segments() {
        for valid in ["", "/v1", "/api/payouts-2.x"] {
            assert_eq!(valid.parse::<BasePath>().unwrap().join("/payouts"), format!("{valid}/payouts"));
        }
        for invalid in ["/", "v1", "/v1/", "//v1", "/{id}", "/a b", "/..", "/é"] {
            assert_eq!(invalid.parse::<BasePath>(), Err(InvalidBasePath), "{invalid}");
        }
    }
}
