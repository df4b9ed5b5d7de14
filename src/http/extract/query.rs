//! Query parameters. Unknown and duplicate ones are refused.

use payoutd_domain::Sequence;

use crate::http::response::problem::Problem;

/// The query parameters as pairs of name and value.
#[derive(Debug)]
pub(in crate::http) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Parses a query.
    ///
    /// # Errors
    /// Returns `validation_error` if a parameter is not in `known` or occurs more than once.
    pub(in crate::http) fn parse(query: Option<&str>, known: &[&str]) -> Result<Self, Problem> {
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

    /// Parses a parameter's value with `parse`. Returns `None` if the parameter is absent.
    ///
    /// # Errors
    /// Returns `validation_error` with the detail "must be `expected`" if `parse` returns `None`.
    pub(in crate::http) fn get<T>(
        &self,
        name: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some((_, text)) = self.0.iter().find(|(known, _)| known == name) else { return Ok(None) };
        let value =
            parse(text).ok_or_else(|| Problem::validation(name, format!("{name}: must be {expected}.")))?;
        Ok(Some(value))
    }
}

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 200;

/// The maximum page size: the parameter `limit`, or its default.
pub(in crate::http) fn page_limit(parameters: &Parameters) -> Result<u32, Problem> {
    let parse = |text: &str| {
        let limit = whole_number(text).and_then(|limit| u32::try_from(limit).ok());
        limit.filter(|limit| (1..=MAX_LIMIT).contains(limit))
    };
    let limit = parameters.get("limit", &format!("a whole number from 1 to {MAX_LIMIT}"), parse)?;
    Ok(limit.unwrap_or(DEFAULT_LIMIT))
}

/// The sequence of the last change that the client has seen, from the parameter `after_sequence`.
///
/// # Errors
/// Returns `validation_error` if it is not a number.
pub(in crate::http) fn after_sequence(parameters: &Parameters) -> Result<Option<Sequence>, Problem> {
    Ok(parameters.get("after_sequence", "a sequence: a whole number", whole_number)?.map(Sequence))
}

/// A number that consists of ASCII digits alone.
pub(in crate::http) fn whole_number(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_duplicate_parameters_are_refused() {
        let field = |query| {
            let parsed = Parameters::parse(Some(query), &["limit", "late"]);
            parsed.unwrap_err().field().map(str::to_owned)
        };
        assert_eq!(field("limit=1&page=2").as_deref(), Some("page"));
        assert_eq!(field("limit=1&late=true&limit=1").as_deref(), Some("limit"));
        assert_eq!(field("=1").as_deref(), Some(""));
        let parameters = Parameters::parse(Some("limit=%31&&"), &["limit", "late"]).unwrap();
        assert_eq!(parameters.get("limit", "a number", whole_number).unwrap(), Some(1));
        assert_eq!(parameters.get("late", "a number", whole_number).unwrap(), None);
        assert!(Parameters::parse(None, &[]).is_ok());
        for text in ["", "+1", "-1", "1.0", " 1", "1e3", "١", "9223372036854775808"] {
            assert_eq!(whole_number(text), None, "{text}");
        }
    }
}
