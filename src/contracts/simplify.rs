//! Simplifies derived schemas for readers and client generators.

use serde_json::{Map, Value, json};

/// Rewrites every `oneOf` of described constants as an `enum`, and unwraps the lines of descriptions.
pub(super) fn simplify(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(simplify);
            if let Some(Value::String(text)) = fields.get_mut("description") {
                *text = unwrapped(text);
            }
            constants_as_enum(fields);
        }
        Value::Array(items) => items.iter_mut().for_each(simplify),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Rewrites a `oneOf` of constants, each with a description, as an `enum` with one description.
fn constants_as_enum(fields: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = fields.get("oneOf") else { return };
    let constant = |choice: &Value| match (choice["const"].as_str(), choice["description"].as_str()) {
        (Some(name), Some(meaning)) => Some((name.to_owned(), meaning.to_owned())),
        (_, _) => None,
    };
    let Some(constants) = choices.iter().map(constant).collect::<Option<Vec<_>>>() else { return };
    let mut description = fields["description"].as_str().unwrap_or_default().to_owned();
    for (name, meaning) in &constants {
        let meaning = meaning.strip_prefix(&format!("`{name}`")).unwrap_or(meaning);
        let meaning = meaning.trim_start_matches([':', ' ']);
        let separator = if meaning.is_empty() { "" } else { ": " };
        description.push_str(&format!("\n- `{name}`{separator}{meaning}"));
    }
    fields.remove("oneOf");
    fields.insert("type".into(), json!("string"));
    fields.insert("enum".into(), constants.into_iter().map(|(name, _)| Value::String(name)).collect());
    fields.insert("description".into(), Value::String(description));
}

/// Joins the wrapped lines of a doc comment. Line breaks before list items and after empty lines stay.
fn unwrapped(text: &str) -> String {
    let mut flat = String::new();
    for line in text.lines() {
        let starts_paragraph =
            flat.is_empty() || line.is_empty() || line.starts_with("- ") || flat.ends_with('\n');
        flat.push_str(if starts_paragraph && !flat.is_empty() {
            "\n"
        } else if flat.is_empty() {
            ""
        } else {
            " "
        });
        flat.push_str(line);
    }
    flat
}
