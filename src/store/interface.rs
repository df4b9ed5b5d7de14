use async_trait::async_trait;
use payoutd_actors::ports::{Journal, Unavailable};

use super::error::MigrateError;
use super::lease::LeaseGuard;
use crate::api_keys::ApiKeyStore;
use crate::idempotency::IdempotencyStore;
use crate::outbox::Outbox;
use crate::payout_query::PayoutQueryStore;
use crate::quotes::{QuoteStore, QuoteUsage};
use crate::reports::ParkedReportStore;
use crate::sandbox::PlanStore;
use crate::tracking::TokenIndex;
use crate::webhooks::WebhookStore;

/// A database that implements the store traits of all services.
#[async_trait]
pub trait Store:
    Journal
    + QuoteStore
    + QuoteUsage
    + IdempotencyStore
    + ApiKeyStore
    + PayoutQueryStore
    + Outbox
    + ParkedReportStore
    + PlanStore
    + WebhookStore
    + TokenIndex
{
    /// Applies the missing migrations.
    ///
    /// # Errors
    /// Returns an error if a migration fails. The migrations before it stay applied.
    async fn migrate(&self) -> Result<(), MigrateError>;

    /// Checks that the database answers.
    ///
    /// # Errors
    /// Returns `Unavailable` if it does not.
    async fn ping(&self) -> Result<(), Unavailable>;

    /// Prepares every statement against the schema.
    ///
    /// # Errors
    /// Returns `Unavailable` with the name of the first statement that cannot be prepared.
    async fn check_statements(&self) -> Result<(), Unavailable>;

    /// The value of the setting `name`. If it has none, `default` is stored and returned.
    ///
    /// # Errors
    /// Returns `Unavailable` if the store cannot be written.
    async fn setting(&self, name: &str, default: &str) -> Result<String, Unavailable>;

    /// Waits until this process holds the lease on the database. The guard holds it until it is dropped.
    async fn acquire_lease(&self) -> LeaseGuard;

    /// Closes all connections after the statements in progress.
    async fn close(&self);
}
