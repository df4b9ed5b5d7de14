//! Deserializes a JSON object into a struct. An error names the field that caused it.

use std::fmt;

use serde::de::value::StringDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value, map};

#[derive(Debug)]
pub(super) struct FieldError {
    pub(super) field: Option<String>,
    pub(super) detail: String,
}

impl FieldError {
    fn at(field: &str, detail: impl fmt::Display) -> Self {
        Self { field: Some(field.to_owned()), detail: format!("{field}: {detail}.") }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for FieldError {}

impl Error for FieldError {
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

/// Deserializes from the fields of a JSON object.
pub(super) struct FieldsDeserializer {
    entries: map::IntoIter,
    current: Option<(String, Value)>,
}

impl FieldsDeserializer {
    pub(super) fn new(object: Map<String, Value>) -> Self {
        Self { entries: object.into_iter(), current: None }
    }
}

impl<'de> Deserializer<'de> for FieldsDeserializer {
    type Error = FieldError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_map(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for FieldsDeserializer {
    type Error = FieldError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, FieldError> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        let name: StringDeserializer<FieldError> = key.clone().into_deserializer();
        self.current = Some((key, value));
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, FieldError> {
        let Some((key, value)) = self.current.take() else {
            return Err(FieldError::custom("a value was requested before its key"));
        };
        seed.deserialize(value).map_err(|error| FieldError::at(&key, error))
    }
}
