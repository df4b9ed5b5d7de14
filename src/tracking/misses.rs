//! Slows down whoever guesses tokens.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The most peers whose misses are counted apart; those of all further ones are counted together.
const MAX_PEERS: usize = 10_000;
/// How often those who stopped are looked for: a crowd must not make every wrong token expensive.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// Counts wrong tokens by where they come from. Each place may send so many at once, and gets them back over a minute.
#[derive(Debug)]
pub(super) struct Misses {
    per_minute: u32,
    peers: Mutex<Peers>,
}

#[derive(Debug)]
struct Peers {
    of: HashMap<Option<IpAddr>, Bucket>,
    swept_at: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Misses {
    pub(super) fn new(per_minute: u32) -> Self {
        let peers = Peers { of: HashMap::new(), swept_at: Instant::now() };
        Self { per_minute: per_minute.max(1), peers: Mutex::new(peers) }
    }

    fn peers(&self) -> MutexGuard<'_, Peers> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether `peer` has sent so many wrong tokens that it gets no answer for now.
    pub(super) fn are_too_many(&self, peer: Option<IpAddr>) -> bool {
        let buckets = &self.peers().of;
        // Where there is no room left for newcomers, they share a bucket.
        let known = buckets.get(&network_of(peer)).or_else(|| {
            let full = buckets.len() >= MAX_PEERS;
            full.then(|| buckets.get(&None)).flatten()
        });
        known.is_some_and(|bucket| self.refilled(*bucket).left < 1.0)
    }

    /// Notes a wrong token.
    pub(super) fn count(&self, peer: Option<IpAddr>) {
        let mut peers = self.peers();
        let mut peer = network_of(peer);
        if peers.of.len() >= MAX_PEERS && !peers.of.contains_key(&peer) {
            if peers.swept_at.elapsed() >= SWEEP_EVERY {
                peers.of.retain(|_, bucket| self.refilled(*bucket).left < f64::from(self.per_minute));
                peers.swept_at = Instant::now();
            }
            if peers.of.len() >= MAX_PEERS {
                peer = None;
            }
        }
        let full = Bucket { left: f64::from(self.per_minute), at: Instant::now() };
        let bucket = peers.of.entry(peer).or_insert(full);
        *bucket = self.refilled(*bucket);
        bucket.left = (bucket.left - 1.0).max(0.0);
    }

    fn refilled(&self, bucket: Bucket) -> Bucket {
        let most = f64::from(self.per_minute);
        let left = bucket.left + bucket.at.elapsed().as_secs_f64() * most / 60.0;
        Bucket { left: left.min(most), at: Instant::now() }
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

    fn peer(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn one_peers_guesses_do_not_stop_another() {
        let misses = Misses::new(3);
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
    async fn a_crowd_of_guessers_is_counted_together() {
        let misses = Misses::new(2);
        let address = |n: u32| Some(IpAddr::V6(Ipv6Addr::from(u128::from(n) << 64)));
        for n in 0..20_000 {
            misses.count(address(n));
        }
        assert!(misses.are_too_many(address(30_000)));
        assert!(misses.peers().of.len() <= MAX_PEERS + 1);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(!misses.are_too_many(address(30_000)));
        misses.count(address(30_000));
        assert_eq!(misses.peers().of.len(), 1, "those who stopped are forgotten");
    }
}
