//! Reports in: consumed, written in batches, acknowledged.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection};
use sqlx::PgConnection;
use tokio::sync::{Mutex, Notify, mpsc};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{REPORTS, batching};
use crate::floors::statements;
use crate::reports::{Kind, payout_id};
use crate::template::Sample;
use crate::{Fallible, failure};

/// Enough for a full batch in each commit while the next ones fill.
const PREFETCH: u16 = 2_000;

struct Report {
    id: Uuid,
    kind: Kind,
    tag: u64,
}

/// What is written but not acknowledged yet, because something delivered before is not written: one acknowledgement
/// then does for all.
#[derive(Default)]
struct Written {
    up_to: u64,
    beyond: BTreeSet<u64>,
}

impl Written {
    /// Notes tags, and returns up to which one everything is written now, where that moved.
    fn note(&mut self, tags: impl Iterator<Item = u64>) -> Option<u64> {
        let before = self.up_to;
        self.beyond.extend(tags);
        while self.beyond.remove(&(self.up_to + 1)) {
            self.up_to += 1;
        }
        (self.up_to > before).then_some(self.up_to)
    }
}

pub(super) async fn start(
    broker: &Connection,
    url: &str,
    sample: &Arc<Sample>,
    hint: &Arc<Notify>,
) -> Fallible<JoinSet<Fallible<()>>> {
    let channel = broker.create_channel().await?;
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let mut tasks = JoinSet::new();
    let (sender, waiting) = mpsc::unbounded_channel();
    let writer = Writer {
        sample: Arc::clone(sample),
        hint: Arc::clone(hint),
        channel: channel.clone(),
        written: Arc::default(),
    };
    let connections = batching::connections(url).await?;
    tasks.spawn(batching::run(connections, waiting, move |connection, batch| {
        writer.clone().commit(connection, batch)
    }));
    let options = BasicConsumeOptions::default();
    let mut consumer =
        channel.basic_consume(REPORTS.into(), "".into(), options, FieldTable::default()).await?;
    tasks.spawn(async move {
        while let Some(delivery) = consumer.next().await {
            let delivery = delivery?;
            let id = payout_id(delivery.routing_key.as_str().as_bytes()).map(|(id, _)| id);
            let (Some(id), Some(kind)) = (id, Kind::of(&delivery.data)) else {
                return Err(failure("what was delivered is no report"));
            };
            sender.send(Report { id, kind, tag: delivery.delivery_tag })?;
        }
        Err(failure("the broker is gone"))
    });
    Ok(tasks)
}

#[derive(Clone)]
struct Writer {
    sample: Arc<Sample>,
    hint: Arc<Notify>,
    channel: Channel,
    written: Arc<Mutex<Written>>,
}

impl Writer {
    async fn commit(self, mut connection: PgConnection, batch: Vec<Report>) -> Fallible<PgConnection> {
        let reports: Vec<(Uuid, Kind)> = batch.iter().map(|report| (report.id, report.kind)).collect();
        if statements::append(&mut connection, &self.sample, &reports).await? != reports.len() {
            return Err(failure("the bare program did not write what it should"));
        }
        self.hint.notify_one();
        let tags = batch.iter().map(|report| report.tag);
        // Held until it is sent: a lower one after a higher one is an error.
        let mut written = self.written.lock().await;
        if let Some(tag) = written.note(tags) {
            self.channel.basic_ack(tag, BasicAckOptions { multiple: true }).await?;
        }
        drop(written);
        Ok(connection)
    }
}
