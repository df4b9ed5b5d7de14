//! Coming up: the handshake, one channel, and what is to be declared on it.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

use super::QUORUM;
use super::frames::{self, METHOD, Method};
use super::messages::Link;
use super::wire::{Read, Write};
use crate::{Fallible, failure};

/// Where the broker is.
#[derive(Debug, Clone)]
pub(crate) struct Broker {
    address: String,
    user: String,
    password: String,
}

/// A connection that is being set up: one question at a time.
pub(crate) struct Setup {
    stream: TcpStream,
    buffer: Vec<u8>,
}

const CLOSES: [Method; 2] = [(10, 50), (20, 40)];

impl Broker {
    /// The broker at `url`, in its default virtual host.
    pub(crate) fn new(url: &str) -> Fallible<Self> {
        let url: Url = url.parse()?;
        let host = url.host_str().ok_or_else(|| failure("the broker's URL has no host"))?;
        Ok(Self {
            address: format!("{host}:{}", url.port().unwrap_or(5672)),
            user: url.username().to_owned(),
            password: url.password().unwrap_or_default().to_owned(),
        })
    }

    /// Connects and opens a channel.
    pub(crate) async fn connect(&self) -> Fallible<Setup> {
        let mut stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        stream.write_all(b"AMQP\0\0\x09\x01").await?;
        let mut setup = Setup { stream, buffer: Vec::new() };
        setup.expect((10, 10)).await?;
        let secret = format!("\0{}\0{}", self.user, self.password);
        let start = |out: &mut Vec<u8>| {
            out.table(&[]);
            out.name("PLAIN");
            out.text(secret.as_bytes());
            out.name("en_US");
        };
        let tune = setup.ask(0, (10, 11), start, (10, 30)).await?;
        // As the broker wants it, without heartbeats: runs are short and loopback does not fail silently.
        let tuned = |out: &mut Vec<u8>| {
            out.extend_from_slice(&tune[..6]);
            out.short(0);
        };
        setup.say(0, (10, 31), tuned).await?;
        setup.ask(0, (10, 40), |out| out.extend_from_slice(b"\x01/\0\0"), (10, 41)).await?;
        setup.ask(1, (20, 10), |out| out.name(""), (20, 11)).await?;
        Ok(setup)
    }
}

impl Setup {
    /// Declares a durable topic exchange.
    pub(crate) async fn exchange(&mut self, name: &str) -> Fallible<()> {
        let declare = |out: &mut Vec<u8>| {
            out.short(0);
            out.name(name);
            out.name("topic");
            out.push(0b10);
            out.table(&[]);
        };
        self.ask(1, (40, 10), declare, (40, 11)).await.map(drop)
    }

    /// Declares a quorum queue that gets everything of an exchange.
    pub(crate) async fn queue(&mut self, name: &str, exchange: &str) -> Fallible<()> {
        let declare = |out: &mut Vec<u8>| {
            out.short(0);
            out.name(name);
            out.push(0b10);
            out.table(&QUORUM);
        };
        self.ask(1, (50, 10), declare, (50, 11)).await?;
        let bind = |out: &mut Vec<u8>| {
            out.short(0);
            out.name(name);
            out.name(exchange);
            out.name("#");
            out.push(0);
            out.table(&[]);
        };
        self.ask(1, (50, 20), bind, (50, 21)).await.map(drop)
    }

    /// How many messages of a queue wait to be delivered.
    pub(crate) async fn waiting(&mut self, queue: &str) -> Fallible<u32> {
        let declare_passively = |out: &mut Vec<u8>| {
            out.short(0);
            out.name(queue);
            out.push(0b1);
            out.table(&[]);
        };
        let answer = self.ask(1, (50, 10), declare_passively, (50, 11)).await?;
        let mut answer = Read(&answer);
        answer.name()?;
        answer.long()
    }

    /// Throws away what waits in a queue.
    pub(crate) async fn purge(&mut self, queue: &str) -> Fallible<()> {
        let purge = |out: &mut Vec<u8>| {
            out.short(0);
            out.name(queue);
            out.push(0);
        };
        self.ask(1, (50, 30), purge, (50, 31)).await.map(drop)
    }

    /// The link, with confirms on what is published on it.
    pub(crate) async fn publishing(mut self) -> Fallible<Link> {
        self.ask(1, (85, 10), |out| out.push(0), (85, 11)).await?;
        Ok(Link::new(self.stream, self.buffer))
    }

    /// The link, with a queue's messages coming in, at most `prefetch` unacknowledged.
    pub(crate) async fn consuming(mut self, queue: &str, prefetch: u16) -> Fallible<Link> {
        let limit = |out: &mut Vec<u8>| {
            out.long(0);
            out.short(prefetch);
            out.push(0);
        };
        self.ask(1, (60, 10), limit, (60, 11)).await?;
        let consume = |out: &mut Vec<u8>| {
            out.short(0);
            out.name(queue);
            out.name("bench");
            out.push(0);
            out.table(&[]);
        };
        self.ask(1, (60, 20), consume, (60, 21)).await?;
        Ok(Link::new(self.stream, self.buffer))
    }

    async fn ask(
        &mut self,
        channel: u16,
        question: Method,
        write: impl FnOnce(&mut Vec<u8>),
        answer: Method,
    ) -> Fallible<Vec<u8>> {
        self.say(channel, question, write).await?;
        self.expect(answer).await
    }

    async fn say(&mut self, channel: u16, method: Method, write: impl FnOnce(&mut Vec<u8>)) -> Fallible<()> {
        let mut out = Vec::new();
        frames::method(&mut out, channel, method, write);
        Ok(self.stream.write_all(&out).await?)
    }

    async fn expect(&mut self, expected: Method) -> Fallible<Vec<u8>> {
        loop {
            if let Some(frame) = frames::first(&self.buffer)? {
                let size = frame.size;
                let arguments = if frame.kind == METHOD {
                    let (name, arguments) = frames::named(frame.payload)?;
                    if CLOSES.contains(&name) {
                        return Err(frames::goodbye(arguments)?.into());
                    }
                    if name != expected {
                        return Err(format!("the broker answers {name:?} where {expected:?} was due").into());
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
                return Err(failure("the broker hung up"));
            }
        }
    }
}
