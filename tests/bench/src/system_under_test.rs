//! What load is put on: a server of partners, and the exchanges and queues around it. payoutd's own, or a floor's.

use std::path::Path;

use uuid::Uuid;

use crate::amqp::{Incoming, Outgoing, Tally, close};
use crate::payoutd_process::{Program, Settings};
use crate::reports::{Kind, Reports, payout_name};
use crate::servers::{Database, Servers};
use crate::template::Event;
use crate::{Fallible, check, failure, http_load, quotes, same};

/// A running payoutd with its database, its partner and the services downstream.
pub(crate) struct Site {
    /// What it runs on.
    pub(crate) servers: Servers,
    /// Its database.
    pub(crate) database: Database,
    /// How it is started.
    pub(crate) settings: Settings,
    /// The program.
    pub(crate) program: Program,
    /// The partner's key.
    pub(crate) key: String,
    /// Where reports go.
    pub(crate) chain_exchange: &'static str,
}

/// Where payoutd takes reports in, and where it announces.
pub(crate) const CHAIN_EXCHANGE: &str = "chain.events";
/// Its queue of reports.
pub(crate) const CHAIN_QUEUE: &str = "payoutd.chain-events";
/// What it puts aside.
pub(crate) const DEAD_LETTERS: &str = "payoutd.dead-letters";
/// The queue of one service downstream that reads everything.
pub(crate) const EVENTS_QUEUE: &str = "bench.events";
const EVENTS_EXCHANGE: &str = "payouts";

/// Announcements, one by one.
pub(crate) struct Watched {
    incoming: Incoming,
    outgoing: Outgoing,
    ready: std::collections::VecDeque<Event>,
}

impl Site {
    /// payoutd on a new database, with these settings changed.
    pub(crate) async fn open(
        servers: &Servers,
        binary: &Path,
        purpose: &str,
        settings: &[(&str, &str)],
    ) -> Fallible<Self> {
        let database = servers.database(purpose).await?;
        let usual = Settings::new(binary, servers, &database)?;
        let settings = settings.iter().fold(usual, |all, (name, value)| all.with(name, value));
        settings.print(&["migrate"]).await?;
        let key = settings.print(&["keys", "create", "--org", "bench", "--mode", "live"]).await?;
        let mut broker = servers.broker.connect().await?;
        broker.exchange(EVENTS_EXCHANGE).await?;
        broker.queue(EVENTS_QUEUE, EVENTS_EXCHANGE).await?;
        broker.purge(EVENTS_QUEUE).await?;
        for queue in [CHAIN_QUEUE, DEAD_LETTERS] {
            // Before payoutd was there for the first time, they are not there.
            let _ = servers.broker.connect().await?.purge(queue).await;
        }
        let program = settings.start_ready().await?;
        let servers = servers.clone();
        Ok(Self { servers, database, settings, program, key, chain_exchange: CHAIN_EXCHANGE })
    }

    /// Reads announcements one by one.
    pub(crate) async fn watch_events(&self) -> Fallible<Watched> {
        let link = self.servers.broker.connect().await?.consuming(EVENTS_QUEUE, 10).await?;
        let (outgoing, incoming) = link.split();
        Ok(Watched { incoming, outgoing, ready: std::collections::VecDeque::new() })
    }

    /// How many messages wait in a queue.
    pub(crate) async fn waiting(&self, queue: &str) -> Fallible<u32> {
        self.servers.broker.connect().await?.waiting(queue).await
    }

    /// Makes payouts over HTTP. What is announced of them is thrown away.
    pub(crate) async fn create(&self, count: usize) -> Fallible<Vec<Uuid>> {
        let quotes = quotes::make(self.program.api, &self.key, count).await?;
        let requests: Vec<Vec<u8>> = quotes.iter().map(|quote| quotes::execute(&self.key, quote)).collect();
        http_load::each_once(self.program.api, &requests, 201, 64).await?;
        self.silence().await?;
        let created = sqlx::query_scalar("SELECT id FROM payouts WHERE quote_id = ANY ($1)").bind(&quotes);
        let created: Vec<Uuid> = created.fetch_all(&mut self.database.connect().await?).await?;
        same("payouts created", i64::try_from(created.len())?, count)?;
        Ok(created)
    }

    /// Reports on payouts and waits until that is recorded. What is announced of it is thrown away.
    pub(crate) async fn report(&self, ids: &[Uuid], kind: Kind) -> Fallible<()> {
        let (outgoing, mut confirms) = self.servers.broker.connect().await?.publishing().await?.split();
        let (reports, mut tally) = (Reports::new(), Tally::default());
        for (id, sent) in ids.iter().zip(1u64..) {
            outgoing.publish(CHAIN_EXCHANGE, &payout_name(*id), "", reports.body(*id, kind).as_bytes());
            while sent > tally.confirmed() + 5_000 {
                confirms.confirms(&mut tally).await?;
            }
        }
        while tally.confirmed() < ids.len() as u64 {
            confirms.confirms(&mut tally).await?;
        }
        close(confirms, &outgoing).await?;
        check::eventually_moved(&self.database, ids, kind).await?;
        self.silence().await
    }

    /// Waits until everything is announced, and throws the announcements away.
    pub(crate) async fn silence(&self) -> Fallible<()> {
        check::nothing_left(&self.database).await?;
        self.servers.broker.connect().await?.purge(EVENTS_QUEUE).await
    }

    /// Stops payoutd in order.
    pub(crate) async fn halt(&mut self) -> Fallible<()> {
        self.program.stop().await
    }

    /// Starts it again and waits until it is ready.
    pub(crate) async fn resume(&mut self) -> Fallible<()> {
        self.program = self.settings.start_ready().await?;
        Ok(())
    }

    /// Stops payoutd in order and removes its database.
    pub(crate) async fn close(mut self) -> Fallible<()> {
        self.halt().await?;
        self.database.drop().await
    }
}

impl Watched {
    /// The next announcement.
    pub(crate) async fn next(&mut self) -> Fallible<Event> {
        while self.ready.is_empty() {
            let Self { incoming, ready, .. } = self;
            let tag = incoming.deliveries(|delivery| {
                ready.push_back(Event {
                    routing_key: String::from_utf8_lossy(delivery.routing_key).into_owned(),
                    body: String::from_utf8_lossy(delivery.body).into_owned(),
                });
            });
            let tag = tokio::time::timeout(std::time::Duration::from_secs(30), tag).await??;
            self.outgoing.acknowledge(tag);
        }
        self.ready.pop_front().ok_or_else(|| failure("no announcement came"))
    }

    /// Stops reading.
    pub(crate) async fn end(self) -> Fallible<()> {
        close(self.incoming, &self.outgoing).await
    }
}
