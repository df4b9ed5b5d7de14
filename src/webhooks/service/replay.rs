//! Replays: deliveries that are sent again, or that did not exist before.

use payoutd_actors::ports::Unavailable;
use payoutd_domain::{Account, PayoutId, Sequence, Timestamp};

use super::{WebhookError, WebhookService};
use crate::webhooks::event::events;
use crate::webhooks::{Endpoint, EndpointId, NewDelivery};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayRequest {
    /// All changes of one payout that the endpoint subscribes to, including those from before the endpoint existed.
    Payout(PayoutId),
    /// One change of one payout.
    Change(PayoutId, Sequence),
    /// All existing deliveries whose change was committed at this time or later.
    Since(Timestamp),
}

impl WebhookService {
    /// Makes deliveries due again. They keep their message ids and their order. Returns their number.
    ///
    /// # Errors
    /// Returns `NotFound` if the account has no endpoint with this id, `Disabled` if the endpoint is disabled,
    /// `PayoutNotFound` if the account has no such payout, `Invalid` if the endpoint does not subscribe to such a change.
    pub async fn replay(
        &self,
        account: Account,
        id: EndpointId,
        request: ReplayRequest,
    ) -> Result<u64, WebhookError> {
        let endpoint = self.find(account, id).await?;
        if endpoint.disabled.is_some() {
            return Err(WebhookError::Disabled);
        }
        let now = self.clock.now();
        let count = match request {
            ReplayRequest::Since(since) => self.store.replay_since(id, since, now).await?,
            ReplayRequest::Payout(payout) => {
                let deliveries = self.deliveries_of_payout(account, &endpoint, payout).await?;
                self.store.replay(id, &deliveries, now).await?
            }
            ReplayRequest::Change(payout, sequence) => {
                let mut deliveries = self.deliveries_of_payout(account, &endpoint, payout).await?;
                deliveries.retain(|delivery| delivery.sequence == sequence);
                if deliveries.is_empty() {
                    let detail = "must be that of a change that this endpoint subscribes to".into();
                    return Err(WebhookError::Invalid { field: "sequence", detail });
                }
                self.store.replay(id, &deliveries, now).await?
            }
        };
        self.wakeup.notify_one();
        Ok(count)
    }

    /// The deliveries of all changes of a payout that the endpoint subscribes to.
    async fn deliveries_of_payout(
        &self,
        account: Account,
        endpoint: &Endpoint,
        payout_id: PayoutId,
    ) -> Result<Vec<NewDelivery>, WebhookError> {
        let found = self.journal.load(&[payout_id]).await?.into_iter().next().flatten();
        let stored = found.filter(|stored| Account::from(&*stored.created.terms) == account);
        let stored = stored.ok_or(WebhookError::PayoutNotFound)?;
        let events = events(&stored).map_err(|error| Unavailable(error.to_string()))?;
        let subscribed = events.iter().filter(|event| endpoint.types.contains(&event.kind));
        Ok(subscribed
            .map(|event| NewDelivery {
                payout_id,
                sequence: event.sequence(),
                kind: event.kind,
                committed_at: event.change.recorded_at,
            })
            .collect())
    }
}
