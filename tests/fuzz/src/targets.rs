//! All targets.

mod amount;
mod bodies;
mod config;
mod destination;
mod headers;
mod ids;
mod lists;
mod machine;
mod quote_id;
mod report;
mod webhook_url;

use crate::Target;

/// All targets.
pub const TARGETS: [Target; 14] = [
    amount::TARGET,
    bodies::CREATE,
    bodies::QUOTE,
    config::TARGET,
    destination::TARGET,
    headers::AUTHORIZATION,
    headers::IDEMPOTENCY_KEY,
    ids::TARGET,
    lists::CURSOR,
    lists::QUERY,
    machine::TARGET,
    quote_id::TARGET,
    report::TARGET,
    webhook_url::TARGET,
];
