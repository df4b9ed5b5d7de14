//! The attributes and the data of a structured or binary `CloudEvents` message.

use std::fmt::Display;

use serde_json::{Map, Value};

use super::super::dead_letter::{DeadLetterReason, Unreadable};
use super::super::incoming::Incoming;
use super::json;

/// The attributes that are read.
const NAMES: [&str; 8] =
    ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema"];

/// The prefixes of the attributes in the headers of a binary message, in lowercase.
const PREFIXES: [&str; 3] = ["ce-", "cloudevents_", "cloudevents:"];

/// The values of the attributes, in the order of [`NAMES`].
#[derive(Debug, Default)]
pub(super) struct Attributes([Option<String>; NAMES.len()]);

impl Attributes {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let index = NAMES.iter().position(|known| *known == name)?;
        self.0[index].as_deref()
    }
}

pub(super) fn attribute_error(name: &str, problem: impl Display) -> Unreadable {
    Unreadable::new(DeadLetterReason::NotACloudEvent, format!("{name}: {problem}"))
}

fn invalid_data(detail: &str) -> Unreadable {
    Unreadable::new(DeadLetterReason::InvalidData, detail)
}

/// The data, not parsed as a report yet: the version is checked first.
pub(super) enum Data<'a> {
    /// The `data` of a structured event, or an error if the event has `data_base64` instead.
    Parsed(Result<Option<Value>, &'static str>),
    /// The body of a binary event.
    Raw(&'a [u8]),
}

impl Data<'_> {
    /// Returns the JSON object.
    ///
    /// # Errors
    /// Returns `Unreadable` if the data is not a JSON object.
    pub(super) fn object(self) -> Result<Map<String, Value>, Unreadable> {
        let value = match self {
            Self::Parsed(Ok(value)) => value,
            Self::Parsed(Err(detail)) => return Err(invalid_data(detail)),
            Self::Raw(body) => Some(json::parse(body)?),
        };
        match value {
            Some(Value::Object(data)) => Ok(data),
            None
            | Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                Err(invalid_data("data: must be an object"))
            }
        }
    }
}

/// Separates the attributes and the data of a message.
pub(super) fn parse<'a>(incoming: &Incoming<'a>) -> Result<(Attributes, Data<'a>), Unreadable> {
    let media_type = MediaType::of(incoming.content_type);
    if media_type.essence == "application/cloudevents+json" {
        media_type.require_utf8()?;
        return structured(incoming.body);
    }
    if media_type.essence.starts_with("application/cloudevents") {
        return Err(attribute_error("content type", "only application/cloudevents+json is supported"));
    }
    let attributes = from_headers(incoming.headers)?;
    if !media_type.is_json() {
        return Err(attribute_error("content type", "must be application/cloudevents+json"));
    }
    media_type.require_utf8()?;
    if attributes.get("specversion").is_some() {
        return Ok((attributes, Data::Raw(incoming.body)));
    }
    structured(incoming.body)
}

fn structured(body: &[u8]) -> Result<(Attributes, Data<'static>), Unreadable> {
    let Value::Object(mut event) = json::parse(body)? else {
        return Err(attribute_error("body", "must be a JSON object"));
    };
    let mut attributes = Attributes::default();
    for (name, slot) in NAMES.iter().zip(&mut attributes.0) {
        match event.remove(*name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => *slot = Some(text),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                return Err(attribute_error(name, "must be a string"));
            }
        }
    }
    if !MediaType::of(attributes.get("datacontenttype")).is_json() {
        return Err(attribute_error("datacontenttype", "must be application/json"));
    }
    let data = if event.contains_key("data_base64") {
        Err("data_base64: is not supported; send data")
    } else {
        Ok(event.remove("data"))
    };
    Ok((attributes, Data::Parsed(data)))
}

/// Reads the attributes from the headers. An attribute may have several headers if their values are equal.
fn from_headers(headers: &[(String, String)]) -> Result<Attributes, Unreadable> {
    let mut attributes = Attributes::default();
    for (header, value) in headers {
        let header = header.to_ascii_lowercase();
        let Some(name) = PREFIXES.iter().find_map(|prefix| header.strip_prefix(prefix)) else { continue };
        let Some(index) = NAMES.iter().position(|known| *known == name) else { continue };
        match &attributes.0[index] {
            Some(known) if known != value => {
                return Err(attribute_error(name, "is given twice with different values"));
            }
            Some(_) | None => attributes.0[index] = Some(value.clone()),
        }
    }
    Ok(attributes)
}

/// A parsed content type. An absent or empty content type means JSON.
struct MediaType {
    essence: String,
    charset: Option<String>,
}

impl MediaType {
    fn of(content_type: Option<&str>) -> Self {
        let mut parts = content_type.unwrap_or_default().split(';');
        let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let charset = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("charset")
                .then(|| value.trim().trim_matches('"').to_ascii_lowercase())
        });
        Self { essence, charset }
    }

    fn is_json(&self) -> bool {
        matches!(self.essence.as_str(), "" | "application/json" | "text/json")
            || self.essence.ends_with("+json")
    }

    fn require_utf8(&self) -> Result<(), Unreadable> {
        match self.charset.as_deref() {
            None | Some("utf-8" | "utf8" | "us-ascii") => Ok(()),
            Some(_) => {
                Err(Unreadable::new(DeadLetterReason::NotJson, "content type: the charset must be UTF-8"))
            }
        }
    }
}
