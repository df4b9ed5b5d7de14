//! Strict parsing of JSON bodies.
//!
//! Text that is not a JSON object is `malformed_request`. A duplicate key at any depth, and a field that is missing,
//! unknown or of the wrong type, is `validation_error` and names the field.

mod fields;

use serde::de::DeserializeOwned;

use crate::http::response::problem::{Code, Problem};
use crate::runtime::unique_json::{self, ParsedJson};
use fields::{FieldError, FieldsDeserializer};

/// Parses the body of a request.
///
/// # Errors
/// Returns `malformed_request` or `validation_error` as the module describes.
pub(in crate::http) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let fields = match unique_json::parse(body) {
        Ok(ParsedJson { value: serde_json::Value::Object(fields), duplicate_key: None }) => fields,
        Ok(ParsedJson { duplicate_key: Some(key), .. }) => {
            return Err(Problem::validation(key, "The key is there more than once."));
        }
        Ok(ParsedJson { .. }) => {
            return Err(Problem::new(Code::MalformedRequest, "The body must be a JSON object."));
        }
        Err(error) => {
            return Err(Problem::new(
                Code::MalformedRequest,
                format!("The body is not valid JSON: {error}."),
            ));
        }
    };
    T::deserialize(FieldsDeserializer::new(fields)).map_err(|error| {
        let FieldError { field, detail } = error;
        let problem = Problem::new(Code::ValidationError, detail);
        match field {
            Some(field) => problem.at(field),
            None => problem,
        }
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        name: String,
        count: Option<u32>,
    }

    fn problem_of(body: &str) -> (Code, Option<String>) {
        let problem = parse::<Order>(body.as_bytes()).unwrap_err();
        (problem.code(), problem.field().map(str::to_owned))
    }

    #[test]
    fn an_object_with_exactly_the_known_fields_is_accepted() {
        let order = |name: &str, count| Order { name: name.into(), count };
        assert_eq!(parse::<Order>(br#" {"name":"a","count":3} "#).unwrap(), order("a", Some(3)));
        assert_eq!(parse::<Order>(br#"{"count":null,"name":"\u00e9"}"#).unwrap(), order("é", None));
        assert_eq!(parse::<Order>(br#"{"name":"a"}"#).unwrap(), order("a", None));
    }

    #[test]
    fn text_that_is_not_a_json_object_is_malformed() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for body in [
            "",
            " ",
            "{",
            "nul",
            "[]",
            "\"a\"",
            "{\"name\":\"a\"} x",
            "{\"name\":\"a\"}{}",
            "{name:1}",
            "{'name':'a'}",
            "{\"name\":\"a\",}",
            "{\"name\":NaN}",
            "{\"name\":1e999}",
            "{\"name\":\"\\ud800\"}",
            "\u{feff}{}",
            &deep,
        ] {
            assert_eq!(problem_of(body), (Code::MalformedRequest, None), "{body}");
        }
        let not_utf8 = parse::<Order>(b"{\"name\":\"\xff\"}").unwrap_err();
        assert_eq!(not_utf8.code(), Code::MalformedRequest);
    }

    #[test]
    fn an_invalid_field_is_named() {
        for (body, field) in [
            (r#"{"name":"a","name":"b"}"#, "name"),
            (r#"{"name":"a","\u006eame":"a"}"#, "name"),
            (r#"{"name":"a","count":{"x":1,"x":1}}"#, "x"),
            (r#"{"name":"a","nmae":1}"#, "nmae"),
            (r#"{"count":1}"#, "name"),
            (r#"{"name":null}"#, "name"),
            (r#"{"name":5}"#, "name"),
            (r#"{"name":["a"]}"#, "name"),
            (r#"{"name":"a","count":"1"}"#, "count"),
            (r#"{"name":"a","count":1.5}"#, "count"),
        ] {
            assert_eq!(problem_of(body), (Code::ValidationError, Some(field.into())), "{body}");
        }
    }
}
