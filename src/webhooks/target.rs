//! The URLs that endpoints may have.

use std::net::IpAddr;

use url::{Host, Url};

use super::is_public;

/// The longest URL, in bytes.
const MAX_LEN: usize = 2048;

/// Which URLs and addresses are allowed. The default is for production.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Policy {
    /// Allows plain HTTP. For development.
    pub allow_insecure: bool,
    /// Allows addresses that are not public. For development.
    pub allow_private_addresses: bool,
}

/// The URL of an endpoint, checked against the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(Url);

/// Why a URL is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    #[error("must have at most 2048 bytes")]
    TooLong,
    #[error("must be an absolute URL")]
    NotAUrl,
    #[error("must start with https://")]
    NotHttps,
    #[error("must hold no user name and no password")]
    Credentials,
    #[error("must hold no fragment (#…)")]
    Fragment,
    /// A port below 1024 that is not for HTTP.
    #[error("must use port 443, 80, or one from 1024 up")]
    Port,
    #[error("must be at a public name or address")]
    NotPublic,
}

impl Target {
    /// Parses a URL and checks it against `policy`. The addresses of a host name are checked at each connection.
    ///
    /// # Errors
    /// Returns `InvalidTarget` if `text` is not a URL that the policy allows.
    pub fn parse(text: &str, policy: Policy) -> Result<Self, InvalidTarget> {
        if text.len() > MAX_LEN {
            return Err(InvalidTarget::TooLong);
        }
        // `Url::parse` silently removes some of these characters.
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(InvalidTarget::NotAUrl);
        }
        let url = Url::parse(text).map_err(|_| InvalidTarget::NotAUrl)?;
        match url.scheme() {
            "https" => {}
            "http" if policy.allow_insecure => {}
            _ => return Err(InvalidTarget::NotHttps),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidTarget::Credentials);
        }
        if url.fragment().is_some() {
            return Err(InvalidTarget::Fragment);
        }
        if !matches!(url.port_or_known_default(), Some(80 | 443 | 1024..)) {
            return Err(InvalidTarget::Port);
        }
        let host = url.host().ok_or(InvalidTarget::NotAUrl)?;
        if !policy.allow_private_addresses && !may_be_public(&host) {
            return Err(InvalidTarget::NotPublic);
        }
        Ok(Self(url))
    }

    /// The normalized URL.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// The IP address if the URL has one instead of a host name. `Url::parse` accepts every spelling that operating
    /// systems accept, such as `0x7f.1`, `2130706433` and `0177.0.0.1`.
    pub(super) fn ip_address(&self) -> Option<IpAddr> {
        match self.0.host()? {
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
            Host::Domain(_) => None,
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(443)
    }

    pub(super) fn is_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The host without the brackets of an IPv6 address.
    pub(super) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
    }

    /// The value of the `Host` header.
    pub(super) fn authority(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The request target of the request line.
    pub(super) fn path_and_query(&self) -> &str {
        &self.0[url::Position::BeforePath..url::Position::AfterQuery]
    }
}

/// Whether the host can have a public address. Refuses names that public DNS does not contain. The resolved addresses are
/// checked as well, at each connection.
fn may_be_public(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(address) => is_public((*address).into()),
        Host::Ipv6(address) => is_public((*address).into()),
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            let top = name.rsplit('.').next().unwrap_or_default();
            name.contains('.')
                && ![
                    "localhost",
                    "local",
                    "internal",
                    "localdomain",
                    "home",
                    "lan",
                    "corp",
                    "test",
                    "invalid",
                ]
                .contains(&top)
                && !name.ends_with(".home.arpa")
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STRICT: Policy = Policy { allow_insecure: false, allow_private_addresses: false };
    const LAX: Policy = Policy { allow_insecure: true, allow_private_addresses: true };

    #[test]
    fn public_https_urls_are_accepted() {
        for good in [
            "https://example.com",
            "https://hooks.example.com/a/b?c=d",
            "https://example.com:8443/",
            "https://8.8.8.8/",
            "https://[2606:4700::1111]/",
            "HTTPS://EXAMPLE.COM/",
            "https://xn--bcher-kva.example.com/",
        ] {
            assert!(Target::parse(good, STRICT).is_ok(), "{good}");
        }
    }

    #[test]
    fn production_refuses_urls_that_are_not_public_https() {
        use InvalidTarget as I;
        for (url, why) in [
            ("", I::NotAUrl),
            ("example.com", I::NotAUrl),
            ("/hooks", I::NotAUrl),
            ("https://", I::NotAUrl),
            ("https://exa\tmple.com/", I::NotAUrl),
            ("https://example.com/a b", I::NotAUrl),
            ("http://example.com/", I::NotHttps),
            ("ftp://example.com/", I::NotHttps),
            ("file:///etc/passwd", I::NotHttps),
            ("gopher://example.com/", I::NotHttps),
            ("https://user@example.com/", I::Credentials),
            ("https://:pw@example.com/", I::Credentials),
            ("https://example.com@127.0.0.1/", I::Credentials),
            ("https://example.com/#x", I::Fragment),
            ("https://example.com:22/", I::Port),
            ("https://example.com:25/", I::Port),
            ("https://example.com:0/", I::Port),
            ("https://localhost/", I::NotPublic),
            ("https://localhost./", I::NotPublic),
            ("https://LOCALHOST/", I::NotPublic),
            ("https://a.localhost/", I::NotPublic),
            ("https://printer.local/", I::NotPublic),
            ("https://metadata.google.internal/", I::NotPublic),
            ("https://postgres/", I::NotPublic),
            ("https://127.0.0.1/", I::NotPublic),
            ("https://127.1/", I::NotPublic),
            ("https://2130706433/", I::NotPublic),
            ("https://0x7f000001/", I::NotPublic),
            ("https://0x7f.1/", I::NotPublic),
            ("https://0177.0.0.1/", I::NotPublic),
            ("https://017700000001/", I::NotPublic),
            ("https://127.0.0.1./", I::NotPublic),
            ("https://①②⑦.⓪.⓪.①/", I::NotPublic),
            ("https://%31%32%37.0.0.1/", I::NotPublic),
            ("https://169.254.169.254/latest/meta-data/", I::NotPublic),
            ("https://2852039166/", I::NotPublic),
            ("https://[::1]/", I::NotPublic),
            ("https://[::]/", I::NotPublic),
            ("https://[::ffff:127.0.0.1]/", I::NotPublic),
            ("https://[::ffff:7f00:1]/", I::NotPublic),
            ("https://[64:ff9b::a9fe:a9fe]/", I::NotPublic),
            ("https://[fd00:ec2::254]/", I::NotPublic),
            ("https://[fe80::1]/", I::NotPublic),
        ] {
            assert_eq!(Target::parse(url, STRICT), Err(why), "{url}");
        }
        let long = format!("https://example.com/{}", "a".repeat(MAX_LEN));
        assert_eq!(Target::parse(&long, STRICT), Err(I::TooLong));
    }

    #[test]
    fn development_allows_local_addresses_and_plain_http() {
        for url in ["http://127.0.0.1:9000/hook", "http://localhost:3000", "https://[::1]:8443/"] {
            assert!(Target::parse(url, LAX).is_ok(), "{url}");
        }
        assert_eq!(Target::parse("ftp://localhost/", LAX), Err(InvalidTarget::NotHttps));
    }

    #[test]
    fn a_target_provides_the_parts_of_a_request() {
        let target = Target::parse("http://[::1]:9000/a?b=c", LAX).unwrap();
        assert_eq!((target.host(), target.port(), target.is_tls()), ("::1", 9000, false));
        assert_eq!((target.authority().as_str(), target.path_and_query()), ("[::1]:9000", "/a?b=c"));
        let target = Target::parse("https://Example.com:443", STRICT).unwrap();
        assert_eq!((target.authority().as_str(), target.path_and_query()), ("example.com", "/"));
        assert_eq!(target.ip_address(), None);
    }

    proptest! {
        #[test]
        fn every_spelling_of_a_private_address_is_refused(host in 0u32..0x00ff_ffff) {
            let bits = 0x0a00_0000 | host;
            let [a, b, c, d] = bits.to_be_bytes();
            for spelled in [
                format!("{bits}"), format!("{bits:#x}"), format!("0{bits:o}"),
                format!("{a}.{b}.{c}.{d}"), format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"), format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
                format!("{a}.{}", bits & 0x00ff_ffff), format!("{a}.{b}.{}", bits & 0xffff),
                format!("[::ffff:{a}.{b}.{c}.{d}]"), format!("[64:ff9b::{a}.{b}.{c}.{d}]"),
            ] {
                prop_assert_eq!(
                    Target::parse(&format!("https://{spelled}/"), STRICT),
                    Err(InvalidTarget::NotPublic), "{}", spelled
                );
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,80}") {
            let _ = Target::parse(&text, STRICT);
            let _ = Target::parse(&format!("https://{text}"), LAX);
        }
    }
}
