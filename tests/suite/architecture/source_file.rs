//! What one source file declares, imports and names.

use std::collections::BTreeSet;

use super::tokens::{Token, compiled_tokens, group_length};

/// A path as it is written, split at `::`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WrittenPath {
    /// The inline modules of the file around the path.
    pub(super) scope: Vec<String>,
    /// Whether the path begins with `::`.
    pub(super) is_global: bool,
    pub(super) segments: Vec<String>,
}

/// One leaf of the tree of a `use` declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) path: WrittenPath,
    /// The name that the import adds to its module; `None` for `*`.
    pub(super) name: Option<String>,
    /// Whether the import is a re-export (`pub use`, `pub(crate) use` and so on).
    pub(super) is_reexport: bool,
}

/// The contents of a file. Test code is left out.
#[derive(Debug, Default)]
pub(super) struct SourceFile {
    /// `mod name;` declarations: the scope and the name.
    pub(super) child_files: Vec<(Vec<String>, String)>,
    /// Inline modules, each with its scope and its own name.
    pub(super) inline_modules: Vec<Vec<String>>,
    pub(super) imports: Vec<Import>,
    /// Paths with at least two segments outside of `use` declarations.
    pub(super) paths: Vec<WrittenPath>,
    /// Items at the level of a module: the scope and the name.
    pub(super) items: BTreeSet<(Vec<String>, String)>,
    /// All identifiers outside of `use` declarations, except the names of definitions, fields and methods.
    pub(super) words: BTreeSet<String>,
    /// Whether the file contains `#[path = …]` or `include!`, with which code hides from these tests.
    pub(super) hides_code: bool,
}

impl SourceFile {
    pub(super) fn read(source: &str) -> Self {
        let mut reader = Reader {
            tokens: &compiled_tokens(source),
            at: 0,
            depth: 0,
            scopes: Vec::new(),
            is_public: false,
            file: Self::default(),
        };
        while reader.at < reader.tokens.len() {
            reader.step();
        }
        reader.file
    }
}

/// The keywords after which `::` begins a path.
const KEYWORDS_BEFORE_PATHS: [&str; 12] =
    ["return", "in", "else", "match", "if", "while", "as", "dyn", "impl", "for", "mut", "break"];

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
    /// The inline modules around the current token, each with the depth of its content.
    scopes: Vec<(String, usize)>,
    /// Whether the previous tokens were a visibility.
    is_public: bool,
    file: SourceFile,
}

impl Reader<'_> {
    fn step(&mut self) {
        let is_public = std::mem::take(&mut self.is_public);
        match &self.tokens[self.at..] {
            [Token::Symbol('{'), ..] => self.depth += 1,
            [Token::Symbol('}'), ..] => {
                self.depth = self.depth.saturating_sub(1);
                self.scopes.retain(|(_, depth)| *depth <= self.depth);
            }
            [Token::Symbol('#'), Token::Symbol('['), name, Token::Symbol('='), ..]
                if name.is_word("path") =>
            {
                self.file.hides_code = true;
            }
            [Token::PathSeparator, Token::Word(_), ..] if self.is_global_path_start() => {
                self.at += 1;
                return self.path(true);
            }
            [Token::Word(word), rest @ ..] => return self.word(word, rest, is_public),
            _ => {}
        }
        self.at += 1;
    }

    fn word(&mut self, word: &str, rest: &[Token], is_public: bool) {
        match (word, rest) {
            ("pub", _) => {
                self.at += 1 + group_length(rest);
                self.is_public = true;
            }
            ("use", [next, ..]) if *next != Token::Symbol('<') => self.use_declaration(is_public),
            ("extern", [next, Token::Word(name), ..]) if next.is_word("crate") => {
                let path = WrittenPath { scope: self.scope(), is_global: true, segments: vec![name.clone()] };
                self.file.imports.push(Import { path, name: Some(name.clone()), is_reexport: is_public });
                self.at += 3;
            }
            ("include", [Token::Symbol('!'), ..]) => {
                self.file.hides_code = true;
                self.at += 1;
            }
            ("mod", [Token::Word(name), Token::Symbol(';'), ..]) => {
                self.file.child_files.push((self.scope(), name.clone()));
                self.at += 3;
            }
            ("mod", [Token::Word(name), Token::Symbol('{'), ..]) => {
                self.depth += 1;
                self.scopes.push((name.clone(), self.depth));
                self.file.inline_modules.push(self.scope());
                self.at += 3;
            }
            ("macro_rules", [Token::Symbol('!'), Token::Word(name), ..]) => {
                self.definition(name);
                self.at += 3;
            }
            (
                "struct" | "enum" | "union" | "trait" | "type" | "const" | "static" | "fn",
                [Token::Word(name), ..],
            ) if name != "fn" => {
                self.definition(name);
                self.at += 2;
            }
            (_, [Token::PathSeparator, Token::Word(_), ..]) if self.is_path_start() => self.path(false),
            _ => {
                self.mention(word, rest);
                self.at += 1;
            }
        }
    }

    fn scope(&self) -> Vec<String> {
        self.scopes.iter().map(|(name, _)| name.clone()).collect()
    }

    fn definition(&mut self, name: &str) {
        let module_depth = self.scopes.last().map_or(0, |(_, depth)| *depth);
        if self.depth == module_depth {
            self.file.items.insert((self.scope(), name.to_owned()));
        }
    }

    /// Whether the word at the current token begins a path: it is neither a later segment nor a field or method.
    fn is_path_start(&self) -> bool {
        !matches!(self.tokens[..self.at], [.., Token::PathSeparator | Token::Symbol('.')])
    }

    /// Whether the `::` at the current token begins a path: no path ends right before it.
    fn is_global_path_start(&self) -> bool {
        match &self.tokens[..self.at] {
            [.., Token::Symbol('-' | '='), Token::Symbol('>')] => true,
            [.., Token::Symbol('>')] => false,
            [.., Token::Word(word)] => KEYWORDS_BEFORE_PATHS.contains(&word.as_str()),
            _ => true,
        }
    }

    fn path(&mut self, is_global: bool) {
        let mut segments = Vec::new();
        while let Some(word) = self.tokens.get(self.at).and_then(Token::word) {
            segments.push(word.to_owned());
            self.at += 1;
            match &self.tokens[self.at..] {
                [Token::PathSeparator, Token::Word(_), ..] => self.at += 1,
                _ => break,
            }
        }
        self.file.words.insert(segments[0].clone());
        self.file.paths.push(WrittenPath { scope: self.scope(), is_global, segments });
    }

    /// Records a word that is neither part of a path nor a definition, unless it names a field, a method or a parameter.
    fn mention(&mut self, word: &str, rest: &[Token]) {
        let before = self.at.checked_sub(1).map(|before| &self.tokens[before]);
        let is_member = matches!(before, Some(Token::Symbol('.') | Token::PathSeparator));
        let is_field = rest.first() == Some(&Token::Symbol(':')) && word.starts_with(char::is_lowercase);
        if !is_member && !is_field {
            self.file.words.insert(word.to_owned());
        }
    }

    fn use_declaration(&mut self, is_reexport: bool) {
        self.at += 1;
        let is_global = self.skip(&Token::PathSeparator);
        let start = WrittenPath { scope: self.scope(), is_global, segments: Vec::new() };
        self.use_tree(start, is_reexport);
    }

    /// Reads one tree of a `use` declaration after the segments of `prefix`.
    fn use_tree(&mut self, mut prefix: WrittenPath, is_reexport: bool) {
        while let Some(token) = self.tokens.get(self.at) {
            self.at += 1;
            match token {
                Token::Word(word) => prefix.segments.push(word.clone()),
                Token::PathSeparator | Token::Symbol('$') => continue,
                Token::Symbol('*') => {
                    self.file.imports.push(Import { path: prefix, name: None, is_reexport });
                    return;
                }
                Token::Symbol('{') => {
                    while !self.skip(&Token::Symbol('}')) && self.at < self.tokens.len() {
                        self.use_tree(prefix.clone(), is_reexport);
                        self.skip(&Token::Symbol(','));
                    }
                    return;
                }
                Token::Literal | Token::Symbol(_) => return,
            }
            if self.tokens.get(self.at) != Some(&Token::PathSeparator) {
                return self.use_leaf(prefix, is_reexport);
            }
        }
    }

    fn use_leaf(&mut self, mut path: WrittenPath, is_reexport: bool) {
        if path.segments.len() > 1 && path.segments.last().is_some_and(|last| last == "self") {
            path.segments.pop();
        }
        let mut name = path.segments.last().cloned();
        if let [alias, Token::Word(new_name), ..] = &self.tokens[self.at..]
            && alias.is_word("as")
        {
            name = Some(new_name.clone());
            self.at += 2;
        }
        self.file.imports.push(Import { path, name, is_reexport });
    }

    fn skip(&mut self, token: &Token) -> bool {
        let is_next = self.tokens.get(self.at) == Some(token);
        self.at += usize::from(is_next);
        is_next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(source: &str) -> Vec<String> {
        let shown = |import: &Import| {
            let path = import.path.segments.join("::");
            format!("{path} as {}", import.name.as_deref().unwrap_or("*"))
        };
        SourceFile::read(source).imports.iter().map(shown).collect()
    }

    fn paths(source: &str) -> Vec<String> {
        SourceFile::read(source).paths.iter().map(|path| path.segments.join("::")).collect()
    }

    #[test]
    fn every_leaf_of_a_use_tree_is_an_import() {
        let source = "
            use crate::{a::{b, c::{self, d as e}}, /* x, */ f::*,
                g};
            pub(in crate::y) use self::h;
            fn z() { use super::i; }
        ";
        let expected = [
            "crate::a::b as b",
            "crate::a::c as c",
            "crate::a::c::d as e",
            "crate::f as *",
            "crate::g as g",
            "self::h as h",
            "super::i as i",
        ];
        assert_eq!(imports(source), expected);
        assert!(SourceFile::read(source).imports[5].is_reexport);
    }

    #[test]
    fn inline_paths_are_found_in_types_expressions_and_macros() {
        let source = "
            fn f(a: &crate::a::B, c: <D as e::F>::G) -> impl h::I + use<'_> {
                j!(k::l::<m::N>::o(p, ::q::r));
                if x > s::T { u.v::<W>() }
                $crate::y::z
            }
        ";
        let expected = ["crate::a::B", "e::F", "h::I", "k::l", "m::N", "q::r", "s::T", "crate::y::z"];
        assert_eq!(paths(source), expected);
    }

    #[test]
    fn modules_and_items_have_a_scope() {
        let file = SourceFile::read("mod a; mod b { mod c; struct D; impl D { fn e() {} } } fn f() {}");
        let scoped = |scope: &[&str], name: &str| {
            (scope.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>(), name.to_owned())
        };
        assert_eq!(file.child_files, [scoped(&[], "a"), scoped(&["b"], "c")]);
        assert_eq!(file.items, BTreeSet::from([scoped(&["b"], "D"), scoped(&[], "f")]));
    }
}
