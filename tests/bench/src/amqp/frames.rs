//! Frames: a type, a channel, a length, that many bytes, and an end mark.

use super::wire::{Read, Write};
use crate::{Fallible, failure};

pub(super) const METHOD: u8 = 1;
pub(super) const HEADER: u8 = 2;
pub(super) const BODY: u8 = 3;
pub(super) const HEARTBEAT: u8 = 8;

const END: u8 = 0xCE;
const HEAD: usize = 7;

/// A method's class and number in it.
pub(super) type Method = (u16, u16);

/// Appends a frame whose payload `write` appends.
pub(super) fn frame(out: &mut Vec<u8>, kind: u8, channel: u16, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(kind);
    out.short(channel);
    let length_at = out.len();
    out.long(0);
    write(out);
    let length = u32::try_from(out.len() - length_at - 4).unwrap_or(u32::MAX);
    out[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
    out.push(END);
}

/// Appends a method.
pub(super) fn method(
    out: &mut Vec<u8>,
    channel: u16,
    (class, number): Method,
    write: impl FnOnce(&mut Vec<u8>),
) {
    frame(out, METHOD, channel, |out| {
        out.short(class);
        out.short(number);
        write(out);
    });
}

/// A frame in the buffer it arrived in.
pub(super) struct Frame<'a> {
    pub(super) kind: u8,
    pub(super) payload: &'a [u8],
    /// How many bytes it takes in the buffer.
    pub(super) size: usize,
}

/// The frame at the front of `bytes`, once it is there as a whole.
pub(super) fn first(bytes: &[u8]) -> Fallible<Option<Frame<'_>>> {
    if bytes.len() < HEAD {
        return Ok(None);
    }
    let length = usize::try_from(u32::from_be_bytes([bytes[3], bytes[4], bytes[5], bytes[6]]))?;
    let size = HEAD + length + 1;
    if bytes.len() < size {
        return Ok(None);
    }
    if bytes[size - 1] != END {
        return Err(failure("the broker sent a frame without its end"));
    }
    Ok(Some(Frame { kind: bytes[0], payload: &bytes[HEAD..HEAD + length], size }))
}

/// A method's name and its arguments.
pub(super) fn named(payload: &[u8]) -> Fallible<(Method, Read<'_>)> {
    let mut read = Read(payload);
    let name = (read.short()?, read.short()?);
    Ok((name, read))
}

/// What the broker says when it ends a connection or a channel.
pub(super) fn goodbye(mut arguments: Read<'_>) -> Fallible<String> {
    let code = arguments.short()?;
    Ok(format!("the broker closed: {code} {}", String::from_utf8_lossy(arguments.name()?)))
}
