//! The tests that `RELIABILITY.md` and the planted bugs name exist.

use std::collections::BTreeSet;

use crate::architecture::modules::Sources;

/// Names of tests in code spans of `RELIABILITY.md`, and in the line `Expects` of planted bugs, without a function.
pub(crate) fn violations(sources: &Sources) -> BTreeSet<String> {
    let functions: BTreeSet<&str> = sources
        .iter()
        .filter(|(path, _)| path.ends_with(".rs"))
        .flat_map(|(_, source)| source.split("fn ").skip(1))
        .filter_map(|rest| rest.split(|c| !is_word(c)).next())
        .collect();
    let mut violations = BTreeSet::new();
    for (path, text) in sources {
        for name in named_tests(path, text).filter(|name| !functions.contains(name)) {
            violations.insert(format!("{path} names {name}, which does not exist"));
        }
    }
    violations
}

fn named_tests<'a>(path: &str, text: &'a str) -> Box<dyn Iterator<Item = &'a str> + 'a> {
    if path == "RELIABILITY.md" {
        // Every second part is inside a code span.
        Box::new(text.split('`').skip(1).step_by(2).filter(|span| is_test_name(span)))
    } else if path.starts_with("tests/planted/") {
        let expects = text.lines().filter_map(|line| line.strip_prefix("Expects: "));
        Box::new(expects.flat_map(|line| line.split('|')).filter(|name| is_test_name(name)))
    } else {
        Box::new(std::iter::empty())
    }
}

/// Whether this is a statement in snake case of at least three words, as the names of tests are.
fn is_test_name(text: &str) -> bool {
    text.chars().all(|c| is_word(c) && !c.is_ascii_uppercase())
        && text.split('_').filter(|w| !w.is_empty()).count() > 2
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::rules::example;

    #[test]
    fn names_of_missing_tests_are_reported() {
        let sources = example(&[
            ("a.rs", "fn a_test_that_exists() {}"),
            ("RELIABILITY.md", "`a_test_that_exists` (`a.rs`), `a_test_that_is_gone`"),
            ("tests/planted/1.patch", "Expects: I5:|a_test_that_was_renamed|in_order\n+a_line_of_code"),
        ]);
        let expected = [
            "RELIABILITY.md names a_test_that_is_gone, which does not exist",
            "tests/planted/1.patch names a_test_that_was_renamed, which does not exist",
        ];
        assert_eq!(violations(&sources), expected.map(str::to_owned).into());
    }
}
