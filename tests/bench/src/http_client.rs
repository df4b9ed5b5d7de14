//! A minimal HTTP/1.1 client for the load generator: keep-alive connections, prepared requests, and no more
//! parsing than finding the end of a response.

use std::net::SocketAddr;

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Result;

/// A keep-alive connection with one request at a time.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A response that borrows the receive buffer.
pub(crate) struct Response<'a> {
    pub(crate) status: u16,
    /// Status line and headers.
    pub(crate) head: &'a [u8],
    pub(crate) body: &'a [u8],
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    /// Sends a request and reads the complete response.
    pub(crate) async fn call(&mut self, request: &[u8]) -> Result<Response<'_>> {
        self.send(request).await?;
        let head = self.head().await?;
        let length = body_length(&self.buffer[..head])?;
        while self.buffer.len() < head + length {
            self.read_more().await?;
        }
        let (head, body) = self.buffer.split_at(head);
        Ok(Response { status: status(head)?, head, body })
    }

    /// Sends a request. The caller reads the response.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<()> {
        self.buffer.clear();
        Ok(self.stream.write_all(request).await?)
    }

    /// Reads until the end of the response head and returns its length in bytes.
    pub(crate) async fn head(&mut self) -> Result<usize> {
        loop {
            self.read_more().await?;
            if let Some(at) = memmem::find(&self.buffer, b"\r\n\r\n") {
                return Ok(at + 4);
            }
        }
    }

    /// The bytes received since the last request or [`Self::clear`].
    pub(crate) fn received(&self) -> &[u8] {
        &self.buffer
    }

    /// Discards the received bytes.
    pub(crate) fn clear(&mut self) {
        self.buffer.clear();
    }

    /// Waits for more bytes.
    pub(crate) async fn read_more(&mut self) -> Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err("the server closed the connection".into()),
            _ => Ok(()),
        }
    }
}

pub(crate) fn status(head: &[u8]) -> Result<u16> {
    let digits = head.get(9..12).ok_or("a response has no status")?;
    Ok(std::str::from_utf8(digits)?.parse()?)
}

fn body_length(head: &[u8]) -> Result<usize> {
    match header(head, "content-length") {
        Some(length) => Ok(std::str::from_utf8(length)?.trim().parse()?),
        None if matches!(status(head)?, 204 | 304) => Ok(0),
        None => Err("a response has no content-length".into()),
    }
}

/// The value of a header. `name` is in lower case, as hyper writes it.
pub(crate) fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let start = memmem::find(head, format!("\r\n{name}: ").as_bytes())? + name.len() + 4;
    let value = &head[start..];
    Some(&value[..memmem::find(value, b"\r\n")?])
}

/// An encoded POST request with a JSON body.
pub(crate) fn post(path: &str, key: &str, idempotency_key: Option<&str>, body: &str) -> Vec<u8> {
    let idempotency_key = idempotency_key.map_or(String::new(), |key| format!("idempotency-key: {key}\r\n"));
    format!(
        "POST {path} HTTP/1.1\r\nhost: payoutd\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         {idempotency_key}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// An encoded GET request. Each line of `headers` ends with CRLF.
pub(crate) fn get(path: &str, key: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: payoutd\r\nauthorization: Bearer {key}\r\n{headers}\r\n")
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_length_comes_from_content_length_or_from_the_status() {
        let head = b"HTTP/1.1 201 Created\r\ncontent-type: x\r\ncontent-length: 12\r\n\r\n";
        assert_eq!((status(head).unwrap(), body_length(head).unwrap()), (201, 12));
        assert_eq!(header(head, "content-type"), Some(&b"x"[..]));
        assert_eq!(body_length(b"HTTP/1.1 304 Not Modified\r\netag: \"3\"\r\n\r\n").unwrap(), 0);
        assert!(body_length(b"HTTP/1.1 200 OK\r\netag: \"3\"\r\n\r\n").is_err());
    }
}
