//! The load generator. It drives payouts through their lifecycle in three roles: a partner executes quotes, a
//! watcher reports on each payout, and a downstream service reads every event.
//!
//! Without an arrival rate the load is a closed loop: a fixed number of payouts is in flight, and a delivered
//! payout starts the next one. With an arrival rate it is an open loop: payouts start on schedule.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use tokio::sync::{Notify, Semaphore};
use uuid::Uuid;

use crate::amqp::{Broker, ChannelReader, ChannelWriter, ConfirmTracker, Delivery, close};
use crate::http_client::Connection;
use crate::reports::{ReportKind, ReportRenderer, format_payout_id, parse_payout_id};
use crate::{Result, per_second, quotes, truncate_to_usize};

/// What clients need to reach the system under test or the floor server.
#[derive(Debug, Clone)]
pub(crate) struct ClientConfig {
    /// The address of the partner API.
    pub(crate) api: SocketAddr,
    /// The API key.
    pub(crate) key: String,
    pub(crate) broker: Broker,
    /// The exchange for reports.
    pub(crate) chain_exchange: &'static str,
    /// The queue to read events from.
    pub(crate) events_queue: &'static str,
}

/// The amount of load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoadProfile {
    /// The maximum of payouts in flight.
    pub(crate) in_flight: usize,
    /// Connections of the partner, each with one request at a time.
    pub(crate) connections: usize,
    /// Payouts started per second in an open loop. `None` is a closed loop.
    pub(crate) arrival_rate: Option<f64>,
}

/// The load that reaches the highest rate on two cores.
pub(crate) const SATURATING: LoadProfile =
    LoadProfile { in_flight: 1_000, connections: 64, arrival_rate: None };

/// The result of a round.
#[derive(Debug)]
pub(crate) struct LoadResult {
    /// Lifecycles per second within the measurement window: after warm-up, before the end.
    pub(crate) rate: f64,
    pub(crate) ids: Vec<Uuid>,
    /// The number of duplicate events.
    pub(crate) duplicates: u64,
}

/// How long the load may make no progress before the round fails.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
const PREFETCH: u16 = 2_000;
/// The sequence of a delivered payout.
const LAST_SEQUENCE: u8 = 3;

struct LoadGenerator<'a> {
    client_config: &'a ClientConfig,
    quotes: &'a [String],
    profile: LoadProfile,
    next_quote: Cell<usize>,
    start_permits: Semaphore,
    /// The latest event sequence per payout.
    latest_sequence: RefCell<HashMap<Uuid, u8>>,
    delivered: Cell<usize>,
    duplicates: Cell<u64>,
    published: Cell<u64>,
    confirmed: Cell<u64>,
    progress: Notify,
    window_start: Cell<Option<(Instant, usize)>>,
    window_end: Cell<Option<(Instant, usize)>>,
}

/// Runs one lifecycle per quote.
///
/// # Errors
/// Returns an error if the load makes no progress, if a request fails, or if events are missing.
pub(crate) async fn run_lifecycles(
    client_config: &ClientConfig,
    profile: LoadProfile,
    quotes: &[String],
) -> Result<LoadResult> {
    let generator = LoadGenerator {
        client_config,
        quotes,
        next_quote: Cell::new(0),
        profile,
        start_permits: Semaphore::new(if profile.arrival_rate.is_some() { 0 } else { profile.in_flight }),
        latest_sequence: RefCell::new(HashMap::with_capacity(quotes.len())),
        delivered: Cell::new(0),
        duplicates: Cell::new(0),
        published: Cell::new(0),
        confirmed: Cell::new(0),
        progress: Notify::new(),
        window_start: Cell::new(None),
        window_end: Cell::new(None),
    };
    let (reports, mut confirms) = client_config.broker.connect().await?.into_publisher().await?;
    let (acknowledgements, mut events) =
        client_config.broker.connect().await?.into_consumer(client_config.events_queue, PREFETCH).await?;
    let calls = async {
        try_join_all((0..profile.connections).map(|_| generator.run_client())).await?;
        generator.wait_for_completion().await
    };
    tokio::select! {
        finished = calls => finished?,
        ended = generator.read_events(&mut events, &acknowledgements, &reports) => ended?,
        ended = generator.read_confirms(&mut confirms) => ended?,
        () = generator.issue_start_permits() => {}
    }
    close(events, &acknowledgements).await?;
    close(confirms, &reports).await?;
    generator.result()
}

impl LoadGenerator<'_> {
    /// Issues permits at the arrival rate. Never returns.
    async fn issue_start_permits(&self) {
        let Some(arrival_rate) = self.profile.arrival_rate else { return std::future::pending().await };
        let (started, mut issued) = (Instant::now(), 0);
        let mut tick = tokio::time::interval(Duration::from_millis(2));
        loop {
            tick.tick().await;
            let due = truncate_to_usize(started.elapsed().as_secs_f64() * arrival_rate);
            self.start_permits.add_permits(due.saturating_sub(issued));
            issued = due;
        }
    }

    /// Sends create requests on one connection until the quotes are used up.
    async fn run_client(&self) -> Result<()> {
        let mut connection = Connection::open(self.client_config.api).await?;
        loop {
            let permit = tokio::time::timeout(STALL_TIMEOUT, self.start_permits.acquire()).await;
            permit.map_err(|_| "no payout was delivered before the timeout")??.forget();
            let Some(quote) = self.quotes.get(self.next_quote.get()) else {
                self.window_end.set(self.window_end.get().or(Some((Instant::now(), self.delivered.get()))));
                // The other clients need a permit to see the end.
                self.start_permits.add_permits(1);
                return Ok(());
            };
            self.next_quote.set(self.next_quote.get() + 1);
            let response = connection.call(&quotes::execute_request(&self.client_config.key, quote)).await?;
            if response.status != 201 {
                return Err(format!("{}: {}", response.status, String::from_utf8_lossy(response.body)).into());
            }
        }
    }

    /// Waits until all payouts are delivered and all reports are confirmed.
    async fn wait_for_completion(&self) -> Result<()> {
        while self.delivered.get() < self.quotes.len() || self.confirmed.get() < self.published.get() {
            let progress = tokio::time::timeout(STALL_TIMEOUT, self.progress.notified()).await;
            progress.map_err(|_| "not every payout was delivered before the timeout")?;
        }
        Ok(())
    }

    async fn read_events(
        &self,
        events: &mut ChannelReader,
        acknowledgements: &ChannelWriter,
        reports: &ChannelWriter,
    ) -> Result<()> {
        let mut renderer = ReportRenderer::new();
        loop {
            renderer.refresh_time();
            let tag = events.read_deliveries(|event| self.on_event(event, &renderer, reports)).await?;
            acknowledgements.acknowledge(tag);
            self.progress.notify_one();
        }
    }

    async fn read_confirms(&self, confirms: &mut ChannelReader) -> Result<()> {
        let mut tracker = ConfirmTracker::default();
        loop {
            confirms.read_confirms(&mut tracker).await?;
            self.confirmed.set(tracker.confirmed());
            self.progress.notify_one();
        }
    }

    /// Handles an event as the downstream service and the watcher do.
    fn on_event(&self, event: &Delivery<'_>, renderer: &ReportRenderer, reports: &ChannelWriter) {
        if event.redelivered {
            // An event of an earlier round whose acknowledgement the broker has lost (see
            // `check::final_state`). A duplicate that payoutd publishes is not marked as redelivered.
            return;
        }
        let sequence = |rest: &[u8]| match rest {
            [b'.', digit @ b'1'..=b'9'] => Some(digit - b'0'),
            _ => None,
        };
        let Some((id, sequence)) =
            parse_payout_id(event.message_id).and_then(|(id, rest)| Some((id, sequence(rest)?)))
        else {
            // An unreadable event is missing in the final check.
            return;
        };
        let latest = self.latest_sequence.borrow().get(&id).copied().unwrap_or_default();
        if sequence != latest + 1 {
            self.duplicates.set(self.duplicates.get() + 1);
            return;
        }
        self.latest_sequence.borrow_mut().insert(id, sequence);
        match sequence {
            1 => self.publish_report(id, ReportKind::Broadcast, renderer, reports),
            2 => self.publish_report(id, ReportKind::Delivered, renderer, reports),
            _ => self.on_delivered(),
        }
    }

    fn publish_report(&self, id: Uuid, kind: ReportKind, renderer: &ReportRenderer, reports: &ChannelWriter) {
        let body = renderer.render(id, kind);
        reports.publish(self.client_config.chain_exchange, &format_payout_id(id), "", body.as_bytes());
        self.published.set(self.published.get() + 1);
    }

    fn on_delivered(&self) {
        let delivered = self.delivered.get() + 1;
        self.delivered.set(delivered);
        if delivered == self.quotes.len() / 5 {
            self.window_start.set(Some((Instant::now(), delivered)));
        }
        if self.profile.arrival_rate.is_none() {
            self.start_permits.add_permits(1);
        }
    }

    fn result(self) -> Result<LoadResult> {
        let (Some((window_start, before)), Some((window_end, after))) =
            (self.window_start.get(), self.window_end.get())
        else {
            return Err("the round is too short to measure".into());
        };
        let latest_sequence = self.latest_sequence.into_inner();
        if latest_sequence.len() != self.quotes.len()
            || latest_sequence.values().any(|sequence| *sequence != LAST_SEQUENCE)
        {
            return Err("events are missing or unexpected".into());
        }
        let rate =
            per_second(after.saturating_sub(before), window_end.saturating_duration_since(window_start));
        Ok(LoadResult { rate, ids: latest_sequence.into_keys().collect(), duplicates: self.duplicates.get() })
    }
}
