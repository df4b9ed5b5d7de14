//! Connection setup: handshake, one channel, and declarations on it.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

use super::QUEUE_ARGUMENTS;
use super::frames::{self, METHOD};
use super::messages::{ChannelReader, ChannelWriter, split};
use super::methods::{self, Method};
use super::wire::{Decoder, Encode};
use crate::Result;

/// The address and credentials of a broker.
#[derive(Debug, Clone)]
pub(crate) struct Broker {
    address: String,
    user: String,
    password: String,
}

/// A connection with one open channel. Each method waits for the reply of the broker.
pub(crate) struct Channel {
    stream: TcpStream,
    buffer: Vec<u8>,
}

const CLOSE_METHODS: [Method; 2] = [methods::CONNECTION_CLOSE, methods::CHANNEL_CLOSE];

impl Broker {
    /// Reads address and credentials from `url`. The virtual host is always the default one.
    pub(crate) fn new(url: &str) -> Result<Self> {
        let url: Url = url.parse()?;
        let host = url.host_str().ok_or("the broker's URL has no host")?;
        Ok(Self {
            address: format!("{host}:{}", url.port().unwrap_or(5672)),
            user: url.username().to_owned(),
            password: url.password().unwrap_or_default().to_owned(),
        })
    }

    pub(crate) async fn connect(&self) -> Result<Channel> {
        let mut stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        stream.write_all(b"AMQP\0\0\x09\x01").await?;
        let mut channel = Channel { stream, buffer: Vec::new() };
        channel.expect(methods::CONNECTION_START).await?;
        let credentials = format!("\0{}\0{}", self.user, self.password);
        let start_ok = |out: &mut Vec<u8>| {
            out.table(&[]);
            out.short_string("PLAIN");
            out.long_string(credentials.as_bytes());
            out.short_string("en_US");
        };
        let tune = channel.call(0, methods::CONNECTION_START_OK, start_ok, methods::CONNECTION_TUNE).await?;
        // Accepts the limits that the broker proposes and turns heartbeats off: runs are short and local.
        let tune_ok = |out: &mut Vec<u8>| {
            out.extend_from_slice(&tune[..6]);
            out.short(0);
        };
        channel.send(0, methods::CONNECTION_TUNE_OK, tune_ok).await?;
        channel
            .call(
                0,
                methods::CONNECTION_OPEN,
                |out| out.extend_from_slice(b"\x01/\0\0"),
                methods::CONNECTION_OPEN_OK,
            )
            .await?;
        channel.call(1, methods::CHANNEL_OPEN, |out| out.short_string(""), methods::CHANNEL_OPEN_OK).await?;
        Ok(channel)
    }
}

impl Channel {
    /// Declares a durable topic exchange.
    pub(crate) async fn declare_exchange(&mut self, name: &str) -> Result<()> {
        let declare = |out: &mut Vec<u8>| {
            out.short(0);
            out.short_string(name);
            out.short_string("topic");
            out.push(0b10);
            out.table(&[]);
        };
        self.call(1, methods::EXCHANGE_DECLARE, declare, methods::EXCHANGE_DECLARE_OK).await.map(drop)
    }

    /// Declares a quorum queue and binds it to every message of `exchange`.
    pub(crate) async fn declare_queue(&mut self, name: &str, exchange: &str) -> Result<()> {
        let declare = |out: &mut Vec<u8>| {
            out.short(0);
            out.short_string(name);
            out.push(0b10);
            out.table(&QUEUE_ARGUMENTS);
        };
        self.call(1, methods::QUEUE_DECLARE, declare, methods::QUEUE_DECLARE_OK).await?;
        let bind = |out: &mut Vec<u8>| {
            out.short(0);
            out.short_string(name);
            out.short_string(exchange);
            out.short_string("#");
            out.push(0);
            out.table(&[]);
        };
        self.call(1, methods::QUEUE_BIND, bind, methods::QUEUE_BIND_OK).await.map(drop)
    }

    /// The number of messages in the queue that are ready for delivery.
    pub(crate) async fn message_count(&mut self, queue: &str) -> Result<u32> {
        let declare_passively = |out: &mut Vec<u8>| {
            out.short(0);
            out.short_string(queue);
            out.push(0b1);
            out.table(&[]);
        };
        let reply =
            self.call(1, methods::QUEUE_DECLARE, declare_passively, methods::QUEUE_DECLARE_OK).await?;
        let mut reply = Decoder(&reply);
        reply.short_string()?;
        reply.long()
    }

    /// Deletes the messages in the queue that are ready for delivery.
    pub(crate) async fn purge(&mut self, queue: &str) -> Result<()> {
        let purge = |out: &mut Vec<u8>| {
            out.short(0);
            out.short_string(queue);
            out.push(0);
        };
        self.call(1, methods::QUEUE_PURGE, purge, methods::QUEUE_PURGE_OK).await.map(drop)
    }

    /// Turns on publisher confirms.
    pub(crate) async fn into_publisher(mut self) -> Result<(ChannelWriter, ChannelReader)> {
        self.call(1, methods::CONFIRM_SELECT, |out| out.push(0), methods::CONFIRM_SELECT_OK).await?;
        Ok(split(self.stream, self.buffer))
    }

    /// Starts consuming `queue` with at most `prefetch` unacknowledged deliveries.
    pub(crate) async fn into_consumer(
        mut self,
        queue: &str,
        prefetch: u16,
    ) -> Result<(ChannelWriter, ChannelReader)> {
        let qos = |out: &mut Vec<u8>| {
            out.long(0);
            out.short(prefetch);
            out.push(0);
        };
        self.call(1, methods::BASIC_QOS, qos, methods::BASIC_QOS_OK).await?;
        let consume = |out: &mut Vec<u8>| {
            out.short(0);
            out.short_string(queue);
            out.short_string("bench");
            out.push(0);
            out.table(&[]);
        };
        self.call(1, methods::BASIC_CONSUME, consume, methods::BASIC_CONSUME_OK).await?;
        Ok(split(self.stream, self.buffer))
    }

    async fn call(
        &mut self,
        channel: u16,
        method: Method,
        encode: impl FnOnce(&mut Vec<u8>),
        reply: Method,
    ) -> Result<Vec<u8>> {
        self.send(channel, method, encode).await?;
        self.expect(reply).await
    }

    async fn send(&mut self, channel: u16, method: Method, encode: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        let mut out = Vec::new();
        frames::encode_method(&mut out, channel, method, encode);
        Ok(self.stream.write_all(&out).await?)
    }

    async fn expect(&mut self, expected: Method) -> Result<Vec<u8>> {
        loop {
            if let Some(frame) = frames::decode(&self.buffer)? {
                let size = frame.size;
                let arguments = if frame.kind == METHOD {
                    let (method, arguments) = frames::decode_method(frame.payload)?;
                    if CLOSE_METHODS.contains(&method) {
                        return Err(frames::close_reason(arguments)?.into());
                    }
                    if method != expected {
                        return Err(format!("the broker sent {method:?}, expected {expected:?}").into());
                    }
                    Some(arguments.0.to_vec())
                } else {
                    None
                };
                self.buffer.drain(..size);
                if let Some(arguments) = arguments {
                    return Ok(arguments);
                }
            } else if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the broker closed the connection".into());
            }
        }
    }
}
