//! Request metrics. Handles are cached, because a lookup in the recorder for every request is expensive.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};

/// The metric labels of a request besides its route. Clients cannot create new values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct RequestLabels {
    pub(super) method: &'static str,
    /// `None` if the client disconnected before the response.
    pub(super) status: Option<u16>,
}

/// The request metrics of one router.
pub(in crate::http) struct RequestMetrics {
    pub(super) in_flight: Gauge,
    /// Metrics by route pattern.
    routes: RwLock<HashMap<Box<str>, RouteMetrics>>,
}

struct RouteMetrics {
    seconds: Histogram,
    requests: HashMap<RequestLabels, Counter>,
}

impl RequestMetrics {
    /// Call this after the metrics recorder is installed.
    pub(in crate::http) fn new() -> Self {
        Self { in_flight: metrics::gauge!("payoutd_http_requests_in_flight"), routes: RwLock::default() }
    }

    /// Records a finished request.
    pub(super) fn record(&self, route: &str, labels: RequestLabels, elapsed: Duration) {
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
        self.register(route, labels);
        self.record(route, labels, elapsed);
    }

    fn register(&self, route: &str, labels: RequestLabels) {
        let requests = metrics::counter!(
            "payoutd_http_requests_total",
            "route" => route.to_owned(),
            "method" => labels.method,
            "status" => labels.status.map_or_else(|| "aborted".to_owned(), |status| status.to_string())
        );
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        let route_metrics = routes.entry(route.into()).or_insert_with(|| RouteMetrics {
            seconds: metrics::histogram!("payoutd_http_request_seconds", "route" => route.to_owned()),
            requests: HashMap::new(),
        });
        route_metrics.requests.insert(labels, requests);
    }
}
