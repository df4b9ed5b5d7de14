//! One connection to the broker.

use std::fmt;
use std::time::Duration;

use lapin::types::ShortString;
use lapin::{Channel, Connection, ConnectionProperties};
use tokio::time::timeout;

use super::settings::AmqpSettings;

/// The broker could not be used. Holds no secret.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum BrokerError {
    /// It did not answer in time.
    #[error("the broker did not answer in time")]
    TimedOut,
    /// It takes nothing from publishers at present: it is short of memory or disk.
    #[error("the broker is blocking publishers")]
    Blocked,
    /// It said no, or was lost.
    #[error("{0}")]
    Failed(lapin::Error),
    /// What was to be sent cannot be put into the protocol's words.
    #[error("{0} has more than 255 bytes")]
    TooLong(&'static str),
}

impl From<lapin::Error> for BrokerError {
    fn from(error: lapin::Error) -> Self {
        Self::Failed(error)
    }
}

/// How long a polite goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// A connection with its one channel. Dropping it closes both.
pub(super) struct Open {
    connection: Connection,
    pub(super) channel: Channel,
}

impl Open {
    /// Connects, under a name that operators see on the broker.
    pub(super) async fn new(settings: &AmqpSettings, name: &'static str) -> Result<Self, BrokerError> {
        let mut uri = settings.url.uri();
        uri.query.heartbeat.get_or_insert(settings.heartbeat_seconds);
        let millis = u64::try_from(settings.connect_timeout.as_millis()).unwrap_or(u64::MAX);
        uri.query.connection_timeout.get_or_insert(millis);
        // Never the library's own recovery: after some failures it leaves a consumer waiting for ever.
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let open = async {
            let connection = Connection::connect_uri(uri, properties).await?;
            let channel = connection.create_channel().await?;
            Ok(Self { connection, channel })
        };
        timeout(settings.connect_timeout, open).await.map_err(|_| BrokerError::TimedOut)?
    }

    /// Whether it can be used, as far as is known here.
    pub(super) fn is_usable(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }

    /// Whether the broker takes nothing from this connection at present. Nothing at all is then written on it.
    pub(super) fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// Says goodbye, so that the broker gives back at once what was not acknowledged.
    pub(super) async fn close(self) {
        let goodbye = async {
            // Either may be gone already, which is what is wanted.
            let _ = self.channel.close(200, "OK".into()).await;
            let _ = self.connection.close(200, "OK".into()).await;
        };
        let _ = timeout(CLOSE_TIMEOUT, goodbye).await;
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").field("usable", &self.is_usable()).finish_non_exhaustive()
    }
}

/// A name as the protocol wants it.
pub(super) fn short(text: &str, what: &'static str) -> Result<ShortString, BrokerError> {
    ShortString::try_new(text).map_err(|_| BrokerError::TooLong(what))
}
