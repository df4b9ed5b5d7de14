//! Consumes reports, writes them in batches, and acknowledges them.

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

use super::{REPORTS_QUEUE, batching};
use crate::Result;
use crate::floors::statements;
use crate::reports::{ReportKind, parse_payout_id};
use crate::template::Template;

/// Enough for a full batch per commit while the next batches fill.
const PREFETCH: u16 = 2_000;

struct Report {
    id: Uuid,
    kind: ReportKind,
    tag: u64,
}

/// Tracks which deliveries are committed. One acknowledgement covers all deliveries up to the first one that
/// is not.
#[derive(Default)]
struct AckTracker {
    contiguous: u64,
    out_of_order: BTreeSet<u64>,
}

impl AckTracker {
    /// Records committed delivery tags. Returns the tag to acknowledge up to, if it has increased.
    fn record(&mut self, tags: impl Iterator<Item = u64>) -> Option<u64> {
        let before = self.contiguous;
        self.out_of_order.extend(tags);
        while self.out_of_order.remove(&(self.contiguous + 1)) {
            self.contiguous += 1;
        }
        (self.contiguous > before).then_some(self.contiguous)
    }
}

pub(super) async fn start(
    broker: &Connection,
    url: &str,
    template: &Arc<Template>,
    outbox_written: &Arc<Notify>,
) -> Result<JoinSet<Result<()>>> {
    let channel = broker.create_channel().await?;
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let mut tasks = JoinSet::new();
    let (sender, queue) = mpsc::unbounded_channel();
    let writer = ReportWriter {
        template: Arc::clone(template),
        outbox_written: Arc::clone(outbox_written),
        channel: channel.clone(),
        ack_tracker: Arc::default(),
    };
    let connections = batching::connections(url).await?;
    tasks.spawn(batching::run(connections, queue, move |connection, batch| {
        writer.clone().commit(connection, batch)
    }));
    let options = BasicConsumeOptions::default();
    let mut consumer =
        channel.basic_consume(REPORTS_QUEUE.into(), "".into(), options, FieldTable::default()).await?;
    tasks.spawn(async move {
        while let Some(delivery) = consumer.next().await {
            let delivery = delivery?;
            let id = parse_payout_id(delivery.routing_key.as_str().as_bytes()).map(|(id, _)| id);
            let (Some(id), Some(kind)) = (id, ReportKind::from_body(&delivery.data)) else {
                return Err("a delivery is not a report".into());
            };
            sender.send(Report { id, kind, tag: delivery.delivery_tag })?;
        }
        Err("the broker has closed the consumer".into())
    });
    Ok(tasks)
}

#[derive(Clone)]
struct ReportWriter {
    template: Arc<Template>,
    outbox_written: Arc<Notify>,
    channel: Channel,
    ack_tracker: Arc<Mutex<AckTracker>>,
}

impl ReportWriter {
    async fn commit(self, mut connection: PgConnection, batch: Vec<Report>) -> Result<PgConnection> {
        let reports: Vec<(Uuid, ReportKind)> = batch.iter().map(|report| (report.id, report.kind)).collect();
        if statements::append_reports(&mut connection, &self.template, &reports).await? != reports.len() {
            return Err("floor F did not write every report".into());
        }
        self.outbox_written.notify_one();
        let tags = batch.iter().map(|report| report.tag);
        // The lock is held until the acknowledgement is sent: tags must be acknowledged in ascending order.
        let mut ack_tracker = self.ack_tracker.lock().await;
        if let Some(tag) = ack_tracker.record(tags) {
            self.channel.basic_ack(tag, BasicAckOptions { multiple: true }).await?;
        }
        drop(ack_tracker);
        Ok(connection)
    }
}
