//! `GET /payouts/{id}/events`: a payout's changes as server-sent events.
//!
//! The `id` of an event is the payout's sequence, `event` the type of the change, and `data` the payout as a poll would
//! have shown it then. A resumed stream sends every change since the last event, in order and exactly once. Changes
//! that happen while it is open come from the subscription, all others from the journal.
//!
//! The stream ends after the payout has failed, because no change follows. A delivery can still be reversed, so it does
//! not end the stream. The stream also ends at its maximum age and at a shutdown; the client then resumes it.

use std::collections::VecDeque;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use payoutd_actors::ports::Unavailable;
use payoutd_actors::read::subscriptions::Subscription;
use payoutd_domain::{Change, PayoutId, Sequence, Snapshot, Status};
use tokio::time::Instant;
use uuid::Uuid;

use super::find::{require_payout, store_unavailable};
use crate::http::api::state::ApiState;
use crate::http::extract::payout_id::PathPayoutId;
use crate::http::extract::query::{Parameters, after_sequence, whole_number};
use crate::http::principal::Principal;
use crate::http::response::event_stream::{HEARTBEAT, event_stream, reconnect_delay};
use crate::http::response::problem::Problem;
use crate::runtime::keyed_permits::Permit;
use crate::runtime::shutdown::Shutdown;

const LAST_EVENT_ID: &str = "Last-Event-ID";

pub(in crate::http::api) async fn events(
    State(state): State<ApiState>,
    principal: Principal,
    PathPayoutId(id): PathPayoutId,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let after = after_sequence(&Parameters::parse(query.as_deref(), &["after_sequence"])?)?;
    // A client that resumes repeats its first query, so the header is newer.
    let seen = last_event_id(&headers)?.or(after);
    // Subscribing before the read ensures that no change in between is missed.
    let subscription = state.payouts.subscribe(id);
    let snapshot = require_payout(&state, principal, id).await?;
    if is_final(&snapshot) && seen.is_some_and(|seen| seen >= snapshot.sequence) {
        // This status stops the client from reconnecting.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let permit = state.long_polls.acquire(principal)?;
    let missed = match seen {
        Some(seen) => changes_after(&state, &snapshot, seen).await,
        None => newest_change(&state, &snapshot).await,
    };
    let pending = missed.map_err(|error| store_unavailable(&error))?;
    let sent = pending.front().map(|first| Sequence(first.sequence().0 - 1)).or(seen);
    let changes = ChangeStream {
        ends_at: Instant::now() + state.long_polls.config().stream_age,
        shutdown: state.long_polls.shutdown(),
        state,
        id,
        subscription,
        sent: sent.unwrap_or(snapshot.sequence),
        pending,
        phase: Phase::Opening,
        _permit: permit,
    };
    Ok(event_stream(stream::unfold(changes, ChangeStream::next)))
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<Sequence>, Problem> {
    let mut given = headers.get_all(LAST_EVENT_ID).iter();
    let Some(value) = given.next() else { return Ok(None) };
    let text = value.to_str().unwrap_or("?");
    // Some clients send an empty header if they have not received an event.
    if text.is_empty() {
        return Ok(None);
    }
    let number = whole_number(text).filter(|_| given.next().is_none());
    let number = number.ok_or_else(|| {
        Problem::validation(LAST_EVENT_ID, "Last-Event-ID: must be the id of an event, a whole number.")
    })?;
    Ok(Some(Sequence(number)))
}

/// Whether no change can follow.
fn is_final(snapshot: &Snapshot) -> bool {
    snapshot.status() == Status::Failed
}

async fn changes_after(
    state: &ApiState,
    snapshot: &Snapshot,
    seen: Sequence,
) -> Result<VecDeque<Change>, Unavailable> {
    if seen >= snapshot.sequence {
        return Ok(VecDeque::new());
    }
    load_changes(state, snapshot.payout.id, seen).await
}

async fn newest_change(state: &ApiState, snapshot: &Snapshot) -> Result<VecDeque<Change>, Unavailable> {
    if snapshot.sequence == Sequence::FIRST {
        return Ok([Change::creation(snapshot.payout.clone())].into());
    }
    let mut changes = load_changes(state, snapshot.payout.id, Sequence(0)).await?;
    Ok(changes.pop_back().into_iter().collect())
}

/// Reads the changes after `after` from the journal.
async fn load_changes(
    state: &ApiState,
    id: PayoutId,
    after: Sequence,
) -> Result<VecDeque<Change>, Unavailable> {
    let changes = state.payouts.history(id, after).await?;
    changes.map(VecDeque::from).ok_or_else(|| Unavailable(format!("{id} does not exist")))
}

/// The state of an open stream.
struct ChangeStream {
    state: ApiState,
    id: PayoutId,
    subscription: Subscription,
    /// The sequence of the last event sent.
    sent: Sequence,
    /// Changes to be sent, oldest first.
    pending: VecDeque<Change>,
    phase: Phase,
    ends_at: Instant,
    shutdown: Shutdown,
    _permit: Permit<Uuid>,
}

enum Phase {
    /// Sends the reconnection delay and the first pending change.
    Opening,
    /// Sends changes and heartbeats.
    Streaming,
    /// Ends the stream: the final change has been sent.
    Ending,
}

enum WaitResult {
    Changes(VecDeque<Change>),
    Heartbeat,
    End,
}

impl ChangeStream {
    async fn next(mut self) -> Option<(String, Self)> {
        match self.phase {
            Phase::Opening => {
                self.phase = Phase::Streaming;
                let mut frame = reconnect_delay();
                if let Some(first) = self.pending.pop_front() {
                    frame.push_str(&self.render_event(&first)?);
                }
                Some((frame, self))
            }
            Phase::Streaming => {
                let frame = self.next_frame().await?;
                Some((frame, self))
            }
            Phase::Ending => None,
        }
    }

    /// The next event or heartbeat, or `None` to end the stream.
    async fn next_frame(&mut self) -> Option<String> {
        loop {
            if let Some(change) = self.pending.pop_front() {
                return self.render_event(&change);
            }
            match self.wait().await {
                WaitResult::Changes(changes) => self.pending = changes,
                WaitResult::Heartbeat => return Some(HEARTBEAT.into()),
                WaitResult::End => return None,
            }
        }
    }

    async fn wait(&mut self) -> WaitResult {
        let heartbeat = self.state.long_polls.config().heartbeat;
        let update = tokio::select! {
            update = self.subscription.update_past(self.sent) => update,
            () = tokio::time::sleep(heartbeat) => return WaitResult::Heartbeat,
            () = tokio::time::sleep_until(self.ends_at) => return WaitResult::End,
            () = self.shutdown.requested() => return WaitResult::End,
        };
        if let Some(changes) = update.after(self.sent) {
            return WaitResult::Changes(changes.into());
        }
        match load_changes(&self.state, self.id, self.sent).await {
            Ok(changes) if !changes.is_empty() => WaitResult::Changes(changes),
            Ok(_) => {
                tracing::error!(payout = %self.id, "closing an event stream: the journal lacks an announced change");
                WaitResult::End
            }
            Err(error) => {
                // The client resumes after the last event that it has received.
                tracing::warn!(%error, payout = %self.id, "closing an event stream: the journal cannot be read");
                WaitResult::End
            }
        }
    }

    /// Renders a change, which must be the successor of the last one sent. Otherwise returns `None`.
    fn render_event(&mut self, change: &Change) -> Option<String> {
        let sequence = change.sequence();
        if sequence != self.sent.next() {
            let sent = self.sent.0;
            tracing::error!(payout = %self.id, sent, sequence = sequence.0, "closing an event stream: it has a gap");
            return None;
        }
        self.sent = sequence;
        if is_final(&change.snapshot) {
            self.phase = Phase::Ending;
        }
        let data = serde_json::to_string(&self.state.renderer.payout(&change.snapshot));
        let data =
            data.inspect_err(|error| tracing::error!(%error, "an event could not be serialized")).ok()?;
        Some(format!("id: {sequence}\nevent: {}\ndata: {data}\n\n", change.kind.as_str()))
    }
}
