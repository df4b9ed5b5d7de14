//! The errors that end a command.

use std::net::SocketAddr;

use payoutd_actors::ports::Unavailable;
use payoutd_actors::system::SpawnErr;
use uuid::Uuid;

use crate::amqp::SendReportError;
use crate::config::ConfigError;
use crate::http::InvalidBasePath;
use crate::quotes::routes::RoutesError;
use crate::quotes::signature::WeakKey;
use crate::reports::Unreadable;
use crate::runtime::task_group::UnexpectedExit;
use crate::runtime::telemetry::TelemetryError;
use crate::store::{MigrateError, OpenError};

#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    BasePath(#[from] InvalidBasePath),
    #[error(transparent)]
    Routes(#[from] RoutesError),
    #[error(transparent)]
    SigningKey(#[from] WeakKey),
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    #[error("cannot listen on {key} {address}: {source}")]
    Listen { key: &'static str, address: SocketAddr, source: std::io::Error },
    #[error(transparent)]
    OpenStore(#[from] OpenError),
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    #[error(transparent)]
    Store(#[from] Unavailable),
    #[error(transparent)]
    ActorSystem(#[from] SpawnErr),
    #[error("the actor system exited: {0}")]
    ActorSystemExit(String),
    #[error(transparent)]
    TaskExit(#[from] UnexpectedExit),
    #[error("no key has the id {0}")]
    UnknownKey(Uuid),
    #[error("no valid key has the id {0}")]
    NoValidKey(Uuid),
    #[error(transparent)]
    WebhookTransport(#[from] rustls::Error),
    #[error(transparent)]
    UnreadableReport(#[from] Unreadable),
    #[error(transparent)]
    SendReport(#[from] SendReportError),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Randomness(#[from] getrandom::Error),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
