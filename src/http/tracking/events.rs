//! `GET /track/{token}/events`: the changing part of the page, as server-sent events.
//!
//! The id of each event is the payout's sequence, so a reader that comes back gets what it missed. A page shows a payout as
//! it is, so of changes that come at once only the newest is sent.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use payoutd_actors::read::subscriptions::Subscription;
use payoutd_domain::{PayoutId, Sequence, Snapshot};
use tokio::time::Instant;

use super::{PathText, Reader, Site};
use crate::http::event_stream::{self, HEARTBEAT};
use crate::runtime::keyed_permits::Permit;
use crate::runtime::shutdown::Shutdown;
use crate::tracking::{Language, LookupError, PageRenderer};

pub(super) async fn events(
    State(site): State<Arc<Site>>,
    reader: Reader,
    token: PathText,
) -> Result<Response, LookupError> {
    let Ok(Path(token)) = token else { return Err(LookupError::NotFound) };
    let id = site.token_lookup.find(&token, reader.peer).await?;
    // Before the payout is read, so that nothing happens in between unseen.
    let watch = site.payouts.subscribe(id);
    let snapshot = site.read(id).await?;
    let known = reader.knows(snapshot.sequence);
    if known && PageRenderer::has_ended(&snapshot) {
        // Tells a browser not to come back.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let place = site.streams.try_acquire(id).map_err(|_| LookupError::TooMany)?;
    let sequence = snapshot.sequence;
    let updates = Updates {
        heartbeat: site.config.heartbeat,
        ends_at: Instant::now() + site.config.stream_age,
        stop: site.stop.clone(),
        language: reader.language,
        site,
        watch,
        sequence,
        next: Next::Opening((!known).then_some(snapshot)),
        _place: place,
    };
    Ok(event_stream::answer(stream::unfold(updates, Updates::next)))
}

/// An open stream.
struct Updates {
    site: Arc<Site>,
    watch: Subscription,
    language: Language,
    /// The change sent last.
    sequence: Sequence,
    next: Next,
    heartbeat: Duration,
    ends_at: Instant,
    stop: Shutdown,
    _place: Permit<PayoutId>,
}

/// What an open stream does next.
enum Next {
    /// Says when to come back, and what the reader has missed.
    Opening(Option<Arc<Snapshot>>),
    /// Waits for a change.
    Waiting,
    /// Ends: the payout has.
    Ending,
}

impl Updates {
    async fn next(mut self) -> Option<(String, Self)> {
        match std::mem::replace(&mut self.next, Next::Waiting) {
            Next::Opening(missed) => {
                let missed = missed.map_or(Some(String::new()), |snapshot| self.event(&snapshot))?;
                Some((event_stream::retry() + &missed, self))
            }
            Next::Waiting => {
                let frame = self.wait().await?;
                Some((frame, self))
            }
            Next::Ending => None,
        }
    }

    /// The next event or heartbeat; `None` where the stream is to end.
    async fn wait(&mut self) -> Option<String> {
        tokio::select! {
            snapshot = self.watch.moved_past(self.sequence) => self.event(&snapshot),
            () = tokio::time::sleep(self.heartbeat) => Some(HEARTBEAT.into()),
            () = tokio::time::sleep_until(self.ends_at) => None,
            () = self.stop.requested() => None,
        }
    }

    fn event(&mut self, snapshot: &Snapshot) -> Option<String> {
        self.sequence = snapshot.sequence;
        if PageRenderer::has_ended(snapshot) {
            self.next = Next::Ending;
        }
        let rendered = self.site.pages.fragment(snapshot, self.site.payouts.now(), self.language);
        let html = rendered
            .inspect_err(|error| tracing::error!(%error, "a tracking page could not be rendered"))
            .ok()?;
        Some(event(snapshot.sequence, &html))
    }
}

/// An event whose data is this HTML.
fn event(sequence: Sequence, html: &str) -> String {
    let mut event = format!("event: change\nid: {sequence}\n");
    // A carriage return ends a line of the stream just as a line feed does.
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
    fn no_line_of_html_breaks_out_of_its_event() {
        let sent = event(Sequence(7), "<p>a\r\nid: 9\n\ndata: x</p>\r");
        assert_eq!(sent, "event: change\nid: 7\ndata: <p>a\ndata: id: 9\ndata: data: x</p>\n\n");
    }
}
