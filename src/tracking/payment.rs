//! What the page shows of one payout: its snapshot in words.

use askama::Template;
use payoutd_domain::{FundsLocation, Mode, Network, Snapshot, State, Status, TimelineEntry, Timestamp};

use super::Language;
use super::course::{Course, Step, StepState};
use super::shown::{self, Moment};
use super::words::{Message, Words};
use crate::quotes::routes::Routes;

const LONGEST_REASON: usize = 240;
const LONGEST_NAME: usize = 40;

/// The part of the page that changes. The page holds it when it is loaded, and is sent it again with each change.
#[derive(Template)]
#[template(path = "payment.html")]
pub(super) struct Payment {
    w: &'static Words,
    sequence: i64,
    /// Our time, so that a countdown does not depend on the reader's clock.
    now: String,
    ended: bool,
    test: bool,
    tone: &'static str,
    message: Message,
    late: Option<Message>,
    steps: [Step; 3],
    arrival: Option<Arrival>,
    money: Option<&'static str>,
    reason: Option<String>,
    amount_label: &'static str,
    amount: String,
    asset: String,
    destination: String,
    network: String,
    history: Vec<Line>,
}

/// When the money arrives, or did.
enum Arrival {
    Expected { left: String, by: Moment },
    Overdue { by: Moment },
    Arrived { at: Moment },
}

/// One line of the history.
struct Line {
    title: &'static str,
    tone: &'static str,
    note: Option<&'static str>,
    at: Moment,
    network: Option<String>,
    transaction: Option<ShownTransaction>,
}

struct ShownTransaction {
    hash: String,
    explorer: Option<String>,
}

impl Payment {
    pub(super) fn new(snapshot: &Snapshot, now: Timestamp, language: Language, routes: &Routes) -> Self {
        let w = Words::of(language);
        let course = Course::of(snapshot);
        let terms = &snapshot.payout.terms;
        Self {
            w,
            sequence: snapshot.sequence.0,
            now: shown::datetime(now),
            ended: has_ended(snapshot),
            test: terms.mode == Mode::Test,
            tone: course.tone(),
            message: course.message(w),
            late: snapshot.late().then_some(w.late),
            steps: course.steps(w),
            arrival: arrival(snapshot, now, w),
            money: snapshot.failure().map(|_| whereabouts(snapshot.funds().location, w)),
            reason: snapshot
                .failure()
                .map(|failure| shown::cleaned(&failure.message, LONGEST_REASON))
                .filter(|reason| !reason.is_empty()),
            amount_label: match course {
                Course::Pending | Course::Sent => w.recipient_gets,
                Course::Delivered => w.recipient_got,
                Course::FailedUnsent | Course::FailedSent | Course::Reversed => w.amount,
            },
            amount: shown::amount(snapshot.final_recipient_amount()),
            asset: shown::cleaned(&terms.asset, LONGEST_NAME),
            destination: shown::masked(&terms.destination),
            network: network_name(&terms.route.to_network, routes),
            history: history(snapshot, w, routes),
        }
    }

    pub(super) fn headline(&self) -> &'static str {
        self.message.headline
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }
}

/// Whether nothing more is expected to happen.
pub(super) fn has_ended(snapshot: &Snapshot) -> bool {
    match &snapshot.state {
        State::Pending(_) | State::Broadcast(_) => false,
        State::Delivered(_) | State::Failed(_) => true,
    }
}

fn arrival(snapshot: &Snapshot, now: Timestamp, w: &Words) -> Option<Arrival> {
    let at = snapshot.estimated_delivery_at()?;
    let moment = Moment::new(at, w);
    Some(match &snapshot.state {
        State::Delivered(_) => Arrival::Arrived { at: moment },
        State::Pending(_) | State::Broadcast(_) | State::Failed(_) if snapshot.late() => {
            Arrival::Overdue { by: moment }
        }
        State::Pending(_) | State::Broadcast(_) | State::Failed(_) => {
            Arrival::Expected { left: shown::time_left(now, at, w), by: moment }
        }
    })
}

fn whereabouts(location: FundsLocation, w: &Words) -> &'static str {
    match location {
        FundsLocation::Sender => w.with_sender,
        FundsLocation::InTransit => w.in_transit,
        FundsLocation::Recipient => w.with_recipient,
        FundsLocation::Returned => w.returned,
        FundsLocation::Unknown => w.unknown,
    }
}

/// A network's name for people; where we do not know the network, the name a watcher gave it.
fn network_name(network: &Network, routes: &Routes) -> String {
    match routes.network(network.as_str()) {
        Some(chain) => chain.display_name.to_string(),
        None => shown::cleaned(network.as_str(), LONGEST_NAME),
    }
}

fn history(snapshot: &Snapshot, w: &'static Words, routes: &Routes) -> Vec<Line> {
    let mut before: Option<Status> = None;
    let lines = snapshot.timeline.iter().map(|entry| {
        let line = line(entry, before, w, routes);
        before = Some(entry.status);
        line
    });
    lines.collect()
}

fn line(entry: &TimelineEntry, before: Option<Status>, w: &'static Words, routes: &Routes) -> Line {
    let (title, tone, note) = match entry.status {
        Status::Pending => (w.was_created, "plain", None),
        Status::Broadcast if before == Some(Status::Broadcast) => {
            (w.was_sent_again, "plain", Some(w.sent_again_note))
        }
        Status::Broadcast => (w.was_sent, "plain", None),
        Status::Delivered => (w.was_delivered, "good", None),
        Status::Failed if before == Some(Status::Delivered) => (w.was_reversed, "bad", None),
        Status::Failed => (w.has_failed, "bad", None),
    };
    let network = entry.network.as_ref();
    Line {
        title,
        tone,
        note: if entry.inferred { Some(w.inferred_note) } else { note },
        at: Moment::new(entry.at, w),
        network: network.map(|network| network_name(network, routes)),
        transaction: entry.tx_hash.as_ref().map(|hash| ShownTransaction {
            hash: shown::shortened(hash.as_str()),
            explorer: network.and_then(|network| routes.explorer_url(network, hash)),
        }),
    }
}
