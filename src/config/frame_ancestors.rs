//! The sites that may embed the tracking page: the CSP directive `frame-ancestors`.

use std::fmt;

use serde::{Deserialize, Deserializer};

/// Origins in the syntax of the directive. Empty by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(test, derive(serde::Serialize))]
pub struct FrameAncestors(Vec<String>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not 'self' or an origin such as https://app.example or https://*.example:8443")]
pub struct InvalidFrameAncestors(String);

impl FrameAncestors {
    /// # Errors
    /// Returns `InvalidFrameAncestors` if a string is neither `self` nor an origin: the value becomes part of a header.
    pub fn new<'a>(origins: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidFrameAncestors> {
        let read = |origin: &str| match origin {
            "self" | "'self'" => Ok("'self'".to_owned()),
            origin if is_origin(origin) => Ok(origin.to_owned()),
            other => Err(InvalidFrameAncestors(other.to_owned())),
        };
        origins.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[must_use]
    pub fn is_self_only(&self) -> bool {
        self.0.iter().all(|origin| origin == "'self'") && !self.is_empty()
    }
}

/// An origin has a scheme, a host that may begin with `*.`, and an optional port.
fn is_origin(text: &str) -> bool {
    let Some(authority) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return false;
    };
    let (host, port) = authority.split_once(':').unwrap_or((authority, "443"));
    let host = host.strip_prefix("*.").unwrap_or(host);
    let is_label =
        |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    host.split('.').all(is_label) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

impl fmt::Display for FrameAncestors {
    /// Formats the sources of the directive.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() { f.write_str("'none'") } else { f.write_str(&self.0.join(" ")) }
    }
}

impl<'de> Deserialize<'de> for FrameAncestors {
    /// Reads a list, or the string of an environment variable, with spaces or commas between origins.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Format {
            List(Vec<String>),
            Text(String),
        }
        let read = match Format::deserialize(deserializer)? {
            Format::List(list) => Self::new(list.iter().map(String::as_str)),
            Format::Text(text) => Self::new(text.split([' ', ',']).filter(|origin| !origin.is_empty())),
        };
        read.map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_self_and_origins_are_accepted() {
        let format = |list: &[&str]| FrameAncestors::new(list.iter().copied()).map(|found| found.to_string());
        assert_eq!(format(&[]).unwrap(), "'none'");
        let list = ["self", "https://app.example", "https://*.example:8443", "http://localhost:3000"];
        assert_eq!(
            format(&list).unwrap(),
            "'self' https://app.example https://*.example:8443 http://localhost:3000"
        );
        for bad in [
            "*",
            "https:",
            "https://",
            "https://a b",
            "https://a;script-src *",
            "https://a/path",
            "app.example",
            "https://a:0",
            "https://a:x",
            "https://*",
            "'none'",
            "",
        ] {
            assert!(format(&[bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn lists_and_strings_are_read() {
        let read = |json: &str| serde_json::from_str::<FrameAncestors>(json).map(|found| found.to_string());
        assert_eq!(read(r#"["https://a.example"]"#).unwrap(), "https://a.example");
        assert_eq!(
            read(r#""https://a.example, https://b.example""#).unwrap(),
            "https://a.example https://b.example"
        );
        assert_eq!(read(r#""""#).unwrap(), "'none'");
        assert!(read(r#""nonsense""#).is_err());
    }
}
