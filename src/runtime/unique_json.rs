//! A JSON parser that detects duplicate keys. `serde_json` alone keeps the last value of a duplicate key and drops the
//! others.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// A JSON value and the first duplicate key found in any of its objects.
#[derive(Debug)]
pub(crate) struct ParsedJson {
    pub(crate) value: Value,
    pub(crate) duplicate_key: Option<String>,
}

/// Parses exactly one JSON value and reports a duplicate key beside it. Text that is not valid JSON is an error even
/// if a duplicate key precedes the fault.
pub(crate) fn parse(text: &[u8]) -> serde_json::Result<ParsedJson> {
    let first_duplicate = RefCell::new(None);
    let value = parse_with(text, OnDuplicateKey::Record(&first_duplicate))?;
    Ok(ParsedJson { value, duplicate_key: first_duplicate.into_inner() })
}

/// Parses exactly one JSON value whose objects have no duplicate keys.
///
/// # Errors
/// Returns a data error ([`serde_json::Error::is_data`]) at the first duplicate key, and a syntax error if `text` is not
/// valid JSON or is nested more than 128 levels deep.
pub(crate) fn parse_unique(text: &[u8]) -> serde_json::Result<Value> {
    parse_with(text, OnDuplicateKey::Fail)
}

fn parse_with(text: &[u8], on_duplicate_key: OnDuplicateKey<'_>) -> serde_json::Result<Value> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let value = on_duplicate_key.deserialize(&mut json)?;
    json.end()?;
    Ok(value)
}

/// Builds a [`Value`] and applies this policy to duplicate keys.
#[derive(Clone, Copy)]
enum OnDuplicateKey<'a> {
    /// Keep the first value and record the key.
    Record(&'a RefCell<Option<String>>),
    Fail,
}

impl<'de> DeserializeSeed<'de> for OnDuplicateKey<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OnDuplicateKey<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                match self {
                    Self::Record(first_duplicate) => {
                        entries.next_value_seed(self)?;
                        first_duplicate.borrow_mut().get_or_insert(key);
                    }
                    Self::Fail => return Err(duplicate_key(&key)),
                }
            } else {
                let value = entries.next_value_seed(self)?;
                object.insert(key, value);
            }
        }
        Ok(Value::Object(object))
    }
}

/// Names at most 64 characters of the key, without control characters.
fn duplicate_key<E: Error>(key: &str) -> E {
    let shown: String = key.chars().filter(|c| !c.is_control()).take(64).collect();
    E::custom(format_args!("the key {shown:?} is given twice"))
}
