//! Closed-loop HTTP load over keep-alive connections.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use crate::http_client::Connection;
use crate::{Error, Result, per_second};

/// Enough connections to saturate two cores.
pub(crate) const CONNECTIONS: usize = 32;

/// Sends `requests` repeatedly for `time`. The first fifth is warm-up and does not count. Returns responses
/// per second.
///
/// # Errors
/// Returns an error if a response does not have `status`.
pub(crate) async fn repeat_for(
    api: SocketAddr,
    requests: &[Vec<u8>],
    status: u16,
    time: Duration,
) -> Result<f64> {
    let completed = Cell::new(0usize);
    let (window_start, end) = (Instant::now() + time / 5, Instant::now() + time);
    try_join_all((0..CONNECTIONS).map(async |first| {
        let mut connection = Connection::open(api).await?;
        for request in requests.iter().cycle().skip(first * requests.len() / CONNECTIONS) {
            let now = Instant::now();
            if now >= end {
                break;
            }
            let response = connection.call(request).await?;
            if response.status != status {
                return Err(format!("expected status {status}, got {}", response.status).into());
            }
            if now >= window_start {
                completed.set(completed.get() + 1);
            }
        }
        Ok::<_, Error>(())
    }))
    .await?;
    Ok(per_second(completed.get(), time - time / 5))
}

/// Sends each request once. Returns responses per second.
///
/// # Errors
/// Returns an error if a response does not have `status`.
pub(crate) async fn send_each_once(
    api: SocketAddr,
    requests: &[Vec<u8>],
    status: u16,
    connections: usize,
) -> Result<f64> {
    let next = Cell::new(0usize);
    let started = Instant::now();
    try_join_all((0..connections).map(async |_| {
        let mut connection = Connection::open(api).await?;
        while let Some(request) = requests.get(next.replace(next.get() + 1)) {
            let response = connection.call(request).await?;
            if response.status != status {
                let body = String::from_utf8_lossy(response.body);
                return Err(format!("expected status {status}, got {}: {body}", response.status).into());
            }
        }
        Ok::<_, Error>(())
    }))
    .await?;
    Ok(per_second(requests.len(), started.elapsed()))
}
