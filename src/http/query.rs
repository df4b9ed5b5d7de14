//! The parameters of a query: each known, and there at most once.

use super::Problem;

/// Parameters by name.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a query that may hold the `known` parameters.
    pub(super) fn of(query: Option<&str>, known: &[&str]) -> Result<Self, Problem> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let (name, value) = (name.into_owned(), value.into_owned());
            if !known.contains(&name.as_str()) {
                let detail = format!("Unknown parameter; there are {}.", known.join(", "));
                return Err(Problem::validation(name, detail));
            }
            if parameters.iter().any(|(seen, _)| *seen == name) {
                return Err(Problem::validation(name, "The parameter is there more than once."));
            }
            parameters.push((name, value));
        }
        Ok(Self(parameters))
    }

    /// What a parameter says, as `read` understands it; `None` where it is not there. `expected` completes "must be …".
    pub(super) fn get<T>(
        &self,
        name: &'static str,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some((_, text)) = self.0.iter().find(|(known, _)| known == name) else { return Ok(None) };
        let value =
            read(text).ok_or_else(|| Problem::validation(name, format!("{name}: must be {expected}.")))?;
        Ok(Some(value))
    }
}

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 200;

/// How much a page may hold, by the parameter `limit`.
pub(super) fn page_limit(parameters: &Parameters) -> Result<u32, Problem> {
    let read = |text: &str| {
        let limit = whole_number(text).and_then(|limit| u32::try_from(limit).ok());
        limit.filter(|limit| (1..=MAX_LIMIT).contains(limit))
    };
    let limit = parameters.get("limit", &format!("a whole number from 1 to {MAX_LIMIT}"), read)?;
    Ok(limit.unwrap_or(DEFAULT_LIMIT))
}

/// A number in plain ASCII digits.
pub(super) fn whole_number(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_known_and_there_once() {
        let field = |query| {
            let read = Parameters::of(Some(query), &["limit", "late"]);
            read.unwrap_err().field().map(str::to_owned)
        };
        assert_eq!(field("limit=1&page=2").as_deref(), Some("page"));
        assert_eq!(field("limit=1&late=true&limit=1").as_deref(), Some("limit"));
        assert_eq!(field("=1").as_deref(), Some(""));
        let read = Parameters::of(Some("limit=%31&&"), &["limit", "late"]).unwrap();
        assert_eq!(read.get("limit", "a number", whole_number).unwrap(), Some(1));
        assert_eq!(read.get("late", "a number", whole_number).unwrap(), None);
        assert!(Parameters::of(None, &[]).is_ok());
        for text in ["", "+1", "-1", "1.0", " 1", "1e3", "١", "9223372036854775808"] {
            assert_eq!(whole_number(text), None, "{text}");
        }
    }
}
