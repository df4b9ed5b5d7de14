//! Sending again what was sent before, or should have been.

use payoutd_actors::ports::Unavailable;
use payoutd_domain::{PayoutId, Sequence, Timestamp};

use super::{Owner, WebhookError, WebhookService};
use crate::webhooks::history::history;
use crate::webhooks::{Endpoint, EndpointId, NewDelivery};

/// What is to be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayRequest {
    /// Everything about one payout that the endpoint asks for, also from before there was the endpoint.
    Payout(PayoutId),
    /// One change of it.
    Change(PayoutId, Sequence),
    /// Every delivery there is a record of whose change was committed then or later.
    Since(Timestamp),
}

impl WebhookService {
    /// Has deliveries sent again, with the same ids and in the same order. Returns how many.
    ///
    /// # Errors
    /// Where there is no such endpoint or nothing to replay, or the endpoint is disabled.
    pub async fn replay(
        &self,
        owner: Owner,
        id: EndpointId,
        request: ReplayRequest,
    ) -> Result<u64, WebhookError> {
        let endpoint = self.find(owner, id).await?;
        if endpoint.disabled.is_some() {
            return Err(WebhookError::Disabled);
        }
        let now = self.clock.now();
        let count = match request {
            ReplayRequest::Since(since) => self.store.replay_since(id, since, now).await?,
            ReplayRequest::Payout(payout) => {
                let told = self.told(owner, &endpoint, payout).await?;
                self.store.replay(id, &told, now).await?
            }
            ReplayRequest::Change(payout, sequence) => {
                let told = self.told(owner, &endpoint, payout).await?;
                let one: Vec<_> = told.into_iter().filter(|told| told.sequence == sequence).collect();
                if one.is_empty() {
                    let detail = "must be that of a change this endpoint is told of".into();
                    return Err(WebhookError::Invalid { field: "sequence", detail });
                }
                self.store.replay(id, &one, now).await?
            }
        };
        self.hint.notify_one();
        Ok(count)
    }

    /// What the endpoint is told of one payout.
    async fn told(
        &self,
        owner: Owner,
        endpoint: &Endpoint,
        payout_id: PayoutId,
    ) -> Result<Vec<NewDelivery>, WebhookError> {
        let found = self.journal.load(&[payout_id]).await?.into_iter().next().flatten();
        let stored = found.filter(|stored| owner.owns_payout(&stored.created));
        let stored = stored.ok_or(WebhookError::PayoutNotFound)?;
        let told = history(&stored).map_err(|error| Unavailable(error.to_string()))?;
        let wanted = told.iter().filter(|told| endpoint.types.contains(&told.kind));
        Ok(wanted
            .map(|told| NewDelivery {
                payout_id,
                sequence: told.sequence(),
                kind: told.kind,
                committed_at: told.change.recorded_at,
            })
            .collect())
    }
}
