//! The store traits of the services, implemented once for both databases.

mod api_keys;
mod idempotency;
mod outbox;
mod parked_reports;
pub(super) mod payouts;
mod planned_reports;
mod quotes;
pub(super) mod settings;
pub(super) mod webhooks;
