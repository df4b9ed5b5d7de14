//! The `OpenAPI` 3.1 document of the partner API. It is generated from the request and response types, the problem
//! codes and a list of operations. Tests compare it with the router and validate every example against its schema.

mod components;
pub(in crate::http) mod docs;
mod events;
mod examples;
mod introduction;
mod operation;
mod payouts;
mod webhooks;

use serde_json::{Map, Value, json};

use crate::contracts::Schemas;
use crate::http::base_path::BasePath;
use operation::Operation;

/// Generates the document. `public_url` is the public address of the API, if it is known.
#[must_use]
pub fn openapi(public_url: Option<&str>, base_path: &BasePath) -> Value {
    let mut schemas = Schemas::new();
    let operations = operations(&mut schemas);
    let mut paths = Map::new();
    for operation in operations {
        let path = paths.entry(operation.path()).or_insert_with(|| json!({}));
        let method = operation.method();
        path[method] = operation.into_value();
    }
    let webhooks = events::webhooks(&mut schemas);
    let components = components::components(schemas);
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "info": {
            "title": "payoutd partner API",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Quote a stablecoin payout, execute it, and follow it until the recipient has the funds.",
            "description": introduction::text(),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": servers(public_url, base_path),
        "security": [{ "apiKey": [] }],
        "tags": [
            {
                "name": "Quotes",
                "description": "What a payout would cost and how long it would take. A quote locks every term.",
            },
            {
                "name": "Payouts",
                "description": "Executing quotes, and following payouts: by asking, by waiting, or by a stream.",
            },
            {
                "name": "Webhooks",
                "description": "Being told. Signed as Standard Webhooks 1.0.0 has it, in order, and tried again for days.",
            },
        ],
        "paths": paths,
        "webhooks": webhooks,
        "components": components,
    })
}

fn operations(schemas: &mut Schemas) -> Vec<Operation> {
    let mut all = payouts::operations(schemas);
    all.extend(webhooks::operations(schemas));
    all
}

/// The address that the document was loaded from, and the public address.
fn servers(public_url: Option<&str>, base_path: &BasePath) -> Value {
    let here = if base_path.as_str().is_empty() { "/" } else { base_path.as_str() };
    let here = json!({ "url": here, "description": "The server this document came from" });
    let public = public_url.map(|url| {
        let url = format!("{}{}", url.trim_end_matches('/'), base_path.as_str());
        json!({ "url": url, "description": "The public address" })
    });
    std::iter::once(here).chain(public).collect()
}
