//! The system under test: payoutd with its database, a partner and the event queue of a downstream service.

use std::collections::VecDeque;
use std::path::Path;

use uuid::Uuid;

use crate::amqp::{ChannelReader, ChannelWriter, ConfirmTracker, close};
use crate::payoutd_process::{PayoutdCommand, PayoutdProcess};
use crate::reports::{ReportKind, ReportRenderer, format_payout_id};
use crate::servers::{Database, Servers};
use crate::template::Event;
use crate::{Result, check, check_count, http_load, quotes};

pub(crate) struct SystemUnderTest {
    pub(crate) servers: Servers,
    pub(crate) database: Database,
    /// How payoutd is started.
    pub(crate) command: PayoutdCommand,
    pub(crate) payoutd: PayoutdProcess,
    /// The API key of the partner.
    pub(crate) key: String,
}

/// payoutd's exchange for reports.
pub(crate) const CHAIN_EXCHANGE: &str = "chain.events";
/// payoutd's queue of reports.
pub(crate) const REPORTS_QUEUE: &str = "payoutd.chain-events";
pub(crate) const DEAD_LETTERS_QUEUE: &str = "payoutd.dead-letters";
/// The queue of a downstream service. It receives every event.
pub(crate) const EVENTS_QUEUE: &str = "bench.events";
const EVENTS_EXCHANGE: &str = "payouts";

/// Reads events one by one.
pub(crate) struct EventReader {
    reader: ChannelReader,
    writer: ChannelWriter,
    buffered: VecDeque<Event>,
}

impl SystemUnderTest {
    /// Starts payoutd on a new database with these environment variables, an API key and empty queues.
    pub(crate) async fn set_up(
        servers: &Servers,
        binary: &Path,
        purpose: &str,
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let database = servers.create_database(purpose).await?;
        let defaults = PayoutdCommand::new(binary, servers, &database)?;
        let command = settings.iter().fold(defaults, |command, (name, value)| command.with_env(name, value));
        command.output(&["migrate"]).await?;
        let key = command.output(&["keys", "create", "--org", "bench", "--mode", "live"]).await?;
        let mut channel = servers.broker.connect().await?;
        channel.declare_exchange(EVENTS_EXCHANGE).await?;
        channel.declare_queue(EVENTS_QUEUE, EVENTS_EXCHANGE).await?;
        channel.purge(EVENTS_QUEUE).await?;
        for queue in [REPORTS_QUEUE, DEAD_LETTERS_QUEUE] {
            // A queue that payoutd has not declared yet cannot be purged.
            let _ = servers.broker.connect().await?.purge(queue).await;
        }
        let payoutd = command.start_and_wait().await?;
        let servers = servers.clone();
        Ok(Self { servers, database, command, payoutd, key })
    }

    pub(crate) async fn read_events(&self) -> Result<EventReader> {
        let (writer, reader) = self.servers.broker.connect().await?.into_consumer(EVENTS_QUEUE, 10).await?;
        Ok(EventReader { reader, writer, buffered: VecDeque::new() })
    }

    /// The number of messages in the queue that are ready for delivery.
    pub(crate) async fn queue_length(&self, queue: &str) -> Result<u32> {
        self.servers.broker.connect().await?.message_count(queue).await
    }

    /// Creates payouts over HTTP and discards their events.
    pub(crate) async fn create_payouts(&self, count: usize) -> Result<Vec<Uuid>> {
        let quotes = quotes::create(self.payoutd.api, &self.key, count).await?;
        let requests: Vec<Vec<u8>> =
            quotes.iter().map(|quote| quotes::execute_request(&self.key, quote)).collect();
        http_load::send_each_once(self.payoutd.api, &requests, 201, 64).await?;
        self.discard_events().await?;
        let created = sqlx::query_scalar("SELECT id FROM payouts WHERE quote_id = ANY ($1)").bind(&quotes);
        let created: Vec<Uuid> = created.fetch_all(&mut self.database.connect().await?).await?;
        check_count("payouts created", i64::try_from(created.len())?, count)?;
        Ok(created)
    }

    /// Publishes a report for each payout, waits until all are applied, and discards the events.
    pub(crate) async fn apply_reports(&self, ids: &[Uuid], kind: ReportKind) -> Result<()> {
        let (writer, mut confirms) = self.servers.broker.connect().await?.into_publisher().await?;
        let (renderer, mut tracker) = (ReportRenderer::new(), ConfirmTracker::default());
        for (id, sent) in ids.iter().zip(1u64..) {
            writer.publish(CHAIN_EXCHANGE, &format_payout_id(*id), "", renderer.render(*id, kind).as_bytes());
            while sent > tracker.confirmed() + 5_000 {
                confirms.read_confirms(&mut tracker).await?;
            }
        }
        while tracker.confirmed() < ids.len() as u64 {
            confirms.read_confirms(&mut tracker).await?;
        }
        close(confirms, &writer).await?;
        check::wait_until_applied(&self.database, ids, kind).await?;
        self.discard_events().await
    }

    /// Waits until the outbox is empty and purges the event queue.
    pub(crate) async fn discard_events(&self) -> Result<()> {
        check::wait_until_drained(&self.database).await?;
        self.servers.broker.connect().await?.purge(EVENTS_QUEUE).await
    }

    /// Stops payoutd with SIGTERM.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        self.payoutd.stop().await
    }

    /// Starts payoutd again and waits until it is ready.
    pub(crate) async fn start(&mut self) -> Result<()> {
        self.payoutd = self.command.start_and_wait().await?;
        Ok(())
    }

    /// Stops payoutd and drops the database.
    pub(crate) async fn tear_down(mut self) -> Result<()> {
        self.stop().await?;
        self.database.drop_database().await
    }
}

impl EventReader {
    /// Returns the next event.
    pub(crate) async fn next(&mut self) -> Result<Event> {
        while self.buffered.is_empty() {
            let Self { reader, buffered, .. } = self;
            let tag = reader.read_deliveries(|delivery| {
                buffered.push_back(Event {
                    routing_key: String::from_utf8_lossy(delivery.routing_key).into_owned(),
                    body: String::from_utf8_lossy(delivery.body).into_owned(),
                });
            });
            let tag = tokio::time::timeout(std::time::Duration::from_secs(30), tag).await??;
            self.writer.acknowledge(tag);
        }
        self.buffered.pop_front().ok_or_else(|| "no event arrived".into())
    }

    pub(crate) async fn close(self) -> Result<()> {
        close(self.reader, &self.writer).await
    }
}
