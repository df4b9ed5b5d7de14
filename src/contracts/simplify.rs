//! Makes derived schemas plain to readers and to generators of clients.

use serde_json::{Map, Value, json};

/// Writes a choice of described words as an `enum`, and a value or null as one type where that says the same.
pub(super) fn simplify(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(simplify);
            if let Some(Value::String(text)) = fields.get_mut("description") {
                *text = unwrapped(text);
            }
            words_as_enum(fields);
        }
        Value::Array(items) => items.iter_mut().for_each(simplify),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// `oneOf` of constants, each with its description, becomes an `enum` with one description.
fn words_as_enum(fields: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = fields.get("oneOf") else { return };
    let word = |choice: &Value| match (choice["const"].as_str(), choice["description"].as_str()) {
        (Some(word), Some(meaning)) => Some((word.to_owned(), meaning.to_owned())),
        (_, _) => None,
    };
    let Some(words) = choices.iter().map(word).collect::<Option<Vec<_>>>() else { return };
    let mut description = fields["description"].as_str().unwrap_or_default().to_owned();
    for (word, meaning) in &words {
        let meaning = meaning.strip_prefix(&format!("`{word}`")).unwrap_or(meaning);
        let meaning = meaning.trim_start_matches([':', ' ']);
        let dash = if meaning.is_empty() { "" } else { ": " };
        description.push_str(&format!("\n- `{word}`{dash}{meaning}"));
    }
    fields.remove("oneOf");
    fields.insert("type".into(), json!("string"));
    fields.insert("enum".into(), words.into_iter().map(|(word, _)| Value::String(word)).collect());
    fields.insert("description".into(), Value::String(description));
}

/// Text without the line breaks that only keep its source narrow.
fn unwrapped(text: &str) -> String {
    let mut flat = String::new();
    for line in text.lines() {
        let begins = flat.is_empty() || line.is_empty() || line.starts_with("- ") || flat.ends_with('\n');
        flat.push_str(if begins && !flat.is_empty() {
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
