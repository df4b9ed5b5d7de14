//! A link for publishing: a connection of its own with one confirming channel, opened when it is needed and opened
//! anew after any failure.

use std::time::Duration;

use lapin::options::ConfirmSelectOptions;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::connection::{BrokerError, Open};
use super::settings::AmqpSettings;
use super::topology;
use crate::runtime::backoff::Backoff;

const RECONNECT: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));

/// How often to look whether the broker still blocks.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What a link is for: what it declares before it is used, and what operators see it as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Announcements for services downstream.
    Announcements,
    /// Dead letters.
    DeadLetters,
    /// A report by hand. It declares nothing: who reports need not be allowed to.
    Report,
}

impl Purpose {
    fn connection_name(self) -> &'static str {
        match self {
            Self::Announcements => "payoutd announcements",
            Self::DeadLetters => "payoutd dead letters",
            Self::Report => "payoutd report",
        }
    }
}

/// A way to publish. Whoever uses it takes the open channel out and gives it back only if all went well and nothing
/// is left unanswered on it: an answer that nobody waited for would be taken for the next message's.
#[derive(Debug)]
pub(super) struct Link {
    settings: AmqpSettings,
    purpose: Purpose,
    slot: Mutex<Slot>,
}

#[derive(Debug)]
pub(super) struct Slot {
    open: Option<Open>,
    /// Left with something unanswered while the broker blocked it. It cannot even be closed before it is unblocked,
    /// and another one would be blocked as well.
    tainted: Option<Open>,
    backoff: Backoff,
    not_before: Option<Instant>,
    opened_before: bool,
}

impl Link {
    pub(super) fn new(settings: AmqpSettings, purpose: Purpose) -> Self {
        let slot =
            Slot { open: None, tainted: None, backoff: RECONNECT, not_before: None, opened_before: false };
        Self { settings, purpose, slot: Mutex::new(slot) }
    }

    pub(super) fn settings(&self) -> &AmqpSettings {
        &self.settings
    }

    /// The one who publishes now. The others wait.
    pub(super) async fn lock(&self) -> tokio::sync::MutexGuard<'_, Slot> {
        self.slot.lock().await
    }

    /// Says goodbye where there is somebody to say it to.
    pub(super) async fn close(&self) {
        if let Some(open) = self.lock().await.open.take() {
            open.close().await;
        }
    }

    /// The open channel, taken out. Right after a failure it waits a little before it tries again.
    pub(super) async fn take(&self, slot: &mut Slot) -> Result<Open, BrokerError> {
        self.wait_until_unblocked(slot).await?;
        if let Some(open) = slot.open.take().filter(Open::is_usable) {
            return Ok(open);
        }
        if let Some(not_before) = slot.not_before {
            tokio::time::sleep_until(not_before).await;
        }
        // Set first: a caller that gives up while this connects has failed as well.
        slot.not_before = Some(Instant::now() + slot.backoff.next_delay());
        let opened = self.open().await;
        let purpose = self.purpose.connection_name();
        match &opened {
            Ok(_) => {
                if slot.opened_before {
                    metrics::counter!("payoutd_amqp_reconnects_total", "connection" => purpose).increment(1);
                }
                slot.opened_before = true;
                tracing::info!(connection = purpose, "connected to the broker");
            }
            Err(error) => tracing::warn!(connection = purpose, %error, "cannot connect to the broker"),
        }
        opened
    }

    async fn wait_until_unblocked(&self, slot: &mut Slot) -> Result<(), BrokerError> {
        let blocked =
            |open: &Option<Open>| open.as_ref().is_some_and(|open| open.is_usable() && open.is_blocked());
        let deadline = Instant::now() + self.settings.confirm_timeout;
        while blocked(&slot.open) || blocked(&slot.tainted) {
            if Instant::now() >= deadline {
                return Err(BrokerError::Blocked);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        slot.tainted = None;
        Ok(())
    }

    async fn open(&self) -> Result<Open, BrokerError> {
        let open = Open::new(&self.settings, self.purpose.connection_name()).await?;
        let prepare = async {
            match self.purpose {
                Purpose::Announcements => {
                    topology::declare_payouts(&open.channel, &self.settings.names).await?;
                }
                Purpose::DeadLetters => {
                    topology::declare_dead_letters(&open.channel, &self.settings.names).await?;
                }
                Purpose::Report => {}
            }
            open.channel.confirm_select(ConfirmSelectOptions::default()).await?;
            Ok(())
        };
        match timeout(self.settings.connect_timeout, prepare).await {
            Ok(Ok(())) => Ok(open),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(BrokerError::TimedOut),
        }
    }
}

impl Slot {
    /// All went well: the next may use the channel.
    pub(super) fn give_back(&mut self, open: Open) {
        self.open = Some(open);
        self.backoff.reset();
        self.not_before = None;
    }

    /// Something on it was not answered: nobody may use it again.
    pub(super) fn give_up(&mut self, open: Open) {
        if open.is_usable() && open.is_blocked() {
            self.tainted = Some(open);
        }
    }
}
