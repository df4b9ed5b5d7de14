//! Quotes for the payouts that a measure creates. Creating them is not timed.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;

use futures_util::future::try_join_all;
use uuid::Uuid;

use crate::Result;
use crate::http_client::{self, Connection};

/// The terms of every payout.
const TERMS: &str = r#"{"external_ref":"order-1","destination":"TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t","asset":"USDT","amount":"25.00"}"#;

const CONNECTIONS: usize = 32;

/// Creates `count` quotes over HTTP and returns their ids.
pub(crate) async fn create(api: SocketAddr, key: &str, count: usize) -> Result<Vec<String>> {
    let (remaining, created) = (Cell::new(count), RefCell::new(Vec::with_capacity(count)));
    let connections =
        (0..CONNECTIONS.min(count)).map(|_| create_on_connection(api, key, &remaining, &created));
    try_join_all(connections).await?;
    Ok(created.into_inner())
}

async fn create_on_connection(
    api: SocketAddr,
    key: &str,
    remaining: &Cell<usize>,
    created: &RefCell<Vec<String>>,
) -> Result<()> {
    let mut connection = Connection::open(api).await?;
    while let Some(left) = remaining.get().checked_sub(1) {
        remaining.set(left);
        let idempotency_key = Uuid::now_v7().to_string();
        let request = http_client::post("/payouts/quote", key, Some(&idempotency_key), TERMS);
        let response = connection.call(&request).await?;
        if response.status != 200 {
            return Err(format!("a quote was refused: {}", String::from_utf8_lossy(response.body)).into());
        }
        let body: serde_json::Value = serde_json::from_slice(response.body)?;
        let id = body["quote_id"].as_str().ok_or("a quote has no id")?;
        created.borrow_mut().push(id.to_owned());
    }
    Ok(())
}

pub(crate) fn execute_request(key: &str, quote: &str) -> Vec<u8> {
    http_client::post("/payouts", key, None, &format!(r#"{{"quote_id":"{quote}"}}"#))
}
