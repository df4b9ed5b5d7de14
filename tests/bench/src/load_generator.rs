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

use crate::amqp::{Broker, Delivery, Incoming, Outgoing, Tally, close};
use crate::http_client::Connection;
use crate::reports::{Kind, Reports, payout_id, payout_name};
use crate::{Fallible, failure, per_second, quotes};

/// Where payouts are made and reported on.
#[derive(Debug, Clone)]
pub(crate) struct Place {
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
pub(crate) struct Shape {
    /// The most payouts under way at once.
    pub(crate) in_flight: usize,
    /// The partner's connections, each with one call at a time.
    pub(crate) connections: usize,
    /// Payouts begun a second, whatever becomes of those before: an open loop. Without it the loop is closed.
    pub(crate) pace: Option<f64>,
}

/// As much as it takes for the highest rate on two cores.
pub(crate) const FULL: Shape = Shape { in_flight: 1_000, connections: 64, pace: None };

/// What a round came to.
#[derive(Debug)]
pub(crate) struct Lived {
    /// Lifecycles a second, without the beginning and the end.
    pub(crate) rate: f64,
    /// The payouts.
    pub(crate) ids: Vec<Uuid>,
    /// Announcements that came more than once.
    pub(crate) repeated: u64,
}

/// How long nothing may happen before a round has failed.
const STALLED: Duration = Duration::from_secs(30);
/// How many announcements may be unacknowledged.
const PREFETCH: u16 = 2_000;
/// The last change of a lifecycle.
const LAST: u8 = 3;

struct Round<'a> {
    place: &'a Place,
    quotes: &'a [String],
    shape: Shape,
    next: Cell<usize>,
    room: Semaphore,
    /// The newest sequence that was announced, by payout.
    announced: RefCell<HashMap<Uuid, u8>>,
    delivered: Cell<usize>,
    repeated: Cell<u64>,
    sent: Cell<u64>,
    confirmed: Cell<u64>,
    moved: Notify,
    warm: Cell<Option<(Instant, usize)>>,
    full: Cell<Option<(Instant, usize)>>,
}

/// Takes a payout of each quote through its life.
pub(crate) async fn live(place: &Place, shape: Shape, quotes: &[String]) -> Fallible<Lived> {
    let round = Round {
        place,
        quotes,
        next: Cell::new(0),
        shape,
        room: Semaphore::new(if shape.pace.is_some() { 0 } else { shape.in_flight }),
        announced: RefCell::new(HashMap::with_capacity(quotes.len())),
        delivered: Cell::new(0),
        repeated: Cell::new(0),
        sent: Cell::new(0),
        confirmed: Cell::new(0),
        moved: Notify::new(),
        warm: Cell::new(None),
        full: Cell::new(None),
    };
    let (reports, mut confirms) = place.broker.connect().await?.publishing().await?.split();
    let (acknowledgements, mut events) =
        place.broker.connect().await?.consuming(place.events_queue, PREFETCH).await?.split();
    let calls = async {
        try_join_all((0..shape.connections).map(|_| round.call())).await?;
        round.settled().await
    };
    tokio::select! {
        done = calls => done?,
        lost = round.read_events(&mut events, &acknowledgements, &reports) => lost?,
        lost = round.read_confirms(&mut confirms) => lost?,
        () = round.keep_pace() => {}
    }
    close(events, &acknowledgements).await?;
    close(confirms, &reports).await?;
    round.result()
}

impl Round<'_> {
    /// Lets payouts begin when their time has come. Never returns.
    async fn keep_pace(&self) {
        let Some(pace) = self.shape.pace else { return std::future::pending().await };
        let (started, mut begun) = (Instant::now(), 0);
        let mut tick = tokio::time::interval(Duration::from_millis(2));
        loop {
            tick.tick().await;
            let due = whole(started.elapsed().as_secs_f64() * pace);
            self.room.add_permits(due.saturating_sub(begun));
            begun = due;
        }
    }

    /// One connection of the partner.
    async fn call(&self) -> Fallible<()> {
        let mut connection = Connection::open(self.place.api).await?;
        loop {
            let room = tokio::time::timeout(STALLED, self.room.acquire()).await;
            room.map_err(|_| failure("no payout was delivered for a long time"))??.forget();
            let Some(quote) = self.quotes.get(self.next.get()) else {
                self.full.set(self.full.get().or(Some((Instant::now(), self.delivered.get()))));
                // The others must see as well that there is nothing left.
                self.room.add_permits(1);
                return Ok(());
            };
            self.next.set(self.next.get() + 1);
            let answer = connection.call(&quotes::execute(&self.place.key, quote)).await?;
            if answer.status != 201 {
                return Err(format!("{}: {}", answer.status, String::from_utf8_lossy(answer.body)).into());
            }
        }
    }

    /// Waits until every payout is delivered and every report confirmed.
    async fn settled(&self) -> Fallible<()> {
        while self.delivered.get() < self.quotes.len() || self.confirmed.get() < self.sent.get() {
            let moved = tokio::time::timeout(STALLED, self.moved.notified()).await;
            moved.map_err(|_| failure("not every payout was delivered"))?;
        }
        Ok(())
    }

    async fn read_events(
        &self,
        events: &mut Incoming,
        acknowledgements: &Outgoing,
        reports: &Outgoing,
    ) -> Fallible<()> {
        let mut written = Reports::new();
        loop {
            written.tick();
            let tag = events.deliveries(|event| self.announced(event, &written, reports)).await?;
            acknowledgements.acknowledge(tag);
            self.moved.notify_one();
        }
    }

    async fn read_confirms(&self, confirms: &mut Incoming) -> Fallible<()> {
        let mut tally = Tally::default();
        loop {
            confirms.confirms(&mut tally).await?;
            self.confirmed.set(tally.confirmed());
            self.moved.notify_one();
        }
    }

    /// What the services downstream, and with them the chain, do when they read an announcement.
    fn announced(&self, event: &Delivery<'_>, written: &Reports, reports: &Outgoing) {
        if event.redelivered {
            // Of an earlier round, whose last acknowledgements the broker has lost (`check::site`). What is published
            // twice is not marked so.
            return;
        }
        let sequence = |rest: &[u8]| match rest {
            [b'.', digit @ b'1'..=b'9'] => Some(digit - b'0'),
            _ => None,
        };
        let Some((id, sequence)) =
            payout_id(event.message_id).and_then(|(id, rest)| Some((id, sequence(rest)?)))
        else {
            // Found out at the end, where it is missing.
            return;
        };
        let newest = self.announced.borrow().get(&id).copied().unwrap_or_default();
        if sequence != newest + 1 {
            self.repeated.set(self.repeated.get() + 1);
            return;
        }
        self.announced.borrow_mut().insert(id, sequence);
        match sequence {
            1 => self.report(id, Kind::Broadcast, written, reports),
            2 => self.report(id, Kind::Delivered, written, reports),
            _ => self.lived(),
        }
    }

    fn report(&self, id: Uuid, kind: Kind, written: &Reports, reports: &Outgoing) {
        let body = written.body(id, kind);
        reports.publish(self.place.chain_exchange, &payout_name(id), "", body.as_bytes());
        self.sent.set(self.sent.get() + 1);
    }

    fn lived(&self) {
        let delivered = self.delivered.get() + 1;
        self.delivered.set(delivered);
        if delivered == self.quotes.len() / 5 {
            self.warm.set(Some((Instant::now(), delivered)));
        }
        if self.shape.pace.is_none() {
            self.room.add_permits(1);
        }
    }

    fn result(self) -> Fallible<Lived> {
        let (Some((warm, before)), Some((full, after))) = (self.warm.get(), self.full.get()) else {
            return Err(failure("a round was too short to be measured"));
        };
        let announced = self.announced.into_inner();
        if announced.len() != self.quotes.len() || announced.values().any(|sequence| *sequence != LAST) {
            return Err(failure("announcements are missing, or were never asked for"));
        }
        let rate = per_second(after.saturating_sub(before), full.saturating_duration_since(warm));
        Ok(Lived { rate, ids: announced.into_keys().collect(), repeated: self.repeated.get() })
    }
}

/// The whole part of a count that is small and not negative.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it says so")]
pub(crate) fn whole(count: f64) -> usize {
    count as usize
}
