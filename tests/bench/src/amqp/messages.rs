//! A link in use: messages in and out, confirms and acknowledgements.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::confirms::Tally;
use super::frames::{self, BODY, HEADER, HEARTBEAT, METHOD};
use super::wire::{Read, Write};
use crate::{Fallible, failure};

const PUBLISH: frames::Method = (60, 40);
const DELIVER: frames::Method = (60, 60);
const ACK: frames::Method = (60, 80);
const NACK: frames::Method = (60, 120);
const CLOSE: frames::Method = (10, 50);
const CLOSED: frames::Method = (10, 51);

/// Content type, delivery mode, message id: the property flags of what is published here.
const FLAGS: u16 = 1 << 15 | 1 << 12 | 1 << 7;
const CONTENT_TYPE: &str = "application/cloudevents+json";
const PERSISTENT: u8 = 2;

/// A connection that is set up.
pub(crate) struct Link {
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
    buffer: Vec<u8>,
}

/// The way out. What is written here leaves with the next write to the socket.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outgoing {
    bytes: Rc<RefCell<Vec<u8>>>,
    ready: Rc<Notify>,
}

/// The way in. The connection ends with it.
pub(crate) struct Incoming {
    writer: AbortHandle,
    read: OwnedReadHalf,
    buffer: Vec<u8>,
    used: usize,
}

/// A message that was delivered.
pub(crate) struct Delivery<'a> {
    /// Its routing key.
    pub(crate) routing_key: &'a [u8],
    /// Its message id; empty where it has none.
    pub(crate) message_id: &'a [u8],
    /// Whether it was handed out before.
    pub(crate) redelivered: bool,
    /// Its body.
    pub(crate) body: &'a [u8],
}

impl Link {
    pub(super) fn new(stream: TcpStream, buffer: Vec<u8>) -> Self {
        let (read, write) = stream.into_split();
        Self { read, write, buffer }
    }

    /// Both ways. A local task does the writing.
    pub(crate) fn split(self) -> (Outgoing, Incoming) {
        let out = Outgoing::default();
        let writer = tokio::task::spawn_local(write_out(self.write, out.clone())).abort_handle();
        (out, Incoming { writer, read: self.read, buffer: self.buffer, used: 0 })
    }
}

/// Ends a connection in order, so that nothing that was written on it is lost.
pub(crate) async fn close(mut incoming: Incoming, outgoing: &Outgoing) -> Fallible<()> {
    frames::method(&mut outgoing.bytes.borrow_mut(), 0, CLOSE, |out| {
        out.short(200);
        out.name("OK");
        out.long(0);
    });
    outgoing.ready.notify_one();
    loop {
        while let Some(frame) = frames::first(&incoming.buffer[incoming.used..])? {
            if frame.kind == METHOD && frames::named(frame.payload)?.0 == CLOSED {
                return Ok(());
            }
            incoming.used += frame.size;
        }
        incoming.fill().await?;
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.writer.abort();
    }
}

async fn write_out(mut socket: OwnedWriteHalf, out: Outgoing) {
    loop {
        out.ready.notified().await;
        let bytes = out.bytes.take();
        // Where this fails, the reading side finds out as well.
        if !bytes.is_empty() && socket.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

impl Outgoing {
    /// Publishes a persistent message.
    pub(crate) fn publish(&self, exchange: &str, routing_key: &str, message_id: &str, body: &[u8]) {
        let mut out = self.bytes.borrow_mut();
        frames::method(&mut out, 1, PUBLISH, |out| {
            out.short(0);
            out.name(exchange);
            out.name(routing_key);
            out.push(0);
        });
        frames::frame(&mut out, HEADER, 1, |out| {
            out.short(60);
            out.short(0);
            out.longlong(body.len() as u64);
            out.short(FLAGS);
            out.name(CONTENT_TYPE);
            out.push(PERSISTENT);
            out.name(message_id);
        });
        frames::frame(&mut out, BODY, 1, |out| out.extend_from_slice(body));
        drop(out);
        self.ready.notify_one();
    }

    /// Acknowledges everything up to `tag`.
    pub(crate) fn acknowledge(&self, tag: u64) {
        frames::method(&mut self.bytes.borrow_mut(), 1, ACK, |out| {
            out.longlong(tag);
            out.push(1);
        });
        self.ready.notify_one();
    }
}

impl Incoming {
    /// Waits until something arrives.
    async fn fill(&mut self) -> Fallible<()> {
        self.buffer.drain(..self.used);
        self.used = 0;
        self.buffer.reserve(64 * 1024);
        match self.read.read_buf(&mut self.buffer).await? {
            0 => Err(failure("the broker hung up")),
            _ => Ok(()),
        }
    }

    /// Waits for confirms and notes them.
    pub(crate) async fn confirms(&mut self, tally: &mut Tally) -> Fallible<()> {
        self.fill().await?;
        while let Some(frame) = frames::first(&self.buffer[self.used..])? {
            if frame.kind == METHOD {
                let (name, mut arguments) = frames::named(frame.payload)?;
                match name {
                    ACK => tally.note(arguments.longlong()?, arguments.octet()? == 1),
                    NACK => return Err(failure("the broker refused a message")),
                    _ => return Err(frames::goodbye(arguments)?.into()),
                }
            } else if frame.kind != HEARTBEAT {
                return Err(failure("the broker sent something unexpected"));
            }
            self.used += frame.size;
        }
        Ok(())
    }

    /// Deals with every message that has arrived as a whole, once there is one. Returns the last one's tag.
    pub(crate) async fn deliveries(&mut self, mut deal: impl FnMut(&Delivery<'_>)) -> Fallible<u64> {
        loop {
            self.fill().await?;
            let mut last = None;
            while let Some((size, tag)) = self.first_delivery(&mut deal)? {
                self.used += size;
                last = Some(tag);
            }
            if let Some(tag) = last {
                return Ok(tag);
            }
        }
    }

    /// The message at the front, where it is there as a whole: its size in the buffer, and its tag.
    fn first_delivery(&self, deal: &mut impl FnMut(&Delivery<'_>)) -> Fallible<Option<(usize, u64)>> {
        let bytes = &self.buffer[self.used..];
        let Some(method) = frames::first(bytes)? else { return Ok(None) };
        let (name, mut arguments) = frames::named(method.payload)?;
        if name != DELIVER {
            return Err(frames::goodbye(arguments)?.into());
        }
        let Some(header) = frames::first(&bytes[method.size..])? else { return Ok(None) };
        let mut size = method.size + header.size;
        let (announced, message_id) = properties(header.payload)?;
        // What is sent here always fits into one frame.
        let Some(body) = frames::first(&bytes[size..])? else { return Ok(None) };
        if body.payload.len() as u64 != announced {
            return Err(failure("a message came in more than one frame"));
        }
        size += body.size;
        arguments.name()?;
        let tag = arguments.longlong()?;
        let redelivered = arguments.octet()? == 1;
        arguments.name()?;
        deal(&Delivery { routing_key: arguments.name()?, message_id, redelivered, body: body.payload });
        Ok(Some((size, tag)))
    }
}

/// The size of the body, and the message id.
fn properties(payload: &[u8]) -> Fallible<(u64, &[u8])> {
    let mut read = Read(payload);
    read.long()?;
    let size = read.longlong()?;
    let flags = read.short()?;
    let has = |bit: u16| flags & 1 << bit != 0;
    for bit in [15, 14] {
        if has(bit) {
            read.name()?;
        }
    }
    if has(13) {
        read.text()?;
    }
    for bit in [12, 11] {
        if has(bit) {
            read.octet()?;
        }
    }
    for bit in [10, 9, 8] {
        if has(bit) {
            read.name()?;
        }
    }
    Ok((size, if has(7) { read.name()? } else { &[] }))
}
