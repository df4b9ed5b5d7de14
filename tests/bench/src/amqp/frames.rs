//! Frames: type, channel, payload length, payload, end marker.

use super::methods::Method;
use super::wire::{Decoder, Encode};
use crate::Result;

pub(super) const METHOD: u8 = 1;
pub(super) const HEADER: u8 = 2;
pub(super) const BODY: u8 = 3;
pub(super) const HEARTBEAT: u8 = 8;

const FRAME_END: u8 = 0xCE;
const HEADER_SIZE: usize = 7;

/// Appends a frame. `encode` appends its payload.
pub(super) fn encode_frame(out: &mut Vec<u8>, kind: u8, channel: u16, encode: impl FnOnce(&mut Vec<u8>)) {
    out.push(kind);
    out.short(channel);
    let length_at = out.len();
    out.long(0);
    encode(out);
    let length = u32::try_from(out.len() - length_at - 4).unwrap_or(u32::MAX);
    out[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
    out.push(FRAME_END);
}

/// Appends a method frame. `encode` appends the arguments.
pub(super) fn encode_method(
    out: &mut Vec<u8>,
    channel: u16,
    (class, number): Method,
    encode: impl FnOnce(&mut Vec<u8>),
) {
    encode_frame(out, METHOD, channel, |out| {
        out.short(class);
        out.short(number);
        encode(out);
    });
}

/// A frame, decoded in place.
pub(super) struct Frame<'a> {
    pub(super) kind: u8,
    pub(super) payload: &'a [u8],
    /// The encoded size in bytes, with header and end marker.
    pub(super) size: usize,
}

/// Decodes the frame at the front of `bytes`. Returns `None` if it is incomplete.
pub(super) fn decode(bytes: &[u8]) -> Result<Option<Frame<'_>>> {
    if bytes.len() < HEADER_SIZE {
        return Ok(None);
    }
    let length = usize::try_from(u32::from_be_bytes([bytes[3], bytes[4], bytes[5], bytes[6]]))?;
    let size = HEADER_SIZE + length + 1;
    if bytes.len() < size {
        return Ok(None);
    }
    if bytes[size - 1] != FRAME_END {
        return Err("the broker sent a frame without an end marker".into());
    }
    Ok(Some(Frame { kind: bytes[0], payload: &bytes[HEADER_SIZE..HEADER_SIZE + length], size }))
}

/// Decodes a method and returns a decoder for its arguments.
pub(super) fn decode_method(payload: &[u8]) -> Result<(Method, Decoder<'_>)> {
    let mut decoder = Decoder(payload);
    let method = (decoder.short()?, decoder.short()?);
    Ok((method, decoder))
}

/// Decodes the reason that the broker gives when it closes a connection or a channel.
pub(super) fn close_reason(mut arguments: Decoder<'_>) -> Result<String> {
    let code = arguments.short()?;
    Ok(format!(
        "the broker closed the connection or the channel: {code} {}",
        String::from_utf8_lossy(arguments.short_string()?)
    ))
}
