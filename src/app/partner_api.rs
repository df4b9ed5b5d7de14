//! What partners and their users reach: the API and the tracking page, on one listener.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;

use super::lifecycle::{Components, System, spawn_server};
use crate::cli::Failure;
use crate::config::{self, Config};
use crate::http::{
    self, ApiConfig, ApiDependencies, Authenticator, BasePath, DocsParts, Idempotency, KeyCacheConfig,
    Limits, LimitsConfig, ServerLimits, TrackingConfig, TrackingParts, Waiting, WaitingConfig,
};
use crate::quotes::{QuoteService, Routes, Signer, SigningKey};
use crate::runtime::rate_limit::Rate;
use crate::store::Store;
use crate::webhooks::WebhookService;

impl System {
    /// Opens the doors to partners, and starts telling them what they asked to be told.
    pub(super) async fn open_api(&mut self, listener: TcpListener) -> Result<(), Failure> {
        let routes = Arc::new(Routes::try_from(&self.foundation.config.routes)?);
        let (webhooks, dispatcher) = super::webhooks::webhooks(&self.foundation, &self.hints.webhooks)?;
        let router =
            self.api(&routes, webhooks).await?.merge(self.tracking_page(routes)).merge(self.documentation()?);
        let config = &self.foundation.config.http;
        let limits = ServerLimits {
            max_connections: config.max_connections,
            header_read: Duration::from_secs(config.header_timeout_seconds),
            drain: Duration::from_secs(config.drain_seconds),
            ..ServerLimits::named("partner")
        };
        tracing::info!("partner API listening on http://{}{}", listener.local_addr()?, config.base_path);
        self.relays.spawn_fallible("the webhook dispatcher", |shutdown| dispatcher.run(shutdown));
        self.start_retention();
        spawn_server(&mut self.edges, "the partner listener", listener, router, limits);
        Ok(())
    }

    async fn api(&self, routes: &Arc<Routes>, webhooks: WebhookService) -> Result<Router, Failure> {
        let Components { config, store, clock, renderer, .. } = &self.foundation;
        let signer = Signer::new(signing_key(config, &**store).await?);
        let quoting = QuoteService::new(
            signer.clone(),
            Arc::clone(routes),
            Arc::clone(store) as _,
            Arc::clone(clock),
            config.quotes.ttl_seconds,
        );
        Ok(http::router(ApiDependencies {
            payouts: self.payouts.clone(),
            quoting: Arc::new(quoting),
            created_from: Arc::clone(store) as _,
            authenticator: Authenticator::new(
                Arc::clone(store) as _,
                Arc::clone(clock),
                KeyCacheConfig::default(),
            )
            .throttled(config.limits.refused_keys_per_minute),
            limits: Limits::new(limits(&config.limits)),
            idempotency: Idempotency::new(Arc::clone(store) as _, config.idempotency.keep()),
            renderer: renderer.clone(),
            listing: Arc::clone(store) as _,
            cursors: signer,
            waiting: Waiting::new(waiting(config), self.edges.shutdown_signal()),
            webhooks: Arc::new(webhooks),
            config: ApiConfig {
                base_path: config.http.base_path.parse::<BasePath>()?,
                max_body_bytes: config.http.max_body_bytes,
                body_timeout: Duration::from_secs(config.http.header_timeout_seconds),
                request_timeout: Duration::from_secs(config.http.request_timeout_seconds),
            },
        }))
    }

    fn documentation(&self) -> Result<Router, Failure> {
        let config = &self.foundation.config;
        Ok(http::docs_router(DocsParts {
            base_path: config.http.base_path.parse::<BasePath>()?,
            openapi: super::contract_documents::openapi(config)?.into(),
            asyncapi: super::contract_documents::asyncapi()?.into(),
        }))
    }

    fn tracking_page(&self, routes: Arc<Routes>) -> Router {
        let Components { config, store, .. } = &self.foundation;
        let limits = TrackingConfig {
            frame_ancestors: config.tracking.frame_ancestors.clone(),
            max_streams: config.tracking.max_streams,
            max_streams_per_payout: config.tracking.max_streams_per_payout,
            misses_per_minute: config.tracking.misses_per_minute,
            request_timeout: Duration::from_secs(config.http.request_timeout_seconds),
            ..TrackingConfig::default()
        };
        http::tracking_router(TrackingParts {
            payouts: self.payouts.clone(),
            index: Arc::clone(store) as _,
            routes,
            stop: self.edges.shutdown_signal(),
            config: limits.within(config.http.max_connections),
        })
    }
}

fn waiting(config: &Config) -> WaitingConfig {
    let Config { http, waiting, .. } = config;
    let waiting = WaitingConfig {
        max_held: waiting.max_held,
        max_held_per_key: waiting.max_held_per_key,
        heartbeat: Duration::from_secs(waiting.heartbeat_seconds),
        stream_age: Duration::from_secs(waiting.stream_seconds),
    };
    waiting.within(http.max_connections)
}

fn limits(config: &config::Limits) -> LimitsConfig {
    let rate = |per_second: u32, burst| {
        (per_second > 0).then_some(Rate { per_second: f64::from(per_second), burst })
    };
    LimitsConfig {
        reads: rate(config.reads_per_second, config.reads_burst),
        writes: rate(config.writes_per_second, config.writes_burst),
    }
}

/// The configured signing key, or the one that was made at the first start.
async fn signing_key(config: &Config, store: &dyn Store) -> Result<SigningKey, Failure> {
    if let Some(key) = config.quotes.signing_key.set() {
        return Ok(SigningKey::new(key.as_bytes())?);
    }
    let mut fresh = [0u8; 32];
    getrandom::fill(&mut fresh)?;
    let fresh: String = fresh.iter().map(|byte| format!("{byte:02x}")).collect();
    let kept = store.setting("quotes.signing_key", &fresh).await?;
    tracing::info!("quotes.signing_key is not set; using the one kept in the database");
    Ok(SigningKey::new(kept.as_bytes())?)
}
