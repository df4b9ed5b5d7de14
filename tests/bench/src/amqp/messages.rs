//! A link in use: messages in and out, confirms and acknowledgements.

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

/// Content type, delivery mode, message id: the property flags of what is published here.
const PROPERTY_FLAGS: u16 = 1 << 15 | 1 << 12 | 1 << 7;
const CONTENT_TYPE: &str = "application/cloudevents+json";
const PERSISTENT: u8 = 2;

/// The way out. What is written here leaves with the next write to the socket.
#[derive(Debug, Clone, Default)]
pub(crate) struct ChannelWriter {
    bytes: Rc<RefCell<Vec<u8>>>,
    ready: Rc<Notify>,
}

/// The way in. The connection ends with it.
pub(crate) struct ChannelReader {
    writer_task: AbortHandle,
    socket: OwnedReadHalf,
    buffer: Vec<u8>,
    consumed: usize,
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

/// Splits the connection into a writer and a reader. A local task writes what the writer has buffered.
pub(super) fn split(stream: TcpStream, buffer: Vec<u8>) -> (ChannelWriter, ChannelReader) {
    let (socket, write_half) = stream.into_split();
    let writer = ChannelWriter::default();
    let writer_task = tokio::task::spawn_local(write_buffered(write_half, writer.clone())).abort_handle();
    (writer, ChannelReader { writer_task, socket, buffer, consumed: 0 })
}

/// Ends a connection in order, so that nothing that was written on it is lost.
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
        // Where this fails, the reading side finds out as well.
        if !bytes.is_empty() && socket.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

impl ChannelWriter {
    /// Publishes a persistent message.
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

    /// Acknowledges everything up to `tag`.
    pub(crate) fn acknowledge(&self, tag: u64) {
        frames::encode_method(&mut self.bytes.borrow_mut(), 1, methods::BASIC_ACK, |out| {
            out.longlong(tag);
            out.push(1);
        });
        self.ready.notify_one();
    }
}

impl ChannelReader {
    /// Waits until something arrives.
    async fn fill(&mut self) -> Result<()> {
        self.buffer.drain(..self.consumed);
        self.consumed = 0;
        self.buffer.reserve(64 * 1024);
        match self.socket.read_buf(&mut self.buffer).await? {
            0 => Err("the broker hung up".into()),
            _ => Ok(()),
        }
    }

    /// Waits for confirms and notes them.
    pub(crate) async fn read_confirms(&mut self, tracker: &mut ConfirmTracker) -> Result<()> {
        self.fill().await?;
        while let Some(frame) = frames::decode(&self.buffer[self.consumed..])? {
            if frame.kind == METHOD {
                let (method, mut arguments) = frames::decode_method(frame.payload)?;
                match method {
                    methods::BASIC_ACK => tracker.record(arguments.longlong()?, arguments.octet()? == 1),
                    methods::BASIC_NACK => return Err("the broker refused a message".into()),
                    _ => return Err(frames::close_reason(arguments)?.into()),
                }
            } else if frame.kind != HEARTBEAT {
                return Err("the broker sent something unexpected".into());
            }
            self.consumed += frame.size;
        }
        Ok(())
    }

    /// Deals with every message that has arrived as a whole, once there is one. Returns the last one's tag.
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

    /// The message at the front, where it is there as a whole: its size in the buffer, and its tag.
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
        // What is sent here always fits into one frame.
        let Some(body) = frames::decode(&bytes[size..])? else { return Ok(None) };
        if body.payload.len() as u64 != body_size {
            return Err("a message came in more than one frame".into());
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

/// The size of the body, and the message id.
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
