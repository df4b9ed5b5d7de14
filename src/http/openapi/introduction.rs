//! The introduction of the document.

use std::fmt::Write;

use crate::http::response::problem::Code;

const TEXT: &str = include_str!("introduction.md");

/// The text, followed by a table of all problem codes.
pub(super) fn text() -> String {
    let mut text = TEXT.to_owned();
    text.push_str("\n| status | code | what to do |\n|---|---|---|\n");
    for code in Code::ALL {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {} | `{code}` | {} |", code.status().as_u16(), code.remedy());
    }
    text
}
