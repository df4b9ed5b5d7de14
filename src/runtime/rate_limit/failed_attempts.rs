//! A rate limit on failed attempts, such as wrong API keys or unknown tracking links.

use std::net::{IpAddr, Ipv6Addr};

use super::rate::{Level, Rate};
use super::token_buckets::TokenBuckets;

/// Counts failed attempts by client network: an IPv4 address or an IPv6 /64.
#[derive(Debug)]
pub struct FailedAttempts(TokenBuckets<Option<IpAddr>>);

impl FailedAttempts {
    /// Allows `per_minute` failed attempts per network and minute, at least 1.
    #[must_use]
    pub fn new(per_minute: u32) -> Self {
        let burst = per_minute.max(1);
        Self(TokenBuckets::new(Rate { per_second: f64::from(burst) / 60.0, burst }))
    }

    #[must_use]
    pub fn rate(&self) -> Rate {
        self.0.rate()
    }

    /// The failed attempts that `peer` has left.
    pub fn level(&self, peer: Option<IpAddr>) -> Level {
        self.0.peek(network_of(peer))
    }

    /// Whether `peer` has no failed attempt left.
    pub fn is_blocked(&self, peer: Option<IpAddr>) -> bool {
        self.level(peer).remaining == 0
    }

    pub fn record(&self, peer: Option<IpAddr>) {
        self.0.try_take(network_of(peer));
    }
}

/// An IPv6 host can usually use every address of its /64.
fn network_of(peer: Option<IpAddr>) -> Option<IpAddr> {
    peer.map(|address| match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn peer(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn failed_attempts_of_one_address_do_not_block_another() {
        let failures = FailedAttempts::new(3);
        for _ in 0..3 {
            assert!(!failures.is_blocked(peer("192.0.2.1")));
            failures.record(peer("192.0.2.1"));
        }
        assert!(failures.is_blocked(peer("192.0.2.1")));
        assert!(failures.is_blocked(peer("::ffff:192.0.2.1")), "the same address as IPv4-mapped IPv6");
        assert!(!failures.is_blocked(peer("192.0.2.2")));
        assert!(!failures.is_blocked(None));
        tokio::time::advance(Duration::from_secs(21)).await;
        assert!(
            !failures.is_blocked(peer("192.0.2.1")),
            "one attempt is available after a third of a minute"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_addresses_of_an_ipv6_64_share_a_limit() {
        let failures = FailedAttempts::new(1);
        failures.record(peer("2001:db8:0:1::1"));
        assert!(failures.is_blocked(peer("2001:db8:0:1:ffff::2")), "the same /64");
        assert!(!failures.is_blocked(peer("2001:db8:0:2::1")));
    }

    #[tokio::test(start_paused = true)]
    async fn networks_beyond_the_maximum_share_a_limit() {
        let failures = FailedAttempts::new(2);
        let address = |n: u32| Some(IpAddr::V6(Ipv6Addr::from(u128::from(n) << 64)));
        for n in 0..20_000 {
            failures.record(address(n));
        }
        assert!(failures.is_blocked(address(30_000)));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(!failures.is_blocked(address(30_000)));
    }
}
