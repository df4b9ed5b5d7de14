//! The broker's URL, the names of exchanges and queues, and the timeouts.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use lapin::types::ShortString;
use lapin::uri::AMQPUri;

/// The broker's URL (`amqp://` or `amqps://`). `Debug` omits the password.
#[derive(Clone)]
pub struct BrokerUrl(AMQPUri);

/// The text is not a broker URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a broker URL such as amqp://user:password@host:5672/vhost ({0})")]
pub struct InvalidBrokerUrl(&'static str);

impl BrokerUrl {
    pub(super) fn uri(&self) -> AMQPUri {
        self.0.clone()
    }
}

impl FromStr for BrokerUrl {
    type Err = InvalidBrokerUrl;

    /// Parses a URL. The path `/` means the default virtual host, as an empty path does.
    fn from_str(text: &str) -> Result<Self, InvalidBrokerUrl> {
        // The parser replaces an IPv6 address by "localhost" without an error.
        if text.contains('[') {
            return Err(InvalidBrokerUrl("an IPv6 address cannot be given here; use a host name"));
        }
        let mut uri: AMQPUri = text.parse().map_err(|_| InvalidBrokerUrl("it cannot be parsed"))?;
        if uri.vhost.is_empty() {
            "/".clone_into(&mut uri.vhost);
        }
        if ShortString::try_new(uri.vhost.as_str()).is_err() {
            return Err(InvalidBrokerUrl("the virtual host has more than 255 bytes"));
        }
        Ok(Self(uri))
    }
}

impl fmt::Debug for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = &self.0.authority;
        write!(f, "BrokerUrl({}:{}, …)", authority.host, authority.port)
    }
}

/// The names of exchanges and queues. The defaults are the public contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopologyNames {
    /// The exchange that chain watchers publish to.
    pub chain_events: String,
    /// The queue of the chain watchers' reports.
    pub chain_events_queue: String,
    /// The exchange of dead letters.
    pub dead_letters: String,
    /// The queue of dead letters.
    pub dead_letters_queue: String,
    /// The exchange of changes, to which other services bind their queues.
    pub payouts: String,
}

impl Default for TopologyNames {
    fn default() -> Self {
        Self {
            chain_events: "chain.events".into(),
            chain_events_queue: "payoutd.chain-events".into(),
            dead_letters: "payoutd.dead-letters".into(),
            dead_letters_queue: "payoutd.dead-letters".into(),
            payouts: "payouts".into(),
        }
    }
}

/// The settings of every connection to the broker.
#[derive(Debug, Clone)]
pub struct AmqpSettings {
    /// The address and credentials of the broker.
    pub url: BrokerUrl,
    /// The names of exchanges and queues.
    pub names: TopologyNames,
    /// How often the broker requeues one report before it dead-letters it. Every lost connection counts, so the
    /// limit must be large.
    pub delivery_limit: u32,
    /// The requested heartbeat interval, in seconds.
    pub heartbeat_seconds: u16,
    /// The longest time to open a connection and declare its topology.
    pub connect_timeout: Duration,
    /// The longest time until the broker confirms a message.
    pub confirm_timeout: Duration,
}

impl AmqpSettings {
    /// Creates the default settings for the broker at `url`.
    #[must_use]
    pub fn new(url: BrokerUrl) -> Self {
        Self {
            url,
            names: TopologyNames::default(),
            delivery_limit: 1_000,
            heartbeat_seconds: 20,
            connect_timeout: Duration::from_secs(15),
            confirm_timeout: Duration::from_secs(15),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_parsed_and_its_password_is_not_printed() {
        let url: BrokerUrl = "amqp://user:hunter2@broker.internal:5673/".parse().unwrap();
        assert_eq!(url.uri().vhost, "/");
        assert_eq!(format!("{url:?}"), "BrokerUrl(broker.internal:5673, …)");
        let url: BrokerUrl = "amqp://user:hunter2@127.0.0.1/one".parse().unwrap();
        assert_eq!((url.uri().vhost.as_str(), url.uri().authority.host.as_str()), ("one", "127.0.0.1"));
    }

    #[test]
    fn text_that_is_no_broker_url_is_refused_and_the_error_does_not_repeat_it() {
        for bad in ["", "localhost", "http://u:hunter2@x/", "amqp://u:hunter2@[::1]/", "amqp://h:notaport/"] {
            let error = bad.parse::<BrokerUrl>().unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
