//! A builder for operations. It adds what all operations have in common.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{components, examples};
use crate::http::response::problem::Code;

pub(super) struct Operation {
    method: &'static str,
    path: &'static str,
    fields: Map<String, Value>,
    parameters: Vec<Value>,
    responses: BTreeMap<String, Value>,
    codes: Vec<Code>,
}

/// Whether an operation requires an `Idempotency-Key`.
#[derive(Clone, Copy)]
pub(super) enum Idempotency {
    Required,
    Optional,
}

impl Operation {
    /// An operation that requires an API key and is subject to its rate limit.
    pub(super) fn new(
        method: &'static str,
        path: &'static str,
        id: &'static str,
        tag: &'static str,
        summary: &'static str,
    ) -> Self {
        let mut fields = Map::new();
        fields.insert("operationId".into(), id.into());
        fields.insert("tags".into(), json!([tag]));
        fields.insert("summary".into(), summary.into());
        let codes = vec![Code::InvalidApiKey, Code::RateLimited, Code::Unavailable];
        let mut operation =
            Self { method, path, fields, parameters: Vec::new(), responses: BTreeMap::new(), codes };
        operation.parameters.push(components::parameter("RequestId"));
        operation
    }

    pub(super) fn path(&self) -> &'static str {
        self.path
    }

    pub(super) fn method(&self) -> &'static str {
        self.method
    }

    pub(super) fn description(mut self, description: &str) -> Self {
        self.fields.insert("description".into(), description.into());
        self
    }

    /// Adds a shared parameter.
    pub(super) fn parameter(mut self, parameter: &str) -> Self {
        self.parameters.push(components::parameter(parameter));
        self
    }

    /// Adds an optional query parameter.
    pub(super) fn query_parameter(mut self, name: &str, description: &str, schema: Value) -> Self {
        self.parameters.push(json!({
            "name": name, "in": "query", "required": false, "description": description, "schema": schema,
        }));
        self.problems(&[Code::MalformedRequest, Code::ValidationError])
    }

    /// Adds the `Idempotency-Key` and its problems.
    pub(super) fn idempotent(self, idempotency: Idempotency) -> Self {
        let (parameter, required): (_, &[Code]) = match idempotency {
            Idempotency::Required => ("RequiredIdempotencyKey", &[Code::IdempotencyKeyRequired]),
            Idempotency::Optional => ("IdempotencyKey", &[]),
        };
        self.parameter(parameter).problems(required).problems(&[
            Code::MalformedRequest,
            Code::IdempotencyConflict,
            Code::IdempotencyInProgress,
        ])
    }

    /// Requires a JSON body.
    pub(super) fn body(self, schema: Value, samples: &[&examples::Example]) -> Self {
        self.request_body(true, schema, samples)
    }

    /// Allows no body or the body `{}`.
    pub(super) fn no_body(self) -> Self {
        let nothing = json!({ "type": "object", "additionalProperties": false, "maxProperties": 0 });
        self.request_body(false, nothing, &[&examples::NOTHING])
    }

    fn request_body(mut self, required: bool, schema: Value, samples: &[&examples::Example]) -> Self {
        let content =
            json!({ "application/json": { "schema": schema, "examples": examples::named(samples) } });
        self.fields.insert("requestBody".into(), json!({ "required": required, "content": content }));
        self.problems(&[
            Code::MalformedRequest,
            Code::RequestTimeout,
            Code::PayloadTooLarge,
            Code::UnsupportedMediaType,
            Code::ValidationError,
        ])
    }

    /// Adds problems that the operation may return.
    pub(super) fn problems(mut self, codes: &[Code]) -> Self {
        self.codes.extend(codes);
        self
    }

    /// Adds a JSON response.
    pub(super) fn json_response(
        self,
        status: StatusCode,
        description: &str,
        headers: &[&str],
        schema: Value,
        samples: &[&examples::Example],
    ) -> Self {
        let content =
            json!({ "application/json": { "schema": schema, "examples": examples::named(samples) } });
        self.response(status, description, headers, Some(content))
    }

    /// Adds a response with other content or none.
    pub(super) fn response(
        mut self,
        status: StatusCode,
        description: &str,
        headers: &[&str],
        content: Option<Value>,
    ) -> Self {
        let mut response = json!({ "description": description, "headers": components::headers(headers) });
        if let Some(content) = content {
            response["content"] = content;
        }
        self.responses.insert(status.as_str().to_owned(), response);
        self
    }

    /// Adds links to the response with this status.
    pub(super) fn links(mut self, status: StatusCode, links: Value) -> Self {
        if let Some(response) = self.responses.get_mut(status.as_str()) {
            response["links"] = links;
        }
        self
    }

    /// The operation object of the document.
    pub(super) fn into_value(mut self) -> Value {
        let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
        for code in Code::ALL.into_iter().filter(|code| self.codes.contains(code)) {
            by_status.entry(code.status().as_u16()).or_default().push(code);
        }
        for (status, codes) in by_status {
            self.responses.insert(status.to_string(), components::problem_response(&codes, self.path));
        }
        self.fields.insert("parameters".into(), self.parameters.into());
        self.fields.insert("responses".into(), json!(self.responses));
        self.fields.into()
    }
}
