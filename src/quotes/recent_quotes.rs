//! A cache of recent live quotes, which saves the read when a quote is executed.
//!
//! Live quotes never change, so a cached quote is never stale. Sandbox quotes are not cached, because they are renewed.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use payoutd_domain::{QuoteId, Timestamp};

use super::Quote;

/// The newest live quotes, at most `capacity`.
#[derive(Debug)]
pub(super) struct RecentQuotes {
    capacity: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    quotes: HashMap<QuoteId, Quote>,
    /// Oldest first. All quotes have the same lifetime, so this is also the order of their expiry.
    order: VecDeque<(QuoteId, Timestamp)>,
}

impl RecentQuotes {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, inner: Mutex::default() }
    }

    pub(super) fn insert(&self, quote: Quote, now: Timestamp) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        while inner.order.len() >= self.capacity || inner.order.front().is_some_and(|(_, end)| *end <= now) {
            let Some((oldest, _)) = inner.order.pop_front() else { break };
            inner.quotes.remove(&oldest);
        }
        let id = quote.terms.quote_id.clone();
        inner.order.push_back((id.clone(), quote.expires_at));
        inner.quotes.insert(id, quote);
    }

    pub(super) fn get(&self, id: &QuoteId) -> Option<Quote> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).quotes.get(id).cloned()
    }
}
