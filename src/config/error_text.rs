//! The text of a configuration error, without the rejected value: it may be a secret, and the text is logged.

pub(super) fn without_values(error: &config::ConfigError) -> String {
    use config::ConfigError as E;
    let at = |key: &Option<String>, origin: &Option<String>| {
        let key = key.as_ref().map(|key| format!(" for key `{key}`")).unwrap_or_default();
        key + &origin.as_ref().map(|origin| format!(" in {origin}")).unwrap_or_default()
    };
    match error {
        E::FileParse { uri, cause } => without_source_lines(&cause.to_string()) + &at(&None, uri),
        E::Type { origin, unexpected, expected, key } => {
            let unexpected = unexpected.to_string();
            format!("invalid type: {}, expected {expected}{}", kind_of(&unexpected), at(key, origin))
        }
        E::At { error, origin, key } => without_values(error) + &at(key, origin),
        E::Message(text) => match text.rsplit_once(", expected ") {
            Some((found, expected)) if found.starts_with("invalid ") => {
                format!("{}, expected {expected}", kind_of(found))
            }
            Some(_) | None => text.clone(),
        },
        E::Frozen | E::NotFound(_) | E::PathParse { .. } | E::Foreign(_) | _ => error.to_string(),
    }
}

/// The kind of the value. The value itself follows it in quotes.
fn kind_of(found: &str) -> &str {
    found.split(['`', '"']).next().unwrap_or_default().trim_end()
}

/// A parser's message without the lines of the file that it quotes.
fn without_source_lines(message: &str) -> String {
    let is_source =
        |line: &&str| line.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit()).starts_with('|');
    message.lines().filter(|line| !is_source(line)).collect::<Vec<_>>().join(": ")
}
