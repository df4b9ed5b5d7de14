//! URLs of webhook endpoints.

use payoutd::webhooks::{Policy, Target as Address, is_public};
use url::Host;

use crate::{Target, Verdict};

pub(super) const TARGET: Target = Target {
    name: "webhook_url",
    run,
    dictionary: &[
        "https://",
        "http://",
        "@",
        ":443",
        ":22",
        ":65536",
        "127.0.0.1",
        "0x7f.1",
        "[::1]",
        "[::ffff:10.0.0.1]",
        "localhost",
        ".internal",
        "%2e",
        "。",
        "#",
        "?",
        "\\",
        "user:pw@",
        "169.254.169.254",
        "2130706433",
        "example.com",
        ".",
    ],
    inputs: 20_000,
};

const STRICT: Policy = Policy { allow_insecure: false, allow_private_addresses: false };
const LAX: Policy = Policy { allow_insecure: true, allow_private_addresses: true };

fn run(input: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(input) else { return Verdict::Refused };
    let lax = Address::parse(text, LAX);
    let Ok(target) = Address::parse(text, STRICT) else { return Verdict::Refused };
    assert_eq!(lax.as_ref(), Ok(&target), "the lax policy accepts every URL that the strict policy accepts");
    let url = target.url();
    assert_eq!(url.scheme(), "https");
    assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none(), "{url}");
    match url.host() {
        Some(Host::Ipv4(address)) => assert!(is_public(address.into()), "{url}"),
        Some(Host::Ipv6(address)) => assert!(is_public(address.into()), "{url}"),
        Some(Host::Domain(name)) => {
            let labels = name.trim_end_matches('.').rsplit_once('.');
            assert!(name.is_ascii() && labels.is_some_and(|(_, top)| top != "localhost"), "{url}");
        }
        None => panic!("{url} has no host"),
    }
    assert_eq!(Address::parse(url.as_str(), STRICT).as_ref(), Ok(&target), "the normal form is stable");
    Verdict::Accepted
}
