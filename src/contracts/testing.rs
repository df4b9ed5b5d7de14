//! Validates JSON against the schemas of a document.

use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

/// Validates values against the schemas of one document.
pub(crate) struct SchemaValidator {
    components: Value,
}

impl SchemaValidator {
    /// Creates a validator that accepts unknown fields, as clients must.
    pub(crate) fn new(document: &Value) -> Self {
        Self { components: document["components"].clone() }
    }

    /// Creates a validator that refuses unknown fields.
    pub(crate) fn strict(document: &Value) -> Self {
        let mut components = document["components"].clone();
        for schema in components["schemas"].as_object_mut().unwrap().values_mut() {
            if schema["properties"].is_object() {
                schema["additionalProperties"] = json!(false);
            }
        }
        Self { components }
    }

    fn validator(&self, schema: &Value) -> Validator {
        let whole = json!({ "allOf": [schema], "components": self.components });
        jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true)
            .build(&whole)
            .unwrap_or_else(|error| panic!("{error} in {schema}"))
    }

    /// Whether `value` matches `schema`.
    pub(crate) fn accepts(&self, schema: &Value, value: &Value) -> bool {
        self.validator(schema).is_valid(value)
    }

    /// Asserts that `value` matches `schema`.
    #[track_caller]
    pub(crate) fn check(&self, what: &str, schema: &Value, value: &Value) {
        let errors: Vec<String> = self
            .validator(schema)
            .iter_errors(value)
            .map(|e| format!("{}: {e}", e.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{what}: {errors:#?} in {value:#}");
    }
}

/// Asserts that every example in `document` matches its schema. Returns the number of examples.
pub(crate) fn check_examples(document: &Value) -> usize {
    let validator = SchemaValidator::new(document);
    let mut count = 0;
    walk(document, "", &mut |path, node| {
        let mut check = |value: &Value| {
            validator.check(path, &node["schema"], value);
            count += 1;
        };
        if node["schema"].is_object() {
            node.get("example").into_iter().for_each(&mut check);
            for example in node["examples"].as_object().into_iter().flat_map(|all| all.values()) {
                check(&example["value"]);
            }
        }
        if path.contains("/schemas/") {
            for example in node["examples"].as_array().into_iter().flatten() {
                validator.check(path, node, example);
                count += 1;
            }
        }
        if node["payload"].is_object() && path.contains("/messages/") {
            for example in node["examples"].as_array().into_iter().flatten() {
                validator.check(path, &node["payload"], &example["payload"]);
                count += 1;
            }
        }
    });
    count
}

/// Visits every object of a document, with its path.
fn walk(node: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    match node {
        Value::Object(fields) => {
            visit(path, node);
            for (name, child) in fields {
                // Examples contain data, not schemas.
                if name != "examples" && name != "example" {
                    walk(child, &format!("{path}/{name}"), visit);
                }
            }
        }
        Value::Array(items) => {
            for (index, child) in items.iter().enumerate() {
                walk(child, &format!("{path}/{index}"), visit);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Asserts that every reference in `document` resolves.
pub(crate) fn check_references(document: &Value) {
    walk(document, "", &mut |path, node| {
        if let Some(reference) = node.get("$ref").and_then(Value::as_str) {
            let target = reference.strip_prefix('#').expect("a reference within the document");
            assert!(document.pointer(target).is_some(), "{path}: {reference} does not resolve");
        }
    });
}
