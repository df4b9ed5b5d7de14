//! Slows down whoever guesses tokens or keys.

use std::net::{IpAddr, Ipv6Addr};

use super::{Level, Rate, TokenBuckets};

/// Counts wrong guesses by where they come from. Each place may send so many at once, and gets them back over a minute.
#[derive(Debug)]
pub struct FailedAttempts(TokenBuckets<Option<IpAddr>>);

impl FailedAttempts {
    /// So many wrong guesses a minute from one place, at least 1.
    #[must_use]
    pub fn new(per_minute: u32) -> Self {
        let burst = per_minute.max(1);
        Self(TokenBuckets::new(Rate { per_second: f64::from(burst) / 60.0, burst }))
    }

    /// How many there may be.
    #[must_use]
    pub fn rate(&self) -> Rate {
        self.0.rate()
    }

    /// How many more `peer` may send.
    pub fn level(&self, peer: Option<IpAddr>) -> Level {
        self.0.look(network_of(peer))
    }

    /// Whether `peer` has sent so many wrong ones that it gets no answer for now.
    pub fn are_too_many(&self, peer: Option<IpAddr>) -> bool {
        self.level(peer).left == 0
    }

    /// Notes a wrong one.
    pub fn count(&self, peer: Option<IpAddr>) {
        self.0.take(network_of(peer));
    }
}

/// Whoever has one IPv6 address usually has the whole /64.
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
    async fn one_peers_guesses_do_not_stop_another() {
        let misses = FailedAttempts::new(3);
        for _ in 0..3 {
            assert!(!misses.are_too_many(peer("192.0.2.1")));
            misses.count(peer("192.0.2.1"));
        }
        assert!(misses.are_too_many(peer("192.0.2.1")));
        assert!(misses.are_too_many(peer("::ffff:192.0.2.1")), "the same address, written otherwise");
        assert!(!misses.are_too_many(peer("192.0.2.2")));
        assert!(!misses.are_too_many(None));
        tokio::time::advance(Duration::from_secs(21)).await;
        assert!(!misses.are_too_many(peer("192.0.2.1")), "a third of a minute gives one back");
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_is_one_place() {
        let misses = FailedAttempts::new(1);
        misses.count(peer("2001:db8:0:1::1"));
        assert!(misses.are_too_many(peer("2001:db8:0:1:ffff::2")), "the same /64");
        assert!(!misses.are_too_many(peer("2001:db8:0:2::1")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_of_guessers_is_counted_together() {
        let misses = FailedAttempts::new(2);
        let address = |n: u32| Some(IpAddr::V6(Ipv6Addr::from(u128::from(n) << 64)));
        for n in 0..20_000 {
            misses.count(address(n));
        }
        assert!(misses.are_too_many(address(30_000)));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(!misses.are_too_many(address(30_000)));
    }
}
