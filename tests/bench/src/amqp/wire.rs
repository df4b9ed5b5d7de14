//! Encoding and decoding of the AMQP data types.

use crate::Result;

/// A value in an argument table.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FieldValue {
    LongString(&'static str),
    Long(i64),
}

/// Appends AMQP data types to a buffer.
pub(super) trait Encode {
    fn short(&mut self, value: u16);
    fn long(&mut self, value: u32);
    fn longlong(&mut self, value: u64);
    fn short_string(&mut self, text: &str);
    fn long_string(&mut self, text: &[u8]);
    fn table(&mut self, fields: &[(&str, FieldValue)]);
}

impl Encode for Vec<u8> {
    fn short(&mut self, value: u16) {
        self.extend_from_slice(&value.to_be_bytes());
    }

    fn long(&mut self, value: u32) {
        self.extend_from_slice(&value.to_be_bytes());
    }

    fn longlong(&mut self, value: u64) {
        self.extend_from_slice(&value.to_be_bytes());
    }

    /// Truncates after 255 bytes, the limit of the type. The benchmark has no longer names.
    fn short_string(&mut self, text: &str) {
        let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
        self.push(length);
        self.extend_from_slice(&text.as_bytes()[..usize::from(length)]);
    }

    fn long_string(&mut self, text: &[u8]) {
        self.long(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.extend_from_slice(text);
    }

    fn table(&mut self, fields: &[(&str, FieldValue)]) {
        let mut table = Vec::new();
        for (name, value) in fields {
            table.short_string(name);
            match value {
                FieldValue::LongString(text) => {
                    table.push(b'S');
                    table.long_string(text.as_bytes());
                }
                FieldValue::Long(number) => {
                    table.push(b'l');
                    table.extend_from_slice(&number.to_be_bytes());
                }
            }
        }
        self.long_string(&table);
    }
}

/// Decodes AMQP data types from the front of the slice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decoder<'a>(pub(super) &'a [u8]);

impl<'a> Decoder<'a> {
    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("a frame ends before its arguments")?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn octet(&mut self) -> Result<u8> {
        Ok(self.bytes(1)?[0])
    }

    pub(super) fn short(&mut self) -> Result<u16> {
        Ok(u16::from_be_bytes(self.bytes(2)?.try_into()?))
    }

    pub(super) fn long(&mut self) -> Result<u32> {
        Ok(u32::from_be_bytes(self.bytes(4)?.try_into()?))
    }

    pub(super) fn longlong(&mut self) -> Result<u64> {
        Ok(u64::from_be_bytes(self.bytes(8)?.try_into()?))
    }

    pub(super) fn short_string(&mut self) -> Result<&'a [u8]> {
        let length = self.octet()?;
        self.bytes(length.into())
    }

    pub(super) fn long_string(&mut self) -> Result<&'a [u8]> {
        let length = self.long()?;
        self.bytes(usize::try_from(length)?)
    }
}
