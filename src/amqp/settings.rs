//! Where the broker is, and what things are called there.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use lapin::types::ShortString;
use lapin::uri::AMQPUri;

/// The broker's URL (`amqp://` or `amqps://`). It holds a password, so it is never printed.
#[derive(Clone)]
pub struct BrokerUrl(AMQPUri);

/// Text that is no broker URL.
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

    /// A path of `/` alone means the default virtual host, as no path at all does: what people mean by it.
    fn from_str(text: &str) -> Result<Self, InvalidBrokerUrl> {
        // The parser would silently take "localhost" for an IPv6 address.
        if text.contains('[') {
            return Err(InvalidBrokerUrl("an IPv6 address cannot be given here; use a host name"));
        }
        let mut uri: AMQPUri = text.parse().map_err(|_| InvalidBrokerUrl("it cannot be read"))?;
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

/// What exchanges and queues are called. The defaults are the public contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The exchange that chain watchers publish to.
    pub chain_events: String,
    /// The queue of their reports.
    pub chain_events_queue: String,
    /// The exchange of dead letters.
    pub dead_letters: String,
    /// The queue of dead letters.
    pub dead_letters_queue: String,
    /// The exchange that services downstream bind to.
    pub payouts: String,
}

impl Default for Names {
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

/// What every connection to the broker needs to know.
#[derive(Debug, Clone)]
pub struct AmqpSettings {
    /// The broker.
    pub url: BrokerUrl,
    /// What things are called there.
    pub names: Names,
    /// How often the broker may give one report back to the queue before it puts it aside by itself. Lost connections
    /// count, so this is large.
    pub delivery_limit: u32,
    /// The heartbeat to ask for, in seconds.
    pub heartbeat_seconds: u16,
    /// How long a connection may take to come up.
    pub connect_timeout: Duration,
    /// How long the broker may take to confirm a message.
    pub confirm_timeout: Duration,
}

impl AmqpSettings {
    /// The defaults, for the broker at `url`.
    #[must_use]
    pub fn new(url: BrokerUrl) -> Self {
        Self {
            url,
            names: Names::default(),
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
    fn a_url_is_read_and_its_password_is_never_shown() {
        let url: BrokerUrl = "amqp://user:hunter2@broker.internal:5673/".parse().unwrap();
        assert_eq!(url.uri().vhost, "/");
        assert_eq!(format!("{url:?}"), "BrokerUrl(broker.internal:5673, …)");
        let url: BrokerUrl = "amqp://user:hunter2@127.0.0.1/one".parse().unwrap();
        assert_eq!((url.uri().vhost.as_str(), url.uri().authority.host.as_str()), ("one", "127.0.0.1"));
    }

    #[test]
    fn what_is_no_broker_url_is_refused_without_repeating_it() {
        for bad in ["", "localhost", "http://u:hunter2@x/", "amqp://u:hunter2@[::1]/", "amqp://h:notaport/"] {
            let error = bad.parse::<BrokerUrl>().unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
