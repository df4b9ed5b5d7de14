//! The options of each component, from the configuration.

use std::time::Duration;

use payoutd_actors::group_commit::GroupCommitConfig;
use payoutd_actors::supervisor::SupervisorConfig;
use payoutd_actors::system::ActorSystemConfig;

use crate::amqp::{AmqpSettings, ConsumerConfig, InvalidBrokerUrl};
use crate::config::{self, Config, ConfigError};
use crate::http::{
    ApiConfig, InvalidBasePath, LongPollConfig, RateLimitsConfig, ServerLimits, TrackingConfig,
};
use crate::outbox::RelayConfig;
use crate::reports::ReportIntakeConfig;
use crate::runtime::rate_limit::Rate;
use crate::store::StoreConfig;
use crate::webhooks::{DispatcherLimits, Policy, TransportLimits};

/// The additional time for the database's own timeout of a statement to arrive.
const REPLY_MARGIN: Duration = Duration::from_secs(5);

pub(super) fn database_url(config: &Config) -> Result<&str, ConfigError> {
    required(config.database.url.set(), "database.url", "DATABASE_URL")
}

fn required<'a>(value: Option<&'a str>, key: &'static str, variable: &str) -> Result<&'a str, ConfigError> {
    value.ok_or_else(|| ConfigError::InvalidValue {
        key,
        problem: format!("must be set ({variable} sets it as well)"),
    })
}

pub(super) fn store_config(config: &config::Database) -> StoreConfig {
    let connect_timeout = Duration::from_secs(config.connect_timeout_seconds);
    let statement_timeout = Duration::from_secs(config.statement_timeout_seconds);
    StoreConfig {
        max_connections: config.max_connections,
        connect_timeout,
        acquire_timeout: connect_timeout,
        statement_timeout,
        reply_timeout: statement_timeout + REPLY_MARGIN,
        ..StoreConfig::default()
    }
}

pub(super) fn amqp_settings(config: &Config) -> Result<AmqpSettings, ConfigError> {
    let url = required(config.amqp.url.set(), "amqp.url", "AMQP_URL")?;
    let url = url.parse().map_err(|error: InvalidBrokerUrl| ConfigError::InvalidValue {
        key: "amqp.url",
        problem: error.to_string(),
    })?;
    Ok(AmqpSettings {
        delivery_limit: config.amqp.delivery_limit,
        confirm_timeout: Duration::from_secs(config.amqp.confirm_timeout_seconds),
        ..AmqpSettings::new(url)
    })
}

pub(super) fn consumer_config(config: &config::Amqp) -> ConsumerConfig {
    ConsumerConfig {
        prefetch: config.prefetch,
        drain: Duration::from_secs(config.drain_seconds),
        ..ConsumerConfig::default()
    }
}

pub(super) fn report_intake_config(config: &config::Reports) -> ReportIntakeConfig {
    ReportIntakeConfig {
        max_bytes: config.max_bytes,
        park_for: Duration::from_secs(config.park_seconds.into()),
    }
}

pub(super) fn actor_system_config(config: &Config) -> ActorSystemConfig {
    ActorSystemConfig {
        supervisor: SupervisorConfig {
            max_live: config.actors.max_live,
            idle_after: Duration::from_secs(config.actors.idle_seconds),
            ended_after: Duration::from_secs(config.actors.ended_seconds),
            passivation_interval: Duration::from_secs(1),
            failure_limit: config.actors.failure_limit,
            quarantine: Duration::from_secs(config.actors.quarantine_seconds),
        },
        group_commit: GroupCommitConfig {
            max_in_flight: config.commit.at_once,
            max_batch: config.commit.max_batch,
        },
    }
}

pub(super) fn relay_config(config: &config::Relay) -> RelayConfig {
    RelayConfig { batch: config.batch, poll: Duration::from_millis(config.poll_millis) }
}

pub(super) fn http_server_limits(config: &config::Http) -> ServerLimits {
    ServerLimits {
        max_connections: config.max_connections,
        header_read: Duration::from_secs(config.header_timeout_seconds),
        drain: Duration::from_secs(config.drain_seconds),
        ..ServerLimits::named("partner")
    }
}

pub(super) fn ops_server_limits() -> ServerLimits {
    ServerLimits { max_connections: 64, drain: Duration::from_secs(1), ..ServerLimits::named("ops") }
}

pub(super) fn api_config(config: &config::Http) -> Result<ApiConfig, InvalidBasePath> {
    Ok(ApiConfig {
        base_path: config.base_path.parse()?,
        max_body_bytes: config.max_body_bytes,
        body_timeout: Duration::from_secs(config.body_timeout_seconds),
        request_timeout: Duration::from_secs(config.request_timeout_seconds),
    })
}

pub(super) fn rate_limits(config: &config::Limits) -> RateLimitsConfig {
    let rate = |per_second: u32, burst| {
        (per_second > 0).then_some(Rate { per_second: f64::from(per_second), burst })
    };
    RateLimitsConfig {
        reads: rate(config.reads_per_second, config.reads_burst),
        writes: rate(config.writes_per_second, config.writes_burst),
    }
}

pub(super) fn long_poll_config(config: &Config) -> LongPollConfig {
    let Config { http, waiting, .. } = config;
    let waiting = LongPollConfig {
        max_held: waiting.max_held,
        max_held_per_key: waiting.max_held_per_key,
        heartbeat: Duration::from_secs(waiting.heartbeat_seconds),
        stream_age: Duration::from_secs(waiting.stream_seconds),
    };
    waiting.within(http.max_connections)
}

pub(super) fn tracking_config(config: &Config) -> TrackingConfig {
    let Config { http, tracking, .. } = config;
    let tracking = TrackingConfig {
        frame_ancestors: tracking.frame_ancestors.clone(),
        max_streams: tracking.max_streams,
        max_streams_per_payout: tracking.max_streams_per_payout,
        misses_per_minute: tracking.misses_per_minute,
        request_timeout: Duration::from_secs(http.request_timeout_seconds),
        ..TrackingConfig::default()
    };
    tracking.within(http.max_connections)
}

pub(super) fn webhook_policy(config: &config::Webhooks) -> Policy {
    Policy { allow_insecure: config.allow_insecure, allow_private_addresses: config.allow_private_addresses }
}

pub(super) fn webhook_transport_limits(config: &config::Webhooks) -> TransportLimits {
    TransportLimits { deadline: Duration::from_secs(config.timeout_seconds), ..TransportLimits::default() }
}

pub(super) fn dispatcher_limits(config: &config::Webhooks) -> DispatcherLimits {
    const DAY: u64 = 24 * 60 * 60;
    DispatcherLimits {
        healthy: config.concurrency,
        degraded: config.concurrency.div_ceil(4),
        per_endpoint: config.per_endpoint,
        poll_interval: Duration::from_millis(config.poll_millis),
        retention: Duration::from_secs(DAY * u64::from(config.keep_days)),
        ..DispatcherLimits::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;

    /// Compares all fields.
    fn assert_same(from_file: &impl Debug, in_code: &impl Debug) {
        assert_eq!(format!("{from_file:#?}"), format!("{in_code:#?}"));
    }

    #[test]
    fn the_documented_defaults_are_the_defaults_of_the_components() {
        let config = Config::from_environment([("AMQP_URL".into(), "amqp://broker".into())]).unwrap();
        let amqp = amqp_settings(&config).unwrap();
        assert_same(&amqp, &AmqpSettings::new(amqp.url.clone()));
        assert_same(&consumer_config(&config.amqp), &ConsumerConfig::default());
        assert_same(&store_config(&config.database), &StoreConfig::default());
        assert_same(&report_intake_config(&config.reports), &ReportIntakeConfig::default());
        assert_same(&http_server_limits(&config.http), &ServerLimits::named("partner"));
        assert_same(&api_config(&config.http).unwrap(), &ApiConfig::default());
        assert_same(&long_poll_config(&config), &LongPollConfig::default());
        assert_same(&tracking_config(&config), &TrackingConfig::default());
        assert_same(&webhook_transport_limits(&config.webhooks), &TransportLimits::default());
        assert_same(&dispatcher_limits(&config.webhooks), &DispatcherLimits::DEFAULT);
    }
}
