//! The load: payouts taken through their lives by everybody around payoutd. A partner executes quotes; a watcher sees
//! what `payout.created` set going and reports it; a service downstream reads every announcement.
//!
//! For the highest rate in a closed loop: so many payouts are under way at once, and the next one begins when one is
//! delivered. At a given rate in an open one: payouts begin when their time has come.

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

/// Where payouts are made and reported on.
#[derive(Debug, Clone)]
pub(crate) struct ClientConfig {
    /// Where partners call.
    pub(crate) api: SocketAddr,
    /// With which key.
    pub(crate) key: String,
    /// The broker.
    pub(crate) broker: Broker,
    /// Where reports go.
    pub(crate) chain_exchange: &'static str,
    /// Where announcements come from.
    pub(crate) events_queue: &'static str,
}

/// How much load there is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoadProfile {
    /// The most payouts under way at once.
    pub(crate) in_flight: usize,
    /// The partner's connections, each with one call at a time.
    pub(crate) connections: usize,
    /// Payouts begun a second, whatever becomes of those before: an open loop. Without it the loop is closed.
    pub(crate) arrival_rate: Option<f64>,
}

/// As much as it takes for the highest rate on two cores.
pub(crate) const SATURATING: LoadProfile =
    LoadProfile { in_flight: 1_000, connections: 64, arrival_rate: None };

/// What a round came to.
#[derive(Debug)]
pub(crate) struct LoadResult {
    /// Lifecycles a second, without the beginning and the end.
    pub(crate) rate: f64,
    /// The payouts.
    pub(crate) ids: Vec<Uuid>,
    /// Announcements that came more than once.
    pub(crate) duplicates: u64,
}

/// How long nothing may happen before a round has failed.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How many announcements may be unacknowledged.
const PREFETCH: u16 = 2_000;
/// The last change of a lifecycle.
const LAST_SEQUENCE: u8 = 3;

struct LoadGenerator<'a> {
    client_config: &'a ClientConfig,
    quotes: &'a [String],
    profile: LoadProfile,
    next_quote: Cell<usize>,
    start_permits: Semaphore,
    /// The newest sequence that was announced, by payout.
    latest_sequence: RefCell<HashMap<Uuid, u8>>,
    delivered: Cell<usize>,
    duplicates: Cell<u64>,
    published: Cell<u64>,
    confirmed: Cell<u64>,
    progress: Notify,
    window_start: Cell<Option<(Instant, usize)>>,
    window_end: Cell<Option<(Instant, usize)>>,
}

/// Takes a payout of each quote through its life.
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
    /// Lets payouts begin when their time has come. Never returns.
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

    /// One connection of the partner.
    async fn run_client(&self) -> Result<()> {
        let mut connection = Connection::open(self.client_config.api).await?;
        loop {
            let permit = tokio::time::timeout(STALL_TIMEOUT, self.start_permits.acquire()).await;
            permit.map_err(|_| "no payout was delivered for a long time")??.forget();
            let Some(quote) = self.quotes.get(self.next_quote.get()) else {
                self.window_end.set(self.window_end.get().or(Some((Instant::now(), self.delivered.get()))));
                // The others must see as well that there is nothing left.
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

    /// Waits until every payout is delivered and every report confirmed.
    async fn wait_for_completion(&self) -> Result<()> {
        while self.delivered.get() < self.quotes.len() || self.confirmed.get() < self.published.get() {
            let progress = tokio::time::timeout(STALL_TIMEOUT, self.progress.notified()).await;
            progress.map_err(|_| "not every payout was delivered")?;
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

    /// What the services downstream, and with them the chain, do when they read an announcement.
    fn on_event(&self, event: &Delivery<'_>, renderer: &ReportRenderer, reports: &ChannelWriter) {
        if event.redelivered {
            // Of an earlier round, whose last acknowledgements the broker has lost (`check::final_state`). What is published
            // twice is not marked so.
            return;
        }
        let sequence = |rest: &[u8]| match rest {
            [b'.', digit @ b'1'..=b'9'] => Some(digit - b'0'),
            _ => None,
        };
        let Some((id, sequence)) =
            parse_payout_id(event.message_id).and_then(|(id, rest)| Some((id, sequence(rest)?)))
        else {
            // Found out at the end, where it is missing.
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
            return Err("a round was too short to be measured".into());
        };
        let latest_sequence = self.latest_sequence.into_inner();
        if latest_sequence.len() != self.quotes.len()
            || latest_sequence.values().any(|sequence| *sequence != LAST_SEQUENCE)
        {
            return Err("announcements are missing, or were never asked for".into());
        }
        let rate =
            per_second(after.saturating_sub(before), window_end.saturating_duration_since(window_start));
        Ok(LoadResult { rate, ids: latest_sequence.into_keys().collect(), duplicates: self.duplicates.get() })
    }
}
