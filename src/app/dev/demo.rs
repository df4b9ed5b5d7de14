//! The first payout of `payoutd dev`, executed over the HTTP API.

use std::error::Error;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// A bridge from Tron to Ethereum.
pub(super) const QUOTE_REQUEST: &str = r#"{"external_ref":"demo-1","destination":"0x52908400098527886E0F7030069857D2E4169EE7","asset":"USDT","amount":"25.00"}"#;

type DemoError = Box<dyn Error + Send + Sync>;

/// Quotes and executes a payout. Returns its id and the URL of its tracking page.
pub(super) async fn execute_payout(
    api: SocketAddr,
    base_path: &str,
    key: &str,
) -> Result<(String, String), DemoError> {
    let quote = post(api, &format!("{base_path}/payouts/quote"), key, QUOTE_REQUEST.to_owned()).await?;
    let execution = json!({"quote_id": quote["quote_id"]}).to_string();
    let payout = post(api, &format!("{base_path}/payouts"), key, execution).await?;
    match (payout["id"].as_str(), payout["tracking_url"].as_str()) {
        (Some(id), Some(page)) => Ok((id.to_owned(), page.to_owned())),
        _ => Err(format!("unexpected response: {payout}").into()),
    }
}

async fn post(api: SocketAddr, path: &str, key: &str, body: String) -> Result<Value, DemoError> {
    let stream = TcpStream::connect(api).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::post(path)
        .header(header::HOST, api.to_string())
        .header(header::AUTHORIZATION, format!("Bearer {key}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", uuid::Uuid::now_v7().to_string())
        .body(Full::new(Bytes::from(body)))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body: Value = serde_json::from_slice(&response.into_body().collect().await?.to_bytes())?;
    if status.is_success() { Ok(body) } else { Err(format!("POST {path}: {status}: {body}").into()) }
}
