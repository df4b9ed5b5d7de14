//! The same calls again and again, over kept connections, as fast as they are answered.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use crate::http_client::Connection;
use crate::{Error, Result, per_second};

/// Enough to keep two cores busy.
pub(crate) const CONNECTIONS: usize = 32;

/// Makes calls for so long, after a fifth of that to warm up. Every answer is to have this status. Calls a second.
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
                return Err(format!("{} where {status} was due", response.status).into());
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

/// Makes each call once. Calls a second.
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
                return Err(format!("{} where {status} was due: {body}", response.status).into());
            }
        }
        Ok::<_, Error>(())
    }))
    .await?;
    Ok(per_second(requests.len(), started.elapsed()))
}
