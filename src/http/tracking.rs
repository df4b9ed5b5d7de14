//! `/track/{token}`: the public tracking page and its event stream.
//!
//! Links within the page are relative, so the page works under any path prefix of `PUBLIC_URL`.

mod config;
mod errors;
mod events;
mod headers;
mod pages;
mod reader;
mod router;
mod site;

pub use config::TrackingConfig;
pub use router::{TrackingDependencies, tracking_router};
