//! Limits concurrent attempts, so that slow endpoints do not delay others.
//!
//! Healthy endpoints share the larger pool. An endpoint whose last attempt failed or was slow is degraded until an
//! attempt succeeds in time. It gets one attempt at a time, from a separate pool that all degraded endpoints share.
//! Degraded endpoints therefore delay only each other, however many there are.

use std::collections::HashMap;

use super::DispatcherLimits;
use crate::webhooks::EndpointId;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pool {
    Healthy,
    Degraded,
}

#[derive(Debug, Default)]
struct EndpointState {
    /// The deliveries with an attempt in flight, each with the pool that counts it.
    in_flight: HashMap<i64, Pool>,
    degraded: bool,
    /// Consecutive healthy attempts, at most `per_endpoint`.
    successes: usize,
}

impl EndpointState {
    fn pool(&self) -> Pool {
        if self.degraded { Pool::Degraded } else { Pool::Healthy }
    }

    /// Whether the state differs from that of an unknown endpoint.
    fn is_relevant(&self) -> bool {
        self.degraded || self.successes > 0 || !self.in_flight.is_empty()
    }
}

/// Counts the attempts in flight, by endpoint and by pool.
#[derive(Debug)]
pub(super) struct ConcurrencyLimiter {
    limits: DispatcherLimits,
    endpoints: HashMap<EndpointId, EndpointState>,
    healthy: usize,
    degraded: usize,
}

impl ConcurrencyLimiter {
    pub(super) fn new(limits: DispatcherLimits) -> Self {
        Self { limits, endpoints: HashMap::new(), healthy: 0, degraded: 0 }
    }

    /// Acquires a permit for an attempt. Returns false if a limit is reached or the delivery already has an attempt in
    /// flight. `failing` is the initial state of an endpoint without attempts in flight.
    pub(super) fn acquire(&mut self, endpoint: EndpointId, delivery: i64, failing: bool) -> bool {
        let mut state = self.endpoints.remove(&endpoint).unwrap_or_default();
        if state.in_flight.is_empty() {
            state.degraded |= failing;
        }
        let acquired = self.has_capacity(&state) && !state.in_flight.contains_key(&delivery);
        if acquired {
            let pool = state.pool();
            state.in_flight.insert(delivery, pool);
            *self.count(pool) += 1;
        }
        self.insert_if_relevant(endpoint, state);
        acquired
    }

    /// Releases the permit of an attempt and updates the state of its endpoint.
    pub(super) fn release(&mut self, endpoint: EndpointId, delivery: i64, healthy: bool) {
        let Some(mut state) = self.endpoints.remove(&endpoint) else { return };
        if let Some(pool) = state.in_flight.remove(&delivery) {
            *self.count(pool) -= 1;
        }
        state.degraded = !healthy;
        state.successes = if healthy { (state.successes + 1).min(self.limits.per_endpoint) } else { 0 };
        self.insert_if_relevant(endpoint, state);
    }

    /// The endpoints that have reached a limit.
    pub(super) fn busy(&self) -> Vec<EndpointId> {
        let busy = self.endpoints.iter().filter(|(_, state)| !self.has_capacity(state));
        busy.map(|(id, _)| *id).collect()
    }

    /// Whether both pools are exhausted.
    pub(super) fn is_full(&self) -> bool {
        self.healthy >= self.limits.healthy && self.degraded >= self.limits.degraded
    }

    /// Whether one more attempt is within the limits. The limit of a healthy endpoint starts at one and grows by one
    /// with each success (slow start), because the latency of an unknown endpoint is unknown.
    fn has_capacity(&self, state: &EndpointState) -> bool {
        let (endpoint_limit, in_pool, pool_size) = match state.pool() {
            Pool::Healthy => {
                ((state.successes + 1).min(self.limits.per_endpoint), self.healthy, self.limits.healthy)
            }
            Pool::Degraded => (1, self.degraded, self.limits.degraded),
        };
        in_pool < pool_size && state.in_flight.len() < endpoint_limit
    }

    fn count(&mut self, pool: Pool) -> &mut usize {
        match pool {
            Pool::Healthy => &mut self.healthy,
            Pool::Degraded => &mut self.degraded,
        }
    }

    fn insert_if_relevant(&mut self, endpoint: EndpointId, state: EndpointState) {
        if state.is_relevant() {
            self.endpoints.insert(endpoint, state);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const LIMITS: DispatcherLimits =
        DispatcherLimits { healthy: 6, degraded: 2, per_endpoint: 3, ..DispatcherLimits::DEFAULT };

    fn endpoint(number: u8) -> EndpointId {
        EndpointId(Uuid::from_u128(number.into()))
    }

    #[test]
    fn the_limit_of_an_endpoint_grows_with_each_success_up_to_the_maximum() {
        let mut limiter = ConcurrencyLimiter::new(LIMITS);
        let acquire_all = |limiter: &mut ConcurrencyLimiter| {
            (0..10).filter(|n| limiter.acquire(endpoint(1), *n, false)).count()
        };
        assert_eq!(acquire_all(&mut limiter), 1, "an unknown endpoint gets one attempt");
        assert_eq!(limiter.busy(), [endpoint(1)]);
        limiter.release(endpoint(1), 0, true);
        assert_eq!(acquire_all(&mut limiter), 2);
        limiter.release(endpoint(1), 0, true);
        assert_eq!(acquire_all(&mut limiter), 2, "one is still in flight");
        limiter.release(endpoint(1), 1, true);
        assert_eq!(acquire_all(&mut limiter), 1, "per_endpoint is three");
        assert!(limiter.acquire(endpoint(2), 20, false), "other endpoints have capacity");
        limiter.release(endpoint(1), 0, false);
        assert_eq!(acquire_all(&mut limiter), 0, "a failure resets the limit to one");
    }

    #[test]
    fn degraded_endpoints_delay_only_each_other() {
        let mut limiter = ConcurrencyLimiter::new(LIMITS);
        for number in 1..=9 {
            let acquired = limiter.acquire(endpoint(number), number.into(), true);
            assert_eq!(acquired, number <= 2, "{number}");
        }
        assert!(!limiter.acquire(endpoint(1), 100, true), "one at a time");
        assert!(limiter.acquire(endpoint(50), 50, false));
        limiter.release(endpoint(1), 1, false);
        assert!(limiter.acquire(endpoint(3), 3, true));
        assert!(!limiter.acquire(endpoint(1), 1, false), "it is still degraded");
        limiter.release(endpoint(3), 3, true);
        let healthy_again = limiter.acquire(endpoint(3), 4, false) && limiter.acquire(endpoint(4), 5, false);
        assert!(healthy_again);
    }

    #[test]
    fn a_delivery_has_at_most_one_attempt_in_flight() {
        let mut limiter = ConcurrencyLimiter::new(LIMITS);
        assert!(limiter.acquire(endpoint(1), 7, false));
        assert!(!limiter.acquire(endpoint(1), 7, false));
        limiter.release(endpoint(1), 7, true);
        assert!(limiter.acquire(endpoint(1), 7, false));
    }

    proptest! {
        #[test]
        fn pools_never_exceed_their_size_and_every_permit_is_released(
            steps in proptest::collection::vec((0u8..12, 0i64..8, any::<bool>(), any::<bool>()), 0..300)
        ) {
            let mut limiter = ConcurrencyLimiter::new(LIMITS);
            let mut acquired: Vec<(EndpointId, i64)> = Vec::new();
            for (number, delivery, acquire, healthy) in steps {
                let id = endpoint(number);
                let delivery = i64::from(number) * 100 + delivery;
                if acquire {
                    if limiter.acquire(id, delivery, !healthy) {
                        prop_assert!(!acquired.contains(&(id, delivery)));
                        acquired.push((id, delivery));
                    }
                } else if let Some(index) = acquired.iter().position(|other| *other == (id, delivery)) {
                    acquired.swap_remove(index);
                    limiter.release(id, delivery, healthy);
                }
                prop_assert!(limiter.healthy <= LIMITS.healthy && limiter.degraded <= LIMITS.degraded);
                prop_assert_eq!(limiter.healthy + limiter.degraded, acquired.len());
            }
            for (id, delivery) in acquired {
                limiter.release(id, delivery, true);
            }
            prop_assert_eq!(limiter.healthy + limiter.degraded, 0);
            prop_assert!(limiter.busy().is_empty());
        }
    }
}
