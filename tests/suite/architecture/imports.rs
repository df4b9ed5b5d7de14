//! The imports between files: `use` declarations and inline paths, followed through re-exports.

use std::collections::BTreeSet;

use super::modules::{ModulePath, Modules, Target};
use super::source_file::{Import, WrittenPath};

/// A path in a file that leads to another module of the workspace, or out of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arrow {
    /// The file with the path.
    pub(super) from: String,
    /// The module of that file.
    pub(super) module: ModulePath,
    /// The path as it is written.
    pub(super) path: String,
    /// The files that define the item.
    pub(super) files: BTreeSet<String>,
    /// The modules that the path passes, and those of `files`.
    pub(super) modules: BTreeSet<ModulePath>,
    /// The path outside of the workspace.
    pub(super) external: BTreeSet<Vec<String>>,
}

/// All paths that lead out of their files.
pub(super) fn arrows(modules: &Modules) -> BTreeSet<Arrow> {
    let mut arrows = BTreeSet::new();
    for (file, (module, contents)) in &modules.files {
        let mut add = |path: &WrittenPath, is_own_reexport: bool| {
            arrows.insert(arrow(modules, file, module, path, is_own_reexport));
        };
        for import in &contents.imports {
            let is_used_here = import.name.as_ref().is_some_and(|name| contents.words.contains(name));
            add(&import.path, is_reexport_of_child(modules, module, import) && !is_used_here);
        }
        contents.paths.iter().for_each(|path| add(path, false));
    }
    arrows
}

fn arrow(
    modules: &Modules,
    file: &str,
    module: &ModulePath,
    path: &WrittenPath,
    is_own_reexport: bool,
) -> Arrow {
    let resolution = modules.resolve(module, path);
    let mut arrow = Arrow {
        from: file.to_owned(),
        module: module.clone(),
        path: path.segments.join("::"),
        files: BTreeSet::new(),
        modules: resolution.passed,
        external: BTreeSet::new(),
    };
    for target in resolution.targets {
        match target {
            Target::Item(defining) => {
                arrow.modules.insert(modules.files[&defining].0.clone());
                if defining != file && !is_own_reexport {
                    arrow.files.insert(defining);
                }
            }
            // Whatever is used of a module is named by a path of its own.
            Target::Module(_) => {}
            Target::External(path) => {
                arrow.external.insert(path);
            }
        }
    }
    arrow
}

/// Whether the import re-exports an item of a module below `module`.
fn is_reexport_of_child(modules: &Modules, module: &ModulePath, import: &Import) -> bool {
    let resolution = modules.resolve(module, &import.path);
    import.is_reexport
        && resolution.targets.iter().all(|target| match target {
            Target::Item(file) => is_below(&modules.files[file].0, module),
            Target::Module(target) => is_below(target, module),
            Target::External(_) => false,
        })
}

fn is_below(module: &ModulePath, ancestor: &ModulePath) -> bool {
    module.len() > ancestor.len() && module.starts_with(ancestor)
}
