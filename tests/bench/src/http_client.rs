//! An HTTP client that costs next to nothing: keep-alive connections, requests rendered beforehand, and of an answer
//! only what is needed to know where it ends.

use std::net::SocketAddr;

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Result;

/// A connection, with one request under way at a time.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer, where it arrived.
pub(crate) struct Response<'a> {
    /// The status code.
    pub(crate) status: u16,
    /// Status line and headers.
    pub(crate) head: &'a [u8],
    /// The body.
    pub(crate) body: &'a [u8],
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    /// Sends a request and reads the answer to its end.
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

    /// Sends a request. Whoever does so reads the answer.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<()> {
        self.buffer.clear();
        Ok(self.stream.write_all(request).await?)
    }

    /// Reads up to the end of the answer's head, and returns its length.
    pub(crate) async fn head(&mut self) -> Result<usize> {
        loop {
            self.read_more().await?;
            if let Some(at) = memmem::find(&self.buffer, b"\r\n\r\n") {
                return Ok(at + 4);
            }
        }
    }

    /// What has arrived so far.
    pub(crate) fn received(&self) -> &[u8] {
        &self.buffer
    }

    /// Forgets what has arrived so far.
    pub(crate) fn clear(&mut self) {
        self.buffer.clear();
    }

    /// Waits until more arrives.
    pub(crate) async fn read_more(&mut self) -> Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err("the server hung up".into()),
            _ => Ok(()),
        }
    }
}

/// The status of an answer with this head.
pub(crate) fn status(head: &[u8]) -> Result<u16> {
    let digits = head.get(9..12).ok_or("an answer without a status")?;
    Ok(std::str::from_utf8(digits)?.parse()?)
}

fn body_length(head: &[u8]) -> Result<usize> {
    match header(head, "content-length") {
        Some(length) => Ok(std::str::from_utf8(length)?.trim().parse()?),
        None if matches!(status(head)?, 204 | 304) => Ok(0),
        None => Err("an answer does not say how long it is".into()),
    }
}

/// A header's value. hyper writes their names in lower case.
pub(crate) fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let start = memmem::find(head, format!("\r\n{name}: ").as_bytes())? + name.len() + 4;
    let value = &head[start..];
    Some(&value[..memmem::find(value, b"\r\n")?])
}

/// A POST of JSON, ready to be sent.
pub(crate) fn post(path: &str, key: &str, idempotency_key: Option<&str>, body: &str) -> Vec<u8> {
    let idempotency_key = idempotency_key.map_or(String::new(), |key| format!("idempotency-key: {key}\r\n"));
    format!(
        "POST {path} HTTP/1.1\r\nhost: payoutd\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         {idempotency_key}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A GET, ready to be sent, with further header lines, each with its end.
pub(crate) fn get(path: &str, key: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: payoutd\r\nauthorization: Bearer {key}\r\n{headers}\r\n")
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_where_it_ends() {
        let head = b"HTTP/1.1 201 Created\r\ncontent-type: x\r\ncontent-length: 12\r\n\r\n";
        assert_eq!((status(head).unwrap(), body_length(head).unwrap()), (201, 12));
        assert_eq!(header(head, "content-type"), Some(&b"x"[..]));
        assert_eq!(body_length(b"HTTP/1.1 304 Not Modified\r\netag: \"3\"\r\n\r\n").unwrap(), 0);
        assert!(body_length(b"HTTP/1.1 200 OK\r\netag: \"3\"\r\n\r\n").is_err());
    }
}
