//! No source file is longer than 400 lines.

use std::collections::BTreeSet;

use crate::architecture::modules::Sources;

const MAX_LINES: usize = 400;

/// The Rust and Python files that are too long.
pub(crate) fn violations(sources: &Sources) -> BTreeSet<String> {
    let is_code = |path: &str| path.ends_with(".rs") || path.ends_with(".py");
    let too_long = sources.iter().filter(|(path, text)| is_code(path) && text.lines().count() > MAX_LINES);
    too_long.map(|(path, _)| format!("{path} has more than {MAX_LINES} lines")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::rules::example;

    #[test]
    fn a_file_with_a_line_too_many_is_reported() {
        let lines = |count| "\n".repeat(count);
        let files = [
            ("a.rs", &*lines(400)),
            ("b.rs", &*lines(401)),
            ("c/d.py", &*lines(401)),
            ("e.md", &*lines(401)),
        ];
        let expected = ["b.rs has more than 400 lines", "c/d.py has more than 400 lines"];
        assert_eq!(violations(&example(&files)), expected.map(str::to_owned).into());
    }
}
