//! The content of the page for one payout.

use askama::Template;
use payoutd_domain::{FundsLocation, Mode, Network, Snapshot, State, Status, TimelineEntry, Timestamp};

use super::Language;
use super::format::{self, FormattedTime};
use super::progress::{Progress, Step, StepState};
use super::translations::{Message, Translations};
use crate::quotes::routes::Routes;

const MAX_REASON_CHARS: usize = 240;
const MAX_NAME_CHARS: usize = 40;

/// The part of the page that changes with the payout. The first page contains it, and every update replaces it.
#[derive(Template)]
#[template(path = "payment.html")]
pub(super) struct PaymentContent {
    t: &'static Translations,
    sequence: i64,
    /// The server's time, so that the countdown does not depend on the client's clock.
    now: String,
    ended: bool,
    test_mode: bool,
    tone: &'static str,
    message: Message,
    late: Option<Message>,
    steps: [Step; 3],
    arrival: Option<Arrival>,
    funds_location: Option<&'static str>,
    failure_reason: Option<String>,
    amount_label: &'static str,
    amount: String,
    asset: String,
    destination: String,
    network: String,
    history: Vec<HistoryEntry>,
}

/// The time of arrival.
enum Arrival {
    Expected { time_left: String, by: FormattedTime },
    Overdue { by: FormattedTime },
    Arrived { at: FormattedTime },
}

/// One entry of the timeline.
struct HistoryEntry {
    title: &'static str,
    tone: &'static str,
    note: Option<&'static str>,
    at: FormattedTime,
    network: Option<String>,
    transaction: Option<TransactionLink>,
}

struct TransactionLink {
    hash: String,
    explorer_url: Option<String>,
}

impl PaymentContent {
    pub(super) fn new(snapshot: &Snapshot, now: Timestamp, language: Language, routes: &Routes) -> Self {
        let t = Translations::of(language);
        let progress = Progress::of(snapshot);
        let terms = &snapshot.payout.terms;
        Self {
            t,
            sequence: snapshot.sequence.0,
            now: format::datetime(now),
            ended: has_ended(snapshot),
            test_mode: terms.mode == Mode::Test,
            tone: progress.tone(),
            message: progress.message(t),
            late: snapshot.late().then_some(t.late),
            steps: progress.steps(t),
            arrival: arrival(snapshot, now, t),
            funds_location: snapshot.failure().map(|_| funds_location(snapshot.funds().location, t)),
            failure_reason: snapshot
                .failure()
                .map(|failure| format::cleaned(&failure.message, MAX_REASON_CHARS))
                .filter(|reason| !reason.is_empty()),
            amount_label: match progress {
                Progress::Pending | Progress::Broadcast => t.recipient_gets,
                Progress::Delivered => t.recipient_got,
                Progress::FailedUnsent | Progress::FailedSent | Progress::Reversed => t.amount,
            },
            amount: format::amount(snapshot.final_recipient_amount()),
            asset: format::cleaned(&terms.asset, MAX_NAME_CHARS),
            destination: format::masked(&terms.destination),
            network: network_name(&terms.route.to_network, routes),
            history: history(snapshot, t, routes),
        }
    }

    pub(super) fn headline(&self) -> &'static str {
        self.message.headline
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }
}

/// Whether no further change is expected.
pub(super) fn has_ended(snapshot: &Snapshot) -> bool {
    match &snapshot.state {
        State::Pending(_) | State::Broadcast(_) => false,
        State::Delivered(_) | State::Failed(_) => true,
    }
}

fn arrival(snapshot: &Snapshot, now: Timestamp, t: &Translations) -> Option<Arrival> {
    let at = snapshot.estimated_delivery_at()?;
    let moment = FormattedTime::new(at, t);
    Some(match &snapshot.state {
        State::Delivered(_) => Arrival::Arrived { at: moment },
        State::Pending(_) | State::Broadcast(_) | State::Failed(_) if snapshot.late() => {
            Arrival::Overdue { by: moment }
        }
        State::Pending(_) | State::Broadcast(_) | State::Failed(_) => {
            Arrival::Expected { time_left: format::time_left(now, at, t), by: moment }
        }
    })
}

fn funds_location(location: FundsLocation, t: &Translations) -> &'static str {
    match location {
        FundsLocation::Sender => t.with_sender,
        FundsLocation::InTransit => t.in_transit,
        FundsLocation::Recipient => t.with_recipient,
        FundsLocation::Returned => t.returned,
        FundsLocation::Unknown => t.unknown,
    }
}

/// The display name of a network, or the name from the report if the network is not configured.
fn network_name(network: &Network, routes: &Routes) -> String {
    match routes.network(network.as_str()) {
        Some(chain) => chain.display_name.to_string(),
        None => format::cleaned(network.as_str(), MAX_NAME_CHARS),
    }
}

fn history(snapshot: &Snapshot, t: &'static Translations, routes: &Routes) -> Vec<HistoryEntry> {
    let mut before: Option<Status> = None;
    let entries = snapshot.timeline.iter().map(|entry| {
        let history_entry = history_entry(entry, before, t, routes);
        before = Some(entry.status);
        history_entry
    });
    entries.collect()
}

fn history_entry(
    entry: &TimelineEntry,
    before: Option<Status>,
    t: &'static Translations,
    routes: &Routes,
) -> HistoryEntry {
    let (title, tone, note) = match entry.status {
        Status::Pending => (t.was_created, "plain", None),
        Status::Broadcast if before == Some(Status::Broadcast) => {
            (t.was_sent_again, "plain", Some(t.sent_again_note))
        }
        Status::Broadcast => (t.was_sent, "plain", None),
        Status::Delivered => (t.was_delivered, "good", None),
        Status::Failed if before == Some(Status::Delivered) => (t.was_reversed, "bad", None),
        Status::Failed => (t.has_failed, "bad", None),
    };
    let network = entry.network.as_ref();
    HistoryEntry {
        title,
        tone,
        note: if entry.inferred { Some(t.inferred_note) } else { note },
        at: FormattedTime::new(entry.at, t),
        network: network.map(|network| network_name(network, routes)),
        transaction: entry.tx_hash.as_ref().map(|hash| TransactionLink {
            hash: format::shortened(hash.as_str()),
            explorer_url: network.and_then(|network| routes.explorer_url(network, hash)),
        }),
    }
}
