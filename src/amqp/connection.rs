//! A connection to the broker with one channel.

use std::fmt;
use std::time::Duration;

use lapin::types::ShortString;
use lapin::{Channel, Connection, ConnectionProperties};
use tokio::time::timeout;

use super::settings::AmqpSettings;

/// An operation on the broker failed. The message contains no secret.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum BrokerError {
    #[error("the broker did not answer in time")]
    TimedOut,
    /// The broker is short of memory or disk, and reads nothing from publishers.
    #[error("the broker is blocking publishers")]
    Blocked,
    /// The broker closed the channel or the connection, or the connection was lost.
    #[error("{0}")]
    Failed(lapin::Error),
    /// A name or key exceeds the length of an AMQP short string.
    #[error("{0} has more than 255 bytes")]
    TooLong(&'static str),
}

impl From<lapin::Error> for BrokerError {
    fn from(error: lapin::Error) -> Self {
        Self::Failed(error)
    }
}

/// The longest time to wait until the broker confirms that the connection is closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// A connection with its only channel. Dropping it closes both.
pub(super) struct OpenChannel {
    connection: Connection,
    pub(super) channel: Channel,
}

impl OpenChannel {
    /// Connects to the broker. Operators see `name` in its list of connections.
    pub(super) async fn new(settings: &AmqpSettings, name: &'static str) -> Result<Self, BrokerError> {
        let mut uri = settings.url.uri();
        uri.query.heartbeat.get_or_insert(settings.heartbeat_seconds);
        let millis = u64::try_from(settings.connect_timeout.as_millis()).unwrap_or(u64::MAX);
        uri.query.connection_timeout.get_or_insert(millis);
        // The client library's own recovery stays off: after some failures it leaves a consumer waiting forever.
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let open = async {
            let connection = Connection::connect_uri(uri, properties).await?;
            let channel = connection.create_channel().await?;
            Ok(Self { connection, channel })
        };
        timeout(settings.connect_timeout, open).await.map_err(|_| BrokerError::TimedOut)?
    }

    /// Whether no failure of the connection or the channel is known.
    pub(super) fn is_usable(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }

    /// Whether the broker blocks this connection. The client library then writes nothing to it.
    pub(super) fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// Closes the channel and the connection, so that the broker requeues unacknowledged deliveries at once.
    pub(super) async fn close(self) {
        let close = async {
            // Each fails if it is closed already.
            let _ = self.channel.close(200, "OK".into()).await;
            let _ = self.connection.close(200, "OK".into()).await;
        };
        let _ = timeout(CLOSE_TIMEOUT, close).await;
    }
}

impl fmt::Debug for OpenChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenChannel").field("usable", &self.is_usable()).finish_non_exhaustive()
    }
}

/// Converts `text` to an AMQP short string.
///
/// # Errors
/// Returns `TooLong(what)` if `text` has more than 255 bytes.
pub(super) fn short_string(text: &str, what: &'static str) -> Result<ShortString, BrokerError> {
    ShortString::try_new(text).map_err(|_| BrokerError::TooLong(what))
}
