//! What is said of a configuration that is refused.

/// What is wrong, without the value at fault: it may be a secret, and this goes into a log.
pub(super) fn without_values(error: &config::ConfigError) -> String {
    use config::ConfigError as E;
    let at = |key: &Option<String>, origin: &Option<String>| {
        let key = key.as_ref().map(|key| format!(" for key `{key}`")).unwrap_or_default();
        key + &origin.as_ref().map(|origin| format!(" in {origin}")).unwrap_or_default()
    };
    match error {
        E::FileParse { uri, cause } => unquoted(&cause.to_string()) + &at(&None, uri),
        E::Type { origin, unexpected, expected, key } => {
            let unexpected = unexpected.to_string();
            format!("invalid type: {}, expected {expected}{}", kind_of(&unexpected), at(key, origin))
        }
        E::At { error, origin, key } => without_values(error) + &at(key, origin),
        E::Message(said) => match said.rsplit_once(", expected ") {
            Some((found, expected)) if found.starts_with("invalid ") => {
                format!("{}, expected {expected}", kind_of(found))
            }
            Some(_) | None => said.clone(),
        },
        E::Frozen | E::NotFound(_) | E::PathParse { .. } | E::Foreign(_) | _ => error.to_string(),
    }
}

/// What a value is said to be, without the value, which follows in quotes.
fn kind_of(found: &str) -> &str {
    found.split(['`', '"']).next().unwrap_or_default().trim_end()
}

/// A parser's complaint without the line of the file that it shows.
fn unquoted(complaint: &str) -> String {
    let shown =
        |line: &&str| line.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit()).starts_with('|');
    complaint.lines().filter(|line| !shown(line)).collect::<Vec<_>>().join(": ")
}
