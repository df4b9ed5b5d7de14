//! Turns a JSON object into a type, and says which field is at fault where it cannot.

use std::fmt;

use serde::de::value::StringDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value, map};

/// What is wrong, and where.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) field: Option<String>,
    pub(super) detail: String,
}

impl Fault {
    fn at(field: &str, detail: impl fmt::Display) -> Self {
        Self { field: Some(field.to_owned()), detail: format!("{field}: {detail}.") }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Fault {}

impl Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { field: None, detail: message.to_string() }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::at(field, format_args!("unknown field; the fields are {}", expected.join(", ")))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::at(field, "the field is required")
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::at(field, "the field is there more than once")
    }
}

/// The fields of a JSON object.
pub(super) struct Fields {
    entries: map::IntoIter,
    current: Option<(String, Value)>,
}

impl Fields {
    pub(super) fn new(object: Map<String, Value>) -> Self {
        Self { entries: object.into_iter(), current: None }
    }
}

impl<'de> Deserializer<'de> for Fields {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_map(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Fields {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        let name: StringDeserializer<Fault> = key.clone().into_deserializer();
        self.current = Some((key, value));
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some((key, value)) = self.current.take() else {
            return Err(Fault::custom("a value was asked for before its key"));
        };
        seed.deserialize(value).map_err(|error| Fault::at(&key, error))
    }
}
