//! `GET /track/{token}/events`: the changing part of the page, as server-sent events.
//!
//! The id of each event is the payout's sequence, so a resumed stream sends what the reader has missed. A page shows the
//! current state only, so of several changes at once the newest is sent.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use payoutd_actors::read::subscriptions::Subscription;
use payoutd_domain::{PayoutId, Sequence, Snapshot};
use tokio::time::Instant;

use super::reader::Reader;
use super::site::Site;
use crate::http::response::event_stream::{HEARTBEAT, event_stream, reconnect_delay};
use crate::runtime::keyed_permits::Permit;
use crate::runtime::shutdown::Shutdown;
use crate::tracking::{Language, LookupError, PageRenderer};

pub(super) async fn events(
    State(site): State<Arc<Site>>,
    reader: Reader,
    token: Result<Path<String>, PathRejection>,
) -> Result<Response, LookupError> {
    let Ok(Path(token)) = token else { return Err(LookupError::NotFound) };
    let id = site.token_lookup.find(&token, reader.peer).await?;
    // Subscribing before the read ensures that no change in between is missed.
    let subscription = site.payouts.subscribe(id);
    let snapshot = site.read(id).await?;
    let has_seen_newest = reader.has_seen(snapshot.sequence);
    if has_seen_newest && PageRenderer::has_ended(&snapshot) {
        // This status stops the browser from reconnecting.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let permit = site.streams.try_acquire(id).map_err(|_| LookupError::TooMany)?;
    let sequence = snapshot.sequence;
    let page_stream = PageStream {
        heartbeat: site.config.heartbeat,
        ends_at: Instant::now() + site.config.stream_age,
        shutdown: site.shutdown.clone(),
        language: reader.language,
        site,
        subscription,
        sequence,
        phase: Phase::Opening((!has_seen_newest).then_some(snapshot)),
        _permit: permit,
    };
    Ok(event_stream(stream::unfold(page_stream, PageStream::next)))
}

/// The state of an open stream.
struct PageStream {
    site: Arc<Site>,
    subscription: Subscription,
    language: Language,
    /// The sequence of the last event sent.
    sequence: Sequence,
    phase: Phase,
    heartbeat: Duration,
    ends_at: Instant,
    shutdown: Shutdown,
    _permit: Permit<PayoutId>,
}

enum Phase {
    /// Sends the reconnection delay, and the current state if the reader has not seen it.
    Opening(Option<Arc<Snapshot>>),
    /// Sends changes and heartbeats.
    Streaming,
    /// Ends the stream: the final change has been sent.
    Ending,
}

impl PageStream {
    async fn next(mut self) -> Option<(String, Self)> {
        match std::mem::replace(&mut self.phase, Phase::Streaming) {
            Phase::Opening(missed) => {
                let missed = missed.map_or(Some(String::new()), |snapshot| self.render_event(&snapshot))?;
                Some((reconnect_delay() + &missed, self))
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
        tokio::select! {
            snapshot = self.subscription.moved_past(self.sequence) => self.render_event(&snapshot),
            () = tokio::time::sleep(self.heartbeat) => Some(HEARTBEAT.into()),
            () = tokio::time::sleep_until(self.ends_at) => None,
            () = self.shutdown.requested() => None,
        }
    }

    fn render_event(&mut self, snapshot: &Snapshot) -> Option<String> {
        self.sequence = snapshot.sequence;
        if PageRenderer::has_ended(snapshot) {
            self.phase = Phase::Ending;
        }
        let rendered = self.site.pages.fragment(snapshot, self.site.payouts.now(), self.language);
        let html = rendered
            .inspect_err(|error| tracing::error!(%error, "a tracking page could not be rendered"))
            .ok()?;
        Some(html_event(snapshot.sequence, &html))
    }
}

/// An event with HTML as its data.
fn html_event(sequence: Sequence, html: &str) -> String {
    let mut event = format!("event: change\nid: {sequence}\n");
    // In an event stream, a carriage return ends a line as a line feed does.
    for line in html.split(['\n', '\r']).filter(|line| !line.is_empty()) {
        event.push_str("data: ");
        event.push_str(line);
        event.push('\n');
    }
    event.push('\n');
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_in_html_cannot_start_another_event() {
        let sent = html_event(Sequence(7), "<p>a\r\nid: 9\n\ndata: x</p>\r");
        assert_eq!(sent, "event: change\nid: 7\ndata: <p>a\ndata: id: 9\ndata: data: x</p>\n\n");
    }
}
