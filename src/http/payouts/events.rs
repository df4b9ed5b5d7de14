//! `GET /payouts/{id}/events`: the payout after each of its changes, as server-sent events.
//!
//! `id` is the sequence, `event` the type of the change, `data` the object that a poll would have shown then. A stream that
//! resumes gets every change since, in order and once each: those that happen while it is open come from the actor, and any
//! that are not at hand out of the journal. It ends after the payout has failed, which nothing follows; a delivery can still
//! be reversed, so a stream goes on after that. And it ends when it gets old or the server stops, to be resumed.

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

use super::read::after_sequence;
use super::{PathId, own, store_unavailable};
use crate::http::event_stream::{self, HEARTBEAT};
use crate::http::query::{Parameters, whole_number};
use crate::http::router::ApiState;
use crate::http::{Principal, Problem};
use crate::runtime::keyed_permits::Permit;
use crate::runtime::shutdown::Shutdown;

const LAST_EVENT_ID: &str = "Last-Event-ID";

/// Opens a stream.
pub(in crate::http) async fn events(
    State(edge): State<ApiState>,
    principal: Principal,
    PathId(id): PathId,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asked = after_sequence(&Parameters::of(query.as_deref(), &["after_sequence"])?)?;
    // A client that resumes repeats the query it began with, so the header is newer.
    let seen = last_event_id(&headers)?.or(asked);
    // Before the payout is read, so that nothing happens in between unseen.
    let watch = edge.payouts.subscribe(id);
    let snapshot = own(&edge, principal, id).await?;
    if has_ended(&snapshot) && seen.is_some_and(|seen| seen >= snapshot.sequence) {
        // Tells the client not to come back.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let place = edge.waiting.place(principal)?;
    let missed = match seen {
        Some(seen) => missed(&edge, &snapshot, seen).await,
        None => newest(&edge, &snapshot).await,
    };
    let missed = missed.map_err(|error| store_unavailable(&error))?;
    let sent = missed.front().map(|first| Sequence(first.sequence().0 - 1)).or(seen);
    let updates = Updates {
        ends_at: Instant::now() + edge.waiting.config().stream_age,
        stop: edge.waiting.stop(),
        edge,
        id,
        watch,
        sent: sent.unwrap_or(snapshot.sequence),
        ready: missed,
        step: Step::Opening,
        _place: place,
    };
    Ok(event_stream::answer(stream::unfold(updates, Updates::next)))
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<Sequence>, Problem> {
    let mut given = headers.get_all(LAST_EVENT_ID).iter();
    let Some(value) = given.next() else { return Ok(None) };
    let text = value.to_str().unwrap_or("?");
    // What a client sends that has not seen an event yet.
    if text.is_empty() {
        return Ok(None);
    }
    let number = whole_number(text).filter(|_| given.next().is_none());
    let number = number.ok_or_else(|| {
        Problem::validation(LAST_EVENT_ID, "Last-Event-ID: must be the id of an event, a whole number.")
    })?;
    Ok(Some(Sequence(number)))
}

/// Nothing ever follows.
fn has_ended(snapshot: &Snapshot) -> bool {
    snapshot.status() == Status::Failed
}

/// Every change after `seen`.
async fn missed(
    edge: &ApiState,
    snapshot: &Snapshot,
    seen: Sequence,
) -> Result<VecDeque<Change>, Unavailable> {
    if seen >= snapshot.sequence {
        return Ok(VecDeque::new());
    }
    history(edge, snapshot.payout.id, seen).await
}

/// The newest change.
async fn newest(edge: &ApiState, snapshot: &Snapshot) -> Result<VecDeque<Change>, Unavailable> {
    if snapshot.sequence == Sequence::FIRST {
        return Ok([Change::creation(snapshot.payout.clone())].into());
    }
    let mut history = history(edge, snapshot.payout.id, Sequence(0)).await?;
    Ok(history.pop_back().into_iter().collect())
}

async fn history(edge: &ApiState, id: PayoutId, after: Sequence) -> Result<VecDeque<Change>, Unavailable> {
    let history = edge.payouts.history(id, after).await?;
    history.map(VecDeque::from).ok_or_else(|| Unavailable(format!("{id} is gone")))
}

/// An open stream.
struct Updates {
    edge: ApiState,
    id: PayoutId,
    watch: Subscription,
    /// The change sent last.
    sent: Sequence,
    /// Changes to be sent, oldest first.
    ready: VecDeque<Change>,
    step: Step,
    ends_at: Instant,
    stop: Shutdown,
    _place: Permit<Uuid>,
}

/// What an open stream does next.
enum Step {
    /// Says when to come back.
    Opening,
    /// Sends what is ready, or waits.
    Going,
    /// Ends: the payout has.
    Ending,
}

/// What an open stream has been waiting for.
enum Waited {
    Changes(VecDeque<Change>),
    Silence,
    Over,
}

impl Updates {
    async fn next(mut self) -> Option<(String, Self)> {
        match self.step {
            Step::Opening => {
                self.step = Step::Going;
                let mut opening = event_stream::retry();
                if let Some(first) = self.ready.pop_front() {
                    opening.push_str(&self.event(&first)?);
                }
                Some((opening, self))
            }
            Step::Going => {
                let frame = self.frame().await?;
                Some((frame, self))
            }
            Step::Ending => None,
        }
    }

    /// The next event or heartbeat; `None` where the stream is to end.
    async fn frame(&mut self) -> Option<String> {
        loop {
            if let Some(change) = self.ready.pop_front() {
                return self.event(&change);
            }
            match self.wait().await {
                Waited::Changes(changes) => self.ready = changes,
                Waited::Silence => return Some(HEARTBEAT.into()),
                Waited::Over => return None,
            }
        }
    }

    async fn wait(&mut self) -> Waited {
        let heartbeat = self.edge.waiting.config().heartbeat;
        let news = tokio::select! {
            news = self.watch.update_past(self.sent) => news,
            () = tokio::time::sleep(heartbeat) => return Waited::Silence,
            () = tokio::time::sleep_until(self.ends_at) => return Waited::Over,
            () = self.stop.requested() => return Waited::Over,
        };
        if let Some(changes) = news.after(self.sent) {
            return Waited::Changes(changes.into());
        }
        match history(&self.edge, self.id, self.sent).await {
            Ok(changes) if !changes.is_empty() => Waited::Changes(changes),
            Ok(_) => {
                tracing::error!(payout = %self.id, "a stream ends early: its payout moved and its journal did not");
                Waited::Over
            }
            Err(error) => {
                // The client resumes where this ends.
                tracing::warn!(%error, payout = %self.id, "a stream ends early: its payout's history could not be read");
                Waited::Over
            }
        }
    }

    /// Writes a change, which must be the very next.
    fn event(&mut self, change: &Change) -> Option<String> {
        let sequence = change.sequence();
        if sequence != self.sent.next() {
            tracing::error!(payout = %self.id, sent = self.sent.0, sequence = sequence.0, "a stream has a gap; ending it");
            return None;
        }
        self.sent = sequence;
        if has_ended(&change.snapshot) {
            self.step = Step::Ending;
        }
        let data = serde_json::to_string(&self.edge.renderer.payout(&change.snapshot));
        let data = data.inspect_err(|error| tracing::error!(%error, "an event could not be written")).ok()?;
        Some(format!("id: {sequence}\nevent: {}\ndata: {data}\n\n", change.kind.as_str()))
    }
}
