//! One operation, said in few words: what all operations have in common is added here.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{components, examples};
use crate::http::Code;

/// An operation under construction.
pub(super) struct Operation {
    method: &'static str,
    path: &'static str,
    fields: Map<String, Value>,
    parameters: Vec<Value>,
    responses: BTreeMap<String, Value>,
    codes: Vec<Code>,
}

/// Whether a request has an `Idempotency-Key`.
#[derive(Clone, Copy)]
pub(super) enum Idempotency {
    Required,
    Optional,
}

impl Operation {
    /// An operation that everybody with a key may try, at any rate that is allowed.
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

    /// Where it is.
    pub(super) fn path(&self) -> &'static str {
        self.path
    }

    /// How it is called.
    pub(super) fn method(&self) -> &'static str {
        self.method
    }

    /// What it does, in full.
    pub(super) fn about(mut self, description: &str) -> Self {
        self.fields.insert("description".into(), description.into());
        self
    }

    /// It takes a parameter of the components.
    pub(super) fn takes(mut self, parameter: &str) -> Self {
        self.parameters.push(components::parameter(parameter));
        self
    }

    /// It takes a parameter in its query.
    pub(super) fn asks(mut self, name: &str, description: &str, schema: Value) -> Self {
        self.parameters.push(json!({
            "name": name, "in": "query", "required": false, "description": description, "schema": schema,
        }));
        self.may_refuse(&[Code::MalformedRequest, Code::ValidationError])
    }

    /// It can be repeated safely under a key.
    pub(super) fn idempotent(self, idempotency: Idempotency) -> Self {
        let (parameter, required): (_, &[Code]) = match idempotency {
            Idempotency::Required => ("RequiredIdempotencyKey", &[Code::IdempotencyKeyRequired]),
            Idempotency::Optional => ("IdempotencyKey", &[]),
        };
        self.takes(parameter).may_refuse(required).may_refuse(&[
            Code::MalformedRequest,
            Code::IdempotencyConflict,
            Code::IdempotencyInProgress,
        ])
    }

    /// It takes a JSON body, such as each of these.
    pub(super) fn body(self, schema: Value, samples: &[&examples::Example]) -> Self {
        self.some_body(true, schema, samples)
    }

    /// It takes nothing, which may be written as `{}`.
    pub(super) fn no_body(self) -> Self {
        let nothing = json!({ "type": "object", "additionalProperties": false, "maxProperties": 0 });
        self.some_body(false, nothing, &[&examples::NOTHING])
    }

    fn some_body(mut self, required: bool, schema: Value, samples: &[&examples::Example]) -> Self {
        let content =
            json!({ "application/json": { "schema": schema, "examples": examples::named(samples) } });
        self.fields.insert("requestBody".into(), json!({ "required": required, "content": content }));
        self.may_refuse(&[
            Code::MalformedRequest,
            Code::RequestTimeout,
            Code::PayloadTooLarge,
            Code::UnsupportedMediaType,
            Code::ValidationError,
        ])
    }

    /// It may be refused with these codes.
    pub(super) fn may_refuse(mut self, codes: &[Code]) -> Self {
        self.codes.extend(codes);
        self
    }

    /// It answers with JSON.
    pub(super) fn answers(
        self,
        status: StatusCode,
        description: &str,
        headers: &[&str],
        schema: Value,
        samples: &[&examples::Example],
    ) -> Self {
        let content =
            json!({ "application/json": { "schema": schema, "examples": examples::named(samples) } });
        self.answers_with(status, description, headers, Some(content))
    }

    /// It answers with other content, or none.
    pub(super) fn answers_with(
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

    /// What can be done with the answer of that status.
    pub(super) fn links(mut self, status: StatusCode, links: Value) -> Self {
        if let Some(response) = self.responses.get_mut(status.as_str()) {
            response["links"] = links;
        }
        self
    }

    /// The operation, as it stands in the document.
    pub(super) fn into_value(mut self) -> Value {
        let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
        for code in Code::ALL.into_iter().filter(|code| self.codes.contains(code)) {
            by_status.entry(code.status().as_u16()).or_default().push(code);
        }
        for (status, codes) in by_status {
            self.responses.insert(status.to_string(), components::refusal(&codes, self.path));
        }
        self.fields.insert("parameters".into(), self.parameters.into());
        self.fields.insert("responses".into(), json!(self.responses));
        self.fields.into()
    }
}
