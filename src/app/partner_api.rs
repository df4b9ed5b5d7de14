//! The partner API, the tracking page and the documentation, on one listener.

use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;

use super::components::Components;
use super::contract_documents::{asyncapi, openapi};
use super::error::AppError;
use super::lifecycle::{Application, spawn_server};
use super::settings::{api_config, http_server_limits, long_poll_config, rate_limits, tracking_config};
use super::webhooks::webhooks;
use crate::config::Config;
use crate::http::{
    self, ApiDependencies, Authenticator, BasePath, DocsContent, KeyCacheConfig, LongPollLimit, RateLimits,
    TrackingDependencies,
};
use crate::idempotency::Idempotency;
use crate::quotes::{QuoteService, Routes, Signer, SigningKey};
use crate::store::Store;
use crate::webhooks::WebhookService;

impl Application {
    /// Spawns the HTTP server for partners, the webhook dispatcher and the retention of their data.
    pub(super) async fn spawn_partner_api(&mut self, listener: TcpListener) -> Result<(), AppError> {
        let routes = Arc::new(Routes::try_from(&self.components.config.routes)?);
        let (webhooks, dispatcher) = webhooks(&self.components, &self.wakeups.webhooks)?;
        let api = self.api_router(&routes, webhooks).await?;
        let router = api.merge(self.tracking_router(routes)).merge(self.docs_router()?);
        let config = &self.components.config.http;
        let limits = http_server_limits(config);
        tracing::info!("partner API listening on http://{}{}", listener.local_addr()?, config.base_path);
        self.senders.spawn_fallible("webhook dispatcher", |shutdown| dispatcher.run(shutdown));
        self.spawn_retention();
        spawn_server(&mut self.edges, "HTTP server", listener, router, limits);
        Ok(())
    }

    async fn api_router(&self, routes: &Arc<Routes>, webhooks: WebhookService) -> Result<Router, AppError> {
        let Components { config, store, clock, renderer, .. } = &self.components;
        let signer = Signer::new(signing_key(config, &**store).await?);
        let quotes = QuoteService::new(
            signer.clone(),
            Arc::clone(routes),
            Arc::clone(store) as _,
            Arc::clone(clock),
            config.quotes.ttl_seconds,
        );
        let authenticator =
            Authenticator::new(Arc::clone(store) as _, Arc::clone(clock), KeyCacheConfig::default())
                .limit_failed_attempts(config.limits.refused_keys_per_minute);
        Ok(http::api_router(ApiDependencies {
            payouts: self.payouts.clone(),
            quotes: Arc::new(quotes),
            quote_usage: Arc::clone(store) as _,
            authenticator,
            rate_limits: RateLimits::new(rate_limits(&config.limits)),
            idempotency: Idempotency::new(Arc::clone(store) as _, config.idempotency.keep()),
            renderer: renderer.clone(),
            payout_query: Arc::clone(store) as _,
            cursor_signer: signer,
            long_polls: LongPollLimit::new(long_poll_config(config), self.edges.shutdown_signal()),
            webhooks: Arc::new(webhooks),
            config: api_config(&config.http)?,
        }))
    }

    fn docs_router(&self) -> Result<Router, AppError> {
        let config = &self.components.config;
        Ok(http::docs_router(DocsContent {
            base_path: config.http.base_path.parse::<BasePath>()?,
            openapi: openapi(config)?.into(),
            asyncapi: asyncapi()?.into(),
        }))
    }

    fn tracking_router(&self, routes: Arc<Routes>) -> Router {
        let Components { config, store, .. } = &self.components;
        http::tracking_router(TrackingDependencies {
            payouts: self.payouts.clone(),
            index: Arc::clone(store) as _,
            routes,
            shutdown: self.edges.shutdown_signal(),
            config: tracking_config(config),
        })
    }
}

/// The configured signing key, or the random one that the first start stored.
async fn signing_key(config: &Config, store: &dyn Store) -> Result<SigningKey, AppError> {
    if let Some(key) = config.quotes.signing_key.set() {
        return Ok(SigningKey::new(key.as_bytes())?);
    }
    let mut random = [0u8; 32];
    getrandom::fill(&mut random)?;
    let random = hex::encode(random);
    let stored = store.setting("quotes.signing_key", &random).await?;
    tracing::info!("quotes.signing_key is not set; using the key stored in the database");
    Ok(SigningKey::new(stored.as_bytes())?)
}
