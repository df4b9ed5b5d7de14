//! Publishing, consuming, confirms and acknowledgements on an open channel.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::confirms::ConfirmTracker;
use super::frames::{self, BODY, HEADER, HEARTBEAT, METHOD};
use super::methods;
use super::wire::{Decoder, Encode};
use crate::Result;

/// The property flags of published messages: content type, delivery mode and message id.
const PROPERTY_FLAGS: u16 = 1 << 15 | 1 << 12 | 1 << 7;
const CONTENT_TYPE: &str = "application/cloudevents+json";
const PERSISTENT: u8 = 2;

/// Buffers frames for the socket. A local task writes the buffer.
#[derive(Debug, Clone, Default)]
pub(crate) struct ChannelWriter {
    bytes: Rc<RefCell<Vec<u8>>>,
    ready: Rc<Notify>,
}

/// Reads frames from the socket. Dropping the reader ends the writing task and the connection.
pub(crate) struct ChannelReader {
    writer_task: AbortHandle,
    socket: OwnedReadHalf,
    buffer: Vec<u8>,
    consumed: usize,
}

/// A delivered message.
pub(crate) struct Delivery<'a> {
    pub(crate) routing_key: &'a [u8],
    /// Empty if the message has none.
    pub(crate) message_id: &'a [u8],
    pub(crate) redelivered: bool,
    pub(crate) body: &'a [u8],
}

/// Splits the connection into a writer and a reader, and starts the local task that writes to the socket.
pub(super) fn split(stream: TcpStream, buffer: Vec<u8>) -> (ChannelWriter, ChannelReader) {
    let (socket, write_half) = stream.into_split();
    let writer = ChannelWriter::default();
    let writer_task = tokio::task::spawn_local(write_buffered(write_half, writer.clone())).abort_handle();
    (writer, ChannelReader { writer_task, socket, buffer, consumed: 0 })
}

/// Closes the connection after everything written before has reached the broker.
pub(crate) async fn close(mut reader: ChannelReader, writer: &ChannelWriter) -> Result<()> {
    frames::encode_method(&mut writer.bytes.borrow_mut(), 0, methods::CONNECTION_CLOSE, |out| {
        out.short(200);
        out.short_string("OK");
        out.long(0);
    });
    writer.ready.notify_one();
    loop {
        while let Some(frame) = frames::decode(&reader.buffer[reader.consumed..])? {
            if frame.kind == METHOD && frames::decode_method(frame.payload)?.0 == methods::CONNECTION_CLOSE_OK
            {
                return Ok(());
            }
            reader.consumed += frame.size;
        }
        reader.fill().await?;
    }
}

impl Drop for ChannelReader {
    fn drop(&mut self) {
        self.writer_task.abort();
    }
}

async fn write_buffered(mut socket: OwnedWriteHalf, writer: ChannelWriter) {
    loop {
        writer.ready.notified().await;
        let bytes = writer.bytes.take();
        // The reader detects the broken connection as well.
        if !bytes.is_empty() && socket.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

impl ChannelWriter {
    pub(crate) fn publish(&self, exchange: &str, routing_key: &str, message_id: &str, body: &[u8]) {
        let mut out = self.bytes.borrow_mut();
        frames::encode_method(&mut out, 1, methods::BASIC_PUBLISH, |out| {
            out.short(0);
            out.short_string(exchange);
            out.short_string(routing_key);
            out.push(0);
        });
        frames::encode_frame(&mut out, HEADER, 1, |out| {
            out.short(60);
            out.short(0);
            out.longlong(body.len() as u64);
            out.short(PROPERTY_FLAGS);
            out.short_string(CONTENT_TYPE);
            out.push(PERSISTENT);
            out.short_string(message_id);
        });
        frames::encode_frame(&mut out, BODY, 1, |out| out.extend_from_slice(body));
        drop(out);
        self.ready.notify_one();
    }

    /// Acknowledges all deliveries up to and including `tag`.
    pub(crate) fn acknowledge(&self, tag: u64) {
        frames::encode_method(&mut self.bytes.borrow_mut(), 1, methods::BASIC_ACK, |out| {
            out.longlong(tag);
            out.push(1);
        });
        self.ready.notify_one();
    }
}

impl ChannelReader {
    /// Waits for more bytes and removes the consumed ones.
    async fn fill(&mut self) -> Result<()> {
        self.buffer.drain(..self.consumed);
        self.consumed = 0;
        self.buffer.reserve(64 * 1024);
        match self.socket.read_buf(&mut self.buffer).await? {
            0 => Err("the broker closed the connection".into()),
            _ => Ok(()),
        }
    }

    /// Waits for confirms and records them in `tracker`.
    pub(crate) async fn read_confirms(&mut self, tracker: &mut ConfirmTracker) -> Result<()> {
        self.fill().await?;
        while let Some(frame) = frames::decode(&self.buffer[self.consumed..])? {
            if frame.kind == METHOD {
                let (method, mut arguments) = frames::decode_method(frame.payload)?;
                match method {
                    methods::BASIC_ACK => tracker.record(arguments.longlong()?, arguments.octet()? == 1),
                    methods::BASIC_NACK => return Err("the broker rejected a message".into()),
                    _ => return Err(frames::close_reason(arguments)?.into()),
                }
            } else if frame.kind != HEARTBEAT {
                return Err("the broker sent an unexpected frame".into());
            }
            self.consumed += frame.size;
        }
        Ok(())
    }

    /// Waits for deliveries and passes each complete one to `handle`. Returns the delivery tag of the last
    /// one.
    pub(crate) async fn read_deliveries(&mut self, mut handle: impl FnMut(&Delivery<'_>)) -> Result<u64> {
        loop {
            self.fill().await?;
            let mut last = None;
            while let Some((size, tag)) = self.decode_delivery(&mut handle)? {
                self.consumed += size;
                last = Some(tag);
            }
            if let Some(tag) = last {
                return Ok(tag);
            }
        }
    }

    /// Decodes the delivery at the front of the buffer. Returns its size in bytes and its delivery tag, or
    /// `None` if it is incomplete.
    fn decode_delivery(&self, handle: &mut impl FnMut(&Delivery<'_>)) -> Result<Option<(usize, u64)>> {
        let bytes = &self.buffer[self.consumed..];
        let Some(method_frame) = frames::decode(bytes)? else { return Ok(None) };
        let (method, mut arguments) = frames::decode_method(method_frame.payload)?;
        if method != methods::BASIC_DELIVER {
            return Err(frames::close_reason(arguments)?.into());
        }
        let Some(header) = frames::decode(&bytes[method_frame.size..])? else { return Ok(None) };
        let mut size = method_frame.size + header.size;
        let (body_size, message_id) = decode_properties(header.payload)?;
        // Every message of the benchmark fits into one body frame.
        let Some(body) = frames::decode(&bytes[size..])? else { return Ok(None) };
        if body.payload.len() as u64 != body_size {
            return Err("a message has more than one body frame".into());
        }
        size += body.size;
        arguments.short_string()?;
        let tag = arguments.longlong()?;
        let redelivered = arguments.octet()? == 1;
        arguments.short_string()?;
        handle(&Delivery {
            routing_key: arguments.short_string()?,
            message_id,
            redelivered,
            body: body.payload,
        });
        Ok(Some((size, tag)))
    }
}

/// Decodes a content header. Returns the body size and the message id.
fn decode_properties(payload: &[u8]) -> Result<(u64, &[u8])> {
    let mut decoder = Decoder(payload);
    decoder.long()?;
    let size = decoder.longlong()?;
    let flags = decoder.short()?;
    let has = |bit: u16| flags & 1 << bit != 0;
    for bit in [15, 14] {
        if has(bit) {
            decoder.short_string()?;
        }
    }
    if has(13) {
        decoder.long_string()?;
    }
    for bit in [12, 11] {
        if has(bit) {
            decoder.octet()?;
        }
    }
    for bit in [10, 9, 8] {
        if has(bit) {
            decoder.short_string()?;
        }
    }
    Ok((size, if has(7) { decoder.short_string()? } else { &[] }))
}
