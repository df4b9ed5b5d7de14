//! The tokens of a Rust source: without comments, without the text of literals, without test code.

/// A token of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// An identifier or a keyword.
    Word(String),
    /// `::`.
    PathSeparator,
    /// A string, a character, a number or a lifetime.
    Literal,
    /// Any other character.
    Symbol(char),
}

impl Token {
    /// Whether the token is this identifier or keyword.
    pub(super) fn is_word(&self, word: &str) -> bool {
        self.word() == Some(word)
    }

    /// The identifier or keyword.
    pub(super) fn word(&self) -> Option<&str> {
        match self {
            Token::Word(word) => Some(word),
            Token::PathSeparator | Token::Literal | Token::Symbol(_) => None,
        }
    }
}

/// The tokens of a source that are compiled outside of tests.
pub(super) fn compiled_tokens(source: &str) -> Vec<Token> {
    without_tests(&tokens(source))
}

/// All tokens of a source.
fn tokens(source: &str) -> Vec<Token> {
    let text: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&first) = text.get(at) {
        let rest = &text[at..];
        let (token, length) = match first {
            _ if first.is_whitespace() => (None, 1),
            '/' if rest.starts_with(&['/', '/']) => (None, line_length(rest)),
            '/' if rest.starts_with(&['/', '*']) => (None, block_comment_length(rest)),
            ':' if rest.starts_with(&[':', ':']) => (Some(Token::PathSeparator), 2),
            '"' => (Some(Token::Literal), string_length(rest)),
            '\'' => (Some(Token::Literal), quote_length(rest)),
            _ if first.is_ascii_digit() => (Some(Token::Literal), number_length(rest)),
            _ if is_word_start(first) => word(rest),
            _ => (Some(Token::Symbol(first)), 1),
        };
        tokens.extend(token);
        at += length;
    }
    tokens
}

fn is_word_start(character: char) -> bool {
    character == '_' || character.is_alphabetic()
}

fn is_word_part(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}

fn length_while(text: &[char], is_part: impl Fn(char) -> bool) -> usize {
    text.iter().take_while(|character| is_part(**character)).count()
}

fn line_length(text: &[char]) -> usize {
    length_while(text, |character| character != '\n')
}

fn block_comment_length(text: &[char]) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < text.len() {
        match &text[at..] {
            ['/', '*', ..] => (at, depth) = (at + 2, depth + 1),
            ['*', '/', ..] if depth == 1 => return at + 2,
            ['*', '/', ..] => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
    }
    at
}

/// The length of the string literal that `text` begins with.
fn string_length(text: &[char]) -> usize {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// The length of the raw string literal that `text` begins with, from its hashes on.
fn raw_string_length(text: &[char]) -> usize {
    let hashes = length_while(text, |character| character == '#');
    let mut at = hashes + 1;
    while at < text.len() {
        at += 1;
        if text[at - 1] == '"' && length_while(&text[at..], |character| character == '#') >= hashes {
            return at + hashes;
        }
    }
    text.len()
}

/// The length of the character literal or lifetime that `text` begins with.
fn quote_length(text: &[char]) -> usize {
    match text {
        [_, '\\', _, rest @ ..] => 4 + length_while(rest, |character| character != '\''),
        [_, _, '\'', ..] => 3,
        _ => 1 + length_while(&text[1..], is_word_part),
    }
}

fn number_length(text: &[char]) -> usize {
    let whole = length_while(text, is_word_part);
    match &text[whole..] {
        ['.', digit, ..] if digit.is_ascii_digit() => {
            whole + 1 + length_while(&text[whole + 1..], is_word_part)
        }
        _ => whole,
    }
}

/// The word, or the literal with a prefix, that `text` begins with.
fn word(text: &[char]) -> (Option<Token>, usize) {
    let length = length_while(text, is_word_part);
    let (name, rest) = text.split_at(length);
    let name: String = name.iter().collect();
    let hashes = length_while(rest, |character| character == '#');
    let is_raw_string = rest.get(hashes) == Some(&'"');
    match (name.as_str(), rest.first()) {
        ("b" | "c", Some('"')) => (Some(Token::Literal), length + string_length(rest)),
        ("b", Some('\'')) => (Some(Token::Literal), length + quote_length(rest)),
        ("r" | "br" | "cr", Some('"' | '#')) if is_raw_string => {
            (Some(Token::Literal), length + raw_string_length(rest))
        }
        ("r", Some('#')) => {
            let raw = length_while(&rest[1..], is_word_part);
            (Some(Token::Word(rest[1..=raw].iter().collect())), length + 1 + raw)
        }
        _ => (Some(Token::Word(name)), length),
    }
}

/// Removes each item, statement, field or variant with an attribute that compiles it for tests only.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match attribute(&tokens[at..]) {
            Some(Attribute { is_inner: true, is_test_only: true, .. }) => return Vec::new(),
            Some(Attribute { is_test_only: true, length, .. }) => {
                at += length;
                at += item_length(&tokens[at..]);
            }
            Some(Attribute { length, .. }) => {
                kept.extend_from_slice(&tokens[at..at + length]);
                at += length;
            }
            None => {
                kept.push(tokens[at].clone());
                at += 1;
            }
        }
    }
    kept
}

struct Attribute {
    length: usize,
    is_inner: bool,
    is_test_only: bool,
}

/// The attribute that `tokens` begins with.
fn attribute(tokens: &[Token]) -> Option<Attribute> {
    let is_inner = match tokens {
        [Token::Symbol('#'), Token::Symbol('['), ..] => false,
        [Token::Symbol('#'), Token::Symbol('!'), Token::Symbol('['), ..] => true,
        _ => return None,
    };
    let start = if is_inner { 2 } else { 1 };
    let length = start + group_length(&tokens[start..]);
    let content = &tokens[start + 1..length - 1];
    let is_test_only = match content {
        [name, ..] if name.is_word("test") => true,
        [name, Token::Symbol('('), condition @ .., Token::Symbol(')')] if name.is_word("cfg") => {
            requires_test(condition)
        }
        _ => false,
    };
    Some(Attribute { length, is_inner, is_test_only })
}

/// Whether a `cfg` condition holds in tests only: `test`, or `all(…)` with such a condition directly inside.
fn requires_test(condition: &[Token]) -> bool {
    match condition {
        [name] => name.is_word("test"),
        [name, Token::Symbol('('), parts @ .., Token::Symbol(')')] if name.is_word("all") => {
            split_at_commas(parts).into_iter().any(requires_test)
        }
        _ => false,
    }
}

fn split_at_commas(tokens: &[Token]) -> Vec<&[Token]> {
    let mut parts = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < tokens.len() {
        if tokens[at] == Token::Symbol(',') {
            parts.push(&tokens[start..at]);
            start = at + 1;
        }
        at += group_length(&tokens[at..]).max(1);
    }
    parts.push(&tokens[start..]);
    parts
}

/// The length of the group in brackets that `tokens` begins with; 0 if there is none.
pub(super) fn group_length(tokens: &[Token]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Symbol('(' | '[' | '{') => depth += 1,
            Token::Symbol(')' | ']' | '}') => depth = depth.saturating_sub(1),
            Token::Word(_) | Token::PathSeparator | Token::Literal | Token::Symbol(_) => {}
        }
        if depth == 0 {
            return if at == 0 { 0 } else { at + 1 };
        }
    }
    tokens.len()
}

/// The length of the item, statement, field or variant that `tokens` begins with, with its attributes.
fn item_length(tokens: &[Token]) -> usize {
    let mut at = 0;
    while let Some(attribute) = attribute(&tokens[at..]) {
        at += attribute.length;
    }
    let keyword = item_keyword(&tokens[at..]);
    let is_item = keyword.is_some();
    let ends_with_semicolon = matches!(keyword, Some("use" | "let" | "static" | "const" | "type"));
    while at < tokens.len() {
        match tokens[at] {
            Token::Symbol(';') => return at + 1,
            Token::Symbol(',') if !is_item => return at + 1,
            Token::Symbol(')' | ']' | '}') => return at,
            Token::Symbol('{') => {
                at += group_length(&tokens[at..]);
                if !ends_with_semicolon {
                    return at + usize::from(!is_item && tokens.get(at) == Some(&Token::Symbol(',')));
                }
            }
            Token::Word(_) | Token::PathSeparator | Token::Literal | Token::Symbol(_) => {
                at += group_length(&tokens[at..]).max(1);
            }
        }
    }
    at
}

/// The keyword that tells the kind of the item that `tokens` begins with; none for fields, variants and expressions.
fn item_keyword(tokens: &[Token]) -> Option<&str> {
    let start = match tokens {
        [first, rest @ ..] if first.is_word("pub") => 1 + group_length(rest),
        _ => 0,
    };
    let leading: Vec<&str> = tokens[start..].iter().map_while(Token::word).collect();
    let keywords = ["fn", "mod", "impl", "struct", "enum", "trait", "use", "static", "const", "type", "let"];
    keywords.into_iter().find(|keyword| leading.contains(keyword))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> Vec<String> {
        compiled_tokens(source).iter().filter_map(Token::word).map(str::to_owned).collect()
    }

    #[test]
    fn comments_and_literals_have_no_words() {
        let source = r###"
            // use line;
            /* use outer; /* use inner; */ use still; */
            let a = "use string \" use more";
            let b = r#"use raw " use more"#;
            let c = b"use bytes";
            let d: &'static str = br"use raw_bytes \";
            let e = ('"', '\'', '\u{1F}', b'"', 'x');
            let f = 1.5e3..2;
            r#use::after
        "###;
        let expected =
            ["let", "a", "let", "b", "let", "c", "let", "d", "str", "let", "e", "let", "f", "use", "after"];
        assert_eq!(words(source), expected);
    }

    #[test]
    fn test_code_is_removed() {
        for (source, expected) in [
            ("#[cfg(test)] mod tests { use a::b; } use c;", vec!["use", "c"]),
            ("#[cfg(test)] #[allow(x)] pub(crate) mod tests; use c;", vec!["use", "c"]),
            ("#[cfg(test)] use a::{b, c}; use d;", vec!["use", "d"]),
            ("#[cfg(test)] fn f<A, B>(a: A, b: B) -> X where A: Y { z } use c;", vec!["use", "c"]),
            ("#[cfg(all(feature = \"x\", test))] impl A for B { c } use d;", vec!["use", "d"]),
            ("struct A { #[cfg(test)] b: B, c: C }", vec!["struct", "A", "c", "C"]),
            ("struct A { c: C, #[cfg(test)] pub b: B }", vec!["struct", "A", "c", "C"]),
            ("fn f() { #[cfg(test)] let a = B { c }; d }", vec!["fn", "f", "d"]),
            ("#[cfg(any(test, fuzzing))] mod a;", vec!["cfg", "any", "test", "fuzzing", "mod", "a"]),
            ("#[cfg(not(test))] mod a;", vec!["cfg", "not", "test", "mod", "a"]),
            ("#[test] fn a() { b } use c;", vec!["use", "c"]),
            ("#![cfg(test)] use a;", vec![]),
        ] {
            assert_eq!(words(source), expected, "{source}");
        }
    }
}
