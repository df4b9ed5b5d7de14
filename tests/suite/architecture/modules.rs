//! The modules of the workspace's crates, and the files that their paths lead to.

use std::collections::{BTreeMap, BTreeSet};

use super::source_file::{Import, SourceFile, WrittenPath};

/// Paths of files, relative to the workspace root, and their text.
pub(super) type Sources = BTreeMap<String, String>;

/// A module: the name of its crate, then the names of the modules down to it.
pub(super) type ModulePath = Vec<String>;

/// The crates whose imports are checked: the name, and the file of the root module.
const CRATES: [(&str, &str); 4] = [
    ("payoutd", "src/lib.rs"),
    ("payoutd_actors", "actors/src/lib.rs"),
    ("payoutd_domain", "actors/domain/src/lib.rs"),
    (PROGRAM, "src/main.rs"),
];

/// The name of the program's own crate, which no path can begin with.
pub(super) const PROGRAM: &str = "the program";

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// An item that this file defines.
    Item(String),
    /// A module.
    Module(ModulePath),
    /// Something outside of the workspace: the path without renamed imports.
    External(Vec<String>),
}

/// What a path leads to, and the modules that it passes.
#[derive(Debug, Default)]
pub(super) struct Resolution {
    pub(super) targets: BTreeSet<Target>,
    pub(super) passed: BTreeSet<ModulePath>,
}

struct Module {
    file: String,
    children: BTreeSet<String>,
    items: BTreeSet<String>,
    imports: Vec<Import>,
}

/// All modules that are compiled outside of tests.
pub(super) struct Modules {
    modules: BTreeMap<ModulePath, Module>,
    /// The module and the contents of each file.
    pub(super) files: BTreeMap<String, (ModulePath, SourceFile)>,
    /// Declarations and files that the rules cannot follow.
    pub(super) unreadable: Vec<String>,
}

impl Modules {
    /// Reads the crates of `sources`. A crate whose root is missing has no modules.
    pub(super) fn read(sources: &Sources) -> Self {
        let mut modules = Self { modules: BTreeMap::new(), files: BTreeMap::new(), unreadable: Vec::new() };
        for (name, root) in CRATES {
            if sources.contains_key(root) {
                let directory = root.rsplit_once('/').map_or("", |(directory, _)| directory);
                modules.read_file(sources, root, directory, vec![name.to_owned()]);
            }
        }
        modules
    }

    fn read_file(&mut self, sources: &Sources, file: &str, directory: &str, path: ModulePath) {
        let contents = SourceFile::read(&sources[file]);
        if contents.hides_code {
            self.unreadable.push(format!("{file} uses #[path] or include!"));
        }
        for scope in std::iter::once(Vec::new()).chain(contents.inline_modules.iter().cloned()) {
            self.add_module(file, &path, &scope, &contents);
        }
        for (scope, name) in &contents.child_files {
            let directory =
                [&[directory.to_owned()], scope.as_slice(), std::slice::from_ref(name)].concat().join("/");
            let candidates = [format!("{directory}.rs"), format!("{directory}/mod.rs")];
            let child = [path.as_slice(), scope, std::slice::from_ref(name)].concat();
            match candidates.iter().find(|candidate| sources.contains_key(*candidate)) {
                Some(child_file) => self.read_file(sources, child_file, &directory, child),
                None => self.unreadable.push(format!("{file} declares {name}, which has no file")),
            }
        }
        self.files.insert(file.to_owned(), (path, contents));
    }

    fn add_module(&mut self, file: &str, path: &ModulePath, scope: &[String], contents: &SourceFile) {
        let files = contents.child_files.iter().filter(|(at, _)| at == scope).map(|(_, name)| name);
        let inline = contents.inline_modules.iter().filter_map(|module| {
            let (name, around) = module.split_last()?;
            (around == scope).then_some(name)
        });
        let items = contents.items.iter().filter(|(at, _)| at == scope).map(|(_, name)| name);
        let imports = contents.imports.iter().filter(|import| import.path.scope == scope);
        let module = Module {
            file: file.to_owned(),
            children: files.chain(inline).cloned().collect(),
            items: items.cloned().collect(),
            imports: imports.cloned().collect(),
        };
        self.modules.insert([path.as_slice(), scope].concat(), module);
    }

    /// Where `path`, written in the file of `module`, leads to.
    pub(super) fn resolve(&self, module: &ModulePath, path: &WrittenPath) -> Resolution {
        let mut resolution = Resolution::default();
        let from = [module.as_slice(), &path.scope].concat();
        self.resolve_from(&from, path.is_global, &path.segments, &mut Vec::new(), &mut resolution);
        resolution
    }

    fn resolve_from(
        &self,
        from: &[String],
        is_global: bool,
        segments: &[String],
        pending: &mut Vec<(ModulePath, usize)>,
        resolution: &mut Resolution,
    ) {
        let (first, rest) = segments.split_first().expect("a path has a segment");
        match first.as_str() {
            "crate" if !is_global => self.walk(&from[..1], rest, pending, resolution),
            "self" if !is_global => self.walk(from, rest, pending, resolution),
            "super" if !is_global => {
                let parent = &from[..from.len().saturating_sub(1).max(1)];
                if rest.first().is_some_and(|next| next == "super") {
                    self.resolve_from(parent, false, rest, pending, resolution);
                } else {
                    self.walk(parent, rest, pending, resolution);
                }
            }
            _ => {
                let is_local = !is_global && self.walk_name(from, first, rest, pending, resolution);
                if !is_local && self.modules.contains_key(std::slice::from_ref(first)) {
                    self.walk(std::slice::from_ref(first), rest, pending, resolution);
                } else if !is_local {
                    resolution.targets.insert(Target::External(segments.to_vec()));
                }
            }
        }
    }

    fn walk(
        &self,
        module: &[String],
        segments: &[String],
        pending: &mut Vec<(ModulePath, usize)>,
        resolution: &mut Resolution,
    ) {
        resolution.passed.insert(module.to_vec());
        let Some((name, rest)) = segments.split_first() else {
            resolution.targets.insert(Target::Module(module.to_vec()));
            return;
        };
        if !self.walk_name(module, name, rest, pending, resolution) {
            // An item that a macro defines, or a variant.
            let file = self.modules.get(module).map(|module| module.file.clone());
            resolution.targets.extend(file.map(Target::Item));
        }
    }

    /// Follows a name that `module` declares, defines or imports. Returns whether there is one.
    fn walk_name(
        &self,
        module: &[String],
        name: &String,
        rest: &[String],
        pending: &mut Vec<(ModulePath, usize)>,
        resolution: &mut Resolution,
    ) -> bool {
        let Some(contents) = self.modules.get(module) else { return false };
        let mut is_found = false;
        if contents.children.contains(name) {
            self.walk(&[module, std::slice::from_ref(name)].concat(), rest, pending, resolution);
            is_found = true;
        }
        if contents.items.contains(name) {
            resolution.targets.insert(Target::Item(contents.file.clone()));
            is_found = true;
        }
        for (at, import) in contents.imports.iter().enumerate() {
            // The path of an import does not begin with the name that this import adds.
            let visit = (module.to_vec(), at);
            if import.name.as_ref() == Some(name) && !pending.contains(&visit) {
                pending.push(visit);
                let path = [import.path.segments.as_slice(), rest].concat();
                self.resolve_from(module, import.path.is_global, &path, pending, resolution);
                pending.pop();
                is_found = true;
            }
        }
        is_found
    }
}
