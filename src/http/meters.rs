//! The edge's metrics of requests, each found once and not anew for every request.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};

/// What a request is counted under, besides its route. Few, whatever clients send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Labels {
    pub(super) method: &'static str,
    /// `None` where the client hung up before.
    pub(super) status: Option<u16>,
}

/// The meters of one router.
pub(super) struct Meters {
    pub(super) in_flight: Gauge,
    /// By the path's pattern.
    routes: RwLock<HashMap<Box<str>, Route>>,
}

struct Route {
    seconds: Histogram,
    requests: HashMap<Labels, Counter>,
}

impl Meters {
    /// To be made once metrics are recorded.
    pub(super) fn new() -> Self {
        Self { in_flight: metrics::gauge!("payoutd_http_requests_in_flight"), routes: RwLock::default() }
    }

    /// Counts a request that took so long.
    pub(super) fn count(&self, route: &str, labels: Labels, elapsed: Duration) {
        {
            let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = routes.get(route)
                && let Some(requests) = known.requests.get(&labels)
            {
                requests.increment(1);
                known.seconds.record(elapsed);
                return;
            }
        }
        self.make_known(route, labels);
        self.count(route, labels, elapsed);
    }

    fn make_known(&self, route: &str, labels: Labels) {
        let requests = metrics::counter!(
            "payoutd_http_requests_total",
            "route" => route.to_owned(),
            "method" => labels.method,
            "status" => labels.status.map_or_else(|| "aborted".to_owned(), |status| status.to_string())
        );
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        let known = routes.entry(route.into()).or_insert_with(|| Route {
            seconds: metrics::histogram!("payoutd_http_request_seconds", "route" => route.to_owned()),
            requests: HashMap::new(),
        });
        known.requests.insert(labels, requests);
    }
}
