//! The application: creates every component from the configuration, connects them and runs them.

mod commands;
mod components;
mod contract_documents;
mod dev;
mod error;
mod keys;
mod lease;
mod lifecycle;
mod metric_descriptions;
mod open_files;
mod overdue_sweep;
mod partner_api;
mod retention;
mod serve;
mod services;
mod settings;
mod system_clock;
#[cfg(test)]
mod tests;
mod webhooks;

pub(crate) use commands::{migrate, send_report};
pub(crate) use contract_documents::{asyncapi, openapi};
pub(crate) use dev::dev;
pub(crate) use error::AppError;
pub(crate) use keys::Keys;
pub(crate) use serve::serve;
pub use system_clock::SystemClock;
