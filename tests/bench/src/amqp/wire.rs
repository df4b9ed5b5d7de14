//! The protocol's bytes: what is written, and what is read.

use crate::{Fallible, failure};

/// A value in a table of arguments.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Field {
    /// A text.
    Text(&'static str),
    /// A number.
    Number(i64),
}

/// Writes the protocol's types.
pub(super) trait Write {
    fn short(&mut self, value: u16);
    fn long(&mut self, value: u32);
    fn longlong(&mut self, value: u64);
    fn name(&mut self, text: &str);
    fn text(&mut self, text: &[u8]);
    fn table(&mut self, fields: &[(&str, Field)]);
}

impl Write for Vec<u8> {
    fn short(&mut self, value: u16) {
        self.extend_from_slice(&value.to_be_bytes());
    }

    fn long(&mut self, value: u32) {
        self.extend_from_slice(&value.to_be_bytes());
    }

    fn longlong(&mut self, value: u64) {
        self.extend_from_slice(&value.to_be_bytes());
    }

    /// At most 255 bytes: every name here is our own.
    fn name(&mut self, text: &str) {
        let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
        self.push(length);
        self.extend_from_slice(&text.as_bytes()[..usize::from(length)]);
    }

    fn text(&mut self, text: &[u8]) {
        self.long(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.extend_from_slice(text);
    }

    fn table(&mut self, fields: &[(&str, Field)]) {
        let mut table = Vec::new();
        for (name, field) in fields {
            table.name(name);
            match field {
                Field::Text(text) => {
                    table.push(b'S');
                    table.text(text.as_bytes());
                }
                Field::Number(number) => {
                    table.push(b'l');
                    table.extend_from_slice(&number.to_be_bytes());
                }
            }
        }
        self.text(&table);
    }
}

/// Reads the protocol's types, from the front.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read<'a>(pub(super) &'a [u8]);

impl<'a> Read<'a> {
    pub(super) fn bytes(&mut self, count: usize) -> Fallible<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(|| failure("a frame is too short"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn octet(&mut self) -> Fallible<u8> {
        Ok(self.bytes(1)?[0])
    }

    pub(super) fn short(&mut self) -> Fallible<u16> {
        Ok(u16::from_be_bytes(self.bytes(2)?.try_into()?))
    }

    pub(super) fn long(&mut self) -> Fallible<u32> {
        Ok(u32::from_be_bytes(self.bytes(4)?.try_into()?))
    }

    pub(super) fn longlong(&mut self) -> Fallible<u64> {
        Ok(u64::from_be_bytes(self.bytes(8)?.try_into()?))
    }

    pub(super) fn name(&mut self) -> Fallible<&'a [u8]> {
        let length = self.octet()?;
        self.bytes(length.into())
    }

    pub(super) fn text(&mut self) -> Fallible<&'a [u8]> {
        let length = self.long()?;
        self.bytes(usize::try_from(length)?)
    }
}
