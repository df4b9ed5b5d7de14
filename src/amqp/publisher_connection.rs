//! A publisher's connection: opened when it is first used, with one channel in confirm mode, and reopened after any
//! failure.

use std::time::Duration;

use lapin::options::ConfirmSelectOptions;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::connection::{BrokerError, OpenChannel};
use super::settings::AmqpSettings;
use super::topology;
use crate::runtime::backoff::Backoff;

const RECONNECT: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));

/// The interval of checks whether the broker still blocks the connection.
const BLOCKED_POLL: Duration = Duration::from_millis(50);

/// The use of a connection. It determines the topology to declare and the name that operators see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Changes of payouts, for other services.
    Changes,
    DeadLetters,
    /// One report, from `payoutd report`. Declares nothing: the sender may lack the permission.
    Report,
}

impl Purpose {
    fn connection_name(self) -> &'static str {
        match self {
            Self::Changes => "payoutd announcements",
            Self::DeadLetters => "payoutd dead letters",
            Self::Report => "payoutd report",
        }
    }
}

/// A connection with one channel, used by one publisher at a time. A publisher takes the channel out and releases
/// it only if every confirm has arrived: a late confirm would be attributed to the next message.
#[derive(Debug)]
pub(super) struct PublisherConnection {
    settings: AmqpSettings,
    purpose: Purpose,
    state: Mutex<ConnectionState>,
}

#[derive(Debug)]
pub(super) struct ConnectionState {
    open: Option<OpenChannel>,
    /// Discarded with outstanding confirms while the broker blocked it. It cannot be closed before the broker
    /// unblocks it, and a new connection would be blocked as well.
    blocked: Option<OpenChannel>,
    backoff: Backoff,
    not_before: Option<Instant>,
    opened_before: bool,
}

impl PublisherConnection {
    pub(super) fn new(settings: AmqpSettings, purpose: Purpose) -> Self {
        let state = ConnectionState {
            open: None,
            blocked: None,
            backoff: RECONNECT,
            not_before: None,
            opened_before: false,
        };
        Self { settings, purpose, state: Mutex::new(state) }
    }

    pub(super) fn settings(&self) -> &AmqpSettings {
        &self.settings
    }

    /// Waits until no other publisher uses the connection.
    pub(super) async fn lock(&self) -> tokio::sync::MutexGuard<'_, ConnectionState> {
        self.state.lock().await
    }

    /// Closes the connection if it is open.
    pub(super) async fn close(&self) {
        if let Some(open) = self.lock().await.open.take() {
            open.close().await;
        }
    }

    /// Takes the open channel out, or opens one. After a failure, waits for the backoff first.
    pub(super) async fn take(&self, state: &mut ConnectionState) -> Result<OpenChannel, BrokerError> {
        self.wait_until_unblocked(state).await?;
        if let Some(open) = state.open.take().filter(OpenChannel::is_usable) {
            return Ok(open);
        }
        if let Some(not_before) = state.not_before {
            tokio::time::sleep_until(not_before).await;
        }
        // Set before connecting: a call that is cancelled while it connects counts as a failure.
        state.not_before = Some(Instant::now() + state.backoff.next_delay());
        let opened = self.open().await;
        let purpose = self.purpose.connection_name();
        match &opened {
            Ok(_) => {
                if state.opened_before {
                    metrics::counter!("payoutd_amqp_reconnects_total", "connection" => purpose).increment(1);
                }
                state.opened_before = true;
                tracing::info!(connection = purpose, "connected to the broker");
            }
            Err(error) => tracing::warn!(connection = purpose, %error, "cannot connect to the broker"),
        }
        opened
    }

    async fn wait_until_unblocked(&self, state: &mut ConnectionState) -> Result<(), BrokerError> {
        let is_blocked = |open: &Option<OpenChannel>| {
            open.as_ref().is_some_and(|open| open.is_usable() && open.is_blocked())
        };
        let deadline = Instant::now() + self.settings.confirm_timeout;
        while is_blocked(&state.open) || is_blocked(&state.blocked) {
            if Instant::now() >= deadline {
                return Err(BrokerError::Blocked);
            }
            tokio::time::sleep(BLOCKED_POLL).await;
        }
        state.blocked = None;
        Ok(())
    }

    async fn open(&self) -> Result<OpenChannel, BrokerError> {
        let open = OpenChannel::new(&self.settings, self.purpose.connection_name()).await?;
        let prepare = async {
            match self.purpose {
                Purpose::Changes => {
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

impl ConnectionState {
    /// Returns the channel for the next use. Every confirm must have arrived.
    pub(super) fn release(&mut self, open: OpenChannel) {
        self.open = Some(open);
        self.backoff.reset();
        self.not_before = None;
    }

    /// Drops the channel, which has an outstanding confirm.
    pub(super) fn discard(&mut self, open: OpenChannel) {
        if open.is_usable() && open.is_blocked() {
            self.blocked = Some(open);
        }
    }
}
