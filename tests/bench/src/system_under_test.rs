//! What load is put on: a server of partners, and the exchanges and queues around it. payoutd's own, or a floor's.

use std::collections::VecDeque;
use std::path::Path;

use uuid::Uuid;

use crate::amqp::{ChannelReader, ChannelWriter, ConfirmTracker, close};
use crate::payoutd_process::{PayoutdCommand, PayoutdProcess};
use crate::reports::{ReportKind, ReportRenderer, format_payout_id};
use crate::servers::{Database, Servers};
use crate::template::Event;
use crate::{Result, check, check_count, http_load, quotes};

/// A running payoutd with its database, its partner and the services downstream.
pub(crate) struct SystemUnderTest {
    /// What it runs on.
    pub(crate) servers: Servers,
    /// Its database.
    pub(crate) database: Database,
    /// How it is started.
    pub(crate) command: PayoutdCommand,
    /// The program.
    pub(crate) payoutd: PayoutdProcess,
    /// The partner's key.
    pub(crate) key: String,
}

/// Where payoutd takes reports in, and where it announces.
pub(crate) const CHAIN_EXCHANGE: &str = "chain.events";
/// Its queue of reports.
pub(crate) const REPORTS_QUEUE: &str = "payoutd.chain-events";
/// What it puts aside.
pub(crate) const DEAD_LETTERS_QUEUE: &str = "payoutd.dead-letters";
/// The queue of one service downstream that reads everything.
pub(crate) const EVENTS_QUEUE: &str = "bench.events";
const EVENTS_EXCHANGE: &str = "payouts";

/// Announcements, one by one.
pub(crate) struct EventReader {
    reader: ChannelReader,
    writer: ChannelWriter,
    buffered: VecDeque<Event>,
}

impl SystemUnderTest {
    /// payoutd on a new database, with these settings changed.
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
            // Before payoutd was there for the first time, they are not there.
            let _ = servers.broker.connect().await?.purge(queue).await;
        }
        let payoutd = command.start_and_wait().await?;
        let servers = servers.clone();
        Ok(Self { servers, database, command, payoutd, key })
    }

    /// Reads announcements one by one.
    pub(crate) async fn read_events(&self) -> Result<EventReader> {
        let (writer, reader) = self.servers.broker.connect().await?.into_consumer(EVENTS_QUEUE, 10).await?;
        Ok(EventReader { reader, writer, buffered: VecDeque::new() })
    }

    /// How many messages wait in a queue.
    pub(crate) async fn queue_length(&self, queue: &str) -> Result<u32> {
        self.servers.broker.connect().await?.message_count(queue).await
    }

    /// Makes payouts over HTTP. What is announced of them is thrown away.
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

    /// Reports on payouts and waits until that is recorded. What is announced of it is thrown away.
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

    /// Waits until everything is announced, and throws the announcements away.
    pub(crate) async fn discard_events(&self) -> Result<()> {
        check::wait_until_drained(&self.database).await?;
        self.servers.broker.connect().await?.purge(EVENTS_QUEUE).await
    }

    /// Stops payoutd in order.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        self.payoutd.stop().await
    }

    /// Starts it again and waits until it is ready.
    pub(crate) async fn start(&mut self) -> Result<()> {
        self.payoutd = self.command.start_and_wait().await?;
        Ok(())
    }

    /// Stops payoutd in order and removes its database.
    pub(crate) async fn tear_down(mut self) -> Result<()> {
        self.stop().await?;
        self.database.drop_database().await
    }
}

impl EventReader {
    /// The next announcement.
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
        self.buffered.pop_front().ok_or_else(|| "no announcement came".into())
    }

    /// Stops reading.
    pub(crate) async fn close(self) -> Result<()> {
        close(self.reader, &self.writer).await
    }
}
