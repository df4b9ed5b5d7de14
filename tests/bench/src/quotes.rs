//! Quotes for what is created later. Making them is not part of what is measured.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;

use futures_util::future::try_join_all;
use uuid::Uuid;

use crate::http_client::{self, Connection};
use crate::{Fallible, failure};

/// What every payout is for.
const TERMS: &str = r#"{"external_ref":"order-1","destination":"TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t","asset":"USDT","amount":"25.00"}"#;

const CONNECTIONS: usize = 32;

/// Quotes from a partner's point of view: asked for over HTTP, one call each.
pub(crate) async fn make(api: SocketAddr, key: &str, count: usize) -> Fallible<Vec<String>> {
    let (left, made) = (Cell::new(count), RefCell::new(Vec::with_capacity(count)));
    let asking = (0..CONNECTIONS.min(count)).map(|_| ask(api, key, &left, &made));
    try_join_all(asking).await?;
    Ok(made.into_inner())
}

async fn ask(api: SocketAddr, key: &str, left: &Cell<usize>, made: &RefCell<Vec<String>>) -> Fallible<()> {
    let mut connection = Connection::open(api).await?;
    while let Some(rest) = left.get().checked_sub(1) {
        left.set(rest);
        let idempotency_key = Uuid::now_v7().to_string();
        let request = http_client::post("/payouts/quote", key, Some(&idempotency_key), TERMS);
        let answer = connection.call(&request).await?;
        if answer.status != 200 {
            return Err(format!("a quote was refused: {}", String::from_utf8_lossy(answer.body)).into());
        }
        let body: serde_json::Value = serde_json::from_slice(answer.body)?;
        let id = body["quote_id"].as_str().ok_or_else(|| failure("a quote without an id"))?;
        made.borrow_mut().push(id.to_owned());
    }
    Ok(())
}

/// The request that executes a quote.
pub(crate) fn execute(key: &str, quote: &str) -> Vec<u8> {
    http_client::post("/payouts", key, None, &format!(r#"{{"quote_id":"{quote}"}}"#))
}
