//! Live quotes given a moment ago, so that executing one need not read it back.
//!
//! Only live quotes come here: they never change once given, so a copy can never be wrong. Sandbox quotes are renewed.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use payoutd_domain::{QuoteId, Timestamp};

use super::Quote;

/// At most so many of the newest live quotes.
#[derive(Debug)]
pub(super) struct RecentQuotes {
    capacity: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    quotes: HashMap<QuoteId, Quote>,
    /// Oldest first. All live equally long, so that is also the order in which they expire.
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
